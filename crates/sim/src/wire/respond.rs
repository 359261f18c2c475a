//! Answers as XML, in the shapes of AWS's API model.

use std::collections::BTreeMap;

use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use smol_str::SmolStr;

use super::xml::{EC2, STS, Xml, iso};
use crate::ec2::lock::LockView;
use crate::ec2::share::Attribute;
use crate::ec2::snapshot::progress;
use crate::ec2::tier::{TierChange, Way};
use crate::ec2::{self, InstanceView, StateChange, builtin};
use crate::model::{
    Attachment, Ends, Image, Shared, Snapshot, Volume, instance_state, snapshot_state, tier, volume_state,
};
use crate::region::partition;
use crate::sts::{self, Caller};
use crate::world::Answer;

/// The whole document.
pub(crate) fn body(action: &str, request_id: &str, answer: &Answer, caller: &Caller) -> String {
    let name = format!("{action}Response");
    match answer {
        Answer::Ec2(answer) => Xml::new().root(&name, EC2, |xml| {
            xml.leaf("requestId", request_id);
            ec2_answer(xml, answer, caller);
        }),
        Answer::Sts(answer) => Xml::new().root(&name, STS, |xml| {
            xml.nest(&format!("{action}Result"), |xml| sts_answer(xml, answer));
            xml.nest("ResponseMetadata", |xml| {
                xml.leaf("RequestId", request_id);
            });
        }),
    }
}

fn sts_answer(xml: &mut Xml, answer: &sts::Answer) {
    match answer {
        sts::Answer::Identity { account, arn } => {
            let name = arn.rsplit('/').next().unwrap_or_default();
            let id = if arn.contains(":assumed-role/") {
                format!("AROASIM{account}:{name}")
            } else {
                format!("AIDASIM{account}")
            };
            xml.leaf("Arn", arn).leaf("UserId", id).leaf("Account", account.as_str());
        }
        sts::Answer::Assumed { key, session_token, expires, arn, role_id } => {
            xml.nest("AssumedRoleUser", |xml| {
                xml.leaf("AssumedRoleId", role_id).leaf("Arn", arn);
            });
            xml.nest("Credentials", |xml| {
                xml.leaf("AccessKeyId", key).leaf("SecretAccessKey", "sim");
                xml.leaf("SessionToken", session_token).leaf("Expiration", iso(*expires));
            });
        }
    }
}

fn ec2_answer(xml: &mut Xml, answer: &ec2::Answer, caller: &Caller) {
    match answer {
        ec2::Answer::Instances(part) => {
            let mut reservations: BTreeMap<&SmolStr, Vec<&InstanceView>> = BTreeMap::new();
            for view in &part.items {
                reservations.entry(&view.instance.reservation).or_default().push(view);
            }
            xml.list("reservationSet", reservations.into_values(), |xml, views| reservation(xml, &views, caller));
            next(xml, part.next.as_deref());
        }
        ec2::Answer::Reservation(views) => reservation(xml, &views.iter().collect::<Vec<_>>(), caller),
        ec2::Answer::StateChanges(changes) => {
            xml.list("instancesSet", changes, |xml, StateChange { id, before, after }| {
                xml.leaf("instanceId", id.as_str());
                for (name, state) in [("currentState", after), ("previousState", before)] {
                    let (code, word) = instance_state(*state);
                    xml.nest(name, |xml| {
                        xml.show("code", code).leaf("name", word);
                    });
                }
            });
        }
        ec2::Answer::Volumes(part) => {
            xml.list("volumeSet", &part.items, |xml, v| volume(xml, v, caller));
            next(xml, part.next.as_deref());
        }
        ec2::Answer::Volume(v) => volume(xml, v, caller),
        ec2::Answer::Attachment(a) => attachment(xml, a),
        ec2::Answer::Snapshots(part) => {
            xml.list("snapshotSet", &part.items, |xml, s| snapshot(xml, s, caller));
            next(xml, part.next.as_deref());
        }
        ec2::Answer::Snapshot(s) => snapshot(xml, s, caller),
        ec2::Answer::Copy(copy) => {
            xml.leaf("snapshotId", copy.id.as_str());
            tags(xml, &copy.tags);
        }
        ec2::Answer::Attribute(Attribute { snapshot, shared }) => {
            xml.leaf("snapshotId", snapshot.as_str());
            match shared {
                None => xml.list("productCodes", [(); 0], |_, ()| {}),
                Some(Shared { accounts, everybody }) => {
                    let group = everybody.then_some(("group", "all"));
                    let all = group.into_iter().chain(accounts.iter().map(|account| ("userId", account.as_str())));
                    xml.list("createVolumePermission", all, |xml, (name, value)| {
                        xml.leaf(name, value);
                    })
                }
            };
        }
        ec2::Answer::SnapshotSet(set) => {
            xml.list("snapshotSet", set, |xml, s| {
                snapshot_core(xml, s);
                xml.leaf("state", snapshot_state(s.state));
            });
        }
        ec2::Answer::Locks(part) => {
            xml.list("snapshotSet", &part.items, |xml, view| {
                xml.leaf("ownerId", view.snapshot.owner.as_str());
                lock(xml, view);
            });
            next(xml, part.next.as_deref());
        }
        ec2::Answer::Lock(view) => lock(xml, view),
        ec2::Answer::Unlocked(id) => {
            xml.leaf("snapshotId", id.as_str());
        }
        ec2::Answer::Tiers(part) => {
            xml.list("snapshotTierStatusSet", &part.items, tier_status);
            next(xml, part.next.as_deref());
        }
        ec2::Answer::TierChange(change) => tier_change(xml, change),
        ec2::Answer::Images(part) => {
            xml.list("imagesSet", &part.items, image);
            next(xml, part.next.as_deref());
        }
        ec2::Answer::ImageId(id) => {
            xml.leaf("imageId", id.as_str());
        }
        ec2::Answer::Regions(regions) => {
            xml.list("regionInfo", regions, |xml, region| {
                xml.leaf("regionName", region.name.as_str());
                xml.leaf("regionEndpoint", &region.endpoint).leaf("optInStatus", region.status);
            });
        }
        ec2::Answer::Done => {
            xml.leaf("return", "true");
        }
    }
}

fn next(xml: &mut Xml, token: Option<&str>) {
    if let Some(token) = token {
        xml.leaf("nextToken", token);
    }
}

/// AWS leaves the set out where there are no tags.
fn tags(xml: &mut Xml, tags: &Tags) {
    if !tags.is_empty() {
        xml.list("tagSet", tags.iter(), |xml, (key, value)| {
            xml.leaf("key", key).leaf("value", value);
        });
    }
}

/// What DescribeSnapshots and CreateSnapshots tell alike.
fn snapshot_core(xml: &mut Xml, s: &Snapshot) {
    xml.leaf("snapshotId", s.id.as_str());
    xml.leaf("volumeId", s.volume.as_str());
    xml.leaf("startTime", iso(s.started));
    xml.leaf("progress", progress(s));
    xml.leaf("ownerId", s.owner.as_str());
    xml.show("volumeSize", s.size_gib);
    xml.leaf("description", &s.description);
    xml.show("encrypted", s.key.is_some());
    if let Some(site) = &s.site {
        let (name, site) = match site {
            LocalSite::Outpost(arn) => ("outpostArn", arn),
            LocalSite::LocalZone(zone) => ("availabilityZone", zone),
        };
        xml.leaf(name, site);
    }
    tags(xml, &s.tags);
}

/// The key's ARN, as AWS tells it.
fn kms_key(xml: &mut Xml, key: Option<&str>, caller: &Caller) {
    let Some(key) = key else { return };
    if key.starts_with("arn:") {
        xml.leaf("kmsKeyId", key);
        return;
    }
    let (partition, region, account) = (partition(&caller.region), &caller.region, &caller.account);
    let name = if key.contains('/') { key.to_owned() } else { format!("key/{key}") };
    xml.leaf("kmsKeyId", format!("arn:{partition}:kms:{region}:{account}:{name}"));
}

fn snapshot(xml: &mut Xml, s: &Snapshot, caller: &Caller) {
    snapshot_core(xml, s);
    kms_key(xml, s.key.as_deref(), caller);
    xml.leaf("status", snapshot_state(s.state));
    if let Some(message) = &s.message {
        xml.leaf("statusMessage", message);
    }
    if let Some(completed) = s.completed {
        xml.leaf("completionTime", iso(completed));
    }
    xml.leaf("storageTier", tier(s.tier));
    if let Some(until) = s.restore_expires {
        xml.leaf("restoreExpiryTime", iso(until));
    }
}

/// What DescribeLockedSnapshots and LockSnapshot tell alike.
fn lock(xml: &mut Xml, LockView { snapshot, lock, state }: &LockView) {
    xml.leaf("snapshotId", snapshot.id.as_str());
    xml.leaf("lockState", *state);
    if let Ends::AfterDays(days) = lock.ends {
        xml.show("lockDuration", days);
    }
    if let (Some(long), Some(at)) = (lock.cool_off, lock.cool_off_ends()) {
        xml.show("coolOffPeriod", long.as_secs() / 3_600).leaf("coolOffPeriodExpiresOn", iso(at));
    }
    xml.leaf("lockCreatedOn", iso(lock.created));
    for (name, at) in [("lockDurationStartTime", lock.counts_from(snapshot)), ("lockExpiresOn", lock.expires(snapshot))]
    {
        if let Some(at) = at {
            xml.leaf(name, iso(at));
        }
    }
}

fn tier_status(xml: &mut Xml, s: &Snapshot) {
    xml.leaf("snapshotId", s.id.as_str());
    xml.leaf("volumeId", s.volume.as_str());
    xml.leaf("status", snapshot_state(s.state));
    xml.leaf("ownerId", s.owner.as_str());
    tags(xml, &s.tags);
    xml.leaf("storageTier", tier(s.tier));
    if let Some(tiering) = &s.tiering {
        let done = if tiering.operation.ends_with("completed") { 100 } else { 0 };
        xml.leaf("lastTieringStartTime", iso(tiering.began)).show("lastTieringProgress", done);
        xml.leaf("lastTieringOperationStatus", tiering.operation);
    }
    for (name, at) in [("archivalCompleteTime", s.archived), ("restoreExpiryTime", s.restore_expires)] {
        if let Some(at) = at {
            xml.leaf(name, iso(at));
        }
    }
}

fn tier_change(xml: &mut Xml, TierChange { id, began, way }: &TierChange) {
    xml.leaf("snapshotId", id.as_str());
    let start = if matches!(way, Way::Archive) { "tieringStartTime" } else { "restoreStartTime" };
    xml.leaf(start, iso(*began));
    match way {
        Way::Archive => {}
        Way::RestoreForGood => {
            xml.show("isPermanentRestore", true);
        }
        Way::RestoreFor { days } => {
            xml.show("restoreDuration", *days).show("isPermanentRestore", false);
        }
    }
}

fn volume(xml: &mut Xml, v: &Volume, caller: &Caller) {
    xml.leaf("volumeId", v.id.as_str());
    xml.show("size", v.size_gib);
    xml.leaf("snapshotId", v.snapshot.as_ref().map_or("", |s| s.as_str()));
    xml.leaf("availabilityZone", &v.zone);
    if let Some(outpost) = &v.outpost {
        xml.leaf("outpostArn", outpost);
    }
    xml.leaf("status", volume_state(v.state));
    xml.leaf("createTime", iso(v.created));
    xml.list("attachmentSet", &v.attachments, attachment);
    tags(xml, &v.tags);
    xml.leaf("volumeType", &v.kind);
    if let Some(iops) = v.iops {
        xml.show("iops", iops);
    }
    if let Some(throughput) = v.throughput {
        xml.show("throughput", throughput);
    }
    xml.show("encrypted", v.key.is_some());
    kms_key(xml, v.key.as_deref(), caller);
    xml.show("multiAttachEnabled", v.multi_attach);
    xml.nest("operator", |xml| {
        xml.leaf("managed", "false");
    });
    let (partition, region, account) = (partition(&caller.region), &caller.region, &caller.account);
    xml.leaf("volumeArn", format!("arn:{partition}:ec2:{region}:{account}:volume/{}", v.id));
}

fn attachment(xml: &mut Xml, a: &Attachment) {
    xml.leaf("volumeId", a.volume.as_str());
    xml.leaf("instanceId", a.instance.as_str());
    xml.leaf("device", &a.device);
    xml.leaf("status", a.state);
    xml.leaf("attachTime", iso(a.since));
    xml.show("deleteOnTermination", a.delete_on_termination);
}

fn reservation(xml: &mut Xml, views: &[&InstanceView], caller: &Caller) {
    if let Some(first) = views.first() {
        xml.leaf("reservationId", &first.instance.reservation);
    }
    xml.leaf("ownerId", caller.account.as_str());
    xml.list("groupSet", [(); 0], |_, ()| {});
    xml.list("instancesSet", views.iter().copied(), instance);
}

fn instance(xml: &mut Xml, InstanceView { instance: i, devices }: &InstanceView) {
    xml.leaf("instanceId", i.id.as_str());
    xml.leaf("imageId", i.image.as_str());
    let (code, word) = instance_state(i.state);
    xml.nest("instanceState", |xml| {
        xml.show("code", code).leaf("name", word);
    });
    xml.show("amiLaunchIndex", i.index);
    xml.leaf("instanceType", &i.kind);
    xml.leaf("launchTime", iso(i.launched));
    xml.nest("placement", |xml| {
        xml.leaf("availabilityZone", &i.zone).leaf("tenancy", "default");
    });
    xml.leaf("architecture", "x86_64");
    xml.leaf("rootDeviceType", "ebs");
    xml.leaf("rootDeviceName", &i.root_device);
    xml.list("blockDeviceMapping", devices, |xml, a| {
        xml.leaf("deviceName", &a.device);
        xml.nest("ebs", |xml| {
            xml.leaf("volumeId", a.volume.as_str()).leaf("status", a.state);
            xml.leaf("attachTime", iso(a.since)).show("deleteOnTermination", a.delete_on_termination);
        });
    });
    xml.leaf("virtualizationType", "hvm");
    xml.leaf("hypervisor", "xen");
    xml.leaf("platformDetails", "Linux/UNIX");
    tags(xml, &i.tags);
    xml.nest("operator", |xml| {
        xml.leaf("managed", "false");
    });
}

fn image(xml: &mut Xml, i: &Image) {
    xml.leaf("imageId", i.id.as_str());
    xml.leaf("imageLocation", format!("{}/{}", i.owner, i.name));
    xml.leaf("imageState", i.state());
    xml.leaf("imageOwnerId", i.owner.as_str());
    xml.leaf("creationDate", iso(i.created));
    xml.show("isPublic", i.owner.as_str() == builtin::OWNER);
    xml.leaf("architecture", &i.architecture);
    xml.leaf("imageType", "machine");
    xml.leaf("name", &i.name);
    if !i.description.is_empty() {
        xml.leaf("description", &i.description);
    }
    xml.leaf("rootDeviceType", "ebs");
    xml.leaf("rootDeviceName", &i.root_device);
    xml.list("blockDeviceMapping", &i.devices, |xml, d| {
        xml.leaf("deviceName", &d.name);
        xml.nest("ebs", |xml| {
            xml.leaf("snapshotId", d.snapshot.as_str()).show("volumeSize", d.size_gib);
            xml.leaf("volumeType", &d.kind).show("encrypted", d.encrypted);
            xml.show("deleteOnTermination", d.delete_on_termination);
        });
    });
    xml.leaf("virtualizationType", "hvm");
    xml.leaf("hypervisor", "xen");
    if let Some(at) = i.deprecated_at {
        xml.leaf("deprecationTime", iso(at));
    }
    tags(xml, &i.tags);
}
