//! What there is at one moment, for whoever judges what callers did: not a call,
//! so that no limit, no fault and no log has to do with it.

use ebskeep_core::id::Place;
use ebskeep_core::inventory::{Image, Instance, Snapshot, Volume};

use crate::ec2::instance::seen;
use crate::port;
use crate::state::State;

/// All of a Place that callers could list, each kind by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// Instances in any state.
    pub instances: Vec<Instance>,
    /// Volumes in any state.
    pub volumes: Vec<Volume>,
    /// Snapshots in any state, those included that a listing lacks yet.
    pub snapshots: Vec<Snapshot>,
    /// Images, disabled ones too.
    pub images: Vec<Image>,
}

impl Census {
    pub(crate) fn of(state: &State, place: &Place) -> Self {
        let Some(site) = state.sites.get(place) else { return Self::default() };
        Self {
            instances: site.instances.values().map(|i| port::instance(seen(site, i.clone()))).collect(),
            volumes: site.volumes.values().cloned().map(port::volume).collect(),
            snapshots: site.snapshots.values().cloned().map(port::snapshot).collect(),
            images: site.images.values().cloned().map(port::image).collect(),
        }
    }
}
