//! The settings: one table from which the flags, the `EBSKEEP_…` variables, the
//! event's fields and the reference in docs/cli.md are made.

use crate::retention::Policy;
use crate::schedule::Schedule;
use jiff::tz::TimeZone;
use smol_str::SmolStr;

/// Everything an operator can set. Made of [`TABLE`]'s defaults, then changed
/// by name with [`Settings::set`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The schedule of `Backup=Yes` and of values nobody understands.
    pub default_schedule: Schedule,
    /// The policy where nothing else governs.
    pub default_retention: Policy,
    /// The zone where no `Backup_TimeZone` names one.
    pub time_zone: TimeZone,
    /// The configuration keys.
    pub keys: Keys,
    /// Which deployment's snapshots are ours.
    pub deployment: SmolStr,
    /// How many good snapshots of a volume that exists always stay.
    pub minimum: usize,
    /// How long after its policy's span the history of a deleted volume stays.
    pub orphan_grace: jiff::Span,
    /// How long an old policy still keeps after a change.
    pub policy_grace: jiff::Span,
    /// Unforeseen deletions that one plan may hold.
    pub max_delete: usize,
    /// Unforeseen deletions that one plan may hold, in percent of what is ours.
    pub max_delete_percent: usize,
    /// The share of AWS's request rates that we use, in percent.
    pub api_share: u32,
}

/// The configuration keys on instances and volumes, which can be renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// `Backup`.
    pub backup: SmolStr,
    /// `Retention`.
    pub retention: SmolStr,
    /// `Backup_TimeZone`.
    pub time_zone: SmolStr,
    /// `Copy_Dest`.
    pub copy_dest: SmolStr,
    /// `Copy_Retention`.
    pub copy_retention: SmolStr,
    /// `Skip_Backup_Volumes`.
    pub skip_volumes: SmolStr,
}

/// One setting: its name everywhere, its default and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name: `--max-delete`, `EBSKEEP_MAX_DELETE`, `max-delete` in events.
    pub name: &'static str,
    /// What a value looks like, for help.
    pub value: &'static str,
    /// The default, as text.
    pub default: &'static str,
    /// What it does, in one sentence.
    pub help: &'static str,
}

impl Setting {
    /// The environment variable's name.
    pub fn variable(&self) -> String {
        format!("EBSKEEP_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Why a setting was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no setting of this name.
    #[error("there is no setting {0:?}; see docs/cli.md for those there are")]
    UnknownName(String),
    /// The value is not one of this setting's.
    #[error("{name}={value:?}: {why}")]
    BadValue {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong, and what to write instead.
        why: String,
    },
}

/// All settings.
pub const TABLE: &[Setting] = &[
    Setting { name: "default-schedule", value: "SCHEDULE", default: "daily", help: "Schedule of `Backup=Yes`, and of values nobody understands" },
    Setting { name: "default-retention", value: "RETENTION", default: "7", help: "Retention where neither a tag nor a record says one" },
    Setting { name: "time-zone", value: "ZONE", default: "UTC", help: "IANA time zone where no Backup_TimeZone names one" },
    Setting { name: "key-backup", value: "KEY", default: "Backup", help: "Tag key that says what is backed up" },
    Setting { name: "key-retention", value: "KEY", default: "Retention", help: "Tag key that says how long" },
    Setting { name: "key-time-zone", value: "KEY", default: "Backup_TimeZone", help: "Tag key that names the time zone" },
    Setting { name: "key-copy-dest", value: "KEY", default: "Copy_Dest", help: "Tag key that names where copies go" },
    Setting { name: "key-copy-retention", value: "KEY", default: "Copy_Retention", help: "Tag key that says how long copies stay" },
    Setting { name: "key-skip-volumes", value: "KEY", default: "Skip_Backup_Volumes", help: "Tag key that lists volumes to leave out" },
    Setting { name: "deployment", value: "NAME", default: "default", help: "Which deployment's snapshots are ours; others are never touched" },
    Setting { name: "minimum", value: "N", default: "1", help: "Good snapshots of an existing volume that always stay" },
    Setting { name: "orphan-grace", value: "AGE", default: "90d", help: "How long past its policy the history of a deleted volume stays" },
    Setting { name: "policy-grace", value: "AGE", default: "7d", help: "How long an old retention still keeps after a change" },
    Setting { name: "max-delete", value: "N", default: "100", help: "Refuse a plan with more unforeseen deletions than this" },
    Setting { name: "max-delete-percent", value: "N", default: "25", help: "Refuse a plan whose unforeseen deletions are more than this share of what is ours" },
    Setting { name: "api-share", value: "PERCENT", default: "80", help: "Share of AWS's request rates to use" },
];
