//! DescribeInstances, StartInstances, StopInstances, TerminateInstances.

use std::collections::BTreeSet;

use ebskeep_core::id::InstanceId;
use ebskeep_core::inventory::InstanceState;

use super::filter::Filters;
use super::paging::{Paging, Part};
use super::{InstanceView, Read, Scene, StateChange, id};
use crate::model::{Instance, Site, instance_state};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::state::Due;
use crate::wire::xml::iso;

const FILTERS: [&str; 15] = [
    "availability-zone",
    "block-device-mapping.device-name",
    "block-device-mapping.volume-id",
    "image-id",
    "instance-id",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "architecture",
    "launch-time",
    "owner-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "virtualization-type",
];

/// What DescribeInstances is told.
pub(crate) struct DescribeInstances {
    paging: Paging,
    filters: Filters,
}

impl Read for DescribeInstances {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let paging = Paging::read(params, "InstanceId")?;
        // No instance here is managed by a service: with or without, all come.
        params.flag("IncludeManagedResources")?;
        Ok(Self { paging, filters: Filters::read(params, &FILTERS)? })
    }
}

/// What StartInstances, StopInstances and TerminateInstances are told.
pub(crate) struct TheseInstances {
    pub(crate) ids: Vec<InstanceId>,
}

impl Read for TheseInstances {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let ids = params.list("InstanceId")?;
        // How an instance goes down makes no difference to its volumes here.
        for flag in ["Force", "SkipOsShutdown"] {
            params.flag(flag)?;
        }
        if ids.is_empty() {
            return Err(Refusal::missing("InstanceId"));
        }
        Ok(Self { ids: ids.iter().map(|i| id::instance(i)).collect::<Result<_, _>>()? })
    }
}

impl Scene<'_> {
    pub(crate) fn view(&mut self, id: &InstanceId) -> Result<InstanceView, Refusal> {
        let site = self.site();
        let instance = site.instances.get(id).cloned().ok_or_else(|| id::no_instance(id))?;
        Ok(seen(site, instance))
    }

    pub(crate) fn describe_instances(&mut self, request: &DescribeInstances) -> Result<Part<InstanceView>, Refusal> {
        let now = self.now();
        let most = self.state.rules.page;
        let account = self.place.account.clone();
        let wanted = |i: &Instance| request.filters.pass(&i.tags, |name| filter_values(i, name, account.as_str()));
        let site = self.site();
        let part = if request.paging.ids.is_empty() {
            let cursor = request.paging.cursor("DescribeInstances", most, now)?;
            cursor.page(&site.instances, |i| i.launched <= cursor.began && wanted(i))
        } else {
            let ids: BTreeSet<InstanceId> =
                request.paging.ids.iter().map(|i| id::instance(i)).collect::<Result<_, _>>()?;
            let mut items = Vec::new();
            for id in &ids {
                let found = site.instances.get(id).ok_or_else(|| id::no_instance(id))?;
                if wanted(found) {
                    items.push(found.clone());
                }
            }
            Part { items, next: None }
        };
        Ok(Part { items: part.items.into_iter().map(|i| seen(site, i)).collect(), next: part.next })
    }

    pub(crate) fn start_instances(&mut self, request: &TheseInstances) -> Result<Vec<StateChange>, Refusal> {
        self.go(request, |state| match state {
            InstanceState::Stopped => Some((InstanceState::Pending, InstanceState::Running)),
            InstanceState::Pending | InstanceState::Running => Some((state, state)),
            _ => None,
        })
    }

    pub(crate) fn stop_instances(&mut self, request: &TheseInstances) -> Result<Vec<StateChange>, Refusal> {
        self.go(request, |state| match state {
            InstanceState::Running => Some((InstanceState::Stopping, InstanceState::Stopped)),
            InstanceState::Stopping | InstanceState::Stopped => Some((state, state)),
            _ => None,
        })
    }

    pub(crate) fn terminate_instances(&mut self, request: &TheseInstances) -> Result<Vec<StateChange>, Refusal> {
        self.go(request, |state| match state {
            InstanceState::ShuttingDown | InstanceState::Terminated => Some((state, state)),
            _ => Some((InstanceState::ShuttingDown, InstanceState::Terminated)),
        })
    }

    /// All instances go to a state and, once that took its time, to the next;
    /// or none does.
    fn go(
        &mut self,
        request: &TheseInstances,
        way: impl Fn(InstanceState) -> Option<(InstanceState, InstanceState)>,
    ) -> Result<Vec<StateChange>, Refusal> {
        let mut changes = Vec::new();
        for id in &request.ids {
            let before = self.site().instances.get(id).ok_or_else(|| id::no_instance(id))?.state;
            let Some((through, to)) = way(before) else {
                return Err(Refusal::new(
                    "IncorrectInstanceState",
                    format!(
                        "The instance '{id}' is not in a state from which it can do that: {}",
                        instance_state(before).1
                    ),
                ));
            };
            changes.push((StateChange { id: id.clone(), before, after: through }, to));
        }
        let mut told = Vec::new();
        for (change, to) in changes {
            if let Some(instance) = self.site().instances.get_mut(&change.id) {
                instance.state = change.after;
            }
            if change.after != to {
                self.settles(Due::InstanceIs { id: change.id.clone(), from: change.after, to });
            }
            told.push(change);
        }
        Ok(told)
    }
}

pub(crate) fn seen(site: &Site, instance: Instance) -> InstanceView {
    let devices = instance
        .devices
        .values()
        .filter_map(|id| site.volumes.get(id))
        .filter_map(|v| v.attachments.iter().find(|a| a.instance == instance.id).cloned())
        .collect();
    InstanceView { instance, devices }
}

fn filter_values(i: &Instance, name: &str, account: &str) -> Vec<String> {
    vec![match name {
        "availability-zone" => i.zone.to_string(),
        "block-device-mapping.device-name" => return i.devices.keys().map(ToString::to_string).collect(),
        "block-device-mapping.volume-id" => return i.devices.values().map(ToString::to_string).collect(),
        "image-id" => i.image.to_string(),
        "instance-id" => i.id.to_string(),
        "instance-state-code" => instance_state(i.state).0.to_string(),
        "instance-state-name" => instance_state(i.state).1.to_owned(),
        "instance-type" => i.kind.to_string(),
        "architecture" => "x86_64".to_owned(),
        "launch-time" => iso(i.launched),
        "owner-id" => account.to_owned(),
        "reservation-id" => i.reservation.to_string(),
        "root-device-name" => i.root_device.to_string(),
        "root-device-type" => "ebs".to_owned(),
        _ => "hvm".to_owned(),
    }]
}
