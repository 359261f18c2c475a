//! How large a set may be.

use ebskeep_core::id::{AccountId, Place, Region, VolumeId};
use ebskeep_core::inventory::{Device, Instance, InstanceState, Inventory, Listing, Volume, VolumeState};
use ebskeep_core::job::Request;
use ebskeep_core::plan::{Action, Job, decide};
use ebskeep_core::setting::Settings;

use crate::fake::START;
use crate::plans::tags;

/// An instance with so many volumes, all due.
fn instance_with(volumes: usize) -> Inventory {
    let ids: Vec<VolumeId> = (0..volumes).map(|n| VolumeId::new(format!("vol-{n:03}"))).collect();
    let device = |(n, volume): (usize, &VolumeId)| Device { name: format!("/dev/x{n}").into(), volume: volume.clone() };
    let instance = Instance {
        id: "i-1".into(),
        state: InstanceState::Running,
        root_device: Some("/dev/x0".into()),
        devices: ids.iter().enumerate().map(device).collect(),
        tags: tags([("Backup", "Yes")]),
    };
    let volume = |id: VolumeId| Volume {
        id,
        state: VolumeState::InUse,
        size_gib: 8,
        attachments: Vec::new(),
        site: None,
        tags: tags([]),
    };
    Inventory {
        place: Place { account: AccountId::new("111122223333"), region: Region::new("eu-west-1") },
        now: START,
        observed_at: START,
        machine_clock: Some(START),
        instances: Listing::complete(vec![instance]),
        volumes: Listing::complete(ids.into_iter().map(volume).collect()),
        snapshots: Listing::default(),
        images: Listing::default(),
        locks: Listing::default(),
        tiers: Listing::default(),
        confirmed_gone: [].into(),
        destinations: Vec::new(),
        listing_mismatch: None,
    }
}

#[test]
fn up_to_128_volumes_go_together_and_more_one_by_one() {
    let _proof = ebskeep_proofs::proves(&["6.3"]);
    for (volumes, sets, alone) in [(1, 0, 1), (2, 1, 0), (128, 1, 0), (129, 0, 129)] {
        let plan = decide(&instance_with(volumes), &Request::new([Job::Create]), &Settings::default());
        let count = |is: fn(&&Action) -> bool| plan.actions.iter().filter(is).count();
        let got = (count(|a| matches!(a, Action::CreateSet(_))), count(|a| matches!(a, Action::CreateSnapshot(_))));
        assert_eq!(got, (sets, alone), "{volumes} volumes");
    }
}
