//! Counts day by day.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Day, Totals};

/// What happened on each day of a span.
#[derive(Clone)]
pub(super) struct Tally {
    first: Date,
    zone: TimeZone,
    /// Snapshots and GiB at the start.
    before: Count,
    days: Vec<Change>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    snapshots: usize,
    gib: u64,
}

#[derive(Clone, Copy, Default)]
struct Change {
    created: Count,
    deleted: Count,
}

impl Tally {
    /// Nothing yet, over a span that ends before `end`.
    pub(super) fn new(start: Timestamp, end: Timestamp, zone: &TimeZone) -> Self {
        let last = end.checked_sub(1.nanosecond()).unwrap_or(end).max(start);
        let mut tally = Self {
            first: zone.to_datetime(start).date(),
            zone: zone.clone(),
            before: Count::default(),
            days: Vec::new(),
        };
        tally.days = vec![Change::default(); tally.index(last) + 1];
        tally
    }

    /// There from the start.
    pub(super) fn present(&mut self, gib: u32) {
        add(&mut self.before, gib);
    }

    /// Taken at that instant.
    pub(super) fn created(&mut self, at: Timestamp, gib: u32) {
        let index = self.index(at);
        if let Some(day) = self.days.get_mut(index) {
            add(&mut day.created, gib);
        }
    }

    /// Deleted at that instant.
    pub(super) fn deleted(&mut self, at: Timestamp, gib: u32) {
        let index = self.index(at);
        if let Some(day) = self.days.get_mut(index) {
            add(&mut day.deleted, gib);
        }
    }

    /// Adds another tally of the same span.
    pub(super) fn add(&mut self, other: &Self) {
        sum(&mut self.before, other.before);
        for (day, more) in self.days.iter_mut().zip(&other.days) {
            sum(&mut day.created, more.created);
            sum(&mut day.deleted, more.deleted);
        }
    }

    /// Day by day.
    pub(super) fn days(&self) -> Vec<Day> {
        let mut now = self.before;
        let mut date = self.first;
        let mut days = Vec::with_capacity(self.days.len());
        for Change { created, deleted } in &self.days {
            now.snapshots = (now.snapshots + created.snapshots).saturating_sub(deleted.snapshots);
            now.gib = (now.gib + created.gib).saturating_sub(deleted.gib);
            days.push(Day {
                date,
                snapshots: now.snapshots,
                gib: now.gib,
                created: created.snapshots,
                deleted: deleted.snapshots,
            });
            date = date.saturating_add(1.day());
        }
        days
    }

    /// The span as a whole.
    pub(super) fn totals(&self) -> Totals {
        let days = self.days();
        let lately = days.len() - days.len().div_ceil(4);
        let lately = || days.iter().skip(lately).map(|day| day.snapshots);
        let most = days.iter().map(|day| day.snapshots).max().unwrap_or_default();
        Totals {
            at_start: self.before.snapshots,
            created: days.iter().map(|day| day.created).sum(),
            deleted: days.iter().map(|day| day.deleted).sum(),
            at_end: days.last().map_or(0, |day| day.snapshots),
            gib_at_end: days.last().map_or(0, |day| day.gib),
            most,
            most_on: days.iter().find(|day| day.snapshots == most).map_or(self.first, |day| day.date),
            least_lately: lately().min().unwrap_or_default(),
            most_lately: lately().max().unwrap_or_default(),
        }
    }

    fn index(&self, at: Timestamp) -> usize {
        let days = (self.zone.to_datetime(at).date() - self.first).get_days();
        usize::try_from(days).unwrap_or(0)
    }
}

fn add(count: &mut Count, gib: u32) {
    sum(count, Count { snapshots: 1, gib: u64::from(gib) });
}

fn sum(count: &mut Count, more: Count) {
    count.snapshots += more.snapshots;
    count.gib += more.gib;
}
