//! The migration report as text: counts in sentences, each thing with `-v`.

use std::collections::BTreeMap;

use super::retag::fate;
use super::table::Columns;
use super::{Detail, Page, Tone, instant, thousands};
use crate::adopt::{KeepForever, Migration, Old, OldState};
use crate::plan::{CheckResult, ExpireVerdict, Notice};

/// Instances and volumes told one by one before only their number is.
const RESOURCES_SHOWN: usize = 10;

/// What the first run of ebskeep changes.
pub(super) fn migration(page: &mut Page, migration: &Migration) {
    let Migration { snapshots, resources, deletions, managed: _, refusals } = migration;
    page.section(Tone::Heading, "The first run, beside aws-ebs-snapshots-lambda: its snapshots");
    if snapshots.is_empty() {
        page.paragraph(None, "there are none");
    }
    counts(page, snapshots);
    changes(page, resources);
    refused(page, *deletions, refusals);
}

fn counts(page: &mut Page, snapshots: &[Old]) {
    let mut groups: BTreeMap<(OldState, u8), Vec<&Old>> = BTreeMap::new();
    for old in snapshots {
        groups.entry((old.state, order(old.verdict.verdict))).or_default().push(old);
    }
    for ((state, _), group) in &groups {
        let Some(verdict) = group.first().map(|old| old.verdict.verdict) else { continue };
        let tone = (verdict == ExpireVerdict::Delete).then_some(Tone::Danger);
        group_of(page, tone, group, &format!("{}: {}", is(*state), here(*state, verdict)));
    }
    for (where_, words) in [
        (
            KeepForever::NotLast,
            "tagged KeepForever in an order in which the old manager deletes them on their day; here they stay",
        ),
        (
            KeepForever::Unknown,
            "tagged KeepForever; the old manager spares them only if AWS lists that tag last; here they stay",
        ),
        (KeepForever::Last, "tagged KeepForever in an order in which the old manager spares them, as does ebskeep"),
    ] {
        let group: Vec<&Old> = snapshots.iter().filter(|old| old.keep_forever == Some(where_)).collect();
        if !group.is_empty() {
            group_of(page, None, &group, words);
        }
    }
}

fn group_of(page: &mut Page, tone: Option<Tone>, group: &[&Old], words: &str) {
    page.entry(tone, &format!("{:>6}", thousands(group.len() as u64)), words);
    if page.style.detail < Detail::Full {
        return;
    }
    let mut columns = Columns::new(10);
    for Old { snapshot_id, started, state: _, keep_forever: _, verdict } in group {
        columns.row([snapshot_id.as_str(), &format!("began {}, {}", instant(*started), fate(verdict))]);
    }
    page.lines(Some(Tone::Faint), &columns.text());
}

fn order(verdict: ExpireVerdict) -> u8 {
    match verdict {
        ExpireVerdict::Delete => 0,
        ExpireVerdict::Keep => 1,
        ExpireVerdict::Ignore => 2,
    }
}

/// What a snapshot is to the old manager.
fn is(state: OldState) -> &'static str {
    match state {
        OldState::Past => "past their DeleteOn, which the old manager never deletes",
        OldState::DueToday => "due today, which the old manager deletes if it runs today",
        OldState::ToCome => "with a DeleteOn to come",
        OldState::Backwards => "dated on or before the day they began, which the old manager never deletes",
        OldState::BadDate => "with a DeleteOn that is no date, which the old manager never deletes",
        OldState::NoDate => "without a DeleteOn, which the old manager never deletes",
        OldState::Leftover => "left without tags by a run that ended early, which the old manager never deletes",
    }
}

/// What the first expire does.
fn here(state: OldState, verdict: ExpireVerdict) -> &'static str {
    match (verdict, state) {
        (ExpireVerdict::Delete, _) => "they would go",
        (ExpireVerdict::Keep, OldState::ToCome) => "they stay until then, or longer where a rule says so",
        (ExpireVerdict::Keep, _) => "they stay, each for a reason (-v)",
        (ExpireVerdict::Ignore, _) => "not ours and left alone, unless they are adopted",
    }
}

fn changes(page: &mut Page, resources: &[Notice]) {
    let mut by_code: BTreeMap<&str, Vec<&Notice>> = BTreeMap::new();
    for notice in resources {
        by_code.entry(notice.code).or_default().push(notice);
    }
    if by_code.is_empty() {
        return;
    }
    page.section(Tone::Heading, "What changes for instances and volumes");
    for (code, notices) in by_code {
        page.entry(None, &format!("{:>6}", thousands(notices.len() as u64)), means(code));
        let shown = if page.style.detail == Detail::Full { notices.len() } else { RESOURCES_SHOWN };
        let mut columns = Columns::new(10);
        for Notice { resource, code: _, detail } in notices.iter().take(shown) {
            columns.row([resource.as_str(), detail]);
        }
        page.lines(None, &columns.text());
        if let Some(more) = notices.len().checked_sub(shown).filter(|more| *more > 0) {
            page.lines(Some(Tone::Faint), &format!("          and {more} more; -v lists all"));
        }
    }
}

fn means(code: &str) -> &'static str {
    use crate::adopt::codes::{CRASHED, IMMORTAL, NEWLY, NO_LONGER, TWICE};
    match code {
        CRASHED => "with a Retention at which the old creator fails for everybody",
        IMMORTAL => "with a Retention with which the old creator makes snapshots that never go",
        TWICE => "attached to several instances, snapshotted by the old creator once for each; here once",
        NEWLY => "backed up from now on that the old creator passes over",
        NO_LONGER => "backed up by the old creator and excluded here",
        _ => "",
    }
}

fn refused(page: &mut Page, deletions: usize, refusals: &[CheckResult]) {
    if refusals.is_empty() {
        return;
    }
    page.section(Tone::Warning, "The first run waits for a person");
    for CheckResult { check, detail, .. } in refusals {
        page.entry(Some(Tone::Warning), check, detail);
        if *check == "unforeseen-deletions" {
            let once = format!(
                "read `ebskeep plan expire -v`; if it is right, run once: \
                 ebskeep apply expire --max-delete {deletions} --max-delete-percent 100"
            );
            page.entry(None, "   What to do:", &once);
        }
    }
}
