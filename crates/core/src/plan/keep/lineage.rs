//! R5 and R7: what the rest of its lineage keeps a snapshot for.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::{SmolStr, format_smolstr};

use super::dates::dated_end;
use super::{Facts, Judgement, Until, shown};
use crate::calendar;
use crate::config::{Scope, Wanted};
use crate::lineage::{Managed, SourceVolume};
use crate::plan::create::not_behind_from;
use crate::plan::policy::Source;

/// R5: the newest good ones of a volume that exists; of one that is gone or
/// cannot be known, until the grace after the policy's span.
pub(super) fn newest_good(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let minimum = facts.settings.minimum;
    let Some(rank) = facts.good_rank.filter(|rank| *rank < minimum) else {
        return out.silent("newest-good", || match facts.good_rank {
            Some(rank) => format_smolstr!("{rank} newer good snapshots of its volume stay; at least {minimum} do"),
            None => "it is not good, or another one of its slot counts instead".into(),
        });
    };
    let which = if rank == 0 {
        SmolStr::new_static("the newest")
    } else {
        format_smolstr!("number {} of the newest", rank + 1)
    };
    match facts.volume {
        SourceVolume::Exists(_) => {
            let detail = format_smolstr!("{which} good snapshot of a volume that exists");
            out.keeps("newest-good", Until::Open, detail);
        }
        SourceVolume::NotSeen => {
            let detail = format_smolstr!(
                "{which} good snapshot of a volume that is no longer listed; AWS is asked by its id once that matters"
            );
            out.keeps("newest-good", Until::Open, detail);
        }
        SourceVolume::Gone | SourceVolume::CannotBeKnown => {
            let words = |rest: &str, end| {
                format_smolstr!("{which} good snapshot of a volume that is gone or elsewhere, {rest} {}", shown(end))
            };
            if let Some(end) = gone_end(facts) {
                out.until("newest-good", end, || words("kept until", end), || words("was kept until", end));
            } else {
                let detail = format_smolstr!(
                    "{which} good snapshot of a volume that is gone or elsewhere, whose policy has no end"
                );
                out.keeps("newest-good", Until::Open, detail);
            }
        }
    }
}

/// Until when the newest good snapshot stays where its volume does not: the grace
/// after its start and the longest span. `None` where a policy has no end.
fn gone_end(facts: &Facts<'_>) -> Option<Timestamp> {
    let dated = dated_end(facts.managed);
    // A DeleteOn is the whole policy where only the default would govern.
    let by_date = |source: &Source| *source == Source::Default && dated.is_some();
    let governing = facts.policies.governing.iter().filter(|governing| !by_date(&governing.source));
    let spans: Option<Vec<Timestamp>> = governing.map(|governing| governing.span_ends(facts.managed.start)).collect();
    // A date before its start is a span of nothing, not less than that.
    let longest = spans?.into_iter().chain(dated).max()?.max(facts.managed.start);
    Some(calendar::after(longest, facts.settings.orphan_grace, &TimeZone::UTC))
}

/// R7: nothing of a lineage goes while its backups fail.
pub(super) fn backups_failing(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match facts.failing {
        Some(why) => out.keeps("backups-failing", Until::Open, why.clone()),
        None => out.silent("backups-failing", || match facts.volume {
            SourceVolume::Exists(_) => "its volume's backups are not behind, or none are to be taken".into(),
            _ => "its volume is not there to be backed up".into(),
        }),
    }
}

/// Why the backups of a lineage whose volume exists count as failing, if they do:
/// the newest good one is older than the slot before the current one.
pub(in crate::plan) fn failing(
    newest_good: Option<&Managed<'_>>,
    scopes: &[Scope<'_>],
    now: Timestamp,
) -> Option<SmolStr> {
    let newest = newest_good?;
    scopes.iter().find_map(|scope| {
        let Wanted::On(schedule) = &scope.backup else { return None };
        let slot = schedule.slot(now, &scope.zone, now);
        (newest.time < not_behind_from(schedule, scope, slot)).then(|| {
            format_smolstr!(
                "its volume is to be backed up ({schedule}), and the newest good backup is of {}; nothing of it goes \
                 until there is a newer one",
                shown(newest.time)
            )
        })
    })
}
