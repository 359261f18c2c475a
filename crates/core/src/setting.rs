//! The settings: one table from which the flags, the `EBSKEEP_…` variables, the
//! event's fields and the reference in docs/cli.md are made.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use smol_str::SmolStr;

use crate::age::Age;
use crate::calendar;
use crate::cloud::Role;
use crate::destination::Destination;
use crate::id::AccountId;
use crate::retention::Policy;
use crate::schedule::Schedule;
use crate::tags;

/// Everything an operator can set. Made of [`TABLE`]'s defaults, then changed
/// by name with [`Settings::set`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The schedule of `Backup=Yes` and of values nobody understands.
    pub default_schedule: Schedule,
    /// The schedule of volumes and instances without a `Backup` tag; without one they are not
    /// backed up.
    pub default_backup: Option<Schedule>,
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
    pub orphan_grace: Age,
    /// How long an old policy still keeps after a change.
    pub policy_grace: Age,
    /// From when on a deletion that was due is overdue, and so unforeseen.
    pub backlog: Age,
    /// Unforeseen deletions that are carried out at once.
    pub max_delete: usize,
    /// Unforeseen deletions that are carried out at once, in percent of the managed snapshots.
    pub max_delete_percent: usize,
    /// The share of AWS's request rates that we use, in percent.
    pub api_share: u32,
    /// The role that is assumed in other accounts to which copies go.
    pub copy_role: Role,
    /// The keys of encrypted copies, by destination as written there; elsewhere
    /// the destination's own default is used.
    pub copy_kms_keys: BTreeMap<Destination, SmolStr>,
    /// Where the first snapshot of a volume on an Outpost or in a Local Zone is
    /// stored; later ones follow it.
    pub outposts: Outposts,
}

/// The values of the setting `outposts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outposts {
    /// In the parent Region.
    Region,
    /// On the volume's Outpost, or in its Local Zone.
    Local,
    /// Nowhere: volumes there that have no snapshot yet are not backed up.
    Skip,
}

impl Outposts {
    fn parse(value: &str) -> Result<Self, String> {
        match value.to_lowercase().as_str() {
            "region" => Ok(Self::Region),
            "local" => Ok(Self::Local),
            "skip" => Ok(Self::Skip),
            _ => Err("expected region, local or skip".to_owned()),
        }
    }
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

/// The default of a setting that is not set.
const NONE: &str = "";

/// All settings.
pub const TABLE: &[Setting] = &[
    Setting {
        name: "default-schedule",
        value: "SCHEDULE",
        default: "daily",
        help: "Schedule of `Backup=Yes`, and of values nobody understands",
    },
    Setting {
        name: "default-backup",
        value: "SCHEDULE",
        default: NONE,
        help: "Schedule of volumes and instances without a Backup tag; empty to back up only what is tagged",
    },
    Setting {
        name: "default-retention",
        value: "RETENTION",
        default: "7",
        help: "Retention where neither a tag nor a record says one",
    },
    Setting {
        name: "time-zone",
        value: "ZONE",
        default: "UTC",
        help: "IANA time zone where no Backup_TimeZone names one",
    },
    Setting { name: "key-backup", value: "KEY", default: "Backup", help: "Tag key that says what is backed up" },
    Setting { name: "key-retention", value: "KEY", default: "Retention", help: "Tag key that says how long" },
    Setting {
        name: "key-time-zone",
        value: "KEY",
        default: "Backup_TimeZone",
        help: "Tag key that names the time zone",
    },
    Setting { name: "key-copy-dest", value: "KEY", default: "Copy_Dest", help: "Tag key that names where copies go" },
    Setting {
        name: "key-copy-retention",
        value: "KEY",
        default: "Copy_Retention",
        help: "Tag key that says how long copies stay",
    },
    Setting {
        name: "key-skip-volumes",
        value: "KEY",
        default: "Skip_Backup_Volumes",
        help: "Tag key that lists volumes to leave out",
    },
    Setting {
        name: "deployment",
        value: "NAME",
        default: "default",
        help: "Which deployment's snapshots are ours; others are never touched",
    },
    Setting {
        name: "minimum",
        value: "N",
        default: "1",
        help: "Good snapshots of an existing volume that always stay",
    },
    Setting {
        name: "orphan-grace",
        value: "AGE",
        default: "90d",
        help: "How long past its policy the history of a deleted volume stays",
    },
    Setting {
        name: "policy-grace",
        value: "AGE",
        default: "7d",
        help: "How long an old retention still keeps after a change",
    },
    Setting {
        name: "backlog",
        value: "AGE",
        default: "7d",
        help: "A deletion that was due this long ago is overdue and counts as unforeseen",
    },
    Setting {
        name: "max-delete",
        value: "N",
        default: "100",
        help: "Hold back the unforeseen deletions of a plan with more of them than this",
    },
    Setting {
        name: "max-delete-percent",
        value: "N",
        default: "25",
        help: "Hold back the unforeseen deletions of a plan if they are more than this share of what is ours",
    },
    Setting { name: "api-share", value: "PERCENT", default: "80", help: "Share of AWS's request rates to use" },
    Setting {
        name: "copy-role",
        value: "ROLE",
        default: "ebskeep-copy",
        help: "Role that is assumed in other accounts to which copies go: its name, after its path if it has one",
    },
    Setting {
        name: "copy-external-id",
        value: "ID",
        default: NONE,
        help: "External id that this role asks for; empty for none",
    },
    Setting {
        name: "copy-kms-key",
        value: "DEST=KEY",
        default: NONE,
        help: "Keys of encrypted copies, each eu-west-1=KEY or 123456789012/eu-west-1=KEY, by blank or comma; \
               elsewhere the destination's default key",
    },
    Setting {
        name: "outposts",
        value: "PLACE",
        default: "region",
        help: "Where the first snapshot of a volume on an Outpost or in a Local Zone is stored: region, local, or skip \
               to take none",
    },
];

impl Default for Settings {
    /// What [`TABLE`] says; a test holds the two together.
    fn default() -> Self {
        Self {
            default_schedule: Schedule::DAILY,
            default_backup: None,
            default_retention: Policy::Age(Age::days(7)),
            time_zone: TimeZone::UTC,
            keys: Keys::default(),
            deployment: SmolStr::new_static("default"),
            minimum: 1,
            orphan_grace: Age::days(90),
            policy_grace: Age::days(7),
            backlog: Age::days(7),
            max_delete: 100,
            max_delete_percent: 25,
            api_share: 80,
            copy_role: Role { name: SmolStr::new_static("ebskeep-copy"), external_id: None },
            copy_kms_keys: BTreeMap::new(),
            outposts: Outposts::Region,
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            backup: SmolStr::new_static("Backup"),
            retention: SmolStr::new_static("Retention"),
            time_zone: SmolStr::new_static("Backup_TimeZone"),
            copy_dest: SmolStr::new_static("Copy_Dest"),
            copy_retention: SmolStr::new_static("Copy_Retention"),
            skip_volumes: SmolStr::new_static("Skip_Backup_Volumes"),
        }
    }
}

impl Keys {
    /// All of them.
    pub fn all(&self) -> [&str; 6] {
        let Self { backup, retention, time_zone, copy_dest, copy_retention, skip_volumes } = self;
        [backup, retention, time_zone, copy_dest, copy_retention, skip_volumes].map(SmolStr::as_str)
    }
}

impl Settings {
    /// Changes one setting. Keys must differ from each other, which is known
    /// only once all are set: see [`Settings::validate`].
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        let setting = TABLE
            .iter()
            .find(|setting| setting.name == name)
            .ok_or_else(|| SettingError::UnknownName(name.to_owned()))?;
        self.change(setting, value.trim()).map_err(|why| SettingError::BadValue {
            name: setting.name,
            value: value.to_owned(),
            why,
        })
    }

    /// The key of encrypted copies there, if one is named; `home` is one's own
    /// account, which may be written out or left out.
    pub fn copy_kms_key(&self, destination: &Destination, home: &AccountId) -> Option<&SmolStr> {
        let named = |account| self.copy_kms_keys.get(&Destination { account, ..destination.clone() });
        let written = named(destination.account.clone());
        match &destination.account {
            None => written.or_else(|| named(Some(home.clone()))),
            Some(account) if account == home => written.or_else(|| named(None)),
            Some(_) => written,
        }
    }

    /// Refuses settings that contradict each other.
    pub fn validate(&self) -> Result<(), SettingError> {
        let all = self.keys.all();
        for (at, key) in all.iter().enumerate() {
            if let Some(twin) = all.iter().skip(at + 1).find(|other| tags::same_key(key, other)) {
                return Err(SettingError::BadValue {
                    name: "key-…",
                    value: (*key).to_owned(),
                    why: format!("{key:?} and {twin:?} are the same key; each needs its own"),
                });
            }
        }
        Ok(())
    }

    fn change(&mut self, setting: &Setting, value: &str) -> Result<(), String> {
        match setting.name {
            "default-schedule" => self.default_schedule = Schedule::parse(value)?,
            "default-backup" => {
                self.default_backup = if value.is_empty() { None } else { Some(Schedule::parse(value)?) };
            }
            "default-retention" => self.default_retention = Policy::parse(value)?,
            "time-zone" => {
                self.time_zone = calendar::zone(value).ok_or("it is no IANA time zone such as Europe/London")?;
            }
            "key-backup" => self.keys.backup = key(value)?,
            "key-retention" => self.keys.retention = key(value)?,
            "key-time-zone" => self.keys.time_zone = key(value)?,
            "key-copy-dest" => self.keys.copy_dest = key(value)?,
            "key-copy-retention" => self.keys.copy_retention = key(value)?,
            "key-skip-volumes" => self.keys.skip_volumes = key(value)?,
            "deployment" if value.is_empty() || value.chars().count() > tags::MAX_VALUE => {
                return Err("it needs a name of 1 to 256 characters".to_owned());
            }
            "deployment" => self.deployment = value.into(),
            "minimum" => self.minimum = whole(value, 1, 1_000_000)?,
            "orphan-grace" => self.orphan_grace = Age::parse(value).map_err(|why| why.to_string())?,
            "policy-grace" => self.policy_grace = Age::parse(value).map_err(|why| why.to_string())?,
            "backlog" => self.backlog = Age::parse(value).map_err(|why| why.to_string())?,
            "max-delete" => self.max_delete = whole(value, 0, 1_000_000)?,
            "max-delete-percent" => self.max_delete_percent = whole(value, 0, 100)?,
            "api-share" => self.api_share = whole(value, 1, 100).map(|n| u32::try_from(n).unwrap_or(100))?,
            "copy-role" => self.copy_role.name = role(value)?,
            "copy-external-id" => self.copy_role.external_id = external_id(value)?,
            "copy-kms-key" => self.copy_kms_keys = kms_keys(value)?,
            "outposts" => self.outposts = Outposts::parse(value)?,
            other => return Err(format!("{other} is in the table but nothing takes it")),
        }
        Ok(())
    }
}

fn key(value: &str) -> Result<SmolStr, String> {
    // AWS's limit; source as for tags::MAX_TAGS.
    let fits = (1..=128).contains(&value.chars().count());
    let reserved = value.to_ascii_lowercase().starts_with("aws:") || value.to_ascii_lowercase().starts_with("ebskeep:");
    if fits && !reserved {
        Ok(value.into())
    } else {
        Err("it needs a tag key of 1 to 128 characters that does not begin with aws: or ebskeep:".to_owned())
    }
}

/// A role's name, after its path. Source: IAM User Guide, "IAM and AWS STS
/// quotas" (names of 64 characters, paths of 512).
fn role(value: &str) -> Result<SmolStr, String> {
    let path_and_name = value.trim_start_matches('/');
    let name = path_and_name.rsplit('/').next().unwrap_or_default();
    let fits = (1..=64).contains(&name.len()) && path_and_name.len() <= 512 && iam(path_and_name, "/");
    if fits {
        Ok(path_and_name.into())
    } else {
        Err("it needs the name of a role, such as ebskeep-copy or a-path/ebskeep-copy; no ARN, since the account \
             is the copy's"
            .to_owned())
    }
}

/// Source: AWS STS API Reference, AssumeRole, ExternalId.
fn external_id(value: &str) -> Result<Option<SmolStr>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    if (2..=1_224).contains(&value.len()) && iam(value, ":/") {
        return Ok(Some(value.into()));
    }
    Err("it needs 2 to 1,224 letters, digits or any of _+=,.@:/-, or nothing".to_owned())
}

/// Whether it is of the characters that IAM takes in names, and of these.
fn iam(value: &str, and: &str) -> bool {
    value.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || and.contains(c))
}

fn kms_keys(value: &str) -> Result<BTreeMap<Destination, SmolStr>, String> {
    /// Source: EC2 API Reference and AWS KMS API Reference, KeyId.
    const LONGEST: usize = 2_048;
    let mut keys = BTreeMap::new();
    for entry in value.split(|c: char| c.is_whitespace() || c == ',').filter(|entry| !entry.is_empty()) {
        let read = entry.split_once('=').and_then(|(to, key)| {
            let plausible = (1..=LONGEST).contains(&key.len())
                && key.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c));
            Some((Destination::parse(to)?, plausible.then_some(key)?))
        });
        let Some((destination, key)) = read else {
            return Err(format!(
                "{entry:?} is no destination and key such as eu-west-1=alias/backup or \
                 123456789012/eu-west-1=arn:aws:kms:eu-west-1:123456789012:key/…"
            ));
        };
        if keys.insert(destination.clone(), key.into()).is_some() {
            return Err(format!("{destination} has two keys; each destination needs its own one"));
        }
    }
    Ok(keys)
}

fn whole(value: &str, least: usize, most: usize) -> Result<usize, String> {
    value
        .parse()
        .ok()
        .filter(|n| (least..=most).contains(n))
        .ok_or_else(|| format!("it needs a whole number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_its_own_default_and_that_is_the_default() {
        let mut settings = Settings::default();
        for setting in TABLE {
            settings.set(setting.name, setting.default).unwrap_or_else(|e| panic!("{e}"));
        }
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn every_setting_changes_something_and_refuses_nonsense() {
        for setting in TABLE {
            let other = match setting.default {
                "daily" => "weekly",
                "UTC" => "Europe/London",
                "region" => "local",
                _ if setting.value == "SCHEDULE" => "monthly",
                _ if setting.value == "DEST=KEY" => "eu-west-1=alias/backup",
                _ if ["KEY", "NAME", "ROLE", "ID"].contains(&setting.value) => "another",
                _ => "9",
            };
            let mut settings = Settings::default();
            settings.set(setting.name, other).unwrap_or_else(|e| panic!("{e}"));
            assert_ne!(settings, Settings::default(), "{}", setting.name);
            // Where nothing is a value, something else is none.
            let nonsense = if setting.default == NONE { "?" } else { "" };
            let refused = settings.set(setting.name, nonsense);
            assert!(matches!(refused, Err(SettingError::BadValue { .. })), "{}", setting.name);
        }
        // No setting writes tags on snapshots: `dlm:managed` would make them another service's.
        for unknown in ["max_delete", "snapshot-tags"] {
            assert!(matches!(Settings::default().set(unknown, "1"), Err(SettingError::UnknownName(_))), "{unknown}");
        }
    }

    #[test]
    fn keys_of_copies_are_named_by_destination_with_or_without_the_own_account() {
        let mut settings = Settings::default();
        let arn = "arn:aws:kms:eu-west-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        settings
            .set(
                "copy-kms-key",
                &format!("us-east-1=alias/one,111122223333/us-east-2=two 444455556666/eu-west-1={arn}"),
            )
            .unwrap();
        let home = AccountId::new("111122223333");
        for (to, key) in [
            ("us-east-1", Some("alias/one")),
            ("111122223333/us-east-1", Some("alias/one")),
            ("us-east-2", Some("two")),
            ("444455556666/eu-west-1", Some(arn)),
            // Another account's key is never ours, nor ours another's.
            ("eu-west-1", None),
            ("444455556666/us-east-1", None),
        ] {
            let to = Destination::parse(to).unwrap();
            assert_eq!(settings.copy_kms_key(&to, &home).map(SmolStr::as_str), key, "{to}");
        }
        for wrong in ["us-east-1", "us-east-1=", "=key", "nowhere=key", "us-east-1=a us-east-1=b", "us-east-1=a key"] {
            assert!(settings.set("copy-kms-key", wrong).is_err(), "{wrong:?}");
        }
        settings.set("copy-kms-key", "").unwrap();
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn where_local_volumes_snapshots_go_is_one_of_three_words() {
        let mut settings = Settings::default();
        for (value, outposts) in [("local", Outposts::Local), (" Skip ", Outposts::Skip), ("region", Outposts::Region)]
        {
            settings.set("outposts", value).unwrap();
            assert_eq!(settings.outposts, outposts);
        }
        for wrong in ["", "regional", "local region", "no"] {
            assert!(settings.set("outposts", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_role_is_named_without_its_account() {
        let mut settings = Settings::default();
        for (given, taken) in [("backup-copy", "backup-copy"), ("/a/b/copy", "a/b/copy"), ("x", "x")] {
            settings.set("copy-role", given).unwrap();
            assert_eq!(settings.copy_role.name, taken);
        }
        for wrong in ["", "/", "arn:aws:iam::111122223333:role/copy", "a b", &"x".repeat(65)] {
            assert!(settings.set("copy-role", wrong).is_err(), "{wrong:?}");
        }
        for wrong in ["x", "two words", "ä"] {
            assert!(settings.set("copy-external-id", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn two_settings_may_not_name_one_key() {
        let mut settings = Settings::default();
        settings.set("key-retention", "Keep").unwrap();
        settings.validate().unwrap();
        settings.set("key-retention", " BACK_UP").unwrap();
        assert!(settings.validate().is_err());
    }
}
