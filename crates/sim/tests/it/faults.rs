//! What goes wrong, seen through the port and on the wire.

use std::time::Duration;

use ebskeep_core::cloud::{Cloud, ErrorKind, Query};
use ebskeep_sim::{Delivery, Fault, Outcome, Rules, What, When};

use crate::helper::{act, ask, at_once, cloud, code, put, request, snapshot_of, text, texts, volume, world};

#[test]
fn each_fault_does_what_it_says_and_no_more() {
    for (what, begun, logged) in [
        (What::LostBefore, 0, Outcome::LostBefore),
        (What::LostAfter, 1, Outcome::LostAfter),
        (What::CutBody, 1, Outcome::LostAfter),
        (
            What::Refuse { code: "InternalError".into(), status: None, message: String::new() },
            0,
            Outcome::Refused("InternalError".into()),
        ),
    ] {
        let world = world();
        let volume = volume(&world);
        world.fault(Fault { when: When::next("CreateSnapshot"), what: what.clone() });
        let error = at_once(cloud(&world).create_snapshot(&snapshot_of(&volume))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{what:?}");
        assert_eq!(world.history().len(), begun, "{what:?}");
        assert_eq!(world.calls()[0].outcome, logged, "{what:?}");
        assert_eq!(world.calls()[0].faults, [what.name()]);
        world.advance(Duration::from_secs(15));
        assert!(at_once(cloud(&world).create_snapshot(&snapshot_of(&volume))).is_ok(), "{what:?}: only once");
    }
}

#[test]
fn the_wire_says_how_an_answer_travels() {
    let world = world();
    for (what, delivery) in
        [(What::LostAfter, Delivery::Lost), (What::LostBefore, Delivery::Lost), (What::CutBody, Delivery::Cut)]
    {
        world.fault(Fault { when: When::default(), what: what.clone() });
        let response = world.answer(request("ec2", "DescribeRegions", &[]));
        assert_eq!(response.extensions().get(), Some(&delivery), "{what:?}");
        if delivery == Delivery::Cut {
            let length: usize = response.headers()["content-length"].to_str().unwrap().parse().unwrap();
            assert_eq!(response.body().len(), length / 2);
        } else {
            assert_eq!((response.status().as_u16(), response.body().len()), (500, 0));
        }
    }
    let whole = world.answer(request("ec2", "DescribeRegions", &[]));
    assert_eq!(whole.extensions().get::<Delivery>(), None);
}

#[test]
fn codes_become_the_kinds_that_callers_act_on() {
    for (refused, kind) in [
        ("RequestLimitExceeded", ErrorKind::Throttled),
        ("SnapshotCreationPerVolumeRateExceeded", ErrorKind::PerVolumeRate),
        ("ConcurrentSnapshotLimitExceeded", ErrorKind::ConcurrencyLimit),
        ("ResourceLimitExceeded", ErrorKind::ConcurrencyLimit),
        ("SnapshotLimitExceeded", ErrorKind::Quota),
        ("TagLimitExceeded", ErrorKind::Quota),
        ("UnauthorizedOperation", ErrorKind::Denied),
        ("OptInRequired", ErrorKind::Denied),
        ("InvalidSnapshot.InUse", ErrorKind::InUse),
        ("InvalidSnapshot.NotFound", ErrorKind::NotFound),
        ("InvalidParameterValue", ErrorKind::Invalid),
        ("InternalError", ErrorKind::Unknown),
        ("Unavailable", ErrorKind::Unknown),
        ("SomethingNew", ErrorKind::Other),
    ] {
        let world = world();
        world.fault(Fault {
            when: When::default(),
            what: What::Refuse { code: refused.into(), status: None, message: "m".into() },
        });
        let error = at_once(cloud(&world).delete_snapshot(&"snap-00000000".into())).unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (kind, Some(refused)));
        assert_eq!(error.resource.as_deref(), Some("snap-00000000"));
    }
}

#[test]
fn a_listing_without_an_answer_can_be_asked_for_again() {
    for what in [
        What::LostBefore,
        What::LostAfter,
        What::CutBody,
        What::Refuse { code: "InternalError".into(), status: None, message: String::new() },
    ] {
        let world = world();
        world.fault(Fault { when: When::default(), what: what.clone() });
        let error = at_once(cloud(&world).describe_volumes(&Query::All, None)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{what:?}");
    }
}

#[test]
fn a_stale_listing_lacks_what_is_new() {
    let world = world();
    let volume = volume(&world);
    act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    world.advance(Duration::from_mins(10));
    code(&world, "CreateSnapshot", &[("VolumeId", volume.as_str())]);
    world.fault(Fault {
        when: When::next("DescribeSnapshots"),
        what: What::StaleListing { by: Duration::from_mins(5) },
    });
    let listed = || at_once(cloud(&world).describe_snapshots(&Query::All, None)).unwrap().items.len();
    assert_eq!([listed(), listed()], [1, 2]);
}

#[test]
fn a_bad_token_ends_the_listing() {
    let world = world();
    world.rules(Rules { page: 1, ..Rules::default() });
    let volume = volume(&world);
    for _ in 0..2 {
        act(&world, put(&volume, "2025-01-01T00:00:00Z"));
    }
    world.fault(Fault { when: When::next("DescribeSnapshots"), what: What::BadToken });
    let first = at_once(cloud(&world).describe_snapshots(&Query::All, None)).unwrap();
    let error = at_once(cloud(&world).describe_snapshots(&Query::All, first.next.as_ref())).unwrap_err();
    assert_eq!(error.code.as_deref(), Some("InvalidPaginationToken"));
}

#[test]
fn a_fault_can_be_for_one_resource_one_account_and_every_time() {
    let world = world();
    let (a, b) = (volume(&world), volume(&world));
    let refuse = What::Refuse { code: "UnauthorizedOperation".into(), status: None, message: String::new() };
    world.fault(Fault {
        when: When { times: None, account: Some("123456789012".into()), ..When::about("CreateSnapshot", a.as_str()) },
        what: refuse.clone(),
    });
    world.fault(Fault { when: When { account: Some("000000000000".into()), ..When::default() }, what: refuse });
    for _ in 0..3 {
        assert_eq!(code(&world, "CreateSnapshot", &[("VolumeId", a.as_str())]), "UnauthorizedOperation");
    }
    assert_eq!(code(&world, "CreateSnapshot", &[("VolumeId", b.as_str())]), "");
    let (_, body) = ask(&world, "DescribeSnapshots", &[]);
    assert_eq!(texts(&body, "volumeId"), [b.as_str()]);
    assert_eq!(text(&body, "progress").as_deref(), Some("0%"));
}
