//! The executor: carries a plan out and records what became of each action.
//!
//! It makes no choices. What a plan does not hold, or a check refuses, is not
//! done; what AWS refuses is recorded and stops nothing else. Creations come first, then tags left
//! unwritten by an earlier run, then copies, then deletions: a run that is cut
//! short has backed up before it deleted. Everything runs in one task, a bounded
//! number of actions side by side; pace and retries are [`crate::paced`]'s.

mod batch;
mod copies;
mod copy;
mod create;
mod delete;
mod refusal;
mod retag;
mod set;
mod share;
mod tagging;
mod unmark;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use smol_str::SmolStr;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{Clock, Clouds};
use crate::id::SnapshotId;
use crate::paced::Paced;
use crate::plan::{Action, Notice, Plan, Refuses};
use crate::reach::Reach;
use crate::report::{ActionResult, Outcome};
pub use retag::retag;

/// Creations under way at the same time. So wide that those which wait until AWS
/// takes one of that volume (15 s, or minutes) do not hold up the others; how
/// many calls are in flight is the token bucket's to say.
const CREATIONS_AT_ONCE: usize = 1_000;
/// Other calls under way at the same time, within one set or batch.
const CALLS_AT_ONCE: usize = 16;

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// One for each action (of a set: for each member), in the plan's order.
    pub results: Vec<ActionResult>,
    /// What came to light on the way.
    pub notes: Vec<Notice>,
}

/// What is told of the work while it goes on.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// An action, or a member of a set, ended.
    Finished {
        /// Which.
        action: &'a Action,
        /// How.
        result: &'a ActionResult,
        /// Results so far.
        done: usize,
        /// Results there will be.
        total: usize,
    },
    /// All is settled; only the marks are still on what was not deleted, and
    /// come off after that long.
    Unmarks(SignedDuration),
}

/// Told of it.
pub type OnProgress<'a> = dyn Fn(Progress<'_>) + 'a;

/// Carries `plan` out, save the actions that one of its checks refuses: those are
/// recorded as not begun. Looks at nothing but the plan.
pub async fn apply<S: Clouds, K: Clock>(reach: &Reach<'_, S, K>, plan: &Plan, on_progress: &OnProgress<'_>) -> Applied {
    let log = Log::new(plan, on_progress);
    let act = Act { reach, cloud: reach.home(), plan, log, rewritten: RefCell::default() };
    for (index, action) in plan.actions.iter().enumerate() {
        if let Some(check) = plan.refusal_of_action(action) {
            for member in 0..results_of(action) {
                let verb = if check.refuses == Refuses::Deletions { "held back" } else { "refused" };
                let why = format!("{verb} by the check {}", check.check);
                act.log.keep(index, member, Ending::new(Outcome::NotStarted).detail(why));
            }
        }
    }
    let indexed = || plan.actions.iter().enumerate().filter(|(_, action)| plan.refusal_of_action(action).is_none());
    stream::iter(indexed())
        .for_each_concurrent(CREATIONS_AT_ONCE, async |(index, action)| match action {
            Action::CreateSnapshot(new) => act.snapshot(index, new).await,
            Action::CreateSet(new) => act.set(index, new).await,
            _ => {}
        })
        .await;
    stream::iter(indexed())
        .for_each_concurrent(CALLS_AT_ONCE, async |(index, action)| {
            if let Action::FinishTags(tags) = action {
                act.finish(index, tags).await;
            }
        })
        .await;
    let deletions = indexed().filter_map(|(index, action)| match action {
        Action::DeleteSnapshot(deletion) => Some((index, deletion)),
        _ => None,
    });
    act.copies_then(indexed(), deletions).await;
    act.log.finish()
}

/// How many results an action has.
fn results_of(action: &Action) -> usize {
    match action {
        Action::CreateSet(set) => set.members.len(),
        _ => 1,
    }
}

/// What the parts of the executor share.
struct Act<'a, 'r, S: Clouds, K> {
    reach: &'a Reach<'r, S, K>,
    /// The plan's own Place.
    cloud: &'a Paced<'r, S::Cloud, K>,
    plan: &'a Plan,
    log: Log<'a>,
    /// Tags that this run itself wrote or removed on snapshots the plan knew
    /// with others: no reason for it to leave them alone.
    rewritten: RefCell<BTreeSet<(SnapshotId, SmolStr)>>,
}

/// How one action, or one member of a set, ended.
#[derive(Clone, Debug)]
struct Ending {
    outcome: Outcome,
    snapshot_id: Option<SnapshotId>,
    detail: String,
}

impl Ending {
    fn new(outcome: Outcome) -> Self {
        Self { outcome, snapshot_id: None, detail: String::new() }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    fn snapshot(mut self, id: SnapshotId) -> Self {
        self.snapshot_id = Some(id);
        self
    }
}

/// What happened so far.
struct Log<'a> {
    plan: &'a Plan,
    on_progress: &'a OnProgress<'a>,
    total: usize,
    /// By action and member.
    results: RefCell<BTreeMap<(usize, usize), ActionResult>>,
    notes: RefCell<Vec<Notice>>,
}

impl<'a> Log<'a> {
    fn new(plan: &'a Plan, on_progress: &'a OnProgress<'a>) -> Self {
        let total = plan.actions.iter().map(results_of).sum();
        Self { plan, on_progress, total, results: RefCell::default(), notes: RefCell::default() }
    }

    /// Notes how something ended, and tells of it.
    fn record(&self, index: usize, member: usize, ending: Ending) {
        if let Some((action, result, done)) = self.keep(index, member, ending) {
            (self.on_progress)(Progress::Finished { action, result: &result, done, total: self.total });
        }
    }

    /// Notes how something ended without telling of it: nothing happened, or it was told
    /// and there is more to say.
    fn keep(&self, index: usize, member: usize, ending: Ending) -> Option<(&'a Action, ActionResult, usize)> {
        let action = self.plan.actions.get(index)?;
        let Ending { outcome, snapshot_id, detail } = ending;
        let resource: SmolStr = match action {
            Action::CreateSnapshot(new) => new.volume_id.as_str().into(),
            Action::CreateSet(set) => {
                set.members.get(member).map_or(set.instance_id.as_str(), |m| m.alone.volume_id.as_str()).into()
            }
            Action::FinishTags(tags) => tags.snapshot_id.as_str().into(),
            Action::CopySnapshot(copy) => copy.snapshot_id.as_str().into(),
            Action::MarkCopied(mark) => mark.snapshot_id.as_str().into(),
            Action::FollowSource(follow) => follow.snapshot_id.as_str().into(),
            Action::Unshare(unshare) => unshare.snapshot_id.as_str().into(),
            Action::WriteMarks(marks) => marks.snapshot_id.as_str().into(),
            Action::DeleteSnapshot(deletion) => deletion.snapshot_id.as_str().into(),
        };
        let result = ActionResult { action: index, resource, outcome, snapshot_id, detail };
        let mut results = self.results.borrow_mut();
        results.insert((index, member), result.clone());
        Some((action, result, results.len()))
    }

    /// Tells that marks come off after that long.
    fn unmarks(&self, after: SignedDuration) {
        (self.on_progress)(Progress::Unmarks(after));
    }

    fn note(&self, resource: &str, code: &'static str, detail: String) {
        self.notes.borrow_mut().push(Notice { resource: resource.into(), code, detail });
    }

    fn finish(self) -> Applied {
        let mut notes = self.notes.into_inner();
        notes.sort();
        Applied { results: self.results.into_inner().into_values().collect(), notes }
    }
}
