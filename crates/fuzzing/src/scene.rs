//! A small world that all targets know, and what holds of every plan.

use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Instance, InstanceState, Inventory, Listing, Snapshot, SnapshotState, StorageTier, Volume,
    VolumeState,
};
use ebskeep_core::job::{Request, planned};
use ebskeep_core::plan::{Action, Job, Plan};
use ebskeep_core::report::text::{Detail, Style, plan_text};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::{MAX_TAGS, Tags};
use jiff::{SignedDuration, Timestamp};

/// Whose everything is.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Where.
pub(crate) const REGION: &str = "eu-west-1";
/// 2026-03-10 12:05 UTC.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_773_144_300, 0);
/// The ages in days of the snapshots of [`VOLUME`], all at midnight. By their own
/// record of seven days the last four are to go.
pub(crate) const AGES: [i64; 6] = [1, 5, 8, 30, 90, 400];
/// The volume that is looked at.
pub(crate) const VOLUME: &str = "vol-1";

/// The place.
pub(crate) fn place() -> Place {
    Place { account: AccountId::new(ACCOUNT), region: Region::new(REGION) }
}

/// Tags from pairs.
pub(crate) fn tags<const N: usize>(tags: [(&str, &str); N]) -> Tags {
    tags.into_iter().collect()
}

/// The snapshot of [`VOLUME`] that began so many days ago.
pub(crate) fn id(days: i64) -> SnapshotId {
    SnapshotId::new(format!("snap-{days:03}"))
}

/// An instance, `i-1`, tagged `Backup=daily` and `Retention=7`, with one volume and
/// six snapshots of it.
pub(crate) fn world() -> Inventory {
    let device = "/dev/xvda";
    let volume = VolumeId::new(VOLUME);
    Inventory {
        place: place(),
        now: NOW,
        observed_at: NOW,
        machine_clock: Some(NOW),
        instances: Listing::complete(vec![Instance {
            id: "i-1".into(),
            state: InstanceState::Running,
            root_device: Some(device.into()),
            devices: vec![Device { name: device.into(), volume: volume.clone() }],
            tags: tags([("Name", "web"), ("Backup", "daily"), ("Retention", "7")]),
        }]),
        volumes: Listing::complete(vec![Volume {
            id: volume.clone(),
            state: VolumeState::InUse,
            size_gib: 8,
            attachments: vec![Attachment { instance: "i-1".into(), device: device.into(), attached_at: None }],
            site: None,
            tags: Tags::new(),
        }]),
        snapshots: Listing::complete(AGES.map(snapshot).into_iter().collect()),
        images: Listing::complete(Vec::new()),
        locks: Listing::complete(Vec::new()),
        tiers: Listing::complete(Vec::new()),
        confirmed_gone: [].into(),
        destinations: Vec::new(),
        listing_mismatch: None,
    }
}

fn snapshot(days: i64) -> Snapshot {
    let slot = NOW - SignedDuration::from_mins(12 * 60 + 5) - SignedDuration::from_hours(24 * days);
    let delete_on = slot + SignedDuration::from_hours(24 * 7);
    Snapshot {
        id: id(days),
        owner: AccountId::new(ACCOUNT),
        volume: VolumeId::new(VOLUME),
        state: SnapshotState::Completed,
        state_message: None,
        started: slot + SignedDuration::from_secs(10),
        size_gib: 8,
        tier: StorageTier::Standard,
        restore_expires: None,
        site: None,
        encrypted: false,
        description: "".into(),
        tags: tags([
            ("Type", "Automated"),
            ("ebskeep:slot", &slot.to_string()),
            ("ebskeep:retention", "7"),
            ("DeleteOn", &delete_on.strftime("%Y-%m-%d").to_string()),
        ]),
    }
}

/// The plan of both jobs, after what must hold of every plan was looked at.
pub(crate) fn plan_of(inventory: &Inventory) -> Plan {
    let plan = planned(inventory.clone(), &Request::new(Job::ALL), &Settings::default()).plan;
    sound(&plan, inventory);
    plan
}

/// What a plan deletes.
pub(crate) fn deleted(plan: &Plan) -> Vec<&SnapshotId> {
    let deleted = plan.actions.iter().filter_map(|action| match action {
        Action::DeleteSnapshot(deletion) => Some(&deletion.snapshot_id),
        _ => None,
    });
    deleted.collect()
}

/// Whether a problem of this name is told.
pub(crate) fn has_problem(plan: &Plan, code: &str) -> bool {
    plan.problems.iter().any(|problem| problem.code == code)
}

/// What holds of every plan, whatever stands in the inventory.
fn sound(plan: &Plan, inventory: &Inventory) {
    let verdicts: Vec<_> = plan.snapshots.iter().map(|verdict| &verdict.snapshot_id).collect();
    let listed: Vec<_> = inventory.snapshots.items.iter().map(|snapshot| &snapshot.id).collect();
    assert_eq!(verdicts, listed, "each snapshot has one verdict");
    assert!(plan.snapshots.iter().all(|verdict| !verdict.reasons.is_empty()), "each verdict has a reason");

    for gone in deleted(plan) {
        let snapshot = inventory.snapshots.items.iter().find(|snapshot| snapshot.id == *gone).unwrap();
        assert_eq!(snapshot.owner, inventory.place.account, "{gone} is somebody else's");
        let tag = |key| snapshot.tags.get(key).unwrap_or_default();
        assert!(tag("Type").eq_ignore_ascii_case("automated"), "{gone} is not ours");
        let of_others = |key: &str| {
            let key = key.to_ascii_lowercase();
            key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed"
        };
        assert!(!snapshot.tags.iter().any(|(key, _)| of_others(key)), "{gone} is another tool's");
    }
    // The checks share no code with what they check. Numbers of deletions and the
    // clock are about the world, and the others about what was decided.
    for check in &plan.checks {
        let of_the_world = ["clock", "backup-key", "snapshots-listed", "all-listed", "unforeseen-deletions"];
        assert!(check.ok || of_the_world.contains(&check.check), "{}: {}", check.check, check.detail);
    }
    if !deleted(plan).is_empty() && inventory.gaps().next().is_some() {
        assert!(
            plan.checks.iter().any(|check| check.check == "all-listed" && !check.ok),
            "deletes from half a listing"
        );
    }
    for action in &plan.actions {
        if let Action::CreateSnapshot(new) = action {
            assert!(new.tags.counted() + new.carried.counted() <= MAX_TAGS, "more tags than AWS takes");
            // Source: Amazon EC2 User Guide, "Tag restrictions".
            let fits = |(key, value): (&str, &str)| key.chars().count() <= 128 && value.chars().count() <= 256;
            assert!(new.tags.iter().all(|(key, value)| fits((key, value))), "a tag that AWS does not take");
            assert!(new.description.chars().count() <= 255, "a description that AWS does not take");
        }
    }
    let text = plan_text(plan, &Style { colour: false, detail: Detail::Full });
    let odd = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "what a terminal would obey is in the plan's text");
}
