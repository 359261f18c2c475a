//! How plans and reports tell of copies: golden pages.

use std::collections::BTreeMap;
use std::path::Path;

use ebskeep_core::age::Age;
use ebskeep_core::cloud::{CloudError, ErrorKind};
use ebskeep_core::forecast::{Lives, OfInventory, Question, Subject, forecast};
use ebskeep_core::inventory::SnapshotState;
use ebskeep_core::plan::explain::{Explained, Goes, explain};
use ebskeep_core::plan::{Action, CopyState, Summary, decide};
use ebskeep_core::report::text::{Detail, Style, explanation_text, forecast_text, plan_text, report_text};
use ebskeep_core::report::{ActionResult, Outcome, Report, words};
use ebskeep_core::setting::Settings;
use jiff::tz::TimeZone;
use smol_str::SmolStr;

use crate::world::Scenario;

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

#[test]
fn the_pages_of_snapshots_and_their_copies() {
    let scenario: Scenario = toml::from_str(include_str!("../golden/copies.toml")).unwrap();
    let ids = ["snap-0000000000000002".into(), "snap-0000000000000003".into()];
    let explanation = explain(&scenario.inventory(), &ids, &scenario.settings());
    golden("copies-explained.txt", &explanation_text(&explanation, &Style { colour: false, detail: Detail::Normal }));
    let Explained::Snapshot(page) = &explanation.subjects[0] else { panic!("a snapshot") };
    // Three days; its copies, wanted for fourteen, are taken to be made.
    assert!(matches!(&page.goes, Goes::On { date, .. } if date.to_string() == "2026-03-12"), "{:?}", page.goes);
    let states: Vec<CopyState> = page.copies.iter().map(|at| at.state).collect();
    assert_eq!(states, [CopyState::Wait, CopyState::Wait, CopyState::Pending]);
    assert_eq!(page.copies[1].copies.len(), 3);
    assert_eq!(page.source, None);
}

#[test]
fn the_page_of_a_copy_says_what_it_is_a_copy_of() {
    let there = include_str!("../scenarios/copy/the-destinations-manager-lets-copies-go-by-itself.toml");
    let scenario: Scenario = toml::from_str(there).unwrap();
    let inventory = scenario.inventory();
    let copy = inventory.snapshots.items.iter().find(|copy| copy.tags.get("Source_SnapshotId").is_some()).unwrap();
    let explanation = explain(&inventory, &[copy.id.as_str().into()], &scenario.settings());
    let Explained::Snapshot(page) = &explanation.subjects[0] else { panic!("a snapshot") };
    let source = page.source.as_ref().unwrap();
    assert_eq!(Some(source.snapshot_id.as_str()), copy.tags.get("Source_SnapshotId"));
    assert_eq!(Some(source.region.as_str()), copy.tags.get("ebskeep:source-region"));
    assert_eq!((source.copied, page.copies.len()), (copy.started, 0));
    let text = explanation_text(&explanation, &Style { colour: false, detail: Detail::Normal });
    assert!(text.contains(&format!("  copy of  {} in ", source.snapshot_id)), "{text}");
}

#[test]
fn where_aws_says_nothing_no_colon_stands_for_it() {
    let error = |message: &str| CloudError {
        kind: ErrorKind::Denied,
        operation: "CopySnapshot",
        resource: Some("snap-1".to_owned()),
        code: Some("UnauthorizedOperation".into()),
        source: Some(message.into()),
    };
    assert_eq!(words(&error("")), "CopySnapshot on snap-1: UnauthorizedOperation");
    assert_eq!(words(&error("no")), "CopySnapshot on snap-1: UnauthorizedOperation: no");
    let mut inventory = to_come().inventory();
    let failed = &mut inventory.snapshots.items[0];
    failed.state = SnapshotState::Error;
    failed.state_message = Some(SmolStr::default());
    let explanation = explain(&inventory, &["snap-0000000000000001".into()], &Settings::default());
    let text = explanation_text(&explanation, &Style { colour: false, detail: Detail::Normal });
    assert!(text.contains("\n  state  error\n"), "{text}");
}

/// Primaries that only R6 keeps, for their copies' thirty days or longer.
fn to_come() -> Scenario {
    toml::from_str(include_str!("../golden/copies-to-come.toml")).unwrap()
}

#[test]
fn dates_to_come_take_what_can_be_copied_as_copied_and_nothing_else() {
    let _proof = ebskeep_proofs::proves(&["6.94"]);
    let scenario = to_come();
    let inventory = scenario.inventory();
    let ids = [2, 3, 4].map(|n| SmolStr::from(format!("snap-000000000000000{n}")));
    let explanation = explain(&inventory, &ids, &scenario.settings());
    let goes = |at: usize| {
        let Explained::Snapshot(page) = &explanation.subjects[at] else { panic!("a snapshot") };
        match &page.goes {
            Goes::On { date, .. } => date.to_string(),
            other => panic!("{other:?}"),
        }
    };
    // At the first run after its copies; the copies of the next are wanted where nobody
    // knows; the last is archived, so that AWS copies nothing of it.
    assert_eq!([goes(0), goes(1), goes(2)], ["2026-03-11", "2026-04-03", "2027-02-22"]);

    let lived = forecast(&Question {
        inventory: &inventory,
        subject: Subject::Inventory(OfInventory {
            account: inventory.place.account.clone(),
            region: inventory.place.region.clone(),
            not_ours: 0,
        }),
        settings: &scenario.settings(),
        span: Age::parse("2y").unwrap(),
        expire_every: Age::days(1),
        zone: TimeZone::UTC,
        on: Vec::new(),
        lives: Lives::Told,
    });
    let text = forecast_text(&lived, &Style { colour: false, detail: Detail::Brief });
    assert!(text.contains("\n  Copies     to us-east-1, each taken to be made and good at once\n"), "{text}");
    let ends = lived.lives.unwrap().into_iter().filter_map(|life| Some((life.snapshot_id?, life.deleted?)));
    let ends: BTreeMap<String, String> = ends.map(|(id, at)| (id.to_string(), at.to_string())).collect();
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(ends[id.as_str()], format!("{}T00:10:00Z", goes(at)), "{id}");
    }
}

#[test]
fn a_time_line_has_the_dates_of_the_pages() {
    let scenario = to_come();
    let text_of = |id: &str| {
        let explanation = explain(&scenario.inventory(), &[id.into()], &scenario.settings());
        explanation_text(&explanation, &Style { colour: false, detail: Detail::Normal })
    };
    let pages = ["snap-0000000000000002", "vol-0000000000000001"].map(text_of);
    golden("copies-to-come.txt", &pages.join("\n════════\n\n"));
}
