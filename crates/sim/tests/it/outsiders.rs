//! What outsiders do, and what is written down of it.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, Clouds, ErrorKind, Query};
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::inventory::{SnapshotState, StorageTier};
use ebskeep_sim::{Act, Deed, PutState, World};

use crate::helper::{KEY, act, at_once, cloud, place, put, tags, volume, world};

fn listed(world: &World) -> Vec<ebskeep_core::inventory::Snapshot> {
    at_once(cloud(world).describe_snapshots(&Query::All, None)).unwrap().items
}

#[test]
fn a_snapshot_of_the_past_is_as_it_was_put() {
    let world = world();
    let deed = Deed::PutSnapshot {
        id: Some("snap-0123456789abcdef0".into()),
        volume: "vol-ffffffff".into(),
        started: "2019-05-06T07:08:09Z".parse().unwrap(),
        state: PutState::Pending,
        size_gib: Some(3),
        description: "old".into(),
        tags: tags([("aws:dlm:lifecycle-policy-id", "x"), ("a", "b")]),
    };
    act(&world, deed.clone());
    world.advance(Duration::from_hours(48));
    let snapshot = &listed(&world)[0];
    assert_eq!(snapshot.started, "2019-05-06T07:08:09Z".parse().unwrap());
    assert_eq!(snapshot.state, SnapshotState::Pending, "it stays so");
    assert_eq!((snapshot.size_gib, snapshot.description.as_str()), (3, "old"));
    assert!(world.act(Act::at(&place(), deed)).is_err(), "an id is taken once");
    let id = SnapshotId::from("snap-0123456789abcdef0");
    act(&world, Deed::Finish { snapshot: id.clone() });
    assert_eq!(listed(&world)[0].state, SnapshotState::Completed);
    act(&world, Deed::Archive { snapshot: id.clone(), at: None });
    assert_eq!(listed(&world)[0].tier, StorageTier::Archive);
    act(&world, Deed::Bin { snapshot: id.clone() });
    assert_eq!(listed(&world)[0].state, SnapshotState::Recoverable);
    act(&world, Deed::Restore { snapshot: id });
    assert_eq!(listed(&world)[0].state, SnapshotState::Completed);
}

#[test]
fn the_history_knows_who_deleted_what() {
    let world = world();
    let volume = volume(&world);
    let ids: Vec<SnapshotId> =
        (0..3).map(|_| SnapshotId::new(act(&world, put(&volume, "2025-01-01T00:00:00Z")))).collect();
    act(&world, Deed::Tag { resources: vec![ids[0].as_str().into()], tags: tags([("last", "words")]) });
    at_once(cloud(&world).delete_snapshot(&ids[0])).unwrap();
    world.advance(Duration::from_secs(1));
    act(&world, Deed::DeleteSnapshot { snapshot: ids[1].clone() });
    let history = world.history();
    let ends: Vec<_> = history.iter().map(|p| (p.id.clone(), p.deleted.clone().map(|d| d.by.to_string()))).collect();
    assert_eq!(
        ends,
        [
            (ids[0].clone(), Some("arn:aws:iam::123456789012:user/sim".to_owned())),
            (ids[1].clone(), Some("arn:aws:iam::123456789012:user/outsider".to_owned())),
            (ids[2].clone(), None),
        ]
    );
    assert_eq!(history[0].tags.get("last"), Some("words"));
    let actions: Vec<_> = world.calls().into_iter().map(|c| c.action.to_string()).collect();
    assert_eq!(actions, ["DeleteSnapshot"], "what outsiders do is no call");
}

#[test]
fn accounts_and_regions_are_apart() {
    let world = world();
    act(&world, put(&volume(&world), "2025-01-01T00:00:00Z"));
    for (account, region) in [("123456789012", "eu-west-2"), ("210987654321", "eu-west-1")] {
        let other = Place { account: account.into(), region: region.into() };
        let page = at_once(world.clouds(KEY).at(&other).describe_snapshots(&Query::All, None)).unwrap();
        assert!(page.items.is_empty(), "{other}");
    }
    assert_eq!(listed(&world).len(), 1);
}

#[test]
fn what_is_denied_is_denied_until_it_is_allowed() {
    let world = world();
    let kind = |region: &str| {
        let at = Place { account: "123456789012".into(), region: region.into() };
        at_once(world.clouds(KEY).at(&at).describe_volumes(&Query::All, None)).err().map(|e| e.kind)
    };
    act(&world, Deed::Deny { action: Some("DescribeVolumes".into()), everywhere: false, code: None });
    assert_eq!([kind("eu-west-1"), kind("eu-west-2")], [Some(ErrorKind::Denied), None]);
    act(&world, Deed::Deny { action: None, everywhere: true, code: Some("OptInRequired".into()) });
    assert_eq!(kind("eu-west-2"), Some(ErrorKind::Denied));
    act(&world, Deed::AllowAll);
    assert_eq!([kind("eu-west-1"), kind("eu-west-2")], [None, None]);
    act(&world, Deed::DisableRegion);
    assert_eq!(kind("eu-west-1"), Some(ErrorKind::Denied));
    let regions = at_once(world.clouds(KEY).regions()).unwrap();
    assert!(!regions.contains(&"eu-west-1".into()) && regions.contains(&"eu-west-2".into()));
    act(&world, Deed::EnableRegion);
    assert_eq!(kind("eu-west-1"), None);
    assert_eq!(kind("af-south-1"), Some(ErrorKind::Denied), "not opted in to");
}

#[test]
fn a_key_that_names_no_account_is_nobodys() {
    let world = world();
    assert_eq!(at_once(world.clouds("AKIAEXAMPLE").identity()).unwrap_err().kind, ErrorKind::Denied);
    let identity = at_once(world.clouds(KEY).identity()).unwrap();
    assert_eq!((identity.account.as_str(), identity.partition.as_str()), ("123456789012", "aws"));
}

#[test]
fn deeds_are_said_in_json() {
    let json = r#"{"account":"123456789012","region":"eu-west-1","act":"put-snapshot",
        "volume":"vol-00000000","started":"2026-01-01T00:00:00Z","tags":{"a":"b"}}"#;
    let world = world();
    world.act(serde_json::from_str(json).unwrap()).unwrap();
    assert_eq!(listed(&world)[0].tags.get("a"), Some("b"));
    for unknown in [
        r#"{"account":"1","region":"r","act":"fly"}"#,
        r#"{"account":"1","region":"r","act":"create-volume","size-gib":1,"tag":{"a":"b"}}"#,
    ] {
        assert!(serde_json::from_str::<Act>(unknown).is_err(), "{unknown}");
    }
}

#[test]
fn what_was_good_when_it_was_deleted_can_be_brought_back_as_it_was() {
    let world = world();
    let volume = volume(&world);
    let id = SnapshotId::new(act(&world, put(&volume, "2025-01-01T00:00:00Z")));
    act(&world, Deed::Tag { resources: vec![id.as_str().into()], tags: tags([("last", "words")]) });
    let before = listed(&world);
    at_once(cloud(&world).delete_snapshot(&id)).unwrap();
    assert_eq!(listed(&world), []);
    assert!(world.history()[0].deleted.is_some());
    act(&world, Deed::Restore { snapshot: id.clone() });
    assert_eq!(listed(&world), before);
    assert!(world.history()[0].deleted.is_none(), "it is there again");
    assert!(world.act(Act::at(&place(), Deed::Restore { snapshot: id })).is_err(), "once");
}

#[test]
fn a_census_is_what_callers_could_list_and_no_call() {
    let world = world();
    let volume = volume(&world);
    let id = SnapshotId::new(act(&world, put(&volume, "2025-01-01T00:00:00Z")));
    act(
        &world,
        Deed::Run {
            id: None,
            image: None,
            volumes: [("/dev/sdf".into(), 4)].into(),
            tags: tags([]),
            volume_tags: tags([]),
        },
    );
    act(
        &world,
        Deed::RegisterImage { id: None, name: "i".into(), root: id.clone(), data: std::collections::BTreeMap::new() },
    );
    let census = world.census(&place());
    assert_eq!(world.calls().len(), 0);
    let here = cloud(&world);
    let all = Query::All;
    assert_eq!(census.instances, at_once(here.describe_instances(&all, None)).unwrap().items);
    assert_eq!(census.volumes, at_once(here.describe_volumes(&all, None)).unwrap().items);
    assert_eq!(census.snapshots, listed(&world));
    assert_eq!(census.images, at_once(here.describe_images(&all, None)).unwrap().items);
    assert_eq!((census.instances.len(), census.volumes.len()), (1, 3));
    let nowhere = Place { region: "us-east-1".into(), ..place() };
    assert_eq!(world.census(&nowhere), ebskeep_sim::Census::default());
}
