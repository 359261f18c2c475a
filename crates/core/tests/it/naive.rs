//! A second reading of the retention rules (semantics, 2.3), written from the text alone,
//! without having seen the first. Slow and literal on purpose: it is here to disagree.
//!
//! What is not here: a policy that is an age or `forever` (2.2), and the end of the rules
//! of a lineage whose volume is gone, which needs a now (the last paragraph of 2.3).
//!
//! Where the text leaves something open, a comment begins with "Read:".

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// One snapshot of the lineage as section 2.3 sees it.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) id: String,
    pub(crate) time: Timestamp,
    pub(crate) start: Timestamp,
    pub(crate) good: bool,
}

/// Which snapshots (by id) the rules written in `policy` (such as "daily=7 weekly=4 within=1m")
/// keep, in this zone, with the names of the rules that keep each. What nothing keeps is absent.
pub(crate) fn kept(snapshots: &[Naive], policy: &str, zone: &TimeZone) -> BTreeMap<String, BTreeSet<String>> {
    // "Only good snapshots of the lineage take part, newest first."
    // Read: "the oldest snapshot" is therefore the oldest good one, and "the N newest" are good.
    let mut good: Vec<&Naive> = snapshots.iter().filter(|snapshot| snapshot.good).collect();
    good.sort_by_key(|snapshot| (snapshot.time, snapshot.start, snapshot.id.clone()));
    good.reverse();

    let mut kept: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // "By blank or comma." Read: by any run of them, so `daily=7, weekly=4` is two rules.
    for rule in policy.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let (name, value) = rule.split_once('=').unwrap();
        // "Each rule is independent; what any rule keeps is kept."
        for place in kept_by_rule(&good, name, value, zone) {
            kept.entry(good[place].id.clone()).or_default().insert(name.to_owned());
        }
    }
    kept
}

/// The places in `good` (newest first) that one rule keeps.
fn kept_by_rule(good: &[&Naive], name: &str, value: &str, zone: &TimeZone) -> Vec<usize> {
    if let Some(kin) = name.strip_prefix("within") {
        within(good, kin, value, zone)
    } else {
        counted(good, name, value, zone)
    }
}

/// `last`, `hourly`, `daily`, `weekly`, `monthly`, `yearly`.
fn counted(good: &[&Naive], name: &str, value: &str, zone: &TimeZone) -> Vec<usize> {
    let winners: Vec<usize> =
        (0..good.len()).filter(|&place| name == "last" || newest_in_bucket(good, place, name, zone)).collect();
    if value == "all" {
        // Read: `all` is a count that never runs out, so it too has some left at the oldest
        // snapshot and keeps that.
        let mut places = winners;
        places.extend(good.len().checked_sub(1));
        return places;
    }
    let count: usize = value.parse().unwrap();
    assert!(count > 0, "a zero is a problem: {name}={value}");
    let mut places: Vec<usize> = winners.iter().copied().take(count).collect();
    // "If a rule has count left when the oldest snapshot is reached, it keeps that too."
    // Read: count left after every bucket has had its newest. Where the oldest is itself the
    // newest of its bucket the two sentences agree.
    if winners.len() < count {
        places.extend(good.len().checked_sub(1));
    }
    places
}

/// `within`, and `within-hourly` and so on; `kin` is what follows `within`.
fn within(good: &[&Naive], kin: &str, value: &str, zone: &TimeZone) -> Vec<usize> {
    let Some(newest) = good.first() else { return Vec::new() };
    let edge = before(newest.time, value, zone);
    // Read: "younger" compares times (what rules sort by), not starts, although ages count from
    // the start: the duration is measured back from a snapshot, not from now, and the other
    // rules and the buckets go by time.
    // docs/semantics.md 2.3 says since this was first written: `within-…` has no count to run out
    // of, so it keeps the very oldest too, if that is in its range.
    // Read: a bucket that lies partly out of range is represented by its newest, if that is in range;
    // the newest of the bucket and the newest of its part in range are the same snapshot.
    (0..good.len())
        .filter(|&place| edge.is_none_or(|edge| good[place].time > edge))
        .filter(|&place| match kin.strip_prefix('-') {
            Some(bucket) => newest_in_bucket(good, place, bucket, zone) || place + 1 == good.len(),
            None => kin.is_empty() || panic!("no such rule: within{kin}"),
        })
        .collect()
}

/// Whether no newer good snapshot lies in the same bucket.
///
/// Read: a bucket is a calendar period, not a run of neighbours. Where a clock goes back over
/// midnight a day can have two parts with some of the next day between; they are one day.
fn newest_in_bucket(good: &[&Naive], place: usize, name: &str, zone: &TimeZone) -> bool {
    let mine = bucket(good[place].time, name, zone);
    good[..place].iter().all(|newer| bucket(newer.time, name, zone) != mine)
}

/// "The calendar hour, day, ISO week (ISO year!), month or year of the snapshot's time in the
/// lineage's zone; the two hours of a repeated hour are two."
///
/// Read: hours are told apart by their offset, so an hour within which the offset changes is
/// two, also where only a part of it is repeated. No other bucket knows offsets.
fn bucket(time: Timestamp, name: &str, zone: &TimeZone) -> String {
    let local = zone.to_datetime(time);
    let date = local.date();
    match name {
        "hourly" => format!("{date} {} {}", local.hour(), zone.to_offset(time).seconds()),
        "daily" => format!("{date}"),
        "weekly" => format!("{} week {}", date.iso_week_date().year(), date.iso_week_date().week()),
        "monthly" => format!("{} month {}", date.year(), date.month()),
        "yearly" => format!("{}", date.year()),
        _ => panic!("no such rule: {name}"),
    }
}

/// The instant a duration like `1y2m3d4h` before another; nothing where the calendar of the
/// library ends before that. Read: then every snapshot is younger than the duration.
///
/// Read: `w` is seven days, as in 2.2. Units come in any order; each counts once. A number
/// without a unit is an age (2.2), not a duration.
fn before(time: Timestamp, duration: &str, zone: &TimeZone) -> Option<Timestamp> {
    let mut units: BTreeMap<char, i64> = BTreeMap::new();
    let mut digits = String::new();
    for letter in duration.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
        } else {
            assert!("ymwdh".contains(letter), "no such unit: {duration}");
            assert!(units.insert(letter, digits.parse().unwrap()).is_none(), "a unit twice: {duration}");
            digits.clear();
        }
    }
    assert!(digits.is_empty(), "a number without a unit: {duration}");
    assert!(units.values().any(|&number| number > 0), "a zero is a problem: {duration}");
    let of = |unit: char| units.get(&unit).copied().unwrap_or(0);

    let months = 12 * of('y') + of('m');
    let days = 7 * of('w') + of('d');
    // Read: where there is no calendar part the local calendar has no say. Going through it and
    // back would move the second half of a repeated hour to the first.
    let midway = if months == 0 && days == 0 {
        time
    } else {
        let local = zone.to_datetime(time);
        let mut date = months_before(local.date(), months)?;
        for _ in 0..days {
            date = date.yesterday().ok()?;
        }
        first_instant(date.to_datetime(local.time()), zone)?
    };
    midway.checked_sub(SignedDuration::from_hours(of('h'))).ok()
}

/// docs/semantics.md 2.1: a local time that is skipped is the first instant after the gap, a
/// repeated one its first occurrence. A gap ends on a whole minute.
fn first_instant(mut local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    while matches!(zone.to_ambiguous_timestamp(local).offset(), AmbiguousOffset::Gap { .. }) {
        let minute = local.with().second(0).subsec_nanosecond(0).build().ok()?;
        local = minute.checked_add(SignedDuration::from_mins(1)).ok()?;
    }
    zone.to_ambiguous_timestamp(local).earlier().ok()
}

/// Years and months go in one step, so that the day is clamped once: a year and a month before
/// 29 February 2024 is 29 January 2023.
fn months_before(date: Date, months: i64) -> Option<Date> {
    let since_year_zero = i64::from(date.year()) * 12 + i64::from(date.month()) - 1 - months;
    let year = i16::try_from(since_year_zero.div_euclid(12)).ok()?;
    let month = i8::try_from(since_year_zero.rem_euclid(12) + 1).ok()?;
    let first = Date::new(year, month, 1).ok()?;
    Date::new(year, month, date.day().min(first.days_in_month())).ok()
}

/// A good snapshot that began at its time, named for it.
fn at(time: &str) -> Naive {
    let instant: Timestamp = time.parse().unwrap();
    Naive { id: time.to_owned(), time: instant, start: instant, good: true }
}

/// What is kept, one a line: the id and the rules.
fn lines(snapshots: &[Naive], policy: &str, zone: &str) -> Vec<String> {
    kept(snapshots, policy, &TimeZone::get(zone).unwrap())
        .into_iter()
        .map(|(id, rules)| format!("{id} {}", rules.into_iter().collect::<Vec<_>>().join(" ")))
        .collect()
}

#[test]
fn the_naive_rules_count_full_buckets_and_keep_the_oldest_with_what_is_left() {
    let mut all = [
        at("2024-01-01T08:00:00Z"),
        at("2024-01-01T20:00:00Z"),
        at("2024-01-02T08:00:00Z"),
        at("2024-01-02T20:00:00Z"),
        at("2024-01-05T06:00:00Z"),
    ];
    all[3].good = false;
    // Two days are used up by the 5th and the 2nd, of which the evening is not good. The year
    // and the week (1 January 2024 is a Monday) have one bucket each and count left.
    assert_eq!(
        lines(&all, "daily=2 last=1, yearly=2,weekly=all monthly=1", "UTC"),
        [
            "2024-01-01T08:00:00Z weekly yearly",
            "2024-01-02T08:00:00Z daily",
            "2024-01-05T06:00:00Z daily last monthly weekly yearly",
        ]
    );
    // Of one time, the later start is newer; then the greater id.
    let one = at("2024-01-01T08:00:00Z");
    let a = Naive { id: "a".into(), start: one.time + SignedDuration::from_secs(9), ..one.clone() };
    let b = Naive { id: "b".into(), ..one.clone() };
    let c = Naive { id: "c".into(), ..one };
    assert_eq!(lines(&[b.clone(), a.clone(), c.clone()], "last=1", "UTC"), ["a last"]);
    assert_eq!(lines(&[c, b, a], "last=2", "UTC"), ["a last", "c last"]);
    assert!(lines(&[], "last=1 daily=all within=1d within-daily=1d", "UTC").is_empty());
}

#[test]
fn the_naive_hour_that_is_repeated_is_two() {
    // New York goes back from 02:00 EDT to 01:00 EST at 06:00Z.
    let all = [
        at("2024-11-03T05:10:00Z"), // 01:10 EDT
        at("2024-11-03T05:40:00Z"), // 01:40 EDT
        at("2024-11-03T06:10:00Z"), // 01:10 EST
        at("2024-11-03T06:50:00Z"), // 01:50 EST
        at("2024-11-03T07:05:00Z"), // 02:05 EST
    ];
    assert_eq!(
        lines(&all, "hourly=3 daily=1", "America/New_York"),
        ["2024-11-03T05:40:00Z hourly", "2024-11-03T06:50:00Z hourly", "2024-11-03T07:05:00Z daily hourly"]
    );
    // An hour before 01:50 EST is 01:50 EDT: real hours, whatever the clock shows.
    assert_eq!(
        lines(&all[..4], "within=1h", "America/New_York"),
        ["2024-11-03T06:10:00Z within", "2024-11-03T06:50:00Z within"]
    );
}

#[test]
fn the_naive_week_belongs_to_its_iso_year() {
    let all = [
        at("2019-12-30T12:00:00Z"), // Monday, 2020-W01
        at("2020-01-01T12:00:00Z"), // Wednesday, 2020-W01
        at("2020-12-31T12:00:00Z"), // Thursday, 2020-W53
        at("2021-01-03T12:00:00Z"), // Sunday, 2020-W53
        at("2021-01-04T12:00:00Z"), // Monday, 2021-W01
        at("2021-12-31T12:00:00Z"), // Friday, 2021-W52
    ];
    assert_eq!(
        lines(&all, "weekly=4 yearly=3", "UTC"),
        [
            "2019-12-30T12:00:00Z yearly",
            "2020-01-01T12:00:00Z weekly",
            "2020-12-31T12:00:00Z yearly",
            "2021-01-03T12:00:00Z weekly",
            "2021-01-04T12:00:00Z weekly",
            "2021-12-31T12:00:00Z weekly yearly",
        ]
    );
}

#[test]
fn the_naive_duration_goes_back_in_the_calendar_and_then_in_hours() {
    // 31 March 02:30 EDT; a month before, clamped, is 29 February 02:30 EST, which is 07:30Z.
    let mut all = [
        at("2024-02-29T07:30:00Z"),
        at("2024-02-29T07:30:01Z"),
        at("2024-03-30T12:00:00Z"),
        at("2024-03-30T13:00:00Z"),
        at("2024-03-31T06:30:00Z"),
        at("2024-04-20T06:30:00Z"),
    ];
    all[5].good = false;
    assert_eq!(
        lines(&all, "within=1m within-daily=2d within-yearly=1y", "America/New_York"),
        [
            "2024-02-29T07:30:00Z within-yearly",
            "2024-02-29T07:30:01Z within",
            "2024-03-30T12:00:00Z within",
            "2024-03-30T13:00:00Z within within-daily",
            "2024-03-31T06:30:00Z within within-daily within-yearly",
        ]
    );
    // 11 March 02:30 EDT; a day before is skipped, and becomes 03:00 EDT, 07:00Z; an hour more.
    let newest = at("2024-03-11T06:30:00Z");
    let all = [at("2024-03-10T06:30:00Z"), at("2024-03-10T06:31:00Z"), at("2024-03-10T07:31:00Z"), newest];
    assert_eq!(
        lines(&all, "within=1d", "America/New_York"),
        ["2024-03-10T07:31:00Z within", "2024-03-11T06:30:00Z within"]
    );
    assert_eq!(lines(&all, "within=1d1h", "America/New_York").len(), 4);
    // 4 November 01:30 EST; a day before is 01:30 twice, of which the first, EDT, is 05:30Z.
    let newest = at("2024-11-04T06:30:00Z");
    let all = [at("2024-11-03T05:30:00Z"), at("2024-11-03T05:31:00Z"), newest];
    assert_eq!(lines(&all, "within=1d", "America/New_York").len(), 2);
    // A year and a month before 29 February 2024 is 29 January 2023, clamped once.
    let all = [
        at("2023-01-28T12:00:00Z"),
        at("2023-01-29T12:00:00Z"),
        at("2023-01-29T13:00:00Z"),
        at("2024-02-29T12:00:00Z"),
    ];
    assert_eq!(lines(&all, "within=1y1m", "UTC").len(), 2);
    // It is 396 days, 56 weeks and 4 days: 337 in 2023 from 29 January, and 59 in 2024.
    assert_eq!(lines(&all, "within=4d56w", "UTC").len(), 2);
    assert_eq!(lines(&all, "within=56w5d", "UTC").len(), 3);
    assert_eq!(lines(&all, "within=99999y", "UTC").len(), 4);
}
