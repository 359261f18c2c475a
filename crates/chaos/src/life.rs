//! One world, from its seed to its end: days or weeks of runs, faults, deaths and
//! users, then quiet, then the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::job::{Request, Run};
use ebskeep_core::plan::{Action, ExpireVerdict, Job};
use ebskeep_core::report::Report;
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_sim::{Act, Call, Census, Deed, Rules, World, WorldClock};
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::checker::keep::Limits;
use crate::checker::runs::{self, Ran};
use crate::checker::steps::Steps;
use crate::checker::together::{self, Both};
use crate::checker::{self, Facts, Overlap, Site, Violation};
use crate::clock::Off;
use crate::coverage::{self, Coverage};
use crate::faults;
use crate::flaw::Flaw;
use crate::flawed::Flawed;
use crate::mortal::{Death, Fate, Mortal};
use crate::rng::Rng;
use crate::scene::{self, Fleet, OTHER, Theme};
use crate::users::User;
use crate::witness::Witness;
use crate::words::{UTC, ZONES};

/// When every world begins: three weeks before daylight saving does in Europe.
const START: Timestamp = Timestamp::constant(1_772_928_000, 0);
/// Things that happen before it is quiet, in either kind of world.
const STEPS: u64 = 60;
/// Runs of the copier after that. They outlast the day for which a copy that failed
/// three times is left alone.
const QUIET_RUNS: u64 = 18;
/// Minutes between those: a copy that is begun by one is good at the next.
const COPY_MINUTES: u64 = 100;
/// Rounds of creators and managers in a quiet world of retention. They outlast the
/// hour for which failed snapshots stay, and what is pending.
const QUIET_ROUNDS: u64 = 5;
/// Minutes between those.
const QUIET_MINUTES: u64 = 60;
/// Things that users do while a run goes on, if they do.
const INTERFERENCES: u64 = 3;
/// Between two things that users did.
const AND: &str = "\n";

/// What became of one world.
#[derive(Debug)]
pub struct Life {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// How often what happened: faults and deaths by the call they hit, reasons to
    /// stay, and the like.
    pub coverage: Coverage,
    /// What happened, in words, in its order.
    pub story: Vec<String>,
}

/// Lives through the world of a seed, by a product with this flaw, or as it is.
///
/// # Errors
///
/// If the scene could not be set: a mistake here, not in the product.
pub fn live(seed: u64, flaw: Option<Flaw>) -> anyhow::Result<Life> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        let mut stage = Stage::new(seed, flaw)?;
        Box::pin(stage.days()).await;
        Box::pin(stage.quiet()).await;
        Ok(stage.end())
    })
}

struct Stage {
    seed: u64,
    theme: Theme,
    world: World,
    clock: WorldClock,
    rng: Rng,
    fleet: Fleet,
    witness: Witness,
    flaw: Option<Flaw>,
    /// The Places that have primaries; home is the first.
    sites: Vec<Place>,
    deployments: Vec<Deployment>,
    coverage: Coverage,
    story: Vec<String>,
    violations: Vec<Violation>,
    overlaps: Vec<Overlap>,
    /// How many things happened so far.
    step: u64,
    steps: Steps,
    /// What the last run of these jobs found, by the deployment's number.
    findings: BTreeMap<(usize, Place, Vec<Job>), Found>,
    /// Whether runs never overlap here and no answer is lost: then there is never more
    /// than one snapshot in a slot, whatever else befalls them.
    orderly: bool,
}

/// Findings: code and resource.
type Found = BTreeSet<(String, SmolStr)>;

/// One of those that work in each account.
struct Deployment {
    settings: Settings,
    limits: Limits,
    /// When its creator last ran in each Place.
    created: BTreeMap<Place, Timestamp>,
}

/// A run and how it is to end.
struct Wanted {
    place: Place,
    jobs: Vec<Job>,
    only: Option<BTreeSet<SnapshotId>>,
    /// Whose, by number.
    deployment: usize,
    /// How far its machine's clock is off.
    off: SignedDuration,
    dies: Option<Death>,
    /// Whether another run is at work in its Place.
    beside: bool,
}

impl Wanted {
    fn at(place: Place, jobs: &[Job]) -> Self {
        Self {
            place,
            jobs: jobs.to_vec(),
            only: None,
            deployment: 0,
            off: SignedDuration::ZERO,
            dies: None,
            beside: false,
        }
    }
}

impl Stage {
    fn new(seed: u64, flaw: Option<Flaw>) -> anyhow::Result<Self> {
        let theme = Theme::of(seed);
        let world = World::new(seed, START);
        let clock = world.clock();
        let mut rng = Rng::new(seed);
        world.rules(Rules {
            buckets: rng.percent(30),
            latency: Duration::from_millis(rng.between(0, 200)),
            jitter: Duration::from_millis(rng.between(0, 300)),
            page: page(theme, &mut rng),
            completes_after: Duration::from_secs(rng.between(20, 5_000)),
            stale_for: Duration::from_secs(rng.pick(&[0, 0, 3, 20]).copied().unwrap_or(0)),
            ..Rules::default()
        });
        let mut sites = vec![scene::home()];
        if theme == Theme::Retention && rng.percent(25) {
            sites.push(scene::second());
        }
        let fleet = Fleet::new(&world, theme, &sites, &mut rng)?;
        let (minimum, orphans) = match theme {
            Theme::Copies => (1, 90),
            Theme::Retention => (rng.between(1, 3), *rng.pick(&[90, 90, 2]).unwrap_or(&90)),
        };
        let orderly = rng.percent(15);
        let known = ZONES.iter().filter_map(|(name, zone)| zone.map(|zone| (*name, zone))).collect::<Vec<_>>();
        let elsewhere = rng.pick(&known).copied().filter(|_| theme == Theme::Retention && rng.percent(15));
        let (zone_name, zone) = elsewhere.unwrap_or(("UTC", UTC));
        let mut names = vec!["default"];
        if theme == Theme::Retention && rng.percent(35) {
            names.push("night");
        }
        let mut deployments = Vec::new();
        for name in names {
            let mut settings = Settings::default();
            let (minimum, orphan_grace) = (minimum.to_string(), format!("{orphans}d"));
            // A person would look at the first two; here nobody does.
            for (name, value) in [
                ("max-delete", "1000000"),
                ("max-delete-percent", "100"),
                ("deployment", name),
                ("minimum", minimum.as_str()),
                ("orphan-grace", orphan_grace.as_str()),
                ("time-zone", zone_name),
            ] {
                settings.set(name, value)?;
            }
            if let Some(flaw) = flaw {
                flaw.mis_set(&mut settings);
            }
            let limits = Limits {
                deployment: name.into(),
                minimum: minimum.parse()?,
                orphan_grace: SignedDuration::from_hours(24 * orphans),
                zone,
            };
            deployments.push(Deployment { settings, limits, created: BTreeMap::new() });
        }
        Ok(Self {
            seed,
            theme,
            witness: Witness::new(&world),
            world,
            clock,
            rng,
            fleet,
            flaw,
            sites,
            deployments,
            coverage: BTreeMap::new(),
            story: Vec::new(),
            violations: Vec::new(),
            overlaps: Vec::new(),
            step: 0,
            steps: Steps::new(START),
            findings: BTreeMap::new(),
            orderly,
        })
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.coverage.entry(what.into()).or_default() += 1;
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        self.story.push(format!("{}  {:>3}  {what}", self.world.now(), self.step));
    }

    async fn days(&mut self) {
        if self.deployments.len() > 1 {
            self.count("two deployments");
        }
        if self.deployments.iter().any(|deployment| deployment.limits.zone != UTC) {
            self.count("the default zone is not UTC");
        }
        if self.sites.len() > 1 {
            self.count("two accounts");
        }
        for _ in 0..STEPS {
            self.step += 1;
            let minutes = match self.theme {
                Theme::Copies => self.rng.between(10, 240),
                // Now and then soon after the run before.
                Theme::Retention if self.rng.percent(20) => self.rng.between(5, 55),
                Theme::Retention => self.rng.between(30, 960),
            };
            self.clock.sleep(Duration::from_secs(60 * minutes)).await;
            let wanted = match self.theme {
                Theme::Copies => self.of_copies(),
                Theme::Retention => self.of_retention(),
            };
            let Some(mut wanted) = wanted else {
                self.somebody_acts();
                continue;
            };
            if self.rng.percent(35) {
                let words = faults::arm(&self.world, self.theme, self.orderly, &mut self.rng);
                self.tell(format_args!("armed: {words}"));
            }
            if self.rng.percent(22) {
                wanted.dies = Some(self.death());
            }
            wanted.off = self.clock_off();
            if !wanted.off.is_zero() {
                self.count("the clock was off by minutes");
            }
            if !self.orderly && self.rng.percent(8) {
                let jobs = match self.theme {
                    Theme::Copies => vec![Job::Copy],
                    Theme::Retention if self.rng.percent(60) => vec![Job::Create],
                    Theme::Retention => vec![Job::Expire],
                };
                let place = match self.theme {
                    Theme::Copies => scene::home(),
                    Theme::Retention => wanted.place.clone(),
                };
                let other = Wanted { deployment: wanted.deployment, ..Wanted::at(place, &jobs) };
                Box::pin(self.both(wanted, other)).await;
            } else if let Some(other) = self.in_another_account(&wanted) {
                Box::pin(self.both(wanted, other)).await;
            } else {
                let deletes = self.theme == Theme::Retention && wanted.jobs.contains(&Job::Expire);
                let interfered = deletes && self.rng.percent(40);
                self.run(wanted, interfered).await;
            }
        }
    }

    /// The next run in a world of copies, or nothing where users are about to act.
    fn of_copies(&mut self) -> Option<Wanted> {
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
    fn of_retention(&mut self) -> Option<Wanted> {
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
    fn site(&mut self) -> Place {
        self.rng.pick(&self.sites).cloned().unwrap_or_else(scene::home)
    }

    /// The same run in another account, which is begun by the same minute of the clock: each
    /// account has its own function, or line of cron.
    fn in_another_account(&mut self, wanted: &Wanted) -> Option<Wanted> {
        let place = self.sites.iter().find(|site| **site != wanted.place)?.clone();
        if self.sites.len() == 1 || !self.rng.percent(30) {
            return None;
        }
        let dies = if self.rng.percent(22) { Some(self.death()) } else { None };
        Some(Wanted { deployment: wanted.deployment, dies, ..Wanted::at(place, &wanted.jobs) })
    }

    fn somebody_acts(&mut self) {
        let did = match self.theme {
            Theme::Copies => self.fleet.somebody_acts(&self.world, &mut self.rng),
            Theme::Retention => {
                let place = &self.site();
                let mut user = User { world: &self.world, place, witness: &self.witness, rng: &mut self.rng };
                // Seldom one thing alone.
                [user.acts(), user.acts()].join(AND)
            }
        };
        self.did(&did);
    }

    fn did(&mut self, did: &str) {
        for one in did.split(AND).filter(|one| !one.is_empty()) {
            if !one.starts_with("refused") {
                let deed = one.split([' ', '{']).next().unwrap_or_default();
                self.count(format!("user {deed}"));
            }
            self.tell(format_args!("a user: {one}"));
        }
    }

    fn death(&mut self) -> Death {
        let only = if self.rng.percent(60) { self.rng.pick(faults::actions(self.theme)).copied() } else { None };
        let after = self.rng.below(if only.is_some() { 2 } else { 25 });
        Death { after, only, after_effect: self.rng.percent(50) }
    }

    /// Most machines' clocks are right, some are off by minutes, a few by too many.
    fn clock_off(&mut self) -> SignedDuration {
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

    async fn both(&mut self, mut one: Wanted, mut two: Wanted) {
        let (from, first_call) = (self.world.now(), self.world.calls_so_far());
        let beside = one.place == two.place || self.theme == Theme::Copies;
        self.count(if beside { "two runs at once" } else { "two accounts at once" });
        self.tell(format_args!("{:?} at {} beside {:?} at {}", one.jobs, one.place, two.jobs, two.place));
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
        for (wanted, done) in [(one, first), (two, second)] {
            // Of two accounts at once each is held to its own calls.
            let its = |call: &&Call| beside || call.account == wanted.place.account;
            let its: Vec<Call> = calls.iter().filter(its).cloned().collect();
            self.note(&wanted, done, (from, &its));
        }
        self.judge(&calls);
    }

    async fn run(&mut self, wanted: Wanted, interfered: bool) {
        let only = wanted.only.as_ref().map(|only| format!(" of {only:?}")).unwrap_or_default();
        let off = if wanted.off.is_zero() { String::new() } else { format!(", its clock off by {:#}", wanted.off) };
        let name = &self.deployments.get(wanted.deployment).map(|d| d.limits.deployment.clone()).unwrap_or_default();
        self.tell(format_args!("{:?}{only} at {} ({name}){off}", wanted.jobs, wanted.place));
        let (from, first_call) = (self.world.now(), self.world.calls_so_far());
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
        self.judge(&calls);
    }

    /// What a user does while a run goes on, or two, with at most so many milliseconds before
    /// each.
    async fn interfere(&self, place: &Place, rng: &mut Rng, wait: u64) -> String {
        let mut user = User { world: &self.world, place, witness: &self.witness, rng };
        let mut did = Vec::new();
        for _ in 0..INTERFERENCES {
            let wait = Duration::from_millis(user.rng.between(50, wait));
            self.clock.sleep(wait).await;
            did.push(user.interferes());
        }
        did.retain(|one| !one.is_empty());
        did.join(AND)
    }

    /// Holds what two runs left against what there was before either.
    fn together(&mut self, one: &Wanted, two: &Wanted, before: &Census) {
        let Some(deployment) = self.deployments.get(one.deployment) else { return };
        let after = self.world.census(&one.place);
        let (place, now, limits) = (&one.place, self.world.now(), &deployment.limits);
        let (found, volumes) = together::check(&Both { place, before, after: &after, now, limits });
        if volumes > 0 && [one, two].iter().all(|wanted| wanted.jobs.contains(&Job::Expire)) {
            self.count("two managers at once, and something went");
        }
        self.amiss(found);
    }

    /// Holds what is new since the last step against what must hold of it.
    fn judge(&mut self, calls: &[Call]) {
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

    fn note(&mut self, wanted: &Wanted, done: Done, (from, calls): (Timestamp, &[Call])) {
        coverage::count(&mut self.coverage, if wanted.beside { &[] } else { calls });
        let now = self.world.now();
        let mut found = self.witness.verdict();
        if let Some(deployment) = self.deployments.get_mut(wanted.deployment) {
            if wanted.jobs.contains(&Job::Create) {
                deployment.created.insert(wanted.place.clone(), now);
            }
            let limits = &deployment.limits;
            let Wanted { place, off, beside, .. } = wanted;
            let ran = Ran { place, limits, from, off: *off, beside: *beside, calls };
            found.extend(runs::clock(&ran));
            if let Done::Reported(report) = &done {
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
            Done::Failed(why) => self.tell(format_args!("  failed: {why}")),
            Done::Reported(report) => self.reported(wanted, &report),
        }
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

    async fn drive(&self, wanted: &Wanted) -> Done {
        let Some(deployment) = self.deployments.get(wanted.deployment) else {
            return Done::Failed("nobody's".to_owned());
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
        let work = whole(&clouds, &clock, &settings, wanted);
        let Some(hears) = hears else { return work.await };
        match select(pin!(work), pin!(hears)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => match fate.death() {
                Some((call, after)) => Done::Died(call, after),
                None => Done::Failed("dropped".to_owned()),
            },
        }
    }

    /// Nobody acts and nothing fails any more.
    async fn quiet(&mut self) {
        self.step += 1;
        self.tell("quiet, and each round is a step");
        self.world.disarm();
        for place in scene::destinations().into_iter().chain([scene::home()]) {
            let _ = self.world.act(Act::at(&place, Deed::AllowAll));
        }
        match self.theme {
            Theme::Copies => {
                for run in 0..QUIET_RUNS {
                    self.step += 1;
                    self.clock.sleep(Duration::from_secs(60 * COPY_MINUTES)).await;
                    if run < 6 {
                        self.run(Wanted::at(scene::home(), &[Job::Create]), false).await;
                    }
                    if run == 1 || run == 4 {
                        self.run(Wanted::at(scene::home(), &[Job::Expire]), false).await;
                    }
                    self.run(Wanted::at(scene::home(), &[Job::Copy]), false).await;
                }
                self.run(Wanted::at(scene::home(), &[Job::Expire]), false).await;
            }
            Theme::Retention => {
                for _ in 0..QUIET_ROUNDS {
                    self.step += 1;
                    self.clock.sleep(Duration::from_secs(60 * QUIET_MINUTES)).await;
                    for place in self.sites.clone() {
                        Box::pin(self.quiet_round(&place)).await;
                    }
                }
            }
        }
    }

    async fn quiet_round(&mut self, place: &Place) {
        for deployment in 0..self.deployments.len() {
            for job in [Job::Create, Job::Expire] {
                let wanted = Wanted { deployment, ..Wanted::at(place.clone(), &[job]) };
                self.run(wanted, false).await;
            }
        }
    }

    /// A Place that has primaries, as it is.
    fn as_it_is(&self, place: &Place) -> Site {
        let created = |deployment: &Deployment| deployment.created.get(place).copied().unwrap_or(START);
        Site {
            place: place.clone(),
            census: self.world.census(place),
            creators: self.deployments.iter().map(|d| (d.limits.clone(), created(d))).collect(),
        }
    }

    fn end(mut self) -> Life {
        let last = |jobs: &[Job]| jobs.len() == 1;
        let findings = self.findings.iter().filter(|((.., jobs), _)| last(jobs)).flat_map(|(_, found)| found.clone());
        let facts = Facts {
            sites: self.sites.iter().map(|place| self.as_it_is(place)).collect(),
            now: self.world.now(),
            history: self.world.history(),
            calls: self.world.calls(),
            overlaps: std::mem::take(&mut self.overlaps),
            last_findings: findings.collect(),
        };
        let away = |call: &Call| call.account.as_str() == OTHER && call.action == "CopySnapshot";
        if facts.calls.iter().any(away) {
            self.count("copied into another account");
        }
        let expired = |past: &ebskeep_sim::Past| {
            let end = past.deleted.as_ref().filter(|end| end.by.contains(OTHER) && !end.by.ends_with("user/outsider"));
            past.place.account.as_str() == OTHER && end.is_some()
        };
        if facts.history.iter().any(expired) {
            self.count("the other account deleted a copy");
        }
        if self.orderly {
            self.count("nothing overlaps and no answer is lost");
        }
        for what in checker::surplus(&facts) {
            self.count(what);
        }
        self.violations.extend(checker::check(&facts));
        for violation in &self.violations {
            self.story.push(format!("does not hold: {violation}"));
        }
        Life { seed: self.seed, violations: self.violations, coverage: self.coverage, story: self.story }
    }
}

/// Most listings are one page, as they are for most users. Where they are not, all of
/// the snapshots are listed in parts, which takes many calls.
fn page(theme: Theme, rng: &mut Rng) -> usize {
    const ONE: usize = 1_000;
    let small: &[usize] = match theme {
        Theme::Copies => &[8, 20, 60],
        Theme::Retention => &[1, 1, 2, 4],
    };
    if rng.percent(12) { rng.pick(small).copied().unwrap_or(ONE) } else { ONE }
}

async fn whole<C: Clouds, K: Clock>(clouds: &C, clock: &K, settings: &Settings, wanted: &Wanted) -> Done {
    let request = Request { only: wanted.only.clone(), ..Request::new(wanted.jobs.iter().copied()) };
    let stop = Stop::new();
    let run = Run::new(clouds, &wanted.place, clock, settings, &stop, &|_, _| {});
    match run.plan(&request).await {
        Ok(planned) => Done::Reported(Box::new(run.apply(planned).await)),
        Err(error) => Done::Failed(error.to_string()),
    }
}

enum Done {
    /// In this call, its effect done or not.
    Died(&'static str, bool),
    Failed(String),
    Reported(Box<Report>),
}
