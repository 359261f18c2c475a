//! Virtual time.

use std::time::Duration;

use ebskeep_core::cloud::{Clock, Cloud, Query};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_sim::Rules;
use jiff::{SignedDuration, Timestamp};

use crate::helper::{cloud, snapshot_of, volume, world};

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn sleepers_of_one_task_each_wake_at_their_own_time() {
    let world = world();
    let clock = world.clock();
    let wakes = |seconds| {
        let (clock, world) = (clock.clone(), world.clone());
        async move {
            clock.sleep(Duration::from_secs(seconds)).await;
            world.now().duration_since(start()).as_secs()
        }
    };
    let woke = futures::future::join3(wakes(30), wakes(10), wakes(86_400)).await;
    assert_eq!(woke, (30, 10, 86_400));
    assert_eq!(clock.now(), start() + SignedDuration::from_secs(86_400));
    world.advance(Duration::from_secs(5));
    assert_eq!(clock.now(), start() + SignedDuration::from_secs(86_405), "moving it by hand adds to that");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_completes_when_it_is_due() {
    let world = world();
    let clock = world.clock();
    let volume = volume(&world);
    cloud(&world).create_snapshot(&snapshot_of(&volume)).await.unwrap();
    let state = async || cloud(&world).describe_snapshots(&Query::All, None).await.unwrap().items[0].state;
    clock.sleep(Duration::from_secs(59)).await;
    assert_eq!(state().await, SnapshotState::Pending);
    clock.sleep(Duration::from_secs(2)).await;
    assert_eq!(state().await, SnapshotState::Completed);
    let completed = world.history()[0].completed;
    assert_eq!(completed, Some(start() + SignedDuration::from_secs(60)), "at its own instant, not when looked at");
}

#[tokio::test(start_paused = true)]
async fn calls_take_as_long_as_the_rules_say() {
    let world = world();
    let _clock = world.clock();
    world.rules(Rules { latency: Duration::from_millis(120), jitter: Duration::from_millis(80), ..Rules::default() });
    let mut ends = Vec::new();
    for _ in 0..20 {
        cloud(&world).describe_volumes(&Query::All, None).await.unwrap();
        ends.push(world.now());
    }
    let took: Vec<i128> = ends.windows(2).map(|w| w[1].duration_since(w[0]).as_millis()).collect();
    assert!(took.iter().all(|ms| (120..=201).contains(ms)), "{took:?}");
    assert!(took.iter().any(|ms| *ms != took[0]), "not all alike");
}

#[test]
fn a_world_stands_still_until_it_is_moved() {
    let world = world();
    assert_eq!(world.now(), start());
    world.advance(Duration::from_hours(36));
    assert_eq!(world.now(), start() + SignedDuration::from_hours(36));
}
