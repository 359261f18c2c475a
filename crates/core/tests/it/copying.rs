//! Runs of the copier: what is looked at where, and what comes of it.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Role};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::job::{Planned, Request, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::Job;
use ebskeep_core::report::{Conclusion, DESTINATION_NOT_LISTED};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::{self, Tags};
use futures::future::join_all;

use crate::fake::{Fake, Fault, Virtual, place};
use crate::plans::tags;

const HOME: &str = "111122223333";
const OTHER: &str = "444455556666";

/// What every run here has.
struct Scene {
    fake: Fake,
    clock: Virtual,
    settings: Settings,
    stop: Stop,
    pacing: Pacing,
}

impl Scene {
    fn new() -> Self {
        let settings = Settings::default();
        let pacing = Pacing::new(settings.api_share);
        Self { fake: Fake::new(), clock: Virtual::new(), settings, stop: Stop::new(), pacing }
    }

    /// A backup of ours that is to be copied there.
    fn backup(&self, id: &str, days: i64, to: &str) {
        backup_in(&self.fake, id, days, to);
    }

    fn run(&self) -> Run<'_, Fake, Virtual> {
        Run::new(&self.fake, self.fake.place(), &self.clock, &self.settings, &self.stop, &self.pacing, &|_, _| {})
    }

    async fn plan(&self, request: &Request) -> Planned {
        self.run().plan(request).await.unwrap()
    }

    /// What is asked of a Place.
    fn asked(&self, account: &str, region: &str) -> Vec<(&'static str, String)> {
        let there = self.fake.elsewhere(account, region);
        let world = there.world.borrow();
        world.calls.iter().map(|call| (call.operation, call.about.clone())).collect()
    }
}

/// The same in any Region.
fn backup_in(fake: &Fake, id: &str, days: i64, to: &str) {
    let tags = [
        (tags::TYPE, "Automated"),
        (tags::SLOT, "2026-02-28T00:00:00Z"),
        (tags::VOLUME, "vol-1"),
        (tags::RETENTION, "30"),
        (tags::COPY_TO, to),
    ];
    fake.snapshot(id, "vol-1", days, tags.into_iter().collect());
}

fn of(source: &str) -> Tags {
    tags([(tags::SOURCE_SNAPSHOT, source)])
}

#[tokio::test(start_paused = true)]
async fn where_copies_go_the_copies_and_all_that_is_pending_are_listed() {
    let scene = Scene::new();
    scene.backup("snap-1", 1, "us-east-1 444455556666/eu-west-1");
    let away = scene.fake.elsewhere(HOME, "us-east-1");
    away.snapshot("snap-copy", "vol-ffffffff", 1, of("snap-1"));
    away.snapshot("snap-made-there", "vol-9", 1, Tags::new());
    away.snapshot("snap-theirs", "vol-ffffffff", 1, Tags::new());
    away.world.borrow_mut().snapshots.get_mut("snap-theirs").unwrap().state = SnapshotState::Pending;
    let planned = scene.plan(&Request::new([Job::Copy])).await;
    let seen: Vec<_> = (planned.inventory.destinations.iter())
        .map(|there| {
            let ids: Vec<_> = there.snapshots.items.iter().map(|s| s.id.to_string()).collect();
            (there.place.clone(), ids, there.snapshots.gap.clone())
        })
        .collect();
    let expected = [
        (place(HOME, "us-east-1"), vec!["snap-copy".to_owned(), "snap-theirs".to_owned()], None),
        (place(OTHER, "eu-west-1"), Vec::new(), None),
    ];
    assert_eq!(seen, expected);
    let role = scene.fake.elsewhere(OTHER, "eu-west-1").world.borrow().role.clone();
    assert_eq!(role, Some(Role { name: "ebskeep-copy".into(), external_id: None }));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_the_copier_and_one_where_nothing_asks_for_copies_look_nowhere_else() {
    let scene = Scene::new();
    scene.backup("snap-1", 1, "us-east-1");
    scene.plan(&Request::new([Job::Create, Job::Expire])).await;
    assert!(scene.asked(HOME, "us-east-1").is_empty());

    let scene = Scene::new();
    scene.fake.snapshot("snap-1", "vol-1", 1, tags([(tags::TYPE, "Automated"), ("DeleteOn", "2026-03-20")]));
    // Nobody's, whatever it says.
    scene.fake.snapshot("snap-2", "vol-1", 1, tags([(tags::COPY_TO, "us-east-1")]));
    let planned = scene.plan(&Request::new([Job::Create, Job::Copy, Job::Expire])).await;
    assert!(planned.inventory.destinations.is_empty());
    assert!(scene.asked(HOME, "us-east-1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_cannot_be_listed_is_told_and_holds_up_no_other() {
    let scene = Scene::new();
    scene.backup("snap-1", 1, "us-east-1 us-west-2");
    let away = scene.fake.elsewhere(HOME, "us-east-1");
    away.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).about("pending").always());
    let planned = scene.plan(&Request::new([Job::Copy])).await;
    let gaps: Vec<_> = planned.inventory.destinations.iter().map(|there| there.snapshots.is_complete()).collect();
    assert_eq!(gaps, [false, true]);
    let told: Vec<_> = planned.plan.findings.iter().filter(|f| f.code == DESTINATION_NOT_LISTED).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].resource, "us-east-1");
    let mut planned = planned;
    planned.plan.actions.clear();
    assert_eq!(scene.run().apply(planned).await.conclusion(), Conclusion::Partial);
}

#[tokio::test(start_paused = true)]
async fn told_of_snapshots_the_copier_looks_at_those_alone() {
    let scene = Scene::new();
    scene.backup("snap-1", 1, "us-east-1");
    scene.backup("snap-2", 2, "us-west-2");
    let only = ["snap-1".into(), "snap-gone".into()];
    let planned = scene.plan(&Request::copy_only(only)).await;
    let seen: Vec<_> = planned.inventory.snapshots.items.iter().map(|s| s.id.to_string()).collect();
    assert_eq!(seen, ["snap-1"]);
    let home = scene.asked(HOME, "eu-west-1");
    assert_eq!(
        home,
        [
            ("DescribeSnapshots", "snap-1,snap-gone".to_owned()),
            ("DescribeSnapshots", "snapshot-id=snap-1|snap-gone".to_owned())
        ]
    );
    let mut away = scene.asked(HOME, "us-east-1");
    away.sort();
    assert_eq!(
        away,
        [
            ("DescribeSnapshots", "status=pending".to_owned()),
            ("DescribeSnapshots", "tag:Source_SnapshotId=snap-1|snap-gone".to_owned())
        ]
    );
    assert!(scene.asked(HOME, "us-west-2").is_empty());
    // What was not asked for is no finding.
    assert_eq!(planned.plan.findings, []);
    assert_eq!(planned.plan.refusals().count(), 0, "{:?}", planned.plan.checks);
}

#[tokio::test(start_paused = true)]
async fn told_of_snapshots_that_cannot_be_looked_at_a_run_fails() {
    let scene = Scene::new();
    scene.fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).always());
    assert!(scene.run().plan(&Request::copy_only(["snap-1".into()])).await.is_err());
}

/// AWS counts the copies that an account begins at a destination, wherever from.
#[tokio::test(start_paused = true)]
async fn regions_that_copy_to_one_destination_keep_its_pace_together() {
    let Scene { fake, clock, settings, stop, pacing } = Scene::new();
    let homes = ["eu-west-1", "eu-west-2", "eu-central-1"].map(|region| fake.elsewhere(HOME, region));
    for home in &homes {
        for days in 1..=20 {
            backup_in(home, &format!("snap-{days}-{}", home.place().region), days, "us-east-1");
        }
    }
    // All have looked there before any begins: each finds room for 20.
    let away = fake.elsewhere(HOME, "us-east-1");
    away.world.borrow_mut().latency = Duration::from_secs(1);
    let runs = homes.iter().map(async |home| {
        let run = Run::new(home, home.place(), &clock, &settings, &stop, &pacing, &|_, _| {});
        let planned = run.plan(&Request::new([Job::Copy])).await.unwrap();
        run.apply(planned).await.conclusion()
    });
    assert_eq!(join_all(runs).await, [Conclusion::Done; 3]);
    let begun: Vec<f64> = away.calls("CopySnapshot").iter().map(|call| call.at).collect();
    assert_eq!(begun.len(), 60);
    // 80 % of a bucket of 50 that gains 5 a second.
    assert_eq!(begun.iter().filter(|at| **at - begun[0] < 0.2).count(), 40);
    assert!((begun[59] - begun[0] - 5.).abs() < 0.2, "{begun:?}");
}
