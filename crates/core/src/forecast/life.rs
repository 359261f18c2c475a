//! One lineage, lived through.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use smol_str::{SmolStr, format_smolstr};

use super::runs::Runs;
use super::tally::Tally;
use super::{Lives, Present, SnapshotLife, end_of_day};
use crate::age::Age;
use crate::calendar;
use crate::destination::Destination;
use crate::id::{Place, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Snapshot, SnapshotState, StorageTier};
use crate::job::Request;
use crate::lineage::{self, Managed};
use crate::plan::{Action, Copied, Creator, ExpireVerdict, Job, Plan, Reason, SnapshotVerdict, copied, decide};
use crate::setting::Settings;
use crate::tags;

/// What the ids of snapshots that are yet to be taken begin with. AWS's are
/// hexadecimal.
const TO_COME: &str = "snap-forecast-";

/// Rules that keep to a fixed instant, whatever else happens to the lineage.
const FIXED: [&str; 3] = ["age", "delete-on", "hold"];
/// Rules that keep for as long as tags stay as they are.
const ENDLESS: [&str; 2] = ["forever", "keep-forever"];

/// The span, and what is asked of it.
pub(super) struct Course<'a> {
    pub(super) settings: &'a Settings,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) zone: &'a TimeZone,
    pub(super) expire_every: Age,
    pub(super) on: &'a [Date],
    pub(super) lives: Lives,
}

/// A lineage before the span.
pub(super) struct Life<'a> {
    world: Inventory,
    grows: Grows<'a>,
}

/// Where its next snapshots come from.
pub(super) enum Grows<'a> {
    /// From nowhere.
    No,
    /// From the creator.
    Created(Creator<'a>),
    /// From elsewhere, each at its time: copies, in that order.
    Copied(VecDeque<Snapshot>),
}

/// A lineage after it.
pub(super) struct Lived {
    pub(super) tally: Tally,
    /// What exists on each date asked for.
    pub(super) on: Vec<Vec<Present>>,
    pub(super) lives: Vec<SnapshotLife>,
    /// The copies that were made of it, by destination, in the order of their
    /// making.
    pub(super) copies: BTreeMap<Destination, VecDeque<Snapshot>>,
}

impl<'a> Life<'a> {
    /// `world` has this lineage, and what decides about it, and nothing else.
    pub(super) fn new(world: Inventory, grows: Grows<'a>) -> Self {
        Self { world, grows }
    }

    /// Lives through the span.
    pub(super) fn live(self, course: &Course<'_>) -> Lived {
        let Self { world, grows } = self;
        let mut now = Now::new(world, grows, course);
        let mut runs = Runs::new(course.start, course.expire_every, course.zone);
        let mut looks: Vec<(Timestamp, usize)> = (course.on.iter().enumerate())
            .map(|(index, date)| (end_of_day(*date, course.zone, course.end), index))
            .collect();
        looks.sort_unstable();
        let mut looks = looks.into_iter().peekable();
        now.create(course.start);
        let mut slot = now.slot_after(course.start);
        loop {
            // At one instant the day ends, then a snapshot is taken, then expire runs.
            let run = runs.next();
            let next = slot.map_or(run, |slot| slot.min(run));
            while let Some((at, index)) = looks.next_if(|(at, _)| *at < next.min(course.end)) {
                now.look(at, index);
            }
            if next >= course.end {
                break;
            }
            if let Some(at) = slot.filter(|slot| *slot == next) {
                now.create(at);
                slot = now.slot_after(at);
            } else {
                now.create_at_run(run);
                now.expire(run);
                runs.advance();
            }
        }
        now.finish()
    }
}

/// A lineage at one instant of the span.
struct Now<'c, 'a> {
    course: &'c Course<'c>,
    creator: Option<Creator<'a>>,
    /// Copies that are still to come.
    coming: VecDeque<Snapshot>,
    copies: BTreeMap<Destination, VecDeque<Snapshot>>,
    /// What the deciders are asked about.
    world: Inventory,
    /// What they need not be asked about before an instant, see [`Now::rest`].
    resting: BTreeMap<(Timestamp, SnapshotId), Snapshot>,
    /// What decides about the next creation, of [`Creator::context`].
    context: Vec<Snapshot>,
    /// The policy of all there are, while they have the same.
    alike: Alike,
    made: usize,
    tally: Tally,
    on: Vec<Vec<(SnapshotId, Present)>>,
    lives: BTreeMap<SnapshotId, SnapshotLife>,
}

/// What all snapshots of a lineage record.
#[derive(Clone, PartialEq, Eq)]
enum Alike {
    NotKnown,
    Yes(Recorded),
    No,
}

/// What a snapshot records of the policy it was taken under.
#[derive(Clone, PartialEq, Eq)]
struct Recorded {
    retention: Option<SmolStr>,
    zone: Option<SmolStr>,
    dated: bool,
    good: bool,
}

impl<'c, 'a> Now<'c, 'a> {
    fn new(mut world: Inventory, grows: Grows<'a>, course: &'c Course<'c>) -> Self {
        let (creator, coming) = match grows {
            Grows::No => (None, VecDeque::new()),
            Grows::Created(creator) => (Some(creator), VecDeque::new()),
            Grows::Copied(coming) => (None, coming),
        };
        let mut copies = BTreeMap::new();
        let home = world.place.clone();
        for snapshot in &mut world.snapshots.items {
            copy(snapshot, &home, course, &mut copies);
        }
        let mut tally = Tally::new(course.start, course.end, course.zone);
        let mut lives = BTreeMap::new();
        for snapshot in &world.snapshots.items {
            tally.present(snapshot.size_gib);
            if course.lives == Lives::Told {
                lives.insert(snapshot.id.clone(), life_of(snapshot, &world, course.settings));
            }
        }
        let context = Creator::context(&managed(&world, course.settings));
        let on = vec![Vec::new(); course.on.len()];
        Self {
            course,
            creator,
            coming,
            copies,
            world,
            resting: BTreeMap::new(),
            context,
            alike: Alike::NotKnown,
            made: 0,
            tally,
            on,
            lives,
        }
    }

    fn slot_after(&self, at: Timestamp) -> Option<Timestamp> {
        match &self.creator {
            Some(creator) => creator.slot_after(at),
            None => self.coming.front().map(|copy| copy.started),
        }
    }

    /// A run of the creator where every run is a slot.
    fn create_at_run(&mut self, at: Timestamp) {
        if self.creator.as_ref().is_some_and(Creator::at_every_run) {
            self.create(at);
        }
    }

    /// Takes what has been copied by then.
    fn arrive(&mut self, at: Timestamp) {
        while let Some(copy) = self.coming.pop_front_if(|copy| copy.started <= at) {
            self.tally.created(at, copy.size_gib);
            if self.course.lives == Lives::Told {
                self.lives.insert(copy.id.clone(), life_of(&copy, &self.world, self.course.settings));
            }
            self.world.snapshots.items.push(copy);
        }
    }

    fn create(&mut self, at: Timestamp) {
        self.arrive(at);
        let Some(creator) = &self.creator else { return };
        let Some(volume) = self.world.volumes.items.first() else { return };
        let place = &self.world.place;
        let context = managed_of(&self.context, &self.world, self.course.settings);
        let Some(taken) = creator.take(&context, at) else { return };
        self.made += 1;
        let mut snapshot = Snapshot {
            id: SnapshotId::new(format_smolstr!("{TO_COME}{:09}", self.made)),
            owner: place.account.clone(),
            volume: volume.id.clone(),
            // It is good at once: how long it takes decides nothing here.
            state: SnapshotState::Completed,
            state_message: None,
            started: at,
            size_gib: volume.size_gib,
            tier: StorageTier::Standard,
            restore_expires: None,
            site: taken.site.map(Box::new),
            encrypted: false,
            description: taken.description.into(),
            tags: taken.tags,
        };
        copy(&mut snapshot, &self.world.place, self.course, &mut self.copies);
        self.tally.created(at, snapshot.size_gib);
        if self.course.lives == Lives::Told {
            self.lives.insert(snapshot.id.clone(), life_of(&snapshot, &self.world, self.course.settings));
        }
        // It is the newest now, and records a policy if any of them did.
        self.context.retain(|old| old.state == SnapshotState::Error);
        self.context.push(snapshot.clone());
        self.world.snapshots.items.push(snapshot);
    }

    fn expire(&mut self, at: Timestamp) {
        self.wake(at);
        let plan = self.decided(at);
        let mut verdicts: BTreeMap<SnapshotId, SnapshotVerdict> =
            plan.snapshots.into_iter().map(|verdict| (verdict.snapshot_id.clone(), verdict)).collect();
        let gone = |verdict: &SnapshotVerdict| verdict.verdict == ExpireVerdict::Delete;
        let is_gone = |snapshot: &Snapshot| verdicts.get(&snapshot.id).is_some_and(gone);
        for snapshot in self.world.snapshots.items.iter().filter(|snapshot| is_gone(snapshot)) {
            self.tally.deleted(at, snapshot.size_gib);
        }
        self.world.snapshots.items.retain(|snapshot| !is_gone(snapshot));
        self.mark(&plan.actions);
        let failed = self.context.iter().any(|snapshot| snapshot.state == SnapshotState::Error && is_gone(snapshot));
        self.context.retain(|snapshot| !is_gone(snapshot));
        for present in self.on.iter_mut().flatten().filter(|(id, _)| verdicts.get(id).is_some_and(gone)) {
            present.1.deleted = Some(at);
        }
        if self.course.lives == Lives::Told {
            for verdict in verdicts.values_mut().filter(|verdict| gone(verdict)) {
                if let Some(life) = self.lives.get_mut(&verdict.snapshot_id) {
                    life.deleted = Some(at);
                    life.reasons = std::mem::take(&mut verdict.reasons);
                }
            }
        }
        if self.may_rest(at) {
            self.rest(&verdicts);
        }
        if failed {
            // What failed snapshots stood in the way of is caught up.
            self.create(at);
        }
    }

    /// Writes the marks that expire writes: later runs go by them.
    fn mark(&mut self, actions: &[Action]) {
        for action in actions {
            let Action::WriteMarks(marks) = action else { continue };
            let mut items = self.world.snapshots.items.iter_mut();
            let Some(snapshot) = items.find(|snapshot| snapshot.id == marks.snapshot_id) else { continue };
            for (key, value) in marks.tags.iter() {
                snapshot.tags.set(key.clone(), value.clone());
            }
            for key in &marks.remove {
                snapshot.tags.remove(key);
            }
        }
    }

    /// What the decider of expire says at an instant.
    fn decided(&mut self, at: Timestamp) -> Plan {
        self.world.now = at;
        self.world.observed_at = at;
        decide(&self.world, &Request::new([Job::Expire]), self.course.settings)
    }

    /// Whether snapshots decide nothing about each other, but for the newest:
    /// no rules of 2.3 govern, and all that there are were taken under the same
    /// policy, so that leaving some out of the question changes no answer.
    fn may_rest(&mut self, at: Timestamp) -> bool {
        let Some(creator) = &self.creator else { return false };
        if self.alike == Alike::No
            || !creator.by_time(&managed_of(&self.context, &self.world, self.course.settings), at)
        {
            return false;
        }
        let mut items = self.world.snapshots.items.iter();
        let expected = match &self.alike {
            Alike::Yes(recorded) => Some(recorded.clone()),
            _ => items.clone().next().map(recorded),
        };
        let alike = items.all(|snapshot| Some(recorded(snapshot)) == expected);
        self.alike = match (expected, alike, self.resting.is_empty()) {
            (Some(recorded), true, _) => Alike::Yes(recorded),
            // Those from before the forecast go in time.
            (_, _, true) => Alike::NotKnown,
            _ => Alike::No,
        };
        if self.alike == Alike::No {
            self.wake(Timestamp::MAX);
        }
        matches!(self.alike, Alike::Yes(_))
    }

    /// Lays aside what stays to a known date, or for good, by rules that nothing can
    /// shorten. The newest never rest: they stay by their rank too (R5).
    fn rest(&mut self, verdicts: &BTreeMap<SnapshotId, SnapshotVerdict>) {
        let until = |snapshot: &Snapshot| {
            let verdict = verdicts.get(&snapshot.id).filter(|verdict| verdict.verdict == ExpireVerdict::Keep)?;
            let any = |rules: &[&str], reason: &Reason| rules.contains(&reason.rule);
            if !verdict.reasons.iter().all(|reason| any(&FIXED, reason) || any(&ENDLESS, reason)) {
                return None;
            }
            if verdict.reasons.iter().any(|reason| any(&ENDLESS, reason)) {
                return Some(Timestamp::MAX);
            }
            Some(calendar::start_of_day(verdict.expires_on?, &TimeZone::UTC))
        };
        let (asked, resting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.world.snapshots.items)
            .into_iter()
            .map(|snapshot| (until(&snapshot), snapshot))
            .partition(|(until, _)| until.is_none());
        self.world.snapshots.items = asked.into_iter().map(|(_, snapshot)| snapshot).collect();
        for (until, snapshot) in resting {
            self.resting.insert((until.unwrap_or(Timestamp::MIN), snapshot.id.clone()), snapshot);
        }
    }

    /// Takes up again what may go from now on.
    fn wake(&mut self, at: Timestamp) {
        while let Some(first) = self.resting.first_entry().filter(|first| first.key().0 <= at) {
            self.world.snapshots.items.push(first.remove());
        }
    }

    /// Notes what exists at an instant, and why.
    fn look(&mut self, at: Timestamp, index: usize) {
        self.wake(Timestamp::MAX);
        let plan = self.decided(at);
        let verdicts: BTreeMap<SnapshotId, SnapshotVerdict> =
            plan.snapshots.into_iter().map(|verdict| (verdict.snapshot_id.clone(), verdict)).collect();
        let settings = self.course.settings;
        let present = managed(&self.world, settings).into_iter().filter_map(|managed| {
            let snapshot = managed.snapshot;
            let SnapshotVerdict { verdict, reasons, .. } = verdicts.get(&snapshot.id)?.clone();
            let present = Present {
                snapshot_id: real(&snapshot.id),
                volume_id: managed.key.volume,
                slot: slot(snapshot),
                started: managed.start,
                size_gib: snapshot.size_gib,
                verdict,
                reasons,
                deleted: None,
            };
            Some((snapshot.id.clone(), present))
        });
        let present = present.collect();
        if let Some(on) = self.on.get_mut(index) {
            *on = present;
        }
    }

    fn finish(self) -> Lived {
        let on = self.on.into_iter().map(|on| on.into_iter().map(|(_, present)| present).collect()).collect();
        let mut lives: Vec<SnapshotLife> = self.lives.into_values().collect();
        lives.sort_by_key(|life| life.started);
        Lived { tally: self.tally, on, lives, copies: self.copies }
    }
}

/// Copies a snapshot to where its tags want it: at once, and each copy is good at
/// once.
fn copy(
    snapshot: &mut Snapshot,
    home: &Place,
    course: &Course<'_>,
    copies: &mut BTreeMap<Destination, VecDeque<Snapshot>>,
) {
    let Ok(managed) = lineage::classify(snapshot, home, &course.settings.deployment) else { return };
    let at = managed.snapshot.started.max(course.start);
    let Some(Copied { to, mark, tags: of_copy }) = copied(&managed, at, course.settings) else { return };
    for destination in to {
        let all = copies.entry(destination.clone()).or_default();
        all.push_back(Snapshot {
            id: SnapshotId::new(format_smolstr!("{TO_COME}{:09}", all.len() + 1)),
            owner: destination.place(&home.account).account,
            volume: "vol-ffffffff".into(),
            started: at,
            tags: of_copy.clone(),
            ..snapshot.clone()
        });
    }
    snapshot.tags.set(tags::COPIED_TO, mark);
}

fn managed<'w>(world: &'w Inventory, settings: &Settings) -> Vec<Managed<'w>> {
    managed_of(&world.snapshots.items, world, settings)
}

/// The snapshots of one lineage, newest first.
fn managed_of<'s>(snapshots: &'s [Snapshot], world: &Inventory, settings: &Settings) -> Vec<Managed<'s>> {
    let ours = |snapshot| lineage::classify(snapshot, &world.place, &settings.deployment).ok();
    let mut managed: Vec<Managed<'_>> = snapshots.iter().filter_map(ours).collect();
    managed.sort_by(Managed::newest_first);
    managed
}

fn life_of(snapshot: &Snapshot, world: &Inventory, settings: &Settings) -> SnapshotLife {
    // Of a copy the volume and the start are its source's.
    let managed = lineage::classify(snapshot, &world.place, &settings.deployment).ok();
    let (volume_id, started): (VolumeId, Timestamp) = managed
        .map_or_else(|| (snapshot.volume.clone(), snapshot.started), |managed| (managed.key.volume, managed.start));
    let reasons: Vec<Reason> = Vec::new();
    SnapshotLife { snapshot_id: real(&snapshot.id), volume_id, slot: slot(snapshot), started, deleted: None, reasons }
}

/// The id, if AWS gave it.
fn real(id: &SnapshotId) -> Option<SnapshotId> {
    (!id.as_str().starts_with(TO_COME)).then(|| id.clone())
}

fn slot(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot.tags.get(tags::SLOT).and_then(|text| text.parse().ok())
}

fn recorded(snapshot: &Snapshot) -> Recorded {
    Recorded {
        retention: snapshot.tags.get(tags::RETENTION).map(SmolStr::new),
        zone: snapshot.tags.get(tags::TZ).map(SmolStr::new),
        dated: snapshot.tags.loose(tags::DELETE_ON).next().is_some(),
        good: snapshot.state == SnapshotState::Completed,
    }
}
