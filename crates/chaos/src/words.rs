//! What the worlds' tags say, read by hand: one entry for each value that a user
//! here writes. Nobody's reading of a policy or a schedule is held against itself.

use jiff::{SignedDuration, Timestamp};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// Since 1970-01-01 was a Thursday.
const MONDAY: i64 = 4 * DAY;

/// What keeps a snapshot under a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// So many seconds after it began.
    Age(i64),
    /// For good, or because nobody understands it.
    Always,
    /// So many newest.
    Last(usize),
    /// The newest in each of the last so many periods in which there is one.
    Newest(Each, usize),
    /// What is younger than the newest by less than so many seconds: all, or the newest
    /// in each period.
    Within(Option<Each>, i64),
}

/// Periods of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Those of one length: that and their offset from 1970, in seconds.
    Length(i64, i64),
    /// Months.
    Month,
    /// Years.
    Year,
}

const EACH_HOUR: Each = Each::Length(HOUR, 0);
const EACH_DAY: Each = Each::Length(DAY, 0);
const EACH_WEEK: Each = Each::Length(7 * DAY, MONDAY);

impl Each {
    /// Which of them an instant is in.
    pub fn bucket(self, at: Timestamp) -> i64 {
        let date = jiff::tz::TimeZone::UTC.to_datetime(at).date();
        match self {
            Self::Length(length, offset) => (at.as_second() - offset).div_euclid(length),
            Self::Month => 12 * i64::from(date.year()) + i64::from(date.month()),
            Self::Year => date.year().into(),
        }
    }
}

/// A policy, the seconds for which it wants copies, if that ends, and its meaning.
type Policy = (&'static str, Option<i64>, &'static [Keeps]);

/// Policies in worlds of copies, which last for days.
pub const SHORT: [Policy; 7] = [
    ("2", Some(2 * DAY), &[Keeps::Age(2 * DAY)]),
    ("30h", Some(30 * HOUR), &[Keeps::Age(30 * HOUR)]),
    ("daily=3", Some(3 * DAY), &[Keeps::Newest(EACH_DAY, 3)]),
    ("hourly=6 daily=2", Some(2 * DAY), &[Keeps::Newest(EACH_HOUR, 6), Keeps::Newest(EACH_DAY, 2)]),
    ("last=3", None, &[Keeps::Last(3)]),
    ("within=1d12h", Some(36 * HOUR), &[Keeps::Within(None, 36 * HOUR)]),
    ("forever", None, &[Keeps::Always]),
];

/// Policies in worlds of retention, which last for weeks.
pub const LONG: [Policy; 15] = [
    ("2", Some(2 * DAY), &[Keeps::Age(2 * DAY)]),
    ("1d", Some(DAY), &[Keeps::Age(DAY)]),
    ("6h", Some(6 * HOUR), &[Keeps::Age(6 * HOUR)]),
    ("30h", Some(30 * HOUR), &[Keeps::Age(30 * HOUR)]),
    ("9d", Some(9 * DAY), &[Keeps::Age(9 * DAY)]),
    ("2w", Some(14 * DAY), &[Keeps::Age(14 * DAY)]),
    ("daily=3", Some(3 * DAY), &[Keeps::Newest(EACH_DAY, 3)]),
    ("daily=12", Some(12 * DAY), &[Keeps::Newest(EACH_DAY, 12)]),
    ("hourly=6 daily=2", Some(2 * DAY), &[Keeps::Newest(EACH_HOUR, 6), Keeps::Newest(EACH_DAY, 2)]),
    ("weekly=2,last=2", None, &[Keeps::Newest(EACH_WEEK, 2), Keeps::Last(2)]),
    ("within=1d12h", Some(36 * HOUR), &[Keeps::Within(None, 36 * HOUR)]),
    ("monthly=2 yearly=1", Some(365 * DAY), &[Keeps::Newest(Each::Month, 2), Keeps::Newest(Each::Year, 1)]),
    ("within-daily=6d", Some(6 * DAY), &[Keeps::Within(Some(EACH_DAY), 6 * DAY)]),
    ("forever", None, &[Keeps::Always]),
    ("whenever", None, &[Keeps::Always]),
];

/// The default, seven days.
pub const DEFAULT: &[Keeps] = &[Keeps::Age(7 * DAY)];

/// What keeps under a policy; what is not in the tables keeps everything.
pub fn meaning(policy: &str) -> &'static [Keeps] {
    let known = SHORT.iter().chain(&LONG).find(|(text, ..)| *text == policy);
    known.map_or(&[Keeps::Always], |(_, _, keeps)| keeps)
}

/// How long copies under a policy are wanted; no end for what is not in the tables.
pub fn span_of(policy: &str) -> Option<SignedDuration> {
    let known = SHORT.iter().chain(&LONG).find(|(text, ..)| *text == policy);
    known.and_then(|(_, span, _)| *span).map(SignedDuration::from_secs)
}

/// A schedule whose slots are always as far apart, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    period: i64,
    offset: i64,
}

impl Every {
    /// Its latest slot that is not after this instant.
    pub fn slot(self, now: Timestamp) -> Timestamp {
        let since = (now.as_second() - self.offset).rem_euclid(self.period);
        Timestamp::from_second(now.as_second() - since).unwrap_or(now)
    }

    /// The slot before that.
    pub fn slot_before(self, now: Timestamp) -> Timestamp {
        let slot = self.slot(now);
        slot.checked_sub(SignedDuration::from_secs(self.period)).unwrap_or(slot)
    }
}

/// Values of `Backup` in worlds of retention. What is not here means the default,
/// which is `daily`.
pub const SCHEDULES: [(&str, Option<Every>); 9] = [
    ("daily", Some(Every { period: DAY, offset: 0 })),
    ("Yes", Some(Every { period: DAY, offset: 0 })),
    ("every 12h", Some(Every { period: 12 * HOUR, offset: 0 })),
    ("every 6h", Some(Every { period: 6 * HOUR, offset: 0 })),
    ("every 4h", Some(Every { period: 4 * HOUR, offset: 0 })),
    ("daily @ 03:30", Some(Every { period: DAY, offset: 3 * HOUR + 1_800 })),
    ("30 15 * * *", Some(Every { period: DAY, offset: 15 * HOUR + 1_800 })),
    ("sometimes", Some(Every { period: DAY, offset: 0 })),
    ("No", None),
];

/// When a value of `Backup` wants backups, if it wants any.
pub fn schedule(value: &str) -> Option<Every> {
    let known = SCHEDULES.iter().find(|(text, _)| *text == value);
    known.map_or(Some(Every { period: DAY, offset: 0 }), |(_, every)| *every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn slots_are_where_a_calendar_has_them() {
        let now = at("2026-03-11T04:05:06Z");
        for (value, slot, before) in [
            ("daily", "2026-03-11T00:00:00Z", "2026-03-10T00:00:00Z"),
            ("daily @ 03:30", "2026-03-11T03:30:00Z", "2026-03-10T03:30:00Z"),
            ("30 15 * * *", "2026-03-10T15:30:00Z", "2026-03-09T15:30:00Z"),
            ("every 6h", "2026-03-11T00:00:00Z", "2026-03-10T18:00:00Z"),
        ] {
            let every = schedule(value).unwrap();
            assert_eq!((every.slot(now), every.slot_before(now)), (at(slot), at(before)), "{value}");
        }
        assert_eq!(schedule("No"), None);
    }
}
