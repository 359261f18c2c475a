//! Holding and releasing: what becomes of the tags, what that does to the
//! snapshot, and what is refused before anything is written.

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{Inventory, Listing};
use ebskeep_core::plan::ExpireVerdict;
use ebskeep_core::plan::ExpireVerdict::{Delete, Ignore, Keep};
use ebskeep_core::report::text::{Detail, Style, retagging_text};
use ebskeep_core::retag::{Change, Hold, HoldError, Length, Retagging, hold, release};
use ebskeep_core::setting::Settings;
use ebskeep_core::tags::Tags;
use jiff::SignedDuration;

use crate::fake::{Fake, START, snapshot};
use crate::plans::tags;

/// A volume with a fresh backup and `snap-1`, 30 days old and past its date,
/// with these tags on top.
fn inventory(more: &[(&str, &str)]) -> Inventory {
    let fake = Fake::new();
    fake.instance("i-1", &["vol-1"]);
    fake.world.borrow_mut().instances.get_mut("i-1").unwrap().tags = tags([("Backup", "Yes")]);
    let world = fake.world.borrow();
    let mut old = tags([("Type", "Automated"), ("DeleteOn", "2026-02-05")]);
    for (key, value) in more {
        old.set(*key, *value);
    }
    let ago = |days: i64| START - SignedDuration::from_hours(24 * days);
    let snapshots = [
        snapshot("snap-0", "vol-1", ago(1), tags([("Type", "Automated"), ("DeleteOn", "2026-03-06")])),
        snapshot("snap-1", "vol-1", ago(30), old),
        snapshot("snap-2", "vol-1", ago(40), tags([("Name", "by hand")])),
    ];
    Inventory {
        instances: Listing::complete(world.instances.values().cloned().collect()),
        volumes: Listing::complete(world.volumes.values().cloned().collect()),
        snapshots: Listing::complete(snapshots.to_vec()),
        confirmed_gone: std::collections::BTreeSet::new(),
        ..Inventory::empty(
            ebskeep_core::id::Place { account: "111122223333".into(), region: "eu-west-1".into() },
            START,
        )
    }
}

fn ids(ids: &[&str]) -> Vec<SnapshotId> {
    ids.iter().map(|id| SnapshotId::new(*id)).collect()
}

fn until(date: &str) -> Hold {
    Hold { length: Length::Until(date.parse().unwrap()), reason: None }
}

fn because(hold: Hold, reason: &str) -> Hold {
    Hold { reason: Some(reason.to_owned()), ..hold }
}

const FOREVER: Hold = Hold { length: Length::Forever, reason: None };

/// The change of `snap-1`, which has these tags on top.
#[track_caller]
fn held(more: &[(&str, &str)], how: &Hold) -> Change {
    one(hold(&inventory(more), &ids(&["snap-1"]), how, &Settings::default()))
}

#[track_caller]
fn released(more: &[(&str, &str)]) -> Change {
    one(release(&inventory(more), &ids(&["snap-1"]), &Settings::default()))
}

#[track_caller]
fn one(retagging: Result<Retagging, HoldError>) -> Change {
    let [change] = retagging.unwrap().changes.try_into().unwrap();
    change
}

fn pairs(tags: &Tags) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

fn fates(change: &Change) -> (ExpireVerdict, ExpireVerdict) {
    (change.before.verdict, change.after.verdict)
}

#[test]
fn a_hold_is_written_under_its_own_spelling_and_replaces_every_other() {
    let _proof = ebskeep_proofs::proves(&["6.36", "6.38"]);
    let y27 = until("2027-01-01");
    for (there, how, set, remove, lessens) in [
        // Nothing there: only what is asked for.
        (&[][..], y27.clone(), &[("KeepUntil", "2027-01-01")][..], &[][..], false),
        (&[], FOREVER, &[("KeepForever", "Yes")], &[], false),
        (&[], because(y27.clone(), "audit"), &[("KeepReason", "audit"), ("KeepUntil", "2027-01-01")], &[], false),
        // A shorter one: longer is no loss.
        (&[("KeepUntil", "2026-06-01")], y27.clone(), &[("KeepUntil", "2027-01-01")], &[], false),
        (&[("keep-until", "2026-06-01")], y27.clone(), &[("KeepUntil", "2027-01-01")], &["keep-until"], false),
        // A longer one, and one that nobody understands, which keeps: shortened.
        (&[("KeepUntil", "2028-01-01")], y27.clone(), &[("KeepUntil", "2027-01-01")], &[], true),
        (&[("Keep_Until", "2028-01-01")], y27.clone(), &[("KeepUntil", "2027-01-01")], &["Keep_Until"], true),
        (&[("KeepUntil", "Christmas")], y27.clone(), &[("KeepUntil", "2027-01-01")], &[], true),
        // Of several the latest counts.
        (&[("KeepUntil", "2027-01-01"), ("keepuntil", "2028-01-01")], y27.clone(), &[], &["keepuntil"], true),
        // A hold until a date never takes KeepForever away.
        (&[("KEEPFOREVER", "")], y27.clone(), &[("KeepUntil", "2027-01-01")], &[], false),
        (&[("KEEPFOREVER", "")], FOREVER, &[], &[], false),
        (&[("KeepUntil", "2027-01-01")], FOREVER, &[("KeepForever", "Yes")], &[], false),
        // As it is already.
        (&[("KeepUntil", "2027-01-01")], y27.clone(), &[], &[], false),
        // A reason stays until there is another.
        (&[("keepreason", "old"), ("KeepUntil", "2027-01-01")], y27.clone(), &[], &[], false),
        (
            &[("keepreason", "old"), ("KeepUntil", "2027-01-01")],
            because(y27.clone(), "new"),
            &[("KeepReason", "new")],
            &["keepreason"],
            false,
        ),
    ] {
        let change = held(there, &how);
        assert_eq!(pairs(&change.retag.set), set, "{there:?} {how:?}");
        assert_eq!(change.retag.remove, remove, "{there:?} {how:?}");
        assert_eq!(change.lessens, lessens, "{there:?} {how:?}");
        assert_eq!(change.after.verdict, Keep, "{there:?} {how:?}");
    }
}

#[test]
fn a_release_removes_every_spelling_and_shows_what_is_left_to_keep_it() {
    let _proof = ebskeep_proofs::proves(&["6.37", "6.39"]);
    for (there, removed, lessens, fates_are) in [
        (&[][..], &[][..], false, (Delete, Delete)),
        (&[("KeepForever", "")], &["KeepForever"], true, (Keep, Delete)),
        (&[("keep_forever", "x"), ("KEEP-UNTIL", "2027-01-01")], &["keep_forever", "KEEP-UNTIL"], true, (Keep, Delete)),
        (&[("KeepUntil", "2025-01-01")], &["KeepUntil"], true, (Delete, Delete)),
        (&[("KeepReason", "why")], &["KeepReason"], false, (Delete, Delete)),
        (&[("KeepForever", ""), ("DeleteOn", "2026-12-31")], &["KeepForever"], true, (Keep, Keep)),
    ] {
        let change = released(there);
        assert_eq!(change.retag.remove, removed, "{there:?}");
        assert!(change.retag.set.is_empty(), "{there:?}");
        assert_eq!((change.lessens, fates(&change)), (lessens, fates_are), "{there:?}");
    }
    let change = released(&[("KeepForever", ""), ("DeleteOn", "2026-12-31")]);
    assert_eq!(change.after.expires_on, Some("2026-12-31".parse().unwrap()));
    assert_eq!(change.after.reasons[0].rule, "delete-on");
}

#[test]
fn what_is_not_ours_can_be_held_and_is_told_so() {
    let _proof = ebskeep_proofs::proves(&["6.40"]);
    let how = until("2027-01-01");
    let change = one(hold(&inventory(&[]), &ids(&["snap-2"]), &how, &Settings::default()));
    assert_eq!(fates(&change), (Ignore, Ignore));
    assert!(change.notes[0].contains("not ours"), "{:?}", change.notes);
    assert_eq!(pairs(&change.retag.set), [("KeepUntil", "2027-01-01")]);
}

#[test]
fn each_snapshot_named_is_there_once_and_in_order() {
    let retagging =
        hold(&inventory(&[]), &ids(&["snap-2", "snap-1", "snap-2"]), &FOREVER, &Settings::default()).unwrap();
    let named: Vec<&str> = retagging.changes.iter().map(|change| change.retag.snapshot_id.as_str()).collect();
    assert_eq!(named, ["snap-1", "snap-2"]);
    assert!(retagging.others.is_empty(), "{:?}", retagging.others);
}

#[test]
fn what_cannot_be_held_is_told_before_anything_happens() {
    let _proof = ebskeep_proofs::proves(&["6.41"]);
    let settings = Settings::default();
    let all = inventory(&[]);
    let refused = |inventory: &Inventory, named: &[&str], how: &Hold| {
        hold(inventory, &ids(named), how, &settings).unwrap_err().to_string()
    };
    let yesterday = until("2026-02-28");
    assert_eq!(refused(&all, &["snap-1"], &yesterday), "2026-02-28 is in the past: it is 2026-03-01 (UTC)");
    assert!(hold(&all, &ids(&["snap-1"]), &until("2026-03-01"), &settings).is_ok(), "today is not in the past");
    let long = because(FOREVER, &"x".repeat(257));
    assert!(refused(&all, &["snap-1"], &long).contains("has 257"));
    assert!(refused(&all, &["snap-1"], &because(FOREVER, " ")).contains("1 to 256"));
    assert_eq!(
        refused(&all, &["snap-1", "snap-8", "snap-9"], &FOREVER),
        "this account owns no snap-8, no snap-9 in eu-west-1"
    );

    let mut cut = all.clone();
    cut.snapshots.gap = Some("denied".into());
    assert!(refused(&cut, &["snap-9"], &FOREVER).contains("could not be listed to the end: denied"));
    let mut foreign = all.clone();
    foreign.snapshots.items[1].owner = "999988887777".into();
    assert!(refused(&foreign, &["snap-1"], &FOREVER).contains("snap-1 is 999988887777"));

    // 49 tags and one more are 50, and no more than that.
    let names: Vec<String> = (0..47).map(|n| format!("tag-{n}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    many.push(("aws:cloudformation:stack-id", "not counted"));
    let full = inventory(&many);
    assert!(hold(&full, &ids(&["snap-1"]), &FOREVER, &settings).is_ok());
    let said = refused(&full, &["snap-1"], &because(FOREVER, "why"));
    assert!(said.contains("snap-1 would come to 51 tags, and AWS takes 50"), "{said}");
}

#[test]
fn what_could_not_be_listed_is_told_beside_the_verdicts() {
    let mut inventory = inventory(&[("KeepForever", "")]);
    inventory.images.gap = Some("denied".into());
    let retagging = release(&inventory, &ids(&["snap-1"]), &Settings::default()).unwrap();
    assert_eq!(retagging.unseen, ["images: denied"]);
}

#[test]
fn what_is_shown_says_what_is_written_and_what_that_does() {
    let how = because(until("2027-01-01"), "audit");
    let there = [("keep-until", "2028-01-01")];
    let retagging = hold(&inventory(&there), &ids(&["snap-1", "snap-2"]), &how, &Settings::default()).unwrap();
    let style = Style { colour: false, detail: Detail::Normal };
    let expected = "\
Hold 2 snapshots for account 111122223333 in eu-west-1, 2026-03-01 00:00 UTC

snap-1  of vol-1, began 2026-01-30 00:00 UTC
  set     KeepReason=audit
  set     KeepUntil=2027-01-01
  remove  keep-until
  before  kept, and goes on 2028-01-02 (hold: KeepUntil 2028-01-01 has not
          passed everywhere on Earth)
  after   kept, and goes on 2027-01-02 (hold: KeepUntil 2027-01-01 has not
          passed everywhere on Earth)
  note    shortens its hold: keep-until=2028-01-01 is replaced

snap-2  of vol-1, began 2026-01-20 00:00 UTC
  set     KeepReason=audit
  set     KeepUntil=2027-01-01
  stays   left alone (not-ours: no tag Type=Automated)
  note    it is not ours: ebskeep never deletes it, held or not
";
    assert_eq!(retagging_text(&retagging, &style), expected);
    let retagging = release(&inventory(&there), &ids(&["snap-1"]), &Settings::default()).unwrap();
    let text = retagging_text(&retagging, &style);
    assert!(text.ends_with("\n1 snapshot would go at the next expire\n"), "{text}");
}
