//! From the machine's configuration to an [`Aws`]: the standard chain, loaded
//! once.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use ebskeep_core::id::Region;

use crate::Aws;
use crate::call::Caller;
use crate::credentials::{CHAIN, ENVIRONMENT, Remembered};
use crate::endpoint::{self, EndpointError, Service, Variant};
use crate::environment::Environment;
use crate::transport::TrustError;
use crate::transport::network::Network;
use crate::transport::trust::Trust;

/// What the caller may decide; what is `None` comes from the standard chain.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The profile of the shared configuration files (`--profile`). Credentials
    /// are then this profile's and nobody else's.
    pub profile: Option<String>,
    /// The first or only Region, if the caller names one.
    pub region: Option<Region>,
    /// `--endpoint-url`: for EC2 and STS alike.
    pub endpoint_url: Option<String>,
    /// What to add to the user agent, such as `lambda`.
    pub user_agent_extra: Option<String>,
}

/// Why there is no way to AWS at all. That there are no credentials shows at
/// the first call instead.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `AWS_CA_BUNDLE` cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The Region or the endpoint URL cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Loads the standard chain: environment, shared configuration files, SSO,
/// roles, containers, instance. Reads `AWS_ENDPOINT_URL`,
/// `AWS_ENDPOINT_URL_EC2`, `AWS_ENDPOINT_URL_STS`, `AWS_USE_FIPS_ENDPOINT`,
/// `AWS_USE_DUALSTACK_ENDPOINT` and the profile's equivalents. Makes no call to
/// EC2 or STS.
pub async fn connect(options: Options) -> Result<Aws, ConnectError> {
    let network = Network::new(Trust::from_env()?);
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(network.clone())
        // For what finds credentials; calls to EC2 do not go through the SDK.
        .retry_config(RetryConfig::standard());
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(aws_types::region::Region::new(region.to_string()));
    }
    let sdk = loader.load().await;

    let ec2 = variant(&sdk, "EC2", &options);
    let sts = variant(&sdk, "STS", &options);
    let region = sdk.region().map(|region| Region::new(region.as_ref()));
    probe(region.as_ref(), &ec2, &sts)?;

    let credentials = Arc::new(match (&options.profile, sdk.credentials_provider()) {
        (Some(profile), _) => Remembered::new(of_profile(profile, &sdk, network.clone()), CHAIN),
        (None, Some(provider)) => Remembered::new(provider, CHAIN),
        (None, None) => Remembered::new(Nobody, CHAIN),
    });
    let user_agent = user_agent(options.user_agent_extra.as_deref());
    let clock = SharedTimeSource::default();
    Ok(Aws::new(Caller { http: network.connector(), credentials, ec2, sts, user_agent, clock }, region))
}

/// The way to AWS of a program that has nothing but its environment, such as a
/// function: keys, Region and endpoints are what its variables say. Keys that are not there
/// are asked for where `AWS_CONTAINER_CREDENTIALS_FULL_URI` says, as Lambda has it
/// with `SnapStart`, or `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, as ECS has it; nothing
/// else is looked for, nor linked into a program that calls this alone. Reads
/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, those of
/// a container's credentials and the variables of [`connect`]; makes no call.
pub fn connect_from_env(user_agent_extra: &str) -> Result<Aws, ConnectError> {
    let network = Network::new(Trust::from_env()?);
    let Environment { region, ec2, sts } = Environment::read(|name| std::env::var(name).ok());
    probe(region.as_ref(), &ec2, &sts)?;
    let container = EcsCredentialsProvider::builder()
        .configure(&ProviderConfig::without_region().with_http_client(network.clone()))
        .build();
    let credentials = CredentialsProviderChain::first_try("variables", EnvironmentVariableCredentialsProvider::new())
        .or_else("container", container);
    let credentials = Arc::new(Remembered::new(credentials, ENVIRONMENT));
    let user_agent = user_agent(Some(user_agent_extra));
    let clock = SharedTimeSource::default();
    Ok(Aws::new(Caller { http: network.connector(), credentials, ec2, sts, user_agent, clock }, region))
}

/// What cannot work is said before the first call.
fn probe(region: Option<&Region>, ec2: &Variant, sts: &Variant) -> Result<(), EndpointError> {
    let region = region.cloned().unwrap_or_else(|| Region::new("us-east-1"));
    endpoint::resolve(Service::Ec2, &region, ec2)?;
    endpoint::resolve(Service::Sts, &region, sts)?;
    Ok(())
}

/// An [`Aws`] over an HTTP transport of the caller's, such as
/// [`crate::transport::InProcess`], with credentials of the caller's. Reads
/// nothing of the machine; `profile` in the options means nothing here.
///
/// Nothing can fail and nothing is awaited today; that it is async leaves room
/// for credentials that must be asked for.
pub async fn connect_through(
    http: impl HttpConnector + 'static,
    credentials: impl ProvideCredentials + 'static,
    options: Options,
) -> Aws {
    let Options { profile: _, region, endpoint_url, user_agent_extra } = options;
    let variant = Variant { custom: endpoint_url, ..Variant::default() };
    let caller = Caller {
        http: SharedHttpConnector::new(http),
        credentials: Arc::new(Remembered::new(credentials, CHAIN)),
        ec2: variant.clone(),
        sts: variant,
        user_agent: user_agent(user_agent_extra.as_deref()),
        clock: SharedTimeSource::default(),
    };
    Aws::new(caller, region)
}

/// The credentials of one profile alone. The standard chain would prefer keys
/// in the environment even to a profile that was named, and fall back to the
/// machine's role if its name is misspelt: another account than the one meant.
/// The AWS CLI does neither.
fn of_profile(profile: &str, sdk: &SdkConfig, network: Network) -> ProfileFileCredentialsProvider {
    let config = ProviderConfig::without_region()
        .with_region(sdk.region().cloned())
        .with_use_fips(sdk.use_fips())
        .with_use_dual_stack(sdk.use_dual_stack())
        .with_http_client(network);
    ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build()
}

/// A service's endpoint settings. The caller's URL comes first, then the
/// service's own (`AWS_ENDPOINT_URL_EC2`, or `endpoint_url` in the `ec2` part
/// of a profile's `services`), then the one for all services.
fn variant(sdk: &SdkConfig, service: &str, options: &Options) -> Variant {
    let own = || {
        let key = ServiceConfigKey::builder()
            .service_id(service)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        sdk.service_config()?.load_config(key)
    };
    let all = || sdk.endpoint_url().map(str::to_owned);
    Variant {
        fips: sdk.use_fips().unwrap_or(false),
        dual_stack: sdk.use_dual_stack().unwrap_or(false),
        custom: options.endpoint_url.clone().or_else(own).or_else(all),
    }
}

/// What we call ourselves, in characters a header takes.
fn user_agent(extra: Option<&str>) -> String {
    let mut name = concat!("ebskeep/", env!("CARGO_PKG_VERSION")).to_owned();
    if let Some(extra) = extra {
        name.push(' ');
        name.extend(extra.chars().filter(|c| c.is_ascii_graphic() || *c == ' '));
    }
    name
}

/// No source of credentials at all.
#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(
            aws_credential_types::provider::error::CredentialsError::not_loaded_no_source(),
        ))
    }
}
