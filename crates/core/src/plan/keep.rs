//! What keeps a snapshot: the rules of docs/semantics.md 3, each a small
//! function with its own reason. Any one of them is enough; none deletes.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::Reason;
use super::policy::{Governing, Policies, age_ends};
use crate::calendar;
use crate::config::Scope;
use crate::id::{ImageId, SnapshotId};
use crate::inventory::{SnapshotState, StorageTier};
use crate::lineage::{Managed, SourceVolume};
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags;

/// Why a snapshot stays, and until when by that rule alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The rule and its facts.
    pub(super) reason: Reason,
    /// Until when.
    pub(super) until: Until,
}

/// Until when a rule keeps, if nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// From this instant on it no longer does.
    At(Timestamp),
    /// No date can be told.
    Open,
}

/// A rule that kept until now, in its own words: why a deletion is right.
pub(super) type Passed = Reason;

/// What the rules look at for one snapshot.
pub(super) struct Facts<'a> {
    /// The snapshot.
    pub(super) managed: &'a Managed<'a>,
    /// What can be said of its volume.
    pub(super) volume: SourceVolume<'a>,
    /// What the live tags say, if the volume exists.
    pub(super) scopes: &'a [Scope<'a>],
    /// The policies of its lineage.
    pub(super) policies: &'a Policies,
    /// Its place among the good snapshots of its lineage that count, newest 0.
    pub(super) good_rank: Option<usize>,
    /// The image that uses it.
    pub(super) image: Option<&'a ImageId>,
    /// The settings.
    pub(super) settings: &'a Settings,
    /// The instant of the decision.
    pub(super) now: Timestamp,
}

/// Every rule that keeps the snapshot, and those whose time has passed.
pub(super) fn judge(facts: &Facts<'_>) -> (Vec<Kept>, Vec<Passed>) {
    let mut kept = Vec::new();
    let mut passed = Vec::new();
    kept.extend(keep_forever(facts));
    hold(facts, &mut kept, &mut passed);
    if facts.managed.snapshot.state == SnapshotState::Error {
        failed(facts, &mut kept, &mut passed);
    } else {
        delete_on(facts, &mut kept, &mut passed);
        policy(facts, &mut kept, &mut passed);
        newest_good(facts, &mut kept, &mut passed);
    }
    kept.extend(in_use(facts));
    kept.extend(out_of_reach(facts));
    restored(facts, &mut kept, &mut passed);
    kept.extend(pending(facts));
    (kept, passed)
}

fn reason(rule: &'static str, detail: SmolStr) -> Reason {
    Reason { rule, detail }
}

/// Sorts a rule with an end into those that keep and those that have passed,
/// each in its own words.
fn sort(
    facts: &Facts<'_>,
    end: Timestamp,
    rule: &'static str,
    words: Words<'_>,
    kept: &mut Vec<Kept>,
    passed: &mut Vec<Passed>,
) {
    let Words { what, keeps, over } = words;
    if end > facts.now {
        kept.push(Kept { reason: reason(rule, format_smolstr!("{what} {keeps}")), until: Until::At(end) });
    } else {
        passed.push(reason(rule, format_smolstr!("{what} {over}")));
    }
}

/// How a rule with an end is told.
struct Words<'a> {
    what: &'a str,
    keeps: &'a str,
    over: &'a str,
}

/// R1: `KeepForever`, on it or on its live volume or instance.
fn keep_forever(facts: &Facts<'_>) -> Option<Kept> {
    let on = keep_forever_on(facts)?;
    Some(Kept { reason: reason("keep-forever", format_smolstr!("KeepForever on {on}")), until: Until::Open })
}

fn keep_forever_on(facts: &Facts<'_>) -> Option<SmolStr> {
    let snapshot = facts.managed.snapshot;
    if snapshot.tags.loose(tags::KEEP_FOREVER).next().is_some() {
        return Some(SmolStr::new_static("it"));
    }
    live_keep_forever(facts.volume, facts.scopes)
}

/// The live volume or instance that bears `KeepForever`, if one does.
pub(super) fn live_keep_forever(volume: SourceVolume<'_>, scopes: &[Scope<'_>]) -> Option<SmolStr> {
    if let SourceVolume::Exists(volume) = volume
        && volume.tags.loose(tags::KEEP_FOREVER).next().is_some()
    {
        return Some(SmolStr::new(volume.id.as_str()));
    }
    let instances = scopes.iter().filter_map(|scope| scope.instance);
    instances
        .filter(|instance| instance.tags.loose(tags::KEEP_FOREVER).next().is_some())
        .map(|instance| SmolStr::new(instance.id.as_str()))
        .next()
}

/// The latest readable date under a key, loosely matched.
fn latest_date(managed: &Managed<'_>, key: &str) -> Option<Date> {
    managed.snapshot.tags.loose(key).filter_map(|(_, value)| value.trim().parse().ok()).max()
}

/// R2: `KeepUntil` not passed; the latest of several; unparsable keeps.
fn hold(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    for (_, value) in facts.managed.snapshot.tags.loose(tags::KEEP_UNTIL) {
        if value.trim().parse::<Date>().is_err() {
            let detail = format_smolstr!("KeepUntil={value} is no date, which keeps");
            kept.push(Kept { reason: reason("hold", detail), until: Until::Open });
        }
    }
    if let Some(date) = latest_date(facts.managed, tags::KEEP_UNTIL) {
        // Noon UTC of the next day is the end of that day everywhere on Earth.
        let end = calendar::instant(date.saturating_add(1.day()).at(12, 0, 0, 0), &TimeZone::UTC);
        let what = format_smolstr!("KeepUntil {date}");
        let words = Words { what: &what, keeps: "has not passed everywhere on Earth", over: "has passed" };
        sort(facts, end, "hold", words, kept, passed);
    }
}

/// R3: `DeleteOn` after today's UTC date; the latest of several; unparsable
/// keeps; removed by hand, where the record says a whole-day age, keeps.
fn delete_on(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    let mut any = false;
    for (_, value) in facts.managed.snapshot.tags.loose(tags::DELETE_ON) {
        any = true;
        if value.trim().parse::<Date>().is_err() {
            let detail = format_smolstr!("DeleteOn={value} is no date, which keeps");
            kept.push(Kept { reason: reason("delete-on", detail), until: Until::Open });
        }
    }
    if let Some(date) = latest_date(facts.managed, tags::DELETE_ON) {
        let end = calendar::start_of_day(date, &TimeZone::UTC);
        let what = format_smolstr!("DeleteOn {date}");
        let words = Words { what: &what, keeps: "has not come", over: "has come" };
        sort(facts, end, "delete-on", words, kept, passed);
    }
    if !any && delete_on_removed(facts.managed) {
        let detail = SmolStr::new_static("its DeleteOn was removed by hand, which keeps");
        kept.push(Kept { reason: reason("delete-on", detail), until: Until::Open });
    }
}

/// Whether a `DeleteOn` that we wrote is missing: the record says an age in
/// whole days, with which one is always written.
pub(super) fn delete_on_removed(managed: &Managed<'_>) -> bool {
    let tags = &managed.snapshot.tags;
    let whole_days = managed.recorded_retention().and_then(|text| Policy::parse(text).ok()?.whole_days());
    managed.has_slot && whole_days.is_some() && tags.loose(tags::DELETE_ON).next().is_none()
}

/// R4: the governing policy, and the one before it for its grace.
fn policy(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    if facts.managed.is_unfinished() {
        let detail = SmolStr::new_static("its own tags were never written; the next create run writes them");
        kept.push(Kept { reason: reason("unfinished-tags", detail), until: Until::Open });
    }
    let has_delete_on = facts.managed.snapshot.tags.loose(tags::DELETE_ON).next().is_some();
    // The latest end that the governing policies give; `Timestamp::MAX` where one has none.
    let mut longest = Timestamp::MIN;
    for governing in &facts.policies.governing {
        // A snapshot with a DeleteOn has its whole policy in it where only the default would govern.
        let alone = facts.policies.governing.len() == 1;
        if governing.source == super::policy::Source::Default && has_delete_on && alone {
            continue;
        }
        let (verdict, end) = apply(governing, facts.managed);
        longest = longest.max(end.unwrap_or(Timestamp::MAX));
        match end {
            Some(end) => {
                let (keeps, over) = (format_smolstr!("until {}", shown(end)), format_smolstr!("ended {}", shown(end)));
                let words = Words { what: &verdict.detail, keeps: &keeps, over: &over };
                sort(facts, end, verdict.rule, words, kept, passed);
            }
            None => kept.push(Kept { reason: verdict, until: Until::Open }),
        }
    }
    for before in &facts.policies.grace {
        let (verdict, end) = apply(before, facts.managed);
        let end = end.unwrap_or(Timestamp::MAX);
        // Told only where it keeps for longer than what governs now.
        if end > facts.now && end > longest {
            let grace = facts.settings.policy_grace;
            let detail = format_smolstr!("in force until lately, so it keeps for {grace} more: {}", verdict.detail);
            let until = if end == Timestamp::MAX { Until::Open } else { Until::At(end) };
            kept.push(Kept { reason: reason("policy-grace", detail), until });
        }
    }
}

/// What one policy says of a snapshot, and when that ends, if ever.
fn apply(governing: &Governing, managed: &Managed<'_>) -> (Reason, Option<Timestamp>) {
    let source = &governing.source;
    match &governing.policy {
        Err(why) => (reason("bad-policy", format_smolstr!("Retention ({source}): {why}; that keeps")), None),
        Ok(Policy::Forever) => (reason("forever", format_smolstr!("Retention forever ({source})")), None),
        Ok(Policy::Rules(text)) => {
            let detail = format_smolstr!("Retention \"{text}\" ({source}): this version keeps everything under rules");
            (reason("policy-later", detail), None)
        }
        Ok(Policy::Age(age)) => {
            let end = age_ends(managed, *age, &governing.zone);
            (reason("age", format_smolstr!("Retention {age} ({source})")), Some(end))
        }
    }
}

fn shown(at: Timestamp) -> impl std::fmt::Display {
    calendar::to_the_minute(at)
}

/// R5: the newest good ones of a volume that exists; of one that is gone or
/// cannot be known, until the grace after the policy's span.
fn newest_good(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    let Some(rank) = facts.good_rank.filter(|rank| *rank < facts.settings.minimum) else { return };
    let which = if rank == 0 {
        SmolStr::new_static("the newest")
    } else {
        format_smolstr!("number {} of the newest", rank + 1)
    };
    match facts.volume {
        SourceVolume::Exists(_) => {
            let detail = format_smolstr!("{which} good snapshot of a volume that exists");
            kept.push(Kept { reason: reason("newest-good", detail), until: Until::Open });
        }
        SourceVolume::NotSeen => {
            let detail = format_smolstr!(
                "{which} good snapshot of a volume that is no longer listed; AWS is asked by its id once that matters"
            );
            kept.push(Kept { reason: reason("newest-good", detail), until: Until::Open });
        }
        SourceVolume::Gone | SourceVolume::CannotBeKnown => {
            let dated =
                latest_date(facts.managed, tags::DELETE_ON).map(|date| calendar::start_of_day(date, &TimeZone::UTC));
            let spans = facts.policies.governing.iter().map(|governing| match &governing.policy {
                // A DeleteOn is the whole policy where only the default would govern.
                _ if governing.source == super::policy::Source::Default && dated.is_some() => None,
                Ok(Policy::Age(age)) => Some(calendar::after(facts.managed.start, *age, &governing.zone)),
                Ok(Policy::Forever | Policy::Rules(_)) | Err(_) => None,
            });
            let grace = |span_ends| calendar::after(span_ends, facts.settings.orphan_grace, &TimeZone::UTC);
            let ends = spans.chain([dated]).flatten().map(grace);
            // A policy without an end keeps by itself (R4).
            if let Some(end) = ends.max() {
                let what = format_smolstr!("{which} good snapshot of a volume that is gone or elsewhere,");
                let keeps = format_smolstr!("kept until {}", shown(end));
                let over = format_smolstr!("was kept until {}", shown(end));
                let words = Words { what: &what, keeps: &keeps, over: &over };
                sort(facts, end, "newest-good", words, kept, passed);
            }
        }
    }
}

/// R8: an image of ours uses it.
fn in_use(facts: &Facts<'_>) -> Option<Kept> {
    let image = facts.image?;
    Some(Kept { reason: reason("in-use", format_smolstr!("image {image} uses it")), until: Until::Open })
}

/// R9: in the Recycle Bin, or archived (since when is not known to this
/// version, so it keeps).
fn out_of_reach(facts: &Facts<'_>) -> Option<Kept> {
    let snapshot = facts.managed.snapshot;
    let (rule, detail) = match (snapshot.state, snapshot.tier) {
        (SnapshotState::Recoverable | SnapshotState::Recovering, _) => ("in-bin", "it is in the Recycle Bin"),
        (_, StorageTier::Archive) => ("archived", "it is archived, since when is not known, which keeps"),
        _ => return None,
    };
    Some(Kept { reason: reason(rule, SmolStr::new_static(detail)), until: Until::Open })
}

/// R9: restored from the Recycle Bin: we asked to delete it more than an hour
/// and less than 14 days ago, and here it is. An unreadable mark keeps.
fn restored(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    let Some(mark) = facts.managed.snapshot.tags.get(tags::DELETED) else { return };
    let Ok(at) = mark.parse::<Timestamp>() else {
        let detail = format_smolstr!("its {} is no time, which keeps", tags::DELETED);
        kept.push(Kept { reason: reason("restored", detail), until: Until::Open });
        return;
    };
    let hour = at.saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
    let end = at.saturating_add((14 * 24).hours()).unwrap_or(Timestamp::MAX);
    if facts.now > hour {
        let what = format_smolstr!("deleted {} and restored since,", shown(at));
        let words = Words { what: &what, keeps: "which keeps for 14 days", over: "more than 14 days ago" };
        sort(facts, end, "restored", words, kept, passed);
    }
}

/// R11: not finished; or in a state that this version does not know.
fn pending(facts: &Facts<'_>) -> Option<Kept> {
    let detail = match facts.managed.snapshot.state {
        SnapshotState::Pending => "it is not finished",
        SnapshotState::Other => "its state is not one this version knows",
        _ => return None,
    };
    Some(Kept { reason: reason("pending", SmolStr::new_static(detail)), until: Until::Open })
}

/// A failed snapshot of ours goes one hour after it began.
fn failed(facts: &Facts<'_>, kept: &mut Vec<Kept>, passed: &mut Vec<Passed>) {
    let end = facts.managed.snapshot.started.saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
    let words = Words {
        what: "it failed, and nothing can be restored from it;",
        keeps: "it goes an hour after it began",
        over: "it began more than an hour ago",
    };
    sort(facts, end, "error", words, kept, passed);
}

/// Which image uses which snapshot; of several the first by id.
pub(super) fn images_by_snapshot(inventory: &crate::inventory::Inventory) -> BTreeMap<&SnapshotId, &ImageId> {
    let mut used = BTreeMap::new();
    for image in &inventory.images.items {
        for snapshot in &image.snapshots {
            used.entry(snapshot).or_insert(&image.id);
        }
    }
    used
}

/// The first UTC date on which a snapshot would go if nothing changed.
pub(super) fn expires_on(kept: &[Kept]) -> Option<Date> {
    let mut latest = None;
    for kept in kept {
        match kept.until {
            Until::Open => return None,
            Until::At(at) => latest = latest.max(Some(calendar::utc_date(at))),
        }
    }
    latest
}
