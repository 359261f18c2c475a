//! More snapshots than a page holds: listed in parts by when they began, and page by
//! page where the parts cannot be believed.

use std::time::Duration;

use ebskeep_core::cloud::ErrorKind;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{Request, Run};
use ebskeep_core::observe::observe;
use ebskeep_core::paced::{Paced, Pacing};
use ebskeep_core::plan::Job;
use ebskeep_core::report::{Conclusion, LISTING_MISMATCH};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::Tags;
use jiff::SignedDuration;

use crate::fake::{Fake, Fault, START, StartTime, Virtual, snapshot};

/// What it sees, and the seconds that takes where every page takes one.
async fn see(fake: &Fake) -> (Inventory, f64) {
    let (clock, stop) = (Virtual::new(), Stop::new());
    fake.world.borrow_mut().latency = Duration::from_secs(1);
    let began = fake.elapsed();
    let cloud = Paced::new(fake, &clock, &stop, &Pacing::new(80));
    let inventory = observe(&cloud, &clock, None, |_| Vec::new(), &|_, _| {}).await.unwrap();
    (inventory, fake.elapsed() - began)
}

/// So many snapshots, begun so far apart up to the start, in pages of so many.
fn world(count: usize, apart: SignedDuration, page: usize) -> Fake {
    let fake = Fake::new();
    fake.volume("vol-1");
    fake.world.borrow_mut().page = page;
    for n in 0..count {
        // Ids are in no order of time.
        let id = if n == 0 {
            "snap-0".to_owned()
        } else {
            format!("snap-{:08x}", n.wrapping_mul(0x9e37_79b1) & 0xffff_ffff)
        };
        let started = START - apart * i32::try_from(n).unwrap();
        fake.world.borrow_mut().snapshots.insert(id.clone(), snapshot(&id, "vol-1", started, Tags::new()));
    }
    fake
}

fn seen(inventory: &Inventory) -> Vec<&str> {
    inventory.snapshots.items.iter().map(|snapshot| snapshot.id.as_str()).collect()
}

fn there(fake: &Fake) -> Vec<String> {
    fake.world.borrow().snapshots.keys().cloned().collect()
}

/// Calls that listed snapshots: those parted by when they began, and the others.
fn pages(fake: &Fake) -> (usize, usize) {
    let calls = fake.calls("DescribeSnapshots");
    let parted = calls.iter().filter(|call| call.about.starts_with("start-time=")).count();
    (parted, calls.len() - parted)
}

/// Listed whole, page by page, and so told.
async fn is_listed_page_by_page(fake: &Fake, page: usize, because: &str) {
    let (inventory, _) = see(fake).await;
    assert_eq!(seen(&inventory), there(fake), "{because}");
    assert!(inventory.snapshots.is_complete());
    let why = inventory.listing_mismatch.unwrap();
    assert!(why.contains(because), "{why}");
    let by_filter = fake.calls("DescribeSnapshots").iter().filter(|c| c.about.starts_with("snapshot-id=")).count();
    assert_eq!(pages(fake).1 - by_filter, there(fake).len().div_ceil(page));
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[tokio::test(start_paused = true)]
async fn a_hundred_pages_are_listed_in_less_than_ten_seconds() {
    for (what, apart) in [("of two years", DAY * 730 / 20_000), ("of a week", DAY * 7 / 20_000)] {
        let fake = world(20_000, apart, 200);
        let (inventory, seconds) = see(&fake).await;
        assert_eq!(seen(&inventory), there(&fake), "{what}");
        assert!(inventory.snapshots.is_complete() && inventory.listing_mismatch.is_none(), "{what}");
        assert!(seconds < 10., "{what}: {seconds} s, {:?} pages", pages(&fake));
        assert!(pages(&fake).0 < 120, "{what}: {:?} pages", pages(&fake));
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_page_that_is_like_no_other_costs_some_seconds_more() {
    // Listed from the oldest to the newest.
    let fake = Fake::new();
    fake.world.borrow_mut().page = 80;
    for n in 0..8_000 {
        let (id, began) = (format!("snap-{n:05}"), START - DAY * 730 + DAY * 730 / 8_000 * n);
        fake.world.borrow_mut().snapshots.insert(id.clone(), snapshot(&id, "vol-1", began, Tags::new()));
    }
    let (inventory, seconds) = see(&fake).await;
    assert_eq!(seen(&inventory), there(&fake));
    assert!(seconds < 30. && pages(&fake).0 < 260, "{seconds} s, {:?} pages", pages(&fake));
}

#[tokio::test(start_paused = true)]
async fn one_page_is_one_call_and_two_take_two_seconds() {
    let fake = world(50, DAY, 50);
    let (inventory, _) = see(&fake).await;
    assert_eq!((inventory.snapshots.items.len(), pages(&fake)), (50, (0, 1)));
    let fake = world(60, DAY, 50);
    let (inventory, seconds) = see(&fake).await;
    assert_eq!((inventory.snapshots.items.len(), seconds), (60, 2.));
    assert!(pages(&fake).0 <= 25, "{:?}", pages(&fake));
}

#[tokio::test(start_paused = true)]
async fn whatever_began_long_ago_or_in_the_future_is_listed_too() {
    let fake = world(10, DAY, 2);
    for (id, started) in [("snap-old", "1971-03-04T05:06:07Z"), ("snap-new", "2031-01-01T00:00:00Z")] {
        let made = snapshot(id, "vol-1", started.parse().unwrap(), Tags::new());
        fake.world.borrow_mut().snapshots.insert(id.into(), made);
    }
    let (inventory, _) = see(&fake).await;
    assert_eq!(seen(&inventory), there(&fake));
    assert!(inventory.listing_mismatch.is_none());
}

#[tokio::test(start_paused = true)]
async fn parts_that_cannot_be_believed_are_not_used() {
    for (does, because) in [
        (StartTime::IsIgnored, "was listed where only others were asked for"),
        (StartTime::FindsNothing, "is in none of the parts"),
        // On the first page that was listed without the filter.
        (StartTime::Forgets("snap-0"), "is in none of the parts"),
    ] {
        let fake = world(40, DAY, 10);
        fake.world.borrow_mut().start_time = does;
        is_listed_page_by_page(&fake, 10, because).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_aws_refuses_is_not_used() {
    let fake = world(40, DAY, 10);
    let fault = Fault::new("DescribeSnapshots", ErrorKind::Invalid).about("start-time");
    fake.fault(fault.said("InvalidParameterValue", "no wildcards").always());
    is_listed_page_by_page(&fake, 10, "AWS does not take the filter start-time so").await;
}

#[tokio::test(start_paused = true)]
async fn what_goes_between_its_page_and_its_part_is_gone_and_no_contradiction() {
    let fake = world(40, DAY, 10);
    fake.after("DescribeSnapshots", |world| {
        world.snapshots.remove("snap-0").unwrap();
    });
    let (inventory, _) = see(&fake).await;
    assert_eq!(seen(&inventory), there(&fake));
    assert_eq!((inventory.snapshots.items.len(), inventory.listing_mismatch), (39, None));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_for_is_a_contradiction() {
    let fake = world(40, DAY, 10);
    fake.world.borrow_mut().start_time = StartTime::Forgets("snap-0");
    fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).about("snapshot-id").always());
    is_listed_page_by_page(&fake, 10, "could not be looked for").await;
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_is_a_gap() {
    let fake = world(40, DAY, 10);
    fake.fault(Fault::new("DescribeSnapshots", ErrorKind::Denied).about("start-time=2026").always());
    let (inventory, _) = see(&fake).await;
    let gap = inventory.snapshots.gap.unwrap();
    assert!(gap.why.starts_with("DescribeSnapshots on start-time=2026"), "{gap}");
    assert!(inventory.snapshots.items.len() >= 10, "what was seen is there");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_aws_refuses_is_a_gap_and_no_contradiction() {
    let fake = world(200, SignedDuration::from_secs(1), 10);
    fake.after("DescribeSnapshots", |world| {
        let refused = Fault::new("DescribeSnapshots", ErrorKind::Invalid).about("start-time").always();
        let refused = refused.said("InvalidPaginationToken", "no");
        // The parts' first pages are given, their second ones refused.
        for _ in 0..30 {
            world.hooks.push(("DescribeSnapshots", Box::new(|_| {})));
        }
        world.hooks.push(("DescribeSnapshots", Box::new(move |world| world.faults.push(refused))));
    });
    let (inventory, _) = see(&fake).await;
    assert!(inventory.listing_mismatch.is_none(), "{:?}", inventory.listing_mismatch);
    assert!(inventory.snapshots.gap.is_some_and(|gap| gap.why.contains("InvalidPaginationToken")));
}

#[tokio::test(start_paused = true)]
async fn page_by_page_may_fail_too() {
    let fake = world(40, DAY, 10);
    fake.world.borrow_mut().start_time = StartTime::IsIgnored;
    fake.after("DescribeSnapshots", |world| {
        world.faults.push(Fault::new("DescribeSnapshots", ErrorKind::Denied).about("all").always());
    });
    let (inventory, _) = see(&fake).await;
    assert!(!inventory.snapshots.is_complete() && inventory.listing_mismatch.is_some());
    assert_eq!(inventory.snapshots.items.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_is_told_and_holds_up_nothing() {
    let fake = world(40, DAY, 10);
    fake.world.borrow_mut().start_time = StartTime::FindsNothing;
    let (clock, stop, settings) = (Virtual::new(), Stop::new(), Settings::default());
    let (here, pacing) = (ebskeep_core::cloud::Cloud::place(&fake), Pacing::new(settings.api_share));
    let run = Run::new(&fake, here, &clock, &settings, &stop, &pacing, &|_, _| {});
    let planned = run.plan(&Request::new([Job::Expire])).await.unwrap();
    let told: Vec<_> = planned.plan.findings.iter().filter(|f| f.code == LISTING_MISMATCH).collect();
    assert!(told.len() == 1 && told[0].resource == "snapshots", "{told:?}");
    assert!(told[0].detail.contains("page by page instead"), "{}", told[0].detail);
    assert_eq!(run.apply(planned).await.conclusion(), Conclusion::Done);
}
