//! A plan from a file, held against the world it was made for.

use ebskeep_core::id::{SnapshotId, VolumeId};
use ebskeep_core::job::{Request, Run, SavedPlan};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Action, Job, Plan};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_files::plans;
use ebskeep_sim::{Act, Deed, PutState, World};
use serde_json::json;

use crate::scene::{self, ACCOUNT, NOW, place, tags};

/// Takes a file.
///
/// # Panics
///
/// If a promise about it is broken.
pub fn plan(data: &[u8]) {
    let Ok(saved) = plans(data) else { return };
    assert!(!saved.is_empty());
    for saved in saved {
        same_when_written_again(&saved);
        adds_nothing(&saved);
    }
}

/// What counts of it is all there in what is written.
fn same_when_written_again(saved: &SavedPlan) {
    let SavedPlan { schema, now, account, region, jobs, actions } = saved;
    let jobs: Vec<&str> = jobs.iter().map(|job| job.name()).collect();
    let again = json!({
        "schema": schema, "now": now, "account": account, "region": region, "jobs": jobs, "actions": actions,
    });
    let again = plans(again.to_string().as_bytes()).unwrap_or_else(|why| panic!("written again: {why}"));
    assert_eq!(again, std::slice::from_ref(saved));
}

/// Whatever stands in it, what would be done is what a fresh plan would do, or a
/// check refuses it.
fn adds_nothing(saved: &SavedPlan) {
    let (held, fresh) = against_the_world(saved);
    let refused = held.refusals().next().is_some();
    let same_world = saved.place() == place();
    assert!(refused || same_world, "a plan for {} is carried out in {}", saved.place(), place());
    if refused {
        return;
    }
    let mut left: Vec<&Action> = fresh.actions.iter().collect();
    for action in &held.actions {
        let Some(at) = left.iter().position(|fresh| *fresh == action) else {
            panic!("no fresh plan would do {action:?}");
        };
        left.swap_remove(at);
    }
}

/// The saved plan as it would be carried out, and a fresh one of its jobs at its
/// `now`.
fn against_the_world(saved: &SavedPlan) -> (Plan, Plan) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = sim();
        let (clouds, clock) = (world.clouds(&format!("AKIASIM{ACCOUNT}")), world.clock());
        let (settings, stop) = (Settings::default(), Stop::new());
        let pacing = Pacing::new(settings.api_share);
        let run = Run::new(&clouds, &place(), &clock, &settings, &stop, &pacing, &|_, _| {});
        let held = run.plan_saved(saved, &Request::new([])).await.unwrap().plan;
        let fresh = Request { now: Some(saved.now), ..Request::new(saved.jobs.iter().copied()) };
        (held, run.plan(&fresh).await.unwrap().plan)
    })
}

/// The plan that somebody would save of this world.
pub(crate) fn to_be_saved() -> Plan {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = sim();
        let (clouds, clock) = (world.clouds(&format!("AKIASIM{ACCOUNT}")), world.clock());
        let (settings, stop) = (Settings::default(), Stop::new());
        let pacing = Pacing::new(settings.api_share);
        let run = Run::new(&clouds, &place(), &clock, &settings, &stop, &pacing, &|_, _| {});
        run.plan(&Request::new(Job::ALL)).await.unwrap().plan
    })
}

/// The scene in a sim: a volume with its snapshots, some of them to go.
fn sim() -> World {
    let world = World::new(1, NOW);
    let act = |deed| world.act(Act::at(&place(), deed)).unwrap();
    let tagged = tags([("Backup", "daily"), ("Retention", "7")]);
    let volume = Some(VolumeId::new("vol-0a0a0a0a"));
    act(Deed::CreateVolume {
        id: volume.clone(),
        size_gib: 8,
        kind: None,
        multi_attach: false,
        key: None,
        tags: tagged,
    });
    for (n, snapshot) in scene::world().snapshots.items.into_iter().enumerate() {
        act(Deed::PutSnapshot {
            id: Some(SnapshotId::new(format!("snap-0000000{n}"))),
            volume: volume.clone().unwrap(),
            started: snapshot.started,
            state: PutState::Completed,
            size_gib: None,
            description: "".into(),
            tags: snapshot.tags,
        });
    }
    world
}
