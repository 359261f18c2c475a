//! Civil time in one named zone: local times to instants, ages to ends, instants
//! to hours, days, weeks, months and years.
//!
//! Zones come from the bundled database alone, so that no machine decides.
//! Knows nothing of schedules or policies.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::age::Age;
use crate::retention::Bucket;

/// The bundled zones, each read once.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of this IANA name, in any case.
pub fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name.trim()).ok()
}

/// The names of all zones there are.
pub fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
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
    if let (Some(days), true) = (age.only_days(), *zone == TimeZone::UTC) {
        // There every day is as long as the next.
        return start.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MAX);
    }
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

/// `age` before `end`: years to days in the zone's calendar, hours in real time.
/// Before the beginning of time it is the beginning of time.
pub fn before(end: Timestamp, age: Age, zone: &TimeZone) -> Timestamp {
    let calendar = age.calendar();
    let moved = if calendar.is_zero() {
        end
    } else {
        match zone.to_datetime(end).checked_sub(calendar) {
            Ok(local) => instant(local, zone),
            Err(_) => return Timestamp::MIN,
        }
    };
    moved.checked_sub(age.real_hours().hours()).unwrap_or(Timestamp::MIN)
}

/// An instant in the calendar of a zone, from which all its buckets follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    at: DateTime,
    /// Seconds from 1970-01-01 00:00 on the clock there.
    seconds: i64,
    /// Seconds east of UTC: tells the two of a repeated hour apart.
    offset: i32,
}

/// Seconds of a day and of an hour on a clock.
const DAY: i64 = 24 * 60 * 60;
const HOUR: i64 = 60 * 60;

impl Local {
    /// The instant on the clocks of the zone.
    pub fn new(at: Timestamp, zone: &TimeZone) -> Self {
        let offset = zone.to_offset(at);
        Self {
            at: offset.to_datetime(at),
            seconds: at.as_second().saturating_add(i64::from(offset.seconds())),
            offset: offset.seconds(),
        }
    }

    /// A number that all instants of one bucket share and no other has; `None`
    /// where each is its own. Buckets of later instants have greater numbers, but
    /// where clocks were set back over midnight.
    pub fn bucket(self, bucket: Bucket) -> Option<i64> {
        let days = self.seconds.div_euclid(DAY);
        Some(match bucket {
            Bucket::Each => return None,
            // More seconds than there are offsets for each hour, so that no two hours meet.
            Bucket::Hour => self.seconds.div_euclid(HOUR) * 4 * DAY - i64::from(self.offset),
            Bucket::Day => days,
            // 1970-01-01 was a Thursday: weeks from Monday, which are ISO's whatever year they are in.
            Bucket::Week => (days + 3).div_euclid(7),
            Bucket::Month => i64::from(self.at.year()) * 12 + i64::from(self.at.month()),
            Bucket::Year => i64::from(self.at.year()),
        })
    }

    /// The bucket as a person reads it: `2026-03-10 14h`, `2026-03-10`, `2026-W11`,
    /// `2026-03`, `2026`; of one that is its own, its minute.
    pub fn bucket_name(self, bucket: Bucket) -> impl std::fmt::Display {
        let form = match bucket {
            Bucket::Each => "%Y-%m-%d %H:%M",
            Bucket::Hour => "%Y-%m-%d %Hh",
            Bucket::Day => "%Y-%m-%d",
            Bucket::Week => "%G-W%V",
            Bucket::Month => "%Y-%m",
            Bucket::Year => "%Y",
        };
        self.at.strftime(form)
    }
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
        let _proof = ebskeep_proofs::proves(&["2.2.1"]);
        for (start, age, zone_name, end) in [
            ("2026-01-31T12:00:00Z", "1m", "UTC", "2026-02-28T12:00:00Z"),
            ("2024-02-29T12:00:00Z", "1y", "UTC", "2025-02-28T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "1d", "Europe/London", "2026-03-29T11:00:00Z"),
            ("2026-03-28T12:00:00Z", "24h", "Europe/London", "2026-03-29T12:00:00Z"),
            ("2026-03-28T12:00:00Z", "1000y", "UTC", "3026-03-28T12:00:00Z"),
            ("2024-02-28T12:00:00Z", "2d", "UTC", "2024-03-01T12:00:00Z"),
            ("9999-12-01T00:00:00Z", "30d", "UTC", "9999-12-30T22:00:00.999999999Z"),
            ("9999-12-01T00:00:00Z", "30d", "Etc/UTC", "9999-12-30T22:00:00.999999999Z"),
        ] {
            let zone = zone(zone_name).unwrap();
            let got = after(start.parse().unwrap(), Age::parse(age).unwrap(), &zone);
            assert_eq!(got, end.parse().unwrap(), "{start} + {age}");
        }
    }

    #[test]
    fn buckets_are_those_of_the_clocks_on_the_wall() {
        let all = [Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month, Bucket::Year];
        for (zone_name, at, names) in [
            ("UTC", "2026-03-10T14:59:59Z", ["2026-03-10 14h", "2026-03-10", "2026-W11", "2026-03", "2026"]),
            // A quarter to six: the day in Kathmandu begins at 18:15 UTC.
            ("Asia/Kathmandu", "2026-03-10T18:15:00Z", ["2026-03-11 00h", "2026-03-11", "2026-W11", "2026-03", "2026"]),
            // New Year's Day of 2027 is a Friday: its ISO week is the last of 2026.
            ("UTC", "2027-01-01T00:00:00Z", ["2027-01-01 00h", "2027-01-01", "2026-W53", "2027-01", "2027"]),
            // 2024-12-30 is a Monday: its ISO week is the first of 2025.
            ("UTC", "2024-12-30T00:00:00Z", ["2024-12-30 00h", "2024-12-30", "2025-W01", "2024-12", "2024"]),
        ] {
            let local = Local::new(at.parse().unwrap(), &zone(zone_name).unwrap());
            assert_eq!(all.map(|bucket| local.bucket_name(bucket).to_string()), names, "{at} in {zone_name}");
        }
    }

    #[test]
    fn buckets_have_numbers_of_their_own_which_grow() {
        // Every ten minutes through the hour that there is not, the one that comes twice, and a midnight.
        for from in ["2026-03-28T20:05:00Z", "2026-10-24T20:05:00Z"] {
            let from: Timestamp = from.parse().unwrap();
            for zone_name in ["UTC", "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe"] {
                let zone = zone(zone_name).unwrap();
                let mut before = None;
                for step in 0..60_i64 {
                    let local = Local::new(from + (10 * step).minutes(), &zone);
                    let number = local.bucket(Bucket::Hour).unwrap();
                    let hour = (local.bucket_name(Bucket::Hour).to_string(), local.offset);
                    if let Some((last, same)) = before.replace((number, hour.clone())) {
                        assert_eq!(number > last, hour != same, "{zone_name}: {hour:?} after {same:?}");
                        assert!(number >= last, "{zone_name}: {hour:?}");
                    }
                }
            }
        }
        let first = |month: i64| (2025 + month / 12, 1 + month % 12);
        let numbers = (0..30).map(|month| {
            let (year, month) = first(month);
            let at = format!("{year}-{month:02}-01T00:00:00Z").parse().unwrap();
            Local::new(at, &TimeZone::UTC).bucket(Bucket::Month).unwrap()
        });
        assert!(numbers.is_sorted_by(|one, next| *next == one + 1));
    }

    #[test]
    fn instants_share_a_bucket_where_people_say_so() {
        let _proof = ebskeep_proofs::proves(&["2.3.4"]);
        for (zone_name, bucket, one, other, same) in [
            // The ISO week of New Year is one week in two years.
            ("UTC", Bucket::Week, "2026-12-28T00:00:00Z", "2027-01-03T23:59:59Z", true),
            ("UTC", Bucket::Week, "2027-01-03T23:59:59Z", "2027-01-04T00:00:00Z", false),
            ("UTC", Bucket::Year, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", false),
            // 01:30 comes twice in London: two hours of one day.
            ("Europe/London", Bucket::Hour, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", false),
            ("Europe/London", Bucket::Day, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", true),
            // Half past one to two comes twice on Lord Howe, half an hour apart: the hour is two.
            ("Australia/Lord_Howe", Bucket::Hour, "2026-04-04T14:40:00Z", "2026-04-04T15:10:00Z", false),
            ("Australia/Lord_Howe", Bucket::Hour, "2026-04-04T15:10:00Z", "2026-04-04T15:20:00Z", true),
            // Apia went from the 29th straight to the 31st.
            ("Pacific/Apia", Bucket::Day, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", false),
            ("Asia/Kathmandu", Bucket::Hour, "2026-03-10T18:14:59Z", "2026-03-10T18:15:00Z", false),
            ("UTC", Bucket::Day, "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", false),
            ("UTC", Bucket::Week, "1969-12-29T00:00:00Z", "1970-01-04T23:59:59Z", true),
        ] {
            let zone = zone(zone_name).unwrap();
            let bucket_of = |at: &str| Local::new(at.parse().unwrap(), &zone).bucket(bucket);
            assert_eq!(bucket_of(one) == bucket_of(other), same, "{bucket:?} of {one} and {other} in {zone_name}");
        }
        let at = Local::new(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        assert_eq!(at.bucket(Bucket::Each), None);
    }

    #[test]
    fn ages_go_back_by_the_calendar_of_the_zone() {
        let _proof = ebskeep_proofs::proves(&["2.3.10"]);
        for (end, age, zone_name, begin) in [
            ("2026-03-31T12:00:00Z", "1m", "UTC", "2026-02-28T12:00:00Z"),
            ("2026-03-30T11:00:00Z", "1d", "Europe/London", "2026-03-29T11:00:00Z"),
            ("2026-03-29T11:00:00Z", "1d", "Europe/London", "2026-03-28T12:00:00Z"),
            ("2026-03-29T11:00:00Z", "24h", "Europe/London", "2026-03-28T11:00:00Z"),
            // 01:30 of the day before was skipped.
            ("2026-03-30T00:30:00Z", "1d", "Europe/London", "2026-03-29T01:00:00Z"),
        ] {
            let zone = zone(zone_name).unwrap();
            let got = before(end.parse().unwrap(), Age::parse(age).unwrap(), &zone);
            assert_eq!(got, begin.parse().unwrap(), "{age} before {end}");
        }
    }
}
