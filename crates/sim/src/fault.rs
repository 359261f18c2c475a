//! Faults: what goes wrong, and on which call.

use std::time::Duration;

use ebskeep_core::id::{AccountId, Region};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::params::Params;
use crate::time::friendly;

/// Something that goes wrong on calls that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// On which calls.
    #[serde(default)]
    pub when: When,
    /// What goes wrong.
    pub what: What,
}

/// The calls a fault is for: those that match in everything that is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct When {
    /// Such as `CreateSnapshot`.
    pub action: Option<SmolStr>,
    /// Whose.
    pub account: Option<AccountId>,
    /// Where.
    pub region: Option<Region>,
    /// The value of any parameter, such as a volume's id.
    pub resource: Option<SmolStr>,
    /// So many matching calls go well first.
    pub after: u64,
    /// So many are then hit; none means all.
    pub times: Option<u64>,
}

impl Default for When {
    /// The next call, whichever it is.
    fn default() -> Self {
        Self { action: None, account: None, region: None, resource: None, after: 0, times: Some(1) }
    }
}

impl When {
    /// The next call of this action.
    pub fn next(action: &str) -> Self {
        Self { action: Some(action.into()), ..Self::default() }
    }

    /// Every call of this action.
    pub fn every(action: &str) -> Self {
        Self { times: None, ..Self::next(action) }
    }

    /// The next call of this action about this resource.
    pub fn about(action: &str, resource: &str) -> Self {
        Self { resource: Some(resource.into()), ..Self::next(action) }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// An error answer; nothing is done.
    Refuse {
        /// AWS's code.
        code: SmolStr,
        /// The HTTP status; that of the code, if not said.
        #[serde(default)]
        status: Option<u16>,
        /// Words.
        #[serde(default)]
        message: String,
    },
    /// The connection breaks before anything is done.
    LostBefore,
    /// It is done, and the connection breaks before the answer.
    LostAfter,
    /// It is done, and the answer breaks off half way.
    CutBody,
    /// DescribeSnapshots lacks what was made within this time.
    StaleListing {
        /// How long ago the listing was right.
        #[serde(with = "friendly")]
        by: Duration,
    },
    /// The answer's `NextToken`, if it has one, will not be taken.
    BadToken,
    /// The snapshots this call begins end in `error`.
    SnapshotFails {
        /// What AWS will say about it.
        message: SmolStr,
    },
}

impl What {
    /// What it is called in the log of calls: AWS's code, or its own name.
    pub fn name(&self) -> SmolStr {
        match self {
            Self::Refuse { code, .. } => code.clone(),
            Self::LostBefore => "lost-before".into(),
            Self::LostAfter => "lost-after".into(),
            Self::CutBody => "cut-body".into(),
            Self::StaleListing { .. } => "stale-listing".into(),
            Self::BadToken => "bad-token".into(),
            Self::SnapshotFails { .. } => "snapshot-fails".into(),
        }
    }
}

/// A fault and how often its calls came by.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    fault: Fault,
    seen: u64,
}

impl Armed {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, seen: 0 }
    }

    /// Whether it hits this call; counts it, if it matches.
    pub(crate) fn hits(
        &mut self,
        account: &AccountId,
        region: &Region,
        action: &str,
        params: &Params,
    ) -> Option<&What> {
        let Fault { when, what } = &self.fault;
        let matches = when.action.as_deref().is_none_or(|a| a == action)
            && when.account.as_ref().is_none_or(|a| a == account)
            && when.region.as_ref().is_none_or(|r| r == region)
            && when.resource.as_deref().is_none_or(|r| params.all().values().any(|v| v == r));
        if !matches {
            return None;
        }
        let n = self.seen;
        self.seen += 1;
        (n >= when.after && when.times.is_none_or(|times| n - when.after < times)).then_some(what)
    }

    /// Whether it will never hit again.
    pub(crate) fn spent(&self) -> bool {
        self.fault.when.times.is_some_and(|times| self.seen >= self.fault.when.after.saturating_add(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_the_calls_it_names_and_no_other() {
        let mut armed = Armed::new(Fault {
            when: When { after: 1, times: Some(2), ..When::about("DeleteSnapshot", "snap-1") },
            what: What::LostBefore,
        });
        let params = |id: &str| [("SnapshotId", id)].into_iter().collect::<Params>();
        let mut hit = |action: &str, id: &str| {
            armed.hits(&"111111111111".into(), &"eu-west-1".into(), action, &params(id)).is_some()
        };
        assert!(!hit("CreateTags", "snap-1"), "another action");
        assert!(!hit("DeleteSnapshot", "snap-2"), "another resource");
        assert_eq!([(); 4].map(|()| hit("DeleteSnapshot", "snap-1")), [false, true, true, false]);
        assert!(armed.spent());
    }
}
