//! What the adapter read, in boto3's members.

use ebskeep_core::cloud::{Begun, Page, Token};
use ebskeep_core::inventory::{
    Attachment, Image, Instance, InstanceState, Lock, LockState, Snapshot, SnapshotState, StorageTier, TierMove,
    TierStatus, Volume, VolumeState,
};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use serde_json::{Value, json};

pub(crate) fn listed<T>(name: &str, page: &Page<T>, one: impl Fn(&T) -> Value) -> Value {
    let items: Vec<Value> = page.items.iter().map(one).collect();
    match &page.next {
        Some(Token(token)) => json!({ name: items, "NextToken": token }),
        None => json!({ name: items }),
    }
}

fn tag_list(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

pub(crate) fn instance(instance: &Instance) -> Value {
    let Instance { id, state, root_device, devices, tags } = instance;
    let state = match state {
        InstanceState::Pending => "pending",
        InstanceState::Running => "running",
        InstanceState::Stopping => "stopping",
        InstanceState::Stopped => "stopped",
        InstanceState::ShuttingDown => "shutting-down",
        InstanceState::Terminated => "terminated",
        InstanceState::Other => "other",
    };
    let devices: Vec<Value> = devices
        .iter()
        .map(|device| json!({ "DeviceName": device.name, "Ebs": { "VolumeId": device.volume.as_str() } }))
        .collect();
    json!({
        "InstanceId": id.as_str(),
        "State": { "Name": state },
        "RootDeviceName": root_device,
        "BlockDeviceMappings": devices,
        "Tags": tag_list(tags),
    })
}

pub(crate) fn volume(volume: &Volume) -> Value {
    let Volume { id, state, size_gib, attachments, site, tags } = volume;
    let state = match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Deleted => "deleted",
        VolumeState::Error => "error",
        VolumeState::Other => "other",
    };
    let attachments: Vec<Value> = attachments
        .iter()
        .map(|there| {
            let Attachment { instance, device, attached_at } = there;
            let mut told = json!({ "InstanceId": instance.as_str(), "Device": device });
            if let Some(at) = attached_at {
                told["AttachTime"] = at.to_string().into();
            }
            told
        })
        .collect();
    json!({
        "VolumeId": id.as_str(),
        "State": state,
        "Size": size_gib,
        "Attachments": attachments,
        "OutpostArn": site.as_ref().and_then(outpost),
        "AvailabilityZone": site.as_ref().and_then(local_zone),
        "Tags": tag_list(tags),
    })
}

pub(crate) fn snapshot(snapshot: &Snapshot) -> Value {
    let Snapshot {
        id,
        owner,
        volume,
        state,
        state_message,
        started,
        size_gib,
        tier,
        restore_expires,
        site,
        encrypted,
        description,
        tags,
    } = snapshot;
    let state = match state {
        SnapshotState::Pending => "pending",
        SnapshotState::Completed => "completed",
        SnapshotState::Error => "error",
        SnapshotState::Recoverable => "recoverable",
        SnapshotState::Recovering => "recovering",
        SnapshotState::Other => "other",
    };
    json!({
        "SnapshotId": id.as_str(),
        "OwnerId": owner.as_str(),
        "VolumeId": volume.as_str(),
        "State": state,
        "StateMessage": state_message.as_deref().unwrap_or_default(),
        "StartTime": started,
        "VolumeSize": size_gib,
        "StorageTier": tier_name(*tier),
        "RestoreExpiryTime": restore_expires,
        "OutpostArn": site.as_deref().and_then(outpost),
        "AvailabilityZone": site.as_deref().and_then(local_zone),
        "Encrypted": encrypted,
        "Description": description,
        "Tags": tag_list(tags),
    })
}

fn outpost(site: &LocalSite) -> Option<&str> {
    match site {
        LocalSite::Outpost(arn) => Some(arn),
        LocalSite::LocalZone(_) => None,
    }
}

fn local_zone(site: &LocalSite) -> Option<&str> {
    match site {
        LocalSite::Outpost(_) => None,
        LocalSite::LocalZone(zone) => Some(zone),
    }
}

pub(crate) fn image(image: &Image) -> Value {
    let Image { id, state, snapshots } = image;
    let devices: Vec<Value> = snapshots.iter().map(|id| json!({ "Ebs": { "SnapshotId": id.as_str() } })).collect();
    json!({ "ImageId": id.as_str(), "State": state, "BlockDeviceMappings": devices })
}

pub(crate) fn lock(lock: &Lock) -> Value {
    let Lock { snapshot, state, expires } = lock;
    let state = match state {
        LockState::Compliance => "compliance",
        LockState::ComplianceCooloff => "compliance-cooloff",
        LockState::Governance => "governance",
        LockState::Expired => "expired",
        LockState::Other => "other",
    };
    json!({ "SnapshotId": snapshot.as_str(), "LockState": state, "LockExpiresOn": expires })
}

pub(crate) fn tier_status(status: &TierStatus) -> Value {
    let TierStatus { snapshot, tier, archived_at, restore_expires, moving } = status;
    let moving = moving.map(|moving| match moving {
        TierMove::Archival => "archival-in-progress",
        TierMove::TemporaryRestore => "temporary-restore-in-progress",
        TierMove::PermanentRestore => "permanent-restore-in-progress",
        TierMove::Other => "other",
    });
    json!({
        "SnapshotId": snapshot.as_str(),
        "StorageTier": tier_name(*tier),
        "ArchivalCompleteTime": archived_at,
        "RestoreExpiryTime": restore_expires,
        "LastTieringOperationStatus": moving,
    })
}

fn tier_name(tier: StorageTier) -> &'static str {
    match tier {
        StorageTier::Standard => "standard",
        StorageTier::Archive => "archive",
    }
}

pub(crate) fn begun(begun: &Begun) -> Value {
    let Begun { id, volume } = begun;
    json!({ "SnapshotId": id.as_str(), "VolumeId": volume.as_str() })
}
