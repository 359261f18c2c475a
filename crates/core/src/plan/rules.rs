//! What retention rules keep (docs/semantics.md 2.3): a function of times.
//!
//! Knows nothing of snapshots, tags or why a lineage has the rules it has.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::{self, Local};
use crate::retention::{Reach, Rule, Rules};

/// That a rule keeps something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeptBy {
    /// The place of what it keeps among the times.
    pub(super) at: usize,
    /// The rule.
    pub(super) rule: Rule,
    /// How many the rule has kept with this one, the newest first.
    pub(super) nth: u32,
    /// It is not the newest of its bucket, but the oldest there is, and the rule
    /// had count left.
    pub(super) as_oldest: bool,
}

/// The rules that keep each of the times, which have to be the newest first; in
/// the order of the times and then of the rules. Only good snapshots take part, and
/// one for each slot.
pub(super) fn keeps(rules: &Rules, zone: &TimeZone, times: &[Timestamp]) -> Vec<KeptBy> {
    let mut kept = Vec::new();
    let Some(newest) = times.first() else { return kept };
    let locals: Vec<Local> = times.iter().map(|time| Local::new(*time, zone)).collect();
    for rule in rules.iter() {
        let (count, after) = match rule.reach {
            Reach::Count(count) => (count, None),
            Reach::All => (u32::MAX, None),
            // Strictly younger than that before the newest.
            Reach::Within(age) => (u32::MAX, Some(calendar::before(*newest, age, zone))),
        };
        let mut seen = Seen::default();
        let mut nth = 0;
        for (at, (time, local)) in times.iter().zip(&locals).enumerate() {
            if nth == count || after.is_some_and(|after| *time <= after) {
                break;
            }
            let is_new = seen.is_new(local.bucket(rule.bucket));
            if is_new || at + 1 == times.len() {
                nth += 1;
                kept.push(KeptBy { at, rule, nth, as_oldest: !is_new });
            }
        }
    }
    kept.sort_by_key(|by| by.at);
    kept
}

/// The buckets met lately. Times come in order and so do their buckets, but where
/// clocks were set back over midnight: there two days take turns.
#[derive(Default)]
struct Seen {
    last: Option<i64>,
    before: Option<i64>,
}

impl Seen {
    fn is_new(&mut self, bucket: Option<i64>) -> bool {
        let Some(bucket) = bucket else { return true };
        if [self.last, self.before].contains(&Some(bucket)) {
            return false;
        }
        self.before = self.last.replace(bucket);
        true
    }
}
