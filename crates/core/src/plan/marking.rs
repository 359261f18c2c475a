//! What `expire` notes on snapshots for later runs: that a volume was found deleted, and
//! since when a policy governs that no snapshot records (docs/semantics.md 3, R12 and 2.4).

use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::grace::{Mark, SinceOf};
use super::history::Lineage;
use super::keep::{By, Opinion};
use super::{Action, WriteMarks};
use crate::lineage::{Managed, SourceVolume};
use crate::marks::{PolicySince, gone};
use crate::tags::{self, Tags};

/// How often the second instant of `ebskeep:policy-since` is renewed.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Whether a snapshot has room for a mark under this key, and for `ebskeep:deleted` after it.
pub(super) fn has_room(managed: &Managed<'_>, key: &str) -> bool {
    let tags = &managed.snapshot.tags;
    let deleted = usize::from(tags.get(tags::DELETED).is_none());
    tags.get(key).is_some() || tags.counted() + 1 + deleted <= tags::MAX_TAGS
}

/// A mark that is needed and cannot be written, in words.
pub(super) struct NotWritten(pub(super) String);

/// What some snapshots of a lineage stay by alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StayAlone {
    /// By a policy in its grace.
    pub(super) by_grace: bool,
    /// By policies, those in their grace among them.
    pub(super) by_policy: bool,
}

impl StayAlone {
    /// Adds what the rules say of one snapshot.
    pub(super) fn add(&mut self, opinions: &[Opinion]) {
        let keeping = || opinions.iter().filter(|opinion| opinion.keeps());
        if keeping().next().is_some() {
            self.by_policy |= keeping().all(|opinion| opinion.by == By::R4);
            self.by_grace |= keeping().all(|opinion| opinion.reason.rule == "policy-grace");
        }
    }
}

/// What is to be written on the snapshots of a lineage. `stay` says what some of them
/// stay by alone.
pub(super) fn marks(
    lineage: &Lineage<'_>,
    stay: StayAlone,
    now: Timestamp,
    out: &mut Vec<Action>,
) -> Result<(), NotWritten> {
    match lineage.volume {
        SourceVolume::CannotBeKnown | SourceVolume::NotSeen => Ok(()),
        SourceVolume::Gone => found_deleted(lineage, now, out),
        SourceVolume::Exists(_) => {
            let back = lineage.snapshots.iter().filter(|managed| managed.snapshot.tags.get(tags::GONE).is_some());
            out.extend(back.map(|managed| write(managed, Tags::new(), &[tags::GONE])));
            policy_since(lineage, stay, now, out)
        }
    }
}

fn found_deleted(lineage: &Lineage<'_>, now: Timestamp, out: &mut Vec<Action>) -> Result<(), NotWritten> {
    let Some((newest, room)) = lineage.begun_last.zip(lineage.marks_gone) else { return Ok(()) };
    if !room {
        return Err(NotWritten(no_room(newest, tags::GONE)));
    }
    let mark: Tags = [(tags::GONE, gone(now, &newest.key.volume))].into_iter().collect();
    out.push(write(newest, mark, &[]));
    Ok(())
}

fn policy_since(
    lineage: &Lineage<'_>,
    stay: StayAlone,
    now: Timestamp,
    out: &mut Vec<Action>,
) -> Result<(), NotWritten> {
    let since = &lineage.policies.since;
    let Some(newest) = lineage.begun_last else { return Ok(()) };
    let present = newest.snapshot.tags.get(tags::POLICY_SINCE).is_some();
    let standing = matches!(since.mark, Mark::Changed | Mark::Counts { .. });
    let needed = (since.counts && (standing || stay.by_grace)) || (since.unrecorded && (standing || stay.by_policy));
    if !needed {
        // One that does not count must not begin to count again later. One that governs stays.
        let governs = || lineage.policies.governing.iter().any(|governing| governing.is_recorded_on(newest));
        if present && (since.mark == Mark::Nothing || !governs()) {
            out.push(write(newest, Tags::new(), &[tags::POLICY_SINCE]));
        }
        return Ok(());
    }
    let Some(of) = &since.of else {
        return Err(NotWritten(if has_room(newest, tags::POLICY_SINCE) {
            format!("{} does not fit into a tag, so the grace of an earlier policy does not end", tags::POLICY_SINCE)
        } else {
            no_room(newest, tags::POLICY_SINCE)
        }));
    };
    let first = match since.mark {
        Mark::Counts { last, .. } if last.duration_until(now) < RENEWED_AFTER => return Ok(()),
        Mark::Counts { first, .. } => first,
        Mark::Nothing | Mark::Changed | Mark::Stale => now,
    };
    let SinceOf { policies, before } = of;
    let mark = PolicySince { first, last: now, volume: newest.key.volume.as_str(), policies, before }.to_string();
    out.push(write(newest, [(tags::POLICY_SINCE, mark)].into_iter().collect(), &[]));
    Ok(())
}

/// That a snapshot has no room for a mark and what stays for that, in words.
pub(super) fn no_room(managed: &Managed<'_>, key: &str) -> String {
    let stays = match key {
        tags::POLICY_SINCE => "what an earlier retention keeps",
        _ => "the history of its deleted volume",
    };
    format!("{} has no room for the tag {key}, so {stays} stays; remove one of its tags", managed.snapshot.id)
}

fn write(managed: &Managed<'_>, tags: Tags, remove: &[&'static str]) -> Action {
    Action::WriteMarks(Box::new(WriteMarks {
        snapshot_id: managed.snapshot.id.clone(),
        volume_id: managed.key.volume.clone(),
        destination: None,
        before: managed.snapshot.tags.clone(),
        tags,
        remove: remove.iter().map(|key| SmolStr::new_static(key)).collect(),
    }))
}
