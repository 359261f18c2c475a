//! What an answer holds, and that it never holds too much.

use ebskeep_core::job::Request;
use ebskeep_core::setting::Settings;
use serde_json::Value;

use super::*;
use crate::event::Regions;

fn asked() -> Asked {
    Asked {
        shape: Shape::Job,
        request: Request::new([Job::Expire]),
        regions: Regions::Home,
        settings: Settings::default(),
    }
}

/// A Region where so many deletions were denied, and so many volumes have a bad tag.
fn region(name: &str, denied: usize, problems: usize) -> Outcomes {
    let mut region = Outcomes::nothing_seen(&"123456789012".into(), &name.into(), "", None);
    region.place.conclusion = Conclusion::Failed;
    region.place.error = None;
    region.place.outcomes = [(Outcome::Denied, denied)].into();
    region.failures = Kept::of((0..denied).map(|n| Failure {
        region: name.into(),
        action: "delete-snapshot",
        resource: format!("snap-{n:017}").into(),
        outcome: Outcome::Denied,
        detail: "UnauthorizedOperation: \"you\" may \\ not".to_owned(),
    }));
    region.problems = Kept::of((0..problems).map(|n| Told {
        region: name.into(),
        resource: format!("vol-{n:017}").into(),
        code: "bad-retention",
        detail: "Retention=ü".to_owned(),
    }));
    region
}

/// The bytes that travel if the answer is an error: JSON as text within JSON.
fn travelling(answer: &Answer) -> usize {
    let json = serde_json::to_string(answer).unwrap();
    serde_json::to_string(&json).unwrap().len()
}

#[test]
fn a_hundred_thousand_denials_fit_and_hide_nothing_else() {
    let answer = Answer::new(&asked(), vec![region("us-east-1", 100_000, 3), region("eu-west-1", 1, 0)]);
    let travelling = travelling(&answer);
    assert!(travelling <= LIMIT, "{travelling}");
    assert!(travelling > LIMIT - 1_000, "the limit is not used: {travelling}");
    assert!(answer.truncated);
    assert_eq!(answer.problems.len(), 3);
    assert_eq!(answer.failures[0].region.as_str(), "eu-west-1");
    assert_eq!(answer.failures.len() + answer.left_out.failures, 100_001);
    assert_eq!(answer.left_out, LeftOut { failures: answer.left_out.failures, ..LeftOut::default() });
    assert_eq!(answer.places[1].outcomes[&Outcome::Denied], 100_000);
}

#[test]
fn what_fits_is_whole() {
    let answer = Answer::new(&asked(), vec![region("us-east-1", 20, 20)]);
    assert_eq!((answer.failures.len(), answer.problems.len(), answer.truncated), (20, 20, false));
    assert_eq!(answer.left_out, LeftOut::default());
}

#[test]
fn every_limit_is_kept() {
    for (limit, denied, problems) in [(2_000, 9, 0), (3_000, 100, 100), (10_000, 1_000, 7), (50_000, 3, 10_000)] {
        let answer = Answer::within(limit, &asked(), vec![region("us-east-1", denied, problems)]);
        let length = travelling(&answer);
        assert!(length <= limit, "{length} of {limit}");
        assert_eq!(answer.failures.len() + answer.left_out.failures, denied);
        assert_eq!(answer.problems.len() + answer.left_out.problems, problems);
    }
}

#[test]
fn the_worst_event_of_all_fits() {
    let regions = (0..50).map(|n| {
        let name = format!("{n:0>32}");
        let mut worst = region(&name, 1_000, 1_000);
        worst.place.error = Some("\"\u{1F4BE}".repeat(20_000));
        worst.place.outcomes = Outcome::ALL.into_iter().map(|outcome| (outcome, usize::MAX)).collect();
        worst.place.summary = Some(Summary { volumes: usize::MAX, delete_gib: u64::MAX, ..Summary::default() });
        worst
    });
    let length = travelling(&Answer::new(&asked(), regions.collect()));
    assert!(length <= LIMIT, "{length}");
    let error = "\"\u{1F4BE}".repeat(100_000);
    let length = travelling(&Answer::not_begun(Some(&asked()), Conclusion::Failed, &error));
    assert!(length <= LIMIT, "{length}");
}

#[test]
fn the_longest_message_of_aws_stands_whole_in_a_failure_and_in_the_error_of_one_region() {
    let _proof = ebskeep_proofs::proves(&["6.112"]);
    let message = format!("Encoded authorization failure message: {}", "Q".repeat(10_240));
    let mut seen = region("us-east-1", 1, 0);
    seen.failures = Kept::of([Failure {
        region: "us-east-1".into(),
        action: "create-snapshot",
        resource: "vol-1".into(),
        outcome: Outcome::Denied,
        detail: cut(&message, DETAIL),
    }]);
    let answer = Answer::new(&asked(), vec![seen]);
    assert_eq!(answer.failures[0].detail, message);
    let nothing = Outcomes::nothing_seen(&"1".into(), &"us-east-1".into(), &message, None);
    let answer = Answer::new(&asked(), vec![nothing]);
    assert_eq!(answer.places[0].error.as_deref(), Some(message.as_str()));
}

#[test]
fn rooms_are_shared_equally_first() {
    assert_eq!(share(100, [0, usize::MAX, 10, 0]), [0, 90, 10, 0]);
    assert_eq!(share(100, [usize::MAX; 4]), [25; 4]);
    assert_eq!(share(100, [1, 30, 30, 30]), [1, 30, 30, 30]);
    assert_eq!(share(100, [1, 90, 30, 0]), [1, 74, 25, 0]);
    assert_eq!(share(0, [7; 4]), [0; 4]);
}

#[test]
fn regions_that_ended_differently_are_partly_done() {
    use Conclusion::{Done, Failed, Partial, Refused, Unfinished};
    for (regions, all) in [
        (&[][..], Done),
        (&[Done, Done], Done),
        (&[Refused], Refused),
        (&[Refused, Refused], Refused),
        (&[Failed, Failed], Failed),
        (&[Done, Failed, Done], Partial),
        (&[Done, Refused], Partial),
        (&[Refused, Failed, Refused], Partial),
        (&[Refused, Failed, Done], Partial),
        (&[Done, Partial], Partial),
        (&[Failed, Unfinished, Done], Unfinished),
    ] {
        let mut regions = regions.to_vec();
        for _ in 0..regions.len().max(1) {
            assert_eq!(together(regions.iter().copied()), all, "{regions:?}");
            if !regions.is_empty() {
                regions.rotate_left(1);
            }
        }
    }
}

#[test]
fn error_types_are_stable_and_their_message_is_the_answer() {
    for (conclusion, name) in [
        (Conclusion::Refused, "Refused"),
        (Conclusion::Partial, "Partial"),
        (Conclusion::Unfinished, "Unfinished"),
        (Conclusion::Failed, "Failed"),
    ] {
        let answer = Answer::not_begun(None, conclusion, "why");
        let diagnostic = Diagnostic::from(answer.clone().verdict().unwrap_err());
        assert_eq!(diagnostic.error_type, name);
        let message: Value = serde_json::from_str(&diagnostic.error_message).unwrap();
        assert_eq!(message, serde_json::to_value(&answer).unwrap());
        assert_eq!((&message["schema"], &message["error"]), (&SCHEMA.into(), &"why".into()));
    }
    assert!(Answer::not_begun(None, Conclusion::Done, "").verdict().is_ok());
}

#[test]
fn the_schema_in_docs_is_the_answers() {
    let schema = serde_json::to_value(schemars::schema_for!(Answer)).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema/ebskeep.result-1.schema.json");
    let text = format!("{schema:#}\n");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "docs/schema has not what the code says; UPDATE_DOCS=1 cargo test -p ebskeep-lambda writes it anew"
    );

    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut asked = asked();
    asked.shape = Shape::Autosnap { retention_days: 2 };
    asked.request.trigger = Some(Timestamp::UNIX_EPOCH);
    let answers =
        [Answer::new(&asked, vec![region("us-east-1", 2, 2)]), Answer::not_begun(None, Conclusion::Failed, "no event")];
    for answer in answers {
        let answer = serde_json::to_value(answer).unwrap();
        assert!(validator.is_valid(&answer), "{:?}", validator.iter_errors(&answer).collect::<Vec<_>>());
        let mut other = answer.clone();
        other["conclusion"] = "fine".into();
        assert!(!validator.is_valid(&other));
    }
}

#[test]
fn the_page_about_the_functions_names_everything() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/functions.md")).unwrap();
    let schema = serde_json::to_value(schemars::schema_for!(Answer)).unwrap();
    let properties = |of: &Value| of["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = properties(&schema);
    for part in ["Autosnap", "PlaceResult", "Refusal", "Failure", "LeftOut"] {
        names.extend(properties(&schema["$defs"][part]));
    }
    names.extend(Outcome::ALL.map(|outcome| serde_json::to_value(outcome).unwrap().as_str().unwrap().to_owned()));
    names.extend(["Refused", "Partial", "Unfinished", "Failed", crate::event::JOB_VARIABLE].map(str::to_owned));
    names.extend(["action", "refusal", "problem", "finding", "region", "result"].map(str::to_owned));
    names.extend(crate::event::FIELDS.map(str::to_owned));
    for name in names {
        let ways = [format!("`{name}`"), format!("\"{name}\""), format!("`places[].{name}`")];
        assert!(ways.iter().any(|way| page.contains(way)), "docs/functions.md does not name {name}");
    }
    assert!(page.contains("200,000 bytes") && LIMIT == 200_000);
}

#[test]
fn text_is_cut_to_characters() {
    assert_eq!(cut("äöü", 3), "äöü");
    assert_eq!(cut("äöüß", 3), "äö…");
    assert_eq!(cut("", 0), "");
}
