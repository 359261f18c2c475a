//! What has a reason to stay, read plainly: tags as text, policies and schedules
//! from a table by hand, calendars as seconds of UTC.
//!
//! It names no more than it is sure of. What it does not name may stay or go.

use std::collections::BTreeSet;

use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_core::inventory::{InstanceState, Snapshot, SnapshotState, StorageTier, Volume, VolumeState};
use ebskeep_core::tags::Tags;
use ebskeep_sim::Census;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::Violation;
use crate::words::{DEFAULT, Each, Every, Keeps, meaning, schedule};

/// What a deployment is set to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Its name.
    pub deployment: SmolStr,
    /// Good snapshots of an existing volume that stay.
    pub minimum: usize,
    /// How long the history of a gone volume stays, at least.
    pub orphan_grace: SignedDuration,
}

/// A Place at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Which.
    pub place: &'a Place,
    /// What there is.
    pub census: &'a Census,
    /// When.
    pub now: Timestamp,
    /// By what it is judged.
    pub limits: &'a Limits,
}

/// For how long a policy keeps after it was changed.
const GRACE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// For how long a new copy stays.
const FRESH: SignedDuration = SignedDuration::from_hours(48);
/// For how long one that failed stays.
const FAILED: SignedDuration = SignedDuration::from_hours(1);
/// How long a plan may be carried out after it was made: nothing that time alone
/// makes a reason is one before.
const PLAN: SignedDuration = SignedDuration::from_hours(1);

/// Every value of a key, however it is spelt.
pub(super) fn values<'t>(tags: &'t Tags, key: &str) -> BTreeSet<&'t str> {
    let plain = |key: &str| -> String {
        key.trim().chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(key);
    tags.iter().filter(|(key, _)| plain(key) == wanted).map(|(_, value)| value.as_str()).collect()
}

/// What resources say under a key: the volume, else its instance. More than one
/// value is a contradiction.
pub fn said<'a>(census: &'a Census, volume: &'a Volume, key: &str) -> BTreeSet<&'a str> {
    let own = values(&volume.tags, key);
    if !own.is_empty() {
        return own;
    }
    instances(census, volume).flat_map(|tags| values(tags, key)).collect()
}

/// The tags of the instances that a volume is on.
fn instances<'a>(census: &'a Census, volume: &'a Volume) -> impl Iterator<Item = &'a Tags> {
    let there = |state| {
        matches!(
            state,
            InstanceState::Pending | InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped
        )
    };
    let on = |id| volume.attachments.iter().any(|attachment| attachment.instance == id);
    census.instances.iter().filter(move |i| there(i.state) && on(i.id.clone())).map(|instance| &instance.tags)
}

/// When a volume is to be backed up, if it is.
pub fn wanted(census: &Census, volume: &Volume) -> Option<Every> {
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        return None;
    }
    let said = said(census, volume, "Backup");
    match said.first() {
        None => None,
        Some(one) if said.len() == 1 => schedule(one),
        Some(_) => schedule("daily"),
    }
}

/// What governs a volume by its tags, or those of its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tagged(String);

impl Tagged {
    /// What it keeps.
    pub(super) fn keeps(&self) -> &'static [Keeps] {
        meaning(&self.0)
    }
}

/// The policies that tags say of a volume. A contradiction is none of the tables, and keeps.
pub(super) fn policies(census: &Census, volume: &Volume) -> Vec<Tagged> {
    let said = said(census, volume, "Retention");
    if said.is_empty() { Vec::new() } else { vec![Tagged(said.into_iter().collect::<Vec<_>>().join(" | "))] }
}

/// When it began; of a copy, when its source did.
pub(super) fn begun(snapshot: &Snapshot) -> Timestamp {
    let source = if is_copy(snapshot) { snapshot.tags.get("ebskeep:started") } else { None };
    source.and_then(|started| started.parse().ok()).unwrap_or(snapshot.started)
}

/// When it is for, or began.
pub fn time(snapshot: &Snapshot) -> Timestamp {
    let (slot, begun) = (snapshot.tags.get("ebskeep:slot"), begun(snapshot));
    slot.and_then(|slot| slot.parse().ok()).filter(|slot| *slot <= begun).unwrap_or(begun)
}

fn is_copy(snapshot: &Snapshot) -> bool {
    snapshot.tags.get("Source_SnapshotId").is_some()
}

/// Whether somebody else's hand is on it, or it is no snapshot of ours.
fn foreign(snapshot: &Snapshot, deployment: &str) -> Option<&'static str> {
    let tags = &snapshot.tags;
    let marked = |(key, _): (&SmolStr, &SmolStr)| {
        key.starts_with("aws:backup:") || key.starts_with("aws:dlm:") || key == "dlm:managed"
    };
    if tags.iter().any(marked) {
        return Some("it bears another tool's mark");
    }
    if tags.get("Type") != Some("Automated") {
        return Some("it is not tagged Type=Automated");
    }
    if tags.get("ebskeep:deployment").unwrap_or("default") != deployment {
        return Some("it is another deployment's");
    }
    if tags.get("ebskeep:slot").is_none() && values(tags, "DeleteOn").is_empty() {
        return Some("it has neither a slot nor a date");
    }
    None
}

/// The primaries of a volume that are ours, newest first.
pub fn lineage<'a>(census: &'a Census, volume: &VolumeId, deployment: &str) -> Vec<&'a Snapshot> {
    newest_first(census, |s| s.volume == *volume && !is_copy(s) && foreign(s, deployment).is_none())
}

/// The copies of what this one's source is of: the same volume of the same place.
fn copies<'a>(census: &'a Census, copy: &Snapshot, deployment: &str) -> Vec<&'a Snapshot> {
    let of = |s: &Snapshot| {
        ["ebskeep:volume", "ebskeep:source-region", "ebskeep:source-account"]
            .map(|key| s.tags.get(key).map(str::to_owned))
    };
    let same = of(copy);
    newest_first(census, |s| is_copy(s) && of(s) == same && foreign(s, deployment).is_none())
}

fn newest_first(census: &Census, ours: impl Fn(&Snapshot) -> bool) -> Vec<&Snapshot> {
    let mut all: Vec<_> = census.snapshots.iter().filter(|s| ours(s)).collect();
    all.sort_by_cached_key(|s| std::cmp::Reverse((time(s), begun(s), s.id.clone())));
    all
}

/// Every reason for which a snapshot must not go.
pub fn reasons(scene: &Scene<'_>, id: &SnapshotId) -> Vec<Violation> {
    let Some(snapshot) = scene.census.snapshots.iter().find(|snapshot| snapshot.id == *id) else { return Vec::new() };
    let mut judge = Judge { scene, snapshot, found: Vec::new() };
    if let Some(why) = foreign(snapshot, &scene.limits.deployment) {
        judge.stays("gone: not-ours", why);
        return judge.found;
    }
    judge.by_hand();
    if snapshot.state == SnapshotState::Error {
        if scene.now.duration_since(snapshot.started) < FAILED {
            judge.stays("gone: error", "it failed, and began less than an hour ago");
        }
        return judge.found;
    }
    judge.by_date();
    if is_copy(snapshot) && scene.now.duration_since(snapshot.started) < FRESH {
        judge.stays("gone: fresh-copy", "it was made less than 48 hours ago");
    }
    judge.by_lineage();
    judge.found
}

struct Judge<'a> {
    scene: &'a Scene<'a>,
    snapshot: &'a Snapshot,
    found: Vec<Violation>,
}

impl Judge<'_> {
    fn stays(&mut self, what: &'static str, why: impl std::fmt::Display) {
        let Scene { place, now, .. } = self.scene;
        let detail = format!("{} in {place} at {now}: {why}", self.snapshot.id);
        self.found.push(Violation::new(what, detail));
    }

    /// What somebody wrote on it, and what uses it.
    fn by_hand(&mut self) {
        let (census, snapshot, now) = (self.scene.census, self.snapshot, self.scene.now);
        let volume = census.volumes.iter().find(|volume| volume.id == snapshot.volume);
        // What it came from holds backups, and a failed one is none.
        let holds = volume.iter().filter(|_| snapshot.state != SnapshotState::Error);
        let resources = holds.flat_map(|v| instances(census, v).chain([&v.tags]));
        // On a failed copy are the holds of its source.
        let own = Some(&snapshot.tags)
            .filter(|tags| snapshot.state != SnapshotState::Error || tags.get("Source_SnapshotId").is_none());
        if resources.chain(own).any(|tags| !values(tags, "KeepForever").is_empty()) {
            self.stays("gone: keep-forever", "KeepForever");
        }
        for until in own.iter().flat_map(|tags| values(tags, "KeepUntil")) {
            let noon = |date: &str| format!("{date}T12:00:00Z").parse::<Timestamp>();
            match noon(until) {
                Ok(noon) if now.duration_since(noon) >= SignedDuration::from_hours(24) => {}
                _ => self.stays("gone: hold", format_args!("KeepUntil={until}")),
            }
        }
        if let Some(image) = census.images.iter().find(|image| image.snapshots.contains(&snapshot.id)) {
            self.stays("gone: in-use", &image.id);
        }
        if snapshot.tier == StorageTier::Archive {
            self.stays("gone: archived", "for less than 90 days");
        }
        if snapshot.state == SnapshotState::Pending {
            self.stays("gone: pending", "it is not finished");
        }
    }

    fn by_date(&mut self) {
        let today = self.scene.now.strftime("%Y-%m-%d").to_string();
        for on in values(&self.snapshot.tags, "DeleteOn") {
            let is_date = on.len() == 10 && on.parse::<jiff::civil::Date>().is_ok();
            if !is_date || on > today.as_str() {
                self.stays("gone: delete-on", format_args!("DeleteOn={on}"));
            }
        }
    }

    fn by_lineage(&mut self) {
        let Scene { census, now, limits, .. } = *self.scene;
        // Of the volume of copies nobody knows whether it exists, and what it wants.
        let copied = is_copy(self.snapshot);
        let all = if copied {
            copies(census, self.snapshot, &limits.deployment)
        } else {
            lineage(census, &self.snapshot.volume, &limits.deployment)
        };
        let mut good: Vec<&Snapshot> = all.iter().copied().filter(|s| s.state == SnapshotState::Completed).collect();
        good.dedup_by_key(|snapshot| time(snapshot));
        let Some(newest) = good.first().copied() else { return };
        let volume = census.volumes.iter().find(|volume| !copied && volume.id == self.snapshot.volume);
        let exists = volume.filter(|v| !matches!(v.state, VolumeState::Deleting | VolumeState::Deleted));
        // The history of a gone volume stays for the grace at the very least.
        let counts = exists.is_some() || now.duration_since(begun(newest)) < limits.orphan_grace;

        let rank = good.iter().position(|snapshot| snapshot.id == self.snapshot.id);
        // Of a gone volume each stays for the grace after its own start.
        let stays = exists.is_some() || now.duration_since(begun(self.snapshot)) < limits.orphan_grace;
        if stays && rank.is_some_and(|rank| rank < limits.minimum) {
            self.stays("gone: newest-good", format_args!("number {rank:?} of {}", self.snapshot.volume));
        }
        let recorded = |snapshot: &&Snapshot| {
            snapshot.tags.get("ebskeep:retention").filter(|text| *text != "unset").map(str::to_owned)
        };
        let tagged = exists.map(|volume| said(census, volume, "Retention")).unwrap_or_default();
        let (text, keeps) = match tagged.first() {
            Some(one) if tagged.len() == 1 => ((*one).to_owned(), meaning(one)),
            Some(_) => ("a contradiction".to_owned(), &[Keeps::Always][..]),
            None => match all.iter().find_map(recorded) {
                Some(record) => {
                    let keeps = meaning(&record);
                    (record, keeps)
                }
                None if values(&self.snapshot.tags, "DeleteOn").is_empty() => ("the default".to_owned(), DEFAULT),
                None => (String::new(), &[][..]),
            },
        };
        if self.kept(keeps, &good, rank, counts) {
            self.stays("gone: policy", &text);
        }
        let lately = all.iter().filter(|snapshot| now.duration_since(begun(snapshot)) < GRACE);
        let before: BTreeSet<String> = lately.filter_map(recorded).collect();
        for policy in before {
            if policy != text && self.kept(meaning(&policy), &good, rank, counts) {
                self.stays("gone: policy-grace", policy);
            }
        }
        if self.snapshot.tags.get("ebskeep:retention") == Some("unset") {
            self.stays("gone: unfinished-tags", "its own tags were never written");
        }
        let every = exists.and_then(|volume| wanted(census, volume));
        let then = now.checked_sub(PLAN).unwrap_or(now);
        if every.is_some_and(|every| time(newest) < every.slot_before(then)) {
            self.stays("gone: backups-failing", format_args!("the newest good one is of {}", time(newest)));
        }
    }

    /// Whether a policy keeps it. `rules` tells whether those of its rules that count
    /// others still do.
    fn kept(&self, policy: &[Keeps], good: &[&Snapshot], rank: Option<usize>, rules: bool) -> bool {
        policy.iter().any(|keeps| match *keeps {
            Keeps::Always => true,
            Keeps::Age(seconds) => {
                // Those of the original tool, without a slot, count in dates.
                let less = if self.snapshot.tags.get("ebskeep:slot").is_none() { 86_400 } else { 0 };
                self.scene.now.duration_since(begun(self.snapshot)) < SignedDuration::from_secs(seconds - less)
            }
            Keeps::Last(many) => rules && rank.is_some_and(|rank| rank < many),
            Keeps::Newest(each, many) => {
                let newer = rank.and_then(|rank| good.get(..rank)).unwrap_or_default();
                let taken: BTreeSet<i64> = newer.iter().map(|snapshot| each.bucket(time(snapshot))).collect();
                rules && rank.is_some() && taken.len() < many && !taken.contains(&each.bucket(time(self.snapshot)))
            }
            Keeps::Within(each, seconds) => {
                let newest = good.first().map(|newest| time(newest));
                let within =
                    |newest: Timestamp| newest.duration_since(time(self.snapshot)) < SignedDuration::from_secs(seconds);
                let newer = rank.and_then(|rank| good.get(..rank)).unwrap_or_default();
                let same =
                    |each: Each| newer.iter().any(|other| each.bucket(time(other)) == each.bucket(time(self.snapshot)));
                rules && rank.is_some() && newest.is_some_and(within) && !each.is_some_and(same)
            }
        })
    }
}
