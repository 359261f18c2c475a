//! What must have happened in the worlds that were lived through: else what holds of
//! them shows nothing.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_sim::{CHANGES, Call, Outcome};

use crate::faults::{CREATIONS, LISTINGS, RARE, REFUSALS};

/// How often what happened.
pub type Coverage = BTreeMap<String, u64>;

/// Calls that read, besides those that list in pages.
const READS: [&str; 3] = ["DescribeLockedSnapshots", "DescribeSnapshotAttribute", "DescribeSnapshotTierStatus"];

/// What calls do: codes that are seldom are counted by this.
const CHANGING: &str = "a call that changes something";
const READING: &str = "a call that reads";

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
const KEEPS_TOO: [&str; 9] = [
    "monthly",
    "unfinished-tags",
    "within",
    "within-daily",
    "within-hourly",
    "within-monthly",
    "within-weekly",
    "within-yearly",
    "yearly",
];

/// What else is to happen.
const BESIDES: [&str; 60] = [
    "a contradiction was put right late",
    "a deleted volume was restored",
    "a policy was changed twice",
    "a script wrote all tags of one on many",
    "a script wrote one date on many",
    "a script wrote one slot on many",
    "a script wrote the marks of one on many",
    "a volume was deleted long after its backups failed",
    "after a step: a deletion",
    "after a step: an outcome that is not known",
    "after a step: what began",
    "AssumeRole × UnauthorizedOperation",
    "backed up at every run",
    "backed up in a zone that there is not",
    "backed up in the zone America/New_York",
    "backed up in the zone Asia/Kolkata",
    "backed up in the zone Europe/Berlin",
    "backed up in the zone Pacific/Kiritimati",
    "backed up what is on several instances",
    "copied into another account",
    "nothing overlaps and no answer is lost",
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
    "second account: create-set Done",
    "second account: create-snapshot Done",
    "second account: delete-snapshot Done",
    "stopped while applying",
    "stopped while planning",
    "stopped with something done and something not begun",
    "the default zone is not UTC",
    "nothing was copied for months",
    "nothing was deleted for weeks, and backups were taken once a day",
    "refused unforeseen-deletions",
    "two accounts",
    "two accounts at once",
    "two deployments",
    "two copies, where an outcome was not known",
    "two copies, where runs overlapped",
    "two in a slot, where an outcome was not known",
    "two in a slot, where runs overlapped",
    "two managers at once, and something went",
    "two runs at once",
    "two runs at once, one of them later",
    "the other account deleted a copy",
    "the clock was off by minutes",
    "user Restore",
    "user Terminate",
    "users act while two runs overlap",
    "what goes of one lineage is bounded",
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
    all.extend(RARE.iter().flat_map(|(code, _)| [format!("{CHANGING} × {code}"), format!("{READING} × {code}")]));
    all.insert("DescribeSnapshots × stale-listing".to_owned());
    all.extend(KEEPS.into_iter().chain(KEEPS_TOO).map(|rule| format!("keeps {rule}")));
    all.extend(BESIDES.map(str::to_owned));
    all
}

/// The same where there are many worlds, and each call with each code, too.
pub fn all() -> BTreeSet<String> {
    let calls = CHANGES.into_iter().chain(LISTINGS).chain(READS);
    let codes = calls.flat_map(|action| RARE.iter().map(move |(code, _)| format!("{action} × {code}")));
    required().into_iter().chain(codes).collect()
}

/// What is to happen and never did.
pub fn missing(coverage: &Coverage, wanted: BTreeSet<String>) -> Vec<String> {
    wanted.into_iter().filter(|what| !coverage.contains_key(what)).collect()
}

/// Counts what befell calls. A fault that did not decide what became of its call is
/// none: an answer that is lost, and was a refusal anyway, took no effect.
pub fn count(coverage: &mut Coverage, calls: &[Call]) {
    for call in calls {
        for fault in &call.faults {
            let lost = matches!(fault.as_str(), "lost-after" | "cut-body");
            if !lost || call.outcome == Outcome::LostAfter {
                *coverage.entry(format!("{} × {fault}", call.action)).or_default() += 1;
                if RARE.iter().any(|(code, _)| code == fault) {
                    let kind = if CHANGES.contains(&call.action.as_str()) { CHANGING } else { READING };
                    *coverage.entry(format!("{kind} × {fault}")).or_default() += 1;
                }
            }
        }
    }
}
