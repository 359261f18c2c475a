//! Keys that resemble ours: typos, other words for the same, and keys of other
//! tools (docs/legacy.md). Knows nothing of resources and values.

use super::value::{self, squeezed};
use crate::setting::Keys;
use crate::tags;

/// What somebody may have meant by a key on an instance or a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meant {
    /// `Backup`.
    Backup,
    /// `Backup=No`.
    NoBackup,
    /// `Retention`.
    Retention,
    /// `Backup_TimeZone`.
    TimeZone,
    /// `Copy_Dest`.
    CopyDest,
    /// `Copy_Retention`.
    CopyRetention,
    /// `Skip_Backup_Volumes`.
    SkipVolumes,
}

impl Meant {
    /// The key that says it here.
    pub(super) fn key(self, keys: &Keys) -> &str {
        match self {
            Self::Backup | Self::NoBackup => &keys.backup,
            Self::Retention => &keys.retention,
            Self::TimeZone => &keys.time_zone,
            Self::CopyDest => &keys.copy_dest,
            Self::CopyRetention => &keys.copy_retention,
            Self::SkipVolumes => &keys.skip_volumes,
        }
    }
}

/// A key that resembles one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Near {
    /// Which.
    pub(super) meant: Meant,
    /// The other tool whose key it is, if it is one's.
    pub(super) tool: Option<&'static str>,
}

/// Keys of other tools, squeezed; of a family that ends with `…` its beginning.
const TOOLS: [(&str, Meant, &str); 8] = [
    ("retentiondays", Meant::Retention, "forks of aws-ebs-snapshots-lambda"),
    ("destinationregion", Meant::CopyDest, "forks of aws-ebs-snapshots-lambda"),
    ("backupcrossregion", Meant::CopyDest, "forks of aws-ebs-snapshots-lambda"),
    ("shelverycreatebackup", Meant::Backup, "shelvery"),
    ("shelveryconfig…", Meant::Retention, "shelvery"),
    ("automatedebssnapshots", Meant::Backup, "automated-ebs-snapshots (sebdah)"),
    ("automatedebssnapshotsretention", Meant::Retention, "automated-ebs-snapshots (sebdah)"),
    ("autosnap", Meant::Backup, "autosnap"),
];

/// Words of which a key is made that means this. One of each group has to be in
/// it, and nothing that is in neither the groups nor the other words: so
/// `BackupOwner` means nothing.
struct Made {
    meant: Meant,
    groups: &'static [&'static [&'static str]],
    others: &'static [&'static str],
}

const BACKUP: &[&str] = &["backups", "backup", "snapshots", "snapshot"];
const DAYS: &[&str] = &["days", "day", "weeks", "months", "daily", "weekly", "monthly", "yearly"];
const RETAIN: &[&str] = &["retention", "retain", "retained"];
const OF_RETENTION: &[&str] = &[
    "backups",
    "backup",
    "snapshots",
    "snapshot",
    "ebs",
    "period",
    "policy",
    "in",
    "for",
    "time",
    "count",
    "age",
    "number",
    "of",
    "to",
    "days",
    "day",
    "weeks",
    "months",
    "daily",
    "weekly",
    "monthly",
    "yearly",
];

/// In this order: the narrower meaning first.
const MADE: [Made; 9] = [
    Made { meant: Meant::CopyRetention, groups: &[&["copies", "copy"], RETAIN], others: OF_RETENTION },
    Made { meant: Meant::TimeZone, groups: &[BACKUP, &["timezone", "tz"]], others: &["ebs", "schedule"] },
    Made {
        meant: Meant::CopyDest,
        groups: &[
            &["copies", "copy", "crossregion"],
            &["destinations", "destination", "dest", "regions", "region", "copy", "backup", "snapshot", "to"],
        ],
        others: &["backups", "backup", "snapshots", "snapshot", "ebs", "to", "target"],
    },
    Made {
        meant: Meant::CopyDest,
        groups: &[BACKUP, &["destinations", "destination", "dest", "regions", "region", "crossregion"]],
        others: &["ebs", "target"],
    },
    Made { meant: Meant::Retention, groups: &[RETAIN], others: OF_RETENTION },
    Made { meant: Meant::Retention, groups: &[&["keep"], DAYS], others: OF_RETENTION },
    Made {
        meant: Meant::SkipVolumes,
        groups: &[
            &["skip", "excluded", "exclude", "ignored", "ignore"],
            &["volumes", "volume", "devices", "device", "disks", "disk"],
        ],
        others: &["backups", "backup", "snapshots", "snapshot", "ebs", "from", "for"],
    },
    Made {
        meant: Meant::NoBackup,
        groups: &[
            &["no", "not", "skip", "exclude", "excluded", "ignore", "disable", "disabled", "dont", "without"],
            BACKUP,
        ],
        others: &["do", "ebs", "from", "for", "daily", "auto"],
    },
    Made {
        meant: Meant::Backup,
        groups: &[BACKUP],
        others: &[
            "policy",
            "plan",
            "schedule",
            "scheduled",
            "frequency",
            "enabled",
            "enable",
            "active",
            "required",
            "require",
            "needed",
            "need",
            "automated",
            "automatic",
            "auto",
            "ebs",
            "ec2",
            "do",
            "create",
            "make",
            "take",
            "interval",
            "cron",
            "time",
            "hourly",
            "daily",
            "nightly",
            "weekly",
            "monthly",
            "yearly",
            "is",
            "aws",
            "volumes",
            "volume",
        ],
    },
];

/// What a key on an instance or a volume resembles. It is none of ours.
pub(super) fn key(text: &str, keys: &Keys) -> Option<Near> {
    let bare = squeezed(text);
    let of_tool = TOOLS.iter().find(|(name, _, _)| match name.strip_suffix('…') {
        Some(family) => bare.starts_with(family),
        None => bare == *name,
    });
    if let Some((_, meant, tool)) = of_tool {
        return Some(Near { meant: *meant, tool: Some(tool) });
    }
    // Keys with a prefix are somebody's system.
    if text.contains([':', '/']) {
        return None;
    }
    let all = [
        (Meant::Backup, &keys.backup),
        (Meant::Retention, &keys.retention),
        (Meant::TimeZone, &keys.time_zone),
        (Meant::CopyDest, &keys.copy_dest),
        (Meant::CopyRetention, &keys.copy_retention),
        (Meant::SkipVolumes, &keys.skip_volumes),
    ];
    let meant = all.iter().find(|(_, ours)| squeezed(ours) == bare).map(|(meant, _)| *meant);
    let meant = meant.or_else(|| MADE.iter().find(|made| made.makes(&bare)).map(|made| made.meant));
    let meant = meant.or_else(|| {
        let near = all.iter().filter_map(|(meant, ours)| Some((distance(&bare, &squeezed(ours))?, *meant)));
        near.min().map(|(_, meant)| meant)
    });
    meant.map(|meant| Near { meant, tool: None })
}

/// How far a mistyped key is from one of ours, if it can be told at all. Two
/// slips are only taken where the first letter is right: `Attention` is none.
fn distance(text: &str, ours: &str) -> Option<usize> {
    let first = text.chars().next() == ours.chars().next();
    value::distance(text, ours).filter(|distance| first || *distance <= 1)
}

impl Made {
    /// Whether the words, one after the other, are this key.
    fn makes(&self, key: &str) -> bool {
        let full = (1_u8 << self.groups.len()) - 1;
        // Which groups can have had a word, for each way to the byte.
        let mut reached = vec![std::collections::BTreeSet::<u8>::new(); key.len() + 1];
        if let Some(start) = reached.first_mut() {
            start.insert(0);
        }
        for at in 0..key.len() {
            let Some(rest) = key.get(at..) else { continue };
            let here = reached.get(at).cloned().unwrap_or_default();
            if here.is_empty() {
                continue;
            }
            let groups =
                self.groups.iter().enumerate().flat_map(|(n, words)| words.iter().map(move |word| (1 << n, *word)));
            for (bit, word) in groups.chain(self.others.iter().map(|word| (0, *word))) {
                if rest.starts_with(word)
                    && let Some(there) = reached.get_mut(at + word.len())
                {
                    there.extend(here.iter().map(|seen| seen | bit));
                }
            }
        }
        reached.last().is_some_and(|ways| ways.contains(&full))
    }
}

/// Other words for the keys on snapshots, squeezed.
const ON_SNAPSHOTS: [(&str, &[&str]); 3] = [
    (
        tags::KEEP_FOREVER,
        &["keep", "keepalways", "donotdelete", "dontdelete", "neverdelete", "nodelete", "preserve", "retain"],
    ),
    (tags::KEEP_UNTIL, &["keeptill", "keeptil", "retainuntil", "holduntil"]),
    (
        tags::DELETE_ON,
        &["deleteafter", "deletedate", "expireson", "expireon", "expires", "expirydate", "expirationdate"],
    ),
];

/// What a key on a snapshot of ours resembles: one of `KeepForever`, `KeepUntil`
/// and `DeleteOn`, which it is not.
pub(super) fn key_on_snapshot(text: &str) -> Option<&'static str> {
    if text.contains([':', '/']) {
        return None;
    }
    let bare = squeezed(text);
    let other = ON_SNAPSHOTS.iter().find(|(ours, others)| squeezed(ours) == bare || others.contains(&bare.as_str()));
    let near = || {
        let near = ON_SNAPSHOTS.iter().filter_map(|(ours, _)| Some((distance(&bare, &squeezed(ours))?, *ours)));
        near.min().map(|(_, ours)| ours)
    };
    other.map(|(ours, _)| *ours).or_else(near)
}

#[cfg(test)]
mod tests {
    use super::Meant::{Backup, CopyDest, CopyRetention, NoBackup, Retention, SkipVolumes, TimeZone};
    use super::*;

    #[test]
    fn what_people_write_for_our_keys_is_recognised() {
        for (text, meant) in [
            ("Bakcup", Backup),
            ("Backups", Backup),
            ("Back up", Backup),
            ("bckup", Backup),
            ("backup-policy", Backup),
            ("BackupPlan", Backup),
            ("EBS_Backup", Backup),
            ("backup.enabled", Backup),
            ("AutoSnapshot", Backup),
            ("Snapshot", Backup),
            ("NoBackup", NoBackup),
            ("do-not-backup", NoBackup),
            ("ExcludeFromBackup", NoBackup),
            ("Retetnion", Retention),
            ("Retension", Retention),
            ("Retain", Retention),
            ("RetentionPeriod", Retention),
            ("backup_retention_in_days", Retention),
            ("DaysToKeep", Retention),
            ("Backup Time Zone", TimeZone),
            ("Backup_TimeZne", TimeZone),
            ("backup-tz", TimeZone),
            ("CopyDestination", CopyDest),
            ("BackupRegion", CopyDest),
            ("CopyToRegion", CopyDest),
            ("CopyRetain", CopyRetention),
            ("SkipVolumes", SkipVolumes),
            ("ExcludeVolumesFromBackup", SkipVolumes),
        ] {
            assert_eq!(key(text, &Keys::default()), Some(Near { meant, tool: None }), "{text}");
        }
    }

    #[test]
    fn keys_of_other_tools_are_told_by_the_tool() {
        for (text, meant, tool) in [
            ("RetentionDays", Retention, "forks"),
            ("retention_days", Retention, "forks"),
            ("DestinationRegion", CopyDest, "forks"),
            ("BackupCrossRegion", CopyDest, "forks"),
            ("shelvery:create_backup", Backup, "shelvery"),
            ("shelvery:config:shelvery_keep_daily_backups", Retention, "shelvery"),
            ("AutomatedEBSSnapshots", Backup, "sebdah"),
            ("AutomatedEBSSnapshotsRetention", Retention, "sebdah"),
        ] {
            let near = key(text, &Keys::default()).unwrap();
            assert!(near.meant == meant && near.tool.is_some_and(|name| name.contains(tool)), "{text}: {near:?}");
        }
    }

    #[test]
    fn ordinary_keys_raise_no_alarm() {
        for text in [
            "Name",
            "Environment",
            "env",
            "team",
            "Owner",
            "Project",
            "CostCenter",
            "Application",
            "Description",
            "Department",
            "Version",
            "Role",
            "Region",
            "TimeZone",
            "tz",
            "Schedule",
            "AutoStop",
            "Patch Group",
            "BackupOwner",
            "backup-contact",
            "BackupServer",
            "snapshot-id",
            "Attention",
            "Intention",
            "Retired",
            "Keep",
            "Copy",
            "CopyOf",
            "Type",
            "Back",
            "Data",
            "Destination",
            "Days",
            "map-migrated",
            "aws:autoscaling:groupName",
            "aws:backup:source-resource",
            "kubernetes.io/cluster/x",
            "acme:backup",
            "dlm:managed",
            "ebskeep:slot",
            "",
            "日本",
        ] {
            assert_eq!(key(text, &Keys::default()), None, "{text}");
        }
    }

    #[test]
    fn a_default_key_that_was_renamed_is_a_near_miss() {
        let keys = Keys { backup: "Sicherung".into(), ..Keys::default() };
        assert_eq!(key("Backup", &keys).map(|near| near.meant), Some(Backup));
        assert_eq!(key("Sicherng", &keys).map(|near| near.meant), Some(Backup));
    }

    #[test]
    fn keys_on_snapshots_are_recognised() {
        for (text, ours) in [
            ("KeepUtil", Some("KeepUntil")),
            ("DeletOn", Some("DeleteOn")),
            ("Keep For Ever", Some("KeepForever")),
            ("DoNotDelete", Some("KeepForever")),
            ("delete_after", Some("DeleteOn")),
            ("CreatedOn", None),
            ("Name", None),
            ("CrossCopied", None),
            ("KeepReason", None),
            ("OffsiteSnapshotId", None),
            ("ebskeep:deleted", None),
        ] {
            assert_eq!(key_on_snapshot(text), ours, "{text}");
        }
    }

    #[test]
    fn a_long_key_of_few_words_takes_no_time() {
        assert_eq!(key(&"do".repeat(60), &Keys::default()), None);
        assert_eq!(key(&format!("{}backup", "do".repeat(60)), &Keys::default()).map(|near| near.meant), Some(Backup));
    }
}
