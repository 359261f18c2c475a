//! Long stretches in which some jobs do not run: nobody looks after them, or a trigger comes less
//! often than the schedule.

use std::time::Duration;

use ebskeep_core::cloud::Clock;
use ebskeep_core::inventory::VolumeState;
use ebskeep_core::plan::Job;
use ebskeep_sim::{Deed, Fault, What, When};

use super::Stage;
use super::runs::Wanted;
use crate::scene::{self, Theme};

/// Days without a manager, at least and at most.
const WEEKS: (u64, u64) = (14, 24);
/// Days without a copier, at least and at most; backups are taken each third day.
const MONTHS: (u64, u64) = (45, 100);
/// Days from one backup to the next then.
const SELDOM: u64 = 3;

impl Stage {
    pub(super) async fn pause(&mut self) {
        match self.theme {
            Theme::Copies => self.nothing_is_copied().await,
            Theme::Retention => self.nothing_is_deleted().await,
        }
    }

    /// Backups are taken and expire, and no copier runs.
    async fn nothing_is_copied(&mut self) {
        self.count("nothing was copied for months");
        self.tell("no copier runs for months");
        let from = self.world.now();
        let mut places = scene::destinations();
        places.push(scene::home());
        for _ in 0..self.rng.between(MONTHS.0, MONTHS.1) / SELDOM {
            self.step += 1;
            self.clock.sleep(Duration::from_hours(24 * SELDOM)).await;
            self.run(Wanted::at(scene::home(), &[Job::Create]), false).await;
            let place = self.rng.pick(&places).cloned().unwrap_or_else(scene::home);
            self.run(Wanted::at(place, &[Job::Expire]), false).await;
        }
        self.uncopied = Some((from, self.world.now()));
    }

    /// Creators run once a day, whatever the schedules, and no manager does. In some worlds a
    /// key is broken all the time, and in the end a volume is deleted.
    async fn nothing_is_deleted(&mut self) {
        self.count("nothing was deleted for weeks, and backups were taken once a day");
        self.tell("no manager runs for weeks");
        let broken = self.rng.percent(50);
        if broken {
            self.tell("and a key is broken");
            for action in ["CreateSnapshot", "CreateSnapshots"] {
                let what = What::SnapshotFails { message: "Given key ID is not accessible".into() };
                self.world.fault(Fault { when: When::every(action), what });
            }
        }
        for _ in 0..self.rng.between(WEEKS.0, WEEKS.1) {
            self.step += 1;
            let minutes = self.rng.between(23 * 60, 25 * 60);
            self.clock.sleep(Duration::from_secs(60 * minutes)).await;
            self.what_was_put_off();
            for place in self.sites.clone() {
                for deployment in 0..self.deployments.len() {
                    self.run(Wanted { deployment, ..Wanted::at(place.clone(), &[Job::Create]) }, false).await;
                }
            }
            if self.rng.percent(25) {
                self.somebody_acts();
            }
        }
        if broken {
            self.world.disarm();
            self.deletes_what_failed();
        }
    }

    /// Somebody deletes a volume whose backups have failed for weeks.
    fn deletes_what_failed(&mut self) {
        let place = self.site();
        let census = self.world.census(&place);
        let free: Vec<_> = census.volumes.iter().filter(|volume| volume.state == VolumeState::Available).collect();
        let Some(volume) = self.rng.pick(&free).map(|volume| volume.id.clone()) else { return };
        let counts = Some("a volume was deleted long after its backups failed");
        self.later.add(self.world.now(), 0, &place, Deed::DeleteVolume { volume }, counts);
        self.what_was_put_off();
    }
}
