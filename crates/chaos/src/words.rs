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

/// A time zone: what is added to UTC, and from when on what else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    offset: i64,
    /// From this second on.
    later: Option<(i64, i64)>,
}

/// The zone of all that names none.
pub const UTC: Zone = Zone { offset: 0, later: None };

/// The values of `Backup_TimeZone` in worlds of retention, and one that no atlas has. Two of
/// them change their clocks in these weeks, one in the first hours.
pub const ZONES: [(&str, Option<Zone>); 5] = [
    ("Asia/Kolkata", Some(Zone { offset: 5 * HOUR + 1_800, later: None })),
    ("Pacific/Kiritimati", Some(Zone { offset: 14 * HOUR, later: None })),
    // 2026-03-08T07:00:00Z
    ("America/New_York", Some(Zone { offset: -5 * HOUR, later: Some((1_772_953_200, -4 * HOUR)) })),
    // 2026-03-29T01:00:00Z
    ("Europe/Berlin", Some(Zone { offset: HOUR, later: Some((1_774_746_000, 2 * HOUR)) })),
    ("Mars/Olympus", None),
];

/// The zone of this name, if there is one.
pub fn zone(name: &str) -> Option<Zone> {
    ZONES.iter().find(|(known, _)| *known == name).and_then(|(_, zone)| *zone)
}

impl Zone {
    fn offset_at(self, second: i64) -> i64 {
        self.later.filter(|(from, _)| second >= *from).map_or(self.offset, |(_, offset)| offset)
    }

    /// The seconds of 1970's first midnight that a clock on the wall shows.
    fn local(self, at: Timestamp) -> i64 {
        at.as_second() + self.offset_at(at.as_second())
    }

    /// When a clock on the wall shows these. No slot here is in an hour that is left out.
    fn instant(self, local: i64) -> i64 {
        let before = local - self.offset;
        let changed = self.later.filter(|(from, _)| before >= *from);
        changed.map_or(before, |(_, offset)| local - offset)
    }

    /// By how much less than so many seconds days in this zone can last from then on: an hour
    /// where clocks are put forward on the way.
    pub fn short(self, from: Timestamp, seconds: i64) -> i64 {
        let from = from.as_second();
        (self.offset_at(from.saturating_add(seconds)) - self.offset_at(from)).max(0)
    }
}

/// Periods of the calendar, in a zone.
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
    pub fn bucket(self, at: Timestamp, zone: Zone) -> i64 {
        let local = zone.local(at);
        let date = || {
            let shown = Timestamp::from_second(local).unwrap_or(at);
            jiff::tz::TimeZone::UTC.to_datetime(shown).date()
        };
        match self {
            Self::Length(length, offset) => (local - offset).div_euclid(length),
            Self::Month => 12 * i64::from(date().year()) + i64::from(date().month()),
            Self::Year => date().year().into(),
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
pub const LONG: [Policy; 17] = [
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
    (
        "within-hourly=12h within-weekly=2w",
        Some(14 * DAY),
        &[Keeps::Within(Some(EACH_HOUR), 12 * HOUR), Keeps::Within(Some(EACH_WEEK), 14 * DAY)],
    ),
    // Months have 28 days at least.
    (
        "within-monthly=1m,within-yearly=1y",
        Some(365 * DAY),
        &[Keeps::Within(Some(Each::Month), 28 * DAY), Keeps::Within(Some(Each::Year), 365 * DAY)],
    ),
    ("forever", None, &[Keeps::Always]),
    ("whenever", None, &[Keeps::Always]),
];

/// The default, seven days.
pub const DEFAULT: &[Keeps] = &[Keeps::Age(7 * DAY)];

/// Policies as the mark `ebskeep:policy-since` names them, where that is not letter by letter.
const MARKED: [(&str, &str); 5] = [
    ("2d", "2"),
    ("14d", "2w"),
    ("last=2 weekly=2", "weekly=2,last=2"),
    ("within-hourly=12h within-weekly=14d", "within-hourly=12h within-weekly=2w"),
    ("within-monthly=1m within-yearly=1y", "within-monthly=1m,within-yearly=1y"),
];

fn policy(text: &str) -> Option<&'static Policy> {
    let as_tagged = MARKED.iter().find(|(marked, _)| *marked == text).map_or(text, |(_, tagged)| tagged);
    SHORT.iter().chain(&LONG).find(|(text, ..)| *text == as_tagged)
}

/// What keeps under a policy; what is not in the tables keeps everything.
pub fn meaning(text: &str) -> &'static [Keeps] {
    policy(text).map_or(&[Keeps::Always], |(_, _, keeps)| keeps)
}

/// How long copies under a policy are wanted; no end for what is not in the tables.
pub fn span_of(text: &str) -> Option<SignedDuration> {
    policy(text).and_then(|(_, span, _)| *span).map(SignedDuration::from_secs)
}

/// What a value of `Backup` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Slots that are always as far apart on the clock on the wall: by that, from this second
    /// of a first midnight on.
    Period(i64, i64),
    /// Whenever a creator runs.
    Run,
}

/// How far back a volume that is backed up at every run may have its newest backup.
const RUNS_BACK: i64 = 48 * HOUR;

/// A schedule in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    every: Every,
    zone: Zone,
}

impl Schedule {
    /// Its latest slot that is not after this instant.
    pub fn slot(self, now: Timestamp) -> Timestamp {
        match self.every {
            Every::Period(period, offset) => self.slots_back(now, period, offset, 0),
            Every::Run => now,
        }
    }

    /// The slot before that.
    pub fn slot_before(self, now: Timestamp) -> Timestamp {
        match self.every {
            Every::Period(period, offset) => self.slots_back(now, period, offset, 1),
            Every::Run => now.checked_sub(SignedDuration::from_secs(RUNS_BACK)).unwrap_or(now),
        }
    }

    fn slots_back(self, now: Timestamp, period: i64, offset: i64, slots: i64) -> Timestamp {
        let local = self.zone.local(now);
        let slot = local - (local - offset).rem_euclid(period) - slots * period;
        Timestamp::from_second(self.zone.instant(slot)).unwrap_or(now)
    }
}

/// Values of `Backup` in worlds of retention. What is not here means the default,
/// which is `daily`.
pub const SCHEDULES: [(&str, Option<Every>); 10] = [
    ("daily", Some(Every::Period(DAY, 0))),
    ("Yes", Some(Every::Period(DAY, 0))),
    ("every 12h", Some(Every::Period(12 * HOUR, 0))),
    ("every 6h", Some(Every::Period(6 * HOUR, 0))),
    ("every 4h", Some(Every::Period(4 * HOUR, 0))),
    ("daily @ 03:30", Some(Every::Period(DAY, 3 * HOUR + 1_800))),
    ("30 15 * * *", Some(Every::Period(DAY, 15 * HOUR + 1_800))),
    ("every-run", Some(Every::Run)),
    ("sometimes", Some(Every::Period(DAY, 0))),
    ("No", None),
];

/// When a value of `Backup` wants backups in a zone, if it wants any.
pub fn schedule(value: &str, zone: Zone) -> Option<Schedule> {
    let known = SCHEDULES.iter().find(|(text, _)| *text == value);
    let every = known.map_or(Some(Every::Period(DAY, 0)), |(_, every)| *every)?;
    Some(Schedule { every, zone })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn policies_are_known_as_marks_name_them() {
        for (text, ..) in SHORT.iter().chain(&LONG).filter(|(text, ..)| *text != "whenever") {
            let marked = match ebskeep_core::retention::Policy::parse(text).unwrap() {
                ebskeep_core::retention::Policy::Age(age) => age.short().to_string(),
                policy => policy.to_string(),
            };
            assert_eq!(meaning(&marked), meaning(text), "{text} as {marked}");
        }
    }

    #[test]
    fn slots_are_where_a_calendar_has_them() {
        let now = at("2026-03-11T04:05:06Z");
        for (value, slot, before) in [
            ("daily", "2026-03-11T00:00:00Z", "2026-03-10T00:00:00Z"),
            ("daily @ 03:30", "2026-03-11T03:30:00Z", "2026-03-10T03:30:00Z"),
            ("30 15 * * *", "2026-03-10T15:30:00Z", "2026-03-09T15:30:00Z"),
            ("every 6h", "2026-03-11T00:00:00Z", "2026-03-10T18:00:00Z"),
            ("every-run", "2026-03-11T04:05:06Z", "2026-03-09T04:05:06Z"),
        ] {
            let every = schedule(value, UTC).unwrap();
            assert_eq!((every.slot(now), every.slot_before(now)), (at(slot), at(before)), "{value}");
        }
        assert_eq!(schedule("No", UTC), None);
    }

    #[test]
    fn slots_and_buckets_are_where_a_clock_on_the_wall_has_them() {
        for (name, value, now, slot, before) in [
            ("Asia/Kolkata", "daily", "2026-03-11T04:05:06Z", "2026-03-10T18:30:00Z", "2026-03-09T18:30:00Z"),
            (
                "Pacific/Kiritimati",
                "daily @ 03:30",
                "2026-03-11T04:05:06Z",
                "2026-03-10T13:30:00Z",
                "2026-03-09T13:30:00Z",
            ),
            // Clocks go forward at two o'clock in the morning, 07:00Z.
            ("America/New_York", "daily", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-07T05:00:00Z"),
            ("America/New_York", "daily", "2026-03-09T12:00:00Z", "2026-03-09T04:00:00Z", "2026-03-08T05:00:00Z"),
            ("America/New_York", "every 4h", "2026-03-08T09:00:00Z", "2026-03-08T08:00:00Z", "2026-03-08T05:00:00Z"),
            ("Europe/Berlin", "every 6h", "2026-03-29T08:00:00Z", "2026-03-29T04:00:00Z", "2026-03-28T23:00:00Z"),
        ] {
            let every = schedule(value, zone(name).unwrap()).unwrap();
            let now = at(now);
            assert_eq!((every.slot(now), every.slot_before(now)), (at(slot), at(before)), "{value} in {name}");
        }
        let berlin = zone("Europe/Berlin").unwrap();
        let day = |text: &str| EACH_DAY.bucket(at(text), berlin);
        assert_eq!(day("2026-03-28T23:00:00Z"), day("2026-03-29T21:59:59Z"));
        assert_eq!(day("2026-03-28T23:00:00Z") + 1, day("2026-03-29T22:00:00Z"));
        assert_eq!(berlin.short(at("2026-03-28T12:00:00Z"), DAY), HOUR);
        assert_eq!(zone("Mars/Olympus"), None);
        for (each, last, first) in [
            (EACH_HOUR, "2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z"),
            (EACH_WEEK, "2026-03-08T22:59:59Z", "2026-03-08T23:00:00Z"),
            (Each::Month, "2026-02-28T22:59:59Z", "2026-02-28T23:00:00Z"),
            (Each::Year, "2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z"),
        ] {
            assert_eq!(each.bucket(at(last), berlin) + 1, each.bucket(at(first), berlin), "{each:?}");
        }
    }
}
