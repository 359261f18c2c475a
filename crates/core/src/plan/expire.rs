//! The decider of `expire`: a verdict with its reasons for every snapshot.

use smol_str::SmolStr;

use super::history::{Lineage, World};
use super::keep::{self, Ask, Opinion};
use super::policy::Source;
use super::problems;
use super::{Action, Deletion, ExpireVerdict, Notice, Reason, SnapshotVerdict};
use crate::config::{Fleet, Wanted};
use crate::inventory::{Inventory, Snapshot};
use crate::job::Grace;
use crate::lineage::{self, Found, Managed, SourceVolume};
use crate::setting::Settings;

/// What `expire` would do.
#[derive(Debug, Default)]
pub(super) struct Expire {
    /// Every snapshot, by id.
    pub(super) verdicts: Vec<SnapshotVerdict>,
    /// The deletions, oldest first.
    pub(super) actions: Vec<Action>,
    /// Bad tags on snapshots.
    pub(super) problems: Vec<Notice>,
    /// Things to look at.
    pub(super) findings: Vec<Notice>,
}

/// Decides for every snapshot.
pub(super) fn expire(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings, grace: Grace) -> Expire {
    let mut out = Expire::default();
    let world = World::new(inventory, fleet, settings, grace);
    let mut verdicts = vec![None; inventory.snapshots.items.len()];
    let mut deletions = Vec::new();
    let mut told = |at: usize, verdict| {
        if let Some(place) = verdicts.get_mut(at) {
            *place = Some(verdict);
        }
    };
    // Those of the lineage at hand; told one after the other, since where they belong is far away in memory.
    let mut judged = Vec::new();
    lineage::each_lineage(inventory, settings, |found| match found {
        Found::NotOurs(at, snapshot, not_ours) => told(at, out.ignore(snapshot, not_ours)),
        Found::Lineage(key, snapshots) => {
            let lineage = Lineage::new(key, snapshots, &world);
            out.lineage_findings(&lineage, &world);
            for (managed, rank) in lineage.snapshots.iter().zip(&lineage.ranks) {
                judged.push((managed.at, out.snapshot(managed, *rank, &lineage, &world, &mut deletions)));
            }
            judged.drain(..).for_each(|(at, verdict)| told(at, verdict));
        }
    });
    out.verdicts = verdicts.into_iter().flatten().collect();
    // A listing is in this order once observed, and then this is no work.
    out.verdicts.sort_by(|a, b| a.snapshot_id.cmp(&b.snapshot_id));
    deletions.sort_unstable_by(|a: &(_, Deletion), b| (a.0, &a.1.snapshot_id).cmp(&(b.0, &b.1.snapshot_id)));
    out.actions = deletions.into_iter().map(|(_, deletion)| Action::DeleteSnapshot(deletion)).collect();
    out
}

impl Expire {
    fn ignore(&mut self, snapshot: &Snapshot, not_ours: lineage::NotOurs) -> SnapshotVerdict {
        let lineage::NotOurs { why, suspicious } = not_ours;
        if suspicious {
            self.findings.push(Notice {
                resource: SmolStr::new(snapshot.id.as_str()),
                code: "not-ours",
                detail: format!("bears tags of ebskeep, but is left alone: {why}"),
            });
        }
        SnapshotVerdict {
            snapshot_id: snapshot.id.clone(),
            volume_id: snapshot.volume.clone(),
            verdict: ExpireVerdict::Ignore,
            reasons: vec![Reason { rule: "not-ours", detail: SmolStr::from(why) }],
            expires_on: None,
        }
    }

    fn snapshot(
        &mut self,
        managed: &Managed<'_>,
        rank: Option<usize>,
        lineage: &Lineage<'_>,
        world: &World<'_>,
        deletions: &mut Vec<(jiff::Timestamp, Deletion)>,
    ) -> SnapshotVerdict {
        if managed.is_good() && rank.is_none() {
            let detail = "another good snapshot of this volume has the same slot; the newest counts".to_owned();
            self.finding(managed, "surplus", detail);
        }
        self.snapshot_notices(managed);
        let opinions = keep::judge(&lineage.facts(managed, rank, world), Ask::Passed);
        let delete = !opinions.iter().any(Opinion::keeps);
        let expires_on = if delete { None } else { keep::expires_on(&opinions) };
        let reasons = if delete { gone_by(opinions) } else { reasons(opinions, Opinion::keeps) };
        if delete {
            deletions.push((managed.start, deletion(managed)));
        }
        SnapshotVerdict {
            snapshot_id: managed.snapshot.id.clone(),
            volume_id: managed.key.volume.clone(),
            verdict: if delete { ExpireVerdict::Delete } else { ExpireVerdict::Keep },
            reasons,
            expires_on,
        }
    }

    fn lineage_findings(&mut self, lineage: &Lineage<'_>, world: &World<'_>) {
        let Lineage { snapshots, volume, scopes, policies, .. } = lineage;
        let SourceVolume::Exists(live) = volume else { return };
        // What instances say is not known unless all of them were listed.
        if !world.inventory.instances.is_complete() {
            return;
        }
        let resource = SmolStr::new(live.id.as_str());
        if let Some(on) = keep::live_keep_forever(*volume, scopes) {
            let detail = format!("KeepForever on {on} keeps all {} snapshots of it", snapshots.len());
            self.findings.push(Notice { resource: resource.clone(), code: "keep-forever", detail });
        }
        if scopes.iter().all(|scope| scope.backup == Wanted::No) {
            let detail = "its snapshots were ours, and now no tag asks for a backup; tag it Backup=No if that is meant";
            self.findings.push(Notice {
                resource: resource.clone(),
                code: "backup-stopped",
                detail: detail.to_owned(),
            });
        }
        if let Some(Source::Record(on)) = policies.governing.first().map(|governing| &governing.source) {
            let detail =
                format!("no Retention tag says how long its snapshots stay; the one recorded on {on} still holds");
            self.findings.push(Notice { resource, code: "retention-recorded", detail });
        }
    }

    fn snapshot_notices(&mut self, managed: &Managed<'_>) {
        self.problems.extend(problems::dates(managed).map(Notice::from));
        if keep::delete_on_removed(managed) {
            let detail =
                "its DeleteOn was removed by hand, so it is kept; write KeepForever if that is meant".to_owned();
            self.finding(managed, "delete-on-removed", detail);
        }
        if let Some(why) = &managed.slot_unusable {
            self.finding(managed, "bad-slot", format!("{why}; its start counts instead"));
        }
    }

    fn finding(&mut self, managed: &Managed<'_>, code: &'static str, detail: String) {
        self.findings.push(Notice { resource: SmolStr::new(managed.snapshot.id.as_str()), code, detail });
    }
}

fn deletion(managed: &Managed<'_>) -> Deletion {
    Deletion {
        snapshot_id: managed.snapshot.id.clone(),
        volume_id: managed.key.volume.clone(),
        tags: managed.snapshot.tags.clone(),
        size_gib: managed.snapshot.size_gib,
        failed: managed.snapshot.state == crate::inventory::SnapshotState::Error,
        archived: managed.snapshot.tier == crate::inventory::StorageTier::Archive,
    }
}

/// Their reasons, in no more room than they need: there may be a million.
fn reasons(opinions: Vec<Opinion>, which: fn(&Opinion) -> bool) -> Vec<Reason> {
    let mut reasons = Vec::with_capacity(opinions.iter().filter(|opinion| which(opinion)).count());
    reasons.extend(opinions.into_iter().filter(which).map(|opinion| opinion.reason));
    reasons
}

/// Why nothing keeps it: what kept it until now. Every rule that never did is
/// silent, so of a snapshot that no rule ever kept this says that.
fn gone_by(passed: Vec<Opinion>) -> Vec<Reason> {
    if passed.is_empty() {
        return vec![Reason { rule: "age", detail: SmolStr::new_static("no rule keeps it") }];
    }
    reasons(passed, |_| true)
}
