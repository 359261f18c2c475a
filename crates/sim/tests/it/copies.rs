//! Copies, and whom snapshots are shared with.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, Clouds, CopySnapshot, ErrorKind, Filter, Query, Role, Sharing};
use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::{Act, Deed, Fault, Outcome, SimCloud, What, When, World};

use crate::helper::{KEY, act, ask, at_once, cloud, code, new_volume, place, put, tags, text, texts, volume, world};

const OTHER: &str = "210987654321";

fn there() -> Place {
    Place { region: "eu-central-1".into(), ..place() }
}

fn good(world: &World) -> SnapshotId {
    SnapshotId::new(act(world, put(&volume(world), "2026-01-01T00:00:00Z")))
}

fn encrypted(world: &World, with: &str) -> SnapshotId {
    let mut deed = new_volume();
    if let Deed::CreateVolume { key, .. } = &mut deed {
        *key = Some(with.into());
    }
    SnapshotId::new(act(world, put(&act(world, deed).as_str().into(), "2026-01-01T00:00:00Z")))
}

fn copy(source: &SnapshotId) -> CopySnapshot {
    CopySnapshot {
        source_region: place().region,
        source: source.clone(),
        description: "d".into(),
        tags: tags([("Source_SnapshotId", source.as_str())]),
        encrypted: None,
    }
}

fn listed(cloud: &SimCloud, id: &SnapshotId) -> Snapshot {
    let query = Query::Filters(vec![Filter { name: "snapshot-id".into(), values: vec![id.as_str().into()] }]);
    at_once(cloud.describe_snapshots(&query, None)).unwrap().items.remove(0)
}

/// The end of a copy, after what happens while it is under way.
fn end(world: &World, source: &SnapshotId, meanwhile: impl FnOnce()) -> (SnapshotState, Option<String>) {
    let cloud = world.clouds(KEY).at(&there());
    let id = at_once(cloud.copy_snapshot(&copy(source))).unwrap();
    meanwhile();
    world.advance(Duration::from_mins(1));
    let made = listed(&cloud, &id);
    (made.state, made.state_message.map(String::from))
}

#[test]
fn what_goes_wrong_with_a_copy_shows_later() {
    let world = world();
    let source = good(&world);
    assert_eq!(end(&world, &source, || ()), (SnapshotState::Completed, None));
    world.fault(Fault { when: When::next("CopySnapshot"), what: What::SnapshotFails { message: "no luck".into() } });
    assert_eq!(end(&world, &source, || ()), (SnapshotState::Error, Some("no luck".into())));
    let key = "alias/ours";
    let source = encrypted(&world, key);
    let deny = |place: Place, key: &str| drop(world.act(Act::at(&place, Deed::DenyKey { key: key.into() })).unwrap());
    deny(place(), "alias/aws/ebs");
    assert_eq!(end(&world, &source, || ()).0, SnapshotState::Completed, "another key, and the one there");
    let failed = (SnapshotState::Error, Some("Given key ID is not accessible".into()));
    assert_eq!(end(&world, &source, || deny(there(), "alias/aws/ebs")), failed, "the key there");
    world.act(Act::at(&there(), Deed::AllowKey { key: "alias/aws/ebs".into() })).unwrap();
    deny(place(), key);
    assert_eq!(end(&world, &source, || ()), failed, "the source's");
    let source = good(&world);
    let gone = end(&world, &source, || drop(act(&world, Deed::DeleteSnapshot { snapshot: source.clone() })));
    assert_eq!(gone.0, SnapshotState::Error);
}

#[test]
fn a_share_taken_back_stops_a_copy_under_way() {
    let world = world();
    let source = good(&world);
    let share = |with: &str| Deed::Share { snapshot: source.clone(), with: with.into() };
    act(&world, share(OTHER));
    act(&world, share("111122223333"));
    let role = Role { name: "copies".into(), external_id: None };
    let cloud = world.clouds(KEY).through(&Place { account: OTHER.into(), ..there() }, &role);
    let copies = [(); 2].map(|()| at_once(cloud.copy_snapshot(&copy(&source))).unwrap());
    at_once(self::cloud(&world).modify_snapshot_sharing(&source, &Sharing::Remove("111122223333".into()))).unwrap();
    let lost = copies[0].clone();
    world
        .act(Act::at(&Place { account: OTHER.into(), ..there() }, Deed::Lose { snapshot: lost, message: "m".into() }))
        .unwrap();
    assert_eq!(listed(&cloud, &copies[0]).state_message.as_deref(), Some("m"));
    act(&world, Deed::Unshare { snapshot: source.clone(), with: OTHER.into() });
    world.advance(Duration::from_mins(1));
    assert_eq!(listed(&cloud, &copies[1]).state, SnapshotState::Error);
    let refused = at_once(cloud.copy_snapshot(&copy(&source))).unwrap_err();
    assert_eq!((refused.kind, refused.code.as_deref()), (ErrorKind::NotFound, Some("InvalidSnapshot.NotFound")));
    let sessions = world.calls().into_iter().filter(|call| call.action == "AssumeRole").count();
    assert_eq!(sessions, 1, "a session is kept");
    world.advance(Duration::from_hours(1));
    at_once(cloud.describe_snapshots(&Query::All, None)).unwrap();
    let sessions = world.calls().into_iter().filter(|call| call.action == "AssumeRole").count();
    assert_eq!(sessions, 2, "for an hour");
}

#[test]
fn a_session_that_could_not_be_had_may_be_asked_for_again() {
    let world = world();
    let cloud = world
        .clouds(KEY)
        .through(&Place { account: OTHER.into(), ..there() }, &Role { name: "copies".into(), external_id: None });
    world.fault(Fault { when: When::next("AssumeRole"), what: What::LostAfter });
    let failed = at_once(cloud.copy_snapshot(&copy(&"snap-ffffffff".into()))).unwrap_err();
    assert_eq!((failed.kind, failed.operation), (ErrorKind::Unavailable, "AssumeRole"));
    assert!(world.calls().iter().all(|call| call.action != "CopySnapshot"));
    at_once(cloud.describe_snapshots(&Query::All, None)).unwrap();
}

#[test]
fn twenty_are_under_way_at_once_whatever_becomes_of_them() {
    let world = world();
    let (source, cloud) = (good(&world), world.clouds(KEY).at(&there()));
    let begin = || at_once(cloud.copy_snapshot(&copy(&source)));
    let ids: Vec<SnapshotId> = (0..20).map(|_| begin().unwrap()).collect();
    assert_eq!(begin().unwrap_err().code.as_deref(), Some("ResourceLimitExceeded"));
    at_once(cloud.delete_snapshot(&ids[0])).unwrap();
    assert_eq!(begin().unwrap_err().code.as_deref(), Some("ResourceLimitExceeded"), "one deleted still runs");
    world.act(Act::at(&there(), Deed::Finish { snapshot: ids[1].clone() })).unwrap();
    begin().unwrap();
    // They are copies of the snapshot, not snapshots of its volume.
    assert!(listed(&cloud, &ids[1]).volume != listed(&self::cloud(&world), &source).volume);
    world.advance(Duration::from_mins(1));
    begin().unwrap();
}

#[test]
fn what_is_asked_wrongly_and_how_it_is_refused() {
    let world = world();
    // The helper's calls are made in eu-west-1, which is the destination here.
    let mine = good(&world);
    let locked = encrypted(&world, "alias/ours");
    for (what, params, expected) in [
        ("no source", vec![("SourceRegion", "eu-west-1")], "MissingParameter"),
        ("no Region", vec![("SourceSnapshotId", mine.as_str())], "MissingParameter"),
        (
            "an unknown Region",
            vec![("SourceRegion", "eu-west-9"), ("SourceSnapshotId", mine.as_str())],
            "InvalidParameterValue",
        ),
        (
            "a Region that is off",
            vec![("SourceRegion", "il-central-1"), ("SourceSnapshotId", mine.as_str())],
            "InvalidParameterValue",
        ),
        (
            "another destination",
            vec![
                ("SourceRegion", "eu-west-1"),
                ("SourceSnapshotId", mine.as_str()),
                ("DestinationRegion", "eu-west-2"),
            ],
            "InvalidParameterValue",
        ),
        (
            "a key and no encryption",
            vec![
                ("SourceRegion", "eu-west-1"),
                ("SourceSnapshotId", mine.as_str()),
                ("KmsKeyId", "alias/a"),
                ("Encrypted", "false"),
            ],
            "InvalidParameterCombination",
        ),
        (
            "no presigned URL",
            vec![("SourceRegion", "eu-west-1"), ("SourceSnapshotId", locked.as_str())],
            "MissingParameter",
        ),
        ("not encrypted", vec![("SourceRegion", "eu-west-1"), ("SourceSnapshotId", mine.as_str())], ""),
    ] {
        assert_eq!(code(&world, "CopySnapshot", &params), expected, "{what}");
    }
    let url = "https://ec2.eu-west-1.amazonaws.com/?Action=CopySnapshot";
    let params = [("SourceRegion", "eu-west-1"), ("SourceSnapshotId", locked.as_str()), ("PresignedUrl", url)];
    let (status, body) = ask(&world, "CopySnapshot", &params);
    assert_eq!(status, 200, "an odd URL is found out later: {body}");
    world.advance(Duration::from_mins(1));
    let copy = listed(&cloud(&world), &text(&body, "snapshotId").unwrap().as_str().into());
    assert_eq!((copy.state, copy.encrypted), (SnapshotState::Error, true));
    assert!(copy.state_message.unwrap().contains("presigned"));
    assert!(world.calls().iter().all(|call| !call.params.contains_key("PresignedUrl")), "no signature is logged");
}

#[test]
fn sharing_is_said_in_both_of_aws_s_ways() {
    let world = world();
    let id = good(&world);
    let modify = |more: &[(&str, &str)]| {
        let params = [&[("SnapshotId", id.as_str())], more].concat();
        code(&world, "ModifySnapshotAttribute", &params)
    };
    let shown = |attribute: &str| {
        ask(&world, "DescribeSnapshotAttribute", &[("SnapshotId", id.as_str()), ("Attribute", attribute)]).1
    };
    assert_eq!(modify(&[("OperationType", "add"), ("UserId.1", OTHER), ("UserGroup.1", "all")]), "");
    assert_eq!(modify(&[("CreateVolumePermission.Add.1.UserId", "111122223333")]), "");
    assert_eq!(texts(&shown("createVolumePermission"), "userId"), ["111122223333", OTHER]);
    assert_eq!(texts(&shown("createVolumePermission"), "group"), ["all"]);
    assert!(shown("productCodes").contains("<productCodes"));
    assert_eq!(modify(&[("CreateVolumePermission.Remove.1.Group", "all")]), "");
    assert_eq!(modify(&[("OperationType", "remove"), ("UserId.1", OTHER)]), "");
    assert_eq!(texts(&shown("createVolumePermission"), "userId"), ["111122223333"]);
    assert_eq!(texts(&shown("createVolumePermission"), "group"), Vec::<String>::new());
    for (what, params, expected) in [
        ("nobody", vec![("OperationType", "add")], "MissingParameter"),
        ("no operation", vec![("UserId.1", OTHER)], "MissingParameter"),
        ("another operation", vec![("OperationType", "set"), ("UserId.1", OTHER)], "InvalidParameterValue"),
        ("no account", vec![("OperationType", "add"), ("UserId.1", "me")], "InvalidUserID.Malformed"),
        ("no such group", vec![("OperationType", "add"), ("UserGroup.1", "some")], "InvalidParameterValue"),
        ("another attribute", vec![("Attribute", "productCodes")], "InvalidParameterValue"),
    ] {
        assert_eq!(modify(&params), expected, "{what}");
    }
    let params = [("SnapshotId", id.as_str()), ("Attribute", "kernel")];
    assert_eq!(code(&world, "DescribeSnapshotAttribute", &params), "InvalidParameterValue");
}

#[test]
fn what_is_encrypted_is_shared_by_its_key() {
    let world = world();
    let (own, ours) = (encrypted(&world, "alias/aws/ebs"), encrypted(&world, "alias/ours"));
    let modify = |id: &SnapshotId, who: (&str, &str), operation: &str| {
        let params = [("SnapshotId", id.as_str()), ("OperationType", operation), who];
        code(&world, "ModifySnapshotAttribute", &params)
    };
    assert_eq!(modify(&own, ("UserId.1", OTHER), "add"), "OperationNotPermitted");
    assert_eq!(modify(&own, ("UserId.1", OTHER), "remove"), "", "there is nothing to take back");
    assert_eq!(modify(&ours, ("UserId.1", OTHER), "add"), "");
    assert_eq!(modify(&ours, ("UserGroup.1", "all"), "add"), "OperationNotPermitted");
    let past: Vec<_> = world.history().into_iter().filter(|past| past.id == ours).collect();
    assert_eq!(past[0].shared_with, [OTHER.into()]);
    assert_eq!(past[0].key.as_deref(), Some("alias/ours"));
}

#[test]
fn history_tells_what_a_copy_was_made_from() {
    let world = world();
    let source = good(&world);
    let id = at_once(world.clouds(KEY).at(&there()).copy_snapshot(&copy(&source))).unwrap();
    let past = world.history().into_iter().find(|past| past.id == id).unwrap();
    assert_eq!(past.place, there());
    assert_eq!(past.copy_of.map(|from| (from.place, from.id)), Some((place(), source)));
    assert_eq!(world.calls().last().unwrap().outcome, Outcome::Done);
}
