//! Changed tags as text: what they are to become and what that does, and what
//! became of them.

use super::plan::named;
use super::report::{outcome, short};
use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, instant, thousands};
use crate::plan::{ExpireVerdict, SnapshotVerdict};
use crate::report::{ActionResult, Conclusion, Outcome};
use crate::retag::{Affected, Change, Retag, Retagging, Tagged, Verb};
use crate::stop::Why;

/// Snapshots told one by one before only their number is.
const OTHERS_SHOWN: usize = 20;

/// What `hold` or `release` would change, and what that does to each snapshot.
pub fn retagging_text(retagging: &Retagging, style: &Style) -> String {
    let Retagging { verb, now, account, region, changes, others, unseen } = retagging;
    let mut page = Page::new(*style);
    let verb = match verb {
        Verb::Hold => "Hold",
        Verb::Release => "Release",
        Verb::SourceDeleted => "Mark the source as deleted of",
    };
    let title =
        format!("{verb} {} for account {account} in {region}, {}", count(changes.len(), "snapshot"), instant(*now));
    page.section(Tone::Heading, &title);
    for change in changes {
        one(&mut page, change);
    }
    affected(&mut page, others);
    if !unseen.is_empty() {
        page.section(Tone::Warning, "Not everything could be listed, so a reason to keep may be missing here");
        for gap in unseen {
            page.paragraph(Some(Tone::Warning), gap);
        }
    }
    let goes = changes.iter().filter(|change| newly_goes(&change.before, &change.after)).count();
    if goes > 0 {
        let would = format!("{} would go at the next expire", count(goes, "snapshot"));
        page.section(Tone::Danger, &would);
    }
    page.finish()
}

fn newly_goes(before: &SnapshotVerdict, after: &SnapshotVerdict) -> bool {
    after.verdict == ExpireVerdict::Delete && before.verdict != ExpireVerdict::Delete
}

fn one(page: &mut Page, change: &Change) {
    let Change { retag, volume_id, started, lessens, before, after, notes } = change;
    let Retag { snapshot_id, tags: _, set, remove } = retag;
    page.section(Tone::Heading, &format!("{snapshot_id}  of {volume_id}, began {}", instant(*started)));
    for (key, value) in set.iter() {
        page.entry(None, "set   ", &format!("{key}={value}"));
    }
    for key in remove {
        page.entry(lessens.then_some(Tone::Warning), "remove", key);
    }
    let tone = newly_goes(before, after).then_some(Tone::Danger);
    if fate(before) == fate(after) {
        page.entry(tone, "stays ", &fate(after));
    } else {
        page.entry(Some(Tone::Faint), "before", &fate(before));
        page.entry(tone, "after ", &fate(after));
    }
    for note in notes {
        page.entry(Some(Tone::Warning), "note  ", note);
    }
}

/// What `expire` does with a snapshot, in words.
pub(super) fn fate(verdict: &SnapshotVerdict) -> String {
    let SnapshotVerdict { snapshot_id: _, volume_id: _, verdict, reasons, expires_on } = verdict;
    let reasons = named(reasons);
    match (verdict, expires_on) {
        (ExpireVerdict::Delete, _) => format!("goes at the next expire ({reasons})"),
        (ExpireVerdict::Keep, Some(date)) => format!("kept, and goes on {date} ({reasons})"),
        (ExpireVerdict::Keep, None) => format!("kept ({reasons})"),
        (ExpireVerdict::Ignore, _) => format!("left alone ({reasons})"),
    }
}

/// Others whose end moves.
pub(super) fn affected(page: &mut Page, others: &[Affected]) {
    if others.is_empty() {
        return;
    }
    let title = format!("{} not named here {} another end", count(others.len(), "snapshot"), has(others.len()));
    page.section(Tone::Warning, &title);
    let shown = if page.style.detail == Detail::Full { others.len() } else { OTHERS_SHOWN };
    for Affected { before, after } in others.iter().take(shown) {
        page.entry(None, before.snapshot_id.as_str(), &format!("before: {}", fate(before)));
        let tone = if newly_goes(before, after) { Tone::Danger } else { Tone::Warning };
        page.entry(Some(tone), &" ".repeat(before.snapshot_id.as_str().len()), &format!("after: {}", fate(after)));
    }
    if let Some(more) = others.len().checked_sub(shown).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists all", thousands(more as u64)));
    }
}

fn has(number: usize) -> &'static str {
    if number == 1 { "has" } else { "have" }
}

/// What became of tags that were to be written.
pub fn tagged_text(tagged: &Tagged, style: &Style) -> String {
    let Tagged { results, stopped } = tagged;
    let mut page = Page::new(*style);
    let undone: Vec<&ActionResult> = results.iter().filter(|result| !result.outcome.is_success()).collect();
    if !undone.is_empty() {
        page.section(Tone::Danger, &format!("Not done: {}", thousands(undone.len() as u64)));
        let mut columns = Columns::new(2);
        for ActionResult { action: _, resource, outcome: how, snapshot_id: _, detail } in undone {
            let words = match how {
                Outcome::Changed => "left as it is",
                Outcome::Unknown => "no answer, so not known; look, and do it again",
                how => outcome(*how),
            };
            let words = if detail.is_empty() { words.to_owned() } else { format!("{words}: {detail}") };
            columns.row([resource.as_str(), &words]);
        }
        page.lines(Some(Tone::Danger), &columns.text());
    }
    let conclusion = tagged.conclusion();
    let (tone, words) = match conclusion {
        Conclusion::Done if results.iter().all(|result| result.outcome == Outcome::AlreadyDone) => {
            (Tone::Good, "Done: there was nothing to change")
        }
        Conclusion::Done => (Tone::Good, "Done"),
        Conclusion::Partial => (Tone::Warning, "Partly done; do it again for the rest"),
        Conclusion::Unfinished if *stopped == Some(Why::Deadline) => (Tone::Warning, "Unfinished: the time was up"),
        Conclusion::Unfinished => (Tone::Warning, "Interrupted"),
        Conclusion::Refused | Conclusion::Failed => (Tone::Danger, "Failed"),
    };
    let counts: Vec<String> = Outcome::ALL
        .into_iter()
        .map(|which| (results.iter().filter(|result| result.outcome == which).count(), which))
        .filter(|(number, _)| *number > 0)
        .map(|(number, which)| match which {
            Outcome::AlreadyDone => format!("{} so already", thousands(number as u64)),
            which => format!("{} {}", thousands(number as u64), short(which)),
        })
        .collect();
    page.section(tone, &format!("{words} ({})", counts.join(", ")));
    page.finish()
}
