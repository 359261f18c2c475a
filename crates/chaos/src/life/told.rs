//! What is told, counted and judged of what happened.

use ebskeep_core::plan::{Action, ExpireVerdict, Job};
use ebskeep_core::report::{Outcome, Report};
use ebskeep_sim::{Call, Census};
use jiff::Timestamp;

use super::runs::{Done, Stopped, Wanted};
use super::{AND, Stage};
use crate::checker::Violation;
use crate::checker::bulk;
use crate::checker::runs::{self, Ran};
use crate::checker::together::{self, Both};
use crate::coverage;
use crate::scene::{self, Theme};

impl Stage {
    pub(super) fn count(&mut self, what: impl Into<String>) {
        *self.coverage.entry(what.into()).or_default() += 1;
    }

    pub(super) fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push(format!("{}  {:>3}  {what}", self.world.now(), self.step));
    }

    pub(super) fn did(&mut self, did: &str) {
        for one in did.split(AND).filter(|one| !one.is_empty()) {
            if !one.starts_with("refused") {
                let deed = one.split([' ', '{']).next().unwrap_or_default();
                self.count(format!("user {deed}"));
            }
            self.tell(format_args!("a user: {one}"));
        }
    }

    /// Holds what two runs left against what there was before either.
    pub(super) fn together(&mut self, one: &Wanted, two: &Wanted, before: &Census) {
        let Some(deployment) = self.deployments.get(one.deployment) else { return };
        let after = self.world.census(&one.place);
        let (place, now, limits) = (&one.place, self.world.now(), &deployment.limits);
        let (found, volumes) = together::check(&Both { place, before, after: &after, now, limits });
        if volumes > 0 && [one, two].iter().all(|wanted| wanted.jobs.contains(&Job::Expire)) {
            self.count("two managers at once, and something went");
        }
        self.amiss(found);
    }

    /// Holds what a run took against what it may take of one lineage.
    pub(super) fn bounded(&mut self, wanted: &Wanted, before: &Census) {
        let Some(deployment) = self.deployments.get(wanted.deployment) else { return };
        let (after, now, limits) = (self.world.census(&wanted.place), self.world.now(), &deployment.limits);
        let found = bulk::check(&bulk::Run { before, after: &after, now, limits });
        self.amiss(found);
    }

    /// Holds what is new since the last step against what must hold of it.
    pub(super) fn judge(&mut self, calls: &[Call]) {
        let judged = self.steps.judge(&self.world, calls, &self.overlaps);
        for what in judged.counted {
            self.count(what);
        }
        self.amiss(judged.found);
    }

    /// Notes what does not hold after this step.
    fn amiss(&mut self, found: Vec<Violation>) {
        let step = Some(self.step);
        self.violations.extend(found.into_iter().map(|violation| Violation { step, ..violation }));
    }

    pub(super) fn note(&mut self, wanted: &Wanted, done: Done, (from, calls): (Timestamp, &[Call])) {
        coverage::count(&mut self.coverage, if wanted.beside { &[] } else { calls });
        let now = self.world.now();
        let mut found = self.witness.verdict();
        if let Some(deployment) = self.deployments.get_mut(wanted.deployment) {
            if wanted.jobs.contains(&Job::Create) {
                deployment.created.insert(wanted.place.clone(), now);
            }
            let limits = &deployment.limits;
            let Wanted { place, off, beside, stops, .. } = wanted;
            let stop = stops.and_then(|after| from.checked_add(after).ok());
            let ran = Ran { place, limits, from, off: *off, stop, beside: *beside, calls };
            found.extend(runs::clock(&ran));
            found.extend(runs::stop(&ran));
            if let Done::Reported(report, _) = &done {
                found.extend(runs::check(&ran, report, &self.world));
            }
        }
        self.amiss(found);
        match done {
            Done::Died(call, after) => {
                let when = if after { "after" } else { "before" };
                self.count(format!("death {call} {when}"));
                self.tell(format_args!("  died {when} the effect of {call}"));
            }
            Done::Failed(why, stopped) => {
                self.tell(format_args!("  failed: {why}"));
                self.stopped(stopped);
            }
            Done::Reported(report, stopped) => {
                self.reported(wanted, &report);
                self.stopped(stopped);
                let some = |outcome| report.results.iter().any(|result| result.outcome == outcome);
                if stopped == Stopped::Applying && some(Outcome::Done) && some(Outcome::NotStarted) {
                    self.count("stopped with something done and something not begun");
                }
            }
        }
    }

    fn stopped(&mut self, stopped: Stopped) {
        let while_it = match stopped {
            Stopped::Never => return,
            Stopped::Planning => "stopped while planning",
            Stopped::Applying => "stopped while applying",
        };
        self.count(while_it);
        self.tell(format_args!("  {while_it}"));
    }

    fn reported(&mut self, wanted: &Wanted, report: &Report) {
        for result in &report.results {
            let action = report.plan.actions.get(result.action).map(Action::name).unwrap_or_default();
            self.count(format!("outcome {action} {:?}", result.outcome));
            if result.snapshot_id.is_some() && self.fleet.shared.iter().any(|shared| shared.as_str() == result.resource)
            {
                self.count("backed up what is on several instances");
            }
            if self.theme == Theme::Retention && wanted.place != scene::home() {
                self.count(format!("second account: {action} {:?}", result.outcome));
            }
            let made = result.snapshot_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            self.tell(format_args!("  {action} {}{made} {:?} {}", result.resource, result.outcome, result.detail));
        }
        for verdict in report.plan.snapshots.iter().filter(|verdict| verdict.verdict != ExpireVerdict::Delete) {
            for reason in &verdict.reasons {
                self.count(format!("keeps {}", reason.rule));
            }
        }
        for verdict in &report.plan.volumes {
            for reason in verdict.reasons.iter().filter(|reason| !matches!(reason.rule, "due" | "not-due")) {
                self.count(format!("skips {}", reason.rule));
                self.tell(format_args!("  {} is skipped: {}: {}", verdict.volume_id, reason.rule, reason.detail));
            }
        }
        if self.sites.contains(&wanted.place) {
            let all = report.plan.findings.iter().chain(&report.notes);
            let found = all.map(|notice| (notice.code.to_owned(), notice.resource.clone())).collect();
            self.findings.insert((wanted.deployment, wanted.place.clone(), wanted.jobs.clone()), found);
        }
        for check in report.plan.refusals() {
            self.count(format!("refused {}", check.check));
            self.tell(format_args!("  refused by {}: {}", check.check, check.detail));
        }
    }
}
