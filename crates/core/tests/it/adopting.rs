//! Snapshots of other tools: by what they are recognised, what they would be
//! tagged with, and that none goes sooner for it.

use ebskeep_core::adopt::{Adoption, Found, Tool, adopt, unsettled_volumes};
use ebskeep_core::id::Place;
use ebskeep_core::inventory::{Inventory, Listing, Snapshot, SnapshotState};
use ebskeep_core::plan::ExpireVerdict;
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::{DELETED, Tags};
use jiff::SignedDuration;

use crate::fake::{Fake, START, snapshot};
use crate::plans::tags;

/// An account with one live volume, backed up daily, and these snapshots.
pub(crate) fn account(snapshots: impl IntoIterator<Item = Snapshot>) -> Inventory {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1"]);
    fake.world.borrow_mut().instances.get_mut("i-1").unwrap().tags = tags([("Backup", "Yes")]);
    let world = fake.world.borrow();
    let mut snapshots: Vec<Snapshot> = snapshots.into_iter().collect();
    snapshots.sort_by(|a, b| a.id.cmp(&b.id));
    Inventory {
        instances: Listing::complete(world.instances.values().cloned().collect()),
        volumes: Listing::complete(world.volumes.values().cloned().collect()),
        snapshots: Listing::complete(snapshots),
        confirmed_gone: std::collections::BTreeSet::new(),
        ..Inventory::empty(Place { account: "111122223333".into(), region: "eu-west-1".into() }, START)
    }
}

/// A snapshot of `vol-1`, that many days old.
pub(crate) fn aged(id: &str, days: i64, tags: Tags) -> Snapshot {
    snapshot(id, "vol-1", START - SignedDuration::from_hours(24 * days), tags)
}

fn described(description: &str, pairs: &[(&str, &str)]) -> Snapshot {
    Snapshot { description: description.into(), ..aged("snap-1", 30, pairs.iter().copied().collect()) }
}

fn adopted(snapshots: impl IntoIterator<Item = Snapshot>) -> Adoption {
    adopt(&account(snapshots), None, &Settings::default())
}

fn found(adoption: &Adoption) -> Vec<(Tool, &Found)> {
    let of = |tool: &'_ ebskeep_core::adopt::OfTool| tool.tool;
    let all = adoption.tools.iter().flat_map(|tool| tool.lineages.iter().map(move |l| (of(tool), l)));
    all.flat_map(|(tool, lineage)| lineage.snapshots.iter().map(move |found| (tool, found))).collect()
}

#[test]
fn each_tool_is_recognised_by_its_marks_and_by_its_own_date() {
    let _proof = ebskeep_proofs::proves(&["6.44", "6.46"]);
    let autosnap = "autosnap-web.vol-1-20260130-030000";
    for (snapshot, tool, own) in [
        (described("x", &[("DeleteOn", "2026-04-01")]), Some(Tool::Brown), Some("2026-04-01")),
        (described("x", &[("DeleteOn", "2026-04-01"), ("Name", "/dev/sda1")]), Some(Tool::Machler), Some("2026-04-01")),
        (
            described("x", &[("DeleteOn", "2026-04-01"), ("CrossCopied", "true")]),
            Some(Tool::Machler),
            Some("2026-04-01"),
        ),
        (described(autosnap, &[("Name", autosnap)]), Some(Tool::Autosnap), None),
        (described(autosnap, &[("Name", "web")]), None, None),
        (described("autosnap-web", &[("Name", "autosnap-web")]), None, None),
        (
            described("Created from vol-1 by EbsSnapper(0.8) for i-1 from acc", &[("DeleteOn", "2026-04-01")]),
            Some(Tool::EbsSnapper),
            Some("2026-04-01"),
        ),
        (described("x", &[("replication_src_region", "us-east-1")]), Some(Tool::EbsSnapper), None),
        (described("x", &[("Type", "automated"), ("OffsiteSnapshotId", "snap-9")]), Some(Tool::Forks), None),
        (described("x", &[("shelvery:retention_type", "DAILY")]), Some(Tool::Shelvery), None),
        (described("x", &[("shelvery:create_backup", "true"), ("shelvery:config:x", "1")]), None, None),
        (described("Automatic snapshot by Automated EBS Snapshots", &[]), Some(Tool::Sebdah), None),
        // 2026-04-01T00:00:00Z, and a second later, which is another day's deletion.
        (
            described("x", &[("PurgeAllow", "true"), ("PurgeAfterFE", "1775001600")]),
            Some(Tool::AwsMissingTools),
            Some("2026-04-01"),
        ),
        (
            described("x", &[("PurgeAllow", "true"), ("PurgeAfter", "1775001601")]),
            Some(Tool::AwsMissingTools),
            Some("2026-04-02"),
        ),
        (described("x", &[("PurgeAllow", "false"), ("PurgeAfterFE", "1775001600")]), Some(Tool::AwsMissingTools), None),
        (described("web - vol-1 (/dev/xvda)", &[]), Some(Tool::Original), None),
        (described("web - vol-1 (/dev/xvda)", &[("Name", "mine")]), None, None),
        (described("web - vol-2 (/dev/xvda)", &[]), None, None),
        (
            described("x", &[("Type", "Automated"), ("DeleteOn", "2026-01-30")]),
            Some(Tool::Original),
            Some("2026-01-30"),
        ),
        (described("by hand", &[("Name", "mine")]), None, None),
        // Ours already, the forks' too.
        (described("x", &[("Type", "automated"), ("DeleteOn", "2026-04-01")]), None, None),
        (described("x", &[("DeleteOn", "2026-04-01"), ("ebskeep:deployment", "other")]), None, None),
        // Somebody else's business, whatever it bears.
        (described("x", &[("DeleteOn", "2026-04-01"), ("aws:backup:source-resource", "x")]), None, None),
        (described("x", &[("DeleteOn", "2026-04-01"), ("aws:dlm:lifecycle-policy-id", "p")]), None, None),
        (described("x", &[("DeleteOn", "2026-04-01"), ("dlm:managed", "true")]), None, None),
        (Snapshot { owner: "999988887777".into(), ..described("x", &[("DeleteOn", "2026-04-01")]) }, None, None),
    ] {
        let adoption = adopted([snapshot.clone()]);
        let got = found(&adoption);
        let got = got.first().map(|(tool, found)| (*tool, found.own_expiry.map(|date| date.to_string())));
        assert_eq!(got, tool.map(|tool| (tool, own.map(str::to_owned))), "{snapshot:?}");
    }
}

#[test]
fn what_is_written_never_brings_an_end_forward() {
    let _proof = ebskeep_proofs::proves(&["5.24", "6.45"]);
    for (pairs, set, first_goes) in [
        // Its own date is to come, and far enough: only what makes it ours.
        (&[("DeleteOn", "2026-04-01")][..], &[("Type", "Automated"), ("ebskeep:adopted", "brown")][..], "2026-04-01"),
        // Near or past: as long as after a changed policy, 7 days from 2026-03-01.
        (
            &[("DeleteOn", "2026-03-02")],
            &[("DeleteOn", "2026-03-08"), ("Type", "Automated"), ("ebskeep:adopted", "brown")],
            "2026-03-08",
        ),
        (
            &[("DeleteOn", "2020-01-01")],
            &[("DeleteOn", "2026-03-08"), ("Type", "Automated"), ("ebskeep:adopted", "brown")],
            "2026-03-08",
        ),
        // Nobody says when: as long as after a deleted volume, 90 days.
        (
            &[("shelvery:name", "x")],
            &[("DeleteOn", "2026-05-30"), ("Type", "Automated"), ("ebskeep:adopted", "shelvery")],
            "2026-05-30",
        ),
        // A date that stands there stays, whoever wrote it.
        (
            &[("shelvery:name", "x"), ("DeleteOn", "2030-01-01")],
            &[("Type", "Automated"), ("ebskeep:adopted", "shelvery")],
            "2030-01-01",
        ),
        (&[("Type", "Automated")], &[("DeleteOn", "2026-05-30"), ("ebskeep:adopted", "original")], "2026-05-30"),
    ] {
        let newest = aged("snap-9", 1, tags([("Type", "Automated"), ("DeleteOn", "2026-03-06")]));
        let adoption = adopted([described("x", pairs), newest]);
        let all = found(&adoption);
        let [(_, one)] = all.as_slice() else { panic!("{pairs:?}: {all:?}") };
        let adopted = one.adopted.as_ref().unwrap();
        let written: Vec<(&str, &str)> = adopted.set.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(written, set, "{pairs:?}");
        assert_eq!(adopted.after.expires_on.map(|date| date.to_string()).as_deref(), Some(first_goes), "{pairs:?}");
        assert_eq!(adopted.after.verdict, ExpireVerdict::Keep, "{pairs:?}");
    }
}

#[test]
fn a_deployment_of_another_name_writes_it() {
    let settings = Settings { deployment: "prod".into(), ..Settings::default() };
    let adoption = adopt(&account([described("x", &[("DeleteOn", "2026-04-01")])]), None, &settings);
    let set = &found(&adoption)[0].1.adopted.as_ref().unwrap().set;
    assert_eq!(set.get("ebskeep:deployment"), Some("prod"));
    assert_eq!(found(&adoption)[0].1.adopted.as_ref().unwrap().after.verdict, ExpireVerdict::Keep);
}

#[test]
fn what_cannot_be_adopted_says_why() {
    let _proof = ebskeep_proofs::proves(&["6.47"]);
    let brown = || described("x", &[("DeleteOn", "2026-04-01")]);
    let state = |state| Snapshot { state, ..brown() };
    let full = |count: usize| {
        let mut snapshot = brown();
        (1..count).for_each(|n| snapshot.tags.set(format!("tag-{n}"), ""));
        snapshot
    };
    for (snapshot, why) in [
        (described("x", &[("DeleteOn", "soon")]), Some("DeleteOn=soon is no date")),
        (described("x", &[("shelvery:name", "x"), ("DeleteOn", "soon")]), Some("DeleteOn=soon is no date")),
        (described("x", &[("PurgeAllow", "true"), ("PurgeAfter", "soon")]), Some("no time in seconds")),
        (Snapshot { volume: "vol-ffffffff".into(), ..brown() }, Some("it is a copy")),
        (described("x", &[("shelvery:name", "x"), ("Type", "db")]), Some("Type=db means something")),
        (described("x", &[("DeleteOn", "2026-04-01"), ("Source_SnapshotId", "snap-0")]), Some("would make it a copy")),
        // Made ours, a failed one would go at once.
        (state(SnapshotState::Error), Some("it failed")),
        (state(SnapshotState::Pending), Some("not finished")),
        (state(SnapshotState::Recoverable), Some("Recycle Bin")),
        (full(48), Some(DELETED)),
        (full(47), None),
    ] {
        let adoption = adopted([snapshot.clone()]);
        let (_, one) = found(&adoption)[0];
        match why {
            Some(why) => assert!(one.cannot.as_deref().unwrap_or_default().contains(why), "{why}: {one:?}"),
            None => assert!(one.adopted.is_some(), "{one:?}"),
        }
        assert_eq!(adoption.retags().len(), usize::from(why.is_none()), "{snapshot:?}");
    }
}

#[test]
fn nothing_goes_within_the_grace_of_being_adopted() {
    let _proof = ebskeep_proofs::proves(&["6.45"]);
    let mut all = Vec::new();
    for (n, days) in (0..400).step_by(7).enumerate() {
        all.push(aged(&format!("snap-a{n:03}"), days, tags([("DeleteOn", "2025-06-01")])));
        all.push(Snapshot {
            volume: "vol-gone".into(),
            ..aged(&format!("snap-b{n:03}"), days, tags([("shelvery:name", "")]))
        });
    }
    let mut inventory = account(all);
    inventory.confirmed_gone = unsettled_volumes(&inventory, &Settings::default()).into_iter().collect();
    assert_eq!(
        inventory.confirmed_gone,
        ["vol-gone".into()].into(),
        "known to be looked up although nothing of it is ours"
    );
    let adoption = adopt(&inventory, None, &Settings::default());
    assert_eq!(adoption.adoptable(), inventory.snapshots.items.len());
    for (tool, one) in found(&adoption) {
        let after = &one.adopted.as_ref().unwrap().after;
        assert_eq!(after.verdict, ExpireVerdict::Keep, "{tool:?} {one:?}");
        let earliest = if tool == Tool::Brown { "2026-03-08" } else { "2026-05-30" };
        assert!(after.expires_on.is_none_or(|date| date >= earliest.parse().unwrap()), "{one:?}");
    }
}

#[test]
fn ours_that_lose_a_reason_by_an_adoption_are_told() {
    // The only one of ours is kept as the newest good one. A newer one of another tool takes that place.
    let ours = aged("snap-1", 30, tags([("Type", "Automated"), ("DeleteOn", "2026-02-06")]));
    let theirs = aged("snap-2", 1, tags([("DeleteOn", "2026-04-01")]));
    let adoption = adopted([ours, theirs]);
    let [other] = adoption.others.as_slice() else { panic!("{:?}", adoption.others) };
    assert_eq!((other.before.snapshot_id.as_str(), other.before.verdict), ("snap-1", ExpireVerdict::Keep));
    assert_eq!(other.after.verdict, ExpireVerdict::Delete);
}

#[test]
fn one_tool_alone_can_be_asked_for() {
    let all = account([
        aged("snap-1", 3, tags([("DeleteOn", "2026-04-01")])),
        aged("snap-2", 2, tags([("shelvery:name", "")])),
    ]);
    let only = adopt(&all, Some(Tool::Shelvery), &Settings::default());
    assert_eq!(found(&only).iter().map(|(tool, _)| *tool).collect::<Vec<_>>(), [Tool::Shelvery]);
    assert!(only.migration.is_none());
    assert_eq!(adopt(&all, None, &Settings::default()).adoptable(), 2);
}
