//! Which policy governs a lineage (docs/semantics.md 2.4).

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use smol_str::{SmolStr, format_smolstr};

use super::rules::{self, KeptBy};
use crate::age::Age;
use crate::calendar;
use crate::config::Scope;
use crate::lineage::{Managed, SourceVolume};
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
    /// What its rules keep of the lineage; empty until [`Policies::weigh`].
    pub(super) weighed: Arc<Weighed>,
}

/// What the rules of a policy keep of one lineage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighed {
    /// In the order of the good ones that count, newest first.
    kept: Vec<KeptBy>,
    /// When they stop keeping: only where the volume is gone or cannot be known.
    pub(super) end: Option<Timestamp>,
    /// What is said of all that they do not keep.
    pub(super) nothing: SmolStr,
    /// The policy's zone and where it came from, for the words about what is kept.
    pub(super) zone: TimeZone,
    /// As above.
    pub(super) source: Source,
}

impl Default for Weighed {
    /// Nothing.
    fn default() -> Self {
        Self { kept: Vec::new(), end: None, nothing: SmolStr::default(), zone: TimeZone::UTC, source: Source::Default }
    }
}

impl Weighed {
    /// The rules that keep the snapshot of this rank.
    pub(super) fn kept(&self, rank: Option<usize>) -> &[KeptBy] {
        let Some(rank) = rank else { return &[] };
        let (from, to) = (|by: &KeptBy| by.at < rank, |by: &KeptBy| by.at <= rank);
        self.kept.get(self.kept.partition_point(from)..self.kept.partition_point(to)).unwrap_or_default()
    }
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
    /// forever, rules without an end, and the others by the end of their span.
    fn length(&self, start: Timestamp) -> (u8, Timestamp) {
        match &self.policy {
            Err(_) => (3, Timestamp::MAX),
            Ok(Policy::Forever) => (2, Timestamp::MAX),
            Ok(policy @ (Policy::Rules(_) | Policy::Age(_))) => match policy.span_ends(start, &self.zone) {
                None => (1, Timestamp::MAX),
                Some(end) => (0, end),
            },
        }
    }

    /// The end of its span for what began at `start`, if it has one.
    pub(super) fn span_ends(&self, start: Timestamp) -> Option<Timestamp> {
        self.policy.as_ref().ok().and_then(|policy| policy.span_ends(start, &self.zone))
    }

    fn weigh(&mut self, good: &[&Managed<'_>], volume: SourceVolume<'_>, settings: &Settings) {
        let Ok(Policy::Rules(rules)) = &self.policy else { return };
        let times: Vec<Timestamp> = good.iter().map(|managed| managed.time).collect();
        let kept = rules::keeps(rules, &self.zone, &times);
        let end = match volume {
            SourceVolume::Exists(_) | SourceVolume::NotSeen => None,
            SourceVolume::Gone | SourceVolume::CannotBeKnown => good
                .first()
                .and_then(|newest| self.span_ends(newest.start))
                .map(|end| calendar::after(end, settings.orphan_grace, &TimeZone::UTC)),
        };
        let nothing = format_smolstr!("Retention \"{rules}\" ({}): no rule keeps it", self.source);
        let (zone, source) = (self.zone.clone(), self.source.clone());
        self.weighed = Arc::new(Weighed { kept, end, nothing, zone, source });
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

impl Policies {
    /// Works out what the rules among them keep of a lineage: of its good
    /// snapshots, newest first and one for each slot.
    pub(super) fn weigh(&mut self, good: &[&Managed<'_>], volume: SourceVolume<'_>, settings: &Settings) {
        for policy in self.governing.iter_mut().chain(&mut self.grace) {
            policy.weigh(good, volume, settings);
        }
    }
}

/// The policies of a lineage, its snapshots newest first. `scopes` are those
/// of its volume if it exists, else empty.
pub(super) fn policies(lineage: &[Managed<'_>], scopes: &[Scope<'_>], settings: &Settings, now: Timestamp) -> Policies {
    let mut governing: Vec<Governing> = Vec::new();
    for scope in scopes {
        let Some(tagged) = &scope.retention else { continue };
        let tagged = Governing {
            policy: in_its_zone(tagged.policy.clone(), scope.zone_tag.as_deref()),
            zone: scope.zone.clone(),
            source: Source::Tag(tagged.on.to_string()),
            text: Some(Text { retention: tagged.text.clone(), zone: scope.zone_tag.clone() }),
            weighed: Arc::default(),
        };
        // A tag on the volume itself says the same for each of its instances.
        if !governing.contains(&tagged) {
            governing.push(tagged);
        }
    }
    // Where no tag speaks, for one instance of several or for all, the record does, else the default.
    if governing.is_empty() || scopes.iter().any(|scope| scope.retention.is_none()) {
        let scope = scopes.iter().find(|scope| scope.retention.is_none()).or(scopes.first());
        // The zone outlives its tag as a recorded policy does.
        let tagged = scope.and_then(|scope| scope.zone_tag.as_deref());
        let zone = tagged.or_else(|| lineage.iter().find_map(|managed| managed.snapshot.tags.get(tags::TZ)));
        let record = lineage.iter().find_map(|managed| recorded(managed, settings));
        governing.push(record.unwrap_or_else(|| default(zone, settings)));
    }
    let mut grace: Vec<Governing> = Vec::new();
    for record in in_force_lately(lineage, &governing, settings, now) {
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
///
/// One that is written as a governing one is left out: it governs.
fn in_force_lately(
    lineage: &[Managed<'_>],
    governing: &[Governing],
    settings: &Settings,
    now: Timestamp,
) -> Vec<Governing> {
    let governs = |(retention, zone, _): (Option<&str>, Option<&str>, bool)| {
        let mut written = governing.iter().filter_map(|governing| governing.text.as_ref());
        written.any(|text| Some(text.retention.as_str()) == retention && text.zone.as_deref() == zone)
    };
    let grace = Lately::new(settings.policy_grace, now);
    let mut within = Vec::new();
    let mut before: Option<Option<Governing>> = None;
    // Most often one policy is on all of them, and need be looked at but once.
    let mut read = None;
    for managed in lineage {
        if grace.holds(managed.start) {
            let record = record_of(managed);
            if read != Some(record) && !governs(record) {
                within.extend(in_force(managed, settings));
            }
            read = Some(record);
        } else if before.is_none() {
            let record = record_of(managed);
            before = if governs(record) { Some(None) } else { in_force(managed, settings).map(Some) };
        }
    }
    within.extend(before.flatten());
    within
}

/// The time up to now that is as long as the grace, in UTC.
enum Lately {
    /// Since then, where each day is as long as the next.
    Since(Timestamp),
    /// Worked out for each instant.
    Calendar(Age, Timestamp),
}

impl Lately {
    fn new(grace: Age, now: Timestamp) -> Self {
        let since = grace.only_days().and_then(|days| now.checked_sub(SignedDuration::from_hours(24 * days)).ok());
        since.map_or(Self::Calendar(grace, now), Self::Since)
    }

    /// Whether `start` and the grace later is still to come.
    fn holds(&self, start: Timestamp) -> bool {
        match self {
            Self::Since(since) => start > *since,
            Self::Calendar(grace, now) => calendar::after(start, *grace, &TimeZone::UTC) > *now,
        }
    }
}

/// All that [`in_force`] goes by.
fn record_of<'a>(managed: &Managed<'a>) -> (Option<&'a str>, Option<&'a str>, bool) {
    let tags = &managed.snapshot.tags;
    (tags.get(tags::RETENTION), tags.get(tags::TZ), managed.has_slot && !managed.bears.delete_on)
}

/// The policy a snapshot was taken under, as far as it can be known: the one
/// recorded, or the default where neither a record nor a `DeleteOn` says another.
fn in_force(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let (retention, zone, undated) = record_of(managed);
    let by_default = undated && retention.is_none();
    recorded(managed, settings).or_else(|| by_default.then(|| default(zone, settings)))
}

/// The default, in the zone of this name if one is named.
fn default(zone: Option<&str>, settings: &Settings) -> Governing {
    Governing {
        policy: in_its_zone(Ok(settings.default_retention.clone()), zone),
        zone: zone.and_then(calendar::zone).unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Default,
        text: None,
        weighed: Arc::default(),
    }
}

/// A policy beside the zone it names. Rules in a calendar that nobody knows keep
/// everything.
pub(super) fn in_its_zone(policy: Result<Policy, String>, zone: Option<&str>) -> Result<Policy, String> {
    match (policy, zone) {
        (Ok(Policy::Rules(_)), Some(name)) if calendar::zone(name).is_none() => {
            Err(format!("there is no time zone {name:?} to count its days in"))
        }
        (policy, _) => policy,
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
    let named = managed.snapshot.tags.get(tags::TZ);
    let zone = named.and_then(calendar::zone);
    Some(Governing {
        policy: in_its_zone(Policy::parse_record(text), named),
        zone: zone.unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Record(managed.snapshot.id.to_string()),
        text: Some(Text { retention: text.into(), zone: named.map(SmolStr::new) }),
        weighed: Arc::default(),
    })
}

/// When the age of a policy ends for a snapshot: `start` plus the age. For the
/// original's snapshots, which have no slot, whole UTC dates, as it counted.
pub(super) fn age_ends(managed: &Managed<'_>, age: Age, zone: &TimeZone) -> Timestamp {
    if !managed.has_slot && age.is_whole_days() {
        let last = calendar::date_after(calendar::utc_date(managed.start), age);
        return calendar::start_of_day(last, &TimeZone::UTC);
    }
    calendar::after(managed.start, age, zone)
}
