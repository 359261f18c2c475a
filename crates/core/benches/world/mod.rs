//! The world that is measured: one account, and a million snapshots of it.

#![expect(clippy::expect_used, reason = "constants that are wrong are to be seen")]

use std::collections::BTreeSet;

use ebskeep_core::id::{AccountId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Instance, InstanceState, Inventory, Listing, Snapshot, SnapshotState, StorageTier, Volume,
    VolumeState,
};
use ebskeep_core::job::Request;
use ebskeep_core::plan::Job;
use ebskeep_core::tags::Tags;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use smol_str::format_smolstr;

/// What every instance is tagged with.
pub(crate) const RETENTION: &str = "daily=7 weekly=4 monthly=12 yearly=2";

/// Volumes of the world whose figures are told.
pub(crate) const VOLUMES: usize = 20_000;

/// Snapshots of each volume.
pub(crate) const EACH: usize = 50;

/// A Wednesday at noon, after the day's backups.
const NOW: &str = "2026-11-25T12:00:00Z";

/// What is asked: what `expire` asks every time it runs.
pub(crate) fn request() -> Request {
    Request::new([Job::Expire])
}

/// So many volumes, two on each instance, and [`EACH`] snapshots of every one,
/// tagged as `create` tags them and listed by ids that say nothing about their
/// volumes, as AWS's do. One instance in four names a time zone.
pub(crate) fn inventory(volumes: usize) -> Inventory {
    let place = Place { account: AccountId::new("123456789012"), region: Region::new("eu-west-1") };
    let now: Timestamp = NOW.parse().expect("a constant");
    let mut ids = Ids(0);
    let mut world = (Vec::new(), Vec::new(), Vec::new());
    let days = days(TimeZone::UTC.to_datetime(now).date());
    for at in 0..volumes.div_ceil(2) {
        let instance = InstanceId::new(ids.next("i"));
        let zone = (at % 4 == 0).then_some("Europe/London");
        let mut devices = Vec::new();
        for name in ["/dev/xvda", "/dev/sdf"] {
            let volume = VolumeId::new(ids.next("vol"));
            devices.push(Device { name: name.into(), volume: volume.clone() });
            world.1.push(Volume {
                id: volume.clone(),
                state: VolumeState::InUse,
                size_gib: 100,
                attachments: vec![Attachment { instance: instance.clone(), device: name.into(), attached_at: None }],
                site: None,
                tags: Tags::from_iter([("Name", format!("data of server-{at}"))]),
            });
            for day in &days {
                let slot = day.at(3, 30, 0, 0).to_zoned(TimeZone::UTC).expect("UTC has no gaps").timestamp();
                world.2.push(snapshot(&mut ids, &place, (&instance, name, &volume), (at, zone), slot));
            }
        }
        let mut tags = Tags::from_iter([
            ("Name", format!("server-{at}")),
            ("Backup", "daily @ 03:30".to_owned()),
            ("Retention", RETENTION.to_owned()),
        ]);
        if let Some(zone) = zone {
            tags.set("Backup_TimeZone", zone);
        }
        world.0.push(Instance {
            id: instance,
            state: InstanceState::Running,
            root_device: Some("/dev/xvda".into()),
            devices,
            tags,
        });
    }
    let (mut instances, mut volumes, mut snapshots) = world;
    instances.sort_by(|a, b| a.id.cmp(&b.id));
    volumes.sort_by(|a, b| a.id.cmp(&b.id));
    snapshots.sort_by(|a, b| a.id.cmp(&b.id));
    Inventory {
        place,
        now,
        observed_at: now,
        machine_clock: None,
        instances: Listing::complete(instances),
        volumes: Listing::complete(volumes),
        snapshots: Listing::complete(snapshots),
        images: Listing::default(),
        locks: Listing::default(),
        tiers: Listing::default(),
        confirmed_gone: BTreeSet::new(),
        destinations: Vec::new(),
        listing_mismatch: None,
    }
}

/// The days on which a volume has a snapshot: those that [`RETENTION`] has left of
/// two years and more, and the last weeks' whole, of which nothing has expired yet.
fn days(today: Date) -> Vec<Date> {
    let before = |days: i64| today.checked_sub(days.days()).expect("within the calendar");
    let kept = (0..800).filter(|days| {
        let day = before(*days);
        let (last_of_month, last_of_year) = (day == day.last_of_month(), day == day.last_of_year());
        (day.weekday() == Weekday::Sunday && *days < 56) || (last_of_month && *days < 395) || last_of_year
    });
    let mut days: BTreeSet<Date> = kept.map(before).collect();
    for ago in 0.. {
        if days.len() >= EACH {
            break;
        }
        days.insert(before(ago));
    }
    days.into_iter().collect()
}

fn snapshot(
    ids: &mut Ids,
    place: &Place,
    (instance, device, volume): (&InstanceId, &str, &VolumeId),
    (at, zone): (usize, Option<&str>),
    slot: Timestamp,
) -> Snapshot {
    let mut tags = Tags::from_iter([
        ("Name", format_smolstr!("server-{at} {device}")),
        ("Type", "Automated".into()),
        ("ebskeep:deployment", "default".into()),
        ("ebskeep:device", device.into()),
        ("ebskeep:instance", instance.as_str().into()),
        ("ebskeep:retention", RETENTION.into()),
        ("ebskeep:slot", format_smolstr!("{slot}")),
        ("ebskeep:volume", volume.as_str().into()),
        // Carried over from the instance.
        ("cost-centre", "4711".into()),
        ("team", "storage".into()),
    ]);
    if let Some(zone) = zone {
        tags.set("ebskeep:tz", zone);
    }
    Snapshot {
        id: SnapshotId::new(ids.next("snap")),
        owner: place.account.clone(),
        volume: volume.clone(),
        state: SnapshotState::Completed,
        state_message: None,
        started: slot.checked_add(90.seconds()).expect("within time"),
        size_gib: 100,
        tier: StorageTier::Standard,
        restore_expires: None,
        site: None,
        encrypted: true,
        description: format_smolstr!("server-{at} - {volume} ({device})"),
        tags,
    }
}

/// Ids in an order that looks random and is always the same: splitmix64.
struct Ids(u64);

impl Ids {
    fn next(&mut self, kind: &str) -> String {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{kind}-0{:016x}", z ^ (z >> 31))
    }
}
