//! What the paced cloud waits for, retries and refuses to retry.

use std::cell::RefCell;
use std::time::Duration;

use ebskeep_core::cloud::{Cloud, CloudError, CreateSnapshot, ErrorKind, Query};
use ebskeep_core::id::SnapshotId;
use ebskeep_core::paced::{Paced, Pacing, Timely};
use ebskeep_core::stop::{Stop, Why};
use ebskeep_core::tags::Tags;
use futures::future::join_all;
use jiff::SignedDuration;

use crate::fake::{Fake, Fault, START, Virtual};
use crate::plans::tags;

/// A fake with a volume and a snapshot, its clock and a stop.
fn setting() -> (Fake, Virtual, Stop) {
    let fake = Fake::new();
    fake.volume("vol-1");
    fake.snapshot("snap-1", "vol-1", 30, Tags::new());
    (fake, Virtual::new(), Stop::new())
}

fn request() -> CreateSnapshot {
    CreateSnapshot {
        volume: "vol-1".into(),
        description: String::new(),
        tags: tags([("Type", "Automated")]),
        site: None,
    }
}

/// The seconds at which attempts of `operation` were made, after one create and
/// one delete under `fault`.
async fn create_under(fault: Fault) -> (Result<(), CloudError>, Vec<f64>) {
    let (fake, clock, stop) = setting();
    fake.fault(fault);
    let answer = Paced::new(&fake, &clock, &stop, &Pacing::new(100)).create_snapshot(&request()).await.map(|_| ());
    (answer, fake.calls("CreateSnapshot").iter().map(|call| call.at.round()).collect())
}

async fn delete_under(fault: Fault) -> (Result<(), CloudError>, Vec<f64>) {
    let (fake, clock, stop) = setting();
    fake.fault(fault);
    let answer = Paced::new(&fake, &clock, &stop, &Pacing::new(100)).delete_snapshot(&"snap-1".into()).await;
    (answer, fake.calls("DeleteSnapshot").iter().map(|call| call.at.round()).collect())
}

#[tokio::test(start_paused = true)]
async fn throttled_calls_are_repeated_after_growing_waits_and_not_for_ever() {
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::Throttled).times(4)).await;
    assert!(answer.is_ok());
    assert_eq!(at, [0., 1., 3., 7., 15.]);
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::Throttled).always()).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Throttled);
    assert_eq!(at.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_a_run_can_do_without_is_asked_for_three_seconds() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Unknown] {
        let (fake, clock, stop) = setting();
        for operation in ["DescribeLockedSnapshots", "DescribeSnapshotTierStatus"] {
            fake.fault(Fault::new(operation, kind).always());
        }
        let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
        assert_eq!(cloud.describe_locked_snapshots(&Query::All, None).await.unwrap_err().kind, kind);
        assert_eq!(cloud.describe_snapshot_tier_status(&Query::All, None).await.unwrap_err().kind, kind);
        let at = |operation| fake.calls(operation).iter().map(|call| call.at.round()).collect::<Vec<_>>();
        assert_eq!(at("DescribeLockedSnapshots"), [0., 1., 3.], "{kind}");
        assert_eq!(at("DescribeSnapshotTierStatus"), [3., 4., 6.], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_snapshotted_just_now_is_told_to_who_asked() {
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::PerVolumeRate)).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::PerVolumeRate);
    assert_eq!(at, [0.]);
}

#[tokio::test(start_paused = true)]
async fn too_many_at_once_is_waited_for_and_not_for_ever() {
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::ConcurrencyLimit).always()).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::ConcurrencyLimit);
    assert_eq!(at, [0., 1., 3., 7., 15., 31., 61., 121.]);
}

#[tokio::test(start_paused = true)]
async fn a_creation_without_an_answer_is_never_repeated() {
    let _proof = ebskeep_proofs::proves(&["6.6"]);
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::Unknown)).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(at, [0.]);
}

#[tokio::test(start_paused = true)]
async fn a_creation_of_which_aws_says_nothing_was_done_is_repeated() {
    let (answer, at) = create_under(Fault::new("CreateSnapshot", ErrorKind::Unavailable)).await;
    assert!(answer.is_ok());
    assert_eq!(at, [0., 1.]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_an_answer_is_repeated_and_not_for_ever() {
    let (answer, at) = delete_under(Fault::new("DeleteSnapshot", ErrorKind::Unknown).times(2)).await;
    assert!(answer.is_ok());
    assert_eq!(at, [0., 1., 3.]);
    let (answer, at) = delete_under(Fault::new("DeleteSnapshot", ErrorKind::Unknown).always()).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Unknown);
    assert_eq!(at.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn after_an_unknown_outcome_no_later_throttling_makes_it_known() {
    let (fake, clock, stop) = setting();
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown));
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).always());
    let answer = Paced::new(&fake, &clock, &stop, &Pacing::new(100)).delete_snapshot(&"snap-1".into()).await;
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Unknown);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_cure_is_not_repeated() {
    for kind in [ErrorKind::Denied, ErrorKind::Quota, ErrorKind::Invalid, ErrorKind::NotFound, ErrorKind::Other] {
        let (answer, at) = create_under(Fault::new("CreateSnapshot", kind)).await;
        assert_eq!((answer.unwrap_err().kind, at.len()), (kind, 1));
        let (answer, at) = delete_under(Fault::new("DeleteSnapshot", kind)).await;
        assert_eq!((answer.unwrap_err().kind, at.len()), (kind, 1));
    }
}

/// What is waited for only to tidy up leaves nothing half done where it is cut short.
#[tokio::test(start_paused = true)]
async fn a_rest_cut_short_is_no_run_cut_short() {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    assert!(cloud.rest(Duration::from_secs(1)).await.is_ok());
    stop.raise(Why::Deadline);
    assert!(cloud.rest(Duration::from_mins(1)).await.is_err());
    assert_eq!((cloud.cut_short(), fake.elapsed()), (None, 1.));
    assert!(cloud.pause(Duration::from_mins(1)).await.is_err());
    assert_eq!(cloud.cut_short(), Some(Why::Deadline));
}

/// A refusal tells of its own attempt, not of the one before it that had no answer: a
/// deletion may be done. Of tags it tells more: why they cannot be written.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() {
    for kind in [ErrorKind::Denied, ErrorKind::Quota, ErrorKind::Invalid, ErrorKind::Other] {
        let (fake, clock, stop) = setting();
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown).after_effect());
        fake.fault(Fault::new("DeleteSnapshot", kind).always());
        let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
        let answer = cloud.delete_snapshot(&"snap-1".into()).await;
        assert_eq!((answer.unwrap_err().kind, fake.calls("DeleteSnapshot").len()), (ErrorKind::Unknown, 2), "{kind:?}");
        fake.fault(Fault::new("CreateTags", ErrorKind::Unknown));
        fake.fault(Fault::new("CreateTags", kind).always());
        let answer = cloud.create_tags(&["snap-1".into()], &tags([("a", "b")])).await;
        assert_eq!(answer.unwrap_err().kind, kind);
    }
}

/// What AWS says of the snapshot holds for both attempts: it is gone, or it is there.
#[tokio::test(start_paused = true)]
async fn that_it_is_gone_or_in_use_is_known_even_after_a_lost_answer() {
    for kind in [ErrorKind::NotFound, ErrorKind::InUse] {
        let (fake, clock, stop) = setting();
        fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown));
        fake.fault(Fault::new("DeleteSnapshot", kind).always());
        let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
        assert_eq!(cloud.delete_snapshot(&"snap-1".into()).await.unwrap_err().kind, kind);
    }
}

#[tokio::test(start_paused = true)]
async fn describes_and_tags_are_repeated_after_any_lost_answer() {
    let (fake, clock, stop) = setting();
    for operation in ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"] {
        fake.fault(Fault::new(operation, ErrorKind::Unknown));
        fake.fault(Fault::new(operation, ErrorKind::Unavailable));
    }
    fake.fault(Fault::new("CreateTags", ErrorKind::Unknown));
    fake.fault(Fault::new("DeleteTags", ErrorKind::Unknown));
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    cloud.describe_instances(&Query::All, None).await.unwrap();
    cloud.describe_volumes(&Query::All, None).await.unwrap();
    cloud.describe_snapshots(&Query::All, None).await.unwrap();
    cloud.describe_images(&Query::All, None).await.unwrap();
    let ids: [SnapshotId; 1] = ["snap-1".into()];
    cloud.create_tags(&ids, &tags([("a", "b")])).await.unwrap();
    cloud.delete_tags(&ids, &["a".into()]).await.unwrap();
    assert_eq!(fake.tags_of("snap-1"), Some(Tags::new()));
}

/// Seconds that so many calls at once take, at a share of AWS's rates.
async fn seconds(share: u32, calls: usize, query: Query) -> f64 {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(share));
    let (cloud, query) = (&cloud, &query);
    join_all((0..calls).map(async |_| cloud.describe_snapshots(query, None).await.unwrap())).await;
    fake.elapsed()
}

#[tokio::test(start_paused = true)]
async fn calls_keep_to_the_share_of_awss_rates() {
    // A bucket of 100 that gains 20 a second, of which one call is left for those
    // that are quicker on their way than others.
    assert!(seconds(100, 99, Query::All).await < 0.01);
    assert!((seconds(100, 300, Query::All).await - 10.).abs() < 0.2);
    assert!((seconds(50, 300, Query::All).await - 25.).abs() < 0.2);
    // By ids: one of 50 that gains 10.
    let ids = Query::Ids(vec!["snap-1".into()]);
    assert!((seconds(100, 150, ids).await - 10.).abs() < 0.2);
}

/// Seconds that so many reads take that two runs of one invocation begin at once,
/// half of them each, the second one in this Region.
async fn together(calls: usize, region: &str) -> f64 {
    let (fake, clock, stop) = setting();
    let pacing = Pacing::new(100);
    let there = fake.elsewhere("111122223333", region);
    let clouds = [&fake, &there].map(|cloud| Paced::new(cloud, &clock, &stop, &pacing));
    let reads = clouds.iter().cycle().take(calls).map(|cloud| cloud.describe_snapshots(&Query::All, None));
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    fake.elapsed()
}

/// AWS counts an account's calls, not a run's.
#[tokio::test(start_paused = true)]
async fn runs_of_one_invocation_take_from_the_same_bucket_of_a_place() {
    assert!(together(99, "eu-west-1").await < 0.01);
    assert!((together(300, "eu-west-1").await - 10.).abs() < 0.2);
}

#[tokio::test(start_paused = true)]
async fn each_place_has_its_own_buckets() {
    assert!(together(198, "us-east-1").await < 0.01);
    assert!((together(600, "us-east-1").await - 10.).abs() < 0.2);
}

#[tokio::test(start_paused = true)]
async fn what_aws_refuses_one_run_slows_down_the_others_beside_it() {
    let (fake, clock, stop) = setting();
    let pacing = Pacing::new(100);
    let [refused, beside] = [(); 2].map(|()| Paced::new(&fake, &clock, &stop, &pacing));
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Throttled));
    refused.create_snapshot(&request()).await.unwrap();
    let before = fake.elapsed();
    for _ in 0..20 {
        beside.create_snapshot(&request()).await.unwrap();
    }
    assert!(fake.elapsed() - before > 3., "{} to {}", before, fake.elapsed());
}

#[tokio::test(start_paused = true)]
async fn each_action_has_its_own_bucket() {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    for _ in 0..100 {
        cloud.describe_snapshots(&Query::All, None).await.unwrap();
        cloud.describe_volumes(&Query::All, None).await.unwrap();
    }
    assert!(fake.elapsed() < 0.3, "{}", fake.elapsed());
}

#[tokio::test(start_paused = true)]
async fn once_throttled_all_calls_of_that_action_slow_down() {
    let (fake, clock, stop) = setting();
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Throttled));
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    cloud.create_snapshot(&request()).await.unwrap();
    let before = fake.elapsed();
    for _ in 0..20 {
        cloud.create_snapshot(&request()).await.unwrap();
    }
    assert!(fake.elapsed() - before > 3., "{} to {}", before, fake.elapsed());
}

#[tokio::test(start_paused = true)]
async fn others_in_the_account_make_calls_slower_for_a_while_and_not_for_ever() {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    // Somebody else took what the bucket had for the next ten calls.
    let throttled = Fault::new("DescribeSnapshots", ErrorKind::Throttled).times(10);
    let (cloud, fake) = (&cloud, &fake);
    let many = join_all((0..1_000).map(async |_| cloud.describe_snapshots(&Query::All, None).await.unwrap()));
    futures::join!(many, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        fake.fault(throttled);
    });
    let calls = fake.calls("DescribeSnapshots");
    let rate = |from: f64, to: f64| calls.iter().filter(|call| (from..to).contains(&call.at)).count();
    assert_eq!(calls.len(), 1_010);
    assert!((13..=16).contains(&rate(4., 5.)), "{}", rate(4., 5.));
    assert!((15..=18).contains(&rate(20., 21.)), "{}", rate(20., 21.));
    assert!((19..=21).contains(&rate(40., 41.)), "{}", rate(40., 41.));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_makes_no_call() {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    stop.raise(Why::Interrupted);
    assert_eq!(cloud.create_snapshot(&request()).await.unwrap_err().kind, ErrorKind::Stopped);
    assert_eq!(fake.world.borrow().calls.len(), 0);
    assert_eq!(cloud.cut_short(), Some(Why::Interrupted));
}

#[tokio::test(start_paused = true)]
async fn a_stop_after_the_last_call_has_cut_nothing_short() {
    let (fake, clock, stop) = setting();
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    cloud.create_snapshot(&request()).await.unwrap();
    stop.raise(Why::Interrupted);
    assert_eq!(cloud.cut_short(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_at_once() {
    let (fake, clock, stop) = setting();
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::Throttled).always());
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    let request = request();
    let (answer, ()) = futures::join!(cloud.create_snapshot(&request), async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        stop.raise(Why::Deadline);
    });
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Stopped);
    assert!(fake.elapsed() < 4.1);
    assert_eq!(fake.calls("CreateSnapshot").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_a_lost_deletion_waits_leaves_it_unknown() {
    let (fake, clock, stop) = setting();
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Unknown).always());
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    let id = "snap-1".into();
    let (answer, ()) = futures::join!(cloud.delete_snapshot(&id), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.raise(Why::Interrupted);
    });
    assert_eq!(answer.unwrap_err().kind, ErrorKind::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_is_awaited_for_ten_seconds_and_then_given_up() {
    let answer_after = async |hangs| {
        let (fake, clock, stop) = setting();
        fake.fault(Fault::new("CreateSnapshot", ErrorKind::Denied).hangs(hangs));
        let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
        let request = request();
        let (answer, ()) = futures::join!(cloud.create_snapshot(&request), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.raise(Why::Interrupted);
        });
        (answer.unwrap_err().kind, fake.elapsed().round(), cloud.cut_short())
    };
    assert_eq!(answer_after(10).await, (ErrorKind::Denied, 10., None));
    assert_eq!(answer_after(100).await, (ErrorKind::Unknown, 11., Some(Why::Interrupted)));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_is_not_attempted_after_its_time() {
    let (fake, clock, stop) = setting();
    fake.fault(Fault::new("DeleteSnapshot", ErrorKind::Throttled).always());
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    let until = START + SignedDuration::from_secs(20);
    let answer = cloud.delete_snapshot_until(&"snap-1".into(), until).await.unwrap();
    assert!(matches!(answer, Timely::TooLate(None)), "{answer:?}");
    assert!(fake.calls("DeleteSnapshot").iter().all(|call| call.at <= 20.));
}

#[tokio::test(start_paused = true)]
async fn waits_hold_up_nobody_else() {
    let (fake, clock, stop) = setting();
    fake.volume("vol-2");
    fake.fault(Fault::new("CreateSnapshot", ErrorKind::ConcurrencyLimit).about("vol-1").times(5));
    let cloud = Paced::new(&fake, &clock, &stop, &Pacing::new(100));
    let order = RefCell::new(Vec::new());
    let take = async |volume: &'static str| {
        let request = CreateSnapshot { volume: volume.into(), ..request() };
        cloud.create_snapshot(&request).await.unwrap();
        order.borrow_mut().push((volume, fake.elapsed().round()));
    };
    futures::join!(take("vol-1"), take("vol-2"));
    assert_eq!(order.into_inner(), [("vol-2", 0.), ("vol-1", 31.)]);
}
