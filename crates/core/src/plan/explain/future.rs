//! When a snapshot goes, by living through the years to come.

use std::collections::BTreeSet;

use crate::age::Age;
use crate::calendar;
use crate::forecast::{self, Lives, OfInventory, Question, Subject};
use crate::inventory::{Inventory, Listing};
use crate::job::Request;
use crate::lineage::{self, Managed};
use crate::plan::{ExpireVerdict, Job, SnapshotVerdict, copied, decide};
use crate::tags;

use super::{Asked, Goes};

/// How far it is looked, first near and then further: most snapshots go within a
/// year.
const YEARS: [i64; 3] = [1, 4, 10];
/// Where more than this are there at the end, nothing goes, or hardly anything: each day
/// of more years is a look at all of them, and the answer would take minutes.
const MANY: usize = 1_000;

/// When a snapshot of ours goes, if tags and volumes stay as they are, backups go
/// on, wanted copies are made, and expire runs once a day.
pub(super) fn goes(managed: &Managed<'_>, asked: &Asked<'_>) -> Goes {
    let Some(verdict) = asked.verdict(&managed.snapshot.id) else { return Goes::NotOurs };
    match verdict.verdict {
        ExpireVerdict::Ignore => return Goes::NotOurs,
        ExpireVerdict::Delete => return Goes::Now { why: verdict.reasons.clone() },
        ExpireVerdict::Keep => {}
    }
    // One date everywhere: where the plan knows it, its wanted copies made, it is the plan's.
    let then = once_copied(managed, asked)
        .and_then(|all| all.into_iter().find(|then| then.snapshot_id == managed.snapshot.id));
    let planned = then.as_ref().unwrap_or(verdict).expires_on;
    let alone = only_its_lineage(managed, asked);
    let mut looked = 0;
    for years in YEARS {
        looked = years;
        let question = Question {
            inventory: &alone,
            subject: Subject::Inventory(OfInventory {
                account: alone.place.account.clone(),
                region: alone.place.region.clone(),
                not_ours: 0,
            }),
            settings: asked.world.settings,
            span: Age::years(years),
            expire_every: Age::days(1),
            zone: asked.world.settings.time_zone.clone(),
            on: Vec::new(),
            lives: Lives::Told,
        };
        let lives = forecast::forecast(&question).lives.unwrap_or_default();
        let left = lives.iter().filter(|life| life.deleted.is_none()).count();
        let its = lives.into_iter().find(|life| life.snapshot_id.as_ref() == Some(&managed.snapshot.id));
        if let Some((at, why)) = its.and_then(|life| Some((life.deleted?, life.reasons))) {
            return Goes::On { date: planned.unwrap_or_else(|| calendar::utc_date(at)), why };
        }
        if left > MANY {
            break;
        }
    }
    Goes::NotWithin { span: if looked == 1 { "a year".to_owned() } else { format!("{looked} years") } }
}

/// What expire would say of each snapshot of a lineage if the copies that are wanted
/// were made, by id; `None` where none are.
pub(super) fn once_copied(managed: &Managed<'_>, asked: &Asked<'_>) -> Option<Vec<SnapshotVerdict>> {
    let mut alone = only_its_lineage(managed, asked);
    let settings = asked.world.settings;
    let mut any = false;
    for snapshot in &mut alone.snapshots.items {
        let Ok(managed) = lineage::classify(snapshot, &alone.place, &settings.deployment) else { continue };
        let Some(mark) = copied(&managed, alone.now, settings).map(|wanted| wanted.mark) else { continue };
        snapshot.tags.set(tags::COPIED_TO, mark);
        any = true;
    }
    any.then(|| decide(&alone, &Request::new([Job::Expire]), settings).snapshots)
}

/// The inventory with this lineage, its volume and that one's instances alone:
/// nothing else decides about it, and everything else would take its time.
fn only_its_lineage(managed: &Managed<'_>, asked: &Asked<'_>) -> Inventory {
    let whole = asked.world.inventory;
    let members: BTreeSet<_> = asked.lineages.get(&managed.key).into_iter().flatten().map(|m| &m.snapshot.id).collect();
    let of_volume = |id: &crate::id::VolumeId| *id == managed.key.volume;
    let its = whole.volumes.items.iter().filter(|volume| of_volume(&volume.id));
    let named: BTreeSet<_> = its.flat_map(|volume| volume.attachments.iter().map(|there| &there.instance)).collect();
    Inventory {
        place: whole.place.clone(),
        now: whole.now,
        observed_at: whole.observed_at,
        machine_clock: None,
        instances: only(&whole.instances, |i| {
            named.contains(&i.id) || i.devices.iter().any(|device| of_volume(&device.volume))
        }),
        volumes: only(&whole.volumes, |volume| of_volume(&volume.id)),
        snapshots: only(&whole.snapshots, |snapshot| members.contains(&snapshot.id)),
        images: only(&whole.images, |image| image.snapshots.iter().any(|id| members.contains(id))),
        locks: only(&whole.locks, |lock| members.contains(&lock.snapshot)),
        tiers: only(&whole.tiers, |tier| members.contains(&tier.snapshot)),
        confirmed_gone: whole.confirmed_gone.iter().filter(|id| of_volume(id)).cloned().collect(),
        destinations: Vec::new(),
        listing_mismatch: None,
    }
}

fn only<T: Clone>(listing: &Listing<T>, wanted: impl Fn(&T) -> bool) -> Listing<T> {
    Listing { items: listing.items.iter().filter(|item| wanted(item)).cloned().collect(), gap: listing.gap.clone() }
}
