//! A report as text: what became of the plan. The plan itself is told before,
//! by [`super::plan_text`].

use std::collections::BTreeMap;

use super::copies;
use super::plan::{DELETIONS_SHOWN, notices, refusals};
use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, thousands};
use crate::plan::Action;
use crate::report::{ActionResult, Conclusion, Outcome, Report};
use crate::stop::Why;

/// Actions that were not done, listed one by one before only their number is.
const UNDONE_SHOWN: usize = 50;

/// What became of a plan: what was made, what failed and why, and last how the
/// run ended.
pub fn report_text(report: &Report, style: &Style) -> String {
    let mut page = Page::new(*style);
    let title = format!("Report for account {} in {}", report.plan.account, report.plan.region);
    page.section(Tone::Heading, &title);
    if style.detail > Detail::Brief {
        done(&mut page, report);
    }
    notices(&mut page, Tone::Heading, "Came to light on the way", &report.notes);
    undone(&mut page, report);
    let conclusion = report.conclusion();
    if conclusion == Conclusion::Refused {
        refusals(&mut page, &report.plan);
    }
    ending(&mut page, report, conclusion);
    page.finish()
}

fn done(page: &mut Page, report: &Report) {
    let created = good(report, |action| matches!(action, Action::CreateSnapshot(_) | Action::CreateSet(_)));
    made(page, &format!("Created {}", count(created.len(), "snapshot")), &created);
    copies::done(page, report);
    let deleted = good(report, |action| matches!(action, Action::DeleteSnapshot(_)));
    if !deleted.is_empty() {
        page.section(Tone::Heading, &format!("Deleted {}", count(deleted.len(), "snapshot")));
        let shown = if page.style.detail == Detail::Full { deleted.len() } else { DELETIONS_SHOWN };
        let mut columns = Columns::new(2);
        for result in deleted.iter().take(shown) {
            let words = if result.outcome == Outcome::AlreadyDone { outcome(result.outcome) } else { "" };
            columns.row([result.resource.as_str(), words, &result.detail]);
        }
        page.lines(None, &columns.text());
        if let Some(more) = deleted.len().checked_sub(shown).filter(|more| *more > 0) {
            page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists all", thousands(more as u64)));
        }
    }
}

/// The results of actions of this kind that ended well.
pub(super) fn good(report: &Report, kind: fn(&Action) -> bool) -> Vec<&ActionResult> {
    let of_kind = |result: &&ActionResult| report.plan.actions.get(result.action).is_some_and(kind);
    report.results.iter().filter(|result| result.outcome.is_success()).filter(of_kind).collect()
}

/// What was made of what, if anything was.
pub(super) fn made(page: &mut Page, title: &str, results: &[&ActionResult]) {
    if results.is_empty() {
        return;
    }
    page.section(Tone::Good, title);
    let mut columns = Columns::new(2);
    for result in results {
        let id = result.snapshot_id.as_ref().map_or("", |id| id.as_str());
        columns.row([result.resource.as_str(), id, &result.detail]);
    }
    page.lines(None, &columns.text());
}

fn undone(page: &mut Page, report: &Report) {
    // The checks say why what they refuse is not done.
    let refused = |result: &ActionResult| {
        let action = report.plan.actions.get(result.action);
        action.is_some_and(|action| report.plan.refusal_of_action(action).is_some())
    };
    let mut undone: Vec<&ActionResult> =
        report.results.iter().filter(|result| !result.outcome.is_success() && !refused(result)).collect();
    if undone.is_empty() {
        return;
    }
    page.section(Tone::Danger, &format!("Not done: {}", thousands(undone.len() as u64)));
    let shown = if page.style.detail == Detail::Full { undone.len() } else { UNDONE_SHOWN };
    if undone.len() > shown {
        // What failed has something to say; what was not begun is counted below.
        undone.sort_by_key(|result| result.outcome == Outcome::NotStarted);
    }
    let mut columns = Columns::new(2);
    for result in undone.iter().take(shown) {
        let verb = match report.plan.actions.get(result.action) {
            Some(Action::CreateSnapshot(_) | Action::CreateSet(_)) => "create",
            Some(Action::CopySnapshot(_)) => "copy",
            Some(Action::FinishTags(_) | Action::MarkCopied(_) | Action::FollowSource(_) | Action::WriteMarks(_)) => {
                "tag"
            }
            Some(Action::Unshare(_)) => "unshare",
            Some(Action::DeleteSnapshot(_)) => "delete",
            None => "",
        };
        let words = outcome(result.outcome);
        let words = if result.detail.is_empty() { words.to_owned() } else { format!("{words}: {}", result.detail) };
        columns.row([verb, result.resource.as_str(), &words]);
    }
    page.lines(Some(Tone::Danger), &columns.text());
    let mut hidden: BTreeMap<Outcome, usize> = BTreeMap::new();
    for result in undone.iter().skip(shown) {
        *hidden.entry(result.outcome).or_default() += 1;
    }
    if !hidden.is_empty() {
        let more = counted(hidden);
        page.paragraph(Some(Tone::Faint), &format!("and {more}; -v lists all"));
    }
}

/// `3 denied, 1 failed`.
fn counted(outcomes: BTreeMap<Outcome, usize>) -> String {
    let counts = outcomes.into_iter().filter(|(_, number)| *number > 0);
    let counts = counts.map(|(which, number)| format!("{} {}", thousands(number as u64), short(which)));
    counts.collect::<Vec<_>>().join(", ")
}

/// An outcome in plain words.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::AlreadyDone => "somebody else did it",
        Outcome::Changed => "changed since it was planned, so left for the next run",
        Outcome::InUse => "an image uses it",
        Outcome::Denied => "not permitted",
        Outcome::Failed => "failed",
        Outcome::Unknown => "no answer, so not known; the next run looks",
        Outcome::NotStarted => "not begun",
    }
}

fn ending(page: &mut Page, report: &Report, conclusion: Conclusion) {
    let words = match (conclusion, report.stopped) {
        (Conclusion::Done, _) if report.results.is_empty() => "Done: there was nothing to do",
        (Conclusion::Done, _) => "Done: everything planned was done",
        (Conclusion::Partial, _) if report.results.iter().all(|result| result.outcome.is_success()) => {
            "Partly done: everything planned was done, but not everything could be planned; see the findings"
        }
        (Conclusion::Partial, _) => "Partly done; the next run goes on with what is left",
        (Conclusion::Unfinished, Some(Why::Deadline)) => "Unfinished: the time was up; run it again",
        (Conclusion::Unfinished, _) => "Interrupted; the next run goes on with what is left",
        (Conclusion::Refused, _) if report.plan.is_refused_whole() => "Refused: nothing was done",
        (Conclusion::Refused, _) => "Refused in part; the rest was carried out",
        (Conclusion::Failed, _) => "Failed: nothing of what was planned was done",
    };
    let counts = counted(report.outcomes());
    let counts = if counts.is_empty() { String::new() } else { format!(" ({counts})") };
    let tone = match conclusion {
        Conclusion::Done => Tone::Good,
        Conclusion::Partial | Conclusion::Unfinished => Tone::Warning,
        Conclusion::Refused | Conclusion::Failed => Tone::Danger,
    };
    page.section(tone, &format!("{words}{counts}"));
}

/// An outcome's name in the counts.
pub(super) fn short(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::AlreadyDone => "done by others",
        Outcome::Changed => "changed meanwhile",
        Outcome::InUse => "in use",
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::NotStarted => "not begun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{CheckResult, Deletion, Job, NewSnapshot, Notice, Plan, SCHEMA, Summary};
    use crate::tags::Tags;

    fn report(outcomes: [Outcome; 3], stopped: Option<Why>) -> Report {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let new = NewSnapshot {
            volume_id: "vol-1".into(),
            slot: now,
            description: String::new(),
            tags: Tags::new(),
            carried: Tags::new(),
            location: None,
        };
        let deletion = |id: &str| {
            Action::DeleteSnapshot(Deletion {
                snapshot_id: id.into(),
                volume_id: "vol-1".into(),
                tags: Tags::new(),
                size_gib: 8,
                failed: false,
                archived: false,
                restore_expires: None,
            })
        };
        let plan = Plan {
            schema: SCHEMA.to_owned(),
            now,
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            jobs: Job::ALL.to_vec(),
            volumes: Vec::new(),
            copies: Vec::new(),
            snapshots: Vec::new(),
            actions: vec![Action::CreateSnapshot(Box::new(new)), deletion("snap-1"), deletion("snap-2")],
            problems: Vec::new(),
            findings: Vec::new(),
            checks: Vec::new(),
            summary: Summary::default(),
        };
        let result = |(action, outcome): (usize, Outcome)| ActionResult {
            action,
            resource: ["vol-1", "snap-1", "snap-2"][action].into(),
            outcome,
            snapshot_id: (action == 0 && outcome == Outcome::Done).then(|| "snap-3".into()),
            detail: if outcome == Outcome::Denied {
                "DeleteSnapshot: UnauthorizedOperation".to_owned()
            } else {
                String::new()
            },
        };
        Report { plan, results: outcomes.into_iter().enumerate().map(result).collect(), notes: Vec::new(), stopped }
    }

    fn text(report: &Report, detail: Detail) -> String {
        report_text(report, &Style { colour: false, detail })
    }

    #[test]
    fn what_was_done_and_what_was_not_stand_apart() {
        let report = report([Outcome::Done, Outcome::AlreadyDone, Outcome::Denied], None);
        let expected = "\
Report for account 123456789012 in eu-west-1

Created 1 snapshot
  vol-1  snap-3

Deleted 1 snapshot
  snap-1  somebody else did it

Not done: 1
  delete  snap-2  not permitted: DeleteSnapshot: UnauthorizedOperation

Partly done; the next run goes on with what is left (1 done, 1 done by others, 1
denied)
";
        assert_eq!(text(&report, Detail::Normal), expected);
        let brief = text(&report, Detail::Brief);
        assert!(brief.contains("Not done: 1") && !brief.contains("Created"), "{brief}");
    }

    #[test]
    fn the_last_line_says_how_it_ended() {
        use Outcome::{Denied, Done, NotStarted};
        for (outcomes, stopped, last) in [
            ([Done, Done, Done], None, "Done: everything planned was done (3 done)"),
            ([Denied, Denied, Denied], None, "Failed: nothing of what was planned was done (3 denied)"),
            ([Done, NotStarted, NotStarted], Some(Why::Interrupted), "(1 done, 2 not begun)"),
            (
                [Done, NotStarted, NotStarted],
                Some(Why::Deadline),
                "Unfinished: the time was up; run it again (1 done, 2 not begun)",
            ),
        ] {
            let text = text(&report(outcomes, stopped), Detail::Normal);
            assert!(text.trim_end().ends_with(last), "{text}");
        }
        let mut refused = report([NotStarted; 3], None);
        refused.plan.checks.push(CheckResult::new("plan-age", false, None, "made 2h ago"));
        let text = text(&refused, Detail::Normal);
        for word in ["plan-age", "made 2h ago", "Run it again", "Refused: nothing was done"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(!text.contains("Not done"), "one reason is enough: {text}");
    }

    #[test]
    fn notes_are_told_and_danger_is_coloured() {
        let mut report = report([Outcome::Done, Outcome::Done, Outcome::Failed], None);
        report.notes.push(Notice { resource: "vol-1".into(), code: "set-broken", detail: "taken alone".to_owned() });
        let text = report_text(&report, &Style { colour: true, detail: Detail::Normal });
        assert!(text.contains("set-broken: taken alone") && text.contains("\x1b[1;31mNot done: 1\x1b[0m"), "{text:?}");
    }
}
