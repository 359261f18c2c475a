//! What happens next: which run, at which Place, of whom, how it ends; all of it by chance.

use std::time::Duration;

use ebskeep_core::id::Place;
use ebskeep_core::plan::Job;
use jiff::SignedDuration;

use super::Stage;
use super::runs::Wanted;
use crate::faults;
use crate::mortal::Death;
use crate::scene;

impl Stage {
    /// The next run in a world of copies, or nothing where users are about to act.
    pub(super) fn of_copies(&mut self) -> Option<Wanted> {
        Some(match self.rng.below(100) {
            0..30 => Wanted::at(scene::home(), &[Job::Create]),
            30..58 => Wanted::at(scene::home(), &[Job::Copy]),
            58..68 => self.event(),
            68..90 => self.manager(),
            90..93 => Wanted::at(scene::home(), &Job::ALL),
            _ => return None,
        })
    }

    /// The same in a world of retention.
    pub(super) fn of_retention(&mut self) -> Option<Wanted> {
        let jobs: &[Job] = match self.rng.below(100) {
            0..32 => &[Job::Create],
            32..62 => &[Job::Expire],
            62..68 => &[Job::Create, Job::Expire],
            _ => return None,
        };
        let deployment = usize::try_from(self.rng.below(self.deployments.len() as u64)).unwrap_or(0);
        Some(Wanted { deployment, ..Wanted::at(self.site(), jobs) })
    }

    /// One of the Places that have primaries.
    pub(super) fn site(&mut self) -> Place {
        self.rng.pick(&self.sites).cloned().unwrap_or_else(scene::home)
    }

    /// The same run in another account, which is begun by the same minute of the clock: each
    /// account has its own function, or line of cron.
    pub(super) fn in_another_account(&mut self, wanted: &Wanted) -> Option<Wanted> {
        let place = self.sites.iter().find(|site| **site != wanted.place)?.clone();
        if self.sites.len() == 1 || !self.rng.percent(30) {
            return None;
        }
        let dies = if self.rng.percent(22) { Some(self.death()) } else { None };
        let stops = self.stop();
        Some(Wanted { deployment: wanted.deployment, dies, stops, ..Wanted::at(place, &wanted.jobs) })
    }

    pub(super) fn death(&mut self) -> Death {
        let only = if self.rng.percent(60) { self.rng.pick(faults::actions(self.theme)).copied() } else { None };
        let after = self.rng.below(if only.is_some() { 2 } else { 25 });
        Death { after, only, after_effect: self.rng.percent(50) }
    }

    /// After how long a run is told to stop, if it is: one in twelve is. Most are over within
    /// seconds, some wait for minutes.
    pub(super) fn stop(&mut self) -> Option<Duration> {
        if self.rng.below(12) > 0 {
            return None;
        }
        let most = *self.rng.pick(&[1_000, 3_000, 20_000, 180_000]).unwrap_or(&1_000);
        Some(Duration::from_millis(self.rng.between(200, most)))
    }

    /// Most machines' clocks are right, some are off by minutes, a few by too many.
    pub(super) fn clock_off(&mut self) -> SignedDuration {
        let minutes = match self.rng.below(100) {
            0..70 => 0,
            70..96 => self.rng.between(1, 4),
            _ => self.rng.between(6, 30),
        };
        let by = SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(0));
        if self.rng.percent(50) { by } else { -by }
    }

    /// The copier as it is called by an event: for a few snapshots only. Most events
    /// are lost.
    fn event(&mut self) -> Wanted {
        let history = self.world.history();
        let mut new: Vec<_> = history
            .iter()
            .filter(|past| past.deleted.is_none() && past.place == scene::home() && past.completed.is_some())
            .collect();
        new.sort_by_key(|past| std::cmp::Reverse(past.started));
        let many = usize::try_from(self.rng.between(1, 3)).unwrap_or(1);
        let only = new.iter().take(many).map(|past| past.id.clone()).collect();
        Wanted { only: Some(only), ..Wanted::at(scene::home(), &[Job::Copy]) }
    }

    /// The manager of some Place.
    fn manager(&mut self) -> Wanted {
        let mut places = scene::destinations();
        places.push(scene::home());
        places.push(scene::home());
        let place = self.rng.pick(&places).cloned().unwrap_or_else(scene::home);
        Wanted::at(place, &[Job::Expire])
    }
}
