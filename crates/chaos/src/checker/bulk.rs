//! What one run may take at most of one lineage on which somebody wrote dates: three, or half
//! of its good ones (docs/semantics.md 4). More waits until somebody has seen it.

use std::collections::BTreeSet;

use ebskeep_core::id::SnapshotId;
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::Census;
use jiff::{SignedDuration, Timestamp};

use super::Violation;
use super::keep::{Limits, lineage};

/// So many may go, whatever the lineage's size.
const FEW: usize = 3;

/// A Place before a run and after it.
#[derive(Debug)]
pub struct Run<'a> {
    /// What there was.
    pub before: &'a Census,
    /// What is left.
    pub after: &'a Census,
    /// When it is over.
    pub now: Timestamp,
    /// As which deployment.
    pub limits: &'a Limits,
}

/// Holds a run against what it may take of each lineage.
pub fn check(run: &Run<'_>) -> Vec<Violation> {
    let Run { before, after, now, limits } = run;
    if !limits.bounded {
        return Vec::new();
    }
    let left: BTreeSet<&SnapshotId> = after.snapshots.iter().map(|snapshot| &snapshot.id).collect();
    let volumes: BTreeSet<_> = before.snapshots.iter().map(|snapshot| &snapshot.volume).collect();
    let mut found = Vec::new();
    for volume in volumes {
        let all = lineage(before, volume, &limits.deployment);
        let good: Vec<&Snapshot> = all.into_iter().filter(|s| s.state == SnapshotState::Completed).collect();
        let went = good.iter().filter(|snapshot| is_early(snapshot) && !left.contains(&snapshot.id)).count();
        if went > FEW && 2 * went > good.len() {
            let detail = format!("{went} of {} of {volume} went by {now}, by dates that no run wrote", good.len());
            found.push(Violation::new("gone: bulk-date", detail));
        }
    }
    found
}

/// Whether all that it records is a date before the one that the default, seven days, gives.
fn is_early(snapshot: &Snapshot) -> bool {
    let tags = &snapshot.tags;
    let default = snapshot.started.checked_add(SignedDuration::from_hours(7 * 24));
    let written = default.map(|end| end.strftime("%Y-%m-%d").to_string());
    let date = tags.get("DeleteOn").filter(|date| date.parse::<jiff::civil::Date>().is_ok());
    tags.get("ebskeep:slot").is_some()
        && tags.get("ebskeep:retention").is_none()
        && date.is_some_and(|date| written.is_ok_and(|written| date < written.as_str()))
}
