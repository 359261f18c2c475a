//! One world, from its seed to its end: days or weeks of runs, faults, deaths and
//! users, then quiet, then the checker.

mod next;
mod pauses;
mod runs;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ebskeep_core::cloud::Clock;
use ebskeep_core::id::Place;
use ebskeep_core::plan::Job;
use ebskeep_core::setting::Settings;
use ebskeep_sim::{Act, Call, Deed, Fault, Rules, What, When, World, WorldClock};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use crate::again;
use crate::checker::keep::Limits;
use crate::checker::steps::Steps;
use crate::checker::{self, Facts, Overlap, Site, Violation};
use crate::coverage::Coverage;
use crate::faults;
use crate::flaw::Flaw;
use crate::later::Later;
use crate::rng::Rng;
use crate::scene::{self, Fleet, OTHER, Theme};
use crate::users::User;
use crate::witness::Witness;
use crate::words::{UTC, ZONES};
use runs::Wanted;

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
/// Hours for which a key is broken.
const BROKEN: u64 = 3;
/// Hours after that within which each volume has its backup again.
const GOES_ON: u64 = 23;
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

/// Lives through the world of a seed, by a product with this flaw, or as it is. If that
/// panics, stderr is told how to do so again.
///
/// # Errors
///
/// If the scene could not be set: a mistake here, not in the product.
pub fn live(seed: u64, flaw: Option<Flaw>) -> anyhow::Result<Life> {
    again::lived(
        &again::words(seed, flaw),
        |again| eprintln!("{again}"),
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
            runtime.block_on(async {
                let mut stage = Stage::new(seed, flaw)?;
                Box::pin(stage.days()).await;
                Box::pin(stage.quiet()).await;
                Ok(stage.end())
            })
        },
    )
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
    /// From when to when no copier ran, if that was for months.
    uncopied: Option<(Timestamp, Timestamp)>,
    /// What users have put off.
    later: Later,
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
        // A person would look at what waits; here nobody does. So in most worlds nothing waits.
        let bounded = theme == Theme::Retention && rng.percent(30);
        let mut deployments = Vec::new();
        for name in names {
            let mut settings = Settings::default();
            let (minimum, orphan_grace) = (minimum.to_string(), format!("{orphans}d"));
            let unbounded = [("max-delete", "1000000"), ("max-delete-percent", "100")];
            for (name, value) in unbounded.into_iter().filter(|_| !bounded).chain([
                ("deployment", name),
                ("minimum", minimum.as_str()),
                ("orphan-grace", orphan_grace.as_str()),
                ("time-zone", zone_name),
            ]) {
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
                bounded,
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
            uncopied: None,
            later: Later::default(),
            orderly,
        })
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
        for step in 0..STEPS {
            self.step += 1;
            if step == STEPS / 2 && self.seed % 7 == 3 {
                Box::pin(self.pause()).await;
            }
            let minutes = match self.theme {
                Theme::Copies => self.rng.between(10, 240),
                // Now and then soon after the run before.
                Theme::Retention if self.rng.percent(20) => self.rng.between(5, 55),
                Theme::Retention => self.rng.between(30, 960),
            };
            self.clock.sleep(Duration::from_secs(60 * minutes)).await;
            self.what_was_put_off();
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
            wanted.stops = self.stop();
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

    fn somebody_acts(&mut self) {
        let did = match self.theme {
            Theme::Copies => self.fleet.somebody_acts(&self.world, &mut self.rng),
            Theme::Retention => {
                let place = &self.site();
                let mut user = User {
                    world: &self.world,
                    place,
                    witness: &self.witness,
                    rng: &mut self.rng,
                    later: &mut self.later,
                    counts: None,
                };
                // Seldom one thing alone.
                let first = (user.acts(), user.counts);
                let second = (user.acts(), user.counts);
                for counts in first.1.into_iter().chain(second.1) {
                    self.count(counts);
                }
                [first.0, second.0].join(AND)
            }
        };
        self.did(&did);
    }

    /// Users do what they put off until now.
    fn what_was_put_off(&mut self) {
        for intent in self.later.due(self.world.now()) {
            let place = intent.place.clone();
            let mut user = User {
                world: &self.world,
                place: &place,
                witness: &self.witness,
                rng: &mut self.rng,
                later: &mut self.later,
                counts: None,
            };
            let (did, counts) = (user.does_what_is_due(intent), user.counts);
            if let Some(counts) = counts {
                self.count(counts);
            }
            self.did(&did);
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
                if self.seed % 5 == 1 {
                    Box::pin(self.broken_key()).await;
                }
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

    /// A key is broken for hours, so that all that is begun fails, and then nothing removes
    /// failed snapshots: backups go on within a day all the same.
    async fn broken_key(&mut self) {
        self.step += 1;
        self.tell("a key is broken, and no manager runs");
        self.count("a key was broken for hours");
        for action in ["CreateSnapshot", "CreateSnapshots"] {
            let what = What::SnapshotFails { message: "Given key ID is not accessible".into() };
            self.world.fault(Fault { when: When::every(action), what });
        }
        for hour in 0..BROKEN + GOES_ON {
            if hour == BROKEN {
                self.world.disarm();
            }
            self.clock.sleep(Duration::from_hours(1)).await;
            for place in self.sites.clone() {
                for deployment in 0..self.deployments.len() {
                    let wanted = Wanted { deployment, ..Wanted::at(place.clone(), &[Job::Create]) };
                    self.run(wanted, false).await;
                }
            }
        }
        let found = self.sites.iter().flat_map(|place| checker::slots::goes_on(&self.as_it_is(place)));
        let step = Some(self.step);
        let found: Vec<Violation> = found.map(|violation| Violation { step, ..violation }).collect();
        self.violations.extend(found);
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
            uncopied: self.uncopied,
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
        if self.deployments.iter().any(|deployment| deployment.limits.bounded) {
            self.count("what goes of one lineage is bounded");
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
