//! One world, from its seed to its end: days of runs, faults, deaths and users, then
//! quiet, then the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use ebskeep_core::cloud::{Clock as _, Clouds};
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::job::{Request, Run};
use ebskeep_core::plan::{Action, Job};
use ebskeep_core::report::Report;
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_sim::{Act, Deed, Fault, Outcome, Rules, What, When, World, WorldClock};
use futures::future::{Either, select};
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::checker::{self, Facts, Violation};
use crate::flaw::{Flaw, Flawed};
use crate::mortal::{Fate, Mortal};
use crate::rng::Rng;
use crate::scene::{self, Fleet, OTHER};

/// When every world begins: three weeks before daylight saving does in Europe.
const START: Timestamp = Timestamp::constant(1_772_928_000, 0);
/// Things that happen before it is quiet.
const STEPS: u64 = 60;
/// Runs of the copier after that. They outlast the day for which a copy that failed
/// three times is left alone.
const QUIET_RUNS: u64 = 30;
/// Minutes between those.
const QUIET_MINUTES: u64 = 60;

/// What became of one world.
#[derive(Debug)]
pub struct Life {
    /// Its seed.
    pub seed: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// How often what happened: faults and deaths by the call they hit.
    pub coverage: BTreeMap<String, u64>,
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
        stage.quiet().await;
        Ok(stage.end())
    })
}

struct Stage {
    seed: u64,
    world: World,
    clock: WorldClock,
    rng: Rng,
    fleet: Fleet,
    flaw: Option<Flaw>,
    settings: Settings,
    coverage: BTreeMap<String, u64>,
    story: Vec<String>,
    overlaps: Vec<(Timestamp, Timestamp)>,
    last_findings: BTreeSet<(String, SmolStr)>,
}

/// A run and how it is to end.
struct Wanted {
    place: Place,
    jobs: Vec<Job>,
    only: Option<BTreeSet<SnapshotId>>,
    /// After how many calls it dies, if it does, and whether the last takes effect.
    dies: Option<(u64, bool)>,
}

impl Wanted {
    fn at(place: Place, jobs: &[Job]) -> Self {
        Self { place, jobs: jobs.to_vec(), only: None, dies: None }
    }
}

impl Stage {
    fn new(seed: u64, flaw: Option<Flaw>) -> anyhow::Result<Self> {
        let world = World::new(seed, START);
        let clock = world.clock();
        let mut rng = Rng::new(seed);
        world.rules(Rules {
            buckets: rng.percent(30),
            latency: Duration::from_millis(rng.between(0, 200)),
            jitter: Duration::from_millis(rng.between(0, 300)),
            page: usize::try_from(rng.between(8, 80)).unwrap_or(8),
            completes_after: Duration::from_secs(rng.between(20, 5_000)),
            stale_for: Duration::from_secs(rng.pick(&[0, 0, 3, 20]).copied().unwrap_or(0)),
            ..Rules::default()
        });
        let fleet = Fleet::new(&world, &mut rng)?;
        let mut settings = Settings::default();
        // A person would look at these; here nobody does.
        for (name, value) in [("max-delete", "1000000"), ("max-delete-percent", "100")] {
            settings.set(name, value)?;
        }
        Ok(Self {
            seed,
            world,
            clock,
            rng,
            fleet,
            flaw,
            settings,
            coverage: BTreeMap::new(),
            story: Vec::new(),
            overlaps: Vec::new(),
            last_findings: BTreeSet::new(),
        })
    }

    fn count(&mut self, what: String) {
        *self.coverage.entry(what).or_default() += 1;
    }

    fn tell(&mut self, what: String) {
        self.story.push(format!("{}  {what}", self.world.now()));
    }

    async fn days(&mut self) {
        for _ in 0..STEPS {
            let minutes = self.rng.between(10, 240);
            self.clock.sleep(Duration::from_secs(60 * minutes)).await;
            let mut wanted = match self.rng.below(100) {
                0..30 => Wanted::at(scene::home(), &[Job::Create]),
                30..58 => Wanted::at(scene::home(), &[Job::Copy]),
                58..68 => self.event(),
                68..90 => self.manager(),
                90..93 => Wanted::at(scene::home(), &Job::ALL),
                _ => {
                    let did = self.fleet.somebody_acts(&self.world, &mut self.rng);
                    if !did.is_empty() {
                        self.tell(format!("a user: {did}"));
                    }
                    continue;
                }
            };
            if self.rng.percent(30) {
                self.arm();
            }
            if self.rng.percent(20) {
                wanted.dies = Some((self.rng.below(25), self.rng.percent(50)));
            }
            if self.rng.percent(8) {
                let other = Wanted::at(scene::home(), &[Job::Copy]);
                Box::pin(self.both(wanted, other)).await;
            } else {
                self.run(wanted).await;
            }
        }
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

    fn arm(&mut self) {
        const ACTIONS: [&str; 10] = [
            "CopySnapshot",
            "CopySnapshot",
            "CopySnapshot",
            "DescribeSnapshots",
            "CreateTags",
            "DeleteTags",
            "ModifySnapshotAttribute",
            "CreateSnapshot",
            "DeleteSnapshot",
            "AssumeRole",
        ];
        let Some(action) = self.rng.pick(&ACTIONS).copied() else { return };
        let refuse = |code: &str, status: Option<u16>| What::Refuse {
            code: code.into(),
            status,
            message: "as chance would have it".to_owned(),
        };
        let what = match self.rng.below(8) {
            0 => refuse("InternalError", Some(500)),
            1 => refuse("UnauthorizedOperation", Some(403)),
            2 => refuse("RequestLimitExceeded", Some(503)),
            3 => What::LostBefore,
            4 => What::LostAfter,
            5 => What::CutBody,
            6 if action == "DescribeSnapshots" => What::StaleListing { by: Duration::from_secs(45) },
            7 if action == "DescribeSnapshots" => What::BadToken,
            _ => What::SnapshotFails { message: "Given key ID is not accessible".into() },
        };
        let name = format!("{action} × {}", named(&what));
        self.count(format!("fault {name}"));
        let (after, times) = (self.rng.below(4), self.rng.between(1, 7));
        self.tell(format!("armed: {name} after {after}, {times} times"));
        let when = When { after, times: Some(times), ..When::next(action) };
        self.world.fault(Fault { when, what });
    }

    async fn both(&mut self, one: Wanted, two: Wanted) {
        let from = self.world.now();
        self.tell(format!("{:?} at {} beside {:?}", one.jobs, one.place, two.jobs));
        let (first, second) = futures::join!(self.drive(&one), self.drive(&two));
        self.overlaps.push((from, self.world.now()));
        for done in [first, second] {
            self.note(done);
        }
    }

    async fn run(&mut self, wanted: Wanted) {
        let only = wanted.only.as_ref().map(|only| format!(" of {only:?}")).unwrap_or_default();
        self.tell(format!("{:?}{only} at {}", wanted.jobs, wanted.place));
        let done = self.drive(&wanted).await;
        self.note(done);
    }

    fn note(&mut self, done: Done) {
        match done {
            Done::Died(call, after) => {
                let when = if after { "after" } else { "before" };
                self.count(format!("death {call} {when}"));
                self.tell(format!("  died {when} the effect of {call}"));
            }
            Done::Failed(why) => self.tell(format!("  failed: {why}")),
            Done::Reported(report) => {
                for result in &report.results {
                    let action = report.plan.actions.get(result.action).map(Action::name).unwrap_or_default();
                    self.count(format!("outcome {action} {:?}", result.outcome));
                    self.tell(format!("  {action} {} {:?} {}", result.resource, result.outcome, result.detail));
                }
                if report.plan.jobs == [Job::Copy] {
                    let all = report.plan.findings.iter().chain(&report.notes);
                    self.last_findings = all.map(|notice| (notice.code.to_owned(), notice.resource.clone())).collect();
                }
                for check in report.plan.refusals() {
                    self.count(format!("refused {}", check.check));
                    self.tell(format!("  refused by {}: {}", check.check, check.detail));
                }
            }
        }
    }

    async fn drive(&self, wanted: &Wanted) -> Done {
        let key = format!("AKIASIM{}", wanted.place.account);
        let (fate, hears) = match wanted.dies {
            None => (Fate::lives(), None),
            Some((after, effect)) => {
                let (fate, hears) = Fate::dies(after, effect);
                (fate, Some(hears))
            }
        };
        let clouds = Mortal::new(self.world.clouds(&key), fate.clone());
        let clouds = Flawed::new(clouds, self.flaw);
        let request = Request { only: wanted.only.clone(), ..Request::new(wanted.jobs.iter().copied()) };
        let work = self.whole(&clouds, &wanted.place, &request);
        let Some(hears) = hears else { return work.await };
        match select(pin!(work), pin!(hears)).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => match fate.death() {
                Some((call, after)) => Done::Died(call, after),
                None => Done::Failed("dropped".to_owned()),
            },
        }
    }

    async fn whole<C: Clouds>(&self, clouds: &C, place: &Place, request: &Request) -> Done {
        let stop = Stop::new();
        let run = Run::new(clouds, place, &self.clock, &self.settings, &stop, &|_, _| {});
        match run.plan(request).await {
            Ok(planned) => Done::Reported(Box::new(run.apply(planned).await)),
            Err(error) => Done::Failed(error.to_string()),
        }
    }

    /// Nobody acts and nothing fails any more.
    async fn quiet(&mut self) {
        self.tell("quiet".to_owned());
        self.world.disarm();
        for place in scene::destinations().into_iter().chain([scene::home()]) {
            let _ = self.world.act(Act::at(&place, Deed::AllowAll));
        }
        for run in 0..QUIET_RUNS {
            self.clock.sleep(Duration::from_secs(60 * QUIET_MINUTES)).await;
            if run < 6 {
                self.run(Wanted::at(scene::home(), &[Job::Create])).await;
            }
            self.run(Wanted::at(scene::home(), &[Job::Copy])).await;
        }
    }

    fn end(mut self) -> Life {
        let facts = Facts {
            home: scene::home(),
            now: self.world.now(),
            history: self.world.history(),
            calls: self.world.calls(),
            overlaps: std::mem::take(&mut self.overlaps),
            last_findings: std::mem::take(&mut self.last_findings),
        };
        for call in &facts.calls {
            let how = match &call.outcome {
                Outcome::Done => continue,
                Outcome::Refused(_) => "refused",
                Outcome::LostBefore => "lost before",
                Outcome::LostAfter => "lost after",
            };
            *self.coverage.entry(format!("call {} {how}", call.action)).or_default() += 1;
        }
        let shared = facts.calls.iter().any(|call| call.account.as_str() == OTHER && call.action == "CopySnapshot");
        if shared {
            *self.coverage.entry("copied into another account".to_owned()).or_default() += 1;
        }
        Life { seed: self.seed, violations: checker::check(&facts), coverage: self.coverage, story: self.story }
    }
}

enum Done {
    /// In this call, its effect done or not.
    Died(&'static str, bool),
    Failed(String),
    Reported(Box<Report>),
}

fn named(what: &What) -> String {
    match what {
        What::Refuse { code, .. } => code.to_string(),
        What::LostBefore => "lost before".to_owned(),
        What::LostAfter => "lost after".to_owned(),
        What::CutBody => "cut".to_owned(),
        What::StaleListing { .. } => "stale listing".to_owned(),
        What::BadToken => "bad token".to_owned(),
        What::SnapshotFails { .. } => "snapshot fails".to_owned(),
    }
}
