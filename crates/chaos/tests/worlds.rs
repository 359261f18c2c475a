//! What holds of random worlds, and that the checker finds what does not.

use std::collections::BTreeSet;

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

/// The table of planted mistakes: in which world each first shows as what it is. Each
/// invariant is there for some of them.
#[test]
fn each_planted_mistake_is_found_and_each_invariant_finds_some() {
    let broken: BTreeSet<_> = Flaw::ALL.into_iter().map(Flaw::breaks).collect();
    assert_eq!(broken.into_iter().collect::<Vec<_>>(), INVARIANTS, "invariants that some mistake breaks");
    let mut missed = Vec::new();
    for flaw in Flaw::ALL {
        let breaks = |seed: &u64| {
            let violations = live(*seed, Some(flaw)).unwrap().violations;
            // What can be told at once is told after its step.
            let late = AT_THE_END.contains(&flaw.breaks());
            violations.iter().any(|violation| violation.what == flaw.breaks() && violation.step.is_none() == late)
        };
        match (0..ENOUGH).filter(|seed| Theme::of(*seed) == flaw.theme()).find(breaks) {
            Some(seed) => println!("{flaw:?}: {} in world {seed}", flaw.breaks()),
            None => missed.push(flaw),
        }
    }
    assert!(missed.is_empty(), "not found in {ENOUGH} worlds: {missed:?}");
}
