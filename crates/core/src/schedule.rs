//! `Backup`: when a volume is due. Owns the grammar of schedules and their
//! slots; whether a volume is due is decided in [`crate::plan`].

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

use crate::calendar;

/// When snapshots are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At each run of the creator, as the original tool.
    EveryRun,
    /// Every so many minutes of the real hour; `hourly` is 60. Divides 60.
    Minutes(i8),
    /// At every so many local hours from midnight. Divides 24.
    Hours(i8),
    /// Every so many local days, counted from 1970-01-01; `daily` is 1.
    Days(i32),
    /// Mondays, 00:00 local.
    Weekly,
    /// The first of the month, 00:00 local.
    Monthly,
    /// New Year, 00:00 local.
    Yearly,
}

/// What the value of a `Backup` tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backup {
    /// `Yes`: the default schedule.
    Default,
    /// `No`: excluded.
    No,
    /// A schedule of its own.
    On(Schedule),
}

impl Backup {
    /// Reads the value of a `Backup` tag. The error says what is wrong and
    /// what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" | "enabled" => Ok(Self::Default),
            "no" | "false" | "off" | "0" | "disabled" => Ok(Self::No),
            _ => Schedule::parse(text).map(Self::On),
        }
    }
}

impl Schedule {
    /// Reads a schedule. The error says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        match text.as_str() {
            "every-run" => return Ok(Self::EveryRun),
            "hourly" => return Ok(Self::Minutes(60)),
            "daily" => return Ok(Self::Days(1)),
            "weekly" => return Ok(Self::Weekly),
            "monthly" => return Ok(Self::Monthly),
            "yearly" => return Ok(Self::Yearly),
            _ => {}
        }
        if let Some(period) = text.strip_prefix("every ") {
            return every(period.trim());
        }
        if text.contains('@') || text.split_whitespace().count() == 5 {
            return Err("times of day and cron are not understood by this version; write yes, no, every-run, hourly, \
                 daily, weekly, monthly, yearly, or a period such as \"every 6h\""
                .to_owned());
        }
        Err("it is none of yes, no, every-run, hourly, daily, weekly, monthly, yearly, nor a period such as \"every 6h\""
            .to_owned())
    }

    /// The latest instant of the schedule that is not after `now`. `run` is
    /// what `every-run` answers: the trigger's scheduled time, or the run's start.
    pub fn slot(self, now: Timestamp, zone: &TimeZone, run: Timestamp) -> Timestamp {
        match self {
            Self::EveryRun => run,
            Self::Minutes(n) => in_real_time(now, zone, n),
            Self::Hours(n) => named(now, zone, i64::from(n).hours(), |t| t.date().at(t.hour() - t.hour() % n, 0, 0, 0)),
            Self::Days(n) => named(now, zone, i64::from(n).days(), |t| {
                let past = days_since_1970(t).rem_euclid(n);
                t.date().saturating_sub(i64::from(past).days()).at(0, 0, 0, 0)
            }),
            Self::Weekly => named(now, zone, 7.days(), |t| {
                let past = t.weekday().to_monday_zero_offset();
                t.date().saturating_sub(i64::from(past).days()).at(0, 0, 0, 0)
            }),
            Self::Monthly => named(now, zone, 1.month(), |t| t.date().first_of_month().at(0, 0, 0, 0)),
            Self::Yearly => named(now, zone, 1.year(), |t| t.date().first_of_year().at(0, 0, 0, 0)),
        }
    }

    /// The slot before the one at `slot`; `None` for `every-run`, which has
    /// no instants of its own.
    pub fn slot_before(self, slot: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self == Self::EveryRun {
            return None;
        }
        let just_before = slot.checked_sub(1.nanosecond()).ok()?;
        Some(self.slot(just_before, zone, just_before))
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EveryRun => f.write_str("every-run"),
            Self::Minutes(60) => f.write_str("hourly"),
            Self::Minutes(n) => write!(f, "every {n}m"),
            Self::Hours(n) => write!(f, "every {n}h"),
            Self::Days(1) => f.write_str("daily"),
            Self::Days(n) => write!(f, "every {n}d"),
            Self::Weekly => f.write_str("weekly"),
            Self::Monthly => f.write_str("monthly"),
            Self::Yearly => f.write_str("yearly"),
        }
    }
}

fn every(period: &str) -> Result<Schedule, String> {
    let wrong = || format!("\"every {period}\" is no period; write a number and m, h or d, such as \"every 6h\"");
    let unit = period.chars().last().ok_or_else(wrong)?;
    let digits = period.strip_suffix(unit).unwrap_or_default().trim();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let n: i32 = digits.parse().map_err(|_| wrong())?;
    let divides = |whole: i32| i8::try_from(n).ok().filter(|_| n > 0 && n <= whole && whole % n == 0);
    match unit {
        'm' => divides(60)
            .map(Schedule::Minutes)
            .ok_or_else(|| "minutes must divide the hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60".to_owned()),
        'h' => divides(24)
            .map(Schedule::Hours)
            .ok_or_else(|| "hours must divide the day: 1, 2, 3, 4, 6, 8, 12 or 24".to_owned()),
        'd' if n > 0 => Ok(Schedule::Days(n)),
        'd' => Err("days must be 1 or more".to_owned()),
        _ => Err(wrong()),
    }
}

fn days_since_1970(local: DateTime) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    (local.date() - epoch).get_days()
}

/// The latest of the local times that `floor` names whose instant is not after
/// `now`. Around a switch a local time's instant may lie past `now`, and the
/// next one's before it, so the neighbours are looked at too.
fn named(now: Timestamp, zone: &TimeZone, step: Span, floor: impl Fn(DateTime) -> DateTime) -> Timestamp {
    let here = floor(zone.to_datetime(now));
    let before = floor(here.saturating_sub(step));
    let near = [here.saturating_add(step), here, before, floor(before.saturating_sub(step))];
    near.into_iter()
        .map(|local| calendar::instant(floor(local), zone))
        .filter(|at| *at <= now)
        .max()
        // Only at the very beginning of time is there none before.
        .unwrap_or(now)
}

/// The latest instant not after `now` whose local minute is a multiple of `n`:
/// every real hour has its slots, a repeated one too.
fn in_real_time(now: Timestamp, zone: &TimeZone, n: i8) -> Timestamp {
    let mut at = now;
    loop {
        let local = zone.to_datetime(at);
        let past =
            i64::from(local.minute() % n).minutes().seconds(local.second()).nanoseconds(local.subsec_nanosecond());
        let slot = at.checked_sub(past).unwrap_or(at);
        match calendar::switch_at_or_before(zone, at) {
            // The slot would lie before a switch, where another offset ruled.
            Some(switch) if switch > slot => at = switch.checked_sub(1.nanosecond()).unwrap_or(switch),
            _ => return slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_without_regard_to_case_and_blanks() {
        for (text, backup) in [
            (" Yes ", Backup::Default),
            ("TRUE", Backup::Default),
            ("1", Backup::Default),
            ("off", Backup::No),
            ("Every-Run", Backup::On(Schedule::EveryRun)),
            ("hourly", Backup::On(Schedule::Minutes(60))),
            ("every 15m", Backup::On(Schedule::Minutes(15))),
            ("EVERY 6h", Backup::On(Schedule::Hours(6))),
            ("every  2 d", Backup::On(Schedule::Days(2))),
        ] {
            assert_eq!(Backup::parse(text), Ok(backup), "{text:?}");
        }
        for text in [
            "",
            "Yse",
            "every",
            "every 7m",
            "every 5h",
            "every 0d",
            "every -1h",
            "every h",
            "every 6x",
            "daily @ 03:30",
            "0 3 * * *",
            "ja",
        ] {
            assert!(Backup::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_slot_is_the_latest_instant_not_after_now() {
        for (schedule, zone_name, now, slot) in [
            ("hourly", "UTC", "2026-03-10T12:34:56Z", "2026-03-10T12:00:00Z"),
            ("hourly", "Asia/Kathmandu", "2026-03-10T12:34:56Z", "2026-03-10T12:15:00Z"),
            ("every 15m", "UTC", "2026-03-10T12:44:59Z", "2026-03-10T12:30:00Z"),
            ("daily", "UTC", "2026-03-10T00:00:00Z", "2026-03-10T00:00:00Z"),
            ("daily", "America/New_York", "2026-03-10T03:00:00Z", "2026-03-09T04:00:00Z"),
            ("weekly", "UTC", "2026-03-15T23:59:59Z", "2026-03-09T00:00:00Z"),
            ("monthly", "Europe/London", "2026-04-01T00:30:00Z", "2026-03-31T23:00:00Z"),
            ("yearly", "Pacific/Auckland", "2025-12-31T12:00:00Z", "2025-12-31T11:00:00Z"),
            ("every 6h", "UTC", "2026-03-10T17:59:00Z", "2026-03-10T12:00:00Z"),
            ("every 2d", "UTC", "1970-01-04T12:00:00Z", "1970-01-03T00:00:00Z"),
            ("every 2d", "UTC", "2026-03-10T12:00:00Z", "2026-03-10T00:00:00Z"),
            // Clocks go forward at 01:00 in London: a repeated or skipped hour changes no real hour.
            ("hourly", "Europe/London", "2026-03-29T01:30:00Z", "2026-03-29T01:00:00Z"),
            ("hourly", "Europe/London", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z"),
            ("hourly", "Europe/London", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"),
            // Lord Howe goes back half an hour at 02:00 to 01:30: its next full hour is 90 minutes after 01:00.
            ("hourly", "Australia/Lord_Howe", "2026-04-04T15:10:00Z", "2026-04-04T14:00:00Z"),
            ("hourly", "Australia/Lord_Howe", "2026-04-04T15:30:00Z", "2026-04-04T15:30:00Z"),
            // Sao Paulo skipped midnight of 2018-11-04: its day began at 01:00.
            ("daily", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"),
            ("daily", "America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03T03:00:00Z"),
            // Apia had no 2011-12-30.
            ("daily", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"),
            ("daily", "Pacific/Apia", "2011-12-30T09:59:00Z", "2011-12-29T10:00:00Z"),
            // 18:00 to 00:00 and 00:00 to 06:00 across London's spring switch.
            ("every 6h", "Europe/London", "2026-03-29T04:59:00Z", "2026-03-29T00:00:00Z"),
            ("every 6h", "Europe/London", "2026-03-29T05:00:00Z", "2026-03-29T05:00:00Z"),
        ] {
            let zone = calendar::zone(zone_name).unwrap();
            let now = now.parse().unwrap();
            let got = Schedule::parse(schedule).unwrap().slot(now, &zone, now);
            assert_eq!(got, slot.parse().unwrap(), "{schedule} in {zone_name} at {now}");
        }
    }

    #[test]
    fn the_midnight_that_comes_twice_counts_once_and_first() {
        // Havana went back from 01:00 to 00:00 on 2025-11-02: 00:00 to 01:00 came twice.
        let zone = calendar::zone("America/Havana").unwrap();
        let first: Timestamp = "2025-11-02T04:00:00Z".parse().unwrap();
        for now in ["2025-11-02T04:30:00Z", "2025-11-02T05:30:00Z"] {
            let now = now.parse().unwrap();
            assert_eq!(Schedule::Days(1).slot(now, &zone, now), first);
        }
    }

    #[test]
    fn every_run_is_its_own_slot_and_has_none_before() {
        let zone = TimeZone::UTC;
        let now: Timestamp = "2026-03-10T12:00:05Z".parse().unwrap();
        let trigger: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        assert_eq!(Schedule::EveryRun.slot(now, &zone, trigger), trigger);
        assert_eq!(Schedule::EveryRun.slot_before(trigger, &zone), None);
        let midnight: Timestamp = "2026-03-10T00:00:00Z".parse().unwrap();
        assert_eq!(Schedule::Days(1).slot_before(midnight, &zone), Some("2026-03-09T00:00:00Z".parse().unwrap()));
    }
}
