//! The policies of a lineage: what governs, and what was in force before and keeps for its
//! grace (docs/semantics.md 2.4).

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::marking;
use super::order::{Ending, Order};
use super::policy::{
    Around, Governing, Record, Source, governing, history_end, in_force, longest, marked, record_of, recorded, to_mark,
};
use crate::age::Age;
use crate::calendar;
use crate::inventory::Volume;
use crate::lineage::Managed;
use crate::marks::PolicySince;
use crate::setting::Settings;
use crate::tags;

/// How old the newest good snapshot is before a mark names the policy that it does not record:
/// a daily backup would have recorded it by then (docs/semantics.md 2.4).
const RECORDED_WITHIN: SignedDuration = SignedDuration::from_hours(26);

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
    /// What the mark is to name; `None` if it does not fit into a tag, or there is no room for
    /// the tag.
    pub(super) of: Option<SinceOf>,
    /// What it says at present.
    pub(super) mark: Mark,
    /// Whether the newest good snapshot does not record what governs.
    pub(super) unrecorded: bool,
    /// Whether a grace counts from the mark.
    pub(super) counts: bool,
}

/// What the present mark `ebskeep:policy-since` says of the policies that govern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: there is none, or none that can be so.
    #[default]
    Nothing,
    /// That others governed until lately.
    Changed,
    /// That they govern, but it was not renewed.
    Stale,
    /// From when to when they were seen to govern.
    Counts { first: Timestamp, last: Timestamp },
}

/// What `ebskeep:policy-since` is to name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SinceOf {
    /// The policies that govern, with their zones.
    pub(super) policies: String,
    /// Those that the mark alone says were in force before, and whose grace is not over.
    pub(super) before: String,
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
    /// At this instant. If it counts from the mark `ebskeep:policy-since`, the mark is as it
    /// is, or as it would be written now.
    At(Timestamp),
    /// Not known: the grace of a deleted volume has not begun, the mark cannot be written, or a
    /// contradiction is not corrected.
    Open,
}

impl GraceEnd {
    /// The instant, if there is one.
    pub(super) fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Open => None,
        }
    }

    fn later(self, other: Self) -> Self {
        match (self, other) {
            (Self::At(one), Self::At(two)) => Self::At(one.max(two)),
            _ => Self::Open,
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

/// The policies of a lineage, its snapshots newest first.
pub(super) fn policies(lineage: &[Managed<'_>], around: &Around<'_, '_>) -> Policies {
    let governing = governing(lineage, around);
    let (window, since) = Window::of(&governing, lineage, around);
    let mut policies = Policies { governing, grace: Vec::new(), since };
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
            // The tags of a deleted volume cannot be corrected: what was in force within the grace
            // of the history before the newest one keeps until that grace ends.
            let newest = lineage.iter().map(|managed| managed.start).max().unwrap_or(*now);
            let history_ends = history_end(governing, newest, *ending, settings).map_or(GraceEnd::Open, GraceEnd::At);
            let window = Self { grace: longer(settings), as_of: newest, history_ends: Some(history_ends) };
            return (window, Since::default());
        }
        // A record is a shorter one only once no live tag has said otherwise for long.
        let by_record = governing.iter().any(|governing| matches!(governing.source, Source::Record(_)));
        let grace = if by_record { longer(settings) } else { settings.policy_grace };
        let window = Self { grace, as_of: *now, history_ends: None };
        let since = volume.zip(newest_good(lineage));
        let since = since.map(|(volume, newest)| Since::new(governing, volume, newest, &window, around));
        (window, since.unwrap_or_default())
    }

    /// The policies that a mark says were in force before it, unless their grace is over.
    fn before<'m>(&self, mark: &PolicySince<'m>) -> impl Iterator<Item = (&'m str, &'m str)> + use<'m> {
        let over = calendar::after(mark.first, self.grace, &TimeZone::UTC) <= self.as_of;
        mark.before().filter(move |_| !over)
    }
}

impl Since {
    fn new(
        governing: &[Governing],
        volume: &Volume,
        newest: &Managed<'_>,
        window: &Window,
        around: &Around<'_, '_>,
    ) -> Self {
        let Around { settings, now, .. } = around;
        let grace_after = |at| calendar::after(at, settings.policy_grace, &TimeZone::UTC);
        let marked: Vec<_> = governing.iter().map(to_mark).collect();
        let policies = PolicySince::together(marked.iter().map(|(policy, zone)| (policy.as_str(), *zone)));
        let present = around.mark(newest);
        let mark = match present {
            None => Mark::Nothing,
            Some(mark) if mark.policies != policies => Mark::Changed,
            Some(mark) if grace_after(mark.last) <= *now => Mark::Stale,
            Some(PolicySince { first, last, .. }) => Mark::Counts { first, last },
        };
        // What another mark names was in force until lately, and is of before now.
        let changed = present.filter(|_| mark == Mark::Changed);
        let before = present.iter().flat_map(|mark| window.before(mark));
        let before = PolicySince::together(changed.iter().flat_map(PolicySince::named).chain(before));
        let of = SinceOf { policies, before };
        // As long as instants to the second are.
        let text = PolicySince {
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            volume: volume.id.as_str(),
            policies: &of.policies,
            before: &of.before,
        };
        let fits = text.to_string().chars().count() <= tags::MAX_VALUE && marking::has_room(newest, tags::POLICY_SINCE);
        let longest = longest(governing, *now).filter(|longest| longest.source != Source::Default);
        let is_recorded = |longest: &Governing| {
            let by_record = || recorded(newest, settings).is_some_and(|record| longest.says_as(&record));
            longest.is_recorded_on(newest) || longest.is_written(record_of(newest)) || by_record()
        };
        Self {
            of: fits.then_some(of),
            mark,
            counts: false,
            unrecorded: newest.start < *now - RECORDED_WITHIN && longest.is_some_and(|longest| !is_recorded(longest)),
        }
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

/// What came after the snapshots that are looked at, newest first.
#[derive(Clone, Copy)]
enum Next {
    /// Nothing.
    Nothing,
    /// What began, or was first seen in force, at this instant.
    At(Timestamp),
    /// What governs, by the mark: since this instant.
    Marked(Timestamp),
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
        // Where a record governs, what came after is that record.
        let mut next = match self.since.mark {
            Mark::Counts { first, .. } if !self.by_record() => Next::Marked(first),
            _ => Next::Nothing,
        };
        // Most often one policy is on all of them, and need be looked at but once.
        let mut read: Option<Record<'_>> = None;
        for managed in newest_first {
            let record = record_of(managed);
            // What a mark says was in force after the snapshot was taken.
            if let Some(mark) = record.since.and_then(|_| around.mark(managed)) {
                next = self.add_marked(&mark, managed, next, window, around);
                read = None;
            }
            // Missing tags of an interrupted run do not mean that the default was in force.
            if managed.is_unfinished() {
                continue;
            }
            let began = Next::At(managed.start);
            if read == Some(record) {
                next = began;
                continue;
            }
            // Usually the record repeats the governing policy letter by letter and need not be parsed.
            if self.governing.iter().any(|governing| governing.is_written(record)) {
                (read, next) = (Some(record), began);
                continue;
            }
            let Some(policy) = in_force(managed, around.settings) else { continue };
            read = Some(record);
            self.add(policy, managed, next, window, around);
            next = began;
        }
    }

    /// Whether no live tag governs, nor the default.
    fn by_record(&self) -> bool {
        self.governing.iter().all(|governing| matches!(governing.source, Source::Record(_)))
    }

    /// Adds what a mark says was in force, and says what came after its snapshot.
    fn add_marked(
        &mut self,
        mark: &PolicySince<'_>,
        managed: &Managed<'_>,
        next: Next,
        window: &Window,
        around: &Around<'_, '_>,
    ) -> Next {
        let named: Vec<Governing> = mark.named().map(|named| marked(named, managed, around.settings)).collect();
        let governs = named.iter().all(|named| self.governing.iter().any(|governing| governing.says_as(named)));
        for policy in named {
            // It was seen in force until then.
            let after = match next {
                Next::Nothing => Next::Nothing,
                Next::At(at) | Next::Marked(at) => Next::At(at.max(mark.last)),
            };
            self.add(policy, managed, after, window, around);
        }
        let after = match next {
            Next::At(_) => Next::At(mark.first),
            Next::Nothing if window.history_ends.is_some() || (governs && self.by_record()) => Next::At(mark.first),
            // As it is, or as it is to be written anew.
            Next::Marked(_) | Next::Nothing => next,
        };
        for before in window.before(mark) {
            self.add(marked(before, managed, around.settings), managed, after, window, around);
        }
        after
    }

    /// Adds a policy that was in force when `managed` was taken, or later, and before `next`.
    fn add(&mut self, policy: Governing, managed: &Managed<'_>, next: Next, window: &Window, around: &Around<'_, '_>) {
        let Around { settings, now, .. } = around;
        if self.governing.iter().any(|governing| governing.says_as(&policy)) {
            return;
        }
        // The mark says nothing of what began after its first instant.
        let next = match next {
            Next::Marked(first) if first < managed.start => Next::Nothing,
            next => next,
        };
        let policy_grace = |at| GraceEnd::At(calendar::after(at, settings.policy_grace, &TimeZone::UTC));
        // The default in force before is no record, and has the shorter grace.
        let grace = if policy.source == Source::Default { settings.policy_grace } else { window.grace };
        let ends = match (next, window.history_ends) {
            (Next::Nothing, Some(ends)) => ends,
            // Of a history that ends all that was in force within the window keeps to its end.
            (Next::At(after) | Next::Marked(after), Some(ends)) => {
                if calendar::after(after, window.grace, &TimeZone::UTC) <= window.as_of {
                    return;
                }
                ends
            }
            (next, None) => {
                let corrected = policy.contradiction().map(|_| around.is_over(&policy, managed));
                self.since.counts |= !matches!(next, Next::At(_));
                match (next, corrected) {
                    (_, Some(false)) => GraceEnd::Open,
                    (Next::At(after) | Next::Marked(after), Some(true)) => policy_grace(after),
                    (Next::At(after) | Next::Marked(after), None) => {
                        GraceEnd::At(calendar::after(after, grace, &TimeZone::UTC))
                    }
                    // As the mark will say once this run has written it.
                    (Next::Nothing, _) if self.since.of.is_some() => policy_grace(*now),
                    (Next::Nothing, _) => GraceEnd::Open,
                }
            }
        };
        if ends.at().is_some_and(|at| at <= *now) {
            return;
        }
        match self.grace.iter_mut().find(|grace| grace.policy.says_as(&policy)) {
            Some(there) => there.ends = there.ends.later(ends),
            None => self.grace.push(InGrace { policy, ends }),
        }
    }
}
