//! What must have happened in the worlds that were lived through: else what holds of
//! them shows nothing.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_sim::{Call, Outcome};

use crate::checker::runs::CHANGES;
use crate::faults::{CREATIONS, LISTINGS, REFUSALS};

/// How often what happened.
pub type Coverage = BTreeMap<String, u64>;

/// Calls that read, besides those that list in pages.
const READS: [&str; 2] = ["DescribeLockedSnapshots", "DescribeSnapshotTierStatus"];

/// Why snapshots stay in these worlds, by their names in plans.
const KEEPS: [&str; 23] = [
    "age",
    "archived",
    "backups-failing",
    "bad-policy",
    "copy-pending",
    "daily",
    "delete-on",
    "error",
    "forever",
    "fresh-copy",
    "hold",
    "hourly",
    "in-bin",
    "in-use",
    "keep-forever",
    "last",
    "locked",
    "newest-good",
    "not-ours",
    "pending",
    "policy-grace",
    "restored",
    "weekly",
];

/// More of them, which no name above is.
const KEEPS_TOO: [&str; 2] = ["unfinished-tags", "within"];

/// What else is to happen.
const BESIDES: [&str; 20] = [
    "AssumeRole × UnauthorizedOperation",
    "copied into another account",
    "outcome copy-snapshot Done",
    "outcome create-set Done",
    "outcome create-snapshot Done",
    "outcome delete-snapshot Changed",
    "outcome delete-snapshot Done",
    "outcome delete-snapshot InUse",
    "outcome finish-tags Done",
    "outcome follow-source Done",
    "outcome mark-copied Done",
    "outcome unshare Done",
    "refused all-listed",
    "refused clock",
    "refused snapshots-listed",
    "two deployments",
    "two in a slot",
    "two runs at once",
    "user Restore",
    "user Terminate",
];

/// All that must have happened: each call that changes something, with each fault and
/// each death, before and after its effect; each that reads, with all that can happen
/// to it; each reason to stay; and what else is to happen.
pub fn required() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for action in CHANGES {
        let faults = REFUSALS.iter().map(|(code, _)| *code).chain(["lost-before", "lost-after", "cut-body"]);
        all.extend(faults.map(|fault| format!("{action} × {fault}")));
        all.extend(["before", "after"].map(|when| format!("death {action} {when}")));
    }
    for action in LISTINGS.into_iter().chain(READS) {
        let faults = REFUSALS.iter().map(|(code, _)| *code).chain(["lost-before", "cut-body"]);
        all.extend(faults.map(|fault| format!("{action} × {fault}")));
        all.insert(format!("death {action} before"));
    }
    all.extend(LISTINGS.map(|action| format!("{action} × bad-token")));
    all.extend(CREATIONS.map(|action| format!("{action} × snapshot-fails")));
    all.insert("DescribeSnapshots × stale-listing".to_owned());
    all.extend(KEEPS.into_iter().chain(KEEPS_TOO).map(|rule| format!("keeps {rule}")));
    all.extend(BESIDES.map(str::to_owned));
    all
}

/// What is required and never happened.
pub fn missing(coverage: &Coverage) -> Vec<String> {
    required().into_iter().filter(|what| !coverage.contains_key(what)).collect()
}

/// Counts what befell calls. A fault that did not decide what became of its call is
/// none: an answer that is lost, and was a refusal anyway, took no effect.
pub fn count(coverage: &mut Coverage, calls: &[Call]) {
    for call in calls {
        for fault in &call.faults {
            let lost = matches!(fault.as_str(), "lost-after" | "cut-body");
            if !lost || call.outcome == Outcome::LostAfter {
                *coverage.entry(format!("{} × {fault}", call.action)).or_default() += 1;
            }
        }
    }
}
