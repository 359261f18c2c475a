//! Quotas and rates.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, CreateSnapshots, ErrorKind, Query};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::site::LocalSite;
use ebskeep_sim::{Act, Deed, Fault, Rules, What, When, World};

use crate::helper::{act, ask, at_once, cloud, code, place, put, snapshot_of, tags, text, texts, volume, world};

#[test]
fn one_volume_is_snapshotted_every_15_seconds_at_most() {
    let world = world();
    let (a, b) = (volume(&world), volume(&world));
    let kind = |v| at_once(cloud(&world).create_snapshot(&snapshot_of(v))).err().map(|e| e.kind);
    assert_eq!(kind(&a), None);
    world.advance(Duration::from_millis(14_999));
    assert_eq!(kind(&a), Some(ErrorKind::PerVolumeRate));
    assert_eq!(kind(&b), None, "each volume by itself");
    world.advance(Duration::from_millis(1));
    assert_eq!(kind(&a), None);
}

#[test]
fn five_snapshots_of_a_volume_at_once_and_failed_or_deleted_ones_count() {
    let world = world();
    world.rules(Rules { completes_after: Duration::from_hours(1), ..Rules::default() });
    let volume = volume(&world);
    let mut begun = Vec::new();
    let mut create = || {
        world.advance(Duration::from_secs(15));
        at_once(cloud(&world).create_snapshot(&snapshot_of(&volume))).map(|b| begun.push(b.id)).map_err(|e| e.kind)
    };
    for _ in 0..5 {
        create().unwrap();
    }
    assert_eq!(create(), Err(ErrorKind::ConcurrencyLimit));
    let lost = begun[0].clone();
    act(&world, Deed::Lose { snapshot: lost.clone(), message: "no luck".into() });
    at_once(cloud(&world).delete_snapshot(&begun[1])).unwrap();
    let again = || {
        world.advance(Duration::from_secs(15));
        at_once(cloud(&world).create_snapshot(&snapshot_of(&volume))).map(drop).map_err(|e| e.kind)
    };
    assert_eq!(again(), Err(ErrorKind::ConcurrencyLimit), "one in error, one deleted while pending");
    at_once(cloud(&world).delete_snapshot(&lost)).unwrap();
    assert_eq!(again(), Ok(()), "the failed one is gone");
    world.advance(Duration::from_hours(1));
    for _ in 0..5 {
        assert_eq!(again(), Ok(()), "all are through");
    }
}

#[test]
fn throughput_volumes_take_one_at_a_time() {
    let world = world();
    world.rules(Rules { completes_after: Duration::from_mins(5), ..Rules::default() });
    let id = act(
        &world,
        Deed::CreateVolume {
            id: None,
            size_gib: 500,
            kind: Some("st1".into()),
            multi_attach: false,
            key: None,
            tags: tags([]),
        },
    );
    let create = || code(&world, "CreateSnapshot", &[("VolumeId", &id)]);
    assert_eq!(create(), "");
    world.advance(Duration::from_secs(15));
    assert_eq!(create(), "ConcurrentSnapshotLimitExceeded");
}

#[test]
fn a_region_holds_so_many_snapshots() {
    let world = world();
    world.rules(Rules { snapshots_per_region: 2, ..Rules::default() });
    let volume = volume(&world);
    act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    assert_eq!(code(&world, "CreateSnapshot", &[("VolumeId", volume.as_str())]), "");
    world.advance(Duration::from_mins(1));
    assert_eq!(code(&world, "CreateSnapshot", &[("VolumeId", volume.as_str())]), "SnapshotLimitExceeded");
}

#[test]
fn the_bucket_of_an_action_runs_dry_and_fills_again() {
    let world = world();
    world.rules(Rules::documented());
    let delete = || code(&world, "DeleteSnapshot", &[("SnapshotId", "snap-00000000")]);
    let full = (0..200).take_while(|_| delete() == "InvalidSnapshot.NotFound").count();
    assert_eq!(full, 100);
    assert_eq!(ask(&world, "DeleteSnapshot", &[("SnapshotId", "snap-00000000")]).0, 503);
    assert_eq!(
        code(&world, "CreateTags", &[("ResourceId.1", "snap-00000000"), ("Tag.1.Key", "k")]),
        "InvalidSnapshot.NotFound",
        "another bucket"
    );
    world.advance(Duration::from_secs(1));
    assert_eq!((0..200).take_while(|_| delete() == "InvalidSnapshot.NotFound").count(), 5);
    let list =
        |params: &[(&str, &str)]| (0..200).take_while(|_| code(&world, "DescribeSnapshots", params).is_empty()).count();
    assert_eq!(list(&[]), 50, "neither filter nor MaxResults");
    assert_eq!(list(&[("MaxResults", "5")]), 100, "paged");
}

fn instance(world: &ebskeep_sim::World, data: usize) -> (String, Vec<String>) {
    let devices =
        (0..data).map(|n| (format!("/dev/sd{}", char::from(b'f' + u8::try_from(n).unwrap())).into(), 5)).collect();
    let acted = world
        .act(Act::at(
            &place(),
            Deed::Run { id: None, image: None, volumes: devices, tags: tags([]), volume_tags: tags([]) },
        ))
        .unwrap();
    let data = acted.volumes.iter().filter(|(d, _)| *d != "/dev/xvda").map(|(_, v)| v.to_string()).collect();
    (acted.id.unwrap().into(), data)
}

fn set(instance: &str) -> CreateSnapshots {
    CreateSnapshots {
        instance: instance.into(),
        exclude_boot: false,
        exclude_data: vec![],
        description: "set".into(),
        tags: tags([("Type", "Automated")]),
        site: None,
    }
}

#[test]
fn a_set_leaves_out_what_it_is_told() {
    let world = world();
    let (instance, data) = instance(&world, 2);
    let begun = at_once(cloud(&world).create_snapshots(&CreateSnapshots {
        exclude_boot: true,
        exclude_data: vec![data[0].as_str().into()],
        ..set(&instance)
    }))
    .unwrap();
    let volumes: Vec<_> = begun.iter().map(|b| b.volume.to_string()).collect();
    assert_eq!(volumes, [data[1].clone()]);
    let not_its_own = CreateSnapshots { exclude_data: vec!["vol-00000000".into()], ..set(&instance) };
    assert_eq!(at_once(cloud(&world).create_snapshots(&not_its_own)).unwrap_err().kind, ErrorKind::Invalid);
    let too_many = CreateSnapshots { exclude_data: vec![data[0].as_str().into(); 41], ..set(&instance) };
    assert_eq!(at_once(cloud(&world).create_snapshots(&too_many)).unwrap_err().kind, ErrorKind::Invalid);
}

#[test]
fn a_set_is_refused_whole_if_one_volume_cannot() {
    let world = world();
    let (instance, data) = instance(&world, 2);
    assert_eq!(code(&world, "CreateSnapshot", &[("VolumeId", &data[0])]), "");
    let refused = at_once(cloud(&world).create_snapshots(&set(&instance))).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::PerVolumeRate);
    assert_eq!(world.history().len(), 1, "nothing was begun");
}

#[test]
fn if_one_of_a_set_fails_the_rest_fail_with_it() {
    let world = world();
    let (instance, _) = instance(&world, 2);
    let begun = at_once(cloud(&world).create_snapshots(&set(&instance))).unwrap();
    assert_eq!(begun.len(), 3);
    act(&world, Deed::Lose { snapshot: begun[1].id.clone(), message: "no luck".into() });
    world.advance(Duration::from_mins(5));
    let listed = at_once(cloud(&world).describe_snapshots(&Query::All, None)).unwrap().items;
    assert_eq!(listed.iter().map(|s| s.state).collect::<Vec<_>>(), [SnapshotState::Error; 3]);
    assert!(listed.iter().all(|s| s.state_message.is_some()));
}

#[test]
fn a_snapshot_that_is_told_to_fails() {
    let world = world();
    world.fault(Fault {
        when: When::next("CreateSnapshot"),
        what: What::SnapshotFails { message: "KMS key gone".into() },
    });
    code(&world, "CreateSnapshot", &[("VolumeId", volume(&world).as_str())]);
    assert_eq!(texts(&ask(&world, "DescribeSnapshots", &[]).1, "status"), ["pending"]);
    world.advance(Duration::from_mins(1));
    let (_, body) = ask(&world, "DescribeSnapshots", &[]);
    assert_eq!(texts(&body, "status"), ["error"]);
    assert_eq!(texts(&body, "statusMessage"), ["KMS key gone"]);
}

const OUTPOST: &str = "arn:aws:outposts:us-east-1:111122223333:outpost/op-1";

/// A volume made by CreateVolume in this zone, on this Outpost.
fn volume_at(world: &World, zone: &str, outpost: Option<&str>) -> String {
    let mut params = vec![("AvailabilityZone", zone), ("Size", "1")];
    params.extend(outpost.map(|arn| ("OutpostArn", arn)));
    let id = text(&ask(world, "CreateVolume", &params).1, "volumeId").unwrap();
    world.advance(Duration::from_mins(1));
    id
}

#[test]
fn a_snapshot_is_stored_in_the_region_or_where_its_volume_is() {
    let region = place().region;
    let (zone, local_zone) = (format!("{region}a"), format!("{region}-lax-1a"));
    for (zone, outpost, params, site) in [
        (&zone, None, &[][..], Ok(None)),
        (&zone, None, &[("Location", "regional")], Err("InvalidParameterCombination")),
        (&zone, None, &[("Location", "local")], Err("InvalidParameterCombination")),
        (&zone, None, &[("OutpostArn", OUTPOST)], Err("InvalidParameterValue")),
        (&zone, Some(OUTPOST), &[], Ok(None)),
        (&zone, Some(OUTPOST), &[("OutpostArn", OUTPOST)], Ok(Some(LocalSite::Outpost(OUTPOST.into())))),
        (&zone, Some(OUTPOST), &[("OutpostArn", "arn:aws:outposts:x:1:outpost/op-2")], Err("InvalidParameterValue")),
        (&zone, Some(OUTPOST), &[("Location", "local")], Err("InvalidParameterCombination")),
        (&local_zone, None, &[], Ok(None)),
        (&local_zone, None, &[("Location", "regional")], Ok(None)),
        (&local_zone, None, &[("Location", "local")], Ok(Some(LocalSite::LocalZone(local_zone.as_str().into())))),
        (&local_zone, None, &[("Location", "near")], Err("InvalidParameterValue")),
        (&local_zone, None, &[("OutpostArn", OUTPOST)], Err("InvalidParameterValue")),
    ] {
        let world = world();
        let volume = volume_at(&world, zone, outpost);
        let params = [&[("VolumeId", volume.as_str())][..], params].concat();
        assert_eq!(code(&world, "CreateSnapshot", &params), site.as_ref().err().copied().unwrap_or(""), "{params:?}");
        let listed = at_once(cloud(&world).describe_snapshots(&Query::All, None)).unwrap().items;
        let sites: Vec<_> = listed.into_iter().map(|snapshot| snapshot.site.map(|site| *site)).collect();
        assert_eq!(sites, site.ok().into_iter().collect::<Vec<_>>(), "{params:?}");
    }
}

#[test]
fn all_snapshots_of_a_volume_are_in_one_place() {
    let world = world();
    let volume = volume_at(&world, &format!("{}a", place().region), Some(OUTPOST));
    let (here, there) = ([("VolumeId", volume.as_str())], [("VolumeId", volume.as_str()), ("OutpostArn", OUTPOST)]);
    assert_eq!(code(&world, "CreateSnapshot", &there), "");
    world.advance(Duration::from_mins(1));
    assert_eq!(code(&world, "CreateSnapshot", &here), "InvalidParameterCombination");
    assert_eq!(code(&world, "CreateSnapshot", &there), "");
}
