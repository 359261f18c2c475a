//! The decider of `expire`: a verdict with its reasons for every snapshot.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::endless::Endless;
use super::grace::{GraceEnd, InGrace};
use super::history::{Lineage, World};
use super::keep::{self, Opinion};
use super::marking::{self, NotWritten, StayAlone};
use super::order::{Ending, is_far};
use super::policy::{Governing, Source};
use super::problems;
use super::{Action, Deletion, ExpireVerdict, Notice, Reason, SnapshotVerdict};
use crate::config::Fleet;
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::{Inventory, Snapshot, SnapshotState};
use crate::job::{Grace, Untagged};
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
    // In the order of the listing. What was never judged would stay.
    let mut verdicts: Vec<SnapshotVerdict> = inventory.snapshots.items.iter().map(unjudged).collect();
    // Reserved at once, because growing copies up to hundreds of megabytes. Unused capacity takes no memory.
    let mut deletions = Vec::with_capacity(verdicts.len());
    let mut marks = Vec::new();
    let mut told = |at: usize, judged: Judged| {
        if let Some(place) = verdicts.get_mut(at) {
            place.verdict = judged.verdict;
            place.reasons = judged.reasons;
            place.expires_on = judged.expires_on;
            if let Some(volume) = judged.volume {
                place.volume_id = volume;
            }
        }
    };
    // Those of the lineage at hand; told one after the other, since where they belong is far away in memory.
    let mut judged = Vec::new();
    let mut endless = Endless::default();
    lineage::each_lineage(inventory, settings, |found| match found {
        Found::NotOurs(at, snapshot, not_ours) => told(at, out.ignore(snapshot, not_ours)),
        Found::Lineage(key, snapshots) => {
            let lineage = Lineage::new(key, snapshots, &world);
            out.lineage_findings(&lineage, &world);
            let mut stay = StayAlone::default();
            lineage.judge(&world, |at, managed, opinions| {
                stay.add(opinions);
                let verdict = out.snapshot(managed, &lineage, at, inventory.now, opinions, &mut deletions);
                judged.push((managed.at, verdict));
            });
            if let Err(NotWritten(detail)) = marking::marks(&lineage, stay, inventory.now, &mut marks) {
                out.findings.push(Notice { resource: key.volume.as_str().into(), code: "mark-not-written", detail });
            }
            endless.look_at(key, &lineage, &judged, &world);
            judged.drain(..).for_each(|(at, verdict)| told(at, verdict));
        }
    });
    out.findings.extend(endless.finding(&inventory.place.region));
    out.verdicts = verdicts;
    // A listing is in the order of ids once observed, and then a place in it says which id is the lesser.
    let ordered = inventory.snapshots.items.is_sorted_by(|one, next| one.id <= next.id);
    if !ordered {
        out.verdicts.sort_by(|a, b| a.snapshot_id.cmp(&b.snapshot_id));
    }
    deletions.sort_unstable_by(|a: &Dated, b| {
        let by_id = || if ordered { a.at.cmp(&b.at) } else { a.deletion.snapshot_id.cmp(&b.deletion.snapshot_id) };
        a.start.cmp(&b.start).then_with(by_id)
    });
    marks.sort_by(|one, other| subject(one).cmp(&subject(other)));
    // Collected in place: the actions reuse the allocation of the deletions.
    out.actions = deletions.into_iter().map(|dated| Action::DeleteSnapshot(dated.deletion)).collect();
    out.actions.splice(0..0, marks);
    out
}

/// Look-ups beyond those of volumes whose snapshots would go: filters, and volumes that are
/// asked for only to be marked as deleted.
pub(super) const LOOKUPS: usize = 40;

/// Volumes that one filter names.
const IN_A_FILTER: usize = 200;

/// The volumes that a complete listing lacks and that are worth a look, since only NotFound
/// makes one deleted: those of which something would go, and as many of the others as
/// [`LOOKUPS`] allows, of the newest snapshots, so that the mark that they are deleted is
/// written soon.
pub fn unsettled_volumes(inventory: &Inventory, settings: &Settings) -> Vec<VolumeId> {
    if !inventory.volumes.is_complete() {
        return Vec::new();
    }
    let fleet = Fleet::new(inventory, settings, Untagged::NotBackedUp);
    let world = World::new(inventory, &fleet, settings, Grace::AsSet);
    let mut unmarked = Vec::new();
    let mut unsettled = lineage::missing(inventory, settings, |key, snapshots| {
        let loses = Lineage::would_lose(key, snapshots, &world);
        let newest = snapshots.iter().filter(|managed| managed.is_good()).map(|managed| managed.start).max();
        if let Some(newest) = newest.filter(|_| !loses && Ending::marked(snapshots, inventory.now).is_none()) {
            unmarked.push((newest, key.volume.clone()));
        }
        loses
    });
    unmarked.sort_by(|one, other| other.cmp(one));
    let filters = (unsettled.len() + LOOKUPS).div_ceil(IN_A_FILTER);
    unsettled.extend(unmarked.into_iter().take(LOOKUPS.saturating_sub(filters)).map(|(_, volume)| volume));
    unsettled
}

fn subject(action: &Action) -> Option<&SnapshotId> {
    match action {
        Action::WriteMarks(marks) => Some(&marks.snapshot_id),
        _ => None,
    }
}

/// After this the next run of `create` should have written a set's own tags.
const LATE_TAGS: SignedDuration = SignedDuration::from_hours(24);

/// A deletion and what it is put in order by.
struct Dated {
    start: Timestamp,
    /// The snapshot's place in the listing.
    at: usize,
    deletion: Deletion,
}

/// What a verdict says of its snapshot, apart from which it is.
pub(super) struct Judged {
    pub(super) verdict: ExpireVerdict,
    reasons: Vec<Reason>,
    expires_on: Option<Date>,
    /// The volume, if it is not the one that AWS names: a copy's.
    volume: Option<VolumeId>,
}

fn unjudged(snapshot: &Snapshot) -> SnapshotVerdict {
    SnapshotVerdict {
        snapshot_id: snapshot.id.clone(),
        volume_id: snapshot.volume.clone(),
        verdict: ExpireVerdict::Keep,
        reasons: Vec::new(),
        expires_on: None,
    }
}

impl Expire {
    fn ignore(&mut self, snapshot: &Snapshot, not_ours: lineage::NotOurs) -> Judged {
        let lineage::NotOurs { why, suspicious } = not_ours;
        if suspicious {
            self.findings.push(Notice {
                resource: SmolStr::new(snapshot.id.as_str()),
                code: "not-ours",
                detail: format!("bears tags of ebskeep, but is left alone: {why}"),
            });
        }
        let reasons = vec![Reason::new("not-ours", why)];
        Judged { verdict: ExpireVerdict::Ignore, reasons, expires_on: None, volume: None }
    }

    fn snapshot(
        &mut self,
        managed: &Managed<'_>,
        lineage: &Lineage<'_>,
        at: usize,
        now: Timestamp,
        opinions: &mut Vec<Opinion>,
        deletions: &mut Vec<Dated>,
    ) -> Judged {
        let ranked = lineage.orders.first().and_then(|order| order.ranks.get(at).copied().flatten());
        if managed.is_good() && ranked.is_none() {
            let detail = "another good snapshot of this volume has the same slot; the newest counts".to_owned();
            self.finding(managed, "surplus", detail);
        }
        self.snapshot_notices(managed, lineage, now);
        let mut keeping = opinions.iter().filter(|opinion| opinion.keeps()).peekable();
        let delete = keeping.peek().is_none();
        if !delete && keeping.all(|opinion| opinion.reason.rule == "restored") {
            let detail = "only its mark that its deletion began keeps it: it was restored, or that run was cut short; \
                          hold it, or remove ebskeep:deleted and it goes";
            self.finding(managed, "marked-deleted", detail.to_owned());
        }
        let expires_on = if delete { None } else { keep::expires_on(opinions) };
        let reasons = if delete { gone_by(opinions) } else { reasons(opinions, Opinion::keeps) };
        if delete {
            deletions.push(Dated { start: managed.start, at: managed.at, deletion: deletion(managed) });
        }
        let verdict = if delete { ExpireVerdict::Delete } else { ExpireVerdict::Keep };
        let volume = managed.key.copies.then(|| managed.key.volume.clone());
        Judged { verdict, reasons, expires_on, volume }
    }

    fn lineage_findings(&mut self, lineage: &Lineage<'_>, world: &World<'_>) {
        let Lineage { snapshots, volume, scopes, policies, .. } = lineage;
        let unclear =
            |governing: &&Governing| governing.policy.is_err() && matches!(governing.source, Source::Record(_));
        if let (Some(unclear), Some(any)) = (policies.governing.iter().find(unclear), snapshots.first()) {
            let detail = format!(
                "all of its snapshots stay, because the retention {} is not clear; tag its volume with a Retention, or \
                 write ebskeep:retention on that snapshot",
                unclear.source
            );
            let resource = any.key.volume.as_str().into();
            self.findings.push(Notice { resource, code: "kept-unclear", detail });
        }
        let SourceVolume::Exists(live) = volume else { return };
        let contradicts = |before: &&InGrace| before.ends == GraceEnd::Open && before.policy.contradiction().is_some();
        if let Some(before) = policies.grace.iter().find(contradicts) {
            let key =
                before.policy.contradiction().and_then(|conflict| conflict.key).unwrap_or("the contradicting key");
            let detail = format!(
                "what was taken under the contradiction {} stays, because nobody has corrected it; write {key} on the \
                 volume, with one meaning",
                before.policy.source
            );
            self.findings.push(Notice { resource: live.id.as_str().into(), code: "kept-unclear", detail });
        }
        // What instances say is not known unless all of them were listed.
        if !world.inventory.instances.is_complete() {
            return;
        }
        let resource = SmolStr::new(live.id.as_str());
        if let Some(on) = keep::live_keep_forever(*volume, scopes) {
            let kept = snapshots.iter().filter(|managed| managed.snapshot.state != SnapshotState::Error).count();
            let detail = format!("KeepForever on {on} keeps {kept} snapshots of it");
            self.findings.push(Notice { resource: resource.clone(), code: "keep-forever", detail });
        }
        self.findings.extend(super::rhythm::finding(live, snapshots, scopes, world.settings, world.inventory.now));
        self.findings.extend(super::stopped::finding(live, scopes, world.fleet));
        self.findings.extend(super::unlisted::finding(live, world.fleet, world.inventory.now));
        if let Some(Source::Record(on)) = policies.governing.first().map(|governing| &governing.source) {
            let detail =
                format!("no Retention tag says how long its snapshots stay; the one recorded on {on} still holds");
            self.findings.push(Notice { resource, code: "retention-recorded", detail });
        }
    }

    fn snapshot_notices(&mut self, managed: &Managed<'_>, lineage: &Lineage<'_>, now: Timestamp) {
        self.problems.extend(problems::dates(managed).map(Notice::from));
        // R3 keeps no failed ones.
        let failed = managed.snapshot.state == SnapshotState::Error;
        if keep::delete_on_removed(managed) && !failed {
            let detail =
                "its DeleteOn was removed by hand, so it is kept; write KeepForever if that is meant".to_owned();
            self.finding(managed, "delete-on-removed", detail);
        }
        if managed.is_unfinished() && !failed && managed.start.duration_until(now) >= LATE_TAGS {
            let detail = "its own tags were not written in a day, so it is kept: no create run has seen it, or none \
                          knows them; write its retention as ebskeep:retention, or delete it";
            self.finding(managed, "unfinished-tags", detail.to_owned());
        }
        if let Some(why) = &managed.slot_unusable {
            self.finding(managed, "bad-slot", format!("{why}; its start counts instead"));
        } else if managed.is_good() && is_far(managed) {
            // A catch-up has nothing between its slot and its start.
            let between = |other: &&Managed<'_>| managed.time < other.start && other.start < managed.start;
            if let Some(other) = lineage.snapshots.iter().find(between) {
                let detail = format!(
                    "its slot {} is long before its start {}, and {} began in between; rules count it by both",
                    managed.time, managed.start, other.snapshot.id
                );
                self.finding(managed, "bad-slot", detail);
            }
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
        restore_expires: managed.snapshot.restore_expires,
    }
}

/// Their reasons, in no more room than they need: there may be a million.
fn reasons(opinions: &mut Vec<Opinion>, which: fn(&Opinion) -> bool) -> Vec<Reason> {
    let mut reasons = Vec::with_capacity(opinions.iter().filter(|opinion| which(opinion)).count());
    reasons.extend(opinions.drain(..).filter(which).map(|opinion| opinion.reason));
    reasons
}

/// Why nothing keeps it: what kept it until now. Every rule that never did is
/// silent, so of a snapshot that no rule ever kept this says that.
fn gone_by(passed: &mut Vec<Opinion>) -> Vec<Reason> {
    if passed.is_empty() {
        return vec![Reason::new("age", "no rule keeps it")];
    }
    reasons(passed, |_| true)
}
