//! Which volumes are gone: who asks, by how many calls, and what answer is enough.

use std::collections::BTreeSet;

use ebskeep_core::cloud::{Cloud as _, ErrorKind, Filter, Query};
use ebskeep_core::id::VolumeId;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{Request, Run};
use ebskeep_core::observe::observe;
use ebskeep_core::paced::{Paced, Pacing};
use ebskeep_core::plan::Job;
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::tags::Tags;

use crate::fake::{Fake, Fault, Virtual};
use crate::plans::tags;

/// What is observed where these volumes are asked for.
async fn see(fake: &Fake, unsettled: impl IntoIterator<Item = String>) -> Inventory {
    let (clock, stop) = (Virtual::new(), Stop::new());
    let cloud = Paced::new(fake, &clock, &stop, &Pacing::new(100));
    let unsettled: Vec<VolumeId> = unsettled.into_iter().map(VolumeId::new).collect();
    observe(&cloud, &clock, None, |_| unsettled, &|_, _| {}).await.unwrap()
}

fn names(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|n| format!("vol-{n:04}"))
}

fn gone(inventory: &Inventory) -> Vec<&str> {
    inventory.confirmed_gone.iter().map(VolumeId::as_str).collect()
}

fn listed(inventory: &Inventory) -> Vec<&str> {
    inventory.volumes.items.iter().map(|volume| volume.id.as_str()).collect()
}

/// The calls for volumes after the listing: filters by how many values they have, and ids.
fn looks(fake: &Fake) -> (Vec<usize>, Vec<String>) {
    let (filters, rest): (Vec<_>, Vec<_>) =
        fake.calls("DescribeVolumes").into_iter().map(|call| call.about).partition(|about| about.contains('='));
    let ids = rest.into_iter().filter(|about| about != "all").collect();
    (filters.iter().map(|about| about.split('|').count()).collect(), ids)
}

#[tokio::test(start_paused = true)]
async fn missing_volumes_are_asked_for_by_200_and_what_a_filter_finds_exists() {
    let _proof = ebskeep_proofs::proves(&["3.37"]);
    let fake = Fake::new();
    // All but two of them exist, and no listing shows any.
    for id in names(0..450).filter(|id| id != "vol-0007" && id != "vol-0449") {
        fake.volume(&id);
        fake.world.borrow_mut().unlisted.insert(id);
    }
    let inventory = see(&fake, names(0..450)).await;
    let (filters, mut ids) = looks(&fake);
    ids.sort();
    assert_eq!(filters, [200, 200, 50]);
    assert_eq!(ids, ["vol-0007", "vol-0449"]);
    assert_eq!(gone(&inventory), ["vol-0007", "vol-0449"]);
    assert_eq!(inventory.volumes.items.len(), 448, "what a filter returns joins the listing");
    assert!(listed(&inventory).is_sorted());
}

#[tokio::test(start_paused = true)]
async fn all_pages_of_a_filter_are_seen() {
    let _proof = ebskeep_proofs::proves(&["3.37"]);
    let fake = Fake::new();
    fake.world.borrow_mut().page = 3;
    for id in names(0..10) {
        fake.volume(&id);
        fake.world.borrow_mut().unlisted.insert(id);
    }
    let inventory = see(&fake, names(0..11)).await;
    assert_eq!(looks(&fake).1, ["vol-0010"]);
    assert_eq!((gone(&inventory), inventory.volumes.items.len()), (vec!["vol-0010"], 10));
}

#[tokio::test(start_paused = true)]
async fn what_no_filter_finds_and_is_found_by_its_id_is_not_gone() {
    let _proof = ebskeep_proofs::proves(&["3.12", "3.37"]);
    let fake = Fake::new();
    for id in names(0..3) {
        fake.volume(&id);
        fake.world.borrow_mut().unlisted.insert(id.clone());
        fake.world.borrow_mut().unfiltered.insert(id);
    }
    let inventory = see(&fake, names(0..4)).await;
    assert_eq!(gone(&inventory), ["vol-0003"]);
    assert_eq!(listed(&inventory), ["vol-0000", "vol-0001", "vol-0002"]);
}

#[tokio::test(start_paused = true)]
async fn where_a_filter_fails_none_of_its_volumes_is_gone() {
    let _proof = ebskeep_proofs::proves(&["3.38"]);
    for kind in [ErrorKind::Denied, ErrorKind::Invalid, ErrorKind::NotFound, ErrorKind::Other] {
        let fake = Fake::new();
        let fault = Fault::new("DescribeVolumes", kind).about("volume-id=vol-0000|").always();
        fake.fault(fault.said("InvalidVolume.NotFound", "The volume 'vol-0000' does not exist."));
        let inventory = see(&fake, names(0..230)).await;
        let expected: Vec<String> = names(200..230).collect();
        assert_eq!(gone(&inventory), expected, "{kind:?}");
        assert_eq!(looks(&fake).1.len(), 30, "of the 200 of the call that failed none is asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_later_page_of_a_filter_fails_what_it_held_is_not_gone() {
    let _proof = ebskeep_proofs::proves(&["3.38"]);
    let fake = Fake::new();
    fake.world.borrow_mut().page = 2;
    for id in names(0..5) {
        fake.volume(&id);
        fake.world.borrow_mut().unlisted.insert(id);
    }
    // The listing is one empty page, and the next call the filter's first.
    fake.after("DescribeVolumes", |world| {
        world.hooks.push((
            "DescribeVolumes",
            Box::new(|world| world.faults.push(Fault::new("DescribeVolumes", ErrorKind::Denied).always())),
        ));
    });
    let inventory = see(&fake, names(0..6)).await;
    assert_eq!(gone(&inventory), Vec::<&str>::new());
    assert_eq!(listed(&inventory), ["vol-0000", "vol-0001"], "what was seen is there");
}

#[tokio::test(start_paused = true)]
async fn anothers_not_found_makes_no_volume_gone() {
    let _proof = ebskeep_proofs::proves(&["3.12"]);
    let fake = Fake::new();
    for (id, code, message) in [
        // Of another volume.
        ("vol-0000", "InvalidVolume.NotFound", "The volume 'vol-00000' does not exist."),
        ("vol-0001", "InvalidVolume.NotFound", "The volume 'vol-0002' does not exist."),
        // Of something else.
        ("vol-0002", "InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist"),
        // Its own.
        ("vol-0003", "InvalidVolume.NotFound", "The volume 'vol-0003' does not exist."),
        // AWS does not promise to name it.
        ("vol-0004", "InvalidVolume.NotFound", "It does not exist."),
    ] {
        let fault = Fault::new("DescribeVolumes", ErrorKind::NotFound).about_alone(id).always();
        fake.fault(fault.said(code, message));
    }
    let inventory = see(&fake, names(0..5)).await;
    assert_eq!(gone(&inventory), ["vol-0003", "vol-0004"]);
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_is_ignored_changes_nothing_but_what_was_asked_for() {
    let fake = Fake::new();
    fake.volume("vol-other");
    fake.volume("vol-0000");
    fake.world.borrow_mut().unlisted.insert("vol-0000".to_owned());
    // AWS's own limit holds in the fake too.
    let values = names(0..201).map(Into::into).collect();
    let query = Query::Filters(vec![Filter { name: "volume-id".into(), values }]);
    let refused = fake.describe_volumes(&query, None).await.unwrap_err();
    assert_eq!(refused.code.as_deref(), Some("FilterLimitExceeded"));
    let inventory = see(&fake, names(0..1)).await;
    assert_eq!(listed(&inventory), ["vol-0000", "vol-other"]);
}

/// So many volumes that do not exist, each with a snapshot of ours of 200 days ago.
fn of_gone_volumes(number: usize) -> Fake {
    let fake = Fake::new();
    fake.volume("vol-here");
    fake.world.borrow_mut().volumes.get_mut("vol-here").unwrap().tags = tags([("Backup", "daily")]);
    for (n, volume) in names(0..number).enumerate() {
        let bears: Tags = tags([("Type", "Automated"), ("ebskeep:slot", "2025-01-01T00:00:00Z")]);
        fake.snapshot(&format!("snap-{n:04}"), &volume, 200, bears);
    }
    fake
}

async fn planned(fake: &Fake, jobs: &[Job]) -> Inventory {
    let (clock, stop, settings, pacing) = (Virtual::new(), Stop::new(), Settings::default(), Pacing::new(100));
    let run = Run::new(fake, fake.place(), &clock, &settings, &stop, &pacing, &|_, _| {});
    run.plan(&Request::new(jobs.iter().copied())).await.unwrap().inventory
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_expire_asks_for_no_volume() {
    let _proof = ebskeep_proofs::proves(&["6.130"]);
    for jobs in [&[Job::Create][..], &[Job::Copy], &[Job::Create, Job::Copy]] {
        let fake = of_gone_volumes(1_000);
        let inventory = planned(&fake, jobs).await;
        assert_eq!(looks(&fake), (vec![], vec![]), "{jobs:?}");
        assert_eq!(inventory.confirmed_gone, BTreeSet::new());
    }
}

#[tokio::test(start_paused = true)]
async fn expire_asks_for_7685_gone_volumes_by_39_filters_and_confirms_each_once() {
    let _proof = ebskeep_proofs::proves(&["3.37"]);
    let fake = of_gone_volumes(7_685);
    let inventory = planned(&fake, &[Job::Expire]).await;
    let (filters, ids) = looks(&fake);
    assert_eq!((filters.len(), filters.iter().sum::<usize>()), (39, 7_685));
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "each at most once");
    assert_eq!(inventory.confirmed_gone.len(), ids.len());
}
