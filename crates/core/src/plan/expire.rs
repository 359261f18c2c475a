//! The decider of `expire`: a verdict with its reasons for every snapshot.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::keep::{self, Facts};
use super::policy::{Source, policies};
use super::{Action, Deletion, ExpireVerdict, Notice, Reason, SnapshotVerdict};
use crate::config::{Fleet, Wanted};
use crate::id::{ImageId, SnapshotId};
use crate::inventory::{Inventory, Snapshot};
use crate::lineage::{self, Managed, SourceVolume};
use crate::setting::Settings;
use crate::tags;

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
pub(super) fn expire(inventory: &Inventory, fleet: &Fleet<'_>, settings: &Settings) -> Expire {
    let mut out = Expire::default();
    for snapshot in &inventory.snapshots.items {
        if let Err(not_ours) = lineage::classify(snapshot, &inventory.place, &settings.deployment) {
            out.ignore(snapshot, not_ours);
        }
    }
    let images = keep::images_by_snapshot(inventory);
    let volumes = lineage::volumes_by_id(inventory);
    let mut deletions = Vec::new();
    for (key, snapshots) in lineage::lineages(inventory, settings) {
        let volume = lineage::source_volume(&key, inventory, &volumes);
        out.lineage(&snapshots, volume, &images, inventory, fleet, settings, &mut deletions);
    }
    out.verdicts.sort_by(|a, b| a.snapshot_id.cmp(&b.snapshot_id));
    deletions.sort_by(|a: &(_, Deletion), b| (a.0, &a.1.snapshot_id).cmp(&(b.0, &b.1.snapshot_id)));
    out.actions = deletions.into_iter().map(|(_, deletion)| Action::DeleteSnapshot(deletion)).collect();
    out
}

impl Expire {
    fn ignore(&mut self, snapshot: &Snapshot, not_ours: lineage::NotOurs) {
        let lineage::NotOurs { why, suspicious } = not_ours;
        if suspicious {
            self.findings.push(Notice {
                resource: SmolStr::new(snapshot.id.as_str()),
                code: "not-ours",
                detail: format!("bears tags of ebskeep, but is left alone: {why}"),
            });
        }
        self.verdicts.push(SnapshotVerdict {
            snapshot_id: snapshot.id.clone(),
            volume_id: snapshot.volume.clone(),
            verdict: ExpireVerdict::Ignore,
            reasons: vec![Reason { rule: "not-ours", detail: SmolStr::from(why) }],
            expires_on: None,
        });
    }

    #[expect(clippy::too_many_arguments, reason = "all of it is read, none of it belongs together")]
    fn lineage(
        &mut self,
        snapshots: &[Managed<'_>],
        volume: SourceVolume<'_>,
        images: &BTreeMap<&SnapshotId, &ImageId>,
        inventory: &Inventory,
        fleet: &Fleet<'_>,
        settings: &Settings,
        deletions: &mut Vec<(jiff::Timestamp, Deletion)>,
    ) {
        let scopes = match volume {
            SourceVolume::Exists(volume) => fleet.scopes(volume),
            _ => Vec::new(),
        };
        let policies = policies(snapshots, &scopes, settings, inventory.now);
        self.lineage_findings(inventory, snapshots, volume, &scopes, policies.governing.first().map(|g| &g.source));
        let mut rank = 0;
        let mut newer_good: Option<&Managed<'_>> = None;
        for managed in snapshots {
            let surplus =
                newer_good.is_some_and(|newer| managed.has_slot && newer.has_slot && newer.time == managed.time);
            let good_rank = (managed.is_good() && !surplus).then_some(rank);
            if managed.is_good() && surplus {
                self.finding(
                    managed,
                    "surplus",
                    "another good snapshot of this volume has the same slot; the newest counts".to_owned(),
                );
            } else if managed.is_good() {
                rank += 1;
                newer_good = Some(managed);
            }
            self.snapshot_notices(managed);
            let facts = Facts {
                managed,
                volume,
                scopes: &scopes,
                policies: &policies,
                good_rank,
                image: images.get(&managed.snapshot.id).copied(),
                settings,
                now: inventory.now,
            };
            let (kept, passed) = keep::judge(&facts);
            let delete = kept.is_empty();
            let expires_on = if delete { None } else { keep::expires_on(&kept) };
            let reasons = if delete { gone_by(passed) } else { kept.into_iter().map(|k| k.reason).collect() };
            if delete {
                deletions.push((managed.start, deletion(managed)));
            }
            self.verdicts.push(SnapshotVerdict {
                snapshot_id: managed.snapshot.id.clone(),
                volume_id: managed.key.volume.clone(),
                verdict: if delete { ExpireVerdict::Delete } else { ExpireVerdict::Keep },
                reasons,
                expires_on,
            });
        }
    }

    fn lineage_findings(
        &mut self,
        inventory: &Inventory,
        snapshots: &[Managed<'_>],
        volume: SourceVolume<'_>,
        scopes: &[crate::config::Scope<'_>],
        source: Option<&Source>,
    ) {
        let SourceVolume::Exists(live) = volume else { return };
        // What instances say is not known unless all of them were listed.
        if !inventory.instances.is_complete() {
            return;
        }
        let resource = SmolStr::new(live.id.as_str());
        if let Some(on) = keep::live_keep_forever(volume, scopes) {
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
        if let Some(Source::Record(on)) = source {
            let detail =
                format!("no Retention tag says how long its snapshots stay; the one recorded on {on} still holds");
            self.findings.push(Notice { resource, code: "retention-recorded", detail });
        }
    }

    fn snapshot_notices(&mut self, managed: &Managed<'_>) {
        let tags = &managed.snapshot.tags;
        for (key, code) in [(tags::DELETE_ON, "bad-delete-on"), (tags::KEEP_UNTIL, "bad-keep-until")] {
            for (key, value) in tags.loose(key).filter(|(_, value)| value.trim().parse::<jiff::civil::Date>().is_err())
            {
                self.problems.push(Notice {
                    resource: SmolStr::new(managed.snapshot.id.as_str()),
                    code,
                    detail: format!("{key}={value:?} is no date, so the snapshot is kept; write it as 2026-12-31"),
                });
            }
        }
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
    }
}

/// Why nothing keeps it: what kept it until now. Every rule that never did is
/// silent, so of a snapshot that no rule ever kept this says that.
fn gone_by(passed: Vec<Reason>) -> Vec<Reason> {
    if passed.is_empty() {
        return vec![Reason { rule: "age", detail: SmolStr::new_static("no rule keeps it") }];
    }
    passed
}
