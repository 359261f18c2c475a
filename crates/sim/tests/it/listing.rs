//! Pages and filters: everything that matches, once.

use std::collections::BTreeSet;
use std::time::Duration;

use ebskeep_core::cloud::{Cloud, ErrorKind, Filter, Query};
use ebskeep_core::id::{SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Deed, PutState, Rules, World};
use proptest::prelude::*;

use crate::helper::{act, ask, at_once, cloud, code, put, text, texts, volume, world};

/// Follows a listing to its end; what it gave, page by page.
fn pages(world: &World, query: &Query, mut between: impl FnMut(usize)) -> Vec<Vec<SnapshotId>> {
    let cloud = cloud(world);
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let page = at_once(cloud.describe_snapshots(query, token.as_ref())).unwrap();
        pages.push(page.items.into_iter().map(|s| s.id).collect());
        token = page.next;
        if token.is_none() {
            return pages;
        }
        between(pages.len());
    }
}

fn put_tagged(world: &World, volume: &VolumeId, tags: Tags) -> SnapshotId {
    SnapshotId::new(act(
        world,
        Deed::PutSnapshot {
            id: None,
            volume: volume.clone(),
            started: "2026-01-01T00:00:00Z".parse().unwrap(),
            state: PutState::Completed,
            size_gib: None,
            description: "".into(),
            tags,
        },
    ))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn pages_give_exactly_what_matches_once(
        kinds in prop::collection::vec(0..4_u8, 0..60),
        page in 1..20_usize,
        wanted in prop::collection::btree_set(0..4_u8, 1..3),
    ) {
        let world = world();
        world.rules(Rules { page, ..Rules::default() });
        let volume = volume(&world);
        let mut expected = BTreeSet::new();
        for kind in &kinds {
            let id = put_tagged(&world, &volume, [("kind", format!("k{kind}"))].into_iter().collect());
            if wanted.contains(kind) {
                expected.insert(id);
            }
        }
        let values = wanted.iter().map(|kind| format!("?{kind}").into()).collect();
        let query = Query::Filters(vec![Filter { name: "tag:kind".into(), values }]);
        let given = pages(&world, &query, |_| {});
        prop_assert!(given.iter().all(|p| p.len() <= page));
        let given: Vec<SnapshotId> = given.concat();
        prop_assert_eq!(given.len(), expected.len(), "none twice");
        prop_assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn what_changes_meanwhile_costs_nothing_else(n in 12..40_usize, page in 1..10_usize, gone in 0..12_usize) {
        let world = world();
        world.rules(Rules { page, ..Rules::default() });
        let volume = volume(&world);
        let mut ids: Vec<SnapshotId> = (0..n).map(|_| put_tagged(&world, &volume, Tags::new())).collect();
        ids.sort();
        world.advance(Duration::from_secs(1));
        let mut made = BTreeSet::new();
        let given = pages(&world, &Query::All, |nth| {
            world.advance(Duration::from_millis(1));
            made.insert(put_tagged(&world, &volume, Tags::new()));
            if nth == 1 {
                act(&world, Deed::DeleteSnapshot { snapshot: ids[gone].clone() });
            }
        })
        .concat();
        let given_set: BTreeSet<_> = given.iter().cloned().collect();
        prop_assert_eq!(given.len(), given_set.len(), "none twice");
        prop_assert!(given_set.is_disjoint(&made), "what is made meanwhile does not come");
        let expected: BTreeSet<_> = ids.iter().filter(|id| **id != ids[gone]).cloned().collect();
        prop_assert!(given_set.is_superset(&expected), "what stays comes");
    }
}

#[test]
fn a_hundred_thousand_snapshots_come_in_a_hundred_pages() {
    let world = world();
    let volume = volume(&world);
    for _ in 0..100_000 {
        act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    }
    let given = pages(&world, &Query::All, |_| {});
    assert_eq!(given.len(), 100);
    assert_eq!(given.concat().into_iter().collect::<BTreeSet<_>>().len(), 100_000);
}

#[test]
fn a_page_can_be_had_again_and_a_token_ends_after_an_hour() {
    let world = world();
    let volume = volume(&world);
    for _ in 0..7 {
        act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    }
    let (_, first) = ask(&world, "DescribeSnapshots", &[("MaxResults", "5")]);
    let token = text(&first, "nextToken").unwrap();
    let second =
        || texts(&ask(&world, "DescribeSnapshots", &[("MaxResults", "5"), ("NextToken", &token)]).1, "snapshotId");
    assert_eq!(second().len(), 2);
    assert_eq!(second(), second(), "as after a lost answer");
    let other = [("NextToken", token.as_str()), ("Filter.1.Name", "status"), ("Filter.1.Value.1", "completed")];
    assert_eq!(code(&world, "DescribeSnapshots", &other), "InvalidPaginationToken", "another listing's");
    world.advance(Duration::from_millis(3_600_001));
    assert_eq!(code(&world, "DescribeSnapshots", &[("NextToken", &token)]), "InvalidPaginationToken", "too old");
}

#[test]
fn without_ids_everything_comes_and_an_unknown_id_is_an_error() {
    let world = world();
    let volume = volume(&world);
    let id = act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    assert_eq!(texts(&ask(&world, "DescribeSnapshots", &[]).1, "snapshotId"), [id.as_str()]);
    let both = [("SnapshotId.1", id.as_str()), ("SnapshotId.2", "snap-00000000")];
    assert_eq!(code(&world, "DescribeSnapshots", &both), "InvalidSnapshot.NotFound");
    let no_values = Filter { name: "status".into(), values: vec![] };
    for query in [Query::Ids(vec![]), Query::Filters(vec![]), Query::Filters(vec![no_values])] {
        let refused = at_once(cloud(&world).describe_snapshots(&query, None)).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid, "the port refuses what would mean everything: {query:?}");
    }
}

#[test]
fn a_reservation_is_told_once_on_a_page() {
    let world = world();
    for _ in 0..3 {
        ask(&world, "RunInstances", &[("MinCount", "4"), ("MaxCount", "4")]);
    }
    let (_, body) = ask(&world, "DescribeInstances", &[]);
    let reservations = texts(&body, "reservationId");
    assert_eq!(reservations.iter().collect::<BTreeSet<_>>().len(), reservations.len());
    assert_eq!((reservations.len(), texts(&body, "instanceId").len()), (3, 12));
}

#[test]
fn each_filter_matches_what_it_names() {
    let world = world();
    let loose = volume(&world);
    act(&world, put(&loose, "2025-01-01T00:00:00Z"));
    let launch = [
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", "db 1"),
    ];
    let (_, launched) = ask(&world, "RunInstances", &launch);
    let (instance, root) = (text(&launched, "instanceId").unwrap(), text(&launched, "volumeId").unwrap());
    // What is filtered for, and how often that is there.
    for (action, name, value, times) in [
        ("DescribeSnapshots", "volume-id", loose.as_str(), 1),
        ("DescribeSnapshots", "status", "completed", 1),
        ("DescribeSnapshots", "volume-size", "10", 1),
        ("DescribeSnapshots", "start-time", "2025-01-01T*", 1),
        ("DescribeSnapshots", "owner-id", "123456789012", 1),
        ("DescribeSnapshots", "storage-tier", "standard", 1),
        ("DescribeSnapshots", "encrypted", "false", 1),
        ("DescribeSnapshots", "progress", "100%", 1),
        ("DescribeVolumes", "volume-id", loose.as_str(), 1),
        ("DescribeVolumes", "status", "available", 1),
        ("DescribeVolumes", "status", "in-use", 1),
        ("DescribeVolumes", "size", "1?", 1),
        ("DescribeVolumes", "volume-type", "gp3", 2),
        ("DescribeVolumes", "availability-zone", "eu-west-1*", 2),
        ("DescribeVolumes", "multi-attach-enabled", "false", 2),
        ("DescribeVolumes", "snapshot-id", "snap-*", 1),
        ("DescribeVolumes", "attachment.instance-id", &instance, 1),
        ("DescribeVolumes", "attachment.device", "/dev/xvda", 1),
        ("DescribeVolumes", "attachment.status", "attached", 1),
        ("DescribeVolumes", "attachment.delete-on-termination", "true", 1),
        ("DescribeInstances", "tag:Name", "db ?", 1),
        ("DescribeInstances", "tag-key", "Name", 1),
        ("DescribeInstances", "tag-key", "name", 0),
        ("DescribeInstances", "instance-id", &instance, 1),
        ("DescribeInstances", "instance-state-name", "running", 1),
        ("DescribeInstances", "instance-state-code", "16", 1),
        ("DescribeInstances", "block-device-mapping.volume-id", &root, 1),
        ("DescribeInstances", "block-device-mapping.device-name", "/dev/xvda", 1),
        ("DescribeInstances", "root-device-name", "/dev/xvda", 1),
        ("DescribeInstances", "instance-type", "m1.small", 1),
        ("DescribeInstances", "image-id", ebskeep_sim::AMAZON_IMAGE, 1),
        ("DescribeImages", "name", "amazon-*", 1),
        ("DescribeImages", "is-public", "true", 1),
        ("DescribeImages", "block-device-mapping.volume-size", "8", 1),
        ("DescribeRegions", "region-name", "eu-west-?", 3),
    ] {
        let unit = match action {
            "DescribeSnapshots" => "startTime",
            "DescribeVolumes" => "createTime",
            "DescribeInstances" => "launchTime",
            "DescribeImages" => "imageState",
            _ => "regionName",
        };
        let found = |value: &str| {
            let (status, body) = ask(&world, action, &[("Filter.1.Name", name), ("Filter.1.Value.1", value)]);
            assert_eq!(status, 200, "{action} {name}: {body}");
            texts(&body, unit).len()
        };
        assert_eq!(found(value), times, "{action} {name}={value}");
        assert_eq!(found("something else"), 0, "{action} {name}");
    }
}

#[test]
fn a_new_snapshot_is_missing_for_a_while() {
    let world = world();
    world.rules(Rules { stale_for: Duration::from_secs(10), ..Rules::default() });
    let (_, body) = ask(&world, "CreateSnapshot", &[("VolumeId", volume(&world).as_str())]);
    let id = text(&body, "snapshotId").unwrap();
    world.advance(Duration::from_secs(9));
    assert!(texts(&ask(&world, "DescribeSnapshots", &[]).1, "snapshotId").is_empty());
    assert_eq!(code(&world, "DescribeSnapshots", &[("SnapshotId.1", &id)]), "InvalidSnapshot.NotFound");
    world.advance(Duration::from_secs(1));
    assert_eq!(texts(&ask(&world, "DescribeSnapshots", &[]).1, "snapshotId"), [id]);
}
