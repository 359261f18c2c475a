//! Scenes in a sim world.

use ebskeep_core::id::{Place, Region, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{Act, Deed, Fault, PutState, Rules, What, When, World};
use jiff::{Timestamp, ToSpan};

pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) fn place(region: &str) -> Place {
    Place { account: ACCOUNT.into(), region: Region::new(region) }
}

/// An empty world whose time is the machine's. Snapshots are good at once.
pub(crate) fn world() -> World {
    let world = World::new(1, Timestamp::now());
    world.rules(Rules { completes_after: std::time::Duration::ZERO, ..Rules::default() });
    world
}

pub(crate) fn act(world: &World, deed: Deed) -> String {
    act_in(world, "eu-west-1", deed)
}

pub(crate) fn act_in(world: &World, region: &str, deed: Deed) -> String {
    world.act(Act::at(&place(region), deed)).unwrap().id.unwrap_or_default().to_string()
}

/// A volume with these tags; its id.
pub(crate) fn volume(world: &World, tags: &[(&str, &str)]) -> String {
    volume_in(world, "eu-west-1", tags)
}

pub(crate) fn volume_in(world: &World, region: &str, tags: &[(&str, &str)]) -> String {
    let tags: Tags = tags.iter().copied().collect();
    act_in(
        world,
        region,
        Deed::CreateVolume { id: None, size_gib: 8, kind: None, multi_attach: false, key: None, tags },
    )
}

/// A snapshot of ours with a retention of 7 days, which began that long ago.
pub(crate) fn backup(world: &World, volume: &str, days_ago: i64) -> String {
    let started = Timestamp::now() - (days_ago * 24).hours() - 1.minute();
    let delete_on = started + (7 * 24).hours();
    let tags = [
        ("Type", "Automated".to_owned()),
        ("ebskeep:slot", started.strftime("%Y-%m-%dT00:00:00Z").to_string()),
        ("ebskeep:retention", "7".to_owned()),
        ("DeleteOn", delete_on.strftime("%Y-%m-%d").to_string()),
    ];
    snapshot(world, volume, started, tags.into_iter().collect())
}

/// A snapshot that the original tool made, due long ago: nothing foresees its
/// end but its date.
pub(crate) fn legacy(world: &World, volume: &str) -> String {
    let started = Timestamp::now() - (40 * 24).hours();
    let delete_on = started + (7 * 24).hours();
    let tags = [("Type", "Automated".to_owned()), ("DeleteOn", delete_on.strftime("%Y-%m-%d").to_string())];
    snapshot(world, volume, started, tags.into_iter().collect())
}

/// A snapshot somebody made by hand.
pub(crate) fn by_hand(world: &World, volume: &str) -> String {
    snapshot(world, volume, Timestamp::now() - 48.hours(), [("Name", "mine")].into_iter().collect())
}

/// A good snapshot that began then, with these tags.
pub(crate) fn snapshot(world: &World, volume: &str, started: Timestamp, tags: Tags) -> String {
    act(
        world,
        Deed::PutSnapshot {
            id: None,
            volume: VolumeId::new(volume),
            started,
            state: PutState::Completed,
            size_gib: None,
            description: "".into(),
            tags,
        },
    )
}

/// The ids of the snapshots that are there.
pub(crate) fn left(world: &World) -> Vec<String> {
    let there = world.history().into_iter().filter(|past| past.deleted.is_none());
    there.map(|past| past.id.to_string()).collect()
}

/// Every call of an action is refused with this code.
pub(crate) fn refuse(world: &World, action: &str, code: &str, region: Option<&str>) {
    let when = When { region: region.map(Region::new), ..When::every(action) };
    let what = What::Refuse { code: code.into(), status: None, message: "no".to_owned() };
    world.fault(Fault { when, what });
}

/// How many calls of an action were made.
pub(crate) fn calls(world: &World, action: &str) -> usize {
    world.calls().iter().filter(|call| call.action == action).count()
}
