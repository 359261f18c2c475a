//! Which policy governs a lineage (docs/semantics.md 2.4).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::SmolStr;

use crate::calendar;
use crate::config::Scope;
use crate::lineage::Managed;
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags;

/// A policy, the zone it counts in, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Governing {
    /// What it means, or why it means nothing.
    pub(super) policy: Result<Policy, String>,
    /// The zone its calendar is in.
    pub(super) zone: TimeZone,
    /// Where it came from.
    pub(super) source: Source,
    /// The policy and its zone as text, which new snapshots record; a default
    /// is not recorded.
    pub(super) text: Option<Text>,
}

/// A policy as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// The value of a `Retention` tag, or of a record.
    pub(super) retention: SmolStr,
    /// The name of a zone, if one was named.
    pub(super) zone: Option<SmolStr>,
}

impl Governing {
    /// What the longest of several is found by: no policy anybody understands,
    /// forever, rules, and ages by their end.
    fn length(&self, start: Timestamp) -> (u8, Timestamp) {
        match &self.policy {
            Err(_) => (3, Timestamp::MAX),
            Ok(Policy::Forever) => (2, Timestamp::MAX),
            Ok(Policy::Rules(_)) => (1, Timestamp::MAX),
            Ok(Policy::Age(age)) => (0, calendar::after(start, *age, &self.zone)),
        }
    }
}

/// Where a policy came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A tag of a live volume or instance: its id.
    Tag(String),
    /// Recorded on a snapshot: its id.
    Record(String),
    /// The setting.
    Default,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(on) => write!(f, "tag on {on}"),
            Self::Record(on) => write!(f, "recorded on {on}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// What keeps in a lineage: the governing policies (several for a volume on
/// several instances, of which any keeps), and those that still keep for the
/// grace after a change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policies {
    /// Now in force; never empty.
    pub(super) governing: Vec<Governing>,
    /// In force until a while ago; never one of the governing.
    pub(super) grace: Vec<Governing>,
}

/// The policies of a lineage, its snapshots newest first. `scopes` are those
/// of its volume if it exists, else empty.
pub(super) fn policies(lineage: &[Managed<'_>], scopes: &[Scope<'_>], settings: &Settings, now: Timestamp) -> Policies {
    let mut governing: Vec<Governing> = Vec::new();
    for scope in scopes {
        if let Some(tagged) = &scope.retention {
            governing.push(Governing {
                policy: tagged.policy.clone(),
                zone: scope.zone.clone(),
                source: Source::Tag(tagged.on.to_string()),
                text: Some(Text { retention: tagged.text.clone(), zone: scope.zone_tag.clone() }),
            });
        }
    }
    // Where no tag speaks, for one instance of several or for all, the record does, else the default.
    if governing.is_empty() || scopes.iter().any(|scope| scope.retention.is_none()) {
        let zone = scopes.iter().find(|scope| scope.retention.is_none()).or(scopes.first()).map(|scope| &scope.zone);
        let record = lineage.iter().find_map(|managed| recorded(managed, settings));
        governing.push(record.unwrap_or_else(|| default(zone.unwrap_or(&settings.time_zone), settings)));
    }
    let mut grace: Vec<Governing> = Vec::new();
    for record in in_force_lately(lineage, settings, now) {
        let same = |other: &Governing| other.policy == record.policy && other.zone == record.zone;
        if !governing.iter().any(same) && !grace.iter().any(same) {
            grace.push(record);
        }
    }
    Policies { governing, grace }
}

/// The policies in force at any time of the grace: those recorded on snapshots
/// begun within it, and the last recorded before it. Without the latter a change
/// after a week without backups, or under a weekly schedule, would have no grace
/// at all once the first snapshot bears the new policy.
fn in_force_lately(lineage: &[Managed<'_>], settings: &Settings, now: Timestamp) -> Vec<Governing> {
    let within = |managed: &&Managed<'_>| calendar::after(managed.start, settings.policy_grace, &TimeZone::UTC) > now;
    let before = lineage.iter().filter(|managed| !within(managed)).find_map(|managed| in_force(managed, settings));
    lineage.iter().filter(within).filter_map(|managed| in_force(managed, settings)).chain(before).collect()
}

/// The policy a snapshot was taken under, as far as it can be known: the one
/// recorded, or the default where neither a record nor a `DeleteOn` says another.
fn in_force(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let undated = managed.snapshot.tags.loose(tags::DELETE_ON).next().is_none();
    let by_default = managed.has_slot && undated && managed.snapshot.tags.get(tags::RETENTION).is_none();
    recorded(managed, settings).or_else(|| by_default.then(|| default(&settings.time_zone, settings)))
}

fn default(zone: &TimeZone, settings: &Settings) -> Governing {
    Governing {
        policy: Ok(settings.default_retention.clone()),
        zone: zone.clone(),
        source: Source::Default,
        text: None,
    }
}

/// The policy that keeps a snapshot begun at `start` longest: what new ones
/// record, so that losing an instance or a tag shortens nothing.
pub(super) fn longest(governing: &[Governing], start: Timestamp) -> Option<&Governing> {
    governing.iter().reduce(|longest, next| if next.length(start) > longest.length(start) { next } else { longest })
}

/// The policy recorded on a snapshot, in the zone recorded with it.
fn recorded(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let text = managed.recorded_retention()?;
    let zone = managed.snapshot.tags.get(tags::TZ).and_then(calendar::zone);
    Some(Governing {
        policy: Policy::parse(text),
        zone: zone.unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Record(managed.snapshot.id.to_string()),
        text: Some(Text { retention: text.into(), zone: managed.snapshot.tags.get(tags::TZ).map(SmolStr::new) }),
    })
}

/// When the age of a policy ends for a snapshot: `start` plus the age. For the
/// original's snapshots, which have no slot, whole UTC dates, as it counted.
pub(super) fn age_ends(managed: &Managed<'_>, age: crate::age::Age, zone: &TimeZone) -> Timestamp {
    if !managed.has_slot && age.is_whole_days() {
        let last = calendar::date_after(calendar::utc_date(managed.start), age);
        return calendar::start_of_day(last, &TimeZone::UTC);
    }
    calendar::after(managed.start, age, zone)
}
