//! `Backup`: when a volume is due. Owns schedules and their slots; the grammar
//! is in `parse`, cron in `cron`. Whether a volume is due is decided in
//! [`crate::plan`].
//!
//! A schedule is a set of local times. What makes instants of them is here
//! alone: of schedules that name hours each local time counts once, of the
//! others each real occurrence counts.

mod cron;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::calendar;

pub use cron::Cron;

/// When snapshots are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At each run of the creator, as the original tool.
    EveryRun,
    /// Every so many minutes of the real hour; `hourly` is 60. Divides 60.
    Minutes(i8),
    /// At every so many local hours from midnight. Divides 24.
    Hours(i8),
    /// Every so many local days, counted from 1970-01-01; `daily` is every one.
    Days {
        /// How many, at least 1.
        every: i32,
        /// The local time.
        at: Time,
    },
    /// Once a week; `weekly` is Monday 00:00.
    Weekly {
        /// The day.
        day: Weekday,
        /// The local time.
        at: Time,
    },
    /// Once a month; `monthly` is the first, 00:00.
    Monthly {
        /// The day, 1 to 31; past the end of a month it is the month's last.
        day: i8,
        /// The local time.
        at: Time,
    },
    /// New Year, 00:00 local.
    Yearly,
    /// Five fields of cron.
    Cron(Cron),
}

/// What the value of a `Backup` tag says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backup {
    /// `Yes`: the default schedule.
    Default,
    /// `No`: excluded.
    No,
    /// A schedule of its own.
    On(Schedule),
}

impl Schedule {
    /// Each local midnight.
    pub const DAILY: Self = Self::Days { every: 1, at: Time::midnight() };

    /// The latest instant of the schedule that is not after `now`. `run` is
    /// what `every-run` answers: the trigger's scheduled time, or the run's
    /// start. Before a schedule's first instant it is the beginning of time.
    pub fn slot(&self, now: Timestamp, zone: &TimeZone, run: Timestamp) -> Timestamp {
        match self {
            Self::EveryRun => run,
            _ => self.at_or_before(now, zone).unwrap_or(Timestamp::MIN),
        }
    }

    /// The slot before the one at `slot`; `None` for `every-run`, which has
    /// no instants of its own, and at the beginning of time.
    pub fn slot_before(&self, slot: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        self.at_or_before(slot.checked_sub(1.nanosecond()).ok()?, zone)
    }

    /// The earliest instant of the schedule that is after `at`; `None` for
    /// `every-run`, which has no instants of its own, and at the end of time.
    pub fn slot_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.runs_in_real_time() {
            return self.real_after(at, zone);
        }
        let local = self.earliest_not_before(reached(at, zone).checked_add(1.nanosecond()).ok()?)?;
        // A local time that no instant can name has the end of time for its own.
        Some(calendar::instant(local, zone)).filter(|found| *found < Timestamp::MAX)
    }

    fn at_or_before(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.runs_in_real_time() {
            return self.real_at_or_before(at, zone);
        }
        let local = self.latest_not_after(reached(at, zone))?;
        Some(calendar::instant(local, zone)).filter(|found| *found > Timestamp::MIN)
    }

    /// Whether each real occurrence of a local time counts: so it is where no
    /// hour is named.
    fn runs_in_real_time(&self) -> bool {
        match self {
            Self::Minutes(_) => true,
            Self::Cron(cron) => !cron.names_hours(),
            Self::EveryRun
            | Self::Hours(_)
            | Self::Days { .. }
            | Self::Weekly { .. }
            | Self::Monthly { .. }
            | Self::Yearly => false,
        }
    }

    /// Looks back through the times between two switches, in each of which
    /// local and real time go side by side.
    fn real_at_or_before(&self, mut at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        loop {
            let offset = zone.to_offset(at);
            let local = self.latest_not_after(offset.to_datetime(at));
            let found = local.and_then(|local| offset.to_timestamp(local).ok());
            match calendar::switch_at_or_before(zone, at) {
                Some(switch) if found.is_none_or(|found| found < switch) => {
                    at = switch.checked_sub(1.nanosecond()).ok()?;
                }
                _ => return found,
            }
        }
    }

    /// The same, forward.
    fn real_after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut from = at.checked_add(1.nanosecond()).ok()?;
        loop {
            let offset = zone.to_offset(from);
            let local = self.earliest_not_before(offset.to_datetime(from));
            let found = local.and_then(|local| offset.to_timestamp(local).ok());
            match zone.following(from).next().map(|next| next.timestamp()) {
                Some(switch) if found.is_none_or(|found| found >= switch) => from = switch,
                _ => return found,
            }
        }
    }

    /// The latest of the schedule's local times that is not after `local`.
    fn latest_not_after(&self, local: DateTime) -> Option<DateTime> {
        match self {
            Self::Cron(cron) => cron.latest_not_after(local),
            _ => [0, -1].into_iter().filter_map(|by| self.in_period(local, by)).find(|found| *found <= local),
        }
    }

    /// The earliest of the schedule's local times that is not before `local`.
    fn earliest_not_before(&self, local: DateTime) -> Option<DateTime> {
        match self {
            Self::Cron(cron) => cron.earliest_not_before(local),
            _ => [0, 1].into_iter().filter_map(|by| self.in_period(local, by)).find(|found| *found >= local),
        }
    }

    /// All but cron have one local time in each of their periods (an hour's
    /// part, a week): the one in the period of `local`, or `by` periods later.
    fn in_period(&self, local: DateTime, by: i32) -> Option<DateTime> {
        let date = local.date();
        let on = |days: i32, at: Time| Some(date.checked_add(days.days()).ok()?.to_datetime(at));
        match self {
            Self::EveryRun | Self::Cron(_) => None,
            Self::Minutes(n) => {
                let begun = date.at(local.hour(), local.minute() - local.minute() % n, 0, 0);
                begun.checked_add((by * i32::from(*n)).minutes()).ok()
            }
            Self::Hours(n) => {
                let begun = date.at(local.hour() - local.hour() % n, 0, 0, 0);
                begun.checked_add((by * i32::from(*n)).hours()).ok()
            }
            Self::Days { every, at } => on(by * every - days_since_1970(date).rem_euclid(*every), *at),
            Self::Weekly { day, at } => {
                let into = |day: Weekday| i32::from(day.to_monday_zero_offset());
                on(7 * by + into(*day) - into(date.weekday()), *at)
            }
            Self::Monthly { day, at } => {
                let first = date.first_of_month().checked_add(by.months()).ok()?;
                let past = (*day).min(first.days_in_month()) - 1;
                Some(first.checked_add(i32::from(past).days()).ok()?.to_datetime(*at))
            }
            Self::Yearly => Some(date.first_of_year().checked_add(by.years()).ok()?.at(0, 0, 0, 0)),
        }
    }
}

fn days_since_1970(date: Date) -> i32 {
    (date - jiff::civil::date(1970, 1, 1)).get_days()
}

/// How long after a switch the local time may still be one that was passed
/// before it. No zone has ever been set back by more than a day.
const LONGEST_BACK: i64 = 48;

/// The latest local time whose instant is not after `at`. While an hour is
/// repeated that is its end, since its times all count where they were first.
fn reached(at: Timestamp, zone: &TimeZone) -> DateTime {
    let since = at.checked_sub(LONGEST_BACK.hours()).unwrap_or(Timestamp::MIN);
    let just_after = at.checked_add(1.nanosecond()).unwrap_or(at);
    let switches = zone.preceding(just_after).map(|switch| switch.timestamp()).take_while(|switch| *switch > since);
    let ends = switches.filter_map(|switch| Some(zone.to_datetime(switch.checked_sub(1.nanosecond()).ok()?)));
    ends.fold(zone.to_datetime(at), DateTime::max)
}
