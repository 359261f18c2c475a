//! R5 and R7: what the rest of its lineage keeps a snapshot for.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::dates::dated_end;
use super::{Facts, Judgement, Until, shown};
use crate::calendar;
use crate::config::{Scope, Wanted};
use crate::lineage::SourceVolume;
use crate::plan::create::not_behind_from;
use crate::plan::order::{Ending, Order};
use crate::plan::policy::Source;

/// R5: the newest good ones of a volume that exists; of one that is deleted or cannot be
/// known, until the grace after the policy's span and the mark that says so.
pub(super) fn newest_good(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let minimum = facts.settings.minimum;
    let best = facts.best_rank();
    let Some(rank) = best.filter(|rank| *rank < minimum) else {
        return out.silent("newest-good", || match best {
            Some(rank) => format_smolstr!("{rank} newer good snapshots of its volume stay; at least {minimum} do"),
            None => "it is not good, or another one of its slot counts instead".into(),
        });
    };
    let which = if rank == 0 {
        SmolStr::new_static("the newest")
    } else {
        format_smolstr!("number {} of the newest", rank + 1)
    };
    let keeps = |out: &mut Judgement<'_>, what: &str| {
        out.keeps("newest-good", Until::Open, format_smolstr!("{which} good snapshot of a volume {what}"));
    };
    match facts.lineage.volume {
        SourceVolume::Exists(_) => keeps(out, "that exists"),
        SourceVolume::NotSeen => keeps(out, "that is no longer listed"),
        SourceVolume::Gone | SourceVolume::CannotBeKnown if facts.lineage.marked(facts.now).is_none() => {
            keeps(out, "that is not marked as deleted; kept until a mark says that it was");
        }
        SourceVolume::Gone | SourceVolume::CannotBeKnown => {
            let words =
                |rest: &str, end| format_smolstr!("{which} good snapshot of a deleted volume, {rest} {}", shown(end));
            match gone_end(facts) {
                Some(end) => {
                    out.until("newest-good", end, || words("kept until", end), || words("was kept until", end));
                }
                None => keeps(out, "that is deleted, whose policy has no end"),
            }
        }
    }
}

/// Until when the newest good snapshot stays where its volume does not: the grace
/// after the latest of its start, the longest span and the mark. `None` where a policy has no end.
fn gone_end(facts: &Facts<'_>) -> Option<Timestamp> {
    let mark = facts.lineage.marked(facts.now)?;
    let dated = dated_end(facts.managed);
    // A DeleteOn is the whole policy where only the default would govern.
    let by_date = |source: &Source| *source == Source::Default && dated.is_some();
    let governing = facts.lineage.policies.governing.iter().filter(|governing| !by_date(&governing.source));
    let spans: Option<Vec<Timestamp>> = governing.map(|governing| governing.span_ends(facts.managed.start)).collect();
    // A date before its start is a span of nothing, not less than that.
    let longest = spans?.into_iter().chain(dated).max()?.max(facts.managed.start);
    Some(calendar::after(longest.max(mark), facts.settings.orphan_grace, &TimeZone::UTC))
}

/// R5: the good snapshot that began last, in its first hour, wherever it sorts: by its slot
/// it can be behind one that another tool took and that was adopted.
pub(super) fn just_taken(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let last = facts.lineage.begun_last.is_some_and(|last| last.snapshot.id == facts.managed.snapshot.id);
    if !last || facts.managed.key.copies {
        return out.silent("just-taken", || "it is not the good snapshot of its volume that began last".into());
    }
    if facts.best_rank() == Some(0) {
        return out.silent("just-taken", || "it is the newest in any case".into());
    }
    let hour = facts.managed.start.saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
    if hour > facts.now {
        let detail = format_smolstr!("it began {}, less than an hour ago", shown(facts.managed.start));
        out.keeps("just-taken", Until::At(hour), detail);
    } else {
        out.silent("just-taken", || "it began more than an hour ago".into());
    }
}

/// R12: nothing of a volume goes until the grace after it was found deleted: whoever
/// deleted it by mistake has that long to notice.
pub(super) fn volume_gone(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let gone = match facts.lineage.volume {
        SourceVolume::Exists(_) => return out.silent("volume-gone", || "its volume exists".into()),
        SourceVolume::CannotBeKnown => return out.silent("volume-gone", || "it is a copy".into()),
        SourceVolume::Gone => true,
        SourceVolume::NotSeen => false,
    };
    let grace = facts.settings.policy_grace;
    let Ending::Begun(mark) = facts.lineage.ending else {
        let marked = facts.lineage.marks_gone == Some(true);
        // With the mark that this run writes the end is known.
        let until = if marked { Until::At(calendar::after(facts.now, grace, &TimeZone::UTC)) } else { Until::Open };
        let first = match (gone, marked) {
            (_, true) => "expire marks it as deleted now",
            (true, false) if facts.lineage.begun_last.is_none() => {
                "no good snapshot can bear the mark that it is deleted"
            }
            (true, false) => "there is no room for the mark that it is deleted",
            (false, false) => "AWS has not said that it is deleted",
        };
        let detail =
            format_smolstr!("its volume is not listed, and {first}; nothing of it is deleted for {grace} after that");
        return out.keeps("volume-gone", until, detail);
    };
    let end = calendar::after(mark, grace, &TimeZone::UTC);
    let words = |rest: &str| format_smolstr!("its volume was found deleted {}, {rest} {grace} ago", shown(mark));
    out.until("volume-gone", end, || words("less than"), || words("more than"));
}

/// R7: nothing of a lineage goes while its backups fail.
pub(super) fn backups_failing(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match &facts.lineage.failing {
        Some(why) => out.keeps("backups-failing", Until::Open, why.clone()),
        None => out.silent("backups-failing", || match facts.lineage.volume {
            SourceVolume::Exists(_) => "its volume's backups are not behind, or none are to be taken".into(),
            _ => "its volume is not there to be backed up".into(),
        }),
    }
}

/// Why the backups of a lineage whose volume exists count as failing, if they do:
/// the newest good one is older than the slot before the current one, in either order.
pub(in crate::plan) fn failing(orders: &[Order<'_>], scopes: &[Scope<'_>], now: Timestamp) -> Option<SmolStr> {
    let newest = orders.iter().filter_map(|order| order.times.first().copied()).min()?;
    scopes.iter().find_map(|scope| {
        let Wanted::On(schedule) = &scope.backup else { return None };
        let slot = schedule.slot(now, &scope.zone, now);
        (newest < not_behind_from(schedule, scope, slot)).then(|| {
            format_smolstr!(
                "its volume is to be backed up ({schedule}), and the newest good backup is of {}; nothing of it goes \
                 until there is a newer one",
                shown(newest)
            )
        })
    })
}
