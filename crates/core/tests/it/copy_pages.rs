//! How plans and reports tell of copies: golden pages.

use std::path::Path;

use ebskeep_core::plan::{Action, Summary, decide};
use ebskeep_core::report::text::{Detail, Style, plan_text, report_text};
use ebskeep_core::report::{ActionResult, Outcome, Report};

use world::Scenario;

#[path = "../support/world.rs"]
#[expect(dead_code, reason = "scenarios also render plans, and run by untagged instances")]
mod world;

/// Compares with the golden file; `EBSKEEP_UPDATE=1` writes it anew.
#[expect(clippy::disallowed_methods, reason = "a page is a file, and a person may ask for it to be written")]
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("EBSKEEP_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{name}; EBSKEEP_UPDATE=1 writes it anew");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line:?} is longer than 80 columns");
    }
}

/// An end for each action, good and bad.
fn result(action: usize, of: &Action) -> Option<ActionResult> {
    let (resource, outcome, made, detail) = match of {
        Action::CopySnapshot(copy) if copy.destination.account.is_none() => {
            (&copy.snapshot_id, Outcome::Done, Some("snap-00000000000000e1".into()), copy.destination.to_string())
        }
        Action::CopySnapshot(copy) => (&copy.snapshot_id, Outcome::Denied, None, "AWS says no".to_owned()),
        Action::MarkCopied(mark) => (&mark.snapshot_id, Outcome::Done, None, String::new()),
        Action::FollowSource(follow) => (&follow.snapshot_id, Outcome::Done, None, follow.destination.to_string()),
        Action::Unshare(unshare) => (&unshare.snapshot_id, Outcome::AlreadyDone, None, String::new()),
        _ => return None,
    };
    Some(ActionResult { action, resource: resource.as_str().into(), outcome, snapshot_id: made, detail })
}

#[test]
fn the_pages_of_a_run_of_the_copier() {
    let scenario: Scenario = toml::from_str(include_str!("../golden/copies.toml")).unwrap();
    let mut plan = decide(&scenario.inventory(), &scenario.request(), &scenario.settings());
    plan.summary = Summary::of(&plan);
    let page = |detail| plan_text(&plan, &Style { colour: false, detail });
    let results: Vec<ActionResult> =
        plan.actions.iter().enumerate().filter_map(|(index, action)| result(index, action)).collect();
    assert_eq!(results.len(), plan.actions.len(), "the scene has nothing but copies");
    let report = Report { plan: plan.clone(), results, notes: Vec::new(), stopped: None };
    let report = report_text(&report, &Style { colour: false, detail: Detail::Normal });
    let pages = [page(Detail::Brief), page(Detail::Normal), page(Detail::Full), report];
    golden("copies.txt", &pages.join("\n════════\n\n"));
}
