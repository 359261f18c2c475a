//! What a plan does with copies, and what became of it, as text.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{named, totals};
use super::report::{good, made, outcome};
use super::table::Columns;
use super::{Detail, Page, Tone, count, thousands};
use crate::destination::Destination;
use crate::plan::{Action, CopyState, CopyVerdict, FollowSource, NewCopy, Plan, WriteMarks};
use crate::report::{Outcome, Report};
use crate::tags::{NAME, Tags};

/// Copies to begin, those that wait or are under way, and what follows from
/// those that are there.
pub(super) fn copies(page: &mut Page, plan: &Plan) {
    begun(page, plan);
    let of = |state: CopyState| plan.copies.iter().filter(|copy| copy.verdict == state).collect::<Vec<_>>();
    told(page, "COPIES THAT WAIT", &of(CopyState::Wait));
    told(page, "COPIES UNDER WAY", &of(CopyState::Pending));
    follows(page, plan);
    if page.style.detail == Detail::Full {
        told(page, "COPIES DONE", &of(CopyState::Done));
        told(page, "COPIES NOT WANTED", &of(CopyState::Skip));
    }
}

fn begun(page: &mut Page, plan: &Plan) {
    let mut by_destination: BTreeMap<&Destination, Vec<&NewCopy>> = BTreeMap::new();
    let mut all = 0;
    for action in &plan.actions {
        if let Action::CopySnapshot(copy) = action {
            by_destination.entry(&copy.destination).or_default().push(copy);
            all += 1;
        }
    }
    if all == 0 {
        return;
    }
    let sources: BTreeSet<_> = by_destination.values().flatten().map(|copy| &copy.snapshot_id).collect();
    let title = format!("COPY {}: {}", count(sources.len(), "snapshot"), copies_counted(all));
    page.section(Tone::Good, &title);
    let mut columns = Columns::new(2);
    for (destination, copies) in by_destination {
        columns.row([&format!("to {destination}"), "", ""]);
        for copy in copies {
            let key = match (copy.encrypted, &copy.kms_key_id) {
                (false, _) => String::new(),
                (true, None) => ", encrypted under the default key there".to_owned(),
                (true, Some(key)) => format!(", encrypted under {key}"),
            };
            let size = format!("{} GiB", copy.size_gib);
            let name = copy.tags.get(NAME).filter(|name| *name != copy.volume_id.as_str());
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            columns.row([&format!("  {}", copy.snapshot_id), &size, &format!("of {}{name}{key}", copy.volume_id)]);
        }
    }
    page.lines(None, &columns.text());
}

/// Verdicts of one kind: each by itself, or only how many there are for each
/// reason.
fn told(page: &mut Page, title: &str, verdicts: &[&CopyVerdict]) {
    if verdicts.is_empty() {
        return;
    }
    page.section(Tone::Heading, &format!("{title}: {}", thousands(verdicts.len() as u64)));
    if page.style.detail < Detail::Full {
        totals(page, verdicts.iter().map(|verdict| verdict.reasons.as_slice()));
        return;
    }
    let mut columns = Columns::new(2);
    for CopyVerdict { snapshot_id, destination, reasons, .. } in verdicts {
        columns.row([snapshot_id.as_str(), &destination.to_string(), &named(reasons)]);
    }
    page.lines(None, &columns.text());
}

/// Marks, holds and shares.
fn follows(page: &mut Page, plan: &Plan) {
    let mut marked = Columns::new(2);
    let mut followed = Columns::new(2);
    let mut unshared = Columns::new(2);
    let mut noted = Columns::new(2);
    let mut for_later = 0;
    let (mut marks, mut follows, mut shares) = (0, 0, 0);
    for action in &plan.actions {
        match action {
            Action::MarkCopied(mark) => {
                marked.row([mark.snapshot_id.as_str(), mark.volume_id.as_str(), &written(&mark.tags)]);
                marks += 1;
            }
            Action::WriteMarks(mark) => {
                noted.row([mark.snapshot_id.as_str(), mark.volume_id.as_str(), &noted_as(mark)]);
                for_later += 1;
            }
            Action::FollowSource(follow) => {
                let FollowSource { snapshot_id, destination, source_id, tags, .. } = &**follow;
                let what = format!("in {destination}, of {source_id}: {}", written(tags));
                followed.row([snapshot_id.as_str(), &what]);
                follows += 1;
            }
            Action::Unshare(unshare) => {
                unshared.row([unshare.snapshot_id.as_str(), &format!("with {}", unshare.account)]);
                shares += 1;
            }
            _ => {}
        }
    }
    for (number, title, columns) in [
        (marks, format!("MARK {} whose copies are good", count(marks, "snapshot")), marked),
        (follows, format!("HOLD {} as long as what they are of", copies_counted(follows)), followed),
        (for_later, format!("MARK {} for later runs", count(for_later, "snapshot")), noted),
        (shares, format!("NO LONGER SHARE {} that no copy needs any more", count(shares, "snapshot")), unshared),
    ] {
        if number > 0 {
            page.section(Tone::Good, &title);
            page.lines(None, &columns.text());
        }
    }
}

/// The marks that are written, and those that are removed.
fn noted_as(mark: &WriteMarks) -> String {
    let removed = mark.remove.iter().map(|key| format!("without {key}"));
    let all = Some(written(&mark.tags)).filter(|written| !written.is_empty()).into_iter().chain(removed);
    let at = mark.destination.as_ref().map(|destination| format!("in {destination}: ")).unwrap_or_default();
    format!("{at}{}", all.collect::<Vec<_>>().join(", "))
}

/// `1 copy`, `2 copies`.
fn copies_counted(number: usize) -> String {
    format!("{} {}", thousands(number as u64), if number == 1 { "copy" } else { "copies" })
}

fn written(tags: &Tags) -> String {
    let one = |(key, value): (&_, &smol_str::SmolStr)| {
        if value.is_empty() { format!("{key}") } else { format!("{key}={value}") }
    };
    tags.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The copies that were begun, and what else of copies was done.
pub(super) fn done(page: &mut Page, report: &Report) {
    let begun = good(report, |action| matches!(action, Action::CopySnapshot(_)));
    made(page, &format!("Began {}", copies_counted(begun.len())), &begun);
    for (title, results) in [
        ("Marked as copied:", good(report, |action| matches!(action, Action::MarkCopied(_)))),
        ("Held as long as what they are of:", good(report, |action| matches!(action, Action::FollowSource(_)))),
        ("Marked for later runs:", good(report, |action| matches!(action, Action::WriteMarks(_)))),
        ("No longer shared:", good(report, |action| matches!(action, Action::Unshare(_)))),
    ] {
        if results.is_empty() {
            continue;
        }
        page.section(Tone::Heading, &format!("{title} {}", count(results.len(), "snapshot")));
        let mut columns = Columns::new(2);
        for result in results {
            let words = if result.outcome == Outcome::AlreadyDone { outcome(result.outcome) } else { "" };
            let words = [words, result.detail.as_str()].into_iter().filter(|words| !words.is_empty());
            columns.row([result.resource.as_str(), &words.collect::<Vec<_>>().join("; ")]);
        }
        page.lines(None, &columns.text());
    }
}
