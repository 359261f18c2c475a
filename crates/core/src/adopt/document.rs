//! `ebskeep.adopt/1`: snapshots of other tools, and what became of adopting them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Adoption, Migration, OfTool};
use crate::id::{AccountId, Region};
use crate::report::{ActionResult, Conclusion};
use crate::retag::{Affected, Tagged};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "ebskeep.adopt/1";

/// `ebskeep.adopt/1`: snapshots of other tools, what adopting them comes to, and
/// what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Adoption")]
pub struct Document<'a> {
    /// `ebskeep.adopt/1`.
    schema: &'static str,
    /// The instant it was worked out at.
    #[schemars(with = "String")]
    now: Timestamp,
    /// Whose snapshots.
    account: &'a AccountId,
    /// Where.
    region: &'a Region,
    /// How many can be adopted.
    adoptable: usize,
    /// How many of the tools' snapshots cannot.
    unadoptable: usize,
    /// By tool.
    tools: &'a [OfTool],
    /// Snapshots that are ours already and whose end moves, since those adopted
    /// count as backups of their volumes too.
    others: &'a [Affected],
    /// With `--from original`: what the first run of ebskeep changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<&'a Migration>,
    /// What could not be listed, so that verdicts may lack a reason.
    unseen: &'a [String],
    /// How it ended; absent if they were only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    conclusion: Option<Conclusion>,
    /// One for each that could be adopted, in the order of `tools`; empty if they
    /// were only shown.
    results: &'a [ActionResult],
}

impl<'a> Document<'a> {
    /// Of what was found and, if it was carried out, what became of it.
    pub fn new(adoption: &'a Adoption, tagged: Option<&'a Tagged>) -> Self {
        let Adoption { now, account, region, tools, others, migration, unseen } = adoption;
        Self {
            schema: SCHEMA,
            now: *now,
            account,
            region,
            adoptable: adoption.adoptable(),
            unadoptable: tools.iter().map(|tool| tool.unadoptable).sum(),
            tools,
            others,
            migration: migration.as_ref(),
            unseen,
            conclusion: tagged.map(Tagged::conclusion),
            results: tagged.map_or(&[], |tagged| &tagged.results),
        }
    }
}
