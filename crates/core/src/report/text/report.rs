//! A report as text: what became of the plan. The plan itself is told before,
//! by [`super::plan_text`].

use super::plan::{notices, refusals};
use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, thousands};
use crate::plan::Action;
use crate::report::{ActionResult, Conclusion, Outcome, Report};
use crate::stop::Why;

/// What became of a plan: what was made, what failed and why, and last how the
/// run ended.
pub fn report_text(report: &Report, style: &Style) -> String {
    let mut page = Page::new(*style);
    let title = format!("Report for {} in {}", report.plan.account, report.plan.region);
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
    let good = || report.results.iter().filter(|result| result.outcome.is_success());
    let made: Vec<&ActionResult> = good().filter(|result| creates(report, result)).collect();
    if !made.is_empty() {
        page.section(Tone::Good, &format!("Created {}", count(made.len(), "snapshot")));
        let mut columns = Columns::new(2);
        for result in made {
            let id = result.snapshot_id.as_ref().map_or("", |id| id.as_str());
            columns.row([result.resource.as_str(), id, &result.detail]);
        }
        page.lines(None, &columns.text());
    }
    let deleted: Vec<&ActionResult> = good().filter(|result| deletes(report, result)).collect();
    if !deleted.is_empty() {
        page.section(Tone::Heading, &format!("Deleted {}", count(deleted.len(), "snapshot")));
        let mut columns = Columns::new(2);
        for result in deleted {
            let words = if result.outcome == Outcome::AlreadyDone { outcome(result.outcome) } else { "" };
            columns.row([result.resource.as_str(), words, &result.detail]);
        }
        page.lines(None, &columns.text());
    }
}

fn creates(report: &Report, result: &ActionResult) -> bool {
    matches!(report.plan.actions.get(result.action), Some(Action::CreateSnapshot(_) | Action::CreateSet(_)))
}

fn deletes(report: &Report, result: &ActionResult) -> bool {
    matches!(report.plan.actions.get(result.action), Some(Action::DeleteSnapshot(_)))
}

fn undone(page: &mut Page, report: &Report) {
    let undone: Vec<&ActionResult> = report.results.iter().filter(|result| !result.outcome.is_success()).collect();
    if undone.is_empty() || report.conclusion() == Conclusion::Refused {
        return;
    }
    page.section(Tone::Danger, &format!("Not done: {}", thousands(undone.len() as u64)));
    let mut columns = Columns::new(2);
    for result in undone {
        let verb = match report.plan.actions.get(result.action) {
            Some(Action::CreateSnapshot(_) | Action::CreateSet(_)) => "create",
            Some(Action::FinishTags(_)) => "tag",
            Some(Action::DeleteSnapshot(_)) => "delete",
            None => "",
        };
        let words = outcome(result.outcome);
        let words = if result.detail.is_empty() { words.to_owned() } else { format!("{words}: {}", result.detail) };
        columns.row([verb, result.resource.as_str(), &words]);
    }
    page.lines(Some(Tone::Danger), &columns.text());
}

/// An outcome in plain words.
fn outcome(outcome: Outcome) -> &'static str {
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
        (Conclusion::Refused, _) => "Refused: nothing was done",
        (Conclusion::Failed, _) => "Failed: nothing of what was planned was done",
    };
    let counts: Vec<String> = report
        .outcomes()
        .into_iter()
        .filter(|(_, number)| *number > 0)
        .map(|(which, number)| format!("{} {}", thousands(number as u64), short(which)))
        .collect();
    let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
    let tone = match conclusion {
        Conclusion::Done => Tone::Good,
        Conclusion::Partial | Conclusion::Unfinished => Tone::Warning,
        Conclusion::Refused | Conclusion::Failed => Tone::Danger,
    };
    page.section(tone, &format!("{words}{counts}"));
}

/// An outcome's name in the counts.
fn short(outcome: Outcome) -> &'static str {
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
