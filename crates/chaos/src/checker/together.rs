//! What two runs that overlap leave of a volume's backups, taken together: by numbers, not
//! one deletion after the other.
//!
//! That each of two runs had a reason for all that it deleted does not show that together
//! they did not delete too much, each for the sake of what the other one took. So what was
//! there before either is held beside what is there after both: as many good ones as the
//! minimum and each rule ask for, had there been so many.

use std::collections::BTreeSet;

use ebskeep_core::id::{Place, VolumeId};
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::Census;
use jiff::{SignedDuration, Timestamp};

use super::Violation;
use super::keep::{Limits, begun, lineage, policies, time};
use crate::words::{Keeps, Zone};

/// A Place before and after.
#[derive(Debug)]
pub struct Both<'a> {
    /// Which.
    pub place: &'a Place,
    /// What there was before either began.
    pub before: &'a Census,
    /// What there is after the last ended.
    pub after: &'a Census,
    /// When that was.
    pub now: Timestamp,
    /// As which deployment.
    pub limits: &'a Limits,
}

/// What is left too little of; and of how many volumes something went.
pub fn check(both: &Both<'_>) -> (Vec<Violation>, usize) {
    let there: BTreeSet<_> = both.after.snapshots.iter().map(|snapshot| &snapshot.id).collect();
    let gone = both.before.snapshots.iter().filter(|snapshot| !there.contains(&snapshot.id));
    let volumes: BTreeSet<&VolumeId> = gone.map(|snapshot| &snapshot.volume).collect();
    let mut found = Vec::new();
    for volume in &volumes {
        let wrong = |why: String| {
            let Both { place, now, limits, .. } = both;
            let detail = format!("{} at {place} at {now}: of {volume} {why}", limits.deployment);
            Violation::new("gone-together", detail)
        };
        found.extend(History::of(both, volume).too_few(both).into_iter().map(wrong));
    }
    (found, volumes.len())
}

/// The good backups of one volume that count: one for each time.
struct History<'a> {
    had: Vec<&'a Snapshot>,
    left: BTreeSet<Timestamp>,
    keeps: Vec<(Keeps, Zone)>,
    exists: bool,
}

impl<'a> History<'a> {
    fn of(both: &Both<'a>, volume: &VolumeId) -> Self {
        let good = |census: &'a Census| {
            let all = lineage(census, volume, &both.limits.deployment).into_iter();
            all.filter(|s| s.state == SnapshotState::Completed).collect::<Vec<_>>()
        };
        let (mut had, has) = (good(both.before), good(both.after));
        // What a user took the tags off meanwhile is there, and no longer ours.
        let there = |one: &Snapshot| both.after.snapshots.iter().any(|other| other.id == one.id);
        had.retain(|one| !there(one) || has.iter().any(|other| other.id == one.id));
        let exists = |census: &'a Census| census.volumes.iter().find(|one| one.id == *volume);
        let keeps = match (exists(both.before), exists(both.after)) {
            (Some(then), Some(now)) => {
                // A policy that a user changed meanwhile is judged by neither's measure.
                let (then, now) = (policies(both.before, then), policies(both.after, now));
                let known = now.iter().filter(|_| then == now).map(|policy| policy.keeps(both.limits));
                known.flat_map(|(keeps, zone)| keeps.iter().map(move |keeps| (*keeps, zone))).collect()
            }
            _ => Vec::new(),
        };
        let left = has.iter().map(|snapshot| time(snapshot)).collect();
        Self { had, left, keeps, exists: exists(both.after).is_some() }
    }

    /// What is not enough, in words.
    fn too_few(&self, both: &Both<'_>) -> Vec<String> {
        let mut found = Vec::new();
        let had: BTreeSet<Timestamp> = self.had.iter().map(|snapshot| time(snapshot)).collect();
        let minimum = if self.exists { both.limits.minimum } else { 0 };
        if self.left.len() < minimum.min(had.len()) {
            found.push(format!(
                "{} good ones are left of {}, and the minimum is {minimum}",
                self.left.len(),
                had.len()
            ));
        }
        for (keeps, zone) in &self.keeps {
            if !self.satisfies(keeps, *zone, &had, both.now) {
                found.push(format!("{:?} are left of {had:?}, and {keeps:?} counts", self.left));
            }
        }
        found
    }

    fn satisfies(&self, keeps: &Keeps, zone: Zone, had: &BTreeSet<Timestamp>, now: Timestamp) -> bool {
        let left = &self.left;
        match *keeps {
            Keeps::Always => had.is_subset(left),
            Keeps::Last(many) => left.len() >= many.min(had.len()),
            Keeps::Age(seconds) => self.had.iter().all(|snapshot| {
                let age = now.duration_since(begun(snapshot));
                // Those of the original tool, without a slot, count in dates.
                let dated = snapshot.tags.get("ebskeep:slot").is_none();
                let seconds = seconds - zone.short(begun(snapshot), seconds);
                dated || age >= SignedDuration::from_secs(seconds) || left.contains(&time(snapshot))
            }),
            Keeps::Newest(each, many) => {
                let buckets = |times: &BTreeSet<Timestamp>| {
                    times.iter().map(|time| each.bucket(*time, zone)).collect::<BTreeSet<_>>().len()
                };
                buckets(left) >= many.min(buckets(had))
            }
            Keeps::Within(each, seconds) => {
                let Some(newest) = left.last() else { return had.is_empty() };
                let near = |time: &&Timestamp| {
                    let seconds = seconds - zone.short(**time, seconds);
                    newest.duration_since(**time) < SignedDuration::from_secs(seconds)
                };
                let same = |one: Timestamp, two: Timestamp| {
                    each.map_or(one == two, |e| e.bucket(one, zone) == e.bucket(two, zone))
                };
                had.iter().filter(near).all(|one| left.iter().any(|two| same(*one, *two)))
            }
        }
    }
}
