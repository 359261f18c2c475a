//! When expire runs.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::age::Age;
use crate::calendar;

/// Expire runs at ten past midnight: when the snapshot of a daily slot is there.
const MINUTE: i8 = 10;

/// The instants at which expire runs: 00:10 of the day of the start, and from
/// there on every so often; those not before the start.
pub(super) struct Runs<'a> {
    zone: &'a TimeZone,
    every: Age,
    local: DateTime,
    next: Timestamp,
}

impl<'a> Runs<'a> {
    pub(super) fn new(start: Timestamp, every: Age, zone: &'a TimeZone) -> Self {
        let local = zone.to_datetime(start).date().at(0, MINUTE, 0, 0);
        let mut runs = Self { zone, every, local, next: calendar::instant(local, zone) };
        while runs.next < start {
            runs.advance();
        }
        runs
    }

    /// The next run.
    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// Goes on to the one after it.
    pub(super) fn advance(&mut self) {
        if self.every.is_whole_days() {
            // By the clock on the wall, so that no switch moves it for good.
            self.local = self.local.checked_add(self.every.calendar()).unwrap_or(DateTime::MAX);
            self.next = calendar::instant(self.local, self.zone);
        } else {
            self.next = calendar::after(self.next, self.every, self.zone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_at_ten_past_midnight_whatever_the_clocks_do() {
        for (start, every, zone, expected) in [
            (
                "2026-03-28T00:00:00Z",
                "1d",
                "Europe/London",
                ["2026-03-28T00:10:00Z", "2026-03-29T00:10:00Z", "2026-03-29T23:10:00Z"],
            ),
            // The hour from 00:00 of 2018-11-04 was skipped in Sao Paulo.
            (
                "2018-11-03T12:00:00Z",
                "1d",
                "America/Sao_Paulo",
                ["2018-11-04T03:00:00Z", "2018-11-05T02:10:00Z", "2018-11-06T02:10:00Z"],
            ),
            (
                "2026-03-28T12:00:00Z",
                "6h",
                "UTC",
                ["2026-03-28T12:10:00Z", "2026-03-28T18:10:00Z", "2026-03-29T00:10:00Z"],
            ),
        ] {
            let zone = calendar::zone(zone).unwrap();
            let mut runs = Runs::new(start.parse().unwrap(), Age::parse(every).unwrap(), &zone);
            for at in expected {
                assert_eq!(runs.next(), at.parse().unwrap(), "from {start} every {every}");
                runs.advance();
            }
        }
    }
}
