//! The report's JSON form: the plan's fields, and what became of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::{ActionResult, Conclusion, Outcome, Report, SCHEMA};
use crate::id::{AccountId, Region};
use crate::plan::{Action, CheckResult, CopyVerdict, Job, Notice, Plan, SnapshotVerdict, Summary, VolumeVerdict};
use crate::stop::Why;

/// `ebskeep.report/1`: what was planned in one Place, and what became of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Report")]
pub struct Document<'a> {
    /// `ebskeep.report/1`.
    schema: &'static str,
    /// The instant everything was decided at.
    #[schemars(with = "String")]
    now: Timestamp,
    /// Whose resources.
    account: &'a AccountId,
    /// Where.
    region: &'a Region,
    /// What was planned.
    jobs: &'a [Job],
    /// How the run ended.
    conclusion: Conclusion,
    /// Why it ended before its end, if it did: `interrupted` or `deadline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<&'static str>,
    /// How many results there are of each outcome.
    outcomes: BTreeMap<Outcome, usize>,
    /// One for each action (of a set: for each member), in the order of
    /// `actions`.
    results: &'a [ActionResult],
    /// What came to light on the way, to look at.
    notes: &'a [Notice],
    /// Every volume, if `create` was planned.
    volumes: &'a [VolumeVerdict],
    /// Every snapshot and destination of copies, if `copy` was planned.
    #[serde(skip_serializing_if = "<[CopyVerdict]>::is_empty")]
    #[schemars(default)]
    copies: &'a [CopyVerdict],
    /// Every snapshot, if `expire` was planned.
    snapshots: &'a [SnapshotVerdict],
    /// What was planned to be done.
    actions: &'a [Action],
    /// Bad configuration: reported on every run until mended.
    problems: &'a [Notice],
    /// Things to look at.
    findings: &'a [Notice],
    /// The second opinion on the plan; what a check refuses that is not ok was not carried out.
    checks: &'a [CheckResult],
    /// Counts over the plan.
    summary: &'a Summary,
}

impl<'a> From<&'a Report> for Document<'a> {
    fn from(report: &'a Report) -> Self {
        let Report { plan, results, notes, stopped } = report;
        let Plan {
            schema: _,
            now,
            account,
            region,
            jobs,
            volumes,
            copies,
            snapshots,
            actions,
            problems,
            findings,
            checks,
            summary,
        } = plan;
        Self {
            schema: SCHEMA,
            now: *now,
            account,
            region,
            jobs,
            conclusion: report.conclusion(),
            stopped: stopped.map(|why| match why {
                Why::Interrupted => "interrupted",
                Why::Deadline => "deadline",
            }),
            outcomes: report.outcomes(),
            results,
            notes,
            volumes,
            copies,
            snapshots,
            actions,
            problems,
            findings,
            checks,
            summary,
        }
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Document::from(self).serialize(serializer)
    }
}

impl JsonSchema for Report {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Document::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Document::json_schema(generator)
    }
}
