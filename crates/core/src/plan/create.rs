//! The decider of `create`: a verdict with its reasons for every volume.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::group;
use super::location::{self, Next};
use super::policy::{Around, Governing, governing, longest};
use super::{Action, CreateVerdict, Notice, Reason, VolumeVerdict, rhythm, stopped, unlisted};
use crate::calendar::to_the_minute;
use crate::config::{Fleet, Scope, Wanted};
use crate::id::VolumeId;
use crate::inventory::{Inventory, SnapshotState, Volume, VolumeState};
use crate::lineage::{self, LineageKey, Managed};
use crate::schedule::Schedule;
use crate::setting::Settings;
use crate::site::Location;

/// Failed snapshots of one volume from which on `create` waits between attempts: they
/// count against AWS's limit of concurrent snapshots of a volume.
const FAILED_ENOUGH: usize = 3;

/// How long a failed snapshot counts.
const FAILED_COUNTS_FOR: SignedDuration = SignedDuration::from_hours(48);

/// The shortest and the longest time that `create` waits after the newest failed snapshot.
const WAIT_AT_LEAST: SignedDuration = SignedDuration::from_mins(50);
const WAIT_AT_MOST: SignedDuration = SignedDuration::from_hours(20);

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
    /// Where it is stored, if AWS gives a choice.
    pub(super) location: Option<Location>,
}

/// Decides for every volume. `run` is the slot of `every-run`.
pub(super) fn create(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings, run: Timestamp) -> Create {
    let lineages = lineage::lineages(inventory, settings);
    let none = Vec::new();
    let mut out = Create::default();
    let mut due = Vec::new();
    let newest = location::newest_of_local_volumes(inventory);
    // By id, in whatever order they were listed: the same world gives the same plan.
    for volume in lineage::volumes_by_id(inventory).into_values() {
        let key = primaries_of(&volume.id, inventory);
        let snapshots = lineages.get(&key).unwrap_or(&none);
        let next = location::next(volume, newest.get(&volume.id).copied(), settings);
        due.extend(out.volume(volume, (snapshots, next), inventory, fleet, settings, run));
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

/// Why a volume is not snapshotted, and what it misses.
pub(super) struct Skip {
    reason: Reason,
    missed: Missed,
}

/// What a skipped volume misses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missed {
    /// Nothing. No backup is due, or none is possible.
    Nothing,
    /// A backup, except at a slow rhythm: a snapshot is pending, as it usually is there.
    UnlessSlow,
    /// A backup.
    Backup,
}

impl Create {
    fn volume<'a>(
        &mut self,
        volume: &'a Volume,
        (snapshots, next): (&[Managed<'_>], Next),
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
        self.volume_findings(volume, snapshots, &scopes, inventory.now);
        self.findings.extend(unlisted::finding(volume, fleet, inventory.now));
        self.findings.extend(rhythm::finding(volume, snapshots, &scopes, settings, inventory.now));
        let location = match (blocked(volume, snapshots, &scopes, slot, inventory.now), next) {
            (None, Next::At(location)) => Ok(location),
            (None, Next::Skipped) => Err(self.skipped(volume)),
            (Some(skip), _) => Err(skip),
        };
        match location {
            Ok(location) => {
                verdict.verdict = CreateVerdict::Create;
                verdict.reasons = vec![due(snapshots, slot)];
                verdict.instance_id = scope.instance_id().cloned().or(verdict.instance_id);
                let around = Around::existing(volume, &scopes, settings, inventory.now);
                let governing = governing(snapshots, &around);
                let policy = longest(&governing, inventory.now).cloned();
                let due = Due { volume, scope: scope.clone(), scopes: scopes.clone(), policy, slot, location };
                self.verdicts.push(verdict);
                Some(due)
            }
            Err(Skip { reason, missed }) => {
                let missed = match missed {
                    Missed::Nothing => false,
                    Missed::UnlessSlow => rhythm::slower(snapshots, scope, inventory.now).is_none(),
                    Missed::Backup => true,
                };
                if missed && scopes.iter().any(|scope| passed_over_twice(scope, snapshots, inventory.now, run)) {
                    let detail = format!("no backup for two slots running: {}", reason.detail);
                    self.finding(volume, super::PASSED_OVER, detail);
                }
                verdict.reasons = vec![reason];
                self.verdicts.push(verdict);
                None
            }
        }
    }

    /// A volume without a backup because of the setting `outposts`.
    fn skipped(&mut self, volume: &Volume) -> Skip {
        let site = volume.site.as_ref().map(ToString::to_string).unwrap_or_default();
        let detail = format!("it is {site}, and the setting outposts is skip; set it to region or local");
        self.finding(volume, "outposts-skipped", format!("not backed up: {detail}, or tag the volume Backup=No"));
        Skip { reason: Reason::new("outposts-skipped", SmolStr::from(detail)), missed: Missed::Nothing }
    }

    fn volume_findings(&mut self, volume: &Volume, snapshots: &[Managed<'_>], scopes: &[Scope<'_>], now: Timestamp) {
        for stuck in snapshots.iter().filter(|managed| lineage::is_stuck(managed.snapshot, now)) {
            let detail = format!(
                "{} has been pending since {} and no longer counts",
                stuck.snapshot.id,
                to_the_minute(stuck.snapshot.started)
            );
            self.finding(volume, "stuck-pending", detail);
        }
        if let Some(failures) = failures(snapshots, scopes, now) {
            self.finding(volume, "failing", failures.to_string());
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
pub(super) fn blocked(
    volume: &Volume,
    snapshots: &[Managed<'_>],
    scopes: &[Scope<'_>],
    slot: Timestamp,
    now: Timestamp,
) -> Option<Skip> {
    let skip = |rule, detail: SmolStr, missed| Some(Skip { reason: Reason::new(rule, detail), missed });
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        let detail = format_smolstr!("the volume is {:?}, and only available and in-use ones can be", volume.state);
        // One being made has no backup to miss; one on its way out needs none.
        let missed = match volume.state {
            VolumeState::Creating if !snapshots.is_empty() => Missed::Backup,
            VolumeState::Error | VolumeState::Other => Missed::Backup,
            VolumeState::Creating
            | VolumeState::Deleting
            | VolumeState::Deleted
            | VolumeState::Available
            | VolumeState::InUse => Missed::Nothing,
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
        return skip("not-due", detail, Missed::Nothing);
    }
    let pending = |managed: &&Managed<'_>| managed.snapshot.state == SnapshotState::Pending;
    if let Some(pending) = snapshots.iter().filter(pending).find(|managed| !lineage::is_stuck(managed.snapshot, now)) {
        let detail = format_smolstr!(
            "{} is still pending since {}",
            pending.snapshot.id,
            to_the_minute(pending.snapshot.started)
        );
        return skip("still-pending", detail, Missed::UnlessSlow);
    }
    if let Some(failures) = failures(snapshots, scopes, now).filter(|failures| failures.next_attempt > now) {
        return skip("failing", format_smolstr!("{failures}"), Missed::Backup);
    }
    None
}

/// So many failed snapshots of a volume that `create` waits between attempts.
struct Failures {
    /// How many count.
    count: usize,
    /// When the next attempt is made.
    next_attempt: Timestamp,
}

impl std::fmt::Display for Failures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, next_attempt } = self;
        let next = to_the_minute(*next_attempt);
        write!(f, "{count} snapshots failed since the last good one; the next attempt is at {next} or later")
    }
}

/// The failed snapshots of a volume, where there are enough of them: those that began after the
/// newest good one and less than 48 hours ago. One that a person keeps for good does not count.
fn failures(snapshots: &[Managed<'_>], scopes: &[Scope<'_>], now: Timestamp) -> Option<Failures> {
    let newest_good = snapshots.iter().filter(|managed| managed.is_good()).map(|managed| managed.start).max();
    let counts = |managed: &&Managed<'_>| {
        managed.snapshot.state == SnapshotState::Error
            && !managed.bears.keep_forever
            && newest_good.is_none_or(|good| managed.start > good)
            && now.duration_since(managed.start) < FAILED_COUNTS_FOR
    };
    let failed: Vec<Timestamp> = snapshots.iter().filter(counts).map(|managed| managed.start).collect();
    let newest = failed.iter().max().filter(|_| failed.len() >= FAILED_ENOUGH)?;
    let wait = scopes.iter().filter_map(|scope| wait(scope, failed.len(), now)).min()?;
    let next_attempt = newest.saturating_add(wait).unwrap_or(Timestamp::MAX);
    Some(Failures { count: failed.len(), next_attempt })
}

/// How long an attempt for a scope waits after the newest of so many failed snapshots: twice as
/// long after each one, up to nine tenths of the interval that ends with the current slot. So a
/// key that was broken for two hours costs a daily backup hours, and not a day.
fn wait(scope: &Scope<'_>, failed: usize, now: Timestamp) -> Option<SignedDuration> {
    let Wanted::On(schedule) = &scope.backup else { return None };
    let slot = schedule.slot(now, &scope.zone, now);
    // `every-run` has no slots, so no interval.
    let before = schedule.slot_before(slot, &scope.zone);
    let interval = before.map_or(SignedDuration::ZERO, |before| slot.duration_since(before));
    // Slots are whole minutes apart.
    let most = SignedDuration::from_secs(interval.as_secs() / 10 * 9);
    let doubled = u32::try_from(failed.saturating_sub(FAILED_ENOUGH)).ok().and_then(|times| 2_i32.checked_pow(times));
    let wait = doubled.and_then(|times| WAIT_AT_LEAST.checked_mul(times)).unwrap_or(SignedDuration::MAX);
    Some(wait.min(most).clamp(WAIT_AT_LEAST, WAIT_AT_MOST))
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

/// Whether no backup was taken for the slot of a scope before its current one either.
fn passed_over_twice(scope: &Scope<'_>, snapshots: &[Managed<'_>], now: Timestamp, run: Timestamp) -> bool {
    let Wanted::On(schedule) = &scope.backup else { return false };
    let before = not_behind_from(schedule, scope, schedule.slot(now, &scope.zone, run));
    let taken = |managed: &&Managed<'_>| managed.is_good() || managed.snapshot.state == SnapshotState::Pending;
    !snapshots.iter().filter(taken).any(|managed| managed.time >= before)
}

/// All managed snapshots by lineage.
pub(super) type Lineages<'a> = BTreeMap<LineageKey, Vec<Managed<'a>>>;
