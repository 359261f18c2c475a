//! A look into the future: lives through a span with the deciders themselves
//! and says how many snapshots there are on each day of it.
//!
//! Owns the passing of time: when slots come, when expire runs. What is due,
//! what a snapshot bears and what keeps it is asked of [`crate::plan`]; it has
//! no opinion of its own.
//!
//! What it takes for granted: tags and volumes stay as they are, the creator
//! runs at each slot and succeeds at once, copies are made and good at once, expire
//! runs at regular times, and a plan that a check refuses is let through by somebody.

mod life;
mod runs;
mod tally;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::Serialize;

use crate::age::Age;
use crate::calendar;
use crate::config::{Fleet, counts};
use crate::destination::Destination;
use crate::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Listing, Snapshot, SnapshotState, Volume, VolumeState};
use crate::job::{Request, Untagged, not_listed};
use crate::lineage::{self, LineageKey};
use crate::plan::{Action, Creator, ExpireVerdict, FinishTags, Job, Notice, Reason, decide};
use crate::setting::Settings;
use crate::tags::Tags;
use life::{Course, Grows, Life, Lived};
use tally::Tally;

/// The name and version of the forecast's JSON form.
pub const SCHEMA: &str = "ebskeep.forecast/1";

/// What a forecast is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// What there is at the start, which is its `now`.
    pub inventory: &'a Inventory,
    /// What that is, in the words of whoever asks.
    pub subject: Subject,
    /// The settings that the runs would have.
    pub settings: &'a Settings,
    /// How long.
    pub span: Age,
    /// How often expire runs. The first time is 00:10 of the day of the start,
    /// or the next after the start.
    pub expire_every: Age,
    /// The zone in which days begin, and in which expire runs at 00:10.
    pub zone: TimeZone,
    /// The dates whose snapshots are listed.
    pub on: Vec<Date>,
    /// Whether each snapshot's life is told.
    pub lives: Lives,
}

/// Whether each snapshot's life is told. There can be millions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lives {
    /// Only how many there are.
    Counted,
    /// One by one.
    Told,
}

/// A volume that nobody has, to try tags on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imagined {
    /// Its `Backup`.
    pub schedule: String,
    /// Its `Retention`; by default the default's.
    pub retention: Option<String>,
    /// Its `Backup_TimeZone`; by default the setting's.
    pub time_zone: Option<String>,
    /// Its size in GiB.
    pub size_gib: u32,
    /// Its `Copy_Dest`, if it has one.
    pub copy_to: Option<String>,
    /// Its `Copy_Retention`, if it has one.
    pub copy_retention: Option<String>,
}

impl Imagined {
    /// Where it is: nowhere that anything could be copied to.
    pub fn place() -> Place {
        Place { account: AccountId::new("000000000000"), region: Region::new("forecast") }
    }

    /// An inventory of this volume, without a snapshot yet.
    pub fn inventory(&self, start: Timestamp, settings: &Settings) -> Inventory {
        let keys = &settings.keys;
        let mut tags = Tags::new();
        tags.set(keys.backup.clone(), self.schedule.as_str());
        for (key, value) in [
            (&keys.retention, &self.retention),
            (&keys.time_zone, &self.time_zone),
            (&keys.copy_dest, &self.copy_to),
            (&keys.copy_retention, &self.copy_retention),
        ] {
            if let Some(value) = value {
                tags.set(key.clone(), value.as_str());
            }
        }
        let volume = Volume {
            id: VolumeId::new("vol-forecast"),
            state: VolumeState::Available,
            size_gib: self.size_gib,
            attachments: Vec::new(),
            site: None,
            tags,
        };
        Inventory { volumes: Listing::complete(vec![volume]), ..Inventory::empty(Self::place(), start) }
    }
}

/// `ebskeep.forecast/1`: how many snapshots there will be, if nothing changes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Forecast {
    /// `ebskeep.forecast/1`.
    pub schema: String,
    /// What it is about.
    pub subject: Subject,
    /// The instant it begins at.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// The instant it ends before.
    #[schemars(with = "String")]
    pub end: Timestamp,
    /// The zone in which days begin, and in which expire runs at 00:10.
    pub time_zone: String,
    /// How often expire runs, in words.
    pub expire_every: String,
    /// Each day, in order.
    pub days: Vec<Day>,
    /// The span as a whole.
    pub totals: Totals,
    /// The copies that are made in the span, by destination; those that are there
    /// already are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopiesThere>,
    /// Each volume, by id; of one whose copies are here too, two.
    pub volumes: Vec<VolumeTotals>,
    /// The dates asked for.
    pub on: Vec<OnDate>,
    /// Each snapshot's life, by volume and start, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lives: Option<Vec<SnapshotLife>>,
    /// Bad configuration, as any run would report it.
    pub problems: Vec<Notice>,
    /// What could not be listed, and so has no part in this.
    pub not_listed: Vec<Notice>,
}

/// What a forecast is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "of", rename_all = "kebab-case")]
#[schemars(rename = "ForecastSubject")]
pub enum Subject {
    /// A volume that nobody has.
    ImaginedVolume(OfVolume),
    /// What there is in one account and Region.
    Inventory(OfInventory),
}

/// What an imagined volume's tags say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ForecastVolume")]
pub struct OfVolume {
    /// Its schedule.
    pub schedule: String,
    /// Its retention.
    pub retention: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// How long copies stay, if it is copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_retention: Option<String>,
}

/// What an inventory is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OfInventory {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// Snapshots that are not ours, which stay and are not counted.
    pub not_ours: usize,
}

/// One day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Day {
    /// Its date.
    #[schemars(with = "String")]
    pub date: Date,
    /// Snapshots that there are at its end.
    pub snapshots: usize,
    /// The sizes of the volumes behind them, in GiB, added up. What they take
    /// is less: snapshots share blocks.
    pub gib: u64,
    /// Snapshots taken on it.
    pub created: usize,
    /// Snapshots deleted on it.
    pub deleted: usize,
}

/// A span as a whole. Counts are those at the ends of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Snapshots that there are at the start.
    pub at_start: usize,
    /// Snapshots taken.
    pub created: usize,
    /// Snapshots deleted.
    pub deleted: usize,
    /// Snapshots that there are at the end.
    pub at_end: usize,
    /// The sizes of the volumes behind those, in GiB, added up.
    pub gib_at_end: u64,
    /// The most there are on any day.
    pub most: usize,
    /// The first day on which there are as many.
    #[schemars(with = "String")]
    pub most_on: Date,
    /// The fewest there are on any day of the last quarter of the span.
    pub least_lately: usize,
    /// The most there are on any day of the last quarter of the span.
    pub most_lately: usize,
}

/// The copies at one destination over the span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopiesThere {
    /// Where.
    pub destination: Destination,
    /// Each day, in order.
    pub days: Vec<Day>,
    /// The span as a whole.
    pub totals: Totals,
    /// The dates asked for.
    pub on: Vec<OnDate>,
}

/// One volume's snapshots over the span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeTotals {
    /// The volume.
    pub volume_id: VolumeId,
    /// Whether these are copies from elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub copies: bool,
    /// Counts.
    pub totals: Totals,
}

/// The snapshots that exist at the end of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OnDate {
    /// The day.
    #[schemars(with = "String")]
    pub date: Date,
    /// The snapshots, by volume, newest first.
    pub snapshots: Vec<Present>,
}

/// A snapshot that exists then, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Present {
    /// Its id; absent if it is yet to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<SnapshotId>,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// The slot it was taken for, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slot: Option<Timestamp>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Its volume's size in GiB.
    pub size_gib: u32,
    /// What an expire run at the end of that day would say.
    pub verdict: ExpireVerdict,
    /// Every rule that keeps it then, or kept it until then.
    pub reasons: Vec<Reason>,
    /// When the forecast deletes it; absent if it outlives the span.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub deleted: Option<Timestamp>,
}

/// One snapshot from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SnapshotLife {
    /// Its id; absent if it is yet to be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<SnapshotId>,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// The slot it was taken for, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slot: Option<Timestamp>,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// When it is deleted; absent if it outlives the span.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub deleted: Option<Timestamp>,
    /// What kept it until it is deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// Lives through the span, lineage by lineage: none of them decides about
/// another.
pub fn forecast(question: &Question<'_>) -> Forecast {
    let Question { inventory, subject, settings, span, expire_every, zone, on, lives } = question;
    let start = inventory.now;
    let end = calendar::after(start, *span, zone);
    let course = Course { settings, start, end, zone, expire_every: *expire_every, on, lives: *lives };
    let mut whole = Tally::new(start, end, zone);
    let first = decide(inventory, &Request::new(Job::ALL), settings);
    let mut forecast = Forecast {
        schema: SCHEMA.to_owned(),
        subject: subject.clone(),
        start,
        end,
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        expire_every: expire_every.to_string(),
        days: Vec::new(),
        totals: whole.totals(),
        copies: Vec::new(),
        volumes: Vec::new(),
        on: on.iter().map(|date| OnDate { date: *date, snapshots: Vec::new() }).collect(),
        lives: (*lives == Lives::Told).then(Vec::new),
        problems: first.problems,
        not_listed: not_listed(inventory),
    };
    let mut away: BTreeMap<Destination, There> = BTreeMap::new();
    for lineage in lineages(inventory, &first.actions, settings) {
        let key = lineage.key.clone();
        let Lived { tally, on, lives, copies } = lineage.life.live(&course);
        for (destination, copies) in copies {
            let there = away.entry(destination.clone()).or_insert_with(|| There {
                tally: Tally::new(start, end, zone),
                on: forecast.on.iter().map(|on| OnDate { date: on.date, snapshots: Vec::new() }).collect(),
            });
            let world = Inventory::empty(destination.place(&inventory.place.account), start);
            let lived = Life::new(world, Grows::Copied(copies)).live(&course);
            there.tally.add(&lived.tally);
            for (date, present) in there.on.iter_mut().zip(lived.on) {
                date.snapshots.extend(present);
            }
        }
        forecast.volumes.push(VolumeTotals { volume_id: key.volume, copies: key.copies, totals: tally.totals() });
        whole.add(&tally);
        for (date, present) in forecast.on.iter_mut().zip(on) {
            date.snapshots.extend(present);
        }
        if let Some(all) = &mut forecast.lives {
            all.extend(lives);
        }
    }
    let away = away.into_iter().map(|(destination, There { tally, on })| CopiesThere {
        destination,
        days: tally.days(),
        totals: tally.totals(),
        on,
    });
    forecast.copies = away.collect();
    forecast.totals = whole.totals();
    forecast.days = whole.days();
    forecast
}

/// How many snapshots of an inventory are not ours.
pub fn not_ours(inventory: &Inventory, settings: &Settings) -> usize {
    let ours = |snapshot: &&Snapshot| lineage::classify(snapshot, &inventory.place, &settings.deployment).is_ok();
    inventory.snapshots.items.len() - inventory.snapshots.items.iter().filter(ours).count()
}

/// What there is at one destination of copies.
struct There {
    tally: Tally,
    on: Vec<OnDate>,
}

/// One lineage, ready to be lived through.
struct Ready<'a> {
    key: LineageKey,
    life: Life<'a>,
}

/// Every lineage that there is, and one for each volume that will have its
/// first snapshot; each in a world of its own, of what decides about it.
/// `actions` are those of the first run.
fn lineages<'a>(inventory: &'a Inventory, actions: &[Action], settings: &'a Settings) -> Vec<Ready<'a>> {
    let fleet = Fleet::new(inventory, settings, Untagged::NotBackedUp);
    let volumes = lineage::volumes_by_id(inventory);
    // Listed, so that none of them is taken for one that is not.
    let others: BTreeMap<_, _> =
        inventory.instances.items.iter().filter(|i| !counts(i.state)).map(|i| (&i.id, i)).collect();
    let images = inventory.images.items.iter();
    let images = by_snapshot(images.flat_map(|image| image.snapshots.iter().map(move |snapshot| (snapshot, image))));
    let locks = by_snapshot(inventory.locks.items.iter().map(|lock| (&lock.snapshot, lock)));
    let tiers = by_snapshot(inventory.tiers.items.iter().map(|tier| (&tier.snapshot, tier)));
    let mut all: BTreeMap<LineageKey, Vec<&Snapshot>> = BTreeMap::new();
    for (key, managed) in lineage::lineages(inventory, settings) {
        all.insert(key, managed.into_iter().map(|managed| managed.snapshot).collect());
    }
    for volume in volumes.values().filter(|volume| Creator::new(volume, &fleet, settings).is_some()) {
        let Place { account, region } = inventory.place.clone();
        all.entry(LineageKey { account, region, volume: volume.id.clone(), copies: false }).or_default();
    }
    let unfinished: BTreeMap<&SnapshotId, &FinishTags> = actions
        .iter()
        .filter_map(|action| match action {
            Action::FinishTags(finish) => Some((&finish.snapshot_id, finish.as_ref())),
            _ => None,
        })
        .collect();
    let ready = all.into_iter().map(|(key, snapshots)| {
        let volume = volumes.get(&key.volume).copied().filter(|_| !key.copies);
        let instances = volume.map(|volume| fleet.scopes(volume)).unwrap_or_default();
        let named = volume.into_iter().flat_map(|volume| &volume.attachments);
        let others = named.filter_map(|there| others.get(&there.instance).copied());
        let instances =
            instances.iter().filter_map(|scope| scope.instance).chain(others).cloned().map(|mut instance| {
                // What else is attached to it decides nothing here.
                instance.devices.retain(|device| device.volume == key.volume);
                instance
            });
        let used: BTreeMap<_, _> = of(&snapshots, &images).map(|image| (&image.id, image)).collect();
        let (locks, tiers) = (of(&snapshots, &locks).cloned().collect(), of(&snapshots, &tiers).cloned().collect());
        let snapshots = snapshots.into_iter().cloned().map(|mut snapshot| {
            // What is on its way arrives.
            if snapshot.state == SnapshotState::Pending {
                snapshot.state = SnapshotState::Completed;
            }
            if let Some(finish) = unfinished.get(&snapshot.id) {
                for (key, value) in finish.tags.iter() {
                    snapshot.tags.set(key.clone(), value.clone());
                }
                for key in &finish.remove {
                    snapshot.tags.remove(key);
                }
            }
            snapshot
        });
        let world = Inventory {
            place: inventory.place.clone(),
            now: inventory.now,
            observed_at: inventory.observed_at,
            machine_clock: None,
            instances: Listing { items: instances.collect(), gap: inventory.instances.gap.clone() },
            volumes: Listing { items: volume.into_iter().cloned().collect(), gap: inventory.volumes.gap.clone() },
            snapshots: Listing { items: snapshots.collect(), gap: inventory.snapshots.gap.clone() },
            images: Listing { items: used.into_values().cloned().collect(), gap: inventory.images.gap.clone() },
            locks: Listing { items: locks, gap: inventory.locks.gap.clone() },
            tiers: Listing { items: tiers, gap: inventory.tiers.gap.clone() },
            confirmed_gone: inventory.confirmed_gone.get(&key.volume).cloned().into_iter().collect(),
            destinations: Vec::new(),
            listing_mismatch: None,
        };
        let creator = volume.and_then(|volume| Creator::new(volume, &fleet, settings));
        Ready { key, life: Life::new(world, creator.map_or(Grows::No, Grows::Created)) }
    });
    ready.collect()
}

/// What belongs to a snapshot, for looking up.
fn by_snapshot<'a, T>(items: impl Iterator<Item = (&'a SnapshotId, &'a T)>) -> BTreeMap<&'a SnapshotId, Vec<&'a T>> {
    let mut all: BTreeMap<&SnapshotId, Vec<&T>> = BTreeMap::new();
    for (snapshot, item) in items {
        all.entry(snapshot).or_default().push(item);
    }
    all
}

/// What belongs to any of these snapshots.
fn of<'a, T>(snapshots: &[&Snapshot], all: &BTreeMap<&SnapshotId, Vec<&'a T>>) -> impl Iterator<Item = &'a T> {
    snapshots.iter().filter_map(|snapshot| all.get(&snapshot.id)).flatten().copied()
}

/// The last instant of a day, or of the span where that ends sooner.
fn end_of_day(date: Date, zone: &TimeZone, end: Timestamp) -> Timestamp {
    let next = calendar::start_of_day(date.saturating_add(1.day()), zone).min(end);
    next.checked_sub(1.nanosecond()).unwrap_or(next)
}
