//! Runs of the product: one, or two that overlap, with users who act meanwhile.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::job::{Request, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::Job;
use ebskeep_core::report::Report;
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::{Stop, Why};
use ebskeep_sim::Call;
use futures::future::{Either, select};
use jiff::SignedDuration;

use super::{AND, Stage};
use crate::checker::Overlap;
use crate::clock::Off;
use crate::flaw::Flaw;
use crate::flawed::Flawed;
use crate::later::Later;
use crate::mortal::{Death, Fate, Mortal};
use crate::rng::Rng;
use crate::scene::Theme;
use crate::users::User;

/// Things that users do while a run goes on, if they do.
const INTERFERENCES: u64 = 3;

/// A run and how it is to end.
pub(super) struct Wanted {
    pub(super) place: Place,
    pub(super) jobs: Vec<Job>,
    pub(super) only: Option<BTreeSet<SnapshotId>>,
    /// Whose, by number.
    pub(super) deployment: usize,
    /// How far its machine's clock is off.
    pub(super) off: SignedDuration,
    pub(super) dies: Option<Death>,
    /// How long after it began it is told to stop.
    pub(super) stops: Option<Duration>,
    /// Whether another run is at work in its Place.
    pub(super) beside: bool,
}

impl Wanted {
    pub(super) fn at(place: Place, jobs: &[Job]) -> Self {
        Self {
            place,
            jobs: jobs.to_vec(),
            only: None,
            deployment: 0,
            off: SignedDuration::ZERO,
            dies: None,
            stops: None,
            beside: false,
        }
    }
}

pub(super) enum Done {
    /// In this call, its effect done or not.
    Died(&'static str, bool),
    Failed(String, Stopped),
    Reported(Box<Report>, Stopped),
}

/// When a run was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It was not, or was over by then.
    Never,
    Planning,
    Applying,
}

impl Stage {
    pub(super) async fn both(&mut self, mut one: Wanted, mut two: Wanted) {
        let (from, first_call) = (self.world.now(), self.world.calls_so_far());
        let beside = one.place == two.place || self.theme == Theme::Copies;
        self.count(if beside { "two runs at once" } else { "two accounts at once" });
        let words = |wanted: &Wanted| format!("{:?} at {}{}", wanted.jobs, wanted.place, stops(wanted));
        self.tell(format_args!("{} beside {}", words(&one), words(&two)));
        let later = if self.rng.percent(50) { 0 } else { self.rng.between(1, 240) };
        if later > 0 && beside {
            self.count("two runs at once, one of them later");
        }
        (one.beside, two.beside) = (beside, beside);
        let before = self.world.census(&one.place);
        let (mut rng, acts) = (self.rng.clone(), self.theme == Theme::Retention && self.rng.percent(40));
        let (first, second, did) = futures::join!(
            self.drive(&one),
            async {
                self.clock.sleep(Duration::from_secs(later)).await;
                self.drive(&two).await
            },
            async {
                if acts { self.interfere(&one.place, &mut rng, 1_000 + 500 * later).await } else { String::new() }
            }
        );
        self.rng = rng;
        self.did(&did);
        if beside {
            if !did.is_empty() {
                self.count("users act while two runs overlap");
            }
            if self.theme == Theme::Retention {
                self.together(&one, &two, &before);
            }
            // Of a copier beside the manager of another Place, too: it tags copies there.
            let places: BTreeSet<Place> = [one.place.clone(), two.place.clone()].into();
            let to = self.world.now();
            self.overlaps.extend(places.into_iter().map(|place| Overlap { place, from, to }));
        }
        let calls = self.world.calls_from(first_call);
        let second_from = from.checked_add(Duration::from_secs(later)).unwrap_or(from);
        for (wanted, done, from) in [(one, first, from), (two, second, second_from)] {
            // Of two accounts at once each is held to its own calls.
            let its = |call: &&Call| beside || call.account == wanted.place.account;
            let its: Vec<Call> = calls.iter().filter(its).cloned().collect();
            self.note(&wanted, done, (from, &its));
        }
        self.judge(&calls);
    }

    pub(super) async fn run(&mut self, wanted: Wanted, interfered: bool) {
        let only = wanted.only.as_ref().map(|only| format!(" of {only:?}")).unwrap_or_default();
        let off = if wanted.off.is_zero() { String::new() } else { format!(", its clock off by {:#}", wanted.off) };
        let name = &self.deployments.get(wanted.deployment).map(|d| d.limits.deployment.clone()).unwrap_or_default();
        let stops = stops(&wanted);
        self.tell(format_args!("{:?}{only} at {} ({name}){off}{stops}", wanted.jobs, wanted.place));
        let (from, first_call) = (self.world.now(), self.world.calls_so_far());
        let before = self.world.census(&wanted.place);
        let done = if interfered {
            let mut rng = self.rng.clone();
            let (done, did) = futures::join!(self.drive(&wanted), self.interfere(&wanted.place, &mut rng, 1_000));
            self.rng = rng;
            self.did(&did);
            done
        } else {
            self.drive(&wanted).await
        };
        let calls = self.world.calls_from(first_call);
        self.note(&wanted, done, (from, &calls));
        self.bounded(&wanted, &before);
        self.judge(&calls);
    }

    /// What a user does while a run goes on, or two, with at most so many milliseconds before
    /// each.
    async fn interfere(&self, place: &Place, rng: &mut Rng, wait: u64) -> String {
        let (mut later, counts) = (Later::default(), None);
        let mut user = User { world: &self.world, place, witness: &self.witness, rng, later: &mut later, counts };
        let mut did = Vec::new();
        for _ in 0..INTERFERENCES {
            let wait = Duration::from_millis(user.rng.between(50, wait));
            self.clock.sleep(wait).await;
            did.push(user.interferes());
        }
        did.retain(|one| !one.is_empty());
        did.join(AND)
    }

    async fn drive(&self, wanted: &Wanted) -> Done {
        let Some(deployment) = self.deployments.get(wanted.deployment) else {
            return Done::Failed("nobody's".to_owned(), Stopped::Never);
        };
        let key = format!("AKIASIM{}", wanted.place.account);
        let (fate, hears) = match wanted.dies {
            None => (Fate::lives(), None),
            Some(death) => {
                let (fate, hears) = Fate::dies(death);
                (fate, Some(hears))
            }
        };
        let (clouds, began) = (self.world.clouds(&key), self.world.now());
        let clouds = Mortal::new(clouds, fate.clone(), &self.witness, &deployment.limits, began);
        let clouds = Flawed::new(clouds, self.flaw, wanted.off);
        let clock = Off::new(self.clock.clone(), wanted.off);
        let mut settings = deployment.settings.clone();
        if let Some(flaw) = self.flaw.filter(|_| wanted.beside) {
            flaw.mis_set_beside(&mut settings);
        }
        let work = async {
            let mut done = Box::pin(whole(&clouds, &clock, &settings, wanted, self.flaw)).await;
            if let (Done::Reported(report, _), Some(flaw)) = (&mut done, self.flaw) {
                flaw.mis_tell(report);
            }
            done
        };
        let Some(hears) = hears else { return work.await };
        match select(pin!(work), pin!(hears)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => match fate.death() {
                Some((call, after)) => Done::Died(call, after),
                None => Done::Failed("dropped".to_owned(), Stopped::Never),
            },
        }
    }
}

/// When a run is told to stop, in words.
fn stops(wanted: &Wanted) -> String {
    wanted.stops.map(|after| format!(", told to stop after {after:?}")).unwrap_or_default()
}

/// Plans and carries out. One that is to stop is told so as a function is before its deadline.
async fn whole<C: Clouds, K: Clock>(
    clouds: &C,
    clock: &K,
    settings: &Settings,
    wanted: &Wanted,
    flaw: Option<Flaw>,
) -> Done {
    let request = Request { only: wanted.only.clone(), ..Request::new(wanted.jobs.iter().copied()) };
    let stop = Stop::new();
    let pacing = Pacing::new(settings.api_share);
    let run = Run::new(clouds, &wanted.place, clock, settings, &stop, &pacing, &|_, _| {});
    let work = async {
        let planned = run.plan(&request).await;
        let planning = stop.raised().map_or(Stopped::Never, |_| Stopped::Planning);
        match planned {
            Ok(planned) => {
                let report = run.apply(planned).await;
                let stopped = match report.stopped {
                    Some(_) if planning == Stopped::Never => Stopped::Applying,
                    Some(_) => planning,
                    None => Stopped::Never,
                };
                Done::Reported(Box::new(report), stopped)
            }
            Err(error) => Done::Failed(error.to_string(), planning),
        }
    };
    let Some(after) = wanted.stops else { return work.await };
    let deadline = async {
        clock.sleep(after).await;
        if flaw != Some(Flaw::StopNotHeard) {
            stop.raise(Why::Deadline);
        }
    };
    match select(pin!(work), pin!(deadline)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), work)) => work.await,
    }
}
