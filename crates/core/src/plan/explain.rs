//! Everything there is to say of a snapshot, a volume or an instance: what it is,
//! each rule that keeps it and each that does not, what governs it, and when it
//! will go.
//!
//! Decides nothing: it asks the deciders, all their opinions instead of those
//! that matter, and the forecast for what is to come.

mod copies;
mod future;
mod resource;
mod snapshot;

pub use copies::{CopiesAt, Copy, CopyOf};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use super::history::{Lineage, World};
use super::policy::{Governing, Source};
use super::{CreateVerdict, ExpireVerdict, Notice, Plan, Reason, SnapshotVerdict};
use crate::config::Fleet;
use crate::id::{AccountId, InstanceId, Region, SnapshotId, VolumeId};
use crate::inventory::Inventory;
use crate::job::{Request, planned};
use crate::lineage::{self, Managed};
use crate::plan::Job;
use crate::setting::Settings;
use crate::tags::Tags;

/// The name and version of the explanation's JSON form.
pub const SCHEMA: &str = "ebskeep.explain/1";

/// `ebskeep.explain/1`: what there is to say of each thing asked about.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Explanation {
    /// `ebskeep.explain/1`.
    pub schema: String,
    /// The instant everything was decided at.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What was asked about, in the order asked.
    pub subjects: Vec<Explained>,
    /// Ids that are not there.
    #[schemars(with = "Vec<String>")]
    pub unknown: Vec<SmolStr>,
    /// What could not be listed: what is said here may not be all.
    pub not_listed: Vec<Notice>,
}

/// One thing asked about.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Explained {
    /// A snapshot.
    Snapshot(Box<ExplainedSnapshot>),
    /// A volume.
    Volume(Box<ExplainedVolume>),
    /// An instance.
    Instance(Box<ExplainedInstance>),
}

/// A snapshot explained.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedSnapshot {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The volume it came from (of a copy: from its tags).
    pub volume_id: VolumeId,
    /// The instance it came from, by its tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// `primary`, `copy`, or `not-ours`.
    pub role: Role,
    /// AWS's word for its state.
    pub state: &'static str,
    /// AWS's words about that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub state_message: Option<SmolStr>,
    /// When it began (of a copy: when its source began).
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The slot it was taken for, if it has a usable one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slot: Option<Timestamp>,
    /// Its volume's size in GiB (full, not incremental).
    pub size_gib: u32,
    /// Whether it is archived; one restored from there for a time is, too.
    pub archived: bool,
    /// When its restore from the archive ends, if it is restored for a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub restore_expires: Option<Timestamp>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its description.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
    /// Keep, delete or ignore.
    pub verdict: ExpireVerdict,
    /// What each rule says, in the order of their numbers.
    pub rules: Vec<Says>,
    /// The policies that govern it, and those in their grace.
    pub policies: Vec<InForce>,
    /// When it goes.
    pub goes: Goes,
    /// Of a copy: what it is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<CopyOf>,
    /// Where copies of it are wanted, or were made, and how far each is. What is
    /// there is known only where it was looked: files have one Region.
    pub copies: Vec<CopiesAt>,
    /// All of its lineage, newest first.
    pub lineage: Vec<Member>,
}

/// What a snapshot is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Made from a volume here.
    Primary,
    /// Made by CopySnapshot.
    Copy,
    /// Not ours: never touched.
    NotOurs,
}

/// What one rule says of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Says {
    /// Its number in docs/semantics.md 3, such as `R4`; `failed` for what becomes
    /// of failed ones instead of R3 to R7.
    #[schemars(with = "String")]
    pub number: &'static str,
    /// Its name, such as `keep-forever`.
    #[schemars(with = "String")]
    pub rule: &'static str,
    /// Whether it keeps.
    pub says: Answer,
    /// The instant from which on it no longer does, if one can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// The facts that make it so.
    #[schemars(with = "String")]
    pub detail: SmolStr,
}

/// Whether a rule keeps a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It does.
    Keeps,
    /// It did until now.
    KeptUntilNow,
    /// It does not.
    No,
}

/// A policy that governs, or did lately.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InForce {
    /// The policy, in words; or why nobody understands it.
    pub policy: String,
    /// The time zone its calendar is in.
    pub time_zone: String,
    /// Where it came from.
    pub source: String,
    /// Whether it governs now, or only still keeps for the grace after a change.
    pub in_grace: bool,
}

/// When a snapshot goes if nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub enum Goes {
    /// By the next expire run: nothing keeps it.
    Now {
        /// What kept it until now.
        why: Vec<Reason>,
    },
    /// On this UTC date, if backups go on as their schedule says, copies that are
    /// wanted are made, and expire runs once a day.
    On {
        /// The date.
        #[schemars(with = "String")]
        date: Date,
        /// What will have kept it until then.
        why: Vec<Reason>,
    },
    /// Not within the years looked ahead.
    NotWithin {
        /// How far it was looked, in words.
        span: String,
    },
    /// Never by us: it is not ours.
    NotOurs,
}

/// One snapshot of a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// What rules sort by: its slot, else its start.
    #[schemars(with = "String")]
    pub time: Timestamp,
    /// AWS's word for its state.
    pub state: &'static str,
    /// Its volume's size in GiB.
    pub size_gib: u32,
    /// Keep or delete.
    pub verdict: ExpireVerdict,
    /// The names of the rules that keep it, or kept it until now.
    #[schemars(with = "Vec<String>")]
    pub rules: Vec<&'static str>,
    /// The first UTC date on which it would go, its wanted copies made, where one can
    /// be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_on: Option<Date>,
    /// Whether it would go as soon as its wanted copies are good.
    pub once_copied: bool,
}

/// A volume explained.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedVolume {
    /// The volume.
    pub volume_id: VolumeId,
    /// Whether it is listed, gone, or neither is known.
    pub presence: Presence,
    /// Its size in GiB, if it is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<u32>,
    /// Its tags, if it is listed.
    pub tags: Tags,
    /// What the tags of it and of each instance it is attached to say together.
    pub configured: Vec<Configured>,
    /// What the next create run does with it, and why; absent if it is not
    /// listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// The policies that govern its snapshots, and those in their grace.
    pub policies: Vec<InForce>,
    /// Its snapshots, newest first.
    pub lineage: Vec<Member>,
    /// Snapshots of it that are not ours, newest first: made by hand or by another
    /// tool, or not to be recognised.
    pub not_ours: Vec<SnapshotId>,
    /// Problems and findings about it.
    pub notices: Vec<Notice>,
}

/// Whether a volume is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Listed, and not on its way out.
    Exists,
    /// Not listed, or on its way out, and not known to be gone.
    NotKnown,
    /// AWS says that it is gone.
    Gone,
}

/// What tags say of a volume on one instance, or of an unattached one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Configured {
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The device name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub device: Option<SmolStr>,
    /// The schedule, or why there is none.
    pub backup: String,
    /// The slot that counts now, if there is a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slot: Option<Timestamp>,
    /// The slot after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub next_slot: Option<Timestamp>,
    /// The zone of the schedule.
    pub time_zone: String,
    /// The retention as tagged, and where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// Where copies are to go, as tagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub copy_to: Option<SmolStr>,
}

/// What create does with a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Create {
    /// Create or skip.
    pub verdict: CreateVerdict,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// An instance explained.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExplainedInstance {
    /// The instance.
    pub instance_id: InstanceId,
    /// Whether it is in a state in which its tags count.
    pub counts: bool,
    /// Its tags.
    pub tags: Tags,
    /// Its EBS volumes by device, each explained; of snapshots the newest good.
    pub volumes: Vec<OnInstance>,
    /// Problems and findings about it.
    pub notices: Vec<Notice>,
}

/// A volume of an instance, in brief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OnInstance {
    /// The device name.
    #[schemars(with = "String")]
    pub device: SmolStr,
    /// The volume.
    pub volume_id: VolumeId,
    /// What create does with it, and why; absent if it is not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<Create>,
    /// The policies that govern its snapshots, and those in their grace.
    pub policies: Vec<InForce>,
    /// How many snapshots of ours there are of it.
    pub snapshots: usize,
    /// When its newest good one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub newest_good: Option<Timestamp>,
}

/// Explains each of the ids, which may be of snapshots, volumes and instances.
pub fn explain(inventory: &Inventory, ids: &[SmolStr], settings: &Settings) -> Explanation {
    let request = Request::new(Job::ALL);
    let plan = planned(inventory.clone(), &request, settings).plan;
    let fleet = Fleet::new(inventory, settings, request.untagged);
    let lineages = lineage::lineages(inventory, settings);
    let asked =
        Asked { world: World::new(inventory, &fleet, settings, request.grace), plan: &plan, lineages: &lineages };
    let mut explanation = Explanation {
        schema: SCHEMA.to_owned(),
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        subjects: Vec::new(),
        unknown: Vec::new(),
        not_listed: crate::job::not_listed(inventory),
    };
    for id in ids {
        match asked.subject(id) {
            Some(subject) => explanation.subjects.push(subject),
            None => explanation.unknown.push(id.clone()),
        }
    }
    explanation
}

/// What every question is answered from.
struct Asked<'a> {
    world: World<'a>,
    plan: &'a Plan,
    lineages: &'a super::create::Lineages<'a>,
}

impl<'a> Asked<'a> {
    fn subject(&self, id: &SmolStr) -> Option<Explained> {
        let inventory = self.world.inventory;
        let snapshots = &inventory.snapshots.items;
        if let Some(snapshot) = snapshots.iter().find(|snapshot| snapshot.id.as_str() == id) {
            return Some(Explained::Snapshot(Box::new(snapshot::explain(snapshot, self))));
        }
        if let Some(instance) = inventory.instances.items.iter().find(|instance| instance.id.as_str() == id) {
            return Some(Explained::Instance(Box::new(resource::instance(instance, self))));
        }
        resource::volume(&VolumeId::new(id.clone()), self).map(|volume| Explained::Volume(Box::new(volume)))
    }

    /// The plan's verdict on a snapshot.
    fn verdict(&self, id: &SnapshotId) -> Option<&'a SnapshotVerdict> {
        let at = self.plan.snapshots.binary_search_by(|verdict| verdict.snapshot_id.cmp(id)).ok()?;
        self.plan.snapshots.get(at)
    }

    /// What create does with a volume.
    fn create(&self, id: &VolumeId) -> Option<Create> {
        let verdict = self.plan.volumes.iter().find(|verdict| verdict.volume_id == *id)?;
        Some(Create { verdict: verdict.verdict, reasons: verdict.reasons.clone() })
    }

    /// Problems and findings about one resource.
    fn notices(&self, id: &str) -> Vec<Notice> {
        let all = self.plan.problems.iter().chain(&self.plan.findings);
        all.filter(|notice| notice.resource == id).cloned().collect()
    }

    fn members(&self, snapshots: &[Managed<'_>]) -> Vec<Member> {
        let copied = snapshots.first().and_then(|first| future::once_copied(first, self)).unwrap_or_default();
        let member = |managed: &Managed<'_>| {
            let verdict = self.verdict(&managed.snapshot.id)?;
            let then = copied.iter().find(|then| then.snapshot_id == verdict.snapshot_id).unwrap_or(verdict);
            let kept = verdict.verdict == ExpireVerdict::Keep;
            Some(Member {
                snapshot_id: managed.snapshot.id.clone(),
                time: managed.time,
                state: managed.snapshot.state.as_aws(),
                size_gib: managed.snapshot.size_gib,
                verdict: verdict.verdict,
                rules: verdict.reasons.iter().map(|reason| reason.rule).collect(),
                expires_on: then.expires_on,
                once_copied: kept && then.verdict == ExpireVerdict::Delete,
            })
        };
        snapshots.iter().filter_map(member).collect()
    }
}

/// The policies of a lineage, as they are told.
fn in_force(lineage: &Lineage<'_>) -> Vec<InForce> {
    let told = |governing: &Governing, in_grace| {
        let Governing { policy, zone, source, text, weighed: _ } = governing;
        let written = text.as_ref().map(|text| text.retention.as_str());
        InForce {
            policy: match (policy, written) {
                (Ok(policy), _) => policy.to_string(),
                (Err(why), Some(written)) => format!("{written:?}: {why}, which keeps"),
                (Err(why), None) => format!("{why}, which keeps"),
            },
            time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            source: match source {
                Source::Tag(_) | Source::Record(_) => source.to_string(),
                Source::Default => "the default, a setting".to_owned(),
            },
            in_grace,
        }
    };
    let governing = lineage.policies.governing.iter().map(|policy| told(policy, false));
    governing.chain(lineage.policies.grace.iter().map(|grace| told(&grace.policy, true))).collect()
}
