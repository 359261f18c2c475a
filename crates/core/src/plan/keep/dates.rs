//! R1 to R3: what tags on the snapshot, and `KeepForever` on what it came from,
//! keep.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::{Facts, Judgement, Until};
use crate::age::Age;
use crate::calendar;
use crate::config::Scope;
use crate::inventory::SnapshotState;
use crate::lineage::{Managed, SourceVolume};
use crate::tags;

/// R1: `KeepForever`, on it or on its live volume or instance. The latter is about
/// backups, and a failed snapshot is none: kept for good, three of them would end the
/// volume's backups, which is what nobody who tags it wants.
pub(super) fn keep_forever(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if is_failed_copy(facts) {
        return out.silent("keep-forever", || FAILED_COPY.into());
    }
    let failed = facts.managed.snapshot.state == SnapshotState::Error;
    match &facts.lineage.live_keep_forever {
        _ if facts.managed.bears.keep_forever => out.keeps("keep-forever", Until::Open, "KeepForever on it"),
        Some(on) if failed => {
            out.silent("keep-forever", || format_smolstr!("KeepForever on {on} keeps no failed snapshot"));
        }
        Some(on) => out.keeps("keep-forever", Until::Open, format_smolstr!("KeepForever on {on}")),
        None => out.silent("keep-forever", || "no KeepForever on it, or on its volume or instance".into()),
    }
}

const FAILED_COPY: &str = "it is a failed copy, and what holds its source holds no such";

/// Whether it is a copy that failed. Copies are born with the holds of their source, so on
/// a failed one they say nothing about it; and of what is held for good, three more would
/// stay each day.
fn is_failed_copy(facts: &Facts<'_>) -> bool {
    facts.managed.key.copies && facts.managed.snapshot.state == SnapshotState::Error
}

/// The live volume or instance that bears `KeepForever`, if one does.
pub(in crate::plan) fn live_keep_forever(volume: SourceVolume<'_>, scopes: &[Scope<'_>]) -> Option<SmolStr> {
    if let SourceVolume::Exists(volume) = volume
        && volume.tags.loose(tags::KEEP_FOREVER).next().is_some()
    {
        return Some(SmolStr::new(volume.id.as_str()));
    }
    let mut instances = scopes.iter().filter_map(|scope| scope.instance);
    instances
        .find(|instance| instance.tags.loose(tags::KEEP_FOREVER).next().is_some())
        .map(|instance| SmolStr::new(instance.id.as_str()))
}

/// The latest readable date under a key, loosely matched.
fn latest_date(managed: &Managed<'_>, key: &str) -> Option<Date> {
    managed.snapshot.tags.loose(key).filter_map(|(_, value)| value.trim().parse().ok()).max()
}

/// The start of its `DeleteOn`, the latest of several, if one can be read.
pub(in crate::plan) fn dated_end(managed: &Managed<'_>) -> Option<Timestamp> {
    latest_date(managed, tags::DELETE_ON).map(|date| calendar::start_of_day(date, &TimeZone::UTC))
}

/// R2: `KeepUntil` not passed; the latest of several; unparsable keeps.
pub(super) fn hold(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if is_failed_copy(facts) {
        return out.silent("hold", || FAILED_COPY.into());
    }
    if !facts.managed.bears.keep_until {
        return out.silent("hold", || "no KeepUntil on it".into());
    }
    unreadable(facts, tags::KEEP_UNTIL, "hold", out);
    if let Some(date) = latest_date(facts.managed, tags::KEEP_UNTIL) {
        // Noon UTC of the next day is the end of that day everywhere on Earth.
        let end = calendar::instant(date.saturating_add(1.day()).at(12, 0, 0, 0), &TimeZone::UTC);
        let (keeps, over) = (
            || format_smolstr!("KeepUntil {date} has not passed everywhere on Earth"),
            || format_smolstr!("KeepUntil {date} has passed"),
        );
        out.until("hold", end, keeps, over);
    }
}

/// R3: `DeleteOn` after today's UTC date; the latest of several; unparsable
/// keeps; removed by hand, where the record says a whole-day age, keeps.
pub(super) fn delete_on(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if delete_on_removed(facts.managed) {
        return out.keeps("delete-on", Until::Open, "its DeleteOn was removed by hand, which keeps");
    }
    if !facts.managed.bears.delete_on {
        return out.silent("delete-on", || "no DeleteOn on it".into());
    }
    unreadable(facts, tags::DELETE_ON, "delete-on", out);
    if let (Some(date), Some(end)) = (latest_date(facts.managed, tags::DELETE_ON), dated_end(facts.managed)) {
        let (keeps, over) =
            (|| format_smolstr!("DeleteOn {date} has not come"), || format_smolstr!("DeleteOn {date} has come"));
        out.until("delete-on", end, keeps, over);
    }
}

/// A date that nobody can read keeps.
fn unreadable(facts: &Facts<'_>, key: &'static str, rule: &'static str, out: &mut Judgement<'_>) {
    for (_, value) in facts.managed.snapshot.tags.loose(key) {
        if value.trim().parse::<Date>().is_err() {
            out.keeps(rule, Until::Open, format_smolstr!("{key}={value} is no date, which keeps"));
        }
    }
}

/// Whether a `DeleteOn` that we wrote is missing: the record says an age in
/// whole days, with which one is always written.
pub(in crate::plan) fn delete_on_removed(managed: &Managed<'_>) -> bool {
    // No need to read a whole policy: what is no age has no days.
    let whole_days = |text| Age::parse_record(text).is_ok_and(Age::is_whole_days);
    managed.is_own() && !managed.bears.delete_on && managed.recorded_retention().is_some_and(whole_days)
}
