//! The decider of `copy`: for every primary and every destination its tags name,
//! how far its copy is, and what follows from that.

mod following;
mod sharing;
mod source_gone;
mod there;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::{SmolStr, format_smolstr};

use super::snapshot_tags::{Dress, dress_copy};
use super::wish::{Wish, home};
use super::{Action, CopyState, CopyVerdict, MarkCopied, NewCopy, Notice, Reason};
use crate::destination::{Destination, listed};
use crate::id::{Place, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Snapshot, SnapshotState, StorageTier};
use crate::lineage::{self, Managed, classify};
use crate::setting::Settings;
use crate::tags::{self, Tags};
pub(crate) use source_gone::{source_gone_since, unsettled_sources};
use there::There;

/// Copies under way at one destination at the same time, whoever began them.
/// Source: Amazon EBS endpoints and quotas, "Concurrent snapshot copies per
/// destination Region".
///
/// Each run counts what is pending there when it looks, so runs side by side that
/// copy to one destination may together begin more: AWS then answers with
/// `ConcurrencyLimit`, which is waited for, and in the end is for the next run.
pub(super) const IN_FLIGHT: usize = 20;

/// Failed copies of one snapshot to one destination within a day, after which it
/// is left alone for that day.
const ATTEMPTS: usize = 3;

/// A snapshot on an Outpost or in a Local Zone is no source of copies.
const SOURCE_LOCAL: &str = "source-local";

/// What `copy` would do.
#[derive(Debug, Default)]
pub(super) struct Copying {
    /// By snapshot, then destination.
    pub(super) verdicts: Vec<CopyVerdict>,
    /// Marks, holds and shares first, then the copies, newest first.
    pub(super) actions: Vec<Action>,
    /// Things to look at.
    pub(super) findings: Vec<Notice>,
}

/// Decides for every primary, or for those of `only`.
pub(super) fn copy(inventory: &Inventory, settings: &Settings, only: Option<&BTreeSet<SnapshotId>>) -> Copying {
    let mut copier = Copier::new(inventory, settings);
    let mut primaries: Vec<Managed<'_>> = inventory
        .snapshots
        .items
        .iter()
        .filter(|snapshot| only.is_none_or(|only| only.contains(&snapshot.id)))
        .filter_map(|snapshot| classify(snapshot, &inventory.place, &settings.deployment).ok())
        .filter(|managed| !managed.key.copies)
        .collect();
    primaries.sort_by(Managed::newest_first);
    for managed in &primaries {
        copier.look_at(managed);
    }
    let (marks, unmarked) = source_gone::marks(inventory, settings);
    copier.out.actions.extend(marks);
    copier.out.findings.extend(unmarked);
    copier.finish()
}

/// What is there of a primary at one destination, as far as it was looked at: its
/// copies, failed ones too, the newest first.
pub(super) fn seen<'a>(
    managed: &Managed<'_>,
    destination: &Destination,
    inventory: &'a Inventory,
    settings: &Settings,
) -> Vec<&'a Snapshot> {
    let place = destination.place(&inventory.place.account);
    let Some(seen) = inventory.destinations.iter().find(|seen| seen.place == place) else { return Vec::new() };
    There::new(seen, &inventory.place, settings).of(managed).all().collect()
}

/// What a run of the copier goes by, and what it has found so far.
struct Copier<'a> {
    inventory: &'a Inventory,
    settings: &'a Settings,
    there: BTreeMap<Place, There<'a>>,
    out: Copying,
    copies: Vec<NewCopy>,
    /// Volumes of which a local snapshot was reported.
    local: BTreeSet<VolumeId>,
}

/// A verdict and its reason.
pub(super) struct Ruling {
    state: CopyState,
    rule: &'static str,
    detail: SmolStr,
}

impl Ruling {
    fn new(state: CopyState, rule: &'static str, detail: impl Into<SmolStr>) -> Self {
        Self { state, rule, detail: detail.into() }
    }
}

impl<'a> Copier<'a> {
    fn new(inventory: &'a Inventory, settings: &'a Settings) -> Self {
        let seen = inventory.destinations.iter();
        let there = seen.map(|seen| (seen.place.clone(), There::new(seen, &inventory.place, settings))).collect();
        Self { inventory, settings, there, out: Copying::default(), copies: Vec::new(), local: BTreeSet::new() }
    }

    fn look_at(&mut self, managed: &Managed<'a>) {
        let account = &self.inventory.place.account;
        if let Some(wish) = Wish::of(managed, self.settings) {
            let mut good: BTreeSet<Destination> = BTreeSet::new();
            let begun = self.copies.len();
            for destination in wish.to.wanted.union(&wish.done) {
                let ruling = self.rule(managed, &wish, destination);
                if ruling.state == CopyState::Done && !wish.done.contains(destination) {
                    good.insert(destination.clone());
                }
                if ruling.state == CopyState::Copy {
                    self.begin(managed, &wish, destination);
                }
                self.follow(managed, destination);
                self.surplus(managed, destination);
                self.tell(managed, destination, ruling);
            }
            // However often it is written.
            if let Some(entry) = wish.to.here.first() {
                let detail = format_smolstr!("{entry} is this account and Region itself");
                let destination = Destination::of(&home(managed), account);
                self.tell(managed, &destination, Ruling::new(CopyState::Skip, "own-place", detail));
            }
            if !good.is_empty() {
                good.extend(wish.done);
                self.out.actions.push(Action::MarkCopied(Box::new(mark(managed, &good))));
            }
            self.name_shares(managed, begun);
        }
        self.unshare(managed);
    }

    /// How far the copy of a primary at one destination is.
    fn rule(&mut self, managed: &Managed<'a>, wish: &Wish<'a>, destination: &Destination) -> Ruling {
        let place = destination.place(&self.inventory.place.account);
        let now = self.inventory.now;
        if wish.done.contains(destination) {
            let detail = format_smolstr!("{} names it", tags::COPIED_TO);
            return Ruling::new(CopyState::Done, "copied", detail);
        }
        // Whatever is at the destination, there will be none.
        if managed.snapshot.site.is_some()
            && let Some(why_not) = not_a_source(managed)
        {
            self.local(managed, &why_not);
            return why_not;
        }
        let not_listed = |why: &str| Ruling::new(CopyState::Wait, "destination-not-listed", why);
        let Some(there) = self.there.get(&place) else { return not_listed("what is there was not looked at") };
        if let Some(gap) = there.gap {
            return not_listed(gap);
        }
        let copies = there.of(managed);
        if let Some(good) = copies.good() {
            let detail = format_smolstr!("{} is good", good.id);
            return Ruling::new(CopyState::Done, "copied", detail);
        }
        if let Some(pending) = copies.pending() {
            let detail = format_smolstr!("{} began {}", pending.id, crate::calendar::to_the_minute(pending.started));
            if lineage::is_stuck(pending, now) {
                let detail = format!("copying {} to {destination} has taken more than a day", managed.snapshot.id);
                self.finding(pending.id.as_str(), "stuck-copy", detail);
            }
            return Ruling::new(CopyState::Pending, "copy-under-way", detail);
        }
        if wish.is_over(now) {
            let detail = "its copies would be past their retention";
            return Ruling::new(CopyState::Skip, "copy-span-over", detail);
        }
        if let Some(why_not) = not_a_source(managed) {
            return why_not;
        }
        let failed = copies.failed_lately(now);
        if let Some(last) = failed.first() {
            let why = last.message().map_or("AWS does not say why", SmolStr::as_str);
            let (times, rest) = match failed.len() {
                1 => ("once", "tried again"),
                2 => ("twice", "tried again"),
                _ => ("three times", "left alone for a day"),
            };
            let detail =
                format!("{} to {destination}: failed {times} within a day ({why}); {rest}", managed.snapshot.id);
            let gives_up = failed.len() >= ATTEMPTS;
            self.finding(last.id.as_str(), if gives_up { "copy-failing" } else { "copy-failed" }, detail);
            if gives_up {
                let detail = format_smolstr!("failed {times} within a day: {why}");
                return Ruling::new(CopyState::Wait, "copy-failing", detail);
            }
        }
        match self.there.get_mut(&place) {
            Some(there) if there.in_flight < IN_FLIGHT => {
                there.in_flight += 1;
                Ruling::new(CopyState::Copy, "copy-wanted", "there is none")
            }
            _ => {
                let detail = format_smolstr!("{IN_FLIGHT} copies are under way there, which is all that AWS allows");
                Ruling::new(CopyState::Wait, "copy-limit", detail)
            }
        }
    }

    /// A copy that is wanted and can never be made: reported once for each volume, on
    /// its newest snapshot.
    fn local(&mut self, managed: &Managed<'a>, why_not: &Ruling) {
        if why_not.rule == SOURCE_LOCAL && self.local.insert(managed.key.volume.clone()) {
            let detail = format!("no copy of it can be made: {}", why_not.detail);
            self.finding(managed.snapshot.id.as_str(), SOURCE_LOCAL, detail);
        }
    }

    /// More than one good copy: told, and left to whoever looks.
    fn surplus(&mut self, managed: &Managed<'a>, destination: &Destination) {
        let place = destination.place(&self.inventory.place.account);
        let Some(there) = self.there.get(&place) else { return };
        let mut good = there.of(managed).all_good();
        let Some(newest) = good.next() else { return };
        let surplus: Vec<&SnapshotId> = good.map(|copy| &copy.id).collect();
        for id in surplus {
            let detail =
                format!("{} is a good copy of {} in {destination} too; one is enough", newest.id, managed.snapshot.id);
            self.out.findings.push(Notice { resource: id.as_str().into(), code: "surplus-copy", detail });
        }
    }

    fn begin(&mut self, managed: &Managed<'a>, wish: &Wish<'a>, destination: &Destination) {
        let Dress { description, tags, carried, dropped } = dress_copy(managed, wish, self.settings);
        if !dropped.is_empty() {
            let keys = dropped.join(", ");
            let detail = format!("its copy in {destination} goes without {keys}: AWS takes 50 tags");
            self.finding(managed.snapshot.id.as_str(), "tags-dropped", detail);
        }
        let encrypted = managed.snapshot.encrypted;
        let key = self.settings.copy_kms_keys.get(destination);
        self.copies.push(NewCopy {
            snapshot_id: managed.snapshot.id.clone(),
            volume_id: managed.key.volume.clone(),
            destination: destination.clone(),
            description,
            tags,
            carried,
            encrypted,
            kms_key_id: key.filter(|_| encrypted).cloned(),
            size_gib: managed.snapshot.size_gib,
            shared_with: None,
        });
    }

    fn tell(&mut self, managed: &Managed<'a>, destination: &Destination, ruling: Ruling) {
        let place = destination.place(&self.inventory.place.account);
        let copy = self.there.get(&place).and_then(|there| there.of(managed).newest());
        self.out.verdicts.push(CopyVerdict {
            snapshot_id: managed.snapshot.id.clone(),
            volume_id: managed.key.volume.clone(),
            destination: destination.clone(),
            verdict: ruling.state,
            reasons: vec![Reason::new(ruling.rule, ruling.detail)],
            copy_id: copy.map(|copy| copy.id.clone()),
        });
    }

    fn finding(&mut self, resource: &str, code: &'static str, detail: String) {
        self.out.findings.push(Notice { resource: resource.into(), code, detail });
    }

    fn finish(self) -> Copying {
        let Self { mut out, copies, .. } = self;
        out.verdicts.sort_by(|a, b| (&a.snapshot_id, &a.destination).cmp(&(&b.snapshot_id, &b.destination)));
        out.actions.extend(copies.into_iter().map(|copy| Action::CopySnapshot(Box::new(copy))));
        out
    }
}

/// Why a snapshot cannot be copied now, or ever.
pub(super) fn not_a_source(managed: &Managed<'_>) -> Option<Ruling> {
    let snapshot = managed.snapshot;
    if let Some(site) = &snapshot.site {
        let detail = format_smolstr!("it is stored {site}, and AWS copies nothing from there to another Region");
        return Some(Ruling::new(CopyState::Skip, SOURCE_LOCAL, detail));
    }
    let (state, rule, detail) = match snapshot.state {
        SnapshotState::Completed if snapshot.tier == StorageTier::Archive => {
            (CopyState::Wait, "source-archived", "AWS copies no archived snapshot; restore it first")
        }
        SnapshotState::Completed if managed.is_unfinished() => {
            (CopyState::Wait, "unfinished-tags", "its own tags are not written yet; the next create run writes them")
        }
        SnapshotState::Completed => return None,
        SnapshotState::Pending => (CopyState::Wait, "source-pending", "it is not finished"),
        SnapshotState::Recoverable | SnapshotState::Recovering => {
            (CopyState::Wait, "source-in-bin", "it is in the Recycle Bin")
        }
        SnapshotState::Error => (CopyState::Skip, "source-failed", "it failed; nothing can be copied from it"),
        SnapshotState::Other => (CopyState::Wait, "source-pending", "its state is not one this version knows"),
    };
    Some(Ruling::new(state, rule, detail))
}

fn mark(managed: &Managed<'_>, done: &BTreeSet<Destination>) -> MarkCopied {
    MarkCopied {
        snapshot_id: managed.snapshot.id.clone(),
        volume_id: managed.key.volume.clone(),
        before: managed.snapshot.tags.clone(),
        tags: Tags::from_iter([(tags::COPIED_TO, listed(done))]),
    }
}
