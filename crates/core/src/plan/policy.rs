//! Which policy governs a lineage (docs/semantics.md 2.4).

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::{SmolStr, format_smolstr};

use super::order::{Ending, Order};
use super::rules::{self, KeptBy};
use crate::age::Age;
use crate::calendar;
use crate::config::{self, Conflict, Scope};
use crate::inventory::Volume;
use crate::lineage::Managed;
use crate::marks::PolicySince;
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// What stands before a default in a mark: it governs nothing beyond its setting.
const MARKED_DEFAULT: &str = "default ";

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
    /// What its rules keep of the lineage, in each of its orders; empty until
    /// [`Policies::weigh`], and for what is not rules.
    pub(super) weighed: Vec<Arc<Weighed>>,
}

/// What the rules of a policy keep of one lineage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighed {
    /// In the order of the good ones that count, newest first.
    kept: Vec<KeptBy>,
    /// What the rules sort those by.
    pub(super) times: Arc<[Timestamp]>,
    /// When they stop keeping: only where the volume is gone or cannot be known.
    pub(super) end: Option<Timestamp>,
    /// What is said of all that they do not keep.
    pub(super) nothing: SmolStr,
    /// The policy's zone and where it came from, for the words about what is kept.
    pub(super) zone: TimeZone,
    /// As above.
    pub(super) source: Source,
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

    /// When its rules stop keeping: only where the history of a deleted volume ends.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.weighed.first().and_then(|weighed| weighed.end)
    }

    /// The contradiction that was recorded in place of a policy, if it is one.
    pub(super) fn contradiction(&self) -> Option<Conflict<'_>> {
        self.text.as_ref().and_then(|text| Conflict::parse(&text.retention))
    }

    /// Whether it came from a record or a mark on this snapshot.
    pub(super) fn is_recorded_on(&self, managed: &Managed<'_>) -> bool {
        matches!(&self.source, Source::Record(on) if on == managed.snapshot.id.as_str())
    }

    /// Whether a record repeats it letter by letter.
    pub(super) fn is_written(&self, record: Record<'_>) -> bool {
        let text = self.text.as_ref();
        text.is_some_and(|text| {
            Some(text.retention.as_str()) == record.retention && text.zone.as_deref() == record.zone
        })
    }

    /// Whether another means the same in the same zone.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.policy == other.policy && self.zone == other.zone
    }

    pub(super) fn weigh(&mut self, orders: &[Order<'_>], ending: Ending, settings: &Settings) {
        let Ok(Policy::Rules(rules)) = &self.policy else { return };
        let newest = orders.iter().filter_map(|order| order.good.first()).map(|managed| managed.start).max();
        let end = newest.and_then(|newest| history_end(std::slice::from_ref(self), newest, ending, settings));
        let nothing = format_smolstr!("Retention \"{rules}\" ({}): no rule keeps it", self.source);
        let weighed = orders.iter().map(|order| {
            Arc::new(Weighed {
                kept: rules::keeps(rules, &self.zone, &order.times),
                times: order.times.clone(),
                end,
                nothing: nothing.clone(),
                zone: self.zone.clone(),
                source: self.source.clone(),
            })
        });
        self.weighed = weighed.collect();
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

/// What the policies of a lineage depend on besides its snapshots.
pub(super) struct Around<'w, 'a> {
    /// The volume, if it exists.
    pub(super) volume: Option<&'a Volume>,
    /// What its live tags say; empty if it does not exist.
    pub(super) scopes: &'w [Scope<'a>],
    /// Whether the lineage has an end.
    pub(super) ending: Ending,
    /// The settings.
    pub(super) settings: &'a Settings,
    /// The instant of the decision.
    pub(super) now: Timestamp,
}

impl<'w, 'a> Around<'w, 'a> {
    /// Those of a volume that exists.
    pub(super) fn existing(
        volume: &'a Volume,
        scopes: &'w [Scope<'a>],
        settings: &'a Settings,
        now: Timestamp,
    ) -> Self {
        Self { volume: Some(volume), scopes, ending: Ending::None, settings, now }
    }

    /// The mark `ebskeep:policy-since` of a snapshot, if it can be so.
    pub(super) fn mark<'m>(&self, managed: &Managed<'m>) -> Option<PolicySince<'m>> {
        mark_in(managed, managed.snapshot.tags.get(tags::POLICY_SINCE), self.now)
    }

    /// What a snapshot says that governed last: its mark, if it may say so, else its record. A
    /// contradiction that is over says nothing.
    fn said(&self, managed: &Managed<'_>, by_mark: bool) -> Vec<Governing> {
        let counts = |policy: &Governing| !self.is_over(policy, managed);
        let mark = self.mark(managed).filter(|_| by_mark);
        let named = mark.iter().flat_map(PolicySince::named).map(|named| marked(named, managed, self.settings));
        // A default governs nothing beyond its setting.
        let marked: Vec<Governing> = named.filter(|named| named.source != Source::Default && counts(named)).collect();
        if marked.is_empty() { recorded(managed, self.settings).filter(counts).into_iter().collect() } else { marked }
    }

    /// Whether a contradiction that stands on a snapshot has been corrected (docs/semantics.md 2.4).
    pub(super) fn is_over(&self, policy: &Governing, managed: &Managed<'_>) -> bool {
        let Some(conflict) = policy.contradiction() else { return false };
        let key = conflict.key.unwrap_or(if conflict.of_retention {
            self.settings.keys.retention.as_str()
        } else {
            self.settings.keys.backup.as_str()
        });
        let Some(volume) = self.volume else { return false };
        let instances = || self.scopes.iter().filter_map(|scope| scope.instance);
        let conflicted = |tags: &Tags| config::conflicted(tags, self.settings);
        if conflicted(&volume.tags) || instances().any(|instance| conflicted(&instance.tags)) {
            return false;
        }
        let says = |tags: &Tags| matches!(config::said_of(tags, key, self.settings), config::Said::Value(_));
        if says(&volume.tags) {
            return true;
        }
        // A key that is missing on one of several instances corrects nothing, and neither does the
        // end of the instance that the record names.
        let named = managed.snapshot.tags.get(tags::INSTANCE);
        named.is_none_or(|id| instances().any(|instance| instance.id.as_str() == id))
            && self.scopes.iter().all(|scope| scope.instance.is_some_and(|instance| says(&instance.tags)))
    }
}

/// The policies that govern a lineage, its snapshots newest first; never none.
pub(super) fn governing(lineage: &[Managed<'_>], around: &Around<'_, '_>) -> Vec<Governing> {
    let Around { scopes, settings, .. } = around;
    let mut governing: Vec<Governing> = Vec::new();
    for scope in *scopes {
        let Some(tagged) = &scope.retention else { continue };
        let tagged = Governing {
            policy: in_its_zone(tagged.policy.clone(), scope.zone_tag.as_deref()),
            zone: scope.zone.clone(),
            source: Source::Tag(tagged.on.to_string()),
            text: Some(Text { retention: tagged.text.clone(), zone: scope.zone_tag.clone() }),
            weighed: Vec::new(),
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
        // A mark names what the tags of all instances said, so it speaks for none of them.
        let by_mark = governing.is_empty();
        let said = |managed: &Managed<'_>| Some(around.said(managed, by_mark)).filter(|said| !said.is_empty());
        let newest = lineage.iter().find_map(|managed| Some((managed.start, said(managed)?)));
        // The newest by slot and the newest by start need not be the same: either keeps.
        let begun_last = newest.as_ref().and_then(|(newest, _)| {
            let later = lineage.iter().filter(|managed| managed.start > *newest);
            later.filter_map(|managed| Some((managed.start, said(managed)?))).max_by_key(|(start, _)| *start)
        });
        let newest = newest.map_or_else(|| vec![default(zone, settings)], |(_, said)| said);
        for said in newest.into_iter().chain(begun_last.into_iter().flat_map(|(_, said)| said)) {
            if !governing.iter().any(|governing| governing.says_as(&said)) {
                governing.push(said);
            }
        }
    }
    governing
}

/// A policy as it is written in a tag.
pub(super) fn policy_text(policy: &Policy) -> String {
    match policy {
        Policy::Age(age) => age.short().to_string(),
        policy => policy.to_string(),
    }
}

/// When the grace of the history of a deleted volume ends: that long after the later of
/// the span of what governs and the mark. `None` where it has no end, or has not begun.
pub(super) fn history_end(
    governing: &[Governing],
    newest: Timestamp,
    ending: Ending,
    settings: &Settings,
) -> Option<Timestamp> {
    let Ending::Begun(mark) = ending else { return None };
    let ends: Option<Vec<Timestamp>> = governing.iter().map(|governing| governing.span_ends(newest)).collect();
    let span = ends?.into_iter().max()?;
    Some(calendar::after(span.max(newest).max(mark), settings.orphan_grace, &TimeZone::UTC))
}

/// All that [`in_force`] goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Record<'a> {
    retention: Option<&'a str>,
    zone: Option<&'a str>,
    default: Option<&'a str>,
    undated: bool,
    /// The mark `ebskeep:policy-since`, which says what governed after it was taken.
    pub(super) since: Option<&'a str>,
}

pub(super) fn record_of<'a>(managed: &Managed<'a>) -> Record<'a> {
    let mut record = Record {
        retention: managed.recorded_retention(),
        zone: None,
        default: None,
        undated: managed.is_own() && !managed.bears.delete_on,
        since: None,
    };
    for (key, value) in managed.snapshot.tags.iter() {
        match key.as_str() {
            tags::TZ => record.zone = Some(value),
            tags::DEFAULT => record.default = Some(value),
            tags::POLICY_SINCE => record.since = Some(value),
            _ => {}
        }
    }
    record
}

/// The policy a snapshot was taken under, as far as it can be known: the one
/// recorded, or the default where neither a record nor a `DeleteOn` says another.
pub(super) fn in_force(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let Record { retention, zone, default: written, undated, since: _ } = record_of(managed);
    if retention.is_some() {
        return recorded(managed, settings);
    }
    let Some(written) = written else { return undated.then(|| default(zone, settings)) };
    Some(default_of_then(written, zone, settings))
}

/// What the default was at some time.
fn default_of_then(text: &str, zone: Option<&str>, settings: &Settings) -> Governing {
    Governing { policy: in_its_zone(Policy::parse_record(text), zone), ..default(zone, settings) }
}

/// The default, in the zone of this name if one is named.
fn default(zone: Option<&str>, settings: &Settings) -> Governing {
    Governing {
        policy: in_its_zone(Ok(settings.default_retention.clone()), zone),
        zone: zone.and_then(calendar::zone).unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Default,
        text: None,
        weighed: Vec::new(),
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
pub(super) fn recorded(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    Some(noted(managed.recorded_retention()?, managed.snapshot.tags.get(tags::TZ), managed, settings))
}

/// A policy and its zone as they stand on a snapshot.
pub(super) fn noted(text: &str, zone: Option<&str>, managed: &Managed<'_>, settings: &Settings) -> Governing {
    Governing {
        policy: in_its_zone(Policy::parse_record(text), zone),
        zone: zone.and_then(calendar::zone).unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Record(managed.snapshot.id.to_string()),
        text: Some(Text { retention: text.into(), zone: zone.map(SmolStr::new) }),
        weighed: Vec::new(),
    }
}

/// A policy and its zone as a mark names them.
pub(super) fn marked(named: (&str, &str), managed: &Managed<'_>, settings: &Settings) -> Governing {
    let (text, zone) = named;
    // Only a zone that is not the setting's came from a tag.
    let zone = Some(zone).filter(|zone| settings.time_zone.iana_name().unwrap_or("UTC") != *zone);
    match text.strip_prefix(MARKED_DEFAULT) {
        Some(text) => default_of_then(text, zone, settings),
        None => noted(text, zone, managed, settings),
    }
}

/// A policy and its zone as a mark is to name them.
pub(super) fn to_mark(governing: &Governing) -> (String, &str) {
    let policy = match (&governing.policy, &governing.text) {
        (Ok(policy), _) => policy_text(policy),
        (Err(_), Some(text)) => text.retention.to_string(),
        (Err(_), None) => String::new(),
    };
    let before = if governing.source == Source::Default { MARKED_DEFAULT } else { "" };
    (format!("{before}{policy}"), governing.zone.iana_name().unwrap_or("UTC"))
}

/// A mark `ebskeep:policy-since` on a snapshot, if it can be so: it names the volume, and its
/// instants are in order, not before the snapshot and not in the future.
pub(super) fn mark_in<'m>(managed: &Managed<'_>, text: Option<&'m str>, now: Timestamp) -> Option<PolicySince<'m>> {
    let mark = PolicySince::parse(text?)?;
    let in_order = managed.start <= mark.first && mark.first <= mark.last && mark.last <= now;
    (in_order && !managed.key.copies && mark.volume == managed.key.volume.as_str()).then_some(mark)
}

/// When the age of a policy ends for a snapshot: `start` plus the age. For the
/// original's snapshots, which have no slot, whole UTC dates, as it counted.
pub(super) fn age_ends(managed: &Managed<'_>, age: Age, zone: &TimeZone) -> Timestamp {
    if !managed.is_own() && age.is_whole_days() {
        let last = calendar::date_after(calendar::utc_date(managed.start), age);
        return calendar::start_of_day(last, &TimeZone::UTC);
    }
    calendar::after(managed.start, age, zone)
}
