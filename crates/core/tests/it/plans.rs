//! Plans written by hand, and their execution in virtual time.

use ebskeep_core::apply::{Applied, OnProgress, apply};
use ebskeep_core::cloud::Cloud as _;
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Action, Deletion, FinishTags, NewSet, NewSnapshot, Plan, SCHEMA, SetMember, Summary};
use ebskeep_core::reach::Reach;
use ebskeep_core::report::{ActionResult, Outcome};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::{self, Tags};
use jiff::{SignedDuration, Timestamp};

use crate::fake::{Fake, START, Virtual};

/// Midnight before the start.
pub(crate) fn slot() -> Timestamp {
    START - SignedDuration::from_mins(5)
}

pub(crate) fn tags<const N: usize>(tags: [(&str, &str); N]) -> Tags {
    tags.into_iter().collect()
}

pub(crate) fn plan(actions: impl IntoIterator<Item = Action>) -> Plan {
    Plan {
        schema: SCHEMA.into(),
        now: START,
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        jobs: Vec::new(),
        volumes: Vec::new(),
        copies: Vec::new(),
        snapshots: Vec::new(),
        actions: actions.into_iter().collect(),
        problems: Vec::new(),
        findings: Vec::new(),
        checks: Vec::new(),
        summary: Summary::default(),
    }
}

/// Our tags on every new snapshot.
pub(crate) fn ours() -> Tags {
    [
        (tags::TYPE, tags::AUTOMATED.to_owned()),
        (tags::SLOT, slot().to_string()),
        (tags::DEPLOYMENT, "default".to_owned()),
    ]
    .into_iter()
    .collect()
}

pub(crate) fn new(volume: &str) -> NewSnapshot {
    NewSnapshot {
        volume_id: volume.into(),
        slot: slot(),
        description: format!("web - {volume} (/dev/sda1)"),
        tags: ours(),
        carried: tags([("team", "blue")]),
        location: None,
    }
}

pub(crate) fn create(volume: &str) -> Action {
    Action::CreateSnapshot(Box::new(new(volume)))
}

/// A set whose members' retention differs: each has own tags, and loses one.
pub(crate) fn set(instance: &str, volumes: &[&str]) -> Action {
    let mut shared = ours();
    shared.set(tags::SET, format!("{instance}/1"));
    shared.set(tags::RETENTION, tags::UNSET);
    let members = volumes.iter().map(|volume| SetMember {
        own_tags: tags([("DeleteOn", "2026-03-08"), ("ebskeep:volume", volume)]),
        remove: vec![tags::RETENTION.into()],
        alone: NewSnapshot {
            tags: {
                let mut own = ours();
                own.set("DeleteOn", "2026-03-08");
                own
            },
            ..new(volume)
        },
    });
    Action::CreateSet(Box::new(NewSet {
        instance_id: instance.into(),
        slot: slot(),
        description: format!("web - {instance} (2 volumes)"),
        exclude_boot: false,
        exclude_data: Vec::new(),
        tags: shared,
        carried: tags([("team", "blue")]),
        location: None,
        members: members.collect(),
    }))
}

pub(crate) fn finish(snapshot: &str) -> Action {
    Action::FinishTags(Box::new(FinishTags {
        snapshot_id: snapshot.into(),
        volume_id: "vol-1".into(),
        tags: tags([("DeleteOn", "2026-03-08")]),
        remove: vec![tags::RETENTION.into()],
    }))
}

/// The tags of a snapshot that is to go.
pub(crate) fn old() -> Tags {
    tags([("Type", "Automated"), ("DeleteOn", "2026-02-01")])
}

/// Snapshots that are there and are to go, and the plan for them.
pub(crate) fn deletions(fake: &Fake, ids: &[&str]) -> Plan {
    for id in ids {
        fake.snapshot(id, "vol-1", 30, old());
    }
    plan(ids.iter().map(|id| delete(id)))
}

pub(crate) fn delete(id: &str) -> Action {
    Action::DeleteSnapshot(Deletion {
        snapshot_id: id.into(),
        volume_id: "vol-1".into(),
        tags: old(),
        size_gib: 8,
        failed: false,
        archived: false,
        restore_expires: None,
    })
}

/// Carries a plan out, with all of AWS's rates and nobody who stops it.
pub(crate) async fn run(fake: &Fake, plan: &Plan) -> Applied {
    run_until(fake, plan, &Stop::new()).await
}

pub(crate) async fn run_until(fake: &Fake, plan: &Plan, stop: &Stop) -> Applied {
    run_told(fake, plan, stop, &|_| {}).await
}

/// The same, told how it goes on.
pub(crate) async fn run_told(fake: &Fake, plan: &Plan, stop: &Stop, on_progress: &OnProgress<'_>) -> Applied {
    let (clock, settings) = (Virtual::new(), all_rates());
    let pacing = Pacing::new(settings.api_share);
    let reach = Reach::new(fake, fake.place(), &clock, &settings, stop, &pacing);
    apply(&reach, plan, on_progress).await
}

/// Settings with all of AWS's rates.
pub(crate) fn all_rates() -> Settings {
    Settings { api_share: 100, ..Settings::default() }
}

pub(crate) fn outcomes(applied: &Applied) -> Vec<Outcome> {
    applied.results.iter().map(|result| result.outcome).collect()
}

/// The only result.
pub(crate) fn only(applied: &Applied) -> &ActionResult {
    let [result] = applied.results.as_slice() else { panic!("not one result: {:?}", applied.results) };
    result
}

pub(crate) fn codes(applied: &Applied) -> Vec<&str> {
    applied.notes.iter().map(|note| note.code).collect()
}
