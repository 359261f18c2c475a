//! Snapshots of other tools: whose they are, what they would be tagged with to
//! become ours, and when they would then go (docs/legacy.md).
//!
//! Pure. A snapshot that is adopted goes no earlier than its own tool's expiry
//! says, and never before somebody could react. When it goes is the decider's
//! answer about an inventory with the new tags, never worked out here.

mod document;
mod original;
mod tool;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar;
use crate::id::{AccountId, Region, SnapshotId, VolumeId};
use crate::inventory::{Inventory, Snapshot, SnapshotState};
use crate::lineage;
use crate::plan::SnapshotVerdict;
use crate::retag::{Affected, Foresight, Retag, foresee, retagged};
use crate::setting::Settings;
use crate::tags::{self, Tags};

pub use document::{Document, SCHEMA};
pub(crate) use original::codes;
pub use original::{KeepForever, Migration, Old, OldState, migration};
pub use tool::{Expiry, Recogniser, TABLE, Tool, recognise};

/// Snapshots of other tools in one Place.
#[derive(Clone, Debug, PartialEq)]
pub struct Adoption {
    /// The instant it was worked out at.
    pub now: Timestamp,
    /// Whose snapshots.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// By tool, in the order of [`TABLE`].
    pub tools: Vec<OfTool>,
    /// Snapshots that are ours already and whose end moves: those adopted count
    /// as backups of their volumes too.
    pub others: Vec<Affected>,
    /// What the first run of ebskeep changes, where the original's snapshots
    /// were asked for.
    pub migration: Option<Migration>,
    /// What could not be listed, so that the verdicts may lack a reason.
    pub unseen: Vec<String>,
}

/// The snapshots of one tool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OfTool {
    /// The tool.
    pub tool: Tool,
    /// Its name for people.
    #[schemars(with = "String")]
    pub title: &'static str,
    /// How many can be adopted.
    pub adoptable: usize,
    /// How many cannot.
    pub unadoptable: usize,
    /// By source volume.
    pub lineages: Vec<OfVolume>,
}

/// The snapshots that one tool made of one volume.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OfVolume {
    /// The volume; a dummy on copies.
    pub volume_id: VolumeId,
    /// Oldest first.
    pub snapshots: Vec<Found>,
}

/// One snapshot of another tool.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Its volume's size in GiB (full, not incremental).
    pub size_gib: u32,
    /// The UTC date from which its own tool deletes it, if its tags say one.
    #[schemars(with = "Option<String>")]
    pub own_expiry: Option<Date>,
    /// The tags that make it ours, and what `expire` does with it then; absent if
    /// it cannot be adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
    /// Why it cannot be adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cannot: Option<String>,
    /// What to know about it.
    pub notes: Vec<String>,
}

/// What adopting a snapshot comes to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Adopted {
    /// The tags written.
    pub set: Tags,
    /// Its tags before that; if they are others by the last look, nothing is
    /// written.
    pub tags: Tags,
    /// What `expire` does with it once it is adopted.
    pub after: SnapshotVerdict,
}

impl Adoption {
    /// How many snapshots can be adopted.
    pub fn adoptable(&self) -> usize {
        self.tools.iter().map(|tool| tool.adoptable).sum()
    }

    /// What there is to write.
    pub fn retags(&self) -> Vec<Retag> {
        let found = self.tools.iter().flat_map(|tool| &tool.lineages).flat_map(|lineage| &lineage.snapshots);
        let retag = |found: &Found| {
            let Adopted { set, tags, after: _ } = found.adopted.clone()?;
            Some(Retag { snapshot_id: found.snapshot_id.clone(), tags, set, remove: Vec::new() })
        };
        found.filter_map(retag).collect()
    }
}

/// The volumes that have to be looked up by their id so that it is known when
/// snapshots would go that are adopted: listed nowhere, and source of one that is
/// ours or would be.
pub fn unsettled_volumes(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    let retags: Vec<Retag> = candidates(inventory, None, settings).filter_map(|one| one.retag.ok()).collect();
    let retags = retags.iter().map(|retag| (&retag.snapshot_id, retag)).collect();
    lineage::missing_volumes(&retagged(inventory, &retags), settings)
}

/// Finds the snapshots of other tools, or of one, and what adopting them all
/// comes to. Those of AWS Backup and Data Lifecycle Manager are never among them.
pub fn adopt(inventory: &Inventory, from: Option<Tool>, settings: &Settings) -> Adoption {
    let candidates: Vec<Candidate<'_>> = candidates(inventory, from, settings).collect();
    let retags = candidates.iter().filter_map(|candidate| candidate.retag.as_ref().ok());
    let Foresight { before: _, mut after, others } = foresee(inventory, retags, settings);
    let mut tools: BTreeMap<usize, (&Recogniser, BTreeMap<VolumeId, Vec<Found>>)> = BTreeMap::new();
    for Candidate { place, row, snapshot, expiry, retag, notes } in candidates {
        let (adopted, cannot) = match retag {
            Ok(Retag { snapshot_id, tags, set, remove: _ }) => {
                (after.remove(&snapshot_id).map(|after| Adopted { set, tags, after }), None)
            }
            Err(why) => (None, Some(why)),
        };
        let found = Found {
            snapshot_id: snapshot.id.clone(),
            started: snapshot.started,
            size_gib: snapshot.size_gib,
            own_expiry: match expiry {
                Expiry::On(date) => Some(date),
                Expiry::Unknown(_) | Expiry::Unreadable(_) => None,
            },
            adopted,
            cannot,
            notes,
        };
        let (_, lineages) = tools.entry(place).or_insert_with(|| (row, BTreeMap::new()));
        lineages.entry(snapshot.volume.clone()).or_default().push(found);
    }
    Adoption {
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        tools: tools.into_values().map(|(row, lineages)| of_tool(row, lineages)).collect(),
        others,
        migration: (from == Some(Tool::Original)).then(|| migration(inventory, settings)),
        unseen: inventory.gaps().map(|(what, gap)| format!("{what}: {gap}")).collect(),
    }
}

fn of_tool(row: &Recogniser, lineages: BTreeMap<VolumeId, Vec<Found>>) -> OfTool {
    let mut of = OfTool { tool: row.tool, title: row.title, adoptable: 0, unadoptable: 0, lineages: Vec::new() };
    for (volume_id, mut snapshots) in lineages {
        snapshots.sort_by(|a, b| (a.started, &a.snapshot_id).cmp(&(b.started, &b.snapshot_id)));
        let adoptable = snapshots.iter().filter(|found| found.adopted.is_some()).count();
        of.adoptable += adoptable;
        of.unadoptable += snapshots.len() - adoptable;
        of.lineages.push(OfVolume { volume_id, snapshots });
    }
    of
}

/// A snapshot of another tool.
struct Candidate<'a> {
    /// The tool's place in the table.
    place: usize,
    row: &'static Recogniser,
    snapshot: &'a Snapshot,
    expiry: Expiry,
    /// The tags that make it ours, or why that cannot be.
    retag: Result<Retag, String>,
    notes: Vec<String>,
}

fn candidates<'a>(
    inventory: &'a Inventory,
    from: Option<Tool>,
    settings: &'a Settings,
) -> impl Iterator<Item = Candidate<'a>> {
    inventory.snapshots.items.iter().filter_map(move |snapshot| {
        // Another account's, another service's, ours or another deployment's: no tool's of the table.
        let ours = lineage::classify(snapshot, &inventory.place, &settings.deployment).is_ok()
            || snapshot.tags.iter().any(|(key, _)| key.starts_with("ebskeep:"));
        if ours || snapshot.owner != inventory.place.account || lineage::foreign_mark(&snapshot.tags).is_some() {
            return None;
        }
        let (row, expiry) = recognise(snapshot)?;
        if from.is_some_and(|tool| tool != row.tool) {
            return None;
        }
        let place = TABLE.iter().position(|other| other.tool == row.tool)?;
        let (retag, notes) = retag(snapshot, row, &expiry, inventory.now, settings);
        Some(Candidate { place, row, snapshot, expiry, retag, notes })
    })
}

/// The tags that make a snapshot ours, or why it cannot be; and what to know.
fn retag(
    snapshot: &Snapshot,
    row: &Recogniser,
    expiry: &Expiry,
    now: Timestamp,
    settings: &Settings,
) -> (Result<Retag, String>, Vec<String>) {
    // Somebody can react for so long: as after a changed policy where the tool's own date is
    // known, and as after a deleted volume where nothing says when the snapshot was to go.
    let (own, grace, mut notes) = match expiry {
        Expiry::Unreadable(why) => return (Err(format!("{why}; mend it or remove it first")), Vec::new()),
        Expiry::On(date) => (Some(*date), settings.policy_grace, Vec::new()),
        Expiry::Unknown(why) => (None, settings.orphan_grace, vec![(*why).to_owned()]),
    };
    // A date of somebody else's making is never brought forward either.
    let there = match snapshot.tags.get(tags::DELETE_ON).map(|value| (value, value.trim().parse::<Date>())) {
        Some((value, Err(_))) => return (Err(format!("its DeleteOn={value} is no date; mend it first")), notes),
        Some((_, Ok(date))) => Some(date),
        None => None,
    };
    if let Some(why) = unfit(snapshot) {
        return (Err(why), notes);
    }
    let earliest = tool::first_date_after(calendar::after(now, grace, &TimeZone::UTC));
    if own.is_some_and(|own| own < earliest) {
        notes.push(format!("its own date is past or near; it stays for {grace} more"));
    }
    let date = [own, there].into_iter().flatten().fold(earliest, Date::max).to_string();
    let mut set = Tags::new();
    let wanted = [
        (tags::TYPE, tags::AUTOMATED),
        (tags::DELETE_ON, date.as_str()),
        (tags::ADOPTED, row.name),
        (tags::DEPLOYMENT, settings.deployment.as_str()),
    ];
    for (key, value) in wanted {
        let there = snapshot.tags.get(key);
        let so_already = there == Some(value)
            || key == tags::TYPE && tool::is_automated(snapshot)
            || key == tags::DEPLOYMENT && value == "default";
        if !so_already {
            set.set(key, value);
        }
    }
    let retag = Retag { snapshot_id: snapshot.id.clone(), tags: snapshot.tags.clone(), set, remove: Vec::new() };
    // One is left for the mark without which it could not be deleted.
    if retag.at_most() >= tags::MAX_TAGS {
        let why = format!(
            "it has {} tags, and would come to {}; {} are needed free for ours and the mark {}",
            snapshot.tags.counted(),
            retag.at_most(),
            retag.at_most() - snapshot.tags.counted() + 1,
            tags::DELETED
        );
        return (Err(why), notes);
    }
    (Ok(retag), notes)
}

/// What a snapshot cannot be adopted for, whatever made it.
fn unfit(snapshot: &Snapshot) -> Option<String> {
    if snapshot.volume.is_dummy() {
        return Some(format!(
            "it is a copy ({}), and its tags do not say of which volume in which account and Region",
            snapshot.volume
        ));
    }
    if let Some(own) = snapshot.tags.get(tags::TYPE).filter(|_| !tool::is_automated(snapshot)) {
        return Some(format!("its tag Type={own} means something to somebody, and would be overwritten"));
    }
    if snapshot.tags.get(tags::SOURCE_SNAPSHOT).is_some() {
        return Some(format!("its tag {} would make it a copy", tags::SOURCE_SNAPSHOT));
    }
    match snapshot.state {
        SnapshotState::Completed => None,
        SnapshotState::Pending => Some("it is not finished; adopt it later".to_owned()),
        SnapshotState::Error => Some("it failed; delete it by hand".to_owned()),
        SnapshotState::Recoverable | SnapshotState::Recovering => Some("it is in the Recycle Bin".to_owned()),
        SnapshotState::Other => Some("its state is not one this version knows".to_owned()),
    }
}
