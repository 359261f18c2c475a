//! What must hold of the calls: tags in the call that creates, a look before a
//! creation is begun again and before each deletion, and a mark on what goes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_sim::{Call, Outcome};
use jiff::{SignedDuration, Timestamp};

use super::{Facts, Wrong, is_outsider, tag};

/// How old the look may be that a deletion follows.
const LOOK: SignedDuration = SignedDuration::from_secs(60);

/// Holds a world's calls against all that must hold of them.
pub(super) fn check(facts: &Facts, wrong: &mut Wrong<'_>) {
    nothing_is_untagged(facts, wrong);
    none_is_begun_again_without_a_look(facts, wrong);
    each_deletion_follows_a_look(facts, wrong);
    what_goes_is_marked(facts, wrong);
}

fn place_of(call: &Call) -> Place {
    Place { account: call.account.clone(), region: call.region.clone() }
}

/// Calls that create, the parameter that names what of, and the tags that they carry.
const CREATIONS: [(&str, &str, &[&str]); 3] = [
    ("CopySnapshot", "SourceSnapshotId", &["Type", "Source_SnapshotId", "ebskeep:volume", "ebskeep:started"]),
    ("CreateSnapshot", "VolumeId", &["Type", "ebskeep:slot", "ebskeep:deployment", "ebskeep:volume"]),
    ("CreateSnapshots", "InstanceSpecification.InstanceId", &["Type", "ebskeep:slot", "ebskeep:deployment"]),
];

fn creation(call: &Call) -> Option<(&'static str, &str, &'static [&'static str])> {
    let (action, about, tags) = CREATIONS.iter().find(|(action, ..)| *action == call.action)?;
    Some((action, call.params.get(*about)?, tags))
}

fn nothing_is_untagged(facts: &Facts, wrong: &mut Wrong<'_>) {
    for past in facts.history.iter().filter(|past| !is_outsider(&past.made_by)) {
        let mut keys = vec!["Type", "ebskeep:slot", "ebskeep:deployment"];
        if past.copy_of.is_some() {
            keys.extend([
                "Source_SnapshotId",
                "ebskeep:volume",
                "ebskeep:source-region",
                "ebskeep:source-account",
                "ebskeep:started",
            ]);
        }
        for key in keys {
            if tag(past, key).is_none() {
                wrong("untagged", format!("{} in {} has no {key}", past.id, past.place));
            }
        }
    }
    for call in &facts.calls {
        let Some((action, about, keys)) = creation(call) else { continue };
        let carried: BTreeSet<&str> =
            call.params.iter().filter(|(key, _)| key.ends_with(".Key")).map(|(_, value)| value.as_str()).collect();
        for key in keys {
            if !carried.contains(key) {
                wrong("untagged", format!("{action} of {about} at {} carries no {key}", call.at));
            }
        }
    }
}

/// After an answer that did not come, what there is is looked at before the same is
/// begun again.
fn none_is_begun_again_without_a_look(facts: &Facts, wrong: &mut Wrong<'_>) {
    type Same<'c> = (&'c str, &'c str, Vec<&'c str>);
    let mut unknown: BTreeMap<(&AccountId, &Region), BTreeSet<Same<'_>>> = BTreeMap::new();
    for call in &facts.calls {
        let open = unknown.entry((&call.account, &call.region)).or_default();
        if call.action == "DescribeSnapshots" && call.outcome == Outcome::Done {
            open.clear();
        }
        let Some((action, about, _)) = creation(call) else { continue };
        // Of one instance there may be several sets, of volumes that are due at other times.
        let excluded = call.params.iter().filter(|(key, _)| key.contains("Exclude"));
        let same = (action, about, excluded.map(|(_, value)| value.as_str()).collect());
        // A copier calls where copies go, and is at work where primaries are.
        let anywhere = action == "CopySnapshot";
        let beside = facts.overlaps.iter().any(|both| {
            let place = if anywhere { both.place.clone() } else { place_of(call) };
            both.is(&place, call.at, SignedDuration::ZERO)
        });
        if open.contains(&same) && !beside {
            wrong("begun-again-blindly", format!("{action} of {about} at {}", call.at));
        }
        if matches!(call.outcome, Outcome::LostAfter | Outcome::LostBefore) {
            open.insert(same);
        }
    }
}

fn each_deletion_follows_a_look(facts: &Facts, wrong: &mut Wrong<'_>) {
    let mut looks: VecDeque<(Timestamp, &Call)> = VecDeque::new();
    for call in &facts.calls {
        while looks.front().is_some_and(|(at, _)| call.at.duration_since(*at) > LOOK) {
            looks.pop_front();
        }
        match call.action.as_str() {
            "DescribeSnapshots" if call.outcome == Outcome::Done => looks.push_back((call.at, call)),
            "DeleteSnapshot" => {
                let id = call.params.get("SnapshotId");
                let seen = |look: &Call| {
                    let ids = look.params.iter().filter(|(key, _)| key.starts_with("SnapshotId."));
                    place_of(look) == place_of(call) && ids.map(|(_, value)| value).any(|value| Some(value) == id)
                };
                if !looks.iter().any(|(_, look)| seen(look)) {
                    wrong("no-last-look", format!("DeleteSnapshot of {id:?} at {}", call.at));
                }
            }
            _ => {}
        }
    }
}

fn what_goes_is_marked(facts: &Facts, wrong: &mut Wrong<'_>) {
    for past in &facts.history {
        let Some(end) = past.deleted.as_ref().filter(|end| !is_outsider(&end.by)) else { continue };
        // One of two runs may take off the mark of the other.
        if tag(past, "ebskeep:deleted").is_none() && !facts.overlapped(&past.place, end.at) {
            wrong("not-marked", format!("{} in {} went at {} without a mark", past.id, past.place, end.at));
        }
    }
}
