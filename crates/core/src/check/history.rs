//! The second opinion on what the rest of its history keeps a snapshot for: `KeepForever` on
//! what is live, a volume that was found deleted a short while ago, and policies that were
//! recorded lately.
//!
//! Reads raw tags, by rules of its own.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::policy::{Bare, began, span};
use super::world::{Listed, World};
use super::{folded, loosely};
use crate::age::Age;
use crate::inventory::{Snapshot, SnapshotState, Volume};
use crate::job::Grace;

/// Why what is to be deleted stays for the sake of its history, by its place among what is
/// listed.
pub(super) fn stays<'a>(
    world: &World<'a>,
    histories: &mut [super::History<'_, 'a>],
    grace: Grace,
) -> BTreeMap<usize, Vec<&'static str>> {
    let mut stays: BTreeMap<usize, Vec<&'static str>> = BTreeMap::new();
    for super::History { going, all: places, read } in histories {
        let ours: Vec<&Snapshot> = world.at(places).filter(|l| l.ours).map(|listed| listed.snapshot).collect();
        let history = Tags::new(&ours, world);
        // What a policy would let go once its grace is over is asked as though it were.
        let records = if grace == Grace::Over { Vec::new() } else { history.records_that_keep(world) };
        let good = |listed: &&Listed<'_>| listed.ours && listed.snapshot.state == SnapshotState::Completed;
        let all_go = world.at(places).filter(good).all(|listed| listed.deletions > 0);
        let held = history.newest.and_then(|newest| world.live_volume(newest)).is_some_and(|volume| {
            let instances = world.instances_of(&volume.id);
            std::iter::once(&volume.tags).chain(instances).any(|tags| loosely(tags, "KeepForever").is_some())
        });
        let (deleted_lately, endless) = (history.deleted_lately(world), history.copies && history.ends.is_none());
        for place in going.iter() {
            let Some(listed) = world.listed.get(*place).filter(|l| l.snapshot.state != SnapshotState::Error) else {
                continue;
            };
            let mut why = Vec::new();
            if held {
                why.push("KeepForever stands on its volume or instance");
            }
            if deleted_lately {
                why.push("its volume is not listed, and was not found deleted long enough ago");
            }
            if endless && all_go {
                why.push("all good copies of its volume would go, and no mark says that the volume is deleted");
            }
            let mut keeps = |(text, zone): &(&'a str, &'a str)| {
                let over = history.ends.is_some() && read.span_is_over(text, zone, world.plan.now, world.settings);
                !over && read.keeps(text, zone, listed.snapshot, world.plan.now, world.settings)
            };
            if records.iter().any(&mut keeps) {
                why.push("a retention that was in force a short while ago keeps it");
            }
            if !why.is_empty() {
                stays.insert(*place, why);
            }
        }
    }
    stays
}

/// What the tags of the snapshots of one volume say together.
struct Tags<'a> {
    /// What bears a record, by when it began, newest first.
    records: Vec<(Timestamp, Record<'a>)>,
    /// The good snapshot that began last.
    newest: Option<&'a Snapshot>,
    /// Whether they are copies.
    copies: bool,
    /// Whether the volume is listed and not on its way out.
    live: bool,
    /// Whether no live tag says a retention.
    by_record: bool,
    /// When the volume was found deleted, if a mark says so that can be believed.
    ends: Option<Timestamp>,
}

/// A policy as it is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Record<'a> {
    text: &'a str,
    zone: &'a str,
    /// Whether it is the default of its time, which has the shorter grace.
    default: bool,
}

impl<'a> Tags<'a> {
    fn new(ours: &[&'a Snapshot], world: &World<'a>) -> Self {
        let copies = ours.first().is_some_and(|snapshot| snapshot.tags.get("Source_SnapshotId").is_some());
        let good = ours.iter().copied().filter(|snapshot| snapshot.state == SnapshotState::Completed);
        let newest = good.max_by_key(|snapshot| (began(snapshot), &snapshot.id));
        let by_record =
            newest.and_then(|newest| world.live_volume(newest)).map_or(copies, |volume| by_record(volume, world));
        let mut records: Vec<(Timestamp, Record<'a>)> = Vec::new();
        // In front of what is recorded: a mark is about the time after its snapshot began.
        for snapshot in ours.iter().filter(|_| !copies) {
            let is_newest = newest.is_some_and(|newest| newest.id == snapshot.id);
            records.extend(marked(snapshot, is_newest && !by_record, world));
        }
        records.extend(ours.iter().filter_map(|s| Some((began(s), record(s)?))));
        records.sort_by(|(one, _), (other, _)| other.cmp(one));
        let live = !copies && ours.first().is_some_and(|s| world.live_volumes.contains_key(&s.volume));
        let last = ours.iter().map(|snapshot| began(snapshot)).max();
        let key = if copies { "ebskeep:source-gone" } else { "ebskeep:gone" };
        let marks = ours.iter().filter_map(|snapshot| {
            let (at, volume) = snapshot.tags.get(key)?.split_once(' ')?;
            let its = if copies { snapshot.tags.get("ebskeep:volume")? } else { snapshot.volume.as_str() };
            at.parse::<Timestamp>().ok().filter(|_| volume == its)
        });
        let believed = marks.filter(|at| Some(*at) >= last && *at <= world.plan.now).max();
        let gone = copies || ours.first().is_some_and(|s| world.inventory.confirmed_gone.contains(&s.volume));
        Self { records, newest, copies, live, by_record, ends: believed.filter(|_| gone && !live) }
    }

    /// Whether a volume that is not there was not found deleted `policy-grace` ago.
    fn deleted_lately(&self, world: &World<'_>) -> bool {
        let grace = Length::of(world.settings.policy_grace);
        let over = |at: Timestamp| grace.after(at) <= world.plan.now;
        !self.copies && !self.live && !self.ends.is_some_and(over)
    }

    /// The policies that still keep, with the names of their zones: those recorded within
    /// the grace, and the last one before it.
    fn records_that_keep(&self, world: &World<'a>) -> Vec<(&'a str, &'a str)> {
        let now = world.plan.now;
        let (short, long) = (Length::of(world.settings.policy_grace), Length::of(world.settings.orphan_grace));
        // Whichever is set longer: a record without a tag has no less grace than one with it.
        let long = if long.after(now) > short.after(now) { long } else { short };
        let (as_of, lately) = match self.ends {
            // Of what is deleted for good: what was in force before the newest one, for as long
            // after the mark.
            Some(mark) if !self.copies => {
                if long.after(mark) <= now {
                    return Vec::new();
                }
                (self.newest.map_or(now, began), long)
            }
            _ => (now, if self.by_record { long } else { short }),
        };
        let mut keep = Vec::new();
        // The oldest newer record with another policy. It is carried along, because a search for each
        // record takes quadratic time where a thousand snapshots have one policy.
        let mut next = None;
        let mut after: Option<&(Timestamp, Record<'_>)> = None;
        for current @ (began, record) in &self.records {
            if after.is_some_and(|(_, other)| other != record) {
                next = after;
            }
            after = Some(current);
            let plain = record.default || record.text.starts_with("conflict") || record.text.contains(" | ");
            let window = if plain && self.ends.is_none() { short } else { lately };
            let within = window.after(*began) > as_of;
            let last_before = next.is_none_or(|(next, _)| window.after(*next) > as_of);
            let uncorrected = || self.ends.is_none() && self.is_uncorrected(record.text, world);
            if (within || last_before || uncorrected()) && !record.text.is_empty() {
                keep.push((record.text, record.zone));
            }
        }
        keep.dedup();
        keep
    }

    /// Whether what is recorded is a contradiction of a key that nothing live bears any more.
    fn is_uncorrected(&self, text: &str, world: &World<'a>) -> bool {
        let Some((key, _)) = text.strip_prefix("conflict ").and_then(|rest| rest.split_once(": ")) else {
            return false;
        };
        self.newest.and_then(|newest| world.live_volume(newest)).is_some_and(|volume| {
            let instances = world.instances_of(&volume.id);
            !std::iter::once(&volume.tags).chain(instances).any(|tags| loosely(tags, key).is_some())
        })
    }
}

/// Whether no live tag says a retention, so that a record is what governs.
fn by_record(volume: &Volume, world: &World<'_>) -> bool {
    let key = &world.settings.keys.retention;
    let instances = world.instances_of(&volume.id);
    let silent = |tags: &&crate::tags::Tags| loosely(tags, key).is_none();
    silent(&&volume.tags) && (instances.is_empty() || instances.iter().any(silent))
}

/// What the mark `ebskeep:policy-since` of a snapshot says was in force, and when: the policies
/// it names when they were seen first and last, and those before them until then. `renewed` says
/// whether it counts only while it is renewed. One that was not says nothing of the time since.
fn marked<'a>(
    snapshot: &'a Snapshot,
    renewed: bool,
    world: &World<'_>,
) -> impl Iterator<Item = (Timestamp, Record<'a>)> + use<'a> {
    let now = world.plan.now;
    let grace = Length::of(world.settings.policy_grace);
    let mark = snapshot.tags.get("ebskeep:policy-since").and_then(|text| {
        let (times, of) = text.split_once(' ')?;
        let (first, last) = times.split_once('/')?;
        let (first, last) = (first.parse::<Timestamp>().ok()?, last.parse::<Timestamp>().ok()?);
        let policies = of.strip_prefix(snapshot.volume.as_str())?.strip_prefix(' ')?;
        let in_order = snapshot.started <= first && first <= last && last <= now;
        let first = if renewed && grace.after(last) <= now { now } else { first };
        in_order.then_some((first, last.max(first), policies))
    });
    mark.into_iter().flat_map(|(first, last, policies)| {
        let (named, before) = policies.split_once(" was ").unwrap_or((policies, ""));
        let each = |list: &'a str, at: Timestamp| list.split(" + ").filter_map(move |one| Some((at, in_mark(one)?)));
        each(named, last).chain(each(named, first)).chain(each(before, first))
    })
}

/// A policy as a mark names it: `daily=7 Europe/Paris`, `default 7d UTC`.
fn in_mark(text: &str) -> Option<Record<'_>> {
    let (text, zone) = text.rsplit_once(' ')?;
    let default = text.strip_prefix("default ");
    Some(Record { text: default.unwrap_or(text), zone, default: default.is_some() })
}

/// The policy that a snapshot records; where it has no other, the default of its time.
fn record(snapshot: &Snapshot) -> Option<Record<'_>> {
    let tag = |key| snapshot.tags.get(key);
    let zone = tag("ebskeep:tz").unwrap_or_default();
    if let Some(text) = tag("ebskeep:retention") {
        return (text != "unset").then_some(Record { text, zone, default: false });
    }
    let dated = snapshot.tags.iter().any(|(key, _)| folded(key).eq("deleteon".chars()));
    // Before the default was recorded it was the one of now, which is not asked for here.
    let own = tag("ebskeep:slot").or(tag("Source_SnapshotId")).is_some();
    let text = tag("ebskeep:default").or(own.then_some("")).filter(|_| !dated)?;
    Some(Record { text, zone, default: true })
}

/// A grace as a span of the calendar, parsed once. Empty if no calendar is that long.
#[derive(Clone, Copy)]
struct Length(Option<Span>);

impl Length {
    fn of(grace: Age) -> Self {
        Self(span(&grace.short().to_string(), Bare::Days))
    }

    /// The instant that is this much later, in UTC, or the end of time if no calendar has it.
    fn after(self, at: Timestamp) -> Timestamp {
        let end = self.0.and_then(|span| at.to_zoned(TimeZone::UTC).checked_add(span).ok());
        end.map_or(Timestamp::MAX, |end| end.timestamp())
    }
}
