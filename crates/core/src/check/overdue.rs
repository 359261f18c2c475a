//! The second opinion on a backlog: whether a deletion was due already some time ago, asked
//! of the snapshots that had begun by then, with today's tags and volumes
//! (docs/semantics.md 4). Nothing here is the deciders'.
//!
//! What kept a snapshot then and is not asked: that a copy of it was wanted (R6), that
//! backups failed (R7), and the mark of a deletion (R9). So what these kept for long is
//! overdue once they stop.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::policy::{Read, began, moved, span_end};
use super::world::World;
use super::{live, stays, utc_date};
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState};

/// Seconds for which an archived snapshot stays: 90 days.
const ARCHIVED: i64 = 90 * 86_400;
/// Seconds for which a good copy stays after it was made: 48 hours.
const FRESH_COPY: i64 = 48 * 60 * 60;

/// A policy as text, and the zone that it counts in.
type Text<'a> = (&'a str, &'a str);

/// One history as it was some time ago.
pub(super) struct Past<'a> {
    /// That instant.
    then: Timestamp,
    /// What had begun by then.
    read: Read<'a>,
    /// Policies that governed, with today's tags.
    governing: Vec<Text<'a>>,
    /// The default, where it governs what has no `DeleteOn`.
    default: Option<Text<'a>>,
    /// Policies in their grace.
    grace: BTreeSet<Text<'a>>,
    /// The newest good ones that stayed whatever their policy.
    newest: BTreeSet<&'a SnapshotId>,
    /// Until when rules, and what keeps the newest, counted: where the volume is gone or
    /// elsewhere, and they have an end.
    end: Option<Timestamp>,
    /// Until when nothing of the lineage could go, since its volume had just been deleted.
    just_gone: Option<Timestamp>,
}

impl<'a> Past<'a> {
    /// A history as it was as long ago as the setting `backlog` says.
    pub(super) fn new(world: &World<'a>, places: &[usize]) -> Self {
        let (settings, then) = (world.settings, world.then);
        let listed = world.at(places).filter(|listed| listed.ours).map(|listed| listed.snapshot);
        let begun: Vec<&'a Snapshot> = listed.filter(|snapshot| snapshot.started <= then).collect();
        let mut past = Self {
            then,
            read: Read::as_of(then, begun.iter().copied()),
            governing: Vec::new(),
            default: None,
            grace: BTreeSet::new(),
            newest: BTreeSet::new(),
            end: None,
            just_gone: None,
        };
        // Newest first.
        let mut begun = begun;
        let time = |snapshot: &Snapshot| super::policy::slot(snapshot).unwrap_or_else(|| began(snapshot));
        begun.sort_by_cached_key(|snapshot| std::cmp::Reverse((time(snapshot), began(snapshot), &snapshot.id)));
        let newest = past.read.good.iter().rev().take(settings.minimum);
        past.newest = newest.map(|backup| &backup.snapshot.id).collect();
        let Some(first) = begun.first().copied() else { return past };
        past.govern(&begun, world);
        past.grace = in_grace(&begun, then, world);
        if first.tags.get("Source_SnapshotId").is_some() || world.inventory.confirmed_gone.contains(&first.volume) {
            past.end_with_its_volume(&begun, world);
        }
        past
    }

    /// Which policies governed: those of live tags, else the newest record, else the default.
    fn govern(&mut self, begun: &[&'a Snapshot], world: &World<'a>) {
        let volume = begun.iter().find_map(|snapshot| world.live_volume(snapshot));
        let live = volume.map(|volume| live(world, volume)).unwrap_or_default();
        let said = live.iter().filter_map(|one| Some((one.text?, one.zone.unwrap_or_default())));
        self.governing.extend(said);
        if live.is_empty() || live.iter().any(|one| one.text.is_none()) {
            if let Some(record) = begun.iter().find_map(|snapshot| record(snapshot)) {
                self.governing.push(record);
            } else {
                let of_live = live.iter().filter(|one| one.text.is_none()).find_map(|one| one.zone);
                let zone = of_live.or_else(|| begun.iter().find_map(|snapshot| snapshot.tags.get("ebskeep:tz")));
                self.default = Some((world.default_retention, zone.unwrap_or_default()));
            }
        }
    }

    /// Nothing newer comes where the volume is gone or elsewhere: the end of the history.
    fn end_with_its_volume(&mut self, begun: &[&'a Snapshot], world: &World<'a>) {
        let settings = world.settings;
        let mark = mark(begun, world);
        self.just_gone = mark.and_then(|at| moved(at, settings.policy_grace, 1));
        let Some(newest) = self.read.good.last().map(|backup| backup.snapshot) else { return };
        let date = newest.tags.get("DeleteOn").and_then(|text| text.trim().parse::<Date>().ok());
        let dated = date.and_then(Self::start_of);
        let default = self.default.filter(|_| dated.is_none());
        let spans: Option<Vec<Timestamp>> = (self.governing.iter().chain(default.iter()))
            .map(|(text, zone)| span_end(text, zone, began(newest), settings))
            .collect();
        let longest = spans.map(|spans| spans.into_iter().chain(dated).chain(mark).max().unwrap_or(began(newest)));
        let end = longest.and_then(|end| moved(end.max(began(newest)), settings.orphan_grace, 1));
        self.end = Some(end.unwrap_or(Timestamp::MAX));
    }

    /// Whether anything that is asked kept a snapshot that had begun by then.
    pub(super) fn kept(&mut self, snapshot: &'a Snapshot, world: &World<'a>) -> bool {
        let (then, settings) = (self.then, world.settings);
        let second = then.as_second();
        if self.just_gone.is_some_and(|end| end > then) {
            return true;
        }
        // Holds, dates, and tags that were never written.
        if !stays(snapshot, utc_date(then), then).is_empty() {
            return true;
        }
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        if copy && snapshot.started.as_second() + FRESH_COPY > second {
            return true;
        }
        let locks = world.lock_ends.get(&snapshot.id);
        let tier = world.tiers.get(&snapshot.id);
        let archived = tier.and_then(|tier| tier.archived_at).is_some_and(|at| at.as_second() + ARCHIVED > second);
        if locks.is_some_and(|end| *end > then) || archived {
            return true;
        }
        let over = self.end.is_some_and(|end| end <= then);
        if self.newest.contains(&snapshot.id) && !over {
            return true;
        }
        let dated = snapshot.tags.get("DeleteOn").is_some();
        let default = self.default.filter(|_| !dated);
        let all: Vec<Text<'a>> =
            self.governing.iter().copied().chain(default).chain(self.grace.iter().copied()).collect();
        all.into_iter().any(|(text, zone)| {
            // Rules end with the history; an age ends by itself.
            (!over || !text.contains('=')) && self.read.keeps_at(text, zone, snapshot, then, settings)
        })
    }

    /// The beginning of a date of UTC.
    pub(super) fn start_of(date: Date) -> Option<Timestamp> {
        date.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp())
    }
}

/// What a snapshot records of its policy.
fn record(snapshot: &Snapshot) -> Option<Text<'_>> {
    let text = snapshot.tags.get("ebskeep:retention").filter(|text| *text != "unset")?;
    Some((text, snapshot.tags.get("ebskeep:tz").unwrap_or_default()))
}

/// Policies in their grace at `then`: those recorded on snapshots begun within it, and the last
/// one before. `begun` is newest first.
fn in_grace<'a>(begun: &[&'a Snapshot], then: Timestamp, world: &World<'a>) -> BTreeSet<Text<'a>> {
    let settings = world.settings;
    // Taken without a record and without a date it was taken under the default.
    let under = |snapshot: &'a Snapshot| {
        let undated = snapshot.tags.get("ebskeep:slot").is_some() && snapshot.tags.get("DeleteOn").is_none();
        let unset = snapshot.tags.get("ebskeep:retention").is_some();
        let default = || (world.default_retention, snapshot.tags.get("ebskeep:tz").unwrap_or_default());
        record(snapshot).or_else(|| (undated && !unset).then(default))
    };
    let since = moved(then, settings.policy_grace, -1).unwrap_or(Timestamp::MIN);
    let lately = |snapshot: &&&Snapshot| began(snapshot) > since;
    let within = begun.iter().filter(lately).filter_map(|snapshot| under(snapshot));
    let before = begun.iter().filter(|snapshot| !lately(snapshot)).find_map(|snapshot| under(snapshot));
    let mut grace: BTreeSet<Text<'a>> = within.chain(before).collect();
    // What a mark says is in its grace still, whatever was recorded when.
    let since = begun.iter().find_map(|snapshot| {
        let text = snapshot.tags.get("ebskeep:policy-since")?;
        let (times, of) = text.split_once(' ')?;
        let first = times.split('/').next()?.parse::<Timestamp>().ok()?;
        Some((first, of.strip_prefix(snapshot.volume.as_str())?.strip_prefix(' ')?))
    });
    if let Some((_, policies)) = since {
        let each = policies.split(" was ").flat_map(|list| list.split(" + ")).filter_map(|one| one.rsplit_once(' '));
        grace.extend(each.map(|(text, zone)| (text.strip_prefix("default ").unwrap_or(text), zone)));
    }
    let gone = mark(begun, world);
    let marked = since.and_then(|(first, _)| moved(first, settings.policy_grace, 1)).is_some_and(|end| end > then);
    if marked || gone.is_some() {
        grace.extend(begun.iter().filter_map(|snapshot| under(snapshot)));
    }
    grace
}

/// Since when the volume of a history is known to be gone, by the latest mark on its good
/// snapshots that names it.
fn mark(begun: &[&Snapshot], world: &World<'_>) -> Option<Timestamp> {
    let good = begun.iter().filter(|snapshot| snapshot.state == SnapshotState::Completed);
    let marks = good.filter_map(|snapshot| {
        let copy = snapshot.tags.get("Source_SnapshotId").is_some();
        let (key, volume) = if copy {
            ("ebskeep:source-gone", snapshot.tags.get("ebskeep:volume")?)
        } else {
            ("ebskeep:gone", snapshot.volume.as_str())
        };
        let mut words = snapshot.tags.get(key)?.split_whitespace();
        let at = words.next()?.parse::<Timestamp>().ok()?;
        (words.next() == Some(volume) && at <= world.plan.now).then_some(at)
    });
    marks.max()
}
