//! The plan: every verdict with its reasons, and the actions that follow.
//!
//! This value is the product's output (`ebskeep.plan/1`), what the checks look
//! at, and all that the executor knows. It has no choices in it.

mod copies;
mod copy;
mod create;
mod creator;
mod detail;
mod endless;
mod expire;
pub mod explain;

mod grace;
mod group;
mod history;
mod keep;
mod location;
mod marking;
mod order;
mod policy;
pub(crate) mod problems;
mod rhythm;
mod rules;
mod snapshot_tags;
mod stopped;
mod unlisted;
mod wish;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::config::Fleet;
use crate::id::{AccountId, InstanceId, Region, SnapshotId, VolumeId};
use crate::inventory::Inventory;
use crate::job::Request;
use crate::setting::Settings;
use crate::site::Location;
use crate::tags::Tags;
pub use copies::{CopyState, CopyVerdict, FollowSource, MarkCopied, NewCopy, Unshare, destinations};
pub(crate) use copy::{source_gone_since, unsettled_sources};
pub(crate) use creator::{Copied, Creator, copied};
pub use detail::Detail;
pub use expire::unsettled_volumes;

/// The name and version of the plan's JSON form.
pub const SCHEMA: &str = "ebskeep.plan/1";

/// The finding of a volume passed over for two slots running: the run then ends
/// as partly done.
pub const PASSED_OVER: &str = "passed-over";

/// Decides: every verdict with its reasons, and what follows from them. The
/// checks are still to be made ([`crate::check`]).
pub fn decide(inventory: &Inventory, request: &Request, settings: &Settings) -> Plan {
    let fleet = Fleet::new(inventory, settings, request.untagged);
    let mut plan = Plan {
        schema: SCHEMA.to_owned(),
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        jobs: request.jobs.clone(),
        volumes: Vec::new(),
        copies: Vec::new(),
        snapshots: Vec::new(),
        actions: Vec::new(),
        problems: problems::problems(inventory, &fleet, settings).into_iter().map(Notice::from).collect(),
        findings: problems::findings(&fleet, settings).into_iter().map(Notice::from).collect(),
        checks: Vec::new(),
        summary: Summary::default(),
    };
    if request.jobs.contains(&Job::Create) {
        let run = run_of(request, inventory.now, &mut plan);
        let create::Create { verdicts, actions, findings } = create::create(inventory, &fleet, settings, run);
        plan.volumes = verdicts;
        plan.actions.extend(actions);
        plan.findings.extend(findings);
    }
    if request.jobs.contains(&Job::Copy) {
        let copy::Copying { verdicts, actions, findings } = copy::copy(inventory, settings, request.only.as_ref());
        plan.copies = verdicts;
        plan.actions.extend(actions);
        plan.findings.extend(findings);
    }
    if request.jobs.contains(&Job::Expire) {
        let expire::Expire { verdicts, actions, problems, findings } =
            expire::expire(inventory, &fleet, settings, request.grace);
        plan.snapshots = verdicts;
        // Moved if there is nothing to append to: there may be a million actions.
        if plan.actions.is_empty() {
            plan.actions = actions;
        } else {
            plan.actions.extend(actions);
        }
        plan.problems.extend(problems);
        plan.findings.extend(findings);
    }
    for notices in [&mut plan.problems, &mut plan.findings] {
        notices.sort();
        notices.dedup();
    }
    plan.summary = Summary::of(&plan);
    plan
}

/// How old the scheduled time of a trigger may be. AWS's schedulers give up on
/// delivering one after a day.
const TRIGGER_GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The slot of `every-run`: the trigger's scheduled time. One from the future
/// would be a slot after the snapshot's start; one of long ago, copied into a
/// schedule by hand, would silence every run.
fn run_of(request: &Request, now: Timestamp, plan: &mut Plan) -> Timestamp {
    let Some(trigger) = request.trigger else { return now };
    if now.duration_since(trigger) > TRIGGER_GOOD_FOR {
        let detail =
            format!("it says it was scheduled for {trigger}, more than a day ago; the start of the run counts");
        plan.findings.push(Notice { resource: "trigger".into(), code: "stale-trigger", detail });
        return now;
    }
    trigger.min(now)
}

/// One pass over one account and Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Job {
    /// Take the snapshots that are due.
    Create,
    /// Copy snapshots to the other Regions and accounts that their tags name.
    Copy,
    /// Delete the snapshots that nothing keeps.
    Expire,
}

impl Job {
    /// All jobs, in the order in which a run does them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Copy, Self::Expire];

    /// Its name, as on the command line and in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Copy => "copy",
            Self::Expire => "expire",
        }
    }
}

/// What a run would do, and why.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// `ebskeep.plan/1`.
    pub schema: String,
    /// The instant everything was decided at: AWS's clock when observed.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// Whose resources.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What was planned.
    pub jobs: Vec<Job>,
    /// Every volume, if `create` was planned. Sorted by id.
    pub volumes: Vec<VolumeVerdict>,
    /// Every snapshot here and destination that its tags name, if `copy` was
    /// planned. Sorted by snapshot, then destination.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub copies: Vec<CopyVerdict>,
    /// Every snapshot, if `expire` was planned. Sorted by id.
    pub snapshots: Vec<SnapshotVerdict>,
    /// What would be done, in this order.
    pub actions: Vec<Action>,
    /// Bad configuration: reported on every run until mended.
    pub problems: Vec<Notice>,
    /// Things to look at.
    pub findings: Vec<Notice>,
    /// The second opinion on this plan. What a check refuses that is not ok is not carried out.
    pub checks: Vec<CheckResult>,
    /// Counts.
    pub summary: Summary,
}

impl Plan {
    /// The checks that refuse this plan.
    pub fn refusals(&self) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(|check| !check.ok)
    }

    /// The check that refuses what is planned for this job, if one does. The deletions of
    /// failed snapshots can go ahead all the same: see [`Plan::refusal_of_action`].
    pub fn refusal_of(&self, job: Job) -> Option<&CheckResult> {
        self.refusals().find(|check| check.refuses != Refuses::Deletions && check.is_about(job))
    }

    /// The check that keeps this action from being carried out, if one does.
    pub fn refusal_of_action(&self, action: &Action) -> Option<&CheckResult> {
        self.refusals().find(|check| check.refuses_action(action))
    }

    /// The deletions that a check refuses, and those that are carried out.
    pub fn deletions(&self) -> (Vec<&Deletion>, Vec<&Deletion>) {
        let mut deletions = (Vec::new(), Vec::new());
        for action in &self.actions {
            if let Action::DeleteSnapshot(deletion) = action {
                let refused = self.refusal_of_action(action).is_some();
                if refused { deletions.0.push(deletion) } else { deletions.1.push(deletion) }
            }
        }
        deletions
    }

    /// Whether none of it may be carried out.
    pub fn is_refused_whole(&self) -> bool {
        // A job is refused, or all that it would do is.
        let refused =
            |job: &Job| self.refusal_of(*job).is_some() || self.actions.iter().any(|action| action.job() == *job);
        self.refusals().next().is_some()
            && self.jobs.iter().all(refused)
            && self.actions.iter().all(|action| self.refusal_of_action(action).is_some())
    }
}

/// A reason: a rule of docs/semantics.md by name, and the facts in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    /// The rule's name, such as `keep-forever` or `due`.
    #[schemars(with = "String")]
    pub rule: &'static str,
    /// The facts that made it so.
    #[schemars(with = "String")]
    pub detail: Detail,
}

impl Reason {
    pub(crate) fn new(rule: &'static str, detail: impl Into<Detail>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

/// What is to happen to a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct VolumeVerdict {
    /// The volume.
    pub volume_id: VolumeId,
    /// The instance it is attached to (the first by id, if several).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Create a snapshot or not.
    pub verdict: CreateVerdict,
    /// Why; never empty.
    pub reasons: Vec<Reason>,
    /// The slot its schedule names, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub slot: Option<Timestamp>,
}

/// Whether a volume is snapshotted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CreateVerdict {
    /// A snapshot is taken.
    Create,
    /// None is.
    Skip,
}

/// What is to happen to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SnapshotVerdict {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The volume it came from (of a copy: from its tags).
    pub volume_id: VolumeId,
    /// Keep, delete or ignore.
    pub verdict: ExpireVerdict,
    /// Every rule that keeps it; of one to be deleted, what kept it until now;
    /// of one ignored, whose it is. Never empty.
    pub reasons: Vec<Reason>,
    /// The first UTC date on which it would go if nothing changed; absent
    /// where no date can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub expires_on: Option<jiff::civil::Date>,
}

/// What becomes of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExpireVerdict {
    /// Ours, and some rule keeps it.
    Keep,
    /// Ours, and nothing keeps it.
    Delete,
    /// Not ours: never touched.
    Ignore,
}

/// One thing to do. Everything it needs is in it.
// What is much larger than a deletion is boxed: there may be hundreds of thousands
// of those.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// CreateSnapshot of one volume.
    CreateSnapshot(Box<NewSnapshot>),
    /// CreateSnapshots of an instance; if AWS refuses it, its members one by one.
    CreateSet(Box<NewSet>),
    /// CreateTags (and DeleteTags) on a set member whose own tags were never
    /// written.
    FinishTags(Box<FinishTags>),
    /// CopySnapshot, in the destination; of one in another account the source is
    /// shared first.
    CopySnapshot(Box<NewCopy>),
    /// CreateTags on a primary whose copy is good.
    MarkCopied(Box<MarkCopied>),
    /// CreateTags on a copy, in the destination.
    FollowSource(Box<FollowSource>),
    /// ModifySnapshotAttribute, and the tag that told of the share.
    Unshare(Box<Unshare>),
    /// CreateTags and DeleteTags: what `expire` or the copier notes on a snapshot for later
    /// runs.
    WriteMarks(Box<WriteMarks>),
    /// DeleteSnapshot.
    DeleteSnapshot(Deletion),
}

impl Action {
    /// Its name in the plan's JSON form.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateSnapshot(_) => "create-snapshot",
            Self::CreateSet(_) => "create-set",
            Self::FinishTags(_) => "finish-tags",
            Self::CopySnapshot(_) => "copy-snapshot",
            Self::MarkCopied(_) => "mark-copied",
            Self::FollowSource(_) => "follow-source",
            Self::Unshare(_) => "unshare",
            Self::WriteMarks(_) => "write-marks",
            Self::DeleteSnapshot(_) => "delete-snapshot",
        }
    }

    /// The job that does it.
    pub fn job(&self) -> Job {
        match self {
            Self::CreateSnapshot(_) | Self::CreateSet(_) | Self::FinishTags(_) => Job::Create,
            Self::CopySnapshot(_) | Self::MarkCopied(_) | Self::FollowSource(_) | Self::Unshare(_) => Job::Copy,
            Self::WriteMarks(marks) if marks.destination.is_some() => Job::Copy,
            Self::WriteMarks(_) | Self::DeleteSnapshot(_) => Job::Expire,
        }
    }
}

/// A snapshot to take of one volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSnapshot {
    /// The volume.
    pub volume_id: VolumeId,
    /// The slot it is for.
    #[schemars(with = "String")]
    pub slot: Timestamp,
    /// Its description.
    pub description: String,
    /// Our tags: what the snapshot needs to be understood.
    pub tags: Tags,
    /// Tags carried over from the instance and the volume; left out if AWS
    /// refuses the creation because of its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub carried: Tags,
    /// Where it is stored, if the volume is on an Outpost or in a Local Zone.
    /// Refused for that, it is tried once at the other of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// Snapshots to take of an instance's volumes in one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSet {
    /// The instance.
    pub instance_id: InstanceId,
    /// The slot they are for.
    #[schemars(with = "String")]
    pub slot: Timestamp,
    /// The description of all.
    pub description: String,
    /// Leave the root volume out.
    pub exclude_boot: bool,
    /// Leave these data volumes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_data: Vec<VolumeId>,
    /// Our tags that all members share, written by the call itself.
    pub tags: Tags,
    /// Carried tags that all members share, written by the call itself; left
    /// out if AWS refuses the creation because of its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub carried: Tags,
    /// Where they are stored, if the instance is on an Outpost or in a Local
    /// Zone; the same for all members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The members: what each is tagged with in the end, which is also how each
    /// is taken alone if the set is refused. Sorted by volume id.
    pub members: Vec<SetMember>,
}

/// One volume of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    /// Written on this member by the second call, where not empty.
    pub own_tags: Tags,
    /// Keys the second step removes: `ebskeep:retention` where it was `unset`
    /// and this member's policy is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<SmolStr>,
    /// The same volume taken alone.
    pub alone: NewSnapshot,
}

/// Tags to write on a set member of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishTags {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// Its volume.
    pub volume_id: VolumeId,
    /// What is written.
    pub tags: Tags,
    /// What is removed after that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<SmolStr>,
}

/// Marks to write on a snapshot, and to take off it (docs/semantics.md 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteMarks {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// The volume it came from.
    pub volume_id: VolumeId,
    /// Where it is, if it is a copy elsewhere that the copier marks; absent here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<crate::destination::Destination>,
    /// Its tags when it was decided; if they differ at the last look, it is
    /// left for the next run.
    pub before: Tags,
    /// The marks that are written.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The keys of the marks that are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub remove: Vec<SmolStr>,
}

/// A snapshot to delete, if it is still what the plan saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// The snapshot.
    pub snapshot_id: SnapshotId,
    /// Its source volume.
    pub volume_id: VolumeId,
    /// Its tags when it was decided; anything else at the last look, and it
    /// stays.
    pub tags: Tags,
    /// Its volume's size in GiB (full, not incremental).
    pub size_gib: u32,
    /// Whether it had failed when it was decided; what is good by the last look
    /// was not, and stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
    /// Whether it was archived when it was decided; what has moved between the
    /// tiers by the last look stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// When its temporary restore from the archive ended or ends, as it was
    /// decided; what was restored, or restored for longer, by the last look stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", default)]
    pub restore_expires: Option<Timestamp>,
}

/// Something to tell about one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Notice {
    /// The resource's id, or what else it is about.
    #[schemars(with = "String")]
    pub resource: SmolStr,
    /// A stable name, such as `bad-retention`.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// What is wrong, what it means today, and what to write instead.
    pub detail: String,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CheckResult {
    /// The check's name, such as `unforeseen-deletions`.
    #[schemars(with = "String")]
    pub check: &'static str,
    /// Whether the plan passes it.
    pub ok: bool,
    /// The job whose part of the plan it can refuse; the whole plan if absent.
    /// Deletions that wait for a person hold up no backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// How much of that it refuses; all of it if absent.
    #[serde(default, skip_serializing_if = "Refuses::is_all")]
    pub refuses: Refuses,
    /// The snapshots whose deletions it holds back, where `refuses` is `deletions`; where
    /// it is `all-but-failed`, the failed ones that it holds back all the same. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<SnapshotId>,
    /// The numbers, in words.
    pub detail: String,
}

impl CheckResult {
    /// A check that passes, or that refuses all of a job, or of the plan.
    pub fn new(check: &'static str, ok: bool, job: Option<Job>, detail: impl Into<String>) -> Self {
        Self { check, ok, job, refuses: Refuses::All, holds: Vec::new(), detail: detail.into() }
    }

    /// How many deletions it holds back, where it refuses some deletions and nothing else.
    pub fn held(&self) -> Option<usize> {
        (!self.ok && self.refuses == Refuses::Deletions).then_some(self.holds.len())
    }

    /// Whether it is about this job.
    fn is_about(&self, job: Job) -> bool {
        self.job.is_none_or(|its| its == job)
    }

    /// Whether the check, which the plan does not pass, refuses this action.
    fn refuses_action(&self, action: &Action) -> bool {
        let held = |deletion: &Deletion| self.holds.binary_search(&deletion.snapshot_id).is_ok();
        match (self.refuses, action) {
            (Refuses::Deletions, Action::DeleteSnapshot(deletion)) => held(deletion),
            (Refuses::Deletions, _) => false,
            (Refuses::AllButFailed, Action::DeleteSnapshot(deletion)) if deletion.failed => {
                self.is_about(Job::Expire) && held(deletion)
            }
            (Refuses::AllButFailed | Refuses::All, _) => self.is_about(action.job()),
        }
    }
}

/// How much of a job, or of the whole plan, a check refuses that the plan does not pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refuses {
    /// All of it.
    #[default]
    All,
    /// All of it except the deletions of failed snapshots.
    AllButFailed,
    /// Some deletions and nothing else.
    Deletions,
}

impl Refuses {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
    fn is_all(&self) -> bool {
        *self == Self::All
    }
}

/// Counts over one plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Volumes looked at.
    pub volumes: usize,
    /// Volumes of which a snapshot is taken.
    pub create: usize,
    /// Volumes of which none is.
    pub skip: usize,
    /// Snapshots looked at.
    pub snapshots: usize,
    /// Snapshots kept.
    pub keep: usize,
    /// Snapshots to delete.
    pub delete: usize,
    /// Snapshots that are not ours.
    pub ignore: usize,
    /// The sizes of the volumes behind the snapshots to delete, in GiB, added
    /// up. What is freed is less: snapshots share blocks.
    pub delete_gib: u64,
    /// Copies to begin.
    #[serde(default)]
    pub copy: usize,
    /// The sizes of the volumes behind them, in GiB, added up. What is copied is
    /// less where an earlier copy is there.
    #[serde(default)]
    pub copy_gib: u64,
    /// Copies that are wanted and wait for a later run.
    #[serde(default)]
    pub copies_waiting: usize,
    /// Copies under way.
    #[serde(default)]
    pub copies_under_way: usize,
    /// Actions.
    pub actions: usize,
    /// Problems.
    pub problems: usize,
    /// Findings.
    pub findings: usize,
    /// Checks that refuse the plan.
    pub refused: usize,
}

impl Summary {
    /// Counts a plan.
    pub fn of(plan: &Plan) -> Self {
        let (mut keep, mut delete, mut ignore) = (0, 0, 0);
        for snapshot in &plan.snapshots {
            match snapshot.verdict {
                ExpireVerdict::Keep => keep += 1,
                ExpireVerdict::Delete => delete += 1,
                ExpireVerdict::Ignore => ignore += 1,
            }
        }
        let create = plan.volumes.iter().filter(|v| v.verdict == CreateVerdict::Create).count();
        let deleted = plan.actions.iter().map(|action| match action {
            Action::DeleteSnapshot(deletion) => u64::from(deletion.size_gib),
            _ => 0,
        });
        let begun = plan.actions.iter().filter_map(|action| match action {
            Action::CopySnapshot(copy) => Some(u64::from(copy.size_gib)),
            _ => None,
        });
        let copies = |verdict| plan.copies.iter().filter(|copy| copy.verdict == verdict).count();
        Self {
            volumes: plan.volumes.len(),
            create,
            skip: plan.volumes.len() - create,
            snapshots: plan.snapshots.len(),
            keep,
            delete,
            ignore,
            delete_gib: deleted.sum(),
            copy: begun.clone().count(),
            copy_gib: begun.sum(),
            copies_waiting: copies(CopyState::Wait),
            copies_under_way: copies(CopyState::Pending),
            actions: plan.actions.len(),
            problems: plan.problems.len(),
            findings: plan.findings.len(),
            refused: plan.refusals().count(),
        }
    }
}
