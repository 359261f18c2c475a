//! What to do about a call that failed, by the class of its error.
//!
//! Reads AWS's own words where they name the denied action or the policy that
//! forbids it. Knows nothing of plans, and of what an action does about a failure.

use crate::cloud::{CloudError, ErrorKind};
use crate::report::words;

/// Who makes calls, where it is not known which account's role that is.
const CALLER: &str = "the role or user that ebskeep uses";

/// What to do about a listing that this error ended.
pub(crate) fn for_listing(error: &CloudError) -> String {
    if let Some(refused) = for_refusal(error, CALLER) {
        return refused;
    }
    match error.kind {
        ErrorKind::Throttled => "other calls in this account use up EC2's request rate: run again later, and lower \
                                 api-share if ebskeep itself is the cause"
            .to_owned(),
        ErrorKind::Unavailable | ErrorKind::Unknown if error.code.is_none() => {
            "check the network between this machine and AWS (proxy, DNS, VPN), and run again".to_owned()
        }
        ErrorKind::Unavailable | ErrorKind::Unknown | ErrorKind::ConcurrencyLimit | ErrorKind::PerVolumeRate => {
            "AWS could not serve the call: run again later".to_owned()
        }
        ErrorKind::Denied => "fix what the message names, and run again".to_owned(),
        ErrorKind::Stopped => "run again".to_owned(),
        ErrorKind::NotFound | ErrorKind::InUse | ErrorKind::Quota | ErrorKind::Invalid | ErrorKind::Other => {
            "run again; if AWS refuses it again, report it with this message".to_owned()
        }
    }
}

/// What to do where AWS refused a call for lack of a permission, for its
/// credentials, or for the state of the account or Region. `None` if the error
/// is of another class. `caller` is whoever made the call.
pub fn for_refusal(error: &CloudError, caller: &str) -> Option<String> {
    let message = words(error);
    let denial = Denial::read(&message);
    let may_be_a_denial = matches!(error.kind, ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Other);
    if may_be_a_denial && denial.is_explicit() {
        return Some(denial.remedy(error, caller));
    }
    if let Some(known) = error.code.as_deref().and_then(by_code) {
        return Some(known.to_owned());
    }
    match error.kind {
        ErrorKind::Denied if error.code.is_some() => Some(denial.remedy(error, caller)),
        // Services behind EC2, KMS above all, are refused under codes of their own.
        ErrorKind::Invalid | ErrorKind::Other if denial.action.is_some() => Some(denial.remedy(error, caller)),
        _ => None,
    }
}

/// Codes whose cause is not a missing permission.
fn by_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "OptInRequired" | "RegionDisabledException" => "enable this Region for the account, or leave it out",
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            "renew the credentials; if they are new, set this machine's clock"
        }
        "AuthFailure"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => {
            "check the credentials with `aws sts get-caller-identity`, renew them if they are not valid, and make sure \
             that the Region is enabled for the account"
        }
        "PendingVerification" => "AWS is still verifying this account: run again later, or contact AWS Support",
        "Blocked" => "AWS has blocked this account: contact AWS Support",
        _ => return None,
    })
}

/// What the message of a denial says.
#[derive(Debug, PartialEq, Eq)]
struct Denial<'a> {
    /// The action, such as `ec2:CreateTags`. It may be another than the call's.
    action: Option<&'a str>,
    because: Because<'a>,
    /// Whether an encoded part says more.
    encoded: bool,
}

/// Why an action is denied.
#[derive(Debug, PartialEq, Eq)]
enum Because<'a> {
    /// A policy of this kind denies it, if AWS names the kind.
    ExplicitDeny(Option<&'a str>),
    /// No policy of this kind allows it.
    NothingAllows(&'a str),
    /// AWS does not say.
    Unsaid,
}

/// What stands before the part of a message that only
/// `sts:DecodeAuthorizationMessage` reads.
pub(crate) const ENCODED: &str = "Encoded authorization failure message: ";

impl<'a> Denial<'a> {
    fn read(message: &'a str) -> Self {
        let (said, encoded) = match message.split_once(ENCODED) {
            Some((said, _)) => (said, true),
            None => (message, false),
        };
        let action = said
            .split_once("authorized to perform: ")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .map(|action| action.trim_end_matches(['.', ',', ';']))
            .filter(|action| is_action(action));
        let because = if let Some((_, rest)) = said.split_once("explicit deny") {
            let policy = rest.strip_prefix(" in ").map(|rest| rest.split(['.', ':', ';', '\n']).next().unwrap_or(rest));
            let policy = policy.map(|policy| policy.trim_start_matches("an ").trim_start_matches("a ").trim());
            Because::ExplicitDeny(policy.filter(|policy| is_policy(policy)))
        } else {
            let policy = said.split_once("because no ").and_then(|(_, rest)| rest.split_once(" allows"));
            policy
                .map(|(policy, _)| policy)
                .filter(|policy| is_policy(policy))
                .map_or(Because::Unsaid, Because::NothingAllows)
        };
        Self { action, because, encoded }
    }

    fn is_explicit(&self) -> bool {
        matches!(self.because, Because::ExplicitDeny(_))
    }

    fn remedy(&self, error: &CloudError, caller: &str) -> String {
        let of_the_call = format!("{}:{}", service(error.operation), error.operation);
        let action = self.action.unwrap_or(&of_the_call);
        // A role is assumed by the credentials of the run, whoever is called later.
        let caller = if action == "sts:AssumeRole" { "the role or user that runs ebskeep" } else { caller };
        match self.because {
            Because::ExplicitDeny(Some(policy)) => format!(
                "an explicit deny in {} {policy} forbids {action}; only changing that policy helps",
                article(policy)
            ),
            Because::ExplicitDeny(None) => {
                format!("an explicit deny in a policy forbids {action}; only changing that policy helps")
            }
            Because::NothingAllows("resource-based policy") => {
                let policy = match action.split_once(':') {
                    Some(("kms", _)) => "the policy of the key",
                    Some(("sts", "AssumeRole")) => "the trust policy of that role",
                    _ => "the policy of that resource",
                };
                format!("allow {action} to {caller} in {policy}")
            }
            Because::NothingAllows(policy) if policy != "identity-based policy" => {
                format!("allow {action} to {caller} in {} {policy}", article(policy))
            }
            Because::NothingAllows(_) | Because::Unsaid if action == "sts:AssumeRole" => {
                format!("allow {action} to {caller}, and name it in the trust policy of that role")
            }
            Because::Unsaid if self.action.is_none() && self.encoded => format!(
                "allow {action} to {caller}; if it is allowed, `aws sts decode-authorization-message` shows which \
                 action was denied"
            ),
            Because::NothingAllows(_) | Because::Unsaid => format!("allow {action} to {caller}"),
        }
    }
}

/// Whether this is the name of an action, such as `kms:CreateGrant`.
fn is_action(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.split_once(':').is_some_and(|(service, name)| word(service) && word(name))
}

/// Whether this is a kind of policy, such as `service control policy` or
/// `permissions boundary`.
fn is_policy(text: &str) -> bool {
    const LONGEST: usize = 60;
    text.len() <= LONGEST && (text.ends_with("policy") || text.ends_with("boundary"))
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// The service that a call of ours goes to.
fn service(operation: &str) -> &'static str {
    if matches!(operation, "GetCallerIdentity" | "AssumeRole") { "sts" } else { "ec2" }
}

#[cfg(test)]
mod tests;
