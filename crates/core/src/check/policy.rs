//! The second opinion's own reading of retention policies: text and snapshots in,
//! whether one is still kept out. Nothing here is the deciders'.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned};

use crate::age::Age;
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState};
use crate::retention::Policy;
use crate::setting::Settings;

/// Zones and daylight saving move an end by up to 26 hours; that much early
/// still counts as over.
const TOLERANCE_SECONDS: i64 = 26 * 60 * 60;

/// A good snapshot, and the time that it counts by.
pub(super) struct Backup<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) time: Timestamp,
}

/// A good snapshot with its times, parsed once from its tags: there may be a million.
#[derive(Clone, Copy)]
struct Dated<'a> {
    snapshot: &'a Snapshot,
    began: Timestamp,
    /// The slot, if it can be read and is not after the start.
    slot: Option<Timestamp>,
    /// Whether it has a slot at all.
    has_slot: bool,
}

impl<'a> Dated<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let began = began(snapshot);
        let text = snapshot.tags.get("ebskeep:slot");
        Self { snapshot, began, slot: readable(text, began), has_slot: text.is_some() }
    }

    fn is_far(&self) -> bool {
        self.slot.is_some_and(|slot| self.began.as_second() - slot.as_second() > SLOT_BEFORE_START)
    }
}

/// The good ones of a history, oldest first: one for each slot. The slots that several of
/// them have are put into `shared`.
fn good<'a>(history: &[Dated<'a>], shared: &mut BTreeSet<Timestamp>) -> Vec<Backup<'a>> {
    let mut all: Vec<(Timestamp, &Dated<'a>)> =
        history.iter().map(|dated| (dated.slot.unwrap_or(dated.began), dated)).collect();
    all.sort_by_key(|(time, dated)| (*time, dated.began, &dated.snapshot.id));
    let mut good: Vec<Backup<'_>> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (time, dated) in all {
        if dated.has_slot && last == Some(time) {
            good.pop();
            shared.insert(time);
        }
        last = Some(time).filter(|_| dated.has_slot);
        good.push(Backup { snapshot: dated.snapshot, time });
    }
    good
}

/// How long before the start a slot may be: from then on it is doubtful.
pub(super) const SLOT_BEFORE_START: i64 = 26 * 60 * 60;

/// The good ones of a history, oldest first, each doubtful slot replaced by the start: one that
/// is long before the start, or that several of them have. Nothing where there is none.
fn by_start<'a>(history: &[Dated<'a>]) -> Option<Vec<Backup<'a>>> {
    let mut slots: Vec<Timestamp> = history.iter().filter_map(|dated| dated.slot).collect();
    slots.sort_unstable();
    let shared: BTreeSet<Timestamp> =
        slots.iter().zip(slots.iter().skip(1)).filter(|(one, next)| one == next).map(|(one, _)| *one).collect();
    let is_doubtful = |dated: &Dated<'_>| dated.is_far() || dated.slot.is_some_and(|slot| shared.contains(&slot));
    if !history.iter().any(is_doubtful) {
        return None;
    }
    let time = |dated: &Dated<'_>| dated.slot.filter(|_| !is_doubtful(dated)).unwrap_or(dated.began);
    let mut all: Vec<(Timestamp, &Dated<'a>)> = history.iter().map(|dated| (time(dated), dated)).collect();
    all.sort_by_key(|(time, dated)| (*time, dated.began, &dated.snapshot.id));
    Some(all.into_iter().map(|(time, dated)| Backup { snapshot: dated.snapshot, time }).collect())
}

/// The slot of a snapshot, if it can be read and is not after its start.
pub(super) fn slot(snapshot: &Snapshot) -> Option<Timestamp> {
    readable(snapshot.tags.get("ebskeep:slot"), began(snapshot))
}

fn readable(slot: Option<&str>, began: Timestamp) -> Option<Timestamp> {
    slot.and_then(|text| text.parse::<Timestamp>().ok()).filter(|slot| *slot <= began)
}

/// When a snapshot began; of a copy, when its source did.
pub(super) fn began(snapshot: &Snapshot) -> Timestamp {
    let copy = snapshot.tags.get("Source_SnapshotId").is_some();
    let source = snapshot.tags.get("ebskeep:started").filter(|_| copy);
    source.and_then(|text| text.parse().ok()).unwrap_or(snapshot.started)
}

/// One history, and what the rules of each policy that was read already keep of it.
pub(super) struct Read<'a> {
    /// Its good ones, oldest first: one for each slot.
    pub(super) good: Vec<Backup<'a>>,
    /// The same with the start in place of each doubtful slot, where there are any.
    by_start: Option<Vec<Backup<'a>>>,
    /// The slots that several of its good ones have.
    pub(super) shared_slots: BTreeSet<Timestamp>,
    kept: BTreeMap<(&'a str, &'a str), BTreeSet<&'a SnapshotId>>,
    /// What rules such as `within` count from, if that is later than the newest good one.
    within_from: Timestamp,
}

impl<'a> Read<'a> {
    /// Reads nothing yet.
    pub(super) fn new(history: impl Iterator<Item = &'a Snapshot>) -> Self {
        let mut shared_slots = BTreeSet::new();
        let completed: Vec<Dated<'_>> =
            history.filter(|s| s.state == SnapshotState::Completed).map(Dated::new).collect();
        let by_start = by_start(&completed);
        let good = good(&completed, &mut shared_slots);
        Self { good, by_start, shared_slots, kept: BTreeMap::new(), within_from: Timestamp::MIN }
    }

    /// The same as of an instant. Where backups had stopped by then, rules such as `within` count on
    /// from the newest one: from the instant, less the longest gap that the history has. Else the
    /// first backup after a pause would let all of it go at once, and nothing would be overdue.
    pub(super) fn as_of(then: Timestamp, history: impl Iterator<Item = &'a Snapshot>) -> Self {
        let mut read = Self::new(history);
        let neighbours = read.good.iter().zip(read.good.iter().skip(1));
        let longest = neighbours.map(|(one, next)| next.time.duration_since(one.time)).max();
        read.within_from = longest.and_then(|gap| then.checked_sub(gap).ok()).unwrap_or(Timestamp::MIN);
        read
    }

    /// Whether rules are over for the whole history: see [`span_is_over`].
    pub(super) fn span_is_over(&self, text: &str, zone: &str, now: Timestamp, settings: &Settings) -> bool {
        span_is_over(text, zone, &self.good, now, settings)
    }

    /// Whether a policy as text keeps a snapshot of the history. One that nobody
    /// understands, or whose zone nobody knows, does.
    pub(super) fn keeps(
        &mut self,
        text: &'a str,
        zone: &'a str,
        snapshot: &Snapshot,
        now: Timestamp,
        settings: &Settings,
    ) -> bool {
        if !text.contains('=') {
            // Without a slot it is the original's, which counted whole dates of UTC.
            let slot = snapshot.tags.get("ebskeep:slot");
            let zone = slot.map_or(TimeZone::UTC, |_| named(zone, settings).unwrap_or(settings.time_zone.clone()));
            return !age_is_over(text, began(snapshot), &zone, now);
        }
        self.rules_keep(text, zone, snapshot, settings)
    }

    /// The same to the second, which needs the zone that the policy counts in.
    pub(super) fn keeps_at(
        &mut self,
        text: &'a str,
        zone: &'a str,
        snapshot: &Snapshot,
        at: Timestamp,
        settings: &Settings,
    ) -> bool {
        if text.contains('=') {
            return self.rules_keep(text, zone, snapshot, settings);
        }
        let whole_dates = snapshot.tags.get("ebskeep:slot").is_none() && !text.contains(['h', 'H']);
        let begun = began(snapshot);
        let end = if whole_dates {
            let date = begun.to_zoned(TimeZone::UTC).start_of_day();
            span(text, Bare::Days).and_then(|span| date.ok()?.checked_add(span).ok())
        } else {
            let zone = named(zone, settings).unwrap_or(settings.time_zone.clone());
            span(text, Bare::Days).and_then(|span| begun.to_zoned(zone).checked_add(span).ok())
        };
        // What nobody understands keeps.
        end.is_none_or(|end| end.timestamp() > at)
    }

    /// Whether rules as text keep a snapshot of the history.
    fn rules_keep(&mut self, text: &'a str, zone: &'a str, snapshot: &Snapshot, settings: &Settings) -> bool {
        let (good, from) = (&self.good, self.within_from);
        let orders = std::iter::once(good).chain(&self.by_start);
        let kept = self.kept.entry((text, zone)).or_insert_with(|| {
            let all = || good.iter().map(|backup| &backup.snapshot.id).collect();
            let zone = named(zone, settings);
            let kept = orders.map(|good| zone.as_ref().and_then(|zone| rules_keep(text, zone, good, from)));
            let kept: Option<Vec<BTreeSet<&SnapshotId>>> = kept.collect();
            kept.map_or_else(all, |kept| kept.into_iter().flatten().collect())
        });
        kept.contains(&snapshot.id)
    }
}

/// The bundled zones, each read once.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of that name, or where there is no name the setting's.
fn named(zone: &str, settings: &Settings) -> Option<TimeZone> {
    match zone.trim() {
        "" => Some(settings.time_zone.clone()),
        name => ZONES.get(name).ok(),
    }
}

/// Whether an age as text has ended. A month can end days earlier or later in
/// another zone.
fn age_is_over(text: &str, start: Timestamp, zone: &TimeZone, now: Timestamp) -> bool {
    let Some(span) = span(text, Bare::Days) else { return false };
    let end = start.to_zoned(zone.clone()).checked_add(span);
    end.is_ok_and(|end| end.timestamp().as_second() <= now.as_second() + TOLERANCE_SECONDS)
}

/// Whether rules are over for a whole history to which nothing is added any more:
/// the longest that they name, and the grace, after the newest good one.
fn span_is_over(text: &str, zone: &str, good: &[Backup<'_>], now: Timestamp, settings: &Settings) -> bool {
    let (Some(newest), Some(zone), true) = (good.last(), named(zone, settings), text.contains('=')) else {
        return false;
    };
    let text = text.to_ascii_lowercase();
    let grace = span(&settings.orphan_grace.short().to_string(), Bare::Days);
    let began = began(newest.snapshot).to_zoned(zone);
    parts(&text).all(|part| {
        let end = longest(part)
            .zip(grace)
            .and_then(|(longest, grace)| began.checked_add(longest).ok()?.checked_add(grace).ok());
        end.is_some_and(|end| end.timestamp().as_second() <= now.as_second() + TOLERANCE_SECONDS)
    })
}

/// The time that one rule as text names, if that has an end.
fn longest(part: &str) -> Option<Span> {
    let (name, value) = part.split_once('=')?;
    match (name, value.parse::<i64>()) {
        ("hourly", Ok(n)) => Span::new().try_hours(n).ok(),
        ("daily", Ok(n)) => Span::new().try_days(n).ok(),
        ("weekly", Ok(n)) => Span::new().try_weeks(n).ok(),
        ("monthly", Ok(n)) => Span::new().try_months(n).ok(),
        ("yearly", Ok(n)) => Span::new().try_years(n).ok(),
        _ if name.starts_with("within") => span(value, Bare::Nothing),
        _ => None,
    }
}

/// When the longest that a policy as text names ends for what began at `start`, if it has an end.
pub(super) fn span_end(text: &str, zone: &str, start: Timestamp, settings: &Settings) -> Option<Timestamp> {
    let start = start.to_zoned(named(zone, settings)?);
    let end = |span| start.checked_add(span).ok().map(|end| end.timestamp());
    if !text.contains('=') {
        return end(span(text, Bare::Days)?);
    }
    let text = text.to_ascii_lowercase();
    let ends: Option<Vec<Timestamp>> = parts(&text).map(|part| end(longest(part)?)).collect();
    ends?.into_iter().max()
}

/// An age later, or earlier.
pub(super) fn moved(at: Timestamp, age: Age, by: i64) -> Option<Timestamp> {
    let span = span(&age.short().to_string(), Bare::Days)?.checked_mul(by).ok()?;
    at.to_zoned(TimeZone::UTC).checked_add(span).ok().map(|at| at.timestamp())
}

/// The default retention as text.
pub(super) fn default_text(settings: &Settings) -> String {
    match &settings.default_retention {
        Policy::Age(age) => age.short().to_string(),
        other => other.to_string(),
    }
}

/// Whether copies of a snapshot under this policy would be past it by now.
pub(super) fn copies_are_over(
    text: &str,
    zone: &str,
    snapshot: &Snapshot,
    now: Timestamp,
    settings: &Settings,
) -> bool {
    let Some(zone) = named(zone, settings) else {
        return !text.contains('=') && age_is_over(text, began(snapshot), &settings.time_zone, now);
    };
    if !text.contains('=') {
        return age_is_over(text, began(snapshot), &zone, now);
    }
    let began = began(snapshot).to_zoned(zone);
    let text = text.to_ascii_lowercase();
    parts(&text).all(|part| {
        let end = longest(part).and_then(|longest| began.checked_add(longest).ok());
        end.is_some_and(|end| end.timestamp().as_second() <= now.as_second() + TOLERANCE_SECONDS)
    })
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|part| !part.is_empty())
}

/// What rules as text keep of the good ones, oldest first; `None` if they are not
/// understood.
fn rules_keep<'a>(
    text: &str,
    zone: &TimeZone,
    good: &[Backup<'a>],
    within_from: Timestamp,
) -> Option<BTreeSet<&'a SnapshotId>> {
    let text = text.to_ascii_lowercase();
    let local: Vec<Zoned> = good.iter().map(|backup| backup.time.to_zoned(zone.clone())).collect();
    let mut kept = BTreeSet::new();
    for part in parts(&text) {
        let (name, value) = part.split_once('=')?;
        let (within, period) = match name.strip_prefix("within") {
            Some(rest) => (true, rest.strip_prefix('-').unwrap_or("each")),
            None => (false, if name == "last" { "each" } else { name }),
        };
        let since = match (within, local.last()) {
            (true, Some(last)) => {
                let from = last.max(&within_from.to_zoned(zone.clone())).clone();
                match span(value, Bare::Nothing) {
                    // What no calendar reaches is no bound.
                    Some(span) => from.checked_sub(span).ok(),
                    None if is_length(value) => None,
                    None => return None,
                }
            }
            _ => None,
        };
        let in_reach = |at: &Zoned| since.as_ref().is_none_or(|since| at > since);
        // Of each period the newest: later ones replace those before them.
        let mut newest: BTreeMap<[i64; 5], usize> = BTreeMap::new();
        for (index, at) in local.iter().enumerate().filter(|(_, at)| in_reach(at)) {
            newest.insert(period_of(period, at, index)?, index);
        }
        let huge = value.len() > 9 && value.bytes().all(|b| b.is_ascii_digit());
        let most = if within || value == "all" || huge { usize::MAX } else { value.parse().ok()? };
        let oldest = local.first().filter(|first| newest.len() < most && in_reach(first)).map(|_| 0);
        // By time, since clocks set back over midnight let two days take turns.
        let mut newest: Vec<usize> = newest.into_values().collect();
        newest.sort_unstable();
        let indices = newest.into_iter().rev().take(most).chain(oldest);
        kept.extend(indices.filter_map(|index| good.get(index)).map(|backup| &backup.snapshot.id));
    }
    Some(kept)
}

/// The calendar period an instant is in; an hour that clocks repeat is two.
fn period_of(name: &str, at: &Zoned, index: usize) -> Option<[i64; 5]> {
    let date: Date = at.date();
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let week = date.iso_week_date();
    Some(match name {
        "each" => [i64::try_from(index).ok()?, 0, 0, 0, 0],
        "hourly" => [year, month, day, i64::from(at.hour()), i64::from(at.offset().seconds())],
        "daily" => [year, month, day, 0, 0],
        "weekly" => [i64::from(week.year()), i64::from(week.week()), 0, 0, 0],
        "monthly" => [year, month, 0, 0, 0],
        "yearly" => [year, 0, 0, 0, 0],
        _ => return None,
    })
}

/// What a bare number means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    Days,
    Nothing,
}

/// Whether the units in the value of a live tag go from the longest to the shortest.
/// Where they do not, the tag is invalid, though a record with that text is not.
pub(super) fn units_descend(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    parts(&text).all(|part| {
        let value = part.split_once('=').map_or(part, |(_, value)| value);
        let mut left = "ymwdh";
        value.chars().filter(|c| "ymwdh".contains(*c)).all(|unit| {
            let Some((_, shorter)) = left.split_once(unit) else { return false };
            left = shorter;
            true
        })
    })
}

/// Whether a text is numbers with units, each once, and not zero; however large.
fn is_length(text: &str) -> bool {
    let mut units = String::new();
    let parts = text.split_inclusive(|c: char| !c.is_ascii_digit());
    let well_formed = parts.into_iter().all(|part| {
        let unit = part.chars().next_back().filter(|unit| part.len() > 1 && "ymwdh".contains(*unit));
        unit.is_some_and(|unit| {
            let first = !units.contains(unit);
            units.push(unit);
            first
        })
    });
    well_formed && text.contains(|c: char| ('1'..='9').contains(&c))
}

/// A length of time as text: `14`, `1y6m`. `None` if it is none, or zero. Units may
/// stand in any order, as in records, each once.
pub(super) fn span(text: &str, bare: Bare) -> Option<Span> {
    let mut span = Span::new();
    let mut number = String::new();
    let mut units = String::new();
    for c in text.trim().to_ascii_lowercase().chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let count = number.parse::<i64>().ok().filter(|_| !units.contains(c))?;
        number.clear();
        units.push(c);
        span = match c {
            'y' => span.try_years(count),
            'm' => span.try_months(count),
            'w' => span.try_weeks(count),
            'd' => span.try_days(count),
            'h' => span.try_hours(count),
            _ => return None,
        }
        .ok()?;
    }
    if !number.is_empty() {
        // Alone it is days.
        let alone = span.is_zero() && bare == Bare::Days;
        span = span.try_days(number.parse::<i64>().ok().filter(|_| alone)?).ok()?;
    }
    (!span.is_zero()).then_some(span)
}

#[cfg(test)]
mod tests;
