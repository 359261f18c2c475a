//! `ebskeep.retag/1`: what `hold` or `release` changes, and what became of it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Affected, Change, Retagging, Tagged, Verb};
use crate::id::{AccountId, Region};
use crate::report::{ActionResult, Conclusion};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "ebskeep.retag/1";

/// `ebskeep.retag/1`: what `hold` or `release` changes, and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Retagging")]
pub struct Document<'a> {
    /// `ebskeep.retag/1`.
    schema: &'static str,
    /// Which verb.
    verb: Verb,
    /// The instant it was worked out at.
    #[schemars(with = "String")]
    now: Timestamp,
    /// Whose snapshots.
    account: &'a AccountId,
    /// Where.
    region: &'a Region,
    /// How it ended.
    conclusion: Conclusion,
    /// The snapshots named, by id.
    changes: &'a [Change],
    /// One for each of `changes`, in their order; `action` is the place there.
    results: &'a [ActionResult],
    /// Other snapshots whose end moves.
    others: &'a [Affected],
    /// What could not be listed, so that verdicts may lack a reason.
    unseen: &'a [String],
}

impl<'a> Document<'a> {
    /// Of what was to change and what became of it.
    pub fn new(retagging: &'a Retagging, tagged: &'a Tagged) -> Self {
        let Retagging { verb, now, account, region, changes, others, unseen } = retagging;
        let conclusion = tagged.conclusion();
        let Tagged { results, stopped: _ } = tagged;
        Self { schema: SCHEMA, verb: *verb, now: *now, account, region, conclusion, changes, results, others, unseen }
    }
}
