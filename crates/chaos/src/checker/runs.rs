//! What must hold of each run and its report: nothing is told that is not so.

use std::collections::BTreeSet;

use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_core::plan::{Action, Job};
use ebskeep_core::report::{Conclusion, Outcome, Report};
use ebskeep_sim::{CHANGES, Call, Census, World};
use jiff::{SignedDuration, Timestamp};

use super::keep::{Limits, lineage, time, wanted};
use super::{UNDER_WAY, Violation};

/// From this far on a clock is surely wrong: more than the five minutes that are
/// allowed, and what an answer takes on its way.
const WRONG: SignedDuration = SignedDuration::from_secs(330);

/// How long after it was told to stop a call of a run may arrive at most: one that was under way,
/// with a role to be assumed before it.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(2);

/// A run that is over.
#[derive(Debug)]
pub struct Ran<'a> {
    /// Where.
    pub place: &'a Place,
    /// As which deployment.
    pub limits: &'a Limits,
    /// When it began.
    pub from: Timestamp,
    /// How far its machine's clock was off.
    pub off: SignedDuration,
    /// When it was told to stop, if it was still at work then.
    pub stop: Option<Timestamp>,
    /// Whether another one ran at the same time.
    pub beside: bool,
    /// All calls since it began.
    pub calls: &'a [Call],
}

/// Holds a run against what its machine's clock allowed.
pub fn clock(ran: &Ran<'_>) -> Vec<Violation> {
    if ran.off.abs() < WRONG || ran.beside {
        return Vec::new();
    }
    let changes = ran.calls.iter().filter(|call| CHANGES.contains(&call.action.as_str()));
    let told = |call: &Call| {
        let detail = format!("{} at {} by a machine whose clock is off by {}", call.action, call.at, ran.off);
        Violation::new("wrong-clock", detail)
    };
    changes.map(told).collect()
}

/// Holds a run against the moment at which it was told to stop: from then on it begins no call.
pub fn stop(ran: &Ran<'_>) -> Vec<Violation> {
    let Some(stop) = ran.stop.filter(|_| !ran.beside) else { return Vec::new() };
    let late = ran.calls.iter().filter(|call| call.at.duration_since(stop) > ON_ITS_WAY);
    let told = |call: &Call| {
        Violation::new("called-after-stop", format!("{} at {}, told to stop at {stop}", call.action, call.at))
    };
    late.map(told).collect()
}

/// Holds a run's report against the world.
pub fn check(ran: &Ran<'_>, report: &Report, world: &World) -> Vec<Violation> {
    let mut truth = Truth { ran, report, census: world.census(ran.place), found: Vec::new() };
    truth.each_action_has_its_results();
    truth.results(world);
    truth.success();
    truth.all_is_done(world);
    truth.found
}

struct Truth<'a> {
    ran: &'a Ran<'a>,
    report: &'a Report,
    census: Census,
    found: Vec<Violation>,
}

impl Truth<'_> {
    fn there(&self, id: &SnapshotId) -> Option<&Snapshot> {
        self.census.snapshots.iter().find(|snapshot| snapshot.id == *id)
    }

    fn wrong(&mut self, what: &'static str, detail: String) {
        self.found.push(Violation::new(what, detail));
    }

    /// What became of each action is told, once; of a set, of each member. Of what a check
    /// refuses, too: that it was not begun.
    fn each_action_has_its_results(&mut self) {
        let planned = self.report.plan.actions.len();
        for result in self.report.results.iter().filter(|result| result.action >= planned) {
            let detail = format!("{} has a result of no action: {}", result.resource, result.action);
            self.found.push(Violation::new("not-told", detail));
        }
        for (index, action) in self.report.plan.actions.iter().enumerate() {
            let results = self.report.results.iter().filter(|result| result.action == index);
            let mut told: Vec<&str> = results.map(|result| result.resource.as_str()).collect();
            told.sort_unstable();
            let right = match action {
                Action::CreateSet(set) => {
                    let mut members: Vec<_> = set.members.iter().map(|one| one.alone.volume_id.as_str()).collect();
                    members.sort_unstable();
                    told == members
                }
                _ => told.len() == 1,
            };
            if !right {
                let detail = format!("{} (action {index}) has results of {told:?}", action.name());
                self.found.push(Violation::new("not-told", detail));
            }
        }
    }

    fn results(&mut self, world: &World) {
        for result in &self.report.results {
            let Some(action) = self.report.plan.actions.get(result.action) else { continue };
            let made = result.snapshot_id.as_ref();
            let (about, name) = (&result.resource, action.name());
            match (action, result.outcome.is_success()) {
                (Action::CreateSnapshot(_) | Action::CreateSet(_), true) => {
                    let is = made.and_then(|id| self.there(id)).is_some_and(|snapshot| {
                        snapshot.volume.as_str() == about && snapshot.tags.get("ebskeep:volume") == Some(about)
                    });
                    if !is && !self.ran.beside {
                        self.wrong("said-and-not-done", format!("{name} of {about}: {made:?}"));
                    }
                }
                (Action::DeleteSnapshot(deletion), true) if self.there(&deletion.snapshot_id).is_some() => {
                    self.wrong("said-and-not-done", format!("{name} of {about}"));
                }
                (Action::CopySnapshot(copy), true) => {
                    let at = copy.destination.place(&self.ran.place.account);
                    let is = made.is_some_and(|id| world.census(&at).snapshots.iter().any(|s| s.id == *id));
                    if !is && !self.ran.beside {
                        self.wrong("said-and-not-done", format!("{name} of {about} to {at}: {made:?}"));
                    }
                }
                // No user deletes while a run goes on; another run may.
                (Action::DeleteSnapshot(deletion), false)
                    if result.outcome != Outcome::Unknown
                        && !self.ran.beside
                        && self.there(&deletion.snapshot_id).is_none() =>
                {
                    self.wrong("said-nothing-was-done", format!("{name} of {about}: {:?}", result.outcome));
                }
                (Action::CreateSnapshot(_) | Action::CreateSet(_), false) if made.is_none() => {
                    let denied = !matches!(result.outcome, Outcome::Unknown);
                    if denied && !self.blind(world) && self.taken(about) {
                        self.wrong("said-nothing-was-done", format!("{name} of {about}: {:?}", result.outcome));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the run could not see what it had begun, or another was at work.
    fn blind(&self, world: &World) -> bool {
        let late = !world.current_rules().stale_for.is_zero();
        late || self.ran.beside
            || self.ran.calls.iter().any(|call| call.faults.iter().any(|fault| fault == "stale-listing"))
    }

    /// Whether a snapshot of this volume was begun by us since the run began.
    fn taken(&self, volume: &str) -> bool {
        let deployment = Some(self.ran.limits.deployment.as_str());
        self.census.snapshots.iter().any(|snapshot| {
            snapshot.volume.as_str() == volume
                && snapshot.started >= self.ran.from
                && snapshot.tags.get("ebskeep:deployment") == deployment
                && snapshot.state != SnapshotState::Error
        })
    }

    /// A creator that says that everything is done has backed up every volume, if not
    /// for this slot, then for the one before.
    fn success(&mut self) {
        let (plan, limits) = (&self.report.plan, self.ran.limits);
        if !plan.jobs.contains(&Job::Create) || self.report.conclusion() != Conclusion::Done {
            return;
        }
        let mut missing = BTreeSet::new();
        for volume in &self.census.volumes {
            let every = wanted(&self.census, volume, limits);
            let Some(due) = every.iter().map(|every| every.slot_before(plan.now)).max() else { continue };
            let taken = lineage(&self.census, &volume.id, &limits.deployment);
            // What failed may still have been pending when the run looked.
            let pending = plan.now.checked_sub(UNDER_WAY).unwrap_or(plan.now);
            let counts = |s: &&&Snapshot| s.state != SnapshotState::Error || s.started >= pending;
            if !taken.iter().filter(counts).any(|snapshot| time(snapshot) >= due) {
                missing.insert(volume.id.clone());
            }
        }
        for volume in missing {
            self.wrong("wrong-success", format!("{}: nothing of {volume} at {}", limits.deployment, plan.now));
        }
    }

    /// One that says that everything is done has done each action of its plan, by its results
    /// and by the world.
    fn all_is_done(&mut self, world: &World) {
        if self.report.conclusion() != Conclusion::Done {
            return;
        }
        let mut wrong = Vec::new();
        for result in self.report.results.iter().filter(|result| !result.outcome.is_success()) {
            wrong.push(format!("{} is {:?}", result.resource, result.outcome));
        }
        for action in &self.report.plan.actions {
            match action {
                Action::DeleteSnapshot(deletion) if self.there(&deletion.snapshot_id).is_some() => {
                    wrong.push(format!("{} is there", deletion.snapshot_id));
                }
                // Beside another run a copy may be gone again, and so may a backup.
                Action::CopySnapshot(copy) if !self.ran.beside => {
                    let at = copy.destination.place(&self.ran.place.account);
                    let source = Some(copy.snapshot_id.as_str());
                    let there = world.census(&at).snapshots;
                    if !there.iter().any(|snapshot| snapshot.tags.get("Source_SnapshotId") == source) {
                        wrong.push(format!("{} has no copy at {at}", copy.snapshot_id));
                    }
                }
                _ => {}
            }
        }
        for why in wrong {
            self.wrong("wrong-success", format!("done, it says at {}, and {why}", self.ran.place));
        }
    }
}
