//! From the environment to an [`Aws`]: the standard chain, loaded once.

use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use ebskeep_core::id::Region;

use crate::Aws;

/// What the caller may decide; what is `None` comes from the standard chain.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The profile of the shared configuration files (`--profile`).
    pub profile: Option<String>,
    /// The first or only Region, if the caller names one.
    pub region: Option<Region>,
    /// `--endpoint-url`: for EC2 and STS alike.
    pub endpoint_url: Option<String>,
    /// What to add to the user agent, such as `ebskeep-lambda`.
    pub user_agent_extra: Option<String>,
}

/// Why there is no way to AWS at all. That there are no credentials shows at
/// the first call instead.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
}

/// Loads the standard chain once.
pub async fn connect(options: Options) -> Result<Aws, ConnectError> {
    todo!()
}

/// An [`Aws`] over an HTTP transport of the caller's, with credentials of the
/// caller's. Reads nothing of the machine.
pub async fn connect_through(
    http: SharedHttpClient,
    credentials: impl ProvideCredentials + 'static,
    options: Options,
) -> Aws {
    todo!()
}
