//! STS: GetCallerIdentity and AssumeRole.
//!
//! The access key id names the account: `AKIASIM` and its twelve digits for a
//! user, `ASIASIM` and the twelve digits for a role. The session token of a
//! role says which role and session it is. Every role can be assumed, unless
//! an outsider denied `AssumeRole`, or the role asks for an external id.

use std::collections::BTreeMap;

use ebskeep_core::id::{AccountId, Region};
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::params::Params;
use crate::refusal::Refusal;
use crate::region::partition;
use crate::time::later;

/// The longest and the usual session.
const USUAL_SECONDS: u64 = 3_600;
const SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;

/// The STS actions this world serves.
pub const ACTIONS: [&str; 2] = ["AssumeRole", "GetCallerIdentity"];

/// Who makes a call, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) arn: SmolStr,
}

/// What STS answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Identity { account: AccountId, arn: SmolStr },
    Assumed { key: String, session_token: String, expires: Timestamp, arn: String, role_id: String },
}

impl Caller {
    /// The caller by the id of its access key and, of a role, its session
    /// token.
    pub(crate) fn new(key: &str, session_token: Option<&str>, region: Region) -> Option<Self> {
        let (account, is_role) = account_of(key)?;
        let partition = partition(&region);
        let arn = if is_role {
            let who = session_token.and_then(opened).unwrap_or_else(|| "sim/sim".to_owned());
            format!("arn:{partition}:sts::{account}:assumed-role/{who}")
        } else {
            format!("arn:{partition}:iam::{account}:user/sim")
        };
        Some(Self { account, region, arn: arn.into() })
    }
}

/// The account an access key id names, and whether it is a role's.
pub(crate) fn account_of(key: &str) -> Option<(AccountId, bool)> {
    let (digits, is_role) = match (key.strip_prefix("AKIASIM"), key.strip_prefix("ASIASIM")) {
        (Some(digits), _) => (digits, false),
        (_, Some(digits)) => (digits, true),
        _ => return None,
    };
    (digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| (AccountId::new(digits), is_role))
}

const TOKEN_PREFIX: &str = "sim-session.";

fn sealed(who: &str) -> String {
    use std::fmt::Write as _;
    let mut token = TOKEN_PREFIX.to_owned();
    for byte in who.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

fn opened(token: &str) -> Option<String> {
    let hex = token.strip_prefix(TOKEN_PREFIX)?;
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok().filter(|who| who.contains('/'))
}

/// Does what an action asks.
pub(crate) fn perform(
    caller: &Caller,
    action: &str,
    mut params: Params,
    external_ids: &BTreeMap<(AccountId, SmolStr), SmolStr>,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    match action {
        "GetCallerIdentity" => {
            params.finish()?;
            Ok(Answer::Identity { account: caller.account.clone(), arn: caller.arn.clone() })
        }
        "AssumeRole" => {
            let role = params.need("RoleArn").map_err(validation)?;
            let session = params.need("RoleSessionName").map_err(validation)?;
            let external_id = params.take("ExternalId");
            let seconds = params.number("DurationSeconds")?.unwrap_or(USUAL_SECONDS);
            params.finish()?;
            if !SECONDS.contains(&seconds) {
                return Err(Refusal::new("ValidationError", format!("DurationSeconds {seconds} is not in 900..43200")));
            }
            let invalid = || Refusal::new("ValidationError", format!("{role} is invalid"));
            let (arn, path) = role.split_once(":role/").ok_or_else(invalid)?;
            let account = arn.rsplit(':').next().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let key = format!("ASIASIM{account}");
            if !arn.starts_with("arn:aws") || name.is_empty() || account_of(&key).is_none() {
                return Err(invalid());
            }
            let demanded = external_ids.get(&(AccountId::new(account), SmolStr::new(name)));
            if demanded.is_some_and(|demanded| external_id.as_deref() != Some(demanded)) {
                return Err(Refusal::new(
                    "AccessDenied",
                    format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", caller.arn),
                ));
            }
            let who = format!("{name}/{session}");
            Ok(Answer::Assumed {
                arn: format!("arn:{}:sts::{account}:assumed-role/{who}", partition(&caller.region)),
                role_id: format!("AROASIM{account}:{session}"),
                session_token: sealed(&who),
                expires: later(now, std::time::Duration::from_secs(seconds)),
                key,
            })
        }
        _ => Err(Refusal::new("InvalidAction", format!("Could not find operation {action} for version 2011-06-15"))),
    }
}

fn validation(missing: Refusal) -> Refusal {
    Refusal::new("ValidationError", missing.message)
}
