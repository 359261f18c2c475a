//! Deletions that a snapshot's own record does not foresee: too many at once mean that the
//! world has changed, and wait for a person. The foreseen ones go ahead.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::overdue::Past;
use super::policy::{Read, SLOT_BEFORE_START, began, slot, span_end};
use super::world::World;
use super::{History, some_of, utc_date};
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState};
use crate::plan::{CheckResult, Job, Refuses};

/// Managed snapshots from which on the share of unforeseen deletions counts
/// (docs/semantics.md 4).
const PERCENT_COUNTS_ABOVE: usize = 20;

/// Overdue or unusual deletions that one lineage may have, whatever its size
/// (docs/semantics.md 4).
const OF_ONE_LINEAGE: usize = 3;

/// The share of one lineage's good snapshots, in percent, from which on more of them wait. A
/// larger `max-delete-percent` counts instead.
const PERCENT_OF_ONE_LINEAGE: usize = 50;

/// Why a deletion is unforeseen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It was due long ago.
    Overdue,
    /// Its slot is not what a job writes.
    Slot,
    /// Its `DeleteOn` is not what a job writes.
    Date,
    /// Its own record keeps it, or it has none.
    Record,
}

/// Holds back the unforeseen deletions where they are too many, and no others.
pub(super) fn unforeseen<'a>(world: &World<'a>, histories: &mut [History<'_, 'a>]) -> CheckResult {
    let failed = |place: &usize| world.listed.get(*place).is_some_and(|l| l.snapshot.state == SnapshotState::Error);
    let mut wrong = Vec::new();
    // What is not even listed is foreseen by nothing.
    let unlisted = world.deletions.iter().filter(|(_, place)| place.is_none());
    let mut unforeseen: Vec<&SnapshotId> = unlisted.map(|(deletion, _)| &deletion.snapshot_id).collect();
    let mut holds: BTreeSet<&SnapshotId> = BTreeSet::new();
    let share = PERCENT_OF_ONE_LINEAGE.max(world.settings.max_delete_percent);
    for History { going, all, read } in histories {
        let mut past = None;
        let mut begun: Vec<Timestamp> = world.at(all).filter(|l| l.ours).map(|l| began(l.snapshot)).collect();
        begun.sort_unstable();
        let mut waiting: Vec<(&Snapshot, Why)> = Vec::new();
        for listed in world.at(going).filter(|listed| listed.snapshot.state != SnapshotState::Error) {
            let snapshot = listed.snapshot;
            let mut overdue = || {
                snapshot.started <= world.then
                    && !past.get_or_insert_with(|| Past::new(world, all)).kept(snapshot, world)
            };
            // An unusual slot or date is reported first. It can be overdue too, which would hide the cause.
            let why = if date_is_early(snapshot, world) {
                Why::Date
            } else if slot_is_unusual(snapshot, read, &begun) {
                Why::Slot
            } else if overdue() {
                Why::Overdue
            } else if foreseen(snapshot, read, world) {
                continue;
            } else {
                Why::Record
            };
            let id = &listed.snapshot.id;
            // As often as it is to be deleted: once, unless the plan is wrong.
            unforeseen.extend(std::iter::repeat_n(id, listed.deletions));
            if why != Why::Record {
                waiting.push((snapshot, why));
            }
        }
        let good: Vec<&Snapshot> = (world.at(all).map(|listed| (listed.ours, listed.snapshot)))
            .filter_map(|(ours, snapshot)| (ours && snapshot.state == SnapshotState::Completed).then_some(snapshot))
            .collect();
        let overdue = waiting.iter().filter(|(_, why)| *why == Why::Overdue).count();
        let dated: Vec<&Snapshot> =
            waiting.iter().filter(|(_, why)| *why == Why::Date).map(|(snapshot, _)| *snapshot).collect();
        // What a script wrote on all there was does not become less when new backups come. For a slot the
        // start counts beside it, and runs that always overlap make two of each.
        let newest = dated.iter().map(|snapshot| began(snapshot)).max();
        let as_old = good.iter().filter(|snapshot| Some(began(snapshot)) <= newest).count();
        let too_many = |number: usize, of: usize| number > OF_ONE_LINEAGE && number * 100 > of * share;
        let volume = world.at(going).next().map_or("", |listed| super::origin(listed.snapshot).volume);
        let backlog = world.settings.backlog;
        if too_many(waiting.len(), good.len()) {
            wrong.push(format!(
                "{} of the {} good snapshots of {volume} would be deleted at once: {} overdue by more than {backlog}, {} \
                 with an unusual slot or DeleteOn",
                waiting.len(),
                good.len(),
                overdue,
                waiting.len() - overdue
            ));
            holds.extend(waiting.into_iter().map(|(snapshot, _)| &snapshot.id));
        } else if too_many(dated.len(), as_old) {
            wrong.push(format!(
                "{} of the {as_old} oldest good snapshots of {volume} would be deleted at once by an unusual DeleteOn",
                dated.len()
            ));
            holds.extend(dated.into_iter().map(|snapshot| &snapshot.id));
        }
    }
    let managed = world.managed();
    let (most, percent) = (world.settings.max_delete, world.settings.max_delete_percent);
    let number = unforeseen.len();
    let mut limits = Vec::new();
    if number > most {
        limits.push(format!("{number} unforeseen deletions, more than max-delete {most}"));
    }
    if managed > PERCENT_COUNTS_ABOVE && number * 100 > managed * percent {
        limits.push(format!(
            "{number} unforeseen deletions of {managed} snapshots of ours, more than max-delete-percent {percent}"
        ));
    }
    if !limits.is_empty() {
        holds.extend(unforeseen);
    }
    limits.append(&mut wrong);
    let all = world.deletions.iter().filter(|(_, place)| place.is_none_or(|place| !failed(&place))).count();
    let ok = limits.is_empty();
    let fine = || format!("{number} of {all} deletions unforeseen, of {managed} snapshots of ours");
    CheckResult {
        refuses: if ok { Refuses::All } else { Refuses::Deletions },
        holds: holds.into_iter().cloned().collect(),
        ..CheckResult::new("unforeseen-deletions", ok, Some(Job::Expire), if ok { fine() } else { some_of(&limits) })
    }
}

/// Whether a slot is unreadable or after the start, another good snapshot's too, or long before
/// the start although another one began in between. Nothing is in between where a backup was
/// caught up, or is taken late every week. `begun` are the starts of the lineage, oldest first.
fn slot_is_unusual(snapshot: &Snapshot, read: &Read<'_>, begun: &[Timestamp]) -> bool {
    if snapshot.tags.get("ebskeep:slot").is_none() {
        return false;
    }
    slot(snapshot).is_none_or(|slot| {
        let start = began(snapshot);
        let far = start.as_second() - slot.as_second() > SLOT_BEFORE_START;
        let first_after = begun.get(begun.partition_point(|other| *other <= slot));
        (far && first_after.is_some_and(|other| *other < start)) || read.shared_slots.contains(&slot)
    })
}

/// Whether `DeleteOn` is all that is recorded and lies before the date that the default
/// retention gives: somebody else wrote it.
fn date_is_early(snapshot: &Snapshot, world: &World<'_>) -> bool {
    let tag = |key| snapshot.tags.get(key);
    if tag("ebskeep:slot").is_none() || tag("ebskeep:retention").is_some() {
        return false;
    }
    let Some(date) = tag("DeleteOn").and_then(|text| text.trim().parse::<Date>().ok()) else { return false };
    let end = span_end(world.default_retention, "UTC", began(snapshot), world.settings);
    // An age without hours was written as its date.
    let whole_days = !world.default_retention.contains(['=', 'h']);
    end.is_none_or(|end| {
        if whole_days { date < utc_date(end) } else { Past::start_of(date).is_none_or(|begins| begins < end) }
    })
}

/// Whether a snapshot has a slot and its own record, `DeleteOn` and
/// `ebskeep:retention`, keeps it no longer. What is recorded as forever or as
/// nothing readable is never foreseen to go.
fn foreseen<'a>(snapshot: &'a Snapshot, read: &mut Read<'a>, world: &World<'_>) -> bool {
    let tag = |key| snapshot.tags.get(key);
    let now: Timestamp = world.plan.now;
    let date = tag("DeleteOn").map(|text| text.trim().parse::<Date>().is_ok_and(|date| date <= utc_date(now)));
    let record = tag("ebskeep:retention").map(|text| {
        let zone = tag("ebskeep:tz").unwrap_or_default();
        let gone = tag("Source_SnapshotId").is_some() || world.inventory.confirmed_gone.contains(&snapshot.volume);
        let ended = gone && read.span_is_over(text, zone, now, world.settings);
        ended || !read.keeps(text, zone, snapshot, now, world.settings)
    });
    let says = date.is_some() || record.is_some();
    tag("ebskeep:slot").is_some() && says && date != Some(false) && record != Some(false)
}
