//! Other tools, and by what their snapshots are recognised (docs/legacy.md).
//! One table: a tool's marks, and the expiry that it left on a snapshot.

use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar;
use crate::inventory::Snapshot;
use crate::tags::{self, Tags};

/// A tool whose snapshots can be adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// aws-ebs-snapshots-lambda: what it left half done.
    Original,
    /// The articles it came from: `DeleteOn` alone.
    Brown,
    /// autosnap (Richards).
    Autosnap,
    /// EBS backup job (Machler).
    Machler,
    /// ebs_snapper (Rackspace).
    EbsSnapper,
    /// Forks of the original, where their snapshots are not ours already.
    Forks,
    /// shelvery.
    Shelvery,
    /// automated-ebs-snapshots (sebdah).
    Sebdah,
    /// aws-missing-tools, ec2-automate-backup.
    AwsMissingTools,
}

/// When the tool that made a snapshot would delete it, as far as its tags say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// From this UTC date on.
    On(Date),
    /// They do not say: why, in words.
    Unknown(&'static str),
    /// They say something that nobody can read.
    Unreadable(String),
}

/// How a tool's snapshots are recognised.
pub struct Recogniser {
    /// The tool.
    pub tool: Tool,
    /// Its name on the command line and in the tag [`tags::ADOPTED`].
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whether it made the snapshot.
    made: fn(&Snapshot) -> bool,
    /// What it says about its end.
    expiry: fn(&Snapshot) -> Expiry,
}

/// All tools. The first whose marks a snapshot bears is the one: those with
/// marks of their own stand before those known by `DeleteOn` alone.
pub const TABLE: [Recogniser; 9] = [
    Recogniser {
        tool: Tool::Shelvery,
        name: "shelvery",
        title: "shelvery",
        made: |snapshot| {
            let made = |key: &str| {
                let own = key.strip_prefix("shelvery:");
                own.is_some_and(|own| own != "create_backup" && !own.starts_with("config:"))
            };
            snapshot.tags.iter().any(|(key, _)| made(key))
        },
        expiry: |_| Expiry::Unknown("how long shelvery keeps is in its own settings"),
    },
    Recogniser {
        tool: Tool::Autosnap,
        name: "autosnap",
        title: "autosnap (Richards)",
        made: |snapshot| {
            snapshot.tags.get(tags::NAME) == Some(snapshot.description.as_str()) && is_autosnap(&snapshot.description)
        },
        expiry: |_| Expiry::Unknown("autosnap's retention_days is in the event that calls it"),
    },
    Recogniser {
        tool: Tool::EbsSnapper,
        name: "ebs-snapper",
        title: "ebs_snapper (Rackspace)",
        made: |snapshot| {
            let described =
                snapshot.description.starts_with("Created from ") && snapshot.description.contains(" by EbsSnapper");
            described || has_any(&snapshot.tags, &["replication_src_region", "replication_snapshot_id"])
        },
        expiry: |snapshot| delete_on(snapshot, "it has no DeleteOn"),
    },
    Recogniser {
        tool: Tool::AwsMissingTools,
        name: "aws-missing-tools",
        title: "aws-missing-tools (ec2-automate-backup)",
        made: |snapshot| has_any(&snapshot.tags, &["PurgeAllow", "PurgeAfter", "PurgeAfterFE"]),
        expiry: purge_after,
    },
    Recogniser {
        tool: Tool::Sebdah,
        name: "sebdah",
        title: "automated-ebs-snapshots (sebdah)",
        made: |snapshot| {
            let description = snapshot.description.to_lowercase();
            description.starts_with("automatic snapshot by") && description.contains("automated ebs snapshots")
        },
        expiry: |_| Expiry::Unknown("sebdah's retention is on the volume"),
    },
    Recogniser {
        tool: Tool::Forks,
        name: "forks",
        title: "forks of aws-ebs-snapshots-lambda",
        made: |snapshot| {
            let marks = ["BackupFromRegion", "SourceSnapshotId", "OffsiteSnapshotId"];
            has_any(&snapshot.tags, &marks) || is_automated(snapshot) && has_any(&snapshot.tags, &["CreatedOn"])
        },
        expiry: |snapshot| delete_on(snapshot, "it has no DeleteOn"),
    },
    Recogniser {
        tool: Tool::Machler,
        name: "machler",
        title: "EBS backup job (Machler)",
        made: |snapshot| {
            let name = snapshot.tags.get(tags::NAME).unwrap_or_default();
            let device = name.starts_with("/dev/") || name.starts_with("xvd");
            untyped(snapshot) && dated(snapshot) && (device || has_any(&snapshot.tags, &["CrossCopied"]))
        },
        expiry: |snapshot| delete_on(snapshot, "it has no DeleteOn"),
    },
    Recogniser {
        tool: Tool::Brown,
        name: "brown",
        title: "Brown's articles (DeleteOn alone)",
        made: |snapshot| untyped(snapshot) && dated(snapshot),
        expiry: |snapshot| delete_on(snapshot, "it has no DeleteOn"),
    },
    Recogniser {
        tool: Tool::Original,
        name: "original",
        title: "aws-ebs-snapshots-lambda, what it left half done",
        made: |snapshot| is_automated(snapshot) || is_leftover(snapshot),
        expiry: |snapshot| delete_on(snapshot, "its run ended before it was tagged"),
    },
];

impl Tool {
    /// The tool of this name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.tool)
    }
}

/// Who made a snapshot, if that can be told, and what it says about its end.
pub fn recognise(snapshot: &Snapshot) -> Option<(&'static Recogniser, Expiry)> {
    let row = TABLE.iter().find(|row| (row.made)(snapshot))?;
    Some((row, (row.expiry)(snapshot)))
}

/// What a run of the original that ended early leaves: its description
/// `<name> - <volume id> (<device>)`, and no tag at all.
pub(super) fn is_leftover(snapshot: &Snapshot) -> bool {
    let described = snapshot
        .description
        .rsplit_once(" - ")
        .and_then(|(_, rest)| rest.strip_prefix(snapshot.volume.as_str()))
        .and_then(|rest| rest.strip_prefix(" (")?.strip_suffix(')'));
    snapshot.tags.is_empty() && described.is_some_and(|device| !device.is_empty())
}

/// `Type=Automated`, in any case.
pub(super) fn is_automated(snapshot: &Snapshot) -> bool {
    snapshot.tags.get(tags::TYPE).is_some_and(|value| value.eq_ignore_ascii_case(tags::AUTOMATED))
}

fn has_any(tags: &Tags, keys: &[&str]) -> bool {
    keys.iter().any(|key| tags.get(key).is_some())
}

fn untyped(snapshot: &Snapshot) -> bool {
    snapshot.tags.get(tags::TYPE).is_none()
}

fn dated(snapshot: &Snapshot) -> bool {
    snapshot.tags.get(tags::DELETE_ON).is_some()
}

/// `autosnap-<name>.<volume>-<YYYYmmdd-HHMMSS>`.
fn is_autosnap(description: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let mut parts = description.rsplitn(3, '-');
    let (time, date, rest) = (parts.next(), parts.next(), parts.next());
    time.is_some_and(|time| digits(time, 6))
        && date.is_some_and(|date| digits(date, 8))
        && rest.is_some_and(|rest| rest.starts_with("autosnap-") && rest.contains('.'))
}

/// `DeleteOn`, on which the tools that write it delete.
fn delete_on(snapshot: &Snapshot, without: &'static str) -> Expiry {
    match snapshot.tags.get(tags::DELETE_ON) {
        None => Expiry::Unknown(without),
        Some(value) => match value.trim().parse::<Date>() {
            Ok(date) => Expiry::On(date),
            Err(_) => Expiry::Unreadable(format!("its DeleteOn={value} is no date such as 2026-12-31")),
        },
    }
}

/// `PurgeAfterFE`, seconds since 1970, after which it is purged if `PurgeAllow`
/// is `true`; `PurgeAfter` in earlier versions.
fn purge_after(snapshot: &Snapshot) -> Expiry {
    let allowed = snapshot.tags.get("PurgeAllow").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let after = ["PurgeAfterFE", "PurgeAfter"].into_iter().find_map(|key| Some((key, snapshot.tags.get(key)?)));
    match after {
        _ if !allowed => Expiry::Unknown("PurgeAllow is not true, so nothing purges it"),
        None => Expiry::Unknown("it has no PurgeAfter"),
        Some((key, value)) => {
            match value.trim().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()) {
                Some(at) => Expiry::On(first_date_after(at)),
                None => Expiry::Unreadable(format!("its {key}={value} is no time in seconds since 1970")),
            }
        }
    }
}

/// The first UTC date that begins at or after an instant.
pub(super) fn first_date_after(at: Timestamp) -> Date {
    let date = calendar::utc_date(at);
    if calendar::start_of_day(date, &jiff::tz::TimeZone::UTC) == at {
        date
    } else {
        date.tomorrow().unwrap_or(Date::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_there_once_and_known_by_its_name() {
        for row in &TABLE {
            assert_eq!(Tool::named(row.name), Some(row.tool), "{}", row.name);
            assert_eq!(serde_json::to_value(row.tool).unwrap(), row.name);
        }
        assert_eq!(Tool::named("dlm"), None);
    }
}
