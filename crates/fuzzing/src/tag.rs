//! The value of a tag, on an instance, a volume or a snapshot.

use ebskeep_core::calendar;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::plan::{Action, CreateVerdict, Plan};
use ebskeep_core::retention::Policy;
use ebskeep_core::schedule::{Backup, Schedule};
use ebskeep_core::setting::Settings;
use ebskeep_core::watch::{Instead, Look, watch};

use crate::scene::{AGES, VOLUME, deleted, has_problem, id, plan_of, world};

/// A letter, and what must hold where the text is the value of its tag.
type Place = (u8, fn(&str));

/// Where the text stands, by the first byte of the input.
const PLACES: [Place; 12] = [
    (b'B', backup),
    (b'R', retention),
    (b'Z', zone),
    (b'S', skip),
    (b'C', copy_dest),
    (b'c', copy_retention),
    (b'D', delete_on),
    (b'U', keep_until),
    (b'F', keep_forever),
    (b'r', recorded),
    (b's', slot),
    (b'n', name),
];

/// Takes a letter that says which tag it is, and its value.
///
/// # Panics
///
/// If a promise about it is broken.
pub fn tag(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let text: String = String::from_utf8_lossy(text).chars().take(256).collect();
    grammar(&text);
    let named = PLACES.iter().find(|(letter, _)| letter == which);
    let (_, place) = named.unwrap_or(&PLACES[usize::from(*which) % PLACES.len()]);
    place(&text);
}

/// A schedule that was understood says the same when it is written out and read
/// again.
fn grammar(text: &str) {
    if let Ok(schedule) = Schedule::parse(text) {
        let written = schedule.to_string();
        assert_eq!(Schedule::parse(&written), Ok(schedule), "{text:?} is written {written:?}");
    }
}

/// The plan with this tag on the instance, and the one with it on the volume.
fn on_both(key: &str, text: &str) -> [Plan; 2] {
    let (mut instance, mut volume) = (world(), world());
    instance.instances.items[0].tags.set(key, text);
    volume.volumes.items[0].tags.set(key, text);
    for inventory in [&instance, &volume] {
        suggested(inventory);
    }
    [plan_of(&instance), plan_of(&volume)]
}

/// What `watch` tells somebody to write is understood.
fn suggested(inventory: &Inventory) {
    for entry in watch(inventory, &Settings::default(), &Look::ALL).entries {
        let Some(Instead { key, value: Some(value) }) = &entry.instead else { continue };
        let understood = match key.as_str() {
            "Backup" => Backup::parse(value).is_ok(),
            "Retention" | "Copy_Retention" => Policy::parse(value).is_ok(),
            "Backup_TimeZone" => calendar::zone(value).is_some(),
            _ => true,
        };
        assert!(understood, "{entry:?}");
    }
}

/// The plan with this tag on the old snapshots.
fn on_old(key: &str, text: &str) -> Plan {
    let mut inventory = world();
    for snapshot in inventory.snapshots.items.iter_mut().skip(2) {
        snapshot.tags.set(key, text);
    }
    plan_of(&inventory)
}

/// The plan with no policy on anything live, and this recorded on the newest.
fn on_record(text: &str) -> Plan {
    let mut inventory = world();
    inventory.instances.items[0].tags.remove("Retention");
    inventory.snapshots.items[0].tags.set("ebskeep:retention", text);
    plan_of(&inventory)
}

fn verdict(plan: &Plan) -> CreateVerdict {
    plan.volumes.iter().find(|volume| volume.volume_id.as_str() == VOLUME).unwrap().verdict
}

fn excluded(plan: &Plan) -> bool {
    let volume = plan.volumes.iter().find(|volume| volume.volume_id.as_str() == VOLUME).unwrap();
    volume.reasons.iter().any(|reason| reason.rule == "excluded")
}

fn nothing_goes(plan: &Plan, why: &str) {
    assert_eq!(deleted(plan), Vec::<&_>::new(), "{why}");
}

fn backup(text: &str) {
    let says_no = ["no", "false", "off", "0", "disabled"].contains(&text.trim().to_lowercase().as_str());
    for plan in on_both("Backup", text) {
        assert_eq!(excluded(&plan), says_no, "{text:?}");
        if Backup::parse(text).is_err() {
            assert_eq!(verdict(&plan), CreateVerdict::Create, "{text:?} is not understood, and backed up");
            assert!(has_problem(&plan, "bad-backup"), "{text:?}");
        }
    }
}

fn retention(text: &str) {
    let understood = Policy::parse(text);
    for plan in on_both("Retention", text) {
        assert_eq!(has_problem(&plan, "bad-retention"), understood.is_err(), "{text:?}");
        if understood.is_err() {
            nothing_goes(&plan, &format!("Retention={text:?} is not understood"));
        }
        for action in &plan.actions {
            let Action::CreateSnapshot(new) = action else { continue };
            // What is recorded is what was tagged, or keeps as that does.
            let record = Policy::parse_record(new.tags.get("ebskeep:retention").unwrap());
            assert_eq!(record.ok(), understood.clone().ok(), "{text:?}");
            let dated = new.tags.get("DeleteOn").is_some();
            let whole_days = understood.as_ref().is_ok_and(|policy| policy.whole_days().is_some());
            assert_eq!(dated, whole_days, "{text:?} and DeleteOn");
        }
    }
}

fn zone(text: &str) {
    let as_utc = plan_of(&world());
    for plan in on_both("Backup_TimeZone", text) {
        if calendar::zone(text.trim()).is_none() {
            assert!(has_problem(&plan, "bad-time-zone"), "{text:?}");
            assert_eq!(plan.volumes, as_utc.volumes, "{text:?} schedules as the default zone");
        }
    }
}

fn skip(text: &str) {
    let [instance, volume] = on_both("Skip_Backup_Volumes", text);
    let is_it = |entry: &str| entry.eq_ignore_ascii_case(VOLUME) || entry.eq_ignore_ascii_case("/dev/xvda");
    let named = text.split(|c: char| c.is_whitespace() || c == ',').any(is_it);
    assert_eq!(excluded(&instance), named, "{text:?}");
    assert!(!excluded(&volume), "the key is an instance's");
}

/// What is said of copies changes nothing about what is here.
fn copies(key: &str, text: &str) -> [Plan; 2] {
    let without = plan_of(&world());
    let plans = on_both(key, text);
    for plan in &plans {
        assert_eq!((&plan.volumes, &plan.snapshots), (&without.volumes, &without.snapshots), "{text:?}");
    }
    plans
}

fn copy_dest(text: &str) {
    copies("Copy_Dest", text);
}

fn copy_retention(text: &str) {
    for plan in copies("Copy_Retention", text) {
        assert_eq!(has_problem(&plan, "bad-copy-retention"), Policy::parse(text).is_err(), "{text:?}");
    }
}

/// A date as the original wrote it, whatever else is taken for one.
fn like_a_date(text: &str) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= 8
}

fn delete_on(text: &str) {
    let plan = on_old("DeleteOn", text);
    if !like_a_date(text) {
        nothing_goes(&plan, &format!("DeleteOn={text:?} is no date"));
        assert!(has_problem(&plan, "bad-delete-on"), "{text:?}");
    }
}

fn keep_until(text: &str) {
    let plan = on_old("KeepUntil", text);
    if !like_a_date(text) {
        nothing_goes(&plan, &format!("KeepUntil={text:?} is no date"));
        assert!(has_problem(&plan, "bad-keep-until"), "{text:?}");
    }
}

fn keep_forever(text: &str) {
    nothing_goes(&on_old("KeepForever", text), &format!("KeepForever={text:?}"));
    nothing_goes(&on_both("KeepForever", text)[0], &format!("KeepForever={text:?} on the instance"));
}

fn recorded(text: &str) {
    let plan = on_record(text);
    // Which stands for a record that was never written, so the one before it counts.
    let stand_in = text == "unset";
    if !stand_in && Policy::parse_record(text).is_err() {
        nothing_goes(&plan, &format!("ebskeep:retention={text:?} is not understood"));
    }
}

/// A slot that says nothing, or anything, costs no other snapshot anything: what
/// goes is what goes in any case.
fn slot(text: &str) {
    let plan = on_old("ebskeep:slot", text);
    let old: Vec<_> = AGES[2..].iter().map(|days| id(*days)).collect();
    assert!(deleted(&plan).iter().all(|gone| old.contains(gone)), "{text:?}");
}

/// Any text as a name, which gets into tags, descriptions and what is shown.
fn name(text: &str) {
    for plan in on_both("Name", text) {
        assert_eq!(verdict(&plan), CreateVerdict::Create, "{text:?}");
    }
}
