//! Which policy governs a lineage (docs/semantics.md 2.4).

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::{SmolStr, format_smolstr};

use super::marking;
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

    /// Whether a record repeats it letter by letter.
    fn is_written(&self, record: Record<'_>) -> bool {
        let text = self.text.as_ref();
        text.is_some_and(|text| {
            Some(text.retention.as_str()) == record.retention && text.zone.as_deref() == record.zone
        })
    }

    /// Whether another means the same in the same zone.
    fn says_as(&self, other: &Self) -> bool {
        self.policy == other.policy && self.zone == other.zone
    }

    fn weigh(&mut self, orders: &[Order<'_>], ending: Ending, settings: &Settings) {
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

/// What keeps in a lineage: the governing policies (several for a volume on
/// several instances, of which any keeps), and those that still keep for a
/// while after a change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policies {
    /// Now in force; never empty.
    pub(super) governing: Vec<Governing>,
    /// In force earlier; never one of the governing.
    pub(super) grace: Vec<InGrace>,
    /// What `ebskeep:policy-since` says, and is to say.
    pub(super) since: Since,
}

/// What `ebskeep:policy-since` says of the policies that govern, and is to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Since {
    /// What the mark names: the volume, its policies and their zones. `None` where that does
    /// not fit into a tag, or there is no room for the tag.
    pub(super) of: Option<String>,
    /// From when to when the mark says that they have governed, if it counts.
    pub(super) mark: Option<(Timestamp, Timestamp)>,
    /// Whether a grace counts from it, because no snapshot records what governs now.
    pub(super) counts: bool,
}

/// A policy that was in force earlier and still keeps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InGrace {
    /// The policy.
    pub(super) policy: Governing,
    /// When it stops keeping.
    pub(super) ends: GraceEnd,
}

/// When a policy of before stops keeping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GraceEnd {
    /// At this instant.
    At(Timestamp),
    /// No snapshot records what governs now: the grace counts from the mark
    /// `ebskeep:policy-since`, which `expire` writes and renews. With the mark as it is, or as
    /// it would be written now, it ends at this instant.
    AfterMark(Timestamp),
    /// Nobody can say: the grace of a deleted volume has not begun, or the mark cannot be
    /// written.
    Open,
}

impl GraceEnd {
    /// The instant, if there is one.
    pub(super) fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) | Self::AfterMark(at) => Some(at),
            Self::Open => None,
        }
    }

    fn later(self, other: Self) -> Self {
        match (self.at(), other.at()) {
            (Some(at), Some(its)) if its > at => other,
            (Some(_), None) => other,
            _ => self,
        }
    }
}

impl Policies {
    /// Works out what the rules among them keep of a lineage: of its good
    /// snapshots, newest first and one for each slot, in each of its orders.
    pub(super) fn weigh(&mut self, orders: &[Order<'_>], ending: Ending, settings: &Settings) {
        for policy in self.governing.iter_mut().chain(self.grace.iter_mut().map(|grace| &mut grace.policy)) {
            policy.weigh(orders, ending, settings);
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

    /// Whether a contradiction that a snapshot records has been corrected (docs/semantics.md 2.4).
    fn is_over(&self, managed: &Managed<'_>) -> bool {
        let Some(conflict) = managed.recorded_retention().and_then(Conflict::parse) else { return false };
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
        let mut counts =
            lineage.iter().filter(|managed| managed.recorded_retention().is_some() && !around.is_over(managed));
        let newest = counts.next();
        governing.push(newest.and_then(|m| recorded(m, settings)).unwrap_or_else(|| default(zone, settings)));
        // The newest by slot and the newest by start need not be the same: either keeps.
        let begun_last = newest.and_then(|newest| {
            counts.filter(|managed| managed.start > newest.start).max_by_key(|managed| managed.start)
        });
        if let Some(other) = begun_last.and_then(|managed| recorded(managed, settings))
            && !governing.iter().any(|governing| governing.says_as(&other))
        {
            governing.push(other);
        }
    }
    governing
}

/// The policies of a lineage, its snapshots newest first.
pub(super) fn policies(lineage: &[Managed<'_>], around: &Around<'_, '_>) -> Policies {
    let governing = governing(lineage, around);
    let mut policies = Policies { governing, grace: Vec::new(), since: Since::default() };
    let (window, since) = Window::of(&policies.governing, lineage, around);
    policies.since = since;
    policies.add_earlier(lineage.iter(), &window, around);
    if !lineage.is_sorted_by(|newer, older| newer.start >= older.start) {
        let mut by_start: Vec<&Managed<'_>> = lineage.iter().collect();
        by_start.sort_by(|a, b| b.start.cmp(&a.start).then_with(|| a.newest_first(b)));
        policies.add_earlier(by_start.into_iter(), &window, around);
    }
    policies
}

/// For how long an earlier policy keeps after the first snapshot that was taken under
/// another one.
struct Window {
    grace: Age,
    /// The instant at which that is asked.
    as_of: Timestamp,
    /// Of a volume that is gone, when the grace of its history ends.
    history_ends: Option<GraceEnd>,
}

impl Window {
    fn of(governing: &[Governing], lineage: &[Managed<'_>], around: &Around<'_, '_>) -> (Self, Since) {
        let Around { volume, ending, settings, now, .. } = around;
        if *ending != Ending::None && !is_copies(lineage) {
            // Nobody can correct a tag any more: what was in force within the grace of the
            // history before the newest one keeps until that grace ends.
            let newest = lineage.iter().map(|managed| managed.start).max().unwrap_or(*now);
            let history_ends = history_end(governing, newest, *ending, settings).map_or(GraceEnd::Open, GraceEnd::At);
            let window = Self { grace: longer(settings), as_of: newest, history_ends: Some(history_ends) };
            return (window, Since::default());
        }
        // A record is a shorter one only once no live tag has said otherwise for long.
        let by_record = governing.iter().any(|governing| matches!(governing.source, Source::Record(_)));
        let grace = if by_record { longer(settings) } else { settings.policy_grace };
        let newest = newest_good(lineage).filter(|newest| marking::has_room(newest, tags::POLICY_SINCE));
        let of = volume.zip(newest).and_then(|(volume, _)| mark_of(volume, governing));
        let mark = of.as_deref().zip(newest).and_then(|(of, newest)| {
            let mark = PolicySince::parse(newest.snapshot.tags.get(tags::POLICY_SINCE)?)?;
            let seen_lately = calendar::after(mark.last, settings.policy_grace, &TimeZone::UTC) > *now;
            let possible = mark.first >= newest.start && mark.first <= mark.last && mark.last <= *now;
            (mark.of == of && possible && seen_lately).then_some((mark.first, mark.last))
        });
        (Self { grace, as_of: *now, history_ends: None }, Since { of, mark, counts: false })
    }
}

/// The newest good snapshot of a lineage by its start: the one that bears marks.
pub(super) fn newest_good<'m, 'a>(lineage: &'m [Managed<'a>]) -> Option<&'m Managed<'a>> {
    lineage.iter().filter(|managed| managed.is_good()).max_by_key(|managed| (managed.start, &managed.snapshot.id))
}

/// The longer of the two graces, one of which can be set shorter than the other.
fn longer(settings: &Settings) -> Age {
    let ends = |grace: Age| calendar::after(Timestamp::UNIX_EPOCH, grace, &TimeZone::UTC);
    let (policy, orphan) = (settings.policy_grace, settings.orphan_grace);
    if ends(orphan) > ends(policy) { orphan } else { policy }
}

fn is_copies(lineage: &[Managed<'_>]) -> bool {
    lineage.first().is_some_and(|managed| managed.key.copies)
}

/// What `ebskeep:policy-since` names: the volume, and the policies that govern with
/// their zones. `None` where that does not fit into a tag beside two instants.
fn mark_of(volume: &Volume, governing: &[Governing]) -> Option<String> {
    /// Characters of two instants to the second, and what stands between.
    const TIMES: usize = 2 * 20 + 2;
    let all = governing.iter().map(|governing| {
        let policy = match (&governing.policy, &governing.text) {
            (Ok(policy), _) => policy_text(policy),
            (Err(_), Some(text)) => text.retention.to_string(),
            (Err(_), None) => String::new(),
        };
        format!("{policy} {}", governing.zone.iana_name().unwrap_or("UTC"))
    });
    let of = format!("{} {}", volume.id, all.collect::<Vec<_>>().join(" + "));
    (of.chars().count() + TIMES <= tags::MAX_VALUE).then_some(of)
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

impl Policies {
    /// Adds the policies that keep after a change: each until the grace after the first
    /// snapshot that was taken under another one. `newest_first` are the snapshots of the
    /// lineage in one of its orders.
    fn add_earlier<'m, 'a: 'm>(
        &mut self,
        newest_first: impl Iterator<Item = &'m Managed<'a>>,
        window: &Window,
        around: &Around<'_, '_>,
    ) {
        let Around { settings, now, .. } = around;
        let grace_after = |at| calendar::after(at, settings.policy_grace, &TimeZone::UTC);
        // As the mark says, or as it will say once this run has written it.
        let from_mark = |since: &Since| match (&since.of, since.mark) {
            (_, Some((first, _))) => GraceEnd::AfterMark(grace_after(first)),
            (Some(_), None) => GraceEnd::AfterMark(grace_after(*now)),
            (None, None) => GraceEnd::Open,
        };
        // What records something, and was taken after those that are looked at.
        let mut next: Option<&Managed<'_>> = None;
        // Most often one policy is on all of them, and need be looked at but once.
        let mut read = None;
        // Missing tags of an interrupted run do not mean that the default was in force.
        for managed in newest_first.filter(|managed| !managed.is_unfinished()) {
            let record = record_of(managed);
            if read == Some(record) {
                next = next.map(|_| managed);
                continue;
            }
            // Usually the record repeats the governing policy letter by letter and need not be parsed.
            if self.governing.iter().any(|governing| governing.is_written(record)) {
                (read, next) = (Some(record), Some(managed));
                continue;
            }
            let Some(policy) = in_force(managed, settings) else { continue };
            read = Some(record);
            let after = next.replace(managed);
            if self.governing.iter().any(|governing| governing.says_as(&policy)) {
                continue;
            }
            // The default in force before is no record, and has the shorter grace.
            let grace = if policy.source == Source::Default { settings.policy_grace } else { window.grace };
            let ends = match (after, window.history_ends) {
                // Of a history that ends all that was in force within the window keeps to its end.
                (Some(after), Some(ends))
                    if calendar::after(after.start, window.grace, &TimeZone::UTC) > window.as_of =>
                {
                    ends
                }
                (Some(_), Some(_)) => continue,
                (None, Some(ends)) => ends,
                (Some(after), None) if around.is_over(managed) => GraceEnd::At(grace_after(after.start)),
                (Some(after), None) => GraceEnd::At(calendar::after(after.start, grace, &TimeZone::UTC)),
                (None, None) => {
                    self.since.counts = true;
                    from_mark(&self.since)
                }
            };
            if ends.at().is_some_and(|at| at <= *now) {
                continue;
            }
            match self.grace.iter_mut().find(|grace| grace.policy.says_as(&policy)) {
                Some(there) => there.ends = there.ends.later(ends),
                None => self.grace.push(InGrace { policy, ends }),
            }
        }
    }
}

/// All that [`in_force`] goes by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Record<'a> {
    retention: Option<&'a str>,
    zone: Option<&'a str>,
    default: Option<&'a str>,
    undated: bool,
}

fn record_of<'a>(managed: &Managed<'a>) -> Record<'a> {
    let mut record = Record { retention: managed.recorded_retention(), zone: None, default: None, undated: false };
    for (key, value) in managed.snapshot.tags.iter() {
        match key.as_str() {
            tags::TZ => record.zone = Some(value),
            tags::DEFAULT => record.default = Some(value),
            _ => {}
        }
    }
    record.undated = managed.is_own() && !managed.bears.delete_on;
    record
}

/// The policy a snapshot was taken under, as far as it can be known: the one
/// recorded, or the default where neither a record nor a `DeleteOn` says another.
fn in_force(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let Record { retention, zone, default: written, undated } = record_of(managed);
    if retention.is_some() {
        return recorded(managed, settings);
    }
    let Some(written) = written else { return undated.then(|| default(zone, settings)) };
    Some(Governing { policy: in_its_zone(Policy::parse_record(written), zone), ..default(zone, settings) })
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
fn recorded(managed: &Managed<'_>, settings: &Settings) -> Option<Governing> {
    let text = managed.recorded_retention()?;
    let named = managed.snapshot.tags.get(tags::TZ);
    let zone = named.and_then(calendar::zone);
    Some(Governing {
        policy: in_its_zone(Policy::parse_record(text), named),
        zone: zone.unwrap_or_else(|| settings.time_zone.clone()),
        source: Source::Record(managed.snapshot.id.to_string()),
        text: Some(Text { retention: text.into(), zone: named.map(SmolStr::new) }),
        weighed: Vec::new(),
    })
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
