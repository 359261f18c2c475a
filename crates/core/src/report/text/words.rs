//! What rule and check names mean, in a few plain words. The names themselves
//! are docs/semantics.md's and stand beside these.

/// What a rule of the plan says, for counts of things it holds for. A reason's
/// own detail says more about one thing.
pub(super) fn rule(name: &str) -> &'static str {
    match name {
        "keep-forever" => "KeepForever is on the snapshot, its volume or its instance",
        "hold" => "KeepUntil has not passed",
        "delete-on" => "DeleteOn has not come",
        "age" => "the retention of their volume keeps them still",
        "forever" => "Retention=forever",
        "bad-policy" => "nobody understands their retention, which keeps",
        "policy-grace" => "a retention that was in force before keeps them for its grace",
        "last" => "among the last ones, under their retention",
        "hourly" | "within-hourly" => "the newest of its hour, under their retention",
        "daily" | "within-daily" => "the newest of its day, under their retention",
        "weekly" | "within-weekly" => "the newest of its week, under their retention",
        "monthly" | "within-monthly" => "the newest of its month, under their retention",
        "yearly" | "within-yearly" => "the newest of its year, under their retention",
        "within" => "young enough, under their retention",
        "rules" => "no rule of their retention keeps them",
        "volume-gone" => "their volume is deleted or not listed, and the grace after that is not over",
        "just-taken" => "the latest snapshot of their volume, less than an hour old",
        "backups-failing" => "nothing goes while the backups of their volume fail",
        "unfinished-tags" => "their own tags are still to be written",
        "newest-good" => "the newest good backups of their volumes",
        "in-use" => "an image of yours uses them",
        "locked" => "locked",
        "in-bin" => "in the Recycle Bin",
        "archived" => "archived",
        "restored" => "restored from the Recycle Bin",
        "pending" => "not finished",
        "error" => "failed less than an hour ago",
        "fresh-copy" => "copies made less than 48 hours ago",
        "copy-pending" => "a copy of them is wanted and not there yet",
        "copy-limit" => "20 copies are under way there, which is all that AWS allows",
        "copy-failing" => "failed three times within a day, and left alone for that day",
        "copy-under-way" => "AWS is copying them",
        "copied" => "copied already",
        "copy-span-over" => "their copies would be past their retention",
        "own-place" => "this account and Region itself",
        "destination-not-listed" => "what is there could not be seen",
        "source-archived" => "archived, and AWS copies nothing from there",
        "source-pending" => "not finished themselves",
        "source-in-bin" => "in the Recycle Bin themselves",
        "source-failed" => "failed themselves",
        "not-ours" => "not made by ebskeep for this deployment",
        "not-due" => "backed up for their present slot already",
        "not-tagged" => "no Backup tag on them or their instance",
        "excluded" => "excluded by a tag",
        "not-seen" => "their instance could not be listed",
        "still-pending" => "the last snapshot is not finished",
        "failing" => "snapshots failed three times; the next attempt waits",
        "volume-state" => "in a state in which no snapshot can be taken",
        _ => "",
    }
}

/// What somebody does about a check that refuses the plan.
pub(super) fn remedy(check: &str) -> &'static str {
    match check {
        "clock" => "Set this machine's clock right (NTP) and run again.",
        "backup-key" => "Compare --key-backup with the tags that your instances and volumes bear.",
        "snapshots-listed" => {
            "Fix what ended the listing, as said above, and run again; offline, give files with all snapshots."
        }
        "all-listed" => {
            "Fix what ended the listings, as said above, and run again; offline, give files for all four kinds. \
             `apply create` does not wait for this."
        }
        "unforeseen-deletions" => {
            "Read the deletions that are held back. If they are right, run `apply expire` once with --max-delete N \
             --max-delete-percent 100, where N is how many they are. Nothing else waits for this."
        }
        "saved-plan-schema" | "saved-plan-age" | "saved-plan-actions" => {
            "Look at what has changed, and make a new plan: ebskeep plan --out FILE."
        }
        "saved-plan-place" => "Use the credentials of the account that the plan was made for.",
        "plan-age" => "Run it again, and answer sooner.",
        _ => "This should never happen: please report it, with the plan (plan --out FILE). Nothing was done.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_the_deciders_name_has_words() {
        let sources = [
            include_str!("../../plan/copy.rs"),
            include_str!("../../plan/create.rs"),
            include_str!("../../plan/expire.rs"),
            include_str!("../../plan/keep/aws.rs"),
            include_str!("../../plan/keep/copies.rs"),
            include_str!("../../plan/keep/dates.rs"),
            include_str!("../../plan/keep/lineage.rs"),
            include_str!("../../plan/keep/policy.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            for opening in [
                "CopyState::Skip, \"",
                "CopyState::Wait, \"",
                "CopyState::Pending, \"",
                "CopyState::Done, \"",
                "keeps(\"",
                "passed(\"",
                "silent(\"",
                "until(\"",
                "rule: \"",
                "skip(\"",
            ] {
                for (at, _) in source.match_indices(opening) {
                    let name = source[at + opening.len()..].split('"').next().unwrap();
                    // Why a volume is snapshotted is told for each, never counted.
                    assert!(name == "due" || !rule(name).is_empty(), "{name}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 20, "the sources no longer look as this test expects: {seen}");
    }
}
