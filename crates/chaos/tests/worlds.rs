//! What holds of random worlds, and that the checker finds what does not.

use std::collections::BTreeSet;

use anyhow::Context;
use ebskeep_chaos::again;
use ebskeep_chaos::checker::{AT_THE_END, INVARIANTS};
use ebskeep_chaos::coverage::{self, Coverage};
use ebskeep_chaos::flaw::Flaw;
use ebskeep_chaos::life::live;
use ebskeep_chaos::scene::Theme;
use ebskeep_proofs::proves;

/// Worlds in each run of the tests.
const SEEDS: u64 = 240;
/// Worlds in which a planted mistake must show.
const ENOUGH: u64 = 500;

#[test]
fn whatever_befalls_them_what_must_hold_holds() {
    let _proof = proves(&[
        "0.1", "1.0.8", "1.1.4", "2.4.4", "2.4.8", "5.1", "6.6", "6.12", "6.14", "6.78", "6.83", "6.84", "6.91",
        "R6.1", "R6.2", "R8.1", "R9.4",
    ]);
    let mut coverage = Coverage::new();
    let mut wrong = Vec::new();
    for seed in 0..SEEDS {
        let life = live(seed, None).unwrap();
        for (what, times) in life.coverage {
            *coverage.entry(what).or_default() += times;
        }
        let violations = life.violations.into_iter();
        wrong.extend(violations.map(|violation| format!("{violation}\n{}", again::words(seed, None))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing = coverage::missing(&coverage, coverage::required());
    assert!(missing.is_empty(), "never happened: {missing:?}\nof {coverage:#?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [2, 3] {
        assert_eq!(live(seed, None).unwrap().story, live(seed, None).unwrap().story);
    }
}

/// In which world each planted mistake first shows as what it is. Each invariant is there for
/// some of them, and the table in docs/reliability.md says the same.
#[test]
fn each_planted_mistake_is_found_and_each_invariant_finds_some() {
    let broken: BTreeSet<_> = Flaw::ALL.into_iter().map(Flaw::breaks).collect();
    assert_eq!(broken.into_iter().collect::<Vec<_>>(), INVARIANTS, "invariants that some mistake breaks");
    let mut found = Vec::new();
    let mut missed = Vec::new();
    for flaw in Flaw::ALL {
        let breaks = |seed: &u64| {
            let violations = live(*seed, Some(flaw)).unwrap().violations;
            // What can be told at once is told after its step.
            let late = AT_THE_END.contains(&flaw.breaks());
            violations.iter().any(|violation| violation.what == flaw.breaks() && violation.step.is_none() == late)
        };
        match (0..ENOUGH).filter(|seed| Theme::of(*seed) == flaw.theme()).find(breaks) {
            Some(seed) => found.push((flaw, seed)),
            None => missed.push(flaw),
        }
    }
    assert!(missed.is_empty(), "not found in {ENOUGH} worlds: {missed:?}");
    hold(&found).unwrap();
}

/// What stands in the table of a mistake of which nobody has said there what it does.
const UNTOLD: &str = "| what it does is to be told here";

/// Compares the document's table with what was found, or writes it anew if told to.
fn hold(found: &[(Flaw, u64)]) -> anyhow::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reliability.md");
    let is = std::fs::read_to_string(path)?;
    let expected = with_table(&is, found).context("docs/reliability.md has no table of planted mistakes")?;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        return Ok(std::fs::write(path, &expected)?);
    }
    let differ: Vec<_> = expected.lines().filter(|line| is.lines().all(|other| other != *line)).collect();
    assert!(
        is == expected,
        "docs/reliability.md says otherwise of where planted mistakes are found; UPDATE_DOCS=1 cargo test -p \
         ebskeep-chaos --test worlds planted writes its table anew:\n{}",
        differ.join("\n")
    );
    assert!(!is.contains(UNTOLD), "docs/reliability.md is to say by hand what each planted mistake does");
    Ok(())
}

/// The document with a row for each mistake, in their order. What a row says of it in words is
/// written by hand.
fn with_table(document: &str, found: &[(Flaw, u64)]) -> Option<String> {
    let head = "| planted mistake | `--flaw` | found as | in world |\n|---|---|---|---|\n";
    let from = document.find(head)? + head.len();
    let rows = document[from..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let rows: Vec<&str> = rows.collect();
    let to = from + rows.iter().map(|row| row.len()).sum::<usize>();
    let words = |flaw: Flaw| {
        let named = format!(" | `{flaw:?}` | ");
        let row = rows.iter().find_map(|row| row.split_once(&named));
        row.map_or(UNTOLD, |(words, _)| words)
    };
    let row = |(flaw, seed): &(Flaw, u64)| format!("{} | `{flaw:?}` | `{}` | {seed} |\n", words(*flaw), flaw.breaks());
    let table: String = found.iter().map(row).collect();
    Some([&document[..from], &table, &document[to..]].concat())
}

#[test]
fn the_table_of_planted_mistakes_is_made_of_what_is_found() {
    let head = "before\n\n| planted mistake | `--flaw` | found as | in world |\n|---|---|---|---|\n";
    let rows = "| a share stays | `ShareKept` | `untagged` | 7 |\n| gone since | `Gone` | `gone` | 1 |\n";
    let found = [(Flaw::HoldNotSeen, 4), (Flaw::ShareKept, 3)];
    let expected = "| what it does is to be told here | `HoldNotSeen` | `gone: keep-forever` | 4 |\n\
                    | a share stays | `ShareKept` | `share-left` | 3 |\n";
    let made = with_table(&format!("{head}{rows}\nafter\n"), &found).unwrap();
    assert_eq!(made, format!("{head}{expected}\nafter\n"));
    assert_eq!(with_table(&made, &found), Some(made));
    assert_eq!(with_table("no table", &found), None);
}
