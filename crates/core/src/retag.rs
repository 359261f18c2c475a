//! Verbs that change tags on snapshots: what each tag becomes, and what that
//! does to the snapshots, as data that is shown before anything is written.
//!
//! Pure. [`crate::apply`] carries it out. What the new tags mean is never worked
//! out here: the decider is asked about an inventory that has them.

mod copies;
mod document;
mod foresee;
mod hold;
mod source_deleted;

use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use jiff::Timestamp;

use crate::id::{AccountId, Region, SnapshotId, VolumeId};
use crate::plan::SnapshotVerdict;
use crate::report::{ActionResult, Conclusion};
use crate::stop::Why;
use crate::tags::{self, Tags};

pub use copies::copies_of;
pub use document::{Document, SCHEMA};
pub(crate) use foresee::retagged;
pub use foresee::{Affected, Foresight, foresee};
pub use hold::{Hold, HoldError, Length, hold, release};
pub use source_deleted::source_deleted;

/// What the tags of one snapshot become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Retag {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// Its tags when it was looked at; if they are others by the last look,
    /// nothing is written.
    pub tags: Tags,
    /// Written first.
    pub set: Tags,
    /// Removed after that, by key.
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<SmolStr>,
}

impl Retag {
    /// Whether there is nothing to write and nothing to remove.
    pub fn is_nothing(&self) -> bool {
        let Self { snapshot_id: _, tags: _, set, remove } = self;
        set.is_empty() && remove.is_empty()
    }

    /// The tags it ends with.
    pub fn after(&self) -> Tags {
        let mut after = self.tags.clone();
        self.set.iter().for_each(|(key, value)| after.set(key.clone(), value.clone()));
        for key in &self.remove {
            after.remove(key);
        }
        after
    }

    /// How many tags it has once those to set are written and none is removed
    /// yet, those of `aws:` not counted: at most [`tags::MAX_TAGS`].
    pub fn at_most(&self) -> usize {
        let new = self.set.iter().filter(|(key, _)| self.tags.get(key).is_none()).count();
        self.tags.counted() + new
    }

    /// Whether AWS takes that many tags.
    pub fn fits(&self) -> bool {
        self.at_most() <= tags::MAX_TAGS
    }
}

/// One snapshot's new tags, and what they do to it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// The tags.
    #[serde(flatten)]
    pub retag: Retag,
    /// The volume it came from (of a copy of ours: from its tags).
    pub volume_id: VolumeId,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Whether something that keeps it is taken away or ends sooner.
    pub lessens: bool,
    /// What `expire` would do with it now.
    pub before: SnapshotVerdict,
    /// What `expire` would do with it once the tags are so.
    pub after: SnapshotVerdict,
    /// What to know about it.
    pub notes: Vec<String>,
}

/// A verb that changes the tags of snapshots that are named, or of which the volumes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Keeps them.
    Hold,
    /// Takes holds away.
    Release,
    /// Marks the source volumes of copies as deleted.
    #[serde(rename = "source-deleted")]
    SourceDeleted,
}

/// What `hold` or `release` would change in one Place.
#[derive(Clone, Debug, PartialEq)]
pub struct Retagging {
    /// Which of the two.
    pub verb: Verb,
    /// The instant it was worked out at.
    pub now: Timestamp,
    /// Whose snapshots.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// The snapshots named, by id.
    pub changes: Vec<Change>,
    /// Other snapshots whose end moves.
    pub others: Vec<Affected>,
    /// What could not be listed, so that the verdicts may lack a reason.
    pub unseen: Vec<String>,
}

impl Retagging {
    /// Whether a hold is taken away or shortened, so that somebody is asked.
    pub fn lessens(&self) -> bool {
        self.changes.iter().any(|change| change.lessens)
    }

    /// What there is to write.
    pub fn retags(&self) -> Vec<Retag> {
        self.changes.iter().map(|change| change.retag.clone()).collect()
    }
}

/// Tags that were to be written, and what became of each snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct Tagged {
    /// One for each [`Retag`], in their order.
    pub results: Vec<ActionResult>,
    /// Why it ended before its end, if it did.
    pub stopped: Option<Why>,
}

impl Tagged {
    /// How it ended, in the terms of the exit codes.
    pub fn conclusion(&self) -> Conclusion {
        match self.stopped {
            Some(_) => Conclusion::Unfinished,
            None => Conclusion::of(&self.results),
        }
    }

    /// Whether anything was written, as far as is known.
    pub fn something_done(&self) -> bool {
        self.results.iter().any(|result| result.outcome == crate::report::Outcome::Done)
    }
}
