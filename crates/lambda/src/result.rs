//! The answer, `ebskeep.result/1`: what an invocation did, within a limit.
//!
//! Counts are always whole. Lists are as long as the limit allows: each list
//! has its share of it first and takes what the others leave after that, and
//! within a list each Region has its turn, so that a hundred thousand denials
//! in one Region hide neither a refusal nor another Region's only failure.

mod listed;

use std::collections::BTreeMap;

use ebskeep_core::id::{AccountId, Region};
use ebskeep_core::plan::{Action, Job, Summary};
use ebskeep_core::report::{Conclusion, Outcome, PARTLY, Report};
use ebskeep_core::stop::Why;
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use crate::event::{Asked, Shape};
use listed::{Kept, share};

/// The name and version of the answer's JSON form.
pub const SCHEMA: &str = "ebskeep.result/1";

/// Bytes of an answer, as it travels: an error carries it as text inside JSON,
/// where each quotation mark takes two.
pub const LIMIT: usize = 200_000;
/// Bytes of [`LIMIT`] for what is filled in last (digits of `left_out`,
/// `truncated`) and for what Lambda's protocol puts around an error.
const SLACK: usize = 256;
/// Characters of one detail: AWS's longest message, whose encoded part alone may
/// have 10,240, and what to do about it.
const DETAIL: usize = 12_000;
/// Characters of what kept Regions from beginning, of all of them together: that
/// of one Region is whole, and those of fifty still fit. The log has all of it.
const ERRORS: usize = 15_000;

/// `ebskeep.result/1`: what an invocation did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Result")]
pub struct Answer {
    /// `ebskeep.result/1`.
    pub schema: &'static str,
    /// How it ended. All but `done` are errors of the invocation.
    pub conclusion: Conclusion,
    /// Why nothing at all was begun, if so: the event, a setting, credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why there was nothing to do, where the event itself says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nothing: Option<String>,
    /// What was to be done, in this order.
    pub jobs: Vec<Job>,
    /// The event was autosnap's, and was followed as that tool would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autosnap: Option<Autosnap>,
    /// When the trigger was scheduled for, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub trigger: Option<Timestamp>,
    /// Each Region, sorted.
    pub places: Vec<PlaceResult>,
    /// Checks that refused a plan, one job's part of it, or single deletions; nothing
    /// of that was done.
    pub refusals: Vec<Refusal>,
    /// What was planned and is not so. What was not begun is counted only.
    pub failures: Vec<Failure>,
    /// Bad configuration: reported on every run until mended.
    pub problems: Vec<Told>,
    /// Things to look at.
    pub findings: Vec<Told>,
    /// Whether a list is shorter than it should be. The log has all of it.
    pub truncated: bool,
    /// How many entries each list is short of.
    pub left_out: LeftOut,
}

/// What following an event of autosnap means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Autosnap {
    /// Days that snapshots are kept of resources without a `Retention` tag.
    pub retention_days: u64,
    /// What running instances without a `Backup` tag count as: `every-run`.
    pub untagged_running_instances: &'static str,
}

/// What happened in one Region.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlaceResult {
    /// Whose resources.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// How it ended.
    pub conclusion: Conclusion,
    /// Why nothing could be seen there, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it ended before its end, if it did: `deadline` or `interrupted`. It
    /// is safe to call again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<&'static str>,
    /// The instant everything was decided at, by AWS's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub now: Option<Timestamp>,
    /// How many results there are of each outcome; a set has one for each
    /// member.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// Counts over the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// A check that refused a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Refusal {
    /// Where.
    pub region: Region,
    /// The check's name.
    #[schemars(with = "String")]
    pub check: &'static str,
    /// The job whose part it refused; the whole plan if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// How many deletions it held back, where it refused these and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<usize>,
    /// The numbers, in words.
    pub detail: String,
}

/// Something planned that is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// Where.
    pub region: Region,
    /// What was to be done: `create-snapshot`, `create-set`, `finish-tags`,
    /// `copy-snapshot`, `mark-copied`, `follow-source`, `unshare`,
    /// `delete-snapshot`.
    pub action: &'static str,
    /// The volume or snapshot.
    #[schemars(with = "String")]
    pub resource: SmolStr,
    /// How it ended.
    pub outcome: Outcome,
    /// In words; empty where the outcome says all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// A problem or a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Told {
    /// Where.
    pub region: Region,
    /// The resource's id, or what else it is about.
    #[schemars(with = "String")]
    pub resource: SmolStr,
    /// A stable name.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// What is wrong, what it means today, and what to write instead.
    pub detail: String,
}

/// How many entries each list is short of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LeftOut {
    /// Of `refusals`.
    pub refusals: usize,
    /// Of `failures`.
    pub failures: usize,
    /// Of `problems`.
    pub problems: usize,
    /// Of `findings`.
    pub findings: usize,
}

/// What one Region gave: its counts, and of its lists what could at most be
/// told.
#[derive(Debug)]
pub struct Outcomes {
    place: PlaceResult,
    refusals: Kept<Refusal>,
    failures: Kept<Failure>,
    problems: Kept<Told>,
    findings: Kept<Told>,
}

impl Outcomes {
    /// Of a run that ended with a report.
    pub fn of(report: &Report) -> Self {
        let Report { plan, results, notes, stopped } = report;
        let region = &plan.region;
        let told = |notice: &ebskeep_core::plan::Notice| Told {
            region: region.clone(),
            resource: cut(&notice.resource, DETAIL).into(),
            code: notice.code,
            detail: cut(&notice.detail, DETAIL),
        };
        let failed = results.iter().filter(|r| !r.outcome.is_success() && r.outcome != Outcome::NotStarted);
        // What makes the run partly done is told first.
        let (partly, others): (Vec<_>, Vec<_>) =
            plan.findings.iter().chain(notes).partition(|finding| PARTLY.contains(&finding.code));
        Self {
            place: PlaceResult {
                account: plan.account.clone(),
                region: region.clone(),
                conclusion: report.conclusion(),
                error: None,
                stopped: stopped.map(word),
                now: Some(plan.now),
                outcomes: report.outcomes(),
                summary: Some(plan.summary.clone()),
            },
            refusals: Kept::of(plan.refusals().map(|check| Refusal {
                region: region.clone(),
                check: check.check,
                job: check.job,
                held: check.held(),
                detail: cut(&check.detail, DETAIL),
            })),
            failures: Kept::of(failed.map(|result| Failure {
                region: region.clone(),
                action: plan.actions.get(result.action).map_or("", Action::name),
                resource: result.resource.clone(),
                outcome: result.outcome,
                detail: cut(&result.detail, DETAIL),
            })),
            problems: Kept::of(plan.problems.iter().map(told)),
            findings: Kept::of(partly.into_iter().chain(others).map(told)),
        }
    }

    /// Of a run that could see nothing; `stopped` if that is because it was told
    /// to stop.
    pub fn nothing_seen(account: &AccountId, region: &Region, error: &str, stopped: Option<Why>) -> Self {
        let place = PlaceResult {
            account: account.clone(),
            region: region.clone(),
            conclusion: if stopped.is_some() { Conclusion::Unfinished } else { Conclusion::Failed },
            error: Some(error.to_owned()),
            stopped: stopped.map(word),
            now: None,
            outcomes: BTreeMap::new(),
            summary: None,
        };
        Self {
            place,
            refusals: Kept::default(),
            failures: Kept::default(),
            problems: Kept::default(),
            findings: Kept::default(),
        }
    }

    /// The counts.
    pub fn place(&self) -> &PlaceResult {
        &self.place
    }
}

impl Answer {
    /// Of what the Regions gave, at most [`LIMIT`] bytes.
    pub fn new(asked: &Asked, regions: Vec<Outcomes>) -> Self {
        Self::within(LIMIT, asked, regions)
    }

    /// As [`Answer::new`], within another limit.
    pub(crate) fn within(limit: usize, asked: &Asked, mut regions: Vec<Outcomes>) -> Self {
        regions.sort_by(|a, b| a.place.region.cmp(&b.place.region));
        let mut answer = Self::begun(Some(asked));
        answer.conclusion = together(regions.iter().map(|region| region.place.conclusion));
        let each = ERRORS / regions.len().max(1);
        let (mut refusals, mut failures, mut problems, mut findings) = (vec![], vec![], vec![], vec![]);
        for region in regions {
            let Outcomes { place, refusals: r, failures: f, problems: p, findings: n } = region;
            let error = place.error.map(|error| cut(&error, each));
            answer.places.push(PlaceResult { error, ..place });
            refusals.push(r);
            failures.push(f);
            problems.push(p);
            findings.push(n);
        }
        let (refusals, failures) = (Kept::in_turn(refusals), Kept::in_turn(failures));
        let (problems, findings) = (Kept::in_turn(problems), Kept::in_turn(findings));
        let room = limit.saturating_sub(listed::cost(&answer) + SLACK);
        let wanted = [refusals.cost(), failures.cost(), problems.cost(), findings.cost()];
        let [for_refusals, for_failures, for_problems, for_findings] = share(room, wanted);
        (answer.refusals, answer.left_out.refusals) = refusals.within(for_refusals);
        (answer.failures, answer.left_out.failures) = failures.within(for_failures);
        (answer.problems, answer.left_out.problems) = problems.within(for_problems);
        (answer.findings, answer.left_out.findings) = findings.within(for_findings);
        answer.truncated = answer.left_out != LeftOut::default();
        answer
    }

    /// Of an invocation of which nothing was begun.
    pub fn not_begun(asked: Option<&Asked>, conclusion: Conclusion, error: &str) -> Self {
        Self { conclusion, error: Some(cut(error, ERRORS)), ..Self::begun(asked) }
    }

    fn begun(asked: Option<&Asked>) -> Self {
        let autosnap = asked.and_then(|asked| match asked.shape {
            Shape::Autosnap { retention_days } => {
                Some(Autosnap { retention_days, untagged_running_instances: "every-run" })
            }
            Shape::Job | Shape::Variable | Shape::Completed | Shape::Nothing(_) => None,
        });
        let nothing = asked.and_then(|asked| match &asked.shape {
            Shape::Nothing(why) => Some(why.clone()),
            _ => None,
        });
        Self {
            schema: SCHEMA,
            conclusion: Conclusion::Done,
            error: None,
            nothing,
            jobs: asked.map(|asked| asked.request.jobs.clone()).unwrap_or_default(),
            autosnap,
            trigger: asked.and_then(|asked| asked.request.trigger),
            places: Vec::new(),
            refusals: Vec::new(),
            failures: Vec::new(),
            problems: Vec::new(),
            findings: Vec::new(),
            truncated: false,
            left_out: LeftOut::default(),
        }
    }

    /// As Lambda is to be told: an answer only if everything was done.
    ///
    /// # Errors
    ///
    /// Itself, where it is an error of one of the stable types.
    pub fn verdict(self) -> Result<Self, Unsuccessful> {
        match self.conclusion {
            Conclusion::Done => Ok(self),
            Conclusion::Partial | Conclusion::Unfinished | Conclusion::Refused | Conclusion::Failed => {
                Err(Unsuccessful(Box::new(self)))
            }
        }
    }
}

/// The answer of an invocation that did not do everything: an error for Lambda,
/// so that alarms, retries and state machines see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsuccessful(pub Box<Answer>);

impl Unsuccessful {
    /// Its type. Stable: alarms and state machines match it.
    pub fn error_type(&self) -> &'static str {
        match self.0.conclusion {
            Conclusion::Refused => "Refused",
            Conclusion::Partial => "Partial",
            Conclusion::Unfinished => "Unfinished",
            // One that did everything is never wrapped in this type.
            Conclusion::Failed | Conclusion::Done => "Failed",
        }
    }
}

impl From<Unsuccessful> for Diagnostic {
    fn from(error: Unsuccessful) -> Self {
        let message = serde_json::to_string(&error.0);
        Self { error_type: error.error_type().to_owned(), error_message: message.unwrap_or_else(|why| why.to_string()) }
    }
}

/// How an invocation ended: as all of its Regions did, or else partly done; but
/// that it is safe and useful to call again comes first.
pub fn together(regions: impl IntoIterator<Item = Conclusion>) -> Conclusion {
    let either = |all, one| match (all, one) {
        _ if all == one => all,
        (Conclusion::Unfinished, _) | (_, Conclusion::Unfinished) => Conclusion::Unfinished,
        _ => Conclusion::Partial,
    };
    regions.into_iter().reduce(either).unwrap_or(Conclusion::Done)
}

/// A reason to stop in one word.
pub(crate) fn word(why: Why) -> &'static str {
    match why {
        Why::Interrupted => "interrupted",
        Why::Deadline => "deadline",
    }
}

/// The text, or its beginning and `…`: at most `most` characters in all.
pub(crate) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests;
