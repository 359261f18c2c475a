//! Log lines: one JSON object each, written as it happens and then forgotten.
//!
//! One for each action that ended, one for each problem, finding and refusal,
//! and one for the end of each Region and of the invocation. Field names are
//! API, documented in `docs/functions.md`. `level` and `timestamp` are where
//! Lambda's own log filter looks for them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ebskeep_core::apply::Progress;
use ebskeep_core::cloud::Clock;
use ebskeep_core::id::{AccountId, InstanceId, Place, Region, SnapshotId};
use ebskeep_core::job::Event;
use ebskeep_core::plan::{Action, CopyState, CreateVerdict, ExpireVerdict, Job, Notice, Plan, Reason, Summary};
use ebskeep_core::report::{ActionResult, Conclusion, Outcome};
use jiff::Timestamp;
use serde::Serialize;
use smol_str::SmolStr;

use crate::result::{Answer, PlaceResult};

/// Takes each line.
pub type Sink = dyn Fn(&Line<'_>);

/// One line.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    /// When, by the machine's clock.
    pub timestamp: Timestamp,
    /// `INFO`, `WARN` or `ERROR`.
    pub level: Level,
    /// Lambda's id of the invocation.
    pub request_id: &'a str,
    /// Whose resources it is about, if anybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<&'a AccountId>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<&'a Region>,
    /// What happened.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// As planned.
    Info,
    /// To look at.
    Warn,
    /// Something planned is not so.
    Error,
}

/// What a line tells.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What<'a> {
    /// An action was carried out, or failed.
    Action {
        /// `create-snapshot`, `create-set`, `finish-tags`, `copy-snapshot`,
        /// `mark-copied`, `follow-source`, `unshare` or `delete-snapshot`.
        action: &'static str,
        /// The volume or snapshot.
        resource: &'a str,
        /// The volume behind it.
        volume_id: &'a str,
        /// The instance of a set.
        #[serde(skip_serializing_if = "Option::is_none")]
        instance_id: Option<&'a InstanceId>,
        /// Why it was decided: of a deletion, what kept it until now.
        reasons: &'a [Reason],
        /// How it ended.
        outcome: Outcome,
        /// The snapshot made, if one was.
        #[serde(skip_serializing_if = "Option::is_none")]
        snapshot_id: Option<&'a SnapshotId>,
        /// What to know about it, in words.
        #[serde(skip_serializing_if = "str::is_empty")]
        detail: &'a str,
    },
    /// A check refused the plan, or one job's part of it.
    Refusal {
        /// Its name.
        check: &'static str,
        /// The job whose part it refused; the whole plan if absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        job: Option<Job>,
        /// How many deletions it held back, where it refused these and nothing else.
        #[serde(skip_serializing_if = "Option::is_none")]
        held: Option<usize>,
        /// The numbers, in words.
        detail: &'a str,
    },
    /// Bad configuration.
    Problem(Noticed<'a>),
    /// Something to look at.
    Finding(Noticed<'a>),
    /// A Region is done with.
    Region {
        /// How it ended.
        conclusion: Conclusion,
        /// Why nothing could be seen, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
        /// Why it ended before its end, if it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        stopped: Option<&'static str>,
        /// How many results there are of each outcome.
        outcomes: &'a BTreeMap<Outcome, usize>,
        /// Counts over the plan.
        #[serde(skip_serializing_if = "Option::is_none")]
        summary: Option<&'a Summary>,
    },
    /// The invocation is done with: its last line.
    Result {
        /// How it ended.
        conclusion: Conclusion,
        /// Why nothing was begun, if so.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
        /// Why there was nothing to do, where the event itself says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        nothing: Option<&'a str>,
        /// What was to be done.
        jobs: &'a [Job],
        /// Results over all Regions.
        outcomes: BTreeMap<Outcome, usize>,
        /// Whether the answer's lists are shorter than they should be.
        truncated: bool,
    },
}

/// A problem or a finding.
#[derive(Debug, Serialize)]
pub struct Noticed<'a> {
    /// The resource's id, or what else it is about.
    pub resource: &'a str,
    /// A stable name.
    pub code: &'static str,
    /// What is wrong, what it means today, and what to write instead.
    pub detail: &'a str,
}

impl<'a> From<&'a Notice> for Noticed<'a> {
    fn from(notice: &'a Notice) -> Self {
        Self { resource: &notice.resource, code: notice.code, detail: &notice.detail }
    }
}

/// The log of one invocation.
pub struct Log<'a, K> {
    clock: &'a K,
    request_id: &'a str,
    sink: &'a Sink,
}

impl<'a, K: Clock> Log<'a, K> {
    /// An invocation's.
    pub fn new(clock: &'a K, request_id: &'a str, sink: &'a Sink) -> Self {
        Self { clock, request_id, sink }
    }

    /// The part of one Region.
    pub fn region(&'a self, place: &'a Place) -> RegionLog<'a, K> {
        RegionLog { log: self, place, reasons: RefCell::default() }
    }

    /// How the invocation ended.
    pub fn ended(&self, answer: &Answer) {
        let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
        for (outcome, count) in answer.places.iter().flat_map(|place| &place.outcomes) {
            *outcomes.entry(*outcome).or_default() += count;
        }
        let what = What::Result {
            conclusion: answer.conclusion,
            error: answer.error.as_deref(),
            nothing: answer.nothing.as_deref(),
            jobs: &answer.jobs,
            outcomes,
            truncated: answer.truncated,
        };
        self.write(None, level(answer.conclusion), what);
    }

    fn write(&self, place: Option<&Place>, level: Level, what: What<'_>) {
        let now = self.clock.now();
        (self.sink)(&Line {
            // As precise as Lambda's own lines.
            timestamp: now.round(jiff::Unit::Millisecond).unwrap_or(now),
            level,
            request_id: self.request_id,
            account: place.map(|place| &place.account),
            region: place.map(|place| &place.region),
            what,
        });
    }
}

/// The log of one Region.
///
/// Of the plan it keeps the reasons of what is to be done, which share their
/// text with the plan, and nothing else.
pub struct RegionLog<'a, K> {
    log: &'a Log<'a, K>,
    place: &'a Place,
    reasons: RefCell<BTreeMap<SmolStr, Vec<Reason>>>,
}

impl<K: Clock> RegionLog<'_, K> {
    /// What a run tells while it goes on.
    pub fn event(&self, event: Event<'_>) {
        match event {
            Event::Listed { .. } | Event::Applying(Progress::Unmarks(_)) => {}
            Event::Planned(plan) => self.planned(plan),
            Event::Applying(Progress::Finished { action, result, done: _, total: _ }) => self.finished(action, result),
        }
    }

    /// How it ended, and what came to light on the way.
    pub fn ended(&self, place: &PlaceResult, notes: &[Notice]) {
        for note in notes {
            self.write(Level::Warn, What::Finding(note.into()));
        }
        let PlaceResult { account: _, region: _, conclusion, error, stopped, now: _, outcomes, summary } = place;
        let what = What::Region {
            conclusion: *conclusion,
            error: error.as_deref(),
            stopped: *stopped,
            outcomes,
            summary: summary.as_ref(),
        };
        self.write(level(*conclusion), what);
    }

    fn planned(&self, plan: &Plan) {
        for check in plan.refusals() {
            let (job, held) = (check.job, check.held());
            self.write(Level::Error, What::Refusal { check: check.check, job, held, detail: &check.detail });
        }
        for problem in &plan.problems {
            self.write(Level::Warn, What::Problem(problem.into()));
        }
        for finding in &plan.findings {
            self.write(Level::Warn, What::Finding(finding.into()));
        }
        let volumes = plan.volumes.iter().filter(|volume| volume.verdict == CreateVerdict::Create);
        let volumes = volumes.map(|volume| (volume.volume_id.as_str(), &volume.reasons));
        let snapshots = plan.snapshots.iter().filter(|snapshot| snapshot.verdict == ExpireVerdict::Delete);
        let snapshots = snapshots.map(|snapshot| (snapshot.snapshot_id.as_str(), &snapshot.reasons));
        let copies = plan.copies.iter().filter(|copy| copy.verdict == CopyState::Copy);
        let copies = copies.map(|copy| (copy.snapshot_id.as_str(), &copy.reasons));
        let reasons = volumes.chain(copies).chain(snapshots).map(|(id, reasons)| (id.into(), reasons.clone()));
        *self.reasons.borrow_mut() = reasons.collect();
    }

    fn finished(&self, action: &Action, result: &ActionResult) {
        // Nothing was changed and nothing is known: counted, in the end.
        if result.outcome == Outcome::NotStarted {
            return;
        }
        let decided = match action {
            Action::CreateSnapshot(_) | Action::CreateSet(_) | Action::CopySnapshot(_) | Action::DeleteSnapshot(_) => {
                true
            }
            Action::FinishTags(_)
            | Action::MarkCopied(_)
            | Action::FollowSource(_)
            | Action::Unshare(_)
            | Action::WriteMarks(_) => false,
        };
        let (volume_id, instance_id) = match action {
            Action::CreateSnapshot(new) => (new.volume_id.as_str(), None),
            // One result for each member.
            Action::CreateSet(set) => (result.resource.as_str(), Some(&set.instance_id)),
            Action::FinishTags(tags) => (tags.volume_id.as_str(), None),
            Action::CopySnapshot(copy) => (copy.volume_id.as_str(), None),
            Action::MarkCopied(mark) => (mark.volume_id.as_str(), None),
            Action::FollowSource(follow) => (follow.volume_id.as_str(), None),
            Action::Unshare(unshare) => (unshare.volume_id.as_str(), None),
            Action::WriteMarks(marks) => (marks.volume_id.as_str(), None),
            Action::DeleteSnapshot(deletion) => (deletion.volume_id.as_str(), None),
        };
        let reasons = self.reasons.borrow();
        let what = What::Action {
            action: action.name(),
            resource: &result.resource,
            volume_id,
            instance_id,
            reasons: reasons.get(&result.resource).filter(|_| decided).map(Vec::as_slice).unwrap_or_default(),
            outcome: result.outcome,
            snapshot_id: result.snapshot_id.as_ref(),
            detail: &result.detail,
        };
        let level = match result.outcome {
            Outcome::Done | Outcome::AlreadyDone => Level::Info,
            Outcome::Changed | Outcome::InUse => Level::Warn,
            Outcome::Denied | Outcome::Failed | Outcome::Unknown | Outcome::NotStarted => Level::Error,
        };
        self.write(level, what);
    }

    fn write(&self, level: Level, what: What<'_>) {
        self.log.write(Some(self.place), level, what);
    }
}

fn level(conclusion: Conclusion) -> Level {
    match conclusion {
        Conclusion::Done => Level::Info,
        Conclusion::Partial | Conclusion::Unfinished => Level::Warn,
        Conclusion::Refused | Conclusion::Failed => Level::Error,
    }
}
