//! What can be judged after each step of a world, of what is new since the last one: tags
//! in the call that creates, a look before a creation is begun again and before each
//! deletion, a mark on what goes, and one backup for a slot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_sim::{Call, Outcome, Past, World};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::open::{Open, Same, filters};
use super::{Overlap, SAME_RUN, Violation, is_outsider, missing_key, overlapped, tag, unknown_before};

/// How long before it a slot is of another day: 26 hours.
const A_DAY: SignedDuration = SignedDuration::from_hours(26);

/// How old the look may be that a deletion follows.
const LOOK: SignedDuration = SignedDuration::from_secs(60);
/// How old the mark may be that something goes with: it says when that look was. A minute, and
/// one more for what the answer and the deletion take on their way.
const MARK: SignedDuration = SignedDuration::from_secs(120);

/// Why there may be two in a slot, as it is counted.
const UNKNOWN: &str = "two in a slot, where an outcome was not known";
const OVERLAP: &str = "two in a slot, where runs overlapped";

/// Calls that create, the parameter that names what of, and the tags that they carry.
const CREATIONS: [(&str, &str, &[&str]); 3] = [
    ("CopySnapshot", "SourceSnapshotId", &["Type", "Source_SnapshotId", "ebskeep:volume", "ebskeep:started"]),
    ("CreateSnapshot", "VolumeId", &["Type", "ebskeep:slot", "ebskeep:deployment", "ebskeep:volume"]),
    ("CreateSnapshots", "InstanceSpecification.InstanceId", &["Type", "ebskeep:slot", "ebskeep:deployment"]),
];

/// One slot of one volume, of one deployment.
type Slot = (SmolStr, VolumeId, SmolStr);

fn creation(call: &Call) -> Option<(Same, &'static [&'static str])> {
    let (action, about, tags) = CREATIONS.iter().find(|(action, ..)| *action == call.action)?;
    let excluded = call.params.iter().filter(|(key, _)| key.contains("Exclude"));
    let excluded = excluded.map(|(_, value)| value.clone()).collect();
    Some(((*action, call.params.get(*about)?.clone(), excluded), tags))
}

fn place_of(call: &Call) -> Place {
    Place { account: call.account.clone(), region: call.region.clone() }
}

/// A look at some snapshots by their ids.
#[derive(Debug)]
struct Look {
    at: Timestamp,
    place: Place,
    ids: BTreeSet<String>,
}

/// What was judged so far, and what has to be remembered of it.
#[derive(Debug)]
pub struct Steps {
    since: Timestamp,
    open: Open,
    looks: VecDeque<Look>,
    /// Creations that took effect and whose answer was lost, of the last hours.
    lost: VecDeque<Call>,
    taken: BTreeMap<Slot, Vec<Past>>,
    /// What was held against its slot.
    judged: BTreeSet<SnapshotId>,
}

/// What there is to say after a step.
#[derive(Debug, Default)]
pub struct Judged {
    /// What does not hold.
    pub found: Vec<Violation>,
    /// What was looked at, and each that was one too many in its slot by what it came of.
    pub counted: Vec<&'static str>,
}

impl Judged {
    fn wrong(&mut self, what: &'static str, detail: String) {
        self.found.push(Violation::new(what, detail));
    }
}

impl Steps {
    /// Nothing is judged yet.
    pub fn new(start: Timestamp) -> Self {
        Self {
            since: start,
            open: Open::default(),
            looks: VecDeque::new(),
            lost: VecDeque::new(),
            taken: BTreeMap::new(),
            judged: BTreeSet::new(),
        }
    }

    /// Judges what is new: these calls, and the snapshots that began or ended since the last
    /// step.
    pub fn judge(&mut self, world: &World, calls: &[Call], overlaps: &[Overlap]) -> Judged {
        let mut judged = Judged::default();
        let kept = self.since;
        self.lost.retain(|call| kept.duration_since(call.at) < SAME_RUN);
        for call in calls {
            self.call(world, call, overlaps, &mut judged);
        }
        let mut new = world.history_since(self.since);
        new.sort_by_key(|past| past.started);
        for past in &new {
            if past.started >= self.since && !is_outsider(&past.made_by) {
                judged.counted.push("after a step: what began");
                judged.counted.extend(schedule_of(past));
                if let Some(key) = missing_key(past) {
                    judged.wrong("untagged", format!("{} in {} has no {key}", past.id, past.place));
                }
                self.one_for_its_slot(world, past, overlaps, &mut judged);
            }
            is_marked(past, &mut judged);
        }
        self.since = world.now();
        judged
    }

    fn call(&mut self, world: &World, call: &Call, overlaps: &[Overlap], judged: &mut Judged) {
        let place = place_of(call);
        if call.action == "DescribeSnapshots" && call.outcome == Outcome::Done {
            self.open.looked(&place, call, world);
            let ids = call.params.iter().filter(|(key, _)| key.starts_with("SnapshotId."));
            let mut ids: BTreeSet<String> = ids.map(|(_, value)| value.clone()).collect();
            // Where one of them is gone, AWS fails the call that names them; a filter does not.
            let filtered = filters(call).remove("snapshot-id").into_iter().flatten();
            ids.extend(filtered.map(str::to_owned));
            if !ids.is_empty() {
                self.looks.push_back(Look { at: call.at, place: place.clone(), ids });
            }
        }
        if call.action == "DeleteSnapshot" {
            judged.counted.push("after a step: a deletion");
            self.follows_a_look(call, &place, judged);
        }
        let Some((same, keys)) = creation(call) else { return };
        carries(call, &same, keys, judged);
        if self.open.has(&place, &same) && !beside(call, &place, overlaps) {
            judged.wrong("begun-again-blindly", format!("{} of {} at {}", same.0, same.1, call.at));
        }
        match call.outcome {
            Outcome::LostBefore => self.open.add(&place, same, call),
            Outcome::LostAfter => {
                judged.counted.push("after a step: an outcome that is not known");
                self.open.add(&place, same, call);
                self.lost.push_back(call.clone());
            }
            Outcome::Done | Outcome::Refused(_) => {}
        }
    }

    fn follows_a_look(&mut self, call: &Call, place: &Place, judged: &mut Judged) {
        while self.looks.front().is_some_and(|look| call.at.duration_since(look.at) > LOOK) {
            self.looks.pop_front();
        }
        let id = call.params.get("SnapshotId");
        let seen = |look: &Look| look.place == *place && id.is_some_and(|id| look.ids.contains(id));
        if !self.looks.iter().any(seen) {
            judged.wrong("no-last-look", format!("DeleteSnapshot of {id:?} at {}", call.at));
        }
    }

    /// A primary of ours is the only one for its slot, but for those that failed or were gone
    /// when it began.
    fn one_for_its_slot(&mut self, world: &World, two: &Past, overlaps: &[Overlap], judged: &mut Judged) {
        let Some(slot) = tag(two, "ebskeep:slot").filter(|_| two.copy_of.is_none()) else { return };
        let deployment = tag(two, "ebskeep:deployment").unwrap_or_default();
        let slot: Slot = (deployment.into(), two.volume.clone(), slot.into());
        let before = self.taken.entry(slot.clone()).or_default();
        // Where calls take no time, one step ends when the next begins; and a script may have written
        // another slot on it by then.
        if !self.judged.insert(two.id.clone()) {
            return;
        }
        let mut one = None;
        if !before.is_empty() {
            // How the older ones are by now; seldom is there any.
            let history = world.history();
            let counts = |past: &&Past| {
                let gone = past.deleted.as_ref().is_some_and(|end| end.at <= two.started);
                // A script may have written another slot on it since.
                let still = tag(past, "ebskeep:slot") == Some(slot.2.as_str());
                past.state != "error" && !gone && still && before.iter().any(|one| one.id == past.id)
            };
            one = history.iter().find(counts).cloned();
        }
        before.push(two.clone());
        let Some(one) = one else { return };
        // A script wrote the slot of another day on it and on others, before it was looked at.
        let alike = |past: &&Past| past.volume == two.volume && tag(past, "ebskeep:slot") == Some(slot.2.as_str());
        let old = slot.2.parse::<Timestamp>().is_ok_and(|at| two.started.duration_since(at) > A_DAY);
        if old && world.history().iter().filter(alike).count() > 2 {
            judged.counted.push("a slot was written in bulk");
            return;
        }
        if let Some(why) = self.excuse(&one, two, overlaps) {
            judged.counted.push(why);
        } else {
            let (deployment, volume, slot) = slot;
            let detail = format!("{deployment}: {} and {} of {volume} for {slot}", one.id, two.id);
            judged.wrong("two-in-a-slot", detail);
        }
    }

    /// What a second one may have come of: an outcome of this volume's or its instance's
    /// was not known, or two runs overlapped.
    fn excuse(&self, one: &Past, two: &Past, overlaps: &[Overlap]) -> Option<&'static str> {
        let about = [Some(two.volume.as_str()), tag(one, "ebskeep:instance"), tag(two, "ebskeep:instance")];
        let unknown = |call: &Call| {
            unknown_before(two.started, call) && call.params.values().any(|v| about.contains(&Some(v.as_str())))
        };
        if self.lost.iter().any(unknown) {
            return Some(UNKNOWN);
        }
        overlapped(overlaps, &two.place, two.started).then_some(OVERLAP)
    }
}

/// What is not usual about when it was taken.
fn schedule_of(past: &Past) -> Option<&'static str> {
    let slot: Timestamp = tag(past, "ebskeep:slot")?.parse().ok()?;
    // All others have slots at whole minutes.
    if slot.as_second() % 60 != 0 {
        return Some("backed up at every run");
    }
    let name = tag(past, "ebskeep:tz")?;
    let zones = [
        ("America/New_York", "backed up in the zone America/New_York"),
        ("Asia/Kolkata", "backed up in the zone Asia/Kolkata"),
        ("Europe/Berlin", "backed up in the zone Europe/Berlin"),
        ("Mars/Olympus", "backed up in a zone that there is not"),
        ("Pacific/Kiritimati", "backed up in the zone Pacific/Kiritimati"),
    ];
    zones.into_iter().find(|(zone, _)| *zone == name).map(|(_, what)| what)
}

/// Whether another run was at work in the same Place then. A copier calls where copies go,
/// and is at work where primaries are.
fn beside(call: &Call, place: &Place, overlaps: &[Overlap]) -> bool {
    let anywhere = call.action == "CopySnapshot";
    overlaps.iter().any(|both| both.is(if anywhere { &both.place } else { place }, call.at, SignedDuration::ZERO))
}

fn carries(call: &Call, same: &Same, keys: &[&str], judged: &mut Judged) {
    let carried: BTreeSet<&str> =
        call.params.iter().filter(|(key, _)| key.ends_with(".Key")).map(|(_, value)| value.as_str()).collect();
    for key in keys.iter().filter(|key| !carried.contains(**key)) {
        judged.wrong("untagged", format!("{} of {} at {} carries no {key}", same.0, same.1, call.at));
    }
}

/// What goes bears the mark of this deletion. By an older one, of a run that died, nobody would
/// know it for restored.
fn is_marked(past: &Past, judged: &mut Judged) {
    let Some(end) = past.deleted.as_ref().filter(|end| !is_outsider(&end.by)) else { return };
    let mark = tag(past, "ebskeep:deleted");
    let age = mark.and_then(|mark| mark.parse::<Timestamp>().ok()).map(|marked| end.at.duration_since(marked));
    if !age.is_some_and(|age| !age.is_negative() && age <= MARK) {
        judged.wrong("not-marked", format!("{} in {} went at {}, marked {mark:?}", past.id, past.place, end.at));
    }
}
