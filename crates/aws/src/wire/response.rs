//! Each call's answer, read straight into the core's types.
//!
//! Elements we do not use are skipped. An id or a time that is missing is an
//! error that names it: an item is never dropped, and never made up.

use aws_credential_types::Credentials;
use ebskeep_core::cloud::{Begun, Identity, Token};
use ebskeep_core::id::{AccountId, ImageId, InstanceId, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, Device, Image, Instance, InstanceState, Lock, LockState, Snapshot, SnapshotState, StorageTier,
    TierMove, TierStatus, Volume, VolumeState,
};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::xml::{ReadError, Xml, cut};

/// A page, without the answer's headers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<Token>,
}

/// Reads a listing: a root, a set of items in it, a token for the next page.
fn listed<T>(
    body: &[u8],
    root: &'static str,
    set: &'static str,
    mut item: impl FnMut(&mut Xml<'_>, &mut Vec<T>) -> Result<(), ReadError>,
) -> Result<Listed<T>, ReadError> {
    let mut items = Vec::new();
    let mut next = None;
    // Without its set an answer is no empty listing: it would look complete.
    let mut whole = false;
    Xml::open_as(body, root)?.children(|xml, name| {
        if name == set {
            whole = true;
            xml.items(|xml| item(xml, &mut items))
        } else if name == "nextToken" {
            next = Some(xml.text()?.into_owned()).filter(|token| !token.is_empty()).map(Token);
            Ok(())
        } else {
            xml.skip()
        }
    })?;
    if whole { Ok(Listed { items, next }) } else { Err(ReadError::Missing { of: root.into(), element: set }) }
}

pub(crate) fn instances(body: &[u8]) -> Result<Listed<Instance>, ReadError> {
    listed(body, "DescribeInstancesResponse", "reservationSet", |xml, all| {
        xml.children(|xml, name| match name {
            "instancesSet" => xml.items(|xml| {
                all.push(instance(xml)?);
                Ok(())
            }),
            _ => xml.skip(),
        })
    })
}

fn instance(xml: &mut Xml<'_>) -> Result<Instance, ReadError> {
    let (mut id, mut root_device) = (None, None);
    let (mut state, mut devices, mut tags) = (InstanceState::Other, Vec::new(), Tags::new());
    xml.children(|xml, name| match name {
        "instanceId" => set(&mut id, xml),
        "rootDeviceName" => set(&mut root_device, xml),
        "instanceState" => xml.children(|xml, name| match name {
            "name" => {
                state = InstanceState::from_aws(&xml.text()?);
                Ok(())
            }
            _ => xml.skip(),
        }),
        "blockDeviceMapping" => xml.items(|xml| {
            devices.extend(device(xml)?);
            Ok(())
        }),
        "tagSet" => read_tags(xml, &mut tags),
        _ => xml.skip(),
    })?;
    let root_device = root_device.filter(|name: &SmolStr| !name.is_empty());
    Ok(Instance { id: InstanceId::new(required(id, "an instance", "instanceId")?), state, root_device, devices, tags })
}

/// An instance's mapping; `None` if there is no EBS volume behind it.
fn device(xml: &mut Xml<'_>) -> Result<Option<Device>, ReadError> {
    let (mut name, mut volume, mut ebs) = (None, None, false);
    xml.children(|xml, element| match element {
        "deviceName" => set(&mut name, xml),
        "ebs" => {
            ebs = true;
            xml.children(|xml, element| match element {
                "volumeId" => set(&mut volume, xml),
                _ => xml.skip(),
            })
        }
        _ => xml.skip(),
    })?;
    if !ebs {
        return Ok(None);
    }
    let name = required(name, "a block device", "deviceName")?;
    let volume = required(volume, format!("block device {name}"), "volumeId")?;
    Ok(Some(Device { name, volume: VolumeId::new(volume) }))
}

pub(crate) fn volumes(body: &[u8]) -> Result<Listed<Volume>, ReadError> {
    listed(body, "DescribeVolumesResponse", "volumeSet", |xml, all| {
        all.push(volume(xml)?);
        Ok(())
    })
}

fn volume(xml: &mut Xml<'_>) -> Result<Volume, ReadError> {
    let (mut id, mut size_gib, mut zone, mut outpost) = (None, 0, None, None);
    let (mut state, mut attachments, mut tags) = (VolumeState::Other, Vec::new(), Tags::new());
    xml.children(|xml, name| match name {
        "volumeId" => set(&mut id, xml),
        "status" => {
            state = VolumeState::from_aws(&xml.text()?);
            Ok(())
        }
        "size" => {
            size_gib = gib(xml, "size")?;
            Ok(())
        }
        "attachmentSet" => xml.items(|xml| {
            attachments.extend(attachment(xml)?);
            Ok(())
        }),
        "availabilityZone" => set(&mut zone, xml),
        "outpostArn" => set(&mut outpost, xml),
        "tagSet" => read_tags(xml, &mut tags),
        _ => xml.skip(),
    })?;
    let site = LocalSite::of(outpost.as_deref(), zone.as_deref());
    Ok(Volume { id: VolumeId::new(required(id, "a volume", "volumeId")?), state, size_gib, attachments, site, tags })
}

/// An attachment to an instance. `None` if it is over (`detached`), or if the
/// volume is attached to a resource that an AWS service manages: such an
/// attachment has no instance and no device (EC2 API, VolumeAttachment).
fn attachment(xml: &mut Xml<'_>) -> Result<Option<Attachment>, ReadError> {
    let (mut instance, mut device, mut status, mut attached_at) = (None, None, None, None);
    xml.children(|xml, name| match name {
        "instanceId" => set(&mut instance, xml),
        "device" => set(&mut device, xml),
        "status" => set(&mut status, xml),
        "attachTime" => {
            // Nothing depends on it but how soon a finding is reported.
            attached_at = xml.text()?.parse().ok();
            Ok(())
        }
        _ => xml.skip(),
    })?;
    let over = status.as_deref() == Some("detached");
    Ok(instance.filter(|id: &SmolStr| !id.is_empty() && !over).map(|id| Attachment {
        instance: InstanceId::new(id),
        device: device.unwrap_or_default(),
        attached_at,
    }))
}

pub(crate) fn snapshots(body: &[u8]) -> Result<Listed<Snapshot>, ReadError> {
    listed(body, "DescribeSnapshotsResponse", "snapshotSet", |xml, all| {
        all.push(snapshot(xml)?);
        Ok(())
    })
}

fn snapshot(xml: &mut Xml<'_>) -> Result<Snapshot, ReadError> {
    let (mut id, mut owner, mut volume, mut started) = (None, None, None, None);
    let (mut state_message, mut description, mut encrypted, mut size_gib) = (None, None, false, 0);
    let (mut state, mut tier, mut tags) = (SnapshotState::Other, StorageTier::Standard, Tags::new());
    let (mut restore_expires, mut zone, mut outpost) = (None, None, None);
    xml.children(|xml, name| match name {
        "snapshotId" => set(&mut id, xml),
        "ownerId" => set(&mut owner, xml),
        "volumeId" => set(&mut volume, xml),
        "startTime" => {
            started = Some(time(xml, "startTime")?);
            Ok(())
        }
        "status" => {
            state = SnapshotState::from_aws(&xml.text()?);
            Ok(())
        }
        "statusMessage" => set(&mut state_message, xml),
        "volumeSize" => {
            size_gib = gib(xml, "volumeSize")?;
            Ok(())
        }
        "storageTier" => {
            tier = StorageTier::from_aws(&xml.text()?);
            Ok(())
        }
        "restoreExpiryTime" => {
            restore_expires = Some(time(xml, "restoreExpiryTime")?);
            Ok(())
        }
        "availabilityZone" => set(&mut zone, xml),
        "outpostArn" => set(&mut outpost, xml),
        "encrypted" => {
            encrypted = &*xml.text()? == "true";
            Ok(())
        }
        "description" => set(&mut description, xml),
        "tagSet" => read_tags(xml, &mut tags),
        _ => xml.skip(),
    })?;
    let id = required(id, "a snapshot", "snapshotId")?;
    let of = format!("snapshot {}", cut(&id));
    Ok(Snapshot {
        owner: AccountId::new(required(owner, &of, "ownerId")?),
        volume: VolumeId::new(required(volume, &of, "volumeId")?),
        started: started.ok_or(ReadError::Missing { of, element: "startTime" })?,
        id: SnapshotId::new(id),
        state,
        state_message: state_message.filter(|text: &SmolStr| !text.is_empty()),
        size_gib,
        tier,
        restore_expires,
        site: LocalSite::of(outpost.as_deref(), zone.as_deref()).map(Box::new),
        encrypted,
        description: description.unwrap_or_default(),
        tags,
    })
}

pub(crate) fn locks(body: &[u8]) -> Result<Listed<Lock>, ReadError> {
    listed(body, "DescribeLockedSnapshotsResponse", "snapshotSet", |xml, all| {
        all.push(lock(xml)?);
        Ok(())
    })
}

fn lock(xml: &mut Xml<'_>) -> Result<Lock, ReadError> {
    let (mut id, mut state, mut expires) = (None, LockState::Other, None);
    xml.children(|xml, name| match name {
        "snapshotId" => set(&mut id, xml),
        "lockState" => {
            state = LockState::from_aws(&xml.text()?);
            Ok(())
        }
        "lockExpiresOn" => {
            expires = Some(time(xml, "lockExpiresOn")?);
            Ok(())
        }
        _ => xml.skip(),
    })?;
    Ok(Lock { snapshot: SnapshotId::new(required(id, "a locked snapshot", "snapshotId")?), state, expires })
}

pub(crate) fn tiers(body: &[u8]) -> Result<Listed<TierStatus>, ReadError> {
    listed(body, "DescribeSnapshotTierStatusResponse", "snapshotTierStatusSet", |xml, all| {
        all.push(tier_status(xml)?);
        Ok(())
    })
}

fn tier_status(xml: &mut Xml<'_>) -> Result<TierStatus, ReadError> {
    let (mut id, mut tier, mut archived_at, mut restore_expires) = (None, StorageTier::Standard, None, None);
    let mut moving = None;
    xml.children(|xml, name| match name {
        "snapshotId" => set(&mut id, xml),
        "storageTier" => {
            tier = StorageTier::from_aws(&xml.text()?);
            Ok(())
        }
        "archivalCompleteTime" => {
            archived_at = Some(time(xml, "archivalCompleteTime")?);
            Ok(())
        }
        "restoreExpiryTime" => {
            restore_expires = Some(time(xml, "restoreExpiryTime")?);
            Ok(())
        }
        "lastTieringOperationStatus" => {
            moving = TierMove::in_progress(&xml.text()?);
            Ok(())
        }
        _ => xml.skip(),
    })?;
    let snapshot = SnapshotId::new(required(id, "a snapshot's tier status", "snapshotId")?);
    Ok(TierStatus { snapshot, tier, archived_at, restore_expires, moving })
}

pub(crate) fn images(body: &[u8]) -> Result<Listed<Image>, ReadError> {
    listed(body, "DescribeImagesResponse", "imagesSet", |xml, all| {
        all.push(image(xml)?);
        Ok(())
    })
}

fn image(xml: &mut Xml<'_>) -> Result<Image, ReadError> {
    let (mut id, mut state, mut snapshots) = (None, None, Vec::new());
    xml.children(|xml, name| match name {
        "imageId" => set(&mut id, xml),
        "imageState" => set(&mut state, xml),
        "blockDeviceMapping" => xml.items(|xml| {
            xml.children(|xml, name| match name {
                "ebs" => xml.children(|xml, name| match name {
                    "snapshotId" => {
                        let snapshot = xml.text()?;
                        if !snapshot.is_empty() {
                            snapshots.push(SnapshotId::new(&*snapshot));
                        }
                        Ok(())
                    }
                    _ => xml.skip(),
                }),
                _ => xml.skip(),
            })
        }),
        _ => xml.skip(),
    })?;
    let id = ImageId::new(required(id, "an image", "imageId")?);
    Ok(Image { id, state: state.unwrap_or_default(), snapshots })
}

pub(crate) fn create_snapshot(body: &[u8]) -> Result<Begun, ReadError> {
    begun(&mut Xml::open_as(body, "CreateSnapshotResponse")?)
}

pub(crate) fn create_snapshots(body: &[u8]) -> Result<Vec<Begun>, ReadError> {
    let all = listed(body, "CreateSnapshotsResponse", "snapshotSet", |xml, all| {
        all.push(begun(xml)?);
        Ok(())
    })?;
    Ok(all.items)
}

fn begun(xml: &mut Xml<'_>) -> Result<Begun, ReadError> {
    let (mut id, mut volume) = (None, None);
    xml.children(|xml, name| match name {
        "snapshotId" => set(&mut id, xml),
        "volumeId" => set(&mut volume, xml),
        _ => xml.skip(),
    })?;
    let id = required(id, "a new snapshot", "snapshotId")?;
    let volume = required(volume, format!("new snapshot {}", cut(&id)), "volumeId")?;
    Ok(Begun { id: SnapshotId::new(id), volume: VolumeId::new(volume) })
}

pub(crate) fn copy_snapshot(body: &[u8]) -> Result<SnapshotId, ReadError> {
    let mut id = None;
    Xml::open_as(body, "CopySnapshotResponse")?.children(|xml, name| match name {
        "snapshotId" => set(&mut id, xml),
        _ => xml.skip(),
    })?;
    Ok(SnapshotId::new(required(id, "a copy", "snapshotId")?))
}

/// Accounts that may use a snapshot, sorted. That all may (`group`) is no
/// account.
pub(crate) fn sharing(body: &[u8]) -> Result<Vec<AccountId>, ReadError> {
    let all = listed(body, "DescribeSnapshotAttributeResponse", "createVolumePermission", |xml, all| {
        let mut account = None;
        xml.children(|xml, name| match name {
            "userId" => set(&mut account, xml),
            _ => xml.skip(),
        })?;
        all.extend(account.filter(|id| !id.is_empty()).map(AccountId::new));
        Ok(())
    })?;
    let mut all = all.items;
    all.sort();
    Ok(all)
}

/// An answer that says only that it was done. What counts is the HTTP status;
/// a `<return>` that is not `true` has never been documented, but would be no
/// success.
pub(crate) fn done(body: &[u8], root: &'static str) -> Result<(), ReadError> {
    Xml::open_as(body, root)?.children(|xml, name| match name {
        "return" => {
            let said = xml.text()?;
            if said.trim() == "true" {
                Ok(())
            } else {
                Err(ReadError::Bad { element: "return", value: cut(&said), wanted: "true" })
            }
        }
        _ => xml.skip(),
    })
}

pub(crate) fn regions(body: &[u8]) -> Result<Vec<Region>, ReadError> {
    let mut all = listed(body, "DescribeRegionsResponse", "regionInfo", |xml, all| {
        let mut region = None;
        xml.children(|xml, name| match name {
            "regionName" => set(&mut region, xml),
            _ => xml.skip(),
        })?;
        all.push(Region::new(required(region, "a Region", "regionName")?));
        Ok(())
    })?;
    all.items.sort();
    Ok(all.items)
}

pub(crate) fn identity(body: &[u8]) -> Result<Identity, ReadError> {
    let (mut account, mut arn) = (None, None);
    Xml::open_as(body, "GetCallerIdentityResponse")?.children(|xml, name| match name {
        "GetCallerIdentityResult" => xml.children(|xml, name| match name {
            "Account" => set(&mut account, xml),
            "Arn" => set(&mut arn, xml),
            _ => xml.skip(),
        }),
        _ => xml.skip(),
    })?;
    let account = AccountId::new(required(account, "the caller's identity", "Account")?);
    let arn = required(arn, "the caller's identity", "Arn")?;
    match arn.split(':').nth(1) {
        Some(partition) if arn.starts_with("arn:") && !partition.is_empty() => {
            Ok(Identity { account, partition: partition.to_owned(), arn: arn.to_string() })
        }
        _ => Err(ReadError::Bad { element: "Arn", value: cut(&arn), wanted: "an ARN" }),
    }
}

/// A session in a role, and the ARN of who it acts as.
pub(crate) struct Assumed {
    pub(crate) credentials: Credentials,
    pub(crate) arn: SmolStr,
}

pub(crate) fn assumed_role(body: &[u8]) -> Result<Assumed, ReadError> {
    let (mut key, mut secret, mut token, mut expires, mut arn) = (None, None, None, None, None);
    Xml::open_as(body, "AssumeRoleResponse")?.children(|xml, name| match name {
        "AssumeRoleResult" => xml.children(|xml, name| match name {
            "Credentials" => xml.children(|xml, name| match name {
                "AccessKeyId" => set(&mut key, xml),
                "SecretAccessKey" => set(&mut secret, xml),
                "SessionToken" => set(&mut token, xml),
                "Expiration" => {
                    expires = Some(time(xml, "Expiration")?);
                    Ok(())
                }
                _ => xml.skip(),
            }),
            "AssumedRoleUser" => xml.children(|xml, name| match name {
                "Arn" => set(&mut arn, xml),
                _ => xml.skip(),
            }),
            _ => xml.skip(),
        }),
        _ => xml.skip(),
    })?;
    let of = "a role's session";
    let credentials = Credentials::new(
        required(key, of, "AccessKeyId")?,
        required(secret, of, "SecretAccessKey")?,
        Some(required(token, of, "SessionToken")?.into()),
        Some(expires.ok_or(ReadError::Missing { of: of.to_owned(), element: "Expiration" })?.into()),
        "AssumeRole",
    );
    Ok(Assumed { credentials, arn: required(arn, of, "Arn")? })
}

fn set(place: &mut Option<SmolStr>, xml: &mut Xml<'_>) -> Result<(), ReadError> {
    *place = Some(SmolStr::new(xml.text()?));
    Ok(())
}

fn required(text: Option<SmolStr>, of: impl Into<String>, element: &'static str) -> Result<SmolStr, ReadError> {
    text.filter(|text| !text.is_empty()).ok_or_else(|| ReadError::Missing { of: of.into(), element })
}

fn gib(xml: &mut Xml<'_>, element: &'static str) -> Result<u32, ReadError> {
    let text = xml.text()?;
    text.parse().map_err(|_| ReadError::Bad { element, value: cut(&text), wanted: "a number of GiB" })
}

fn time(xml: &mut Xml<'_>, element: &'static str) -> Result<Timestamp, ReadError> {
    let text = xml.text()?;
    text.parse().map_err(|_| ReadError::Bad { element, value: cut(&text), wanted: "a time" })
}

fn read_tags(xml: &mut Xml<'_>, tags: &mut Tags) -> Result<(), ReadError> {
    let mut listed: Vec<(SmolStr, SmolStr)> = Vec::new();
    xml.items(|xml| {
        let (mut key, mut value) = (None, None);
        xml.children(|xml, name| match name {
            "key" => set(&mut key, xml),
            "value" => set(&mut value, xml),
            _ => xml.skip(),
        })?;
        let key = key.ok_or_else(|| ReadError::Missing { of: "a tag".to_owned(), element: "key" })?;
        listed.push((key, value.unwrap_or_default()));
        Ok(())
    })?;
    *tags = Tags::listed(listed);
    Ok(())
}

#[cfg(test)]
mod tests;
