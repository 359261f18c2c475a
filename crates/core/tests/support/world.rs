//! Scenario files: a world and an instant in, the plan as text out.

use std::fmt::Write as _;

use ebskeep_core::destination::Destination;
use ebskeep_core::id::{AccountId, ImageId, InstanceId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Attachment, DestinationSnapshots, Device, Image, Instance, InstanceState, Inventory, Listing, Lock, LockState,
    Snapshot, SnapshotState, StorageTier, TierMove, TierStatus, Volume, VolumeState,
};
use ebskeep_core::job::{Request, Untagged};
use ebskeep_core::plan::{Action, CopyState, CreateVerdict, ExpireVerdict, Job, Plan};
use ebskeep_core::setting::Settings;
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::{self, Tags};
use jiff::Timestamp;
use serde::Deserialize;

/// A scenario file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The promises of docs/semantics.md that it shows, by their ids.
    pub(crate) proves: Vec<String>,
    /// The instant of the decision.
    pub(crate) now: Timestamp,
    /// All jobs if not said.
    #[serde(default)]
    pub(crate) jobs: Vec<String>,
    /// Settings that are not the default.
    #[serde(default)]
    pub(crate) settings: std::collections::BTreeMap<String, String>,
    /// `running-every-run` for autosnap's mode.
    #[serde(default)]
    pub(crate) untagged: Option<String>,
    /// The trigger's scheduled time.
    #[serde(default)]
    pub(crate) trigger: Option<Timestamp>,
    /// The machine's clock, if it is not `now`.
    #[serde(default)]
    pub(crate) machine_clock: Option<Timestamp>,
    /// Volumes that AWS said it does not know.
    #[serde(default)]
    pub(crate) gone: Vec<String>,
    /// Kinds whose listing broke off.
    #[serde(default)]
    pub(crate) partial: Vec<String>,
    /// Show what each creation tags.
    #[serde(default)]
    pub(crate) show_tags: bool,
    #[serde(default, rename = "instance")]
    instances: Vec<InstanceRow>,
    #[serde(default, rename = "volume")]
    volumes: Vec<VolumeRow>,
    #[serde(default, rename = "snapshot")]
    snapshots: Vec<SnapshotRow>,
    #[serde(default, rename = "image")]
    images: Vec<ImageRow>,
    #[serde(default, rename = "lock")]
    locks: Vec<LockRow>,
    #[serde(default, rename = "tier")]
    tiers: Vec<TierRow>,
    #[serde(default, rename = "destination")]
    destinations: Vec<DestinationRow>,
    /// Only these snapshots are asked for.
    #[serde(default)]
    pub(crate) only: Option<Vec<String>>,
    /// What must come of it.
    pub(crate) expect: Expect,
}

/// What must come of a scenario.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The plan as text.
    pub(crate) plan: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstanceRow {
    id: String,
    #[serde(default = "running")]
    state: String,
    #[serde(default)]
    tags: Vec<String>,
    /// `device=volume`; the first is the root.
    #[serde(default)]
    devices: Vec<String>,
    /// This many more devices with volumes of their own.
    #[serde(default)]
    extra_devices: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VolumeRow {
    id: String,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    /// This many more tags, `extra-00` and on.
    #[serde(default)]
    extra_tags: usize,
    /// `instance=device`, of an instance that is not listed; `instance=device since TIME` where AWS
    /// says when it was attached.
    #[serde(default)]
    attached: Vec<String>,
    /// The Outpost (its ARN) or the zone it is in.
    #[serde(default)]
    site: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotRow {
    id: String,
    #[serde(default = "dummy")]
    volume: String,
    start: Timestamp,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    archived: bool,
    /// When its temporary restore from the archive ends, as the listing says.
    #[serde(default)]
    restore_expires: Option<Timestamp>,
    /// The Outpost (its ARN) or Local Zone it is stored in.
    #[serde(default)]
    site: Option<String>,
    /// Short for `Type=Automated` and `ebskeep:slot=` this.
    #[serde(default)]
    slot: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    encrypted: bool,
    #[serde(default)]
    description: String,
    /// AWS's words about its state.
    #[serde(default)]
    message: Option<String>,
    /// Of a copy, what it was made from here: short for `Source_SnapshotId`, where
    /// that is, its volume and when it began, and `Type`. Its volume is a dummy.
    #[serde(default)]
    copy_of: Option<String>,
    /// This many of them, each a day older than the one before, slot and all; ids with
    /// `-001` and on.
    #[serde(default = "one")]
    times: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageRow {
    id: String,
    snapshots: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LockRow {
    snapshot: String,
    state: String,
    #[serde(default)]
    expires: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierRow {
    snapshot: String,
    #[serde(default)]
    archived_at: Option<Timestamp>,
    #[serde(default)]
    restore_expires: Option<Timestamp>,
    /// The tier that AWS says here, if it is not the archive.
    #[serde(default)]
    standard: bool,
    /// `LastTieringOperationStatus`.
    #[serde(default)]
    operation: String,
}

/// What is seen at a destination of copies.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DestinationRow {
    /// As in `Copy_Dest`.
    at: String,
    /// Why not all of it could be seen.
    #[serde(default)]
    gap: Option<String>,
    #[serde(default, rename = "snapshot")]
    snapshots: Vec<SnapshotRow>,
}

fn dummy() -> String {
    "vol-ffffffff".to_owned()
}

fn running() -> String {
    "running".to_owned()
}

fn one() -> usize {
    1
}

const ACCOUNT: &str = "111122223333";

impl Scenario {
    /// The world that the file describes.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut inventory = Inventory {
            place: Place { account: AccountId::new(ACCOUNT), region: Region::new("eu-west-1") },
            now: self.now,
            observed_at: self.now,
            machine_clock: Some(self.machine_clock.unwrap_or(self.now)),
            instances: Listing::complete(self.instances.iter().map(instance).collect()),
            volumes: Listing::complete(self.volumes.iter().map(|row| volume(row, &self.instances)).collect()),
            snapshots: Listing::complete(self.snapshots.iter().flat_map(snapshots).collect()),
            images: Listing::complete(self.images.iter().map(image).collect()),
            locks: Listing::complete(self.locks.iter().map(lock).collect()),
            tiers: Listing::complete(self.tiers.iter().map(tier_status).collect()),
            confirmed_gone: self.gone.iter().map(|id| VolumeId::new(id.as_str())).collect(),
            destinations: self.destinations.iter().map(|row| self.destination(row)).collect(),
            listing_mismatch: None,
        };
        inventory.instances.items.sort_by(|a, b| a.id.cmp(&b.id));
        inventory.volumes.items.sort_by(|a, b| a.id.cmp(&b.id));
        inventory.snapshots.items.sort_by(|a, b| a.id.cmp(&b.id));
        for kind in &self.partial {
            let gap = Some("AWS stopped answering".into());
            match kind.as_str() {
                "instances" => inventory.instances.gap = gap,
                "volumes" => inventory.volumes.gap = gap,
                "snapshots" => inventory.snapshots.gap = gap,
                "images" => inventory.images.gap = gap,
                "locks" => inventory.locks.gap = gap,
                "tiers" => inventory.tiers.gap = gap,
                other => panic!("partial = {other:?}"),
            }
        }
        inventory
    }

    fn destination(&self, row: &DestinationRow) -> DestinationSnapshots {
        let home = AccountId::new(ACCOUNT);
        let place = Destination::parse(&row.at).unwrap_or_else(|| panic!("at = {:?}", row.at)).place(&home);
        let mut items: Vec<Snapshot> = row.snapshots.iter().flat_map(snapshots).collect();
        for (snapshot, of) in items.iter_mut().zip(row.snapshots.iter().map(|row| row.copy_of.as_deref())) {
            snapshot.owner = place.account.clone();
            let Some(of) = of else { continue };
            let source = self.snapshots.iter().find(|row| row.id == of);
            let volume = source.map_or("vol-a", |source| source.volume.as_str());
            for (key, value) in [
                (tags::TYPE, tags::AUTOMATED),
                (tags::SOURCE_SNAPSHOT, of),
                (tags::SOURCE_REGION, "eu-west-1"),
                (tags::SOURCE_ACCOUNT, ACCOUNT),
                (tags::VOLUME, volume),
            ] {
                snapshot.tags.set(key, value);
            }
            if let Some(source) = source {
                snapshot.tags.set(tags::STARTED, source.start.to_string());
            }
        }
        items.sort_by(|a, b| a.id.cmp(&b.id));
        DestinationSnapshots { place, snapshots: Listing { items, gap: row.gap.as_deref().map(Into::into) } }
    }

    /// What is asked.
    pub(crate) fn request(&self) -> Request {
        let jobs = Job::ALL.into_iter().filter(|job| self.jobs.is_empty() || self.jobs.iter().any(|j| j == job.name()));
        let mut request = Request::new(jobs);
        request.trigger = self.trigger;
        request.only = self.only.as_ref().map(|ids| ids.iter().map(|id| SnapshotId::new(id.as_str())).collect());
        request.untagged = match self.untagged.as_deref() {
            None => Untagged::NotBackedUp,
            Some("running-every-run") => Untagged::RunningEveryRun,
            Some(other) => panic!("untagged = {other:?}"),
        };
        request
    }

    /// The settings.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in &self.settings {
            settings.set(name, value).unwrap_or_else(|why| panic!("{why}"));
        }
        settings
    }
}

/// An Outpost's ARN, or a zone.
fn site(text: &str) -> Option<LocalSite> {
    if text.starts_with("arn:") { LocalSite::of(Some(text), None) } else { LocalSite::of(None, Some(text)) }
}

fn tags_of(rows: &[String]) -> Tags {
    rows.iter().map(|row| row.split_once('=').unwrap_or_else(|| panic!("tag {row:?} has no ="))).collect()
}

fn instance(row: &InstanceRow) -> Instance {
    let mut devices: Vec<Device> = row.devices.iter().map(|text| device(text)).collect();
    devices.extend(
        (0..row.extra_devices).map(|n| Device {
            name: format!("/dev/x{n:02}").into(),
            volume: VolumeId::new(format!("vol-extra-{n:02}")),
        }),
    );
    Instance {
        id: InstanceId::new(row.id.as_str()),
        state: match row.state.as_str() {
            "pending" => InstanceState::Pending,
            "running" => InstanceState::Running,
            "stopping" => InstanceState::Stopping,
            "shutting-down" => InstanceState::ShuttingDown,
            "stopped" => InstanceState::Stopped,
            "terminated" => InstanceState::Terminated,
            other => panic!("instance state {other:?}"),
        },
        root_device: devices.first().map(|device| device.name.clone()),
        devices,
        tags: tags_of(&row.tags),
    }
}

fn device(text: &str) -> Device {
    let (name, volume) = text.split_once('=').unwrap_or_else(|| panic!("device {text:?} has no ="));
    Device { name: name.into(), volume: VolumeId::new(volume) }
}

fn volume(row: &VolumeRow, instances: &[InstanceRow]) -> Volume {
    let id = VolumeId::new(row.id.as_str());
    let mut attachments: Vec<Attachment> = instances
        .iter()
        .flat_map(|i| i.devices.iter().map(move |d| (i, device(d))))
        .filter(|(_, device)| device.volume == id)
        .map(|(i, device)| Attachment {
            instance: InstanceId::new(i.id.as_str()),
            device: device.name,
            attached_at: None,
        })
        .collect();
    attachments.extend(row.attached.iter().map(|text| {
        let (instance, device) = text.split_once('=').unwrap_or_else(|| panic!("attached {text:?} has no ="));
        let (device, since) = device.split_once(" since ").map_or((device, None), |(device, at)| (device, Some(at)));
        let attached_at = since.map(|at| at.parse().unwrap_or_else(|why| panic!("attached {text:?}: {why}")));
        Attachment { instance: InstanceId::new(instance), device: device.into(), attached_at }
    }));
    let mut tags = tags_of(&row.tags);
    for n in 0..row.extra_tags {
        tags.set(format!("extra-{n:02}"), "x");
    }
    Volume {
        id,
        state: match row.state.as_deref() {
            None if attachments.is_empty() => VolumeState::Available,
            None => VolumeState::InUse,
            Some("creating") => VolumeState::Creating,
            Some("deleting") => VolumeState::Deleting,
            Some(other) => panic!("volume state {other:?}"),
        },
        size_gib: 8,
        attachments,
        site: row.site.as_deref().and_then(site),
        tags,
    }
}

fn snapshots(row: &SnapshotRow) -> Vec<Snapshot> {
    let mut tags = tags_of(&row.tags);
    if let Some(slot) = &row.slot {
        tags.set(tags::TYPE, tags::AUTOMATED);
        tags.set(tags::SLOT, slot.as_str());
    }
    let one = Snapshot {
        id: SnapshotId::new(row.id.as_str()),
        owner: AccountId::new(row.owner.as_deref().unwrap_or(ACCOUNT)),
        volume: VolumeId::new(row.volume.as_str()),
        state: match row.state.as_deref() {
            None => SnapshotState::Completed,
            Some("pending") => SnapshotState::Pending,
            Some("error") => SnapshotState::Error,
            Some("recoverable") => SnapshotState::Recoverable,
            Some("other") => SnapshotState::Other,
            Some(other) => panic!("snapshot state {other:?}"),
        },
        state_message: row.message.as_deref().map(Into::into),
        started: row.start,
        size_gib: 8,
        tier: if row.archived { StorageTier::Archive } else { StorageTier::Standard },
        restore_expires: row.restore_expires,
        site: row.site.as_deref().and_then(site).map(Box::new),
        encrypted: row.encrypted,
        description: row.description.as_str().into(),
        tags,
    };
    if row.times == 1 {
        return vec![one];
    }
    let slot: Option<Timestamp> = row.slot.as_deref().and_then(|slot| slot.parse().ok());
    (0..row.times)
        .map(|n| {
            let earlier = jiff::SignedDuration::from_hours(24 * i64::try_from(n).unwrap());
            let mut tags = one.tags.clone();
            if let Some(slot) = slot {
                tags.set(tags::SLOT, (slot - earlier).to_string());
            }
            let id = SnapshotId::new(format!("{}-{:03}", one.id, n + 1));
            Snapshot { id, started: one.started - earlier, tags, ..one.clone() }
        })
        .collect()
}

fn image(row: &ImageRow) -> Image {
    Image {
        id: ImageId::new(row.id.as_str()),
        state: "available".into(),
        snapshots: row.snapshots.iter().map(|id| SnapshotId::new(id.as_str())).collect(),
    }
}

fn lock(row: &LockRow) -> Lock {
    let state = match LockState::from_aws(&row.state) {
        LockState::Other if row.state != "other" => panic!("lock state {:?}", row.state),
        state => state,
    };
    Lock { snapshot: SnapshotId::new(row.snapshot.as_str()), state, expires: row.expires }
}

fn tier_status(row: &TierRow) -> TierStatus {
    TierStatus {
        snapshot: SnapshotId::new(row.snapshot.as_str()),
        tier: if row.standard { StorageTier::Standard } else { StorageTier::Archive },
        archived_at: row.archived_at,
        restore_expires: row.restore_expires,
        moving: TierMove::in_progress(&row.operation),
    }
}

/// A plan as lines of text: verdicts with the names of their rules, actions,
/// notices and refusals.
pub(crate) fn render(plan: &Plan, show_tags: bool) -> String {
    let mut out = String::new();
    for volume in &plan.volumes {
        let verdict = match volume.verdict {
            CreateVerdict::Create => "create",
            CreateVerdict::Skip => "skip",
        };
        let slot = volume.slot.map(|slot| format!(" slot={slot}")).unwrap_or_default();
        line(&mut out, verdict, volume.volume_id.as_str(), &(rules(&volume.reasons) + &slot));
    }
    for copy in &plan.copies {
        let verdict = match copy.verdict {
            CopyState::Copy => "copy",
            CopyState::Wait => "wait",
            CopyState::Pending => "pending",
            CopyState::Done => "done",
            CopyState::Skip => "skip",
        };
        let there = copy.copy_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let rest = format!("{} {verdict} {}{there}", copy.destination, rules(&copy.reasons));
        line(&mut out, "copies", copy.snapshot_id.as_str(), &rest);
    }
    for snapshot in &plan.snapshots {
        let verdict = match snapshot.verdict {
            ExpireVerdict::Keep => "keep",
            ExpireVerdict::Delete => "delete",
            ExpireVerdict::Ignore => "ignore",
        };
        let expires = snapshot.expires_on.map(|date| format!(" expires={date}")).unwrap_or_default();
        line(&mut out, verdict, snapshot.snapshot_id.as_str(), &(rules(&snapshot.reasons) + &expires));
    }
    for action in &plan.actions {
        show_action(&mut out, action, show_tags);
    }
    for problem in &plan.problems {
        line(&mut out, "problem", &problem.resource, problem.code);
    }
    for finding in &plan.findings {
        line(&mut out, "finding", &finding.resource, finding.code);
    }
    for check in plan.refusals() {
        line(&mut out, "refused", check.check, &check.detail);
    }
    out
}

fn rules(reasons: &[ebskeep_core::plan::Reason]) -> String {
    reasons.iter().map(|reason| reason.rule).collect::<Vec<_>>().join(" ")
}

fn line(out: &mut String, what: &str, which: &str, rest: &str) {
    let text = format!("{what:<8} {which:<24} {rest}");
    writeln!(out, "{}", text.trim_end()).unwrap();
}

fn show_action(out: &mut String, action: &Action, show_tags: bool) {
    match action {
        Action::CreateSnapshot(new) => {
            let stored = new.location.as_ref().map(|location| format!(" stored {location}")).unwrap_or_default();
            line(out, "do", "create-snapshot", &format!("{}{stored}", new.volume_id));
            if show_tags {
                writeln!(out, "  description {}", new.description).unwrap();
                show(out, "tag", &new.tags);
                show(out, "carried", &new.carried);
            }
        }
        Action::CreateSet(set) => {
            let members: Vec<&str> = set.members.iter().map(|member| member.alone.volume_id.as_str()).collect();
            let boot = if set.exclude_boot { " without boot" } else { "" };
            let mut data = String::new();
            for volume in &set.exclude_data {
                write!(data, " without {volume}").unwrap();
            }
            let stored = set.location.as_ref().map(|location| format!(" stored {location}")).unwrap_or_default();
            assert!(set.members.iter().all(|member| member.alone.location == set.location), "a set has one place");
            line(out, "do", "create-set", &format!("{}: {}{boot}{data}{stored}", set.instance_id, members.join(" ")));
            if show_tags {
                writeln!(out, "  description {}", set.description).unwrap();
                show(out, "tag", &set.tags);
                show(out, "carried", &set.carried);
                for member in &set.members {
                    show(out, &format!("{} then", member.alone.volume_id), &member.own_tags);
                    for key in &member.remove {
                        writeln!(out, "  {} then not {key}", member.alone.volume_id).unwrap();
                    }
                }
            }
        }
        Action::FinishTags(finish) => {
            line(out, "do", "finish-tags", finish.snapshot_id.as_str());
            if show_tags {
                show(out, "tag", &finish.tags);
                for key in &finish.remove {
                    writeln!(out, "  then not {key}").unwrap();
                }
            }
        }
        Action::CopySnapshot(copy) => {
            let key = copy.key().map(|key| format!(" {key:?}")).unwrap_or_default();
            let share = copy.shared_with.as_ref().map(|with| format!(" shared-with {with}")).unwrap_or_default();
            let what = format!("{} to {}{key}{share}", copy.snapshot_id, copy.destination);
            line(out, "do", "copy-snapshot", &what);
            if show_tags {
                writeln!(out, "  description {}", copy.description).unwrap();
                show(out, "tag", &copy.tags);
                show(out, "carried", &copy.carried);
            }
        }
        Action::MarkCopied(mark) => {
            line(out, "do", "mark-copied", mark.snapshot_id.as_str());
            show(out, "tag", &mark.tags);
        }
        Action::FollowSource(follow) => {
            let what = format!("{} in {} of {}", follow.snapshot_id, follow.destination, follow.source_id);
            line(out, "do", "follow-source", &what);
            show(out, "tag", &follow.tags);
        }
        Action::Unshare(unshare) => {
            let left = unshare.left.as_ref().map(|left| format!(", left {left}")).unwrap_or_default();
            line(out, "do", "unshare", &format!("{} from {}{left}", unshare.snapshot_id, unshare.account));
        }
        Action::WriteMarks(marks) => {
            let at = marks.destination.as_ref().map(|at| format!(" in {at}")).unwrap_or_default();
            line(out, "do", "write-marks", &format!("{}{at}", marks.snapshot_id));
            show(out, "tag", &marks.tags);
            for key in &marks.remove {
                writeln!(out, "  without {key}").unwrap();
            }
        }
        Action::DeleteSnapshot(deletion) => line(out, "do", "delete-snapshot", deletion.snapshot_id.as_str()),
    }
}

fn show(out: &mut String, what: &str, tags: &Tags) {
    for (key, value) in tags.iter() {
        writeln!(out, "  {what} {key}={value}").unwrap();
    }
}
