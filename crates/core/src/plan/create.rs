//! The decider of `create`: a verdict with its reasons for every volume.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::group;
use super::policy::{Governing, longest, policies};
use super::{Action, CreateVerdict, Notice, Reason, VolumeVerdict, rhythm, stopped, unlisted};
use crate::calendar::to_the_minute;
use crate::config::{Fleet, Scope, Wanted};
use crate::id::VolumeId;
use crate::inventory::{Inventory, SnapshotState, Volume, VolumeState};
use crate::lineage::{self, LineageKey, Managed};
use crate::schedule::Schedule;
use crate::setting::Settings;

/// Failed snapshots of one volume from which on `create` leaves it alone: they
/// count against AWS's limit of concurrent snapshots of a volume.
const FAILED_ENOUGH: usize = 3;

/// What `create` would do.
#[derive(Debug, Default)]
pub(super) struct Create {
    /// Every volume, by id.
    pub(super) verdicts: Vec<VolumeVerdict>,
    /// The creations, then the tags to finish.
    pub(super) actions: Vec<Action>,
    /// Things to look at.
    pub(super) findings: Vec<Notice>,
}

/// A volume that is due, and in whose name.
pub(super) struct Due<'a> {
    /// The volume.
    pub(super) volume: &'a Volume,
    /// The scope whose names it gets.
    pub(super) scope: Scope<'a>,
    /// All its scopes.
    pub(super) scopes: Vec<Scope<'a>>,
    /// The policy it records.
    pub(super) policy: Option<Governing>,
    /// The slot.
    pub(super) slot: Timestamp,
}

/// Decides for every volume. `run` is the slot of `every-run`.
pub(super) fn create(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings, run: Timestamp) -> Create {
    let lineages = lineage::lineages(inventory, settings);
    let none = Vec::new();
    let mut out = Create::default();
    let mut due = Vec::new();
    // By id, in whatever order they were listed: the same world gives the same plan.
    for volume in lineage::volumes_by_id(inventory).into_values() {
        let key = primaries_of(&volume.id, inventory);
        let snapshots = lineages.get(&key).unwrap_or(&none);
        due.extend(out.volume(volume, snapshots, inventory, fleet, settings, run));
    }
    group::group(due, &lineages, inventory, settings, &mut out);
    group::finish_tags(&lineages, inventory, fleet, settings, &mut out);
    out
}

fn primaries_of(volume: &VolumeId, inventory: &Inventory) -> LineageKey {
    LineageKey {
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        volume: volume.clone(),
        copies: false,
    }
}

/// Why a volume is not snapshotted, and whether that passes over a backup that is due.
pub(super) struct Skip {
    reason: Reason,
    passed_over: bool,
}

impl Create {
    fn volume<'a>(
        &mut self,
        volume: &'a Volume,
        snapshots: &[Managed<'_>],
        inventory: &'a Inventory,
        fleet: &Fleet<'a>,
        settings: &Settings,
        run: Timestamp,
    ) -> Option<Due<'a>> {
        let scopes = fleet.scopes(volume);
        let instance_id = scopes.iter().find_map(Scope::instance_id).cloned();
        let mut verdict = VolumeVerdict {
            volume_id: volume.id.clone(),
            instance_id,
            verdict: CreateVerdict::Skip,
            reasons: Vec::new(),
            slot: None,
        };
        let unseen = if inventory.instances.is_complete() {
            fleet.unlisted(volume).iter().map(|unlisted| unlisted.instance.clone()).collect()
        } else {
            fleet.unseen_instances(volume)
        };
        let wanted = best(&scopes, inventory.now, run);
        let Some((scope, slot)) = wanted else {
            verdict.reasons = not_wanted(&scopes, &unseen);
            if inventory.instances.is_complete() && !snapshots.is_empty() && lineage::exists(volume) {
                self.findings.extend(stopped::finding(volume, &scopes, fleet));
            }
            // Where the volume itself says No, and there is nothing that could expire, all is known.
            if !snapshots.is_empty() || scopes.iter().any(|scope| scope.backup == Wanted::No) {
                self.findings.extend(unlisted::finding(volume, fleet, inventory.now));
            }
            self.verdicts.push(verdict);
            return None;
        };
        verdict.slot = Some(slot);
        self.volume_findings(volume, snapshots, inventory.now);
        self.findings.extend(unlisted::finding(volume, fleet, inventory.now));
        self.findings.extend(rhythm::finding(volume, snapshots, &scopes, settings, inventory.now));
        match blocked(volume, snapshots, slot, inventory.now) {
            None => {
                verdict.verdict = CreateVerdict::Create;
                verdict.reasons = vec![due(snapshots, slot)];
                verdict.instance_id = scope.instance_id().cloned().or(verdict.instance_id);
                let governing = policies(snapshots, &scopes, settings, inventory.now).governing;
                let policy = longest(&governing, inventory.now).cloned();
                let due = Due { volume, scope: scope.clone(), scopes: scopes.clone(), policy, slot };
                self.verdicts.push(verdict);
                Some(due)
            }
            Some(Skip { reason, passed_over }) => {
                let at_its_rhythm = || rhythm::slower(snapshots, scope, inventory.now).is_some();
                if passed_over && passed_over_twice(scope, snapshots, slot) && !at_its_rhythm() {
                    let detail = format!("no backup for two slots running: {}", reason.detail);
                    self.finding(volume, super::PASSED_OVER, detail);
                }
                verdict.reasons = vec![reason];
                self.verdicts.push(verdict);
                None
            }
        }
    }

    fn volume_findings(&mut self, volume: &Volume, snapshots: &[Managed<'_>], now: Timestamp) {
        for stuck in snapshots.iter().filter(|managed| lineage::is_stuck(managed.snapshot, now)) {
            let detail = format!(
                "{} has been pending since {} and no longer counts",
                stuck.snapshot.id,
                to_the_minute(stuck.snapshot.started)
            );
            self.finding(volume, "stuck-pending", detail);
        }
        if failed(snapshots) >= FAILED_ENOUGH {
            let detail =
                format!("{} snapshots of it have failed; it is left alone until they are gone", failed(snapshots));
            self.finding(volume, "failing", detail);
        }
    }

    /// Something to look at about a volume.
    pub(super) fn finding(&mut self, volume: &Volume, code: &'static str, detail: String) {
        self.findings.push(Notice { resource: SmolStr::new(volume.id.as_str()), code, detail });
    }
}

/// The scope with the latest slot: a snapshot for it serves the others too.
pub(super) fn best<'s, 'a>(
    scopes: &'s [Scope<'a>],
    now: Timestamp,
    run: Timestamp,
) -> Option<(&'s Scope<'a>, Timestamp)> {
    let slots = scopes.iter().filter_map(|scope| match &scope.backup {
        Wanted::On(schedule) => Some((scope, schedule.slot(now, &scope.zone, run))),
        Wanted::No | Wanted::Excluded(_) => None,
    });
    // Of equals the first, by instance id, so that the plan is always the same.
    slots.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

fn not_wanted(scopes: &[Scope<'_>], unseen: &[crate::id::InstanceId]) -> Vec<Reason> {
    let excluded = scopes.iter().filter_map(|scope| match &scope.backup {
        Wanted::Excluded(why) => Some(Reason::new("excluded", SmolStr::from(why.as_str()))),
        Wanted::No | Wanted::On(_) => None,
    });
    let mut reasons: Vec<Reason> = excluded.collect();
    reasons.dedup();
    if let (true, Some(instance)) = (reasons.is_empty(), unseen.first()) {
        let detail = format_smolstr!("its instance {instance} could not be listed, so what that says is not known");
        reasons.push(Reason::new("not-seen", detail));
    }
    if reasons.is_empty() {
        let detail = SmolStr::new_static("no Backup tag on it or on an instance it is attached to");
        reasons.push(Reason::new("not-tagged", detail));
    }
    reasons
}

/// What stands in the way of a snapshot for this slot.
pub(super) fn blocked(volume: &Volume, snapshots: &[Managed<'_>], slot: Timestamp, now: Timestamp) -> Option<Skip> {
    let skip = |rule, detail: SmolStr, passed_over| Some(Skip { reason: Reason::new(rule, detail), passed_over });
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        let detail = format_smolstr!("the volume is {:?}, and only available and in-use ones can be", volume.state);
        // One being made has no backup to miss; one on its way out needs none.
        let missed = match volume.state {
            VolumeState::Creating => !snapshots.is_empty(),
            VolumeState::Error | VolumeState::Other => true,
            VolumeState::Deleting | VolumeState::Deleted | VolumeState::Available | VolumeState::InUse => false,
        };
        return skip("volume-state", detail, missed);
    }
    let counts = |managed: &&Managed<'_>| match managed.snapshot.state {
        SnapshotState::Pending => !lineage::is_stuck(managed.snapshot, now),
        // In an archive or the Recycle Bin a backup is still one that was taken.
        SnapshotState::Completed | SnapshotState::Recoverable | SnapshotState::Recovering => true,
        SnapshotState::Error | SnapshotState::Other => false,
    };
    if let Some(done) = snapshots.iter().filter(counts).find(|managed| managed.time >= slot) {
        let detail = format_smolstr!("{} is the backup due {}", done.snapshot.id, to_the_minute(slot));
        return skip("not-due", detail, false);
    }
    let pending = |managed: &&Managed<'_>| managed.snapshot.state == SnapshotState::Pending;
    if let Some(pending) = snapshots.iter().filter(pending).find(|managed| !lineage::is_stuck(managed.snapshot, now)) {
        let detail = format_smolstr!(
            "{} is still pending since {}",
            pending.snapshot.id,
            to_the_minute(pending.snapshot.started)
        );
        return skip("still-pending", detail, true);
    }
    if failed(snapshots) >= FAILED_ENOUGH {
        let detail = format_smolstr!("{} snapshots of it have failed and count against AWS's limit", failed(snapshots));
        return skip("failing", detail, true);
    }
    None
}

fn failed(snapshots: &[Managed<'_>]) -> usize {
    snapshots.iter().filter(|managed| managed.snapshot.state == SnapshotState::Error).count()
}

fn due(snapshots: &[Managed<'_>], slot: Timestamp) -> Reason {
    let detail = match snapshots.iter().find(|managed| managed.is_good()) {
        None => format_smolstr!("due {}; there is no good backup yet", to_the_minute(slot)),
        Some(newest) => {
            format_smolstr!("due {}; the last good one is of {}", to_the_minute(slot), to_the_minute(newest.time))
        }
    };
    Reason::new("due", detail)
}

/// How far back `every-run`, which has no slots to count, looks for a backup.
/// The same 48 hours after which its backups count as failing (R7).
const RUNS_BACK: i64 = 48;

/// From when on a backup has to be, so that the volume is not behind: the slot
/// before the one at `slot`.
pub(super) fn not_behind_from(schedule: &Schedule, scope: &Scope<'_>, slot: Timestamp) -> Timestamp {
    let before = schedule.slot_before(slot, &scope.zone);
    before.or_else(|| slot.checked_sub(RUNS_BACK.hours()).ok()).unwrap_or(slot)
}

/// Whether no backup was taken for the slot before the current one either.
fn passed_over_twice(scope: &Scope<'_>, snapshots: &[Managed<'_>], slot: Timestamp) -> bool {
    let Wanted::On(schedule) = &scope.backup else { return false };
    let before = not_behind_from(schedule, scope, slot);
    let taken = |managed: &&Managed<'_>| managed.is_good() || managed.snapshot.state == SnapshotState::Pending;
    !snapshots.iter().filter(taken).any(|managed| managed.time >= before)
}

/// All managed snapshots by lineage.
pub(super) type Lineages<'a> = BTreeMap<LineageKey, Vec<Managed<'a>>>;
