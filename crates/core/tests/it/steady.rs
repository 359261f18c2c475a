//! Steady states: slot after slot of create and expire as they are carried out.
//! How many snapshots that makes was worked out apart; and no check may ever have
//! anything against it, nor may anything that goes be unforeseen.

use ebskeep_core::calendar;
use ebskeep_core::check::check;
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId};
use ebskeep_core::inventory::{Inventory, Listing, SnapshotState, Volume, VolumeState};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{ExpireVerdict, Job, Plan, decide};
use ebskeep_core::schedule::Schedule;
use ebskeep_core::setting::Settings;
use jiff::{SignedDuration, Timestamp};

use crate::plans::tags;
use crate::properties::carried_out;

/// What a volume is tagged with.
struct Tagged {
    backup: &'static str,
    retention: &'static str,
    zone: &'static str,
}

impl Tagged {
    /// A volume that nothing was ever taken of.
    fn world(&self) -> Inventory {
        let now = Timestamp::UNIX_EPOCH;
        Inventory {
            volumes: Listing::complete(vec![Volume {
                id: "vol-a".into(),
                state: VolumeState::Available,
                size_gib: 8,
                attachments: Vec::new(),
                site: None,
                tags: tags([("Backup", self.backup), ("Retention", self.retention), ("Backup_TimeZone", self.zone)]),
            }]),
            ..Inventory::empty(Place { account: AccountId::new("111122223333"), region: Region::new("eu-west-1") }, now)
        }
    }

    /// So many slots on from the first at or after `first`.
    fn slots(&self, first: &str, count: usize) -> Vec<Timestamp> {
        let (schedule, zone) = (Schedule::parse(self.backup).unwrap(), calendar::zone(self.zone).unwrap());
        let before = first.parse::<Timestamp>().unwrap() - SignedDuration::from_secs(1);
        let slots = std::iter::successors(schedule.slot_after(before, &zone), |at| schedule.slot_after(*at, &zone));
        slots.take(count).collect()
    }
}

/// The plan, which no check may refuse.
fn passed(world: &Inventory) -> Plan {
    let (request, settings) = (Request::new(Job::ALL), Settings::default());
    let mut plan = decide(world, &request, &settings);
    plan.checks = check(&plan, world, &request, &settings);
    assert!(plan.checks.iter().all(|check| check.ok), "at {}: {:?}", world.now, plan.checks);
    let unforeseen = plan.checks.iter().find(|check| check.check == "unforeseen-deletions").unwrap();
    assert!(unforeseen.detail.starts_with("0 of "), "at {}: {}", world.now, unforeseen.detail);
    plan
}

/// Runs half a minute after each slot, and lets everything come good. How many
/// there were after the last, those counted that one more run would leave; and
/// the most that there ever were.
fn live(tagged: &Tagged, first: &str, count: usize) -> (usize, usize) {
    let (mut world, mut most) = (tagged.world(), 0);
    for (n, slot) in tagged.slots(first, count).into_iter().enumerate() {
        world.now = slot + SignedDuration::from_secs(30);
        world.observed_at = world.now;
        world = carried_out(&world, &passed(&world));
        for snapshot in &mut world.snapshots.items {
            if snapshot.state == SnapshotState::Pending {
                snapshot.state = SnapshotState::Completed;
                snapshot.id = SnapshotId::new(format!("snap-{n:05}"));
            }
        }
        most = most.max(world.snapshots.items.len());
    }
    let left = passed(&world).snapshots.iter().filter(|v| v.verdict == ExpireVerdict::Keep).count();
    (left, most)
}

type Case = (&'static str, &'static str, &'static str, &'static str, usize, usize, usize);

fn check_counts(cases: &[Case]) {
    for (backup, retention, zone, first, slots, left, most) in cases {
        let tagged = Tagged { backup, retention, zone };
        assert_eq!(live(&tagged, first, *slots), (*left, *most), "{backup} under {retention} in {zone}");
    }
}

#[test]
fn two_years_of_days_leave_the_days_weeks_and_months_that_the_policy_says() {
    let _proof = ebskeep_proofs::proves(&["4.17", "4.18", "2.3.3"]);
    let policy = "daily=7 weekly=4 monthly=12 yearly=2";
    check_counts(&[
        // 7 days, 2 more weeks, 11 more months; the second year is its December's.
        ("daily", policy, "UTC", "2024-03-10T00:00:00Z", 731, 20, 23),
        ("daily @ 01:30", policy, "Europe/London", "2024-03-10T01:30:00Z", 731, 20, 23),
    ]);
}

#[test]
fn a_year_of_hours_through_both_switches_leaves_what_the_policy_says() {
    let _proof = ebskeep_proofs::proves(&["4.17", "4.18", "2.3.4"]);
    let policy = "hourly=24 daily=7 weekly=4 monthly=12";
    check_counts(&[("hourly", policy, "Europe/London", "2025-03-10T00:00:00Z", 8761, 42, 45)]);
}

#[test]
fn schedules_of_minutes_and_rules_within_have_a_steady_state() {
    let _proof = ebskeep_proofs::proves(&["4.12", "4.17", "4.18", "2.3.9"]);
    check_counts(&[
        // Most of what a schedule of minutes takes goes within the hour.
        ("every 15m", "hourly=24 daily=7", "UTC", "2026-03-01T00:00:00Z", 865, 29, 31),
        ("every 15m", "last=3", "UTC", "2026-03-01T00:00:00Z", 200, 3, 4),
        ("every 30m", "hourly=6 within-hourly=1d", "Australia/Lord_Howe", "2026-04-03T00:00:00Z", 384, 25, 27),
        ("daily", "within=10d within-monthly=1y", "America/New_York", "2024-09-01T04:00:00Z", 600, 22, 23),
        ("daily", "daily=5 within-weekly=2m", "America/Havana", "2025-08-01T04:00:00Z", 300, 13, 15),
    ]);
}
