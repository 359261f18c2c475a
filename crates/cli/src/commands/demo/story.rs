//! Thirty days of create and expire, in virtual time: the real client, over the
//! wire of an EC2 in this process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use ebskeep_aws::transport::InProcess;
use ebskeep_aws::{Credentials, Options, connect_through};
use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::job::{Request, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Job, Plan};
use ebskeep_core::report::text::plan_text;
use ebskeep_core::report::{Conclusion, Outcome, Report};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_sim::{Past, Rules, World};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use super::fleet::Fleet;
use super::{ACCOUNT, REGION, SEED, access_key};
use crate::error::{Exit, Failure};
use crate::ui::Ui;

/// Days that the story lasts.
const DAYS: i32 = 30;
/// Runs on each day: as many as the fleet's busiest schedule asks for. All
/// create; the first also expires.
const RUNS_A_DAY: i64 = 4;

/// Lives through the story and tells it.
pub(crate) fn tell(ui: &Ui) -> Result<Exit, Failure> {
    // Far from any leap, and always the same, so that the documentation can
    // show what it gives.
    let start = "2026-03-01T00:10:00Z".parse().context("the story has no beginning").map_err(Failure::failed)?;
    let world = World::new(SEED, start);
    let story = live(&world, Ending::AfterTheLastRun)?;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{DAYS} days of an EC2 in memory, with the real client, in virtual time.");
    for (day, what) in &story.befell {
        let _ = writeln!(text, "  day {day:>2}: {what}");
    }
    let Story { befell: _, runs, created, deleted, unwell, last } = story;
    let _ =
        writeln!(text, "{runs} runs created {created} snapshots and deleted {deleted}. The last one planned this:\n");
    text.push_str(&plan_text(&last, &ui.style()));
    text.push('\n');
    text.push_str(&left(&world.history()));
    ui.print(&text)?;
    match unwell.first() {
        None => Ok(Exit::Done),
        Some(first) => Err(Failure::failed(anyhow!("{} runs of the demo did not end well: {first}", unwell.len()))),
    }
}

/// What happened.
pub(crate) struct Story {
    /// Day and event.
    befell: Vec<(i32, &'static str)>,
    runs: usize,
    created: usize,
    deleted: usize,
    /// Runs that did not end as done, in words.
    unwell: Vec<String>,
    /// The last plan.
    last: Plan,
}

/// Where the story ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With nothing to do.
    AfterTheLastRun,
    /// With something to do.
    BeforeTheLastRun,
}

/// Builds the fleet and lives through the days.
pub(crate) fn live(world: &World, ending: Ending) -> Result<Story, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| Failure::failed(error.into()))?;
    runtime.block_on(days(world, ending)).map_err(Failure::failed)
}

async fn days(world: &World, ending: Ending) -> anyhow::Result<Story> {
    let clock = world.clock();
    world.rules(Rules { latency: Duration::from_millis(50), ..Rules::documented() });
    let place = Place { account: AccountId::new(ACCOUNT), region: Region::new(REGION) };
    let fleet = Fleet::build(world, &place)?;

    let wire = world.clone();
    let http = InProcess::new(move |request| {
        let wire = wire.clone();
        async move { wire.answer_in_time(request).await }
    });
    let credentials = Credentials::new(access_key(), "demo", None, None, "demo");
    let options = Options { region: Some(place.region.clone()), ..Options::default() };
    let clouds = connect_through(http, credentials, options).await;

    let mut story = Story {
        befell: Vec::new(),
        runs: 0,
        created: 0,
        deleted: 0,
        unwell: Vec::new(),
        last: empty(&clouds, &place, &clock).await?,
    };
    for day in 1..=DAYS {
        for run in 0..RUNS_A_DAY {
            if day == DAYS && ending == Ending::BeforeTheLastRun {
                // The world learns how late it is while this runtime's time counts.
                world.advance(Duration::ZERO);
                return Ok(story);
            }
            let jobs = if run == 0 { Job::ALL.to_vec() } else { vec![Job::Create] };
            let next = clock.now().saturating_add(SignedDuration::from_hours(24 / RUNS_A_DAY))?;
            let (plan, report) = once(&clouds, &place, &clock, &Request::new(jobs)).await?;
            story.note(&report);
            // The last plan shown is one with both jobs.
            if run == 0 {
                story.last = plan;
            }
            if day == DAYS {
                return Ok(story);
            }
            let left = Duration::try_from(next.duration_since(clock.now())).unwrap_or_default();
            clock.sleep(left).await;
        }
        if let Some(what) = fleet.befalls(day, world)? {
            story.befell.push((day, what));
        }
    }
    Ok(story)
}

/// The plan of a run that does nothing, to begin with.
async fn empty<C: Clouds, K: Clock>(clouds: &C, place: &Place, clock: &K) -> anyhow::Result<Plan> {
    Ok(once(clouds, place, clock, &Request::new([])).await?.0)
}

async fn once<C: Clouds, K: Clock>(
    clouds: &C,
    place: &Place,
    clock: &K,
    request: &Request,
) -> anyhow::Result<(Plan, Report)> {
    let (settings, stop) = (Settings::default(), Stop::new());
    let pacing = Pacing::new(settings.api_share);
    let run = Run::new(clouds, place, clock, &settings, &stop, &pacing, &|_, _| {});
    let planned = run.plan(request).await?;
    let plan = planned.plan.clone();
    // Boxed, since the future of a whole run is large.
    Ok((plan, run.apply(planned).boxed_local().await))
}

impl Story {
    fn note(&mut self, report: &Report) {
        self.runs += 1;
        for result in report.results.iter().filter(|result| result.outcome == Outcome::Done) {
            if result.snapshot_id.is_some() { self.created += 1 } else { self.deleted += 1 }
        }
        if report.conclusion() != Conclusion::Done {
            self.unwell.push(format!("{}: {:?}", report.plan.now, report.conclusion()));
        }
    }
}

/// What is left, volume by volume.
fn left(history: &[Past]) -> String {
    let mut by_volume: BTreeMap<&str, (usize, usize, Timestamp, Timestamp)> = BTreeMap::new();
    for past in history {
        let (there, gone, first, last) =
            by_volume.entry(past.volume.as_str()).or_insert((0, 0, Timestamp::MAX, Timestamp::MIN));
        if past.deleted.is_some() {
            *gone += 1;
        } else {
            *there += 1;
            *first = past.started.min(*first);
            *last = past.started.max(*last);
        }
    }
    let mut text = "What is left of each volume:\n".to_owned();
    for (volume, (there, gone, first, last)) in by_volume {
        let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let _ = writeln!(text, "  {volume}  {there:>3} left, {gone:>3} deleted; {} to {}", date(first), date(last));
    }
    text
}
