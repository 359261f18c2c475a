//! From pages to an inventory.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ebskeep_core::cloud::{CloudError, ErrorKind};
use ebskeep_core::id::VolumeId;
use ebskeep_core::inventory::{Inventory, LockState};
use ebskeep_core::observe::observe;
use ebskeep_core::paced::{Paced, Pacing};
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::Tags;
use jiff::SignedDuration;

use crate::fake::{Fake, Fault, START, Virtual};
use crate::plans::tags;

async fn see(fake: &Fake, unsettled: &[&str]) -> Result<Inventory, CloudError> {
    let (clock, stop) = (Virtual::new(), Stop::new());
    let cloud = Paced::new(fake, &clock, &stop, &Pacing::new(100));
    let unsettled = unsettled.iter().map(|id| VolumeId::new(*id)).collect();
    observe(&cloud, &clock, None, |_| unsettled, &|_, _| {}).await
}

/// Five snapshots, two volumes and an instance.
fn fleet() -> Fake {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1", "vol-2"]);
    for id in ["snap-3", "snap-1", "snap-5", "snap-2", "snap-4"] {
        fake.snapshot(id, "vol-1", 3, Tags::new());
    }
    fake
}

fn snapshots(inventory: &Inventory) -> Vec<&str> {
    inventory.snapshots.items.iter().map(|snapshot| snapshot.id.as_str()).collect()
}

const FIVE: [&str; 5] = ["snap-1", "snap-2", "snap-3", "snap-4", "snap-5"];

#[tokio::test(start_paused = true)]
async fn all_pages_of_all_listings_are_seen() {
    for page in [0, 1, 2, 3, 5] {
        let fake = fleet();
        fake.world.borrow_mut().page = page;
        let inventory = see(&fake, &[]).await.unwrap();
        assert_eq!(snapshots(&inventory), FIVE);
        assert_eq!(inventory.volumes.items.len(), 2);
        assert_eq!(inventory.instances.items.len(), 1);
        assert!(inventory.snapshots.is_complete() && inventory.images.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn each_page_is_told() {
    let fake = fleet();
    fake.world.borrow_mut().page = 2;
    let (clock, told) = (Virtual::new(), RefCell::new(Vec::new()));
    observe(&fake, &clock, None, |_| Vec::new(), &|what, items| told.borrow_mut().push((what, items))).await.unwrap();
    let told: Vec<_> = told.into_inner().into_iter().filter(|(what, _)| *what == "snapshots").collect();
    // The first page, and then the parts: most are empty, and of the first two are known.
    let known: Vec<usize> = told.into_iter().map(|(_, items)| items).collect();
    assert!(known.is_sorted() && known.first() == Some(&2) && known.last() == Some(&5), "{known:?}");
}

#[tokio::test(start_paused = true)]
async fn an_item_on_two_pages_counts_once() {
    let fake = fleet();
    fake.world.borrow_mut().page = 2;
    fake.world.borrow_mut().overlap = true;
    let inventory = see(&fake, &[]).await.unwrap();
    assert_eq!(snapshots(&inventory), FIVE);
    assert!(inventory.snapshots.is_complete());
}

#[tokio::test(start_paused = true)]
async fn of_an_item_on_two_pages_the_later_counts() {
    let fake = fleet();
    fake.world.borrow_mut().page = 2;
    fake.world.borrow_mut().overlap = true;
    fake.after("DescribeSnapshots", |world| {
        world.snapshots.get_mut("snap-2").unwrap().tags = tags([("KeepForever", "")]);
    });
    let inventory = see(&fake, &[]).await.unwrap();
    assert_eq!(inventory.snapshots.items[1].tags, tags([("KeepForever", "")]));
}

#[tokio::test(start_paused = true)]
async fn a_page_token_given_twice_is_a_gap_and_no_endless_loop() {
    let fake = fleet();
    fake.world.borrow_mut().page = 2;
    fake.world.borrow_mut().circle = Some("snapshots");
    let inventory = see(&fake, &[]).await.unwrap();
    assert_eq!(
        inventory.snapshots.gap.as_ref().map(|gap| gap.why.as_str()),
        Some("AWS gave the same page token twice")
    );
    assert!(snapshots(&inventory).len() >= 2, "what was seen is there");
    assert!(inventory.volumes.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_leaves_what_was_seen_and_says_why() {
    let fake = fleet();
    fake.world.borrow_mut().page = 2;
    fake.after("DescribeSnapshots", |world| {
        world.faults.push(Fault::new("DescribeSnapshots", ErrorKind::Denied).always().said("Nope", "not you"));
    });
    let inventory = see(&fake, &[]).await.unwrap();
    assert_eq!(snapshots(&inventory), ["snap-1", "snap-2"]);
    let gap = &inventory.snapshots.gap.as_ref().unwrap().why;
    assert!(gap.starts_with("DescribeSnapshots on start-time=") && gap.ends_with("Nope: not you"), "{gap}");
}

#[tokio::test(start_paused = true)]
async fn one_listing_that_fails_altogether_is_a_gap() {
    let fake = fleet();
    fake.fault(Fault::new("DescribeInstances", ErrorKind::Denied).always());
    let inventory = see(&fake, &[]).await.unwrap();
    assert!(inventory.instances.items.is_empty() && !inventory.instances.is_complete());
    assert_eq!(snapshots(&inventory), FIVE);
}

#[tokio::test(start_paused = true)]
async fn if_nothing_answers_the_first_listings_error_is_told() {
    let fake = fleet();
    for operation in ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"] {
        fake.fault(Fault::new(operation, ErrorKind::Denied).always());
    }
    let error = see(&fake, &[]).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (ErrorKind::Denied, "DescribeInstances"));
}

#[tokio::test(start_paused = true)]
async fn now_is_awss_clock_at_the_first_answer() {
    let _proof = ebskeep_proofs::proves(&["4.20"]);
    let fake = fleet();
    fake.world.borrow_mut().latency = std::time::Duration::from_secs(2);
    fake.world.borrow_mut().page = 1;
    let inventory = see(&fake, &[]).await.unwrap();
    let first = START + SignedDuration::from_secs(2);
    assert_eq!((inventory.now, inventory.observed_at), (first, first));
    assert_eq!(inventory.machine_clock, Some(first));
}

#[tokio::test(start_paused = true)]
async fn another_now_leaves_awss_clock_known() {
    let _proof = ebskeep_proofs::proves(&["4.21"]);
    let (fake, clock) = (fleet(), Virtual::new());
    let later = START + SignedDuration::from_hours(48);
    let asked = std::cell::Cell::new(None);
    let unsettled = |inventory: &Inventory| {
        asked.set(Some(inventory.now));
        Vec::new()
    };
    let inventory = observe(&fake, &clock, Some(later), unsettled, &|_, _| {}).await.unwrap();
    assert_eq!((inventory.now, inventory.observed_at, asked.get()), (later, START, Some(later)));
}

#[tokio::test(start_paused = true)]
async fn only_a_volume_that_is_not_found_by_its_id_is_gone() {
    let _proof = ebskeep_proofs::proves(&["3.12"]);
    let fake = fleet();
    fake.world.borrow_mut().unlisted = ["vol-1".to_owned()].into();
    fake.fault(Fault::new("DescribeVolumes", ErrorKind::Denied).about_alone("vol-dark").always());
    let inventory = see(&fake, &["vol-gone", "vol-1", "vol-dark"]).await.unwrap();
    assert_eq!(inventory.confirmed_gone, BTreeSet::from([VolumeId::new("vol-gone")]));
    // One that is found by its id exists, whatever the listing said.
    let volumes: Vec<_> = inventory.volumes.items.iter().map(|volume| volume.id.as_str()).collect();
    assert_eq!(volumes, ["vol-1", "vol-2"]);
}

#[tokio::test(start_paused = true)]
async fn no_volume_is_gone_while_their_listing_has_a_gap() {
    let _proof = ebskeep_proofs::proves(&["3.12"]);
    let fake = fleet();
    fake.world.borrow_mut().page = 1;
    fake.after("DescribeVolumes", |world| {
        world.faults.push(Fault::new("DescribeVolumes", ErrorKind::Denied).about("all").always());
    });
    let inventory = see(&fake, &["vol-gone"]).await.unwrap();
    assert!(inventory.confirmed_gone.is_empty());
    assert!(fake.calls("DescribeVolumes").iter().all(|call| call.about == "all"));
}

#[tokio::test(start_paused = true)]
async fn all_pages_of_the_locks_are_seen() {
    for page in [0, 1, 2, 3] {
        let fake = fleet();
        fake.world.borrow_mut().page = page;
        for id in ["snap-4", "snap-2", "snap-5"] {
            fake.lock(id, LockState::Compliance);
        }
        let inventory = see(&fake, &[]).await.unwrap();
        let locks: Vec<_> = inventory.locks.items.iter().map(|lock| (lock.snapshot.as_str(), lock.state)).collect();
        let locked = ["snap-2", "snap-4", "snap-5"].map(|id| (id, LockState::Compliance));
        assert_eq!(locks, locked);
        assert!(inventory.locks.is_complete());
    }
}

#[tokio::test(start_paused = true)]
async fn locks_that_cannot_be_read_are_a_gap_of_their_own() {
    let fake = fleet();
    fake.fault(Fault::new("DescribeLockedSnapshots", ErrorKind::Denied).always());
    let inventory = see(&fake, &[]).await.unwrap();
    assert!(inventory.locks.items.is_empty());
    let gap = &inventory.locks.gap.as_ref().unwrap().why;
    assert!(gap.starts_with("DescribeLockedSnapshots"), "{gap}");
    assert_eq!(snapshots(&inventory), FIVE);
    for complete in [inventory.snapshots.is_complete(), inventory.images.is_complete(), inventory.tiers.is_complete()] {
        assert!(complete);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_locks_alone_is_none() {
    let fake = fleet();
    for operation in ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"] {
        fake.fault(Fault::new(operation, ErrorKind::Denied).always());
    }
    assert!(see(&fake, &[]).await.is_err());
    assert_eq!(fake.calls("DescribeLockedSnapshots").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn since_when_is_asked_only_of_what_is_archived() {
    let fake = fleet();
    assert!(see(&fake, &[]).await.unwrap().tiers.items.is_empty());
    assert!(fake.calls("DescribeSnapshotTierStatus").is_empty());
    fake.archive("snap-4", 100);
    fake.archive("snap-2", 10);
    let inventory = see(&fake, &[]).await.unwrap();
    let since: Vec<_> = inventory.tiers.items.iter().map(|tier| (tier.snapshot.as_str(), tier.archived_at)).collect();
    let days = |days: i64| Some(START - SignedDuration::from_hours(24 * days));
    assert_eq!(since, [("snap-2", days(10)), ("snap-4", days(100))]);
    let asked: Vec<_> = fake.calls("DescribeSnapshotTierStatus").into_iter().map(|call| call.about).collect();
    assert_eq!(asked, ["snapshot-id=snap-2|snap-4"]);
}

#[tokio::test(start_paused = true)]
async fn since_when_is_asked_of_what_is_restored_for_a_time_too() {
    let _proof = ebskeep_proofs::proves(&["R9.8"]);
    let fake = fleet();
    fake.archive("snap-4", 100);
    fake.restore_for("snap-4", 3);
    let inventory = see(&fake, &[]).await.unwrap();
    let tiers: Vec<_> = inventory.tiers.items.iter().map(|tier| (tier.snapshot.as_str(), tier.archived_at)).collect();
    assert_eq!(tiers, [("snap-4", Some(START - SignedDuration::from_hours(24 * 100)))]);
    let asked: Vec<_> = fake.calls("DescribeSnapshotTierStatus").into_iter().map(|call| call.about).collect();
    assert_eq!(asked, ["snapshot-id=snap-4"]);
}

/// So many archived snapshots.
fn archive(count: usize) -> Fake {
    let fake = Fake::new();
    fake.volume("vol-1");
    for n in 0..count {
        let id = format!("snap-{n:03}");
        fake.snapshot(&id, "vol-1", 3, Tags::new());
        fake.archive(&id, 1);
    }
    fake
}

#[tokio::test(start_paused = true)]
async fn a_filter_never_has_more_than_200_values_and_all_its_pages_are_seen() {
    let fake = archive(450);
    fake.world.borrow_mut().page = 150;
    let inventory = see(&fake, &[]).await.unwrap();
    let seen: Vec<_> = inventory.tiers.items.iter().map(|tier| tier.snapshot.as_str().to_owned()).collect();
    assert_eq!(seen, (0..450).map(|n| format!("snap-{n:03}")).collect::<Vec<_>>());
    let calls = fake.calls("DescribeSnapshotTierStatus");
    let values: Vec<usize> = calls.iter().map(|call| call.about.split('|').count()).collect();
    assert_eq!(values, [200, 200, 200, 200, 50]);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_the_tiers_that_cannot_be_read_leaves_what_was_and_is_asked_no_further() {
    let fake = archive(450);
    fake.fault(Fault::new("DescribeSnapshotTierStatus", ErrorKind::Denied).about("snap-200").always());
    let inventory = see(&fake, &[]).await.unwrap();
    assert_eq!(inventory.tiers.items.len(), 200);
    assert!(inventory.tiers.gap.is_some() && inventory.snapshots.is_complete());
    assert_eq!(fake.calls("DescribeSnapshotTierStatus").len(), 2);
}
