//! Holding and releasing, as a person or a script does it.

use ebskeep_sim::World;
use serde_json::Value;

use crate::runs::{Ran, ends, valid};
use crate::server::Server;
use crate::world::{by_hand, calls, left, legacy, refuse, volume, world};

/// A volume with a new backup and an old one that would go.
struct Scene {
    world: World,
    server: Server,
    old: String,
    foreign: String,
}

fn scene() -> Scene {
    let world = world();
    let of = volume(&world, &[("Backup", "Yes"), ("Retention", "7")]);
    crate::world::backup(&world, &of, 1);
    let old = legacy(&world, &of);
    let foreign = by_hand(&world, &of);
    let server = Server::of(&world);
    Scene { world, server, old, foreign }
}

/// Whether the next expire would delete it.
fn would_go(server: &Server, id: &str) -> bool {
    let Ran { stdout, .. } = ends(server, &["plan", "expire", "--format", "json"], 0);
    let plan: Value = serde_json::from_str(&stdout).unwrap();
    let verdict = |s: &Value| s["snapshot_id"] == id && s["verdict"] == "delete";
    plan["snapshots"].as_array().unwrap().iter().any(verdict)
}

#[test]
fn what_is_held_stays_and_what_is_released_goes() {
    let _proof = ebskeep_proofs::proves(&["6.38", "6.39"]);
    let Scene { world, server, old, .. } = scene();
    assert!(would_go(&server, &old));
    let ran = ends(&server, &["hold", &old, "--until", "2099-12-31", "--reason", "court order"], 0);
    for said in [
        "set     KeepUntil=2099-12-31",
        "KeepReason=court order",
        "goes at the next expire",
        "kept, and goes on 2100-01-0",
        "Done (1 done)",
    ] {
        assert!(ran.stdout.contains(said), "{said}\n{}", ran.stdout);
    }
    assert!(!would_go(&server, &old));
    ends(&server, &["apply", "expire", "--yes"], 0);
    assert!(left(&world).contains(&old));

    let ran = ends(&server, &["release", &old], 2);
    assert!(ran.stderr.contains("--yes") && ran.stdout.contains("1 snapshot would go"), "{}{}", ran.stdout, ran.stderr);
    assert!(!would_go(&server, &old), "nothing was done");
    ends(&server, &["release", &old, "--yes"], 0);
    assert!(would_go(&server, &old));
    ends(&server, &["apply", "expire", "--yes"], 0);
    assert!(!left(&world).contains(&old));
}

#[test]
fn keeping_longer_asks_nothing_and_keeping_shorter_does() {
    let _proof = ebskeep_proofs::proves(&["6.38"]);
    let Scene { world, server, old, .. } = scene();
    ends(&server, &["hold", &old, "--until", "2098-01-01"], 0);
    ends(&server, &["hold", &old, "--until", "2099-01-01"], 0);
    let written = calls(&world, "CreateTags");
    let ran = ends(&server, &["hold", &old, "--until", "2097-01-01"], 2);
    assert!(ran.stderr.contains("shorten the hold of 1 snapshot"), "{}", ran.stderr);
    assert_eq!(calls(&world, "CreateTags"), written);
    ends(&server, &["hold", &old, "--until", "2097-01-01", "--yes"], 0);
    let ran = ends(&server, &["hold", &old, "--until", "2097-01-01"], 0);
    assert!(ran.stdout.contains("held so already") && ran.stdout.contains("nothing to change"), "{}", ran.stdout);
    ends(&server, &["hold", &old, "--forever"], 0);
}

#[test]
fn what_cannot_be_held_ends_with_2_before_anything_is_written() {
    let _proof = ebskeep_proofs::proves(&["6.41"]);
    let Scene { world, server, old, foreign } = scene();
    for (arguments, said) in [
        (&["hold", &old][..], "--until"),
        (&["hold", "--forever"], "SNAPSHOT"),
        (&["hold", &old, "--forever", "--until", "2099-01-01"], "--until"),
        (&["hold", &old, "--until", "next week"], "next week"),
        (&["hold", &old, "--until", "31/03/2027"], "it is no date such as 2027-03-31"),
        (&["hold", &old, "--until", "2020-01-01"], "in the past"),
        (&["hold", &old, "--forever", "--reason", ""], "1 to 256"),
        (&["hold", "vol-1", "--forever"], "no snapshot id"),
        (&["hold", &old, &foreign, "snap-0123456789abcdef9", "--forever"], "owns no snap-0123456789abcdef9"),
        (&["release", "snap-0123456789abcdef9", "--yes"], "owns no snap-0123456789abcdef9"),
        (&["release", &old, "--region", "all"], "one Region"),
        (&["release", &old, "--region", "eu-west-1", "--region", "eu-west-2"], "one Region"),
        (&["release"], "SNAPSHOT"),
    ] {
        let ran = ends(&server, arguments, 2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?}: {}", ran.stdout);
    }
    assert_eq!((calls(&world, "CreateTags"), calls(&world, "DeleteTags")), (0, 0));
    let ran = ends(&server, &["hold", &foreign, "--forever"], 0);
    assert!(ran.stdout.contains("not ours"), "{}", ran.stdout);
}

#[test]
fn the_document_is_what_its_schema_says() {
    let Scene { server, old, foreign, .. } = scene();
    let ran = ends(&server, &["hold", &old, &foreign, "--forever", "--format", "json"], 0);
    let document = valid(&ran, "ebskeep.retag/1");
    assert_eq!((&document["verb"], &document["conclusion"]), (&"hold".into(), &"done".into()));
    let of_old = document["changes"].as_array().unwrap().iter().find(|c| c["snapshot_id"] == old.as_str()).unwrap();
    assert_eq!((&of_old["before"]["verdict"], &of_old["after"]["verdict"]), (&"delete".into(), &"keep".into()));
    let ran = ends(&server, &["release", &old, "--yes", "--format", "json"], 0);
    assert_eq!(valid(&ran, "ebskeep.retag/1")["changes"][0]["remove"][0], "KeepForever");
}

#[test]
fn a_denial_ends_with_1_and_says_what_to_allow() {
    let Scene { world, server, old, .. } = scene();
    refuse(&world, "CreateTags", "UnauthorizedOperation", None);
    let ran = ends(&server, &["hold", &old, "--forever"], 1);
    assert!(ran.stdout.contains("allow ec2:CreateTags") && ran.stdout.contains("Failed (1 denied)"), "{}", ran.stdout);
}

#[test]
fn copies_are_released_with_their_snapshot_where_it_is_said_and_shown_before() {
    let Scene { world, server, old, .. } = scene();
    let away = "eu-west-2";
    let dummy = crate::world::volume_in(&world, away, &[]);
    let copy = |source: &str| {
        let tags = [
            ("Type", "Automated"),
            ("Source_SnapshotId", source),
            ("ebskeep:volume", "vol-0123456789abcdef0"),
            ("ebskeep:source-region", "eu-west-1"),
            ("ebskeep:source-account", crate::world::ACCOUNT),
            ("KeepForever", "Yes"),
        ];
        let deed = ebskeep_sim::Deed::PutSnapshot {
            id: None,
            volume: dummy.as_str().into(),
            started: jiff::Timestamp::now(),
            state: ebskeep_sim::PutState::Completed,
            size_gib: None,
            description: "".into(),
            tags: tags.into_iter().collect(),
        };
        crate::world::act_in(&world, away, deed)
    };
    let (its, other) = (copy(&old), copy("snap-0123456789abcdef9"));
    let tags = [("ebskeep:copied-to", away), ("KeepForever", "Yes")].into_iter().collect();
    crate::world::act(&world, ebskeep_sim::Deed::Tag { resources: vec![old.as_str().into()], tags });
    let held = |id: &str| {
        let there = world.history().into_iter().find(|past| past.id.as_str() == id).unwrap();
        there.tags.get("KeepForever").is_some()
    };

    let ran = ends(&server, &["release", &old, "--copies"], 2);
    assert!(ran.stdout.contains(&its) && ran.stdout.contains(away), "{}", ran.stdout);
    assert!(ran.stderr.contains("the holds of 2 snapshots") && !ran.stdout.contains(&other), "{}", ran.stderr);
    assert!(held(&old) && held(&its), "nothing was done");

    ends(&server, &["release", &old, "--yes"], 0);
    assert_eq!((held(&old), held(&its)), (false, true), "copies stay held where nobody says otherwise");

    let ran = ends(&server, &["release", &old, "--copies", "--yes", "--format", "json"], 0);
    let document = valid(&ran, "ebskeep.retags/1");
    assert_eq!(document["retags"][1]["region"], away);
    assert_eq!((held(&its), held(&other)), (false, true));

    refuse(&world, "DescribeSnapshots", "UnauthorizedOperation", Some(away));
    let ran = ends(&server, &["release", &old, "--copies", "--yes"], 1);
    assert!(ran.stderr.contains(away) && ran.stderr.contains("without --copies"), "{}", ran.stderr);
}

#[test]
fn the_sources_of_copies_are_marked_as_deleted_after_a_yes() {
    let _proof = ebskeep_proofs::proves(&["6.148"]);
    let Scene { world, server, .. } = scene();
    let away = "eu-west-2";
    let dummy = crate::world::volume_in(&world, away, &[]);
    let volume = "vol-0123456789abcdef0";
    let began = "2025-01-01T00:00:00Z";
    let tags = [
        ("Type", "Automated"),
        ("Source_SnapshotId", "snap-0123456789abcdef9"),
        ("ebskeep:volume", volume),
        ("ebskeep:source-region", "eu-west-1"),
        ("ebskeep:source-account", crate::world::ACCOUNT),
        ("ebskeep:started", began),
        ("ebskeep:retention", "7"),
        ("DeleteOn", "2025-01-08"),
    ];
    let deed = ebskeep_sim::Deed::PutSnapshot {
        id: None,
        volume: dummy.as_str().into(),
        started: began.parse().unwrap(),
        state: ebskeep_sim::PutState::Completed,
        size_gib: None,
        description: "".into(),
        tags: tags.into_iter().collect(),
    };
    let copy = crate::world::act_in(&world, away, deed);
    let mark = || {
        let there = world.history().into_iter().find(|past| past.id.as_str() == copy).unwrap();
        there.tags.get("ebskeep:source-gone").map(str::to_owned)
    };
    let release = ["release", "--region", away, "--source-deleted", volume];

    // The finding has the very command.
    let ran = ends(&server, &["plan", "expire", "--region", away, "--format", "json"], 0);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let said = |finding: &&Value| finding["code"] == "copies-without-end";
    let finding = plan["findings"].as_array().unwrap().iter().find(said).unwrap();
    let command = format!("ebskeep {}", release.join(" "));
    assert!(finding["detail"].as_str().unwrap().contains(&command), "{finding}");

    let ran = ends(&server, &release, 2);
    assert!(ran.stderr.contains("mark the source volume of 1 copy as deleted") && ran.stderr.contains("--yes"));
    assert!(ran.stdout.contains(&copy) && ran.stdout.contains("kept, and goes on"), "{}", ran.stdout);
    assert_eq!(mark(), None, "nothing was done");

    let ran = ends(&server, &[&release[..], &["--yes", "--format", "json"]].concat(), 0);
    let document = valid(&ran, "ebskeep.retag/1");
    assert_eq!((&document["verb"], &document["region"]), (&"source-deleted".into(), &away.into()));
    assert!(mark().unwrap().ends_with(&format!(" {volume}")), "{:?}", mark());
    let ran = ends(&server, &release, 0);
    assert!(ran.stdout.contains("marked already") && ran.stdout.contains("nothing to change"), "{}", ran.stdout);

    for (wrong, said) in [
        (&["release", "--source-deleted", volume][..], "no good copy of"),
        (&["release", "--source-deleted", "snap-1"], "is not a volume id"),
        (&["release", "snap-1", "--source-deleted", volume], "cannot be used with"),
        (&["release", "--copies", "--source-deleted", volume], "cannot be used with"),
        (&["release"], "required"),
    ] {
        let ran = ends(&server, wrong, 2);
        assert!(ran.stderr.contains(said), "{said}\n{}", ran.stderr);
    }
}
