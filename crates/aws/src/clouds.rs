//! All of AWS that one set of credentials reaches.

use std::sync::{Arc, OnceLock};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use ebskeep_core::cloud::{CloudError, Clouds, Identity, Role};
use ebskeep_core::id::{AccountId, Place, Region};

use crate::Ec2;
use crate::call::Caller;
use crate::endpoint::Variant;
use crate::role::Roles;
use crate::wire::{request, response};

/// AWS, by one set of credentials. A clone shares connections, credentials and
/// what was learned of them.
#[derive(Clone, Debug)]
pub struct Aws {
    caller: Arc<Caller>,
    region: Option<Region>,
    /// The account of the credentials, once [`Clouds::identity`] told it.
    account: Arc<OnceLock<AccountId>>,
    roles: Arc<Roles>,
}

impl Aws {
    pub(crate) fn new(caller: Caller, region: Option<Region>) -> Self {
        Self { caller: Arc::new(caller), region, account: Arc::default(), roles: Arc::default() }
    }

    /// The Region of the options, or else of the standard chain.
    pub fn default_region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// The same, with another clock for the dates of signatures: for tests that
    /// compare signatures.
    #[must_use]
    pub fn signing_at(self, clock: impl TimeSource + 'static) -> Self {
        let caller = Caller { clock: SharedTimeSource::new(clock), ..Caller::clone(&self.caller) };
        Self { caller: Arc::new(caller), roles: Arc::default(), ..self }
    }

    /// The same, at another variant of all endpoints: for tests that compare
    /// requests without an environment of their own.
    #[must_use]
    pub fn at_endpoints(self, variant: Variant) -> Self {
        let caller = Caller { ec2: variant.clone(), sts: variant, ..Caller::clone(&self.caller) };
        Self { caller: Arc::new(caller), roles: Arc::default(), ..self }
    }

    /// Where to ask what can be asked anywhere.
    fn anywhere(&self) -> Region {
        self.region.clone().unwrap_or_else(|| Region::new("us-east-1"))
    }
}

impl Clouds for Aws {
    type Cloud = Ec2;

    async fn identity(&self) -> Result<Identity, CloudError> {
        let call = request::get_caller_identity();
        let identity = self.caller.send(&call, &self.anywhere()).await?.read(&call, response::identity)?;
        let _ = self.account.set(identity.account.clone());
        Ok(identity)
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        let call = request::describe_regions();
        self.caller.send(&call, &self.anywhere()).await?.read(&call, response::regions)
    }

    fn at(&self, place: &Place) -> Ec2 {
        Ec2::new(Arc::clone(&self.caller), place.clone(), Arc::clone(&self.account))
    }

    fn through(&self, place: &Place, role: &Role) -> Ec2 {
        let caller = self.roles.caller(&self.caller, &self.anywhere(), place, role);
        // The role's ARN says so, and its session is refused if it is of another.
        Ec2::new(caller, place.clone(), Arc::new(OnceLock::from(place.account.clone())))
    }
}
