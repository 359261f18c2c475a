//! What holds of every slot, in every zone, around every switch; and that slots
//! are those of a definition that tries each minute.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

use super::*;

/// A schedule, and whether a local minute is one of its times.
#[derive(Debug)]
struct Case {
    text: &'static str,
    real: bool,
    has: fn(DateTime) -> bool,
}

fn midnight(local: DateTime) -> bool {
    (local.hour(), local.minute()) == (0, 0)
}

fn half_past(local: DateTime, hour: i8) -> bool {
    (local.hour(), local.minute()) == (hour, 30)
}

const CASES: &[Case] = &[
    Case { text: "hourly", real: true, has: |t| t.minute() == 0 },
    Case { text: "every 15m", real: true, has: |t| t.minute() % 15 == 0 },
    Case { text: "every 1h", real: false, has: |t| t.minute() == 0 },
    Case { text: "every 6h", real: false, has: |t| t.minute() == 0 && t.hour() % 6 == 0 },
    Case { text: "daily", real: false, has: midnight },
    Case { text: "daily @ 02:30", real: false, has: |t| half_past(t, 2) },
    Case { text: "every 2d @ 01:30", real: false, has: |t| half_past(t, 1) && days_since_1970(t.date()) % 2 == 0 },
    Case { text: "weekly @ sun 01:30", real: false, has: |t| half_past(t, 1) && t.weekday() == Weekday::Sunday },
    Case { text: "weekly", real: false, has: |t| midnight(t) && t.weekday() == Weekday::Monday },
    Case { text: "30 * * * *", real: true, has: |t| t.minute() == 30 },
    Case { text: "*/20 * * * sun", real: true, has: |t| t.minute() % 20 == 0 && t.weekday() == Weekday::Sunday },
    Case { text: "30 0-23 * * *", real: false, has: |t| t.minute() == 30 },
    Case { text: "30 1,2 * * *", real: false, has: |t| half_past(t, 1) || half_past(t, 2) },
    Case {
        text: "30 2 1-10 * mon",
        real: false,
        has: |t| half_past(t, 2) && (t.day() <= 10 || t.weekday() == Weekday::Monday),
    },
];

/// Those that are too rare to be looked for minute by minute.
const RARE: &[&str] = &[
    "monthly",
    "monthly @ 31 02:30",
    "yearly",
    "0 0 29 2 *",
    "30 * 29 2 *",
    "15 2 * 3,4,10,11 *",
    "0 12 30 12 *",
    "every 9999d",
];

static ZONES: LazyLock<Vec<TimeZone>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    database.available().map(|name| database.get(name.as_str()).unwrap()).collect()
});

/// Any zone, and an instant that is near one of its switches half the time.
fn zone_and_instant(from: &'static str, until: &'static str) -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let [from, until] = [from, until].map(|at| at.parse::<Timestamp>().unwrap().as_second());
    let zone = (0..ZONES.len()).prop_map(|index| ZONES[index].clone());
    // To the nanosecond around a switch, and up to two days away from it.
    let away = prop_oneof![-2_000_000_001..2_000_000_001i64, -180_000_000_000_000..180_000_000_000_000i64];
    (zone, from..until, proptest::option::of(away)).prop_map(|(zone, second, away)| {
        let at = Timestamp::from_second(second).unwrap();
        let near = away.and_then(|away| {
            let switch = calendar::switch_at_or_before(&zone, at)?;
            switch.checked_add(away.nanoseconds()).ok()
        });
        (zone, near.unwrap_or(at))
    })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() }
}

fn any_schedule() -> impl Strategy<Value = &'static str> {
    let all: Vec<&str> = CASES.iter().map(|case| case.text).chain(RARE.iter().copied()).collect();
    select(all)
}

/// The instants of the minutes from `from` to `until` that a definition word
/// for word names: local minute by local minute, or real minute by real minute.
fn by_trying(case: &Case, zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let mut found = Vec::new();
    if case.real {
        let mut at = from.as_second();
        while at <= until.as_second() {
            let instant = Timestamp::from_second(at).unwrap();
            let local = zone.to_datetime(instant);
            if local.second() == 0 && (case.has)(local) {
                found.push(instant);
            }
            // Offsets of old have seconds, so that minutes may begin at any.
            let minute_later = zone.to_datetime(Timestamp::from_second(at + 60).unwrap());
            let even = local.second() == 0 && minute_later == local.saturating_add(1.minute());
            at += if even { 60 } else { 1 };
        }
    } else {
        let day = |at: Timestamp, by: i64| zone.to_datetime(at).date().saturating_add(by.days()).at(0, 0, 0, 0);
        let (mut local, end) = (day(from, -2), day(until, 3));
        while local < end {
            if (case.has)(local) {
                found.push(calendar::instant(local, zone));
            }
            local = local.saturating_add(1.minute());
        }
    }
    found.retain(|at| (from..=until).contains(at));
    found
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn slots_are_those_that_trying_each_minute_finds(
        case in (0..CASES.len()).prop_map(|index| &CASES[index]),
        (zone, now) in zone_and_instant("1840-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
    ) {
        let schedule = Schedule::parse(case.text).unwrap();
        let (from, until) = (now.checked_sub(48.hours()).unwrap(), now.checked_add(48.hours()).unwrap());
        let found = by_trying(case, &zone, from, until);
        let context = format!("{} in {:?} at {now}", case.text, zone.iana_name());
        let latest = found.iter().copied().filter(|at| *at <= now).max();
        let slot = schedule.slot(now, &zone, now);
        prop_assert_eq!(Some(slot).filter(|slot| *slot >= from), latest, "{}", context);
        let next = found.iter().copied().filter(|at| *at > now).min();
        let after = schedule.slot_after(now, &zone).unwrap();
        prop_assert_eq!(Some(after).filter(|after| *after <= until), next, "{}", context);
    }
}

fn holds_of_every_slot(text: &str, zone: &TimeZone, now: Timestamp, later: i64) -> Result<(), TestCaseError> {
    let schedule = Schedule::parse(text).unwrap();
    let slot_at = |at: Timestamp| schedule.slot(at, zone, at);
    let context = format!("{text} in {:?} at {now}", zone.iana_name());
    let slot = slot_at(now);
    prop_assert!(slot <= now, "{}", context);
    prop_assert_eq!(slot_at(slot), slot, "{}", context);
    prop_assert!(later < 0 || slot <= slot_at(now.checked_add(later.seconds()).unwrap_or(now)), "{}", context);
    if let Some(before) = schedule.slot_before(slot, zone) {
        prop_assert!(before < slot, "{}", context);
        prop_assert_eq!(schedule.slot_after(before, zone), Some(slot), "{}", context);
        prop_assert_eq!(slot_at(slot.checked_sub(1.nanosecond()).unwrap()), before, "{}", context);
    }
    if let Some(after) = schedule.slot_after(now, zone) {
        prop_assert!(after > now, "{}", context);
        prop_assert_eq!(slot_at(after), after, "{}", context);
        // Nothing between the slot and the next.
        prop_assert_eq!(slot_at(after.checked_sub(1.nanosecond()).unwrap()), slot, "{}", context);
        prop_assert_eq!(schedule.slot_before(after, zone).unwrap_or(Timestamp::MIN), slot, "{}", context);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn slot_and_slot_after_agree_around_every_switch(
        text in any_schedule(),
        (zone, now) in zone_and_instant("1840-01-01T00:00:00Z", "2200-01-01T00:00:00Z"),
        later in 0..300_000_000i64,
    ) {
        holds_of_every_slot(text, &zone, now, later)?;
    }

    #[test]
    fn slot_and_slot_after_agree_at_any_time(
        text in any_schedule(),
        zone in (0..ZONES.len()).prop_map(|index| ZONES[index].clone()),
        second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
        nanosecond in 0..1_000_000_000,
        later in 0..300_000_000i64,
    ) {
        holds_of_every_slot(text, &zone, Timestamp::new(second, nanosecond).unwrap(), later)?;
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_has_slots(
        text in "(daily|weekly|monthly|every|hourly|[0-9*]{1,2}|)[ @0-9:a-z*/,#?-]{0,24}|([0-9*/,-]{1,5} ){4}[0-7a-z*/,-]{1,5}|\\PC{0,20}",
        second in Timestamp::MIN.as_second()..Timestamp::MAX.as_second(),
    ) {
        if let Ok(schedule) = Schedule::parse(&text) {
            prop_assert_eq!(Schedule::parse(&schedule.to_string()), Ok(schedule.clone()));
            holds_of_every_slot(&text, &ZONES[0], Timestamp::from_second(second).unwrap(), 3600)?;
        }
    }
}
