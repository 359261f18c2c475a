//! R6, and what a copy is given so that the copier sees it.

use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::{Facts, Judgement, Until, shown};
use crate::destination::listed;
use crate::plan::wish::Wish;

/// Hours for which a copy stays after it itself began: the copier, which runs
/// where its source is, has seen it by then, and does not take it for one that was
/// never made. Failed ones are counted by it until then.
const SEEN_WITHIN: i64 = 48;

/// R6: a copy of it is wanted and is not there yet.
pub(super) fn copy_pending(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let Some(wish) = Wish::of(facts.managed, facts.settings) else {
        let copy = facts.managed.key.copies;
        let detail = if copy { "it is a copy itself" } else { "no copy of it is wanted" };
        return out.silent("copy-pending", || detail.into());
    };
    if let Some(site) = &facts.managed.snapshot.site {
        return out.silent("copy-pending", || format_smolstr!("it is stored {site}, so no copy of it can be made"));
    }
    let missing = listed(wish.open());
    if missing.is_empty() && wish.to.unreadable.is_empty() {
        if wish.to.wanted.is_empty() {
            return out.silent("copy-pending", || "its copy-to names no place but this".into());
        }
        return out.passed("copy-pending", || format_smolstr!("copied to {}", listed(&wish.to.wanted)));
    }
    let where_to = || {
        if missing.is_empty() {
            return format_smolstr!("its copy-to names {:?}, which nobody understands", wish.to.unreadable.join(" "));
        }
        format_smolstr!("a copy in {missing} is wanted and not known to be good")
    };
    match wish.ends {
        Some(end) => out.until(
            "copy-pending",
            end,
            || format_smolstr!("{}; wanted until {}", where_to(), shown(end)),
            || format_smolstr!("{}; wanted until {}, which is over", where_to(), shown(end)),
        ),
        None => out.keeps("copy-pending", Until::Open, where_to()),
    }
}

/// When a copy, good or failed, has been seen.
fn seen_by(facts: &Facts<'_>) -> Timestamp {
    facts.managed.snapshot.started.saturating_add(SEEN_WITHIN.hours()).unwrap_or(Timestamp::MAX)
}

/// A copy made a short while ago.
pub(super) fn fresh_copy(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if !facts.managed.key.copies {
        return out.silent("fresh-copy", || "it is no copy".into());
    }
    let end = seen_by(facts);
    let words = |rest: &str| -> SmolStr { format_smolstr!("copied {}, {rest}", shown(facts.managed.snapshot.started)) };
    if end > facts.now {
        let detail = words("less than 48 hours ago; the copier of its source may not have seen it yet");
        out.keeps("fresh-copy", Until::At(end), detail);
    } else {
        out.silent("fresh-copy", || words("more than 48 hours ago"));
    }
}

/// A failed copy stays as long: it is how failures are counted, and it holds up
/// nothing.
pub(super) fn failed_copy(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let end = seen_by(facts);
    let words = |rest: &str| format_smolstr!("it failed, and nothing can be restored from it; it {rest}");
    out.until("error", end, || words("goes 48 hours after it began"), || words("began more than 48 hours ago"));
}
