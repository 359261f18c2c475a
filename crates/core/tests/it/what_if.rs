//! The plan with a change beside the plan without.

use ebskeep_core::id::{AccountId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Device, Instance, InstanceState, Inventory, Listing, Snapshot, SnapshotState, StorageTier, Volume, VolumeState,
};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{CreateVerdict, Job};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use ebskeep_core::whatif::{Change, WhatIf, WhatIfError, what_if};
use ebskeep_proofs::proves;
use jiff::{SignedDuration, Timestamp};

const ACCOUNT: &str = "111122223333";

fn tags(rows: &[&str]) -> Tags {
    rows.iter().map(|row| row.split_once('=').unwrap()).collect()
}

/// Sixty daily backups of 8 GiB of one volume, under `Retention=daily=60` on its
/// instance; and a volume that nothing backs up.
fn world() -> Inventory {
    let now: Timestamp = "2026-03-10T00:05:00Z".parse().unwrap();
    let snapshot = |days: i64| {
        let started = now - SignedDuration::from_hours(24 * days);
        let slot = started - SignedDuration::from_mins(5);
        Snapshot {
            id: SnapshotId::new(format!("snap-{days:02}")),
            owner: AccountId::new(ACCOUNT),
            volume: VolumeId::new("vol-a"),
            state: SnapshotState::Completed,
            state_message: None,
            started,
            size_gib: 8,
            tier: StorageTier::Standard,
            restore_expires: None,
            site: None,
            encrypted: false,
            description: "".into(),
            tags: tags(&["Type=Automated", &format!("ebskeep:slot={slot}"), "ebskeep:retention=daily=60"]),
        }
    };
    let volume = |id: &str| Volume {
        id: VolumeId::new(id),
        state: VolumeState::InUse,
        size_gib: 8,
        attachments: Vec::new(),
        site: None,
        tags: Tags::new(),
    };
    Inventory {
        instances: Listing::complete(vec![Instance {
            id: InstanceId::new("i-a"),
            state: InstanceState::Running,
            root_device: None,
            devices: vec![Device { name: "/dev/xvda".into(), volume: VolumeId::new("vol-a") }],
            tags: tags(&["Backup=Yes", "retention=daily=60"]),
        }]),
        volumes: Listing::complete(vec![volume("vol-a"), volume("vol-b")]),
        snapshots: Listing::complete((0..60).map(snapshot).collect()),
        ..Inventory::empty(Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") }, now)
    }
}

fn ask(change: &str, ids: &[&str]) -> Result<WhatIf, WhatIfError> {
    let settings = Settings::default();
    let change = Change::parse(change, &settings).unwrap();
    let ids: Vec<_> = ids.iter().map(|id| (*id).into()).collect();
    what_if(&world(), &[change], &ids, &Request::new(Job::ALL), &settings)
}

/// How many go: as it is, at once, and once the grace is over.
fn going(asked: &WhatIf) -> [usize; 3] {
    [asked.as_it_is.delete, asked.at_once.delete, asked.after_grace.delete]
}

#[test]
fn a_shorter_retention_takes_nothing_at_once_and_the_rest_after_the_grace() {
    let _proof = proves(&["6.50"]);
    let asked = ask("Retention=daily=7 weekly=4", &[]).unwrap();
    assert_eq!(asked.on, ["i-a"]);
    // Seven days back to Wednesday the 4th, and the Sundays 1 March and 22 February: the weeks of the
    // 10th and the 8th are the first two of four.
    assert_eq!(going(&asked), [0, 0, 51], "{:?}", asked.after_grace);
    assert_eq!((asked.after_grace.keep_gib, asked.after_grace.delete_gib), (8 * 9, 8 * 51));
    assert_eq!(asked.grace, "7 days");
    let oldest = &asked.snapshots[0];
    assert_eq!((oldest.snapshot_id.as_str(), oldest.after_grace.reasons[0].rule), ("snap-59", "rules"));
    // Fifty-one of sixty are more than a quarter, and no record foresees them.
    assert_eq!(asked.refused.iter().map(|check| check.check).collect::<Vec<_>>(), ["unforeseen-deletions"]);
}

#[test]
fn what_changes_nothing_says_so_and_a_longer_one_deletes_nothing() {
    for change in ["Retention=daily=60", "Retention=daily=100", "Retention=forever", "minimum=3", "Retention-"] {
        let asked = ask(change, &[]).unwrap();
        assert_eq!(going(&asked), [0, 0, 0], "{change}");
        assert!(asked.refused.is_empty() && asked.volumes.is_empty(), "{change}");
    }
    assert!(!ask("Retention=daily=60", &[]).unwrap().differs());
}

#[test]
fn a_slip_is_shown_as_the_problem_it_would_be() {
    let _proof = proves(&["6.51"]);
    let stopped = ask("Backup-", &[]).unwrap();
    // Nothing is due now, and nothing would be ever after.
    assert_eq!(stopped.volumes.iter().map(|v| v.reasons[0].rule).collect::<Vec<_>>(), ["not-tagged"]);
    let asked = ask("Retention=dialy=7", &[]).unwrap();
    assert_eq!(going(&asked), [0, 0, 0]);
    assert_eq!(asked.problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["bad-retention"]);
    assert!(asked.differs());
}

#[test]
fn a_setting_is_tried_without_touching_a_tag() {
    let asked = ask("policy-grace=1d", &[]).unwrap();
    assert_eq!((asked.on.len(), asked.grace.as_str()), (0, "1 day"));
    assert!(!asked.differs());
}

#[test]
fn what_is_named_is_changed_and_nothing_else() {
    let _proof = proves(&["6.52"]);
    let asked = ask("Backup=daily", &["vol-b"]).unwrap();
    let [volume] = asked.volumes.as_slice() else { panic!("{:?}", asked.volumes) };
    assert_eq!((volume.volume_id.as_str(), volume.with), ("vol-b", CreateVerdict::Create));
    assert_eq!(going(&asked), [0, 0, 0]);
    // On the volume it beats the instance's.
    assert_eq!(going(&ask("Retention=daily=1", &["vol-a"]).unwrap()), [0, 0, 59]);
    assert_eq!(ask("Retention=7", &["vol-x"]), Err(WhatIfError::Unknown("vol-x".into())));
}
