//! What a run did: one value that every output renders.

mod document;
mod svg;
pub mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use crate::cloud::CloudError;
use crate::id::SnapshotId;
use crate::plan::{Notice, PASSED_OVER, Plan};
use crate::stop::Why;
pub use document::Document;
pub use svg::forecast_svg;

/// The name and version of the report's JSON form.
pub const SCHEMA: &str = "ebskeep.report/1";

/// Findings that make a run end as partly done although each of its actions was
/// done: something that should have been backed up or copied was not even tried.
pub const PARTLY: &[&str] = &[NOT_LISTED, DESTINATION_NOT_LISTED, PASSED_OVER];
/// A part of the inventory could not be listed.
pub const NOT_LISTED: &str = "not-listed";
/// The finding that the parts in which snapshots are listed did not fit together.
pub const LISTING_MISMATCH: &str = "listing-mismatch";
/// A destination of copies could not be listed.
pub const DESTINATION_NOT_LISTED: &str = "destination-not-listed";
/// Which snapshots are locked could not be read.
pub const LOCKS_UNKNOWN: &str = "locks-unknown";
/// Since when archived snapshots are so could not be read.
pub const TIERS_UNKNOWN: &str = "tiers-unknown";

/// What was planned in one Place, and what became of each action.
///
/// Its JSON form is [`Document`].
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The plan that was carried out, or refused.
    pub plan: Plan,
    /// One for each action of the plan (of a set: for each member), in its
    /// order.
    pub results: Vec<ActionResult>,
    /// What came to light on the way, to look at.
    pub notes: Vec<Notice>,
    /// Why the run ended before its end, if it did.
    pub stopped: Option<Why>,
}

impl Report {
    /// How the run ended. Refused if a check refuses any job's part, whatever
    /// became of the others: somebody has to look.
    ///
    /// A deletion left undone because the snapshot changed is no failure, but
    /// not everything planned was done either: partly done.
    pub fn conclusion(&self) -> Conclusion {
        if self.stopped.is_some() {
            return Conclusion::Unfinished;
        }
        if self.plan.refusals().next().is_some() {
            return Conclusion::Refused;
        }
        let conclusion = Conclusion::of(&self.results);
        if conclusion == Conclusion::Done && self.plan.findings.iter().any(|finding| PARTLY.contains(&finding.code)) {
            return Conclusion::Partial;
        }
        conclusion
    }

    /// How many results there are of each outcome, all outcomes named.
    pub fn outcomes(&self) -> BTreeMap<Outcome, usize> {
        let mut counts: BTreeMap<Outcome, usize> = Outcome::ALL.into_iter().map(|outcome| (outcome, 0)).collect();
        for result in &self.results {
            *counts.entry(result.outcome).or_default() += 1;
        }
        counts
    }

    /// Whether the run changed anything, as far as is known.
    pub fn something_done(&self) -> bool {
        self.results.iter().any(|result| result.outcome == Outcome::Done || result.snapshot_id.is_some())
    }

    /// The exit code of a run over this one Place.
    pub fn exit_code(&self) -> u8 {
        self.conclusion().exit_code(self.something_done())
    }
}

/// An error in words: its own and those of all its causes, each once.
pub fn words(error: &CloudError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        // AWS may have no message.
        if !said.is_empty() {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
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
    #[serde(default, skip_serializing_if = "String::is_empty")]
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
    /// All of them, the good ones first.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::AlreadyDone,
        Self::Changed,
        Self::InUse,
        Self::Denied,
        Self::Failed,
        Self::Unknown,
        Self::NotStarted,
    ];

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
    /// A check refused the plan, what was planned for one of its jobs, or single
    /// deletions; of that nothing was done. Exit code 4.
    Refused,
    /// Nothing of what was planned was done. Exit code 1.
    Failed,
}

impl Conclusion {
    /// Of a run that nothing stopped or refused, by its results alone.
    pub fn of(results: &[ActionResult]) -> Self {
        if results.iter().all(|result| result.outcome.is_success()) {
            return Self::Done;
        }
        let some = |result: &ActionResult| result.outcome.is_success() || result.outcome == Outcome::Changed;
        if results.iter().any(some) { Self::Partial } else { Self::Failed }
    }

    /// The exit code for it. `something_done` tells whether anything was changed
    /// before the run was told to stop.
    pub fn exit_code(self, something_done: bool) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Partial => 3,
            Self::Refused => 4,
            Self::Unfinished if something_done => 3,
            Self::Unfinished => 130,
        }
    }
}
