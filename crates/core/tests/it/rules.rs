//! Retention rules against a second implementation, written by somebody who had
//! read what they mean and none of the code; and what more count can do.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_core::calendar;
use ebskeep_core::check::check;
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{Inventory, Listing, Snapshot, SnapshotState, StorageTier, Volume, VolumeState};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{ExpireVerdict, Job, Plan, decide};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::RngSeed;

use crate::naive::{self, Naive};

const ACCOUNT: &str = "111122223333";
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/St_Johns",
    "America/Havana",
];
const NAMES: [&str; 12] = [
    "last",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "within",
    "within-hourly",
    "within-daily",
    "within-weekly",
    "within-monthly",
    "within-yearly",
];

/// The instants around which times are dense: switches of the zones above, and
/// Apia's missing day, St. John's midnight that came twice, New Year and a leap day.
const DENSE: [&str; 10] = [
    "2026-03-29T01:00:00Z",
    "2026-10-25T01:00:00Z",
    "2026-03-08T07:00:00Z",
    "2026-11-01T06:00:00Z",
    "2026-04-04T15:00:00Z",
    "2026-10-03T15:30:00Z",
    "2011-12-30T10:00:00Z",
    "2010-11-07T02:31:00Z",
    "2027-01-01T00:00:00Z",
    "2024-02-29T00:00:00Z",
];

fn snapshot(id: usize, time: Timestamp, late: i64, state: SnapshotState) -> Snapshot {
    let mut tags = Tags::new();
    tags.set("Type", "Automated");
    tags.set("ebskeep:slot", time.to_string());
    Snapshot {
        id: SnapshotId::new(format!("snap-{id:03}")),
        owner: AccountId::new(ACCOUNT),
        volume: VolumeId::new("vol-a"),
        state,
        state_message: None,
        started: time + SignedDuration::from_secs(late),
        size_gib: 8,
        tier: StorageTier::Standard,
        restore_expires: None,
        site: None,
        encrypted: false,
        description: "".into(),
        tags,
    }
}

/// Times within hours, days or years of an instant, no two of them the same.
fn lineage() -> impl Strategy<Value = Vec<Snapshot>> {
    let reach = select(vec![3_600_i64 * 5, 86_400 * 3, 86_400 * 40, 86_400 * 900]);
    let states =
        vec![SnapshotState::Completed, SnapshotState::Completed, SnapshotState::Completed, SnapshotState::Pending];
    let one = (0.0..1.0_f64, 0..600_i64, select(states), any::<bool>());
    (select(DENSE.to_vec()), reach, prop::collection::vec(one, 0..50)).prop_map(|(around, reach, rows)| {
        let around: Timestamp = around.parse().unwrap();
        let mut times = BTreeSet::new();
        let mut snapshots = Vec::new();
        for (id, (at, late, state, whole)) in rows.into_iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a few years")]
            let off = (at * reach as f64) as i64 - reach / 2;
            // Whole hours meet the edges of buckets and of durations.
            let off = if whole { off - off.rem_euclid(3_600) } else { off };
            let time = around + SignedDuration::from_secs(off);
            if times.insert(time) {
                snapshots.push(snapshot(id, time, late, state));
            }
        }
        snapshots
    })
}

/// Rules by name, with a count each or a duration.
fn policy() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let durations = vec!["1h", "25h", "1d", "2d", "1w", "30d", "1m", "1m1d", "1y", "1y1m", "1y2m3d4h", "5y"];
    let value = (1..12_u32, select(durations), 0..8_u8);
    (subsequence(NAMES.to_vec(), 1..4), prop::collection::vec(value, 12)).prop_map(|(names, values)| {
        let value = |name: &str, (count, duration, rare): (u32, &str, u8)| match name.starts_with("within") {
            true => duration.to_owned(),
            false if rare == 0 => "all".to_owned(),
            false => count.to_string(),
        };
        names.into_iter().zip(values).map(|(name, values)| (name, value(name, values))).collect()
    })
}

fn text(policy: &BTreeMap<&'static str, String>) -> String {
    policy.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// The plan for a volume that is there, under this policy, long after.
fn plan(snapshots: &[Snapshot], policy: &str, zone: &str) -> Plan {
    decide(&world(snapshots, policy, zone), &Request::new([Job::Expire]), &Settings::default())
}

/// A volume that is there, with these snapshots.
fn world(snapshots: &[Snapshot], policy: &str, zone: &str) -> Inventory {
    let now = "2036-01-01T00:00:00Z".parse().unwrap();
    let mut tags = Tags::new();
    tags.set("Backup", "No");
    tags.set("Retention", policy);
    tags.set("Backup_TimeZone", zone);
    let volume = Volume {
        id: VolumeId::new("vol-a"),
        state: VolumeState::Available,
        size_gib: 8,
        attachments: Vec::new(),
        site: None,
        tags,
    };
    Inventory {
        volumes: Listing::complete(vec![volume]),
        snapshots: Listing::complete(snapshots.to_vec()),
        ..Inventory::empty(Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") }, now)
    }
}

/// Which rules keep which snapshot; snapshots that none keeps are left out.
fn kept(plan: &Plan) -> BTreeMap<String, BTreeSet<String>> {
    let rules = |verdict: &ebskeep_core::plan::SnapshotVerdict| -> BTreeSet<String> {
        verdict
            .reasons
            .iter()
            .map(|reason| reason.rule)
            .filter(|rule| NAMES.contains(rule))
            .map(str::to_owned)
            .collect()
    };
    let of_good = plan.snapshots.iter().filter(|verdict| verdict.verdict == ExpireVerdict::Keep);
    let kept = of_good.map(|verdict| (verdict.snapshot_id.to_string(), rules(verdict)));
    kept.filter(|(_, rules)| !rules.is_empty()).collect()
}

fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.max(4_000),
        rng_seed: RngSeed::Fixed(2_003),
        failure_persistence: None,
        ..default
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_implementations_keep_the_same(snapshots in lineage(), policy in policy(), zone in select(ZONES.to_vec())) {
        let _proof = ebskeep_proofs::proves(&["2.3.2", "2.3.3", "2.3.4", "2.3.5", "2.3.6", "2.3.7", "2.3.8", "2.3.9", "2.3.10", "2.3.11"]);
        let naive: Vec<Naive> = snapshots.iter().map(|s| Naive {
            id: s.id.to_string(),
            time: s.tags.get("ebskeep:slot").unwrap().parse().unwrap(),
            start: s.started,
            good: s.state == SnapshotState::Completed,
        }).collect();
        let policy = text(&policy);
        let expected = naive::kept(&naive, &policy, &calendar::zone(zone).unwrap());
        prop_assert_eq!(kept(&plan(&snapshots, &policy, zone)), expected, "{} in {}", policy, zone);
    }

    /// Each snapshot records the policy: then nothing that goes is unforeseen, and
    /// nothing of it plainly has a reason to stay.
    #[test]
    fn no_check_refuses_what_recorded_rules_let_go(
        snapshots in lineage(),
        policy in policy(),
        zone in select(ZONES.to_vec()),
    ) {
        let _proof = ebskeep_proofs::proves(&["4.12", "4.16", "4.17"]);
        let (mut snapshots, policy) = (snapshots, text(&policy));
        for snapshot in &mut snapshots {
            snapshot.tags.set("ebskeep:retention", policy.as_str());
            snapshot.tags.set("ebskeep:tz", zone);
        }
        let world = world(&snapshots, &policy, zone);
        let (request, mut settings) = (Request::new([Job::Expire]), Settings::default());
        // Nobody let anything go for as long as these histories are.
        settings.set("backlog", "1000y").unwrap();
        let checks = check(&decide(&world, &request, &settings), &world, &request, &settings);
        let refused: Vec<_> = checks.iter().filter(|check| !check.ok).collect();
        prop_assert!(refused.is_empty(), "{} in {}: {:?}", policy, zone, refused);
        let unforeseen = checks.iter().find(|check| check.check == "unforeseen-deletions").unwrap();
        prop_assert!(unforeseen.detail.starts_with("0 of "), "{} in {}: {}", policy, zone, unforeseen.detail);
    }

    #[test]
    fn raising_any_count_deletes_nothing_more(
        snapshots in lineage(),
        policy in policy(),
        zone in select(ZONES.to_vec()),
        which in 0..12_usize,
        more in 1..30_u32,
    ) {
        let counted: Vec<&'static str> = policy.iter().filter(|(_, v)| v.parse::<u32>().is_ok()).map(|(k, _)| *k).collect();
        let Some(name) = counted.get(which % counted.len().max(1)).copied() else { return Ok(()) };
        let mut raised = policy.clone();
        let count: u32 = policy[name].parse().unwrap();
        raised.insert(name, (count + more).to_string());
        let deleted = |policy: &BTreeMap<_, _>| -> BTreeSet<SnapshotId> {
            let plan = plan(&snapshots, &text(policy), zone);
            plan.snapshots.iter().filter(|v| v.verdict == ExpireVerdict::Delete).map(|v| v.snapshot_id.clone()).collect()
        };
        prop_assert!(deleted(&raised).is_subset(&deleted(&policy)), "{} to {}", text(&policy), text(&raised));
    }
}
