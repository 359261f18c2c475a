//! What has a reason to stay, read plainly: tags as text, policies and schedules
//! from a table by hand, calendars as seconds that a clock on the wall shows.
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
use crate::words::{DEFAULT, Each, Keeps, Schedule, Zone, meaning, schedule, zone};

/// What a deployment is set to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Its name.
    pub deployment: SmolStr,
    /// Good snapshots of an existing volume that stay.
    pub minimum: usize,
    /// How long the history of a gone volume stays, at least.
    pub orphan_grace: SignedDuration,
    /// The zone of what names none.
    pub zone: Zone,
    /// Whether a check bounds what one run may take of one lineage.
    pub bounded: bool,
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

/// What a volume and one instance that it is on say together. Of one on several there are
/// several; of one on none, one.
struct Scope<'a> {
    volume: &'a Tags,
    instance: Option<&'a Tags>,
}

impl<'a> Scope<'a> {
    fn all(census: &'a Census, volume: &'a Volume) -> Vec<Self> {
        let on: Vec<_> = instances(census, volume).map(Some).collect();
        let on = if on.is_empty() { vec![None] } else { on };
        on.into_iter().map(|instance| Self { volume: &volume.tags, instance }).collect()
    }

    /// What is said under a key: the volume's own, else the instance's. More than one value
    /// is a contradiction.
    fn said(&self, key: &str) -> BTreeSet<&'a str> {
        let own = values(self.volume, key);
        if own.is_empty() { self.instance.map(|tags| values(tags, key)).unwrap_or_default() } else { own }
    }

    /// The name of its zone, if it has one.
    fn zone(&self) -> Option<&'a str> {
        self.said("Backup_TimeZone").first().copied()
    }

    fn wanted(&self, limits: &Limits) -> Option<Schedule> {
        // In a zone that nobody knows the default schedules.
        let zone = self.zone().and_then(zone).unwrap_or(limits.zone);
        let said = self.said("Backup");
        match said.first() {
            None => None,
            Some(one) if said.len() == 1 => schedule(one, zone),
            Some(_) => schedule("daily", zone),
        }
    }

    /// The policy that its tags say, if they say one. A contradiction is in no table, and so
    /// keeps.
    fn policy(&self) -> Option<Policy> {
        let said: Vec<&str> = self.said("Retention").into_iter().collect();
        (!said.is_empty()).then(|| Policy { text: said.join(" | "), zone: self.zone().map(str::to_owned) })
    }
}

/// A policy, and the zone it counts in, as they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Policy {
    text: String,
    zone: Option<String>,
}

impl Policy {
    fn recorded(snapshot: &Snapshot) -> Option<Self> {
        let text = snapshot.tags.get("ebskeep:retention").filter(|text| *text != "unset")?;
        Some(Self { text: text.to_owned(), zone: snapshot.tags.get("ebskeep:tz").map(str::to_owned) })
    }

    /// The policies that the mark of a snapshot names, and when they were last in force. One
    /// of another volume, or of a time that cannot be, is none.
    fn marked(snapshot: &Snapshot, now: Timestamp) -> Option<(Timestamp, Vec<Self>)> {
        let (times, of) = snapshot.tags.get("ebskeep:policy-since")?.split_once(' ')?;
        let (first, last) = times.split_once('/')?;
        let (first, last): (Timestamp, Timestamp) = (first.parse().ok()?, last.parse().ok()?);
        let policies = of.strip_prefix(snapshot.volume.as_str())?.strip_prefix(' ')?.split(" was ").next()?;
        let each = policies.split(" + ").filter_map(|one| one.rsplit_once(' '));
        // A default is no policy of the volume's.
        let named = each.filter(|(text, _)| !text.starts_with("default "));
        // The worlds' own zone has no name.
        let zone = |zone: &str| Some(zone.to_owned()).filter(|zone| zone != "UTC");
        let named = named.map(|(text, name)| Self { text: text.to_owned(), zone: zone(name) }).collect();
        (snapshot.started <= first && first <= last && last <= now).then_some((last, named))
    }

    /// What keeps under it, and in which zone.
    pub(super) fn keeps(&self, limits: &Limits) -> (&'static [Keeps], Zone) {
        let keeps = meaning(&self.text);
        match self.zone.as_deref() {
            None => (keeps, limits.zone),
            Some(name) => match zone(name) {
                Some(zone) => (keeps, zone),
                // Rules in a calendar that nobody knows keep everything; ages last as long.
                None if keeps.iter().all(|keeps| matches!(keeps, Keeps::Age(_))) => (keeps, limits.zone),
                None => (&[Keeps::Always], limits.zone),
            },
        }
    }
}

/// The policies that tags say of a volume.
pub(super) fn policies(census: &Census, volume: &Volume) -> Vec<Policy> {
    Scope::all(census, volume).iter().filter_map(Scope::policy).collect()
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

/// When a volume is to be backed up, if it is: by each instance that wants it.
pub fn wanted(census: &Census, volume: &Volume, limits: &Limits) -> Vec<Schedule> {
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        return Vec::new();
    }
    Scope::all(census, volume).iter().filter_map(|scope| scope.wanted(limits)).collect()
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
        self.by_mark(&all, exists.is_some(), rank);
        // Of a gone volume each stays for the grace after its own start.
        let stays = exists.is_some() || now.duration_since(begun(self.snapshot)) < limits.orphan_grace;
        if stays && rank.is_some_and(|rank| rank < limits.minimum) {
            self.stays("gone: newest-good", format_args!("number {rank:?} of {}", self.snapshot.volume));
        }
        let scopes = exists.map(|volume| Scope::all(census, volume)).unwrap_or_default();
        let mut governing: BTreeSet<Policy> = scopes.iter().filter_map(Scope::policy).collect();
        // Where no tag speaks, for one instance of several or for all, the record does.
        if governing.is_empty() || scopes.iter().any(|scope| scope.policy().is_none()) {
            let by_mark = governing.is_empty() && !copied;
            let said = all.iter().find_map(|snapshot| {
                let marked = Policy::marked(snapshot, now).filter(|(_, named)| by_mark && !named.is_empty());
                marked.map(|(_, named)| named).or_else(|| Some(vec![Policy::recorded(snapshot)?]))
            });
            match said {
                Some(said) => governing.extend(said),
                None => self.by_default(scopes.iter().find_map(Scope::zone), &all),
            }
        }
        for policy in &governing {
            if self.kept(policy.keeps(limits), &good, rank, counts) {
                self.stays("gone: policy", format_args!("{policy:?}"));
            }
            if exists.is_some() && self.kept_by_start(policy, &all) {
                self.stays("gone: bulk-slot", format_args!("by its start, {policy:?}"));
            }
        }
        let lately = all.iter().filter(|snapshot| now.duration_since(begun(snapshot)) < GRACE);
        let mut before: BTreeSet<Policy> = lately.filter_map(|snapshot| Policy::recorded(snapshot)).collect();
        let marked = all.iter().filter(|_| !copied).filter_map(|snapshot| Policy::marked(snapshot, now));
        before.extend(marked.filter(|(last, _)| now.duration_since(*last) < GRACE).flat_map(|(_, named)| named));
        for policy in before.difference(&governing) {
            if self.kept(policy.keeps(limits), &good, rank, counts) {
                self.stays("gone: policy-grace", format_args!("{policy:?}"));
            }
        }
        if self.snapshot.tags.get("ebskeep:retention") == Some("unset") {
            self.stays("gone: unfinished-tags", "its own tags were never written");
        }
        let every = exists.map(|volume| wanted(census, volume, limits)).unwrap_or_default();
        let then = now.checked_sub(PLAN).unwrap_or(now);
        if every.iter().any(|every| time(newest) < every.slot_before(then)) {
            self.stays("gone: backups-failing", format_args!("the newest good one is of {}", time(newest)));
        }
    }

    /// A volume that is not there keeps everything for a week after the mark that it is
    /// deleted, and copies keep their newest until there is such a mark.
    fn by_mark(&mut self, all: &[&Snapshot], exists: bool, rank: Option<usize>) {
        let copied = is_copy(self.snapshot);
        let (key, volume) = if copied {
            ("ebskeep:source-gone", self.snapshot.tags.get("ebskeep:volume").unwrap_or_default())
        } else {
            ("ebskeep:gone", self.snapshot.volume.as_str())
        };
        let last = all.iter().map(|snapshot| begun(snapshot)).max();
        let now = self.scene.now;
        let marks = all.iter().filter_map(|snapshot| {
            let (at, of) = snapshot.tags.get(key)?.split_once(' ')?;
            at.parse::<Timestamp>().ok().filter(|at| of == volume && Some(*at) >= last && *at <= now)
        });
        let mark = marks.max();
        if copied && mark.is_none() && rank.is_some_and(|rank| rank < self.scene.limits.minimum) {
            self.stays("gone: newest-copy", format_args!("nothing says that {volume} is deleted"));
        }
        if !copied && !exists && mark.is_none_or(|at| now.duration_since(at) < GRACE) {
            self.stays("gone: volume-gone", format_args!("{volume} was found deleted {mark:?}"));
        }
    }

    /// Whether rules keep it where the start of each good one counts that has a slot which
    /// another one has too, or which is more than 26 hours before.
    fn kept_by_start(&self, policy: &Policy, all: &[&Snapshot]) -> bool {
        let good: Vec<&Snapshot> = all.iter().copied().filter(|s| s.state == SnapshotState::Completed).collect();
        let doubtful = |snapshot: &&Snapshot| {
            let shared = good.iter().filter(|other| time(other) == time(snapshot)).count() > 1;
            shared || begun(snapshot).duration_since(time(snapshot)) > SignedDuration::from_hours(26)
        };
        if !good.iter().any(doubtful) {
            return false;
        }
        let mut by_start: Vec<Snapshot> = good.iter().map(|snapshot| (*snapshot).clone()).collect();
        for (snapshot, good) in by_start.iter_mut().zip(&good) {
            if doubtful(good) {
                snapshot.tags.remove("ebskeep:slot");
            }
        }
        by_start.sort_by_cached_key(|s| std::cmp::Reverse((time(s), begun(s), s.id.clone())));
        let good: Vec<&Snapshot> = by_start.iter().collect();
        let rank = good.iter().position(|snapshot| snapshot.id == self.snapshot.id);
        let rules = policy.keeps(self.scene.limits);
        let Some(own) = rank.and_then(|rank| good.get(rank)).copied() else { return false };
        let judge = Judge { scene: self.scene, snapshot: own, found: Vec::new() };
        let counts: Vec<Keeps> =
            rules.0.iter().copied().filter(|keeps| !matches!(keeps, Keeps::Age(_) | Keeps::Always)).collect();
        judge.kept((&counts, rules.1), &good, rank, true)
    }

    /// The default, which governs where neither a tag nor a record does, and no date.
    fn by_default(&mut self, tagged: Option<&str>, lineage: &[&Snapshot]) {
        if !values(&self.snapshot.tags, "DeleteOn").is_empty() {
            return;
        }
        let name = tagged.or_else(|| lineage.iter().find_map(|snapshot| snapshot.tags.get("ebskeep:tz")));
        let zone = name.and_then(zone).unwrap_or(self.scene.limits.zone);
        if self.kept((DEFAULT, zone), &[], None, false) {
            self.stays("gone: policy", "the default");
        }
    }

    /// Whether a policy keeps it. `rules` tells whether those of its rules that count
    /// others still do.
    fn kept(&self, (policy, zone): (&[Keeps], Zone), good: &[&Snapshot], rank: Option<usize>, rules: bool) -> bool {
        let bucket = |each: Each, snapshot: &Snapshot| each.bucket(time(snapshot), zone);
        policy.iter().any(|keeps| match *keeps {
            Keeps::Always => true,
            Keeps::Age(seconds) => {
                // Those of the original tool, without a slot, count in dates.
                let less = if self.snapshot.tags.get("ebskeep:slot").is_none() { 86_400 } else { 0 };
                let less = less + zone.short(begun(self.snapshot), seconds);
                self.scene.now.duration_since(begun(self.snapshot)) < SignedDuration::from_secs(seconds - less)
            }
            Keeps::Last(many) => rules && rank.is_some_and(|rank| rank < many),
            Keeps::Newest(each, many) => {
                let newer = rank.and_then(|rank| good.get(..rank)).unwrap_or_default();
                let taken: BTreeSet<i64> = newer.iter().map(|snapshot| bucket(each, snapshot)).collect();
                rules && rank.is_some() && taken.len() < many && !taken.contains(&bucket(each, self.snapshot))
            }
            Keeps::Within(each, seconds) => {
                let newest = good.first().map(|newest| time(newest));
                let seconds = seconds - zone.short(time(self.snapshot), seconds);
                let within =
                    |newest: Timestamp| newest.duration_since(time(self.snapshot)) < SignedDuration::from_secs(seconds);
                let newer = rank.and_then(|rank| good.get(..rank)).unwrap_or_default();
                let same = |each: Each| newer.iter().any(|other| bucket(each, other) == bucket(each, self.snapshot));
                rules && rank.is_some() && newest.is_some_and(within) && !each.is_some_and(same)
            }
        })
    }
}
