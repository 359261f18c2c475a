//! Sessions in roles of other accounts, begun when a call first needs one.
//!
//! The call is our own, not the SDK's: so it goes where our other calls go
//! (endpoints, proxies, transports of the caller's), is signed at the same
//! clock, is one attempt, and says AWS's code where it fails.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use ebskeep_core::cloud::{CloudError, ErrorKind, Role};
use ebskeep_core::id::{AccountId, Place, Region};
use smol_str::SmolStr;

use crate::call::Caller;
use crate::credentials::Remembered;
use crate::endpoint::partition_of;
use crate::wire::request;
use crate::wire::response::{self, Assumed};

/// What begins a session.
pub(crate) const ASSUME_ROLE: &str = "AssumeRole";

/// A role, and who may ask for sessions in it.
#[derive(Debug)]
pub(crate) struct Session {
    /// In whose name it is asked for.
    caller: Arc<Caller>,
    /// Whose STS is asked.
    region: Region,
    account: AccountId,
    arn: String,
    external_id: Option<SmolStr>,
}

impl Session {
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// Begins one. Boxed, because a call asks for credentials and this is a
    /// call.
    pub(crate) fn begin(&self) -> Pin<Box<dyn Future<Output = Result<Credentials, CloudError>> + Send + '_>> {
        Box::pin(async {
            let call = request::assume_role(&self.arn, self.external_id.as_deref());
            let answer = self.caller.send(&call, &self.region).await?;
            let Assumed { credentials, arn } = answer.read(&call, response::assumed_role)?;
            // What a call does, it does in that account.
            if arn.split(':').nth(4) != Some(self.account.as_str()) {
                let what = format!("the session is {arn}, which is not of account {}", self.account);
                return Err(call.failed(ErrorKind::Denied, what));
            }
            Ok(credentials)
        })
    }
}

/// The roles that were asked for, each with its calls: one session serves all
/// Regions.
#[derive(Default)]
pub(crate) struct Roles(Mutex<BTreeMap<Wanted, Arc<Caller>>>);

/// A role's ARN, and the external id to show.
type Wanted = (String, Option<SmolStr>);

impl Roles {
    /// What makes calls in a role. Makes none itself.
    ///
    /// `home` is where the caller's own credentials are known to serve. Its STS
    /// is asked, for a Region in which the other account is at home need not be
    /// enabled for ours; only another partition has an STS of its own.
    pub(crate) fn caller(&self, caller: &Arc<Caller>, home: &Region, place: &Place, role: &Role) -> Arc<Caller> {
        let partition = partition_of(&place.region);
        let arn = format!("arn:{partition}:iam::{}:role/{}", place.account, role.name.trim_start_matches('/'));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry((arn.clone(), role.external_id.clone())).or_insert_with(|| {
            let region = if partition_of(home) == partition { home } else { &place.region };
            let session = Session {
                caller: Arc::clone(caller),
                region: region.clone(),
                account: place.account.clone(),
                arn,
                external_id: role.external_id.clone(),
            };
            Arc::new(Caller { credentials: Arc::new(Remembered::of_role(session)), ..Caller::clone(caller) })
        });
        Arc::clone(known)
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Roles")
    }
}
