//! What a run did: one value that every output renders.

use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use crate::id::SnapshotId;
use crate::plan::Plan;
use crate::stop::Why;

/// The name and version of the report's JSON form.
pub const SCHEMA: &str = "ebskeep.report/1";

/// What was planned in one Place, and what became of each action.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The plan that was carried out, or refused.
    pub plan: Plan,
    /// One for each action of the plan, in its order.
    pub results: Vec<ActionResult>,
    /// Why the run ended before its end, if it did.
    pub stopped: Option<Why>,
}

/// What became of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActionResult {
    /// The place of the action in the plan's `actions`, from 0.
    pub action: usize,
    /// The volume or snapshot it was about (a set has one for each member).
    #[schemars(with = "String")]
    pub resource: SmolStr,
    /// How it ended.
    pub outcome: Outcome,
    /// The snapshot made, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<SnapshotId>,
    /// What to know about it, in words; empty where the outcome says all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done as planned.
    Done,
    /// Done already by somebody else: what is wanted is so.
    AlreadyDone,
    /// The snapshot is no longer what the plan saw; left for the next run.
    Changed,
    /// An image uses the snapshot.
    InUse,
    /// AWS refused for lack of permission.
    Denied,
    /// AWS refused or failed it.
    Failed,
    /// No answer: done or not is not known. The next run looks.
    Unknown,
    /// The run ended before this was begun.
    NotStarted,
}

impl Outcome {
    /// Whether what was planned is so.
    pub fn is_success(self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone)
    }
}

/// How a run in one Place ended, in the terms of the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// Everything planned was done, or there was nothing to do. Exit code 0.
    Done,
    /// Some of it was done; or volumes were passed over, or could not be seen.
    /// Exit code 3.
    Partial,
    /// Told to stop before the end. Exit code 130, or 3 if something was done.
    Unfinished,
    /// A check refused the plan; nothing was done. Exit code 4.
    Refused,
    /// Nothing of what was planned was done. Exit code 1.
    Failed,
}
