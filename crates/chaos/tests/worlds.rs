//! What holds of random worlds, and that the checker finds what does not.

use std::collections::BTreeSet;

use ebskeep_chaos::checker::INVARIANTS;
use ebskeep_chaos::coverage::{self, Coverage};
use ebskeep_chaos::flaw::Flaw;
use ebskeep_chaos::life::live;
use ebskeep_chaos::scene::Theme;
use ebskeep_proofs::proves;

/// Worlds in each run of the tests.
const SEEDS: u64 = 240;
/// Worlds in which a planted mistake must show.
const ENOUGH: u64 = 500;
/// Worlds of copies that are looked at for all that a mistake does; of the others the
/// first in which it shows is enough.
const LOOK: u64 = 8;

#[test]
fn whatever_befalls_them_what_must_hold_holds() {
    let _proof = proves(&["R6.1", "R6.2", "6.78", "6.81", "6.83", "6.84", "6.86", "6.91"]);
    let mut coverage = Coverage::new();
    let mut wrong = Vec::new();
    for seed in 0..SEEDS {
        let life = live(seed, None).unwrap();
        for (what, times) in life.coverage {
            *coverage.entry(what).or_default() += times;
        }
        let violations = life.violations.into_iter();
        wrong.extend(violations.map(|v| format!("cargo xtask chaos --from {seed} --seeds 1 --story: {v:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing = coverage::missing(&coverage);
    assert!(missing.is_empty(), "never happened: {missing:?}\nof {coverage:#?}");
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [2, 3] {
        assert_eq!(live(seed, None).unwrap().story, live(seed, None).unwrap().story);
    }
}

/// The table of planted mistakes: in which world each first shows, and as what.
/// Each invariant is there for some of them.
#[test]
fn each_planted_mistake_is_found_and_each_invariant_finds_some() {
    let mut missed = Vec::new();
    let mut seen = BTreeSet::new();
    for flaw in Flaw::ALL {
        let mut first = None;
        let worlds = (0..ENOUGH).filter(|seed| Theme::of(*seed) == flaw.theme());
        for (number, seed) in (0..).zip(worlds) {
            let look = if flaw.theme() == Theme::Copies { LOOK } else { 1 };
            if number >= look && first.is_some() {
                break;
            }
            for violation in live(seed, Some(flaw)).unwrap().violations {
                first.get_or_insert((seed + 1, violation.what));
                seen.insert(violation.what);
            }
        }
        match first {
            Some((seeds, what)) => println!("{flaw:?}: {what} in world {seeds}"),
            None => missed.push(flaw),
        }
    }
    assert!(missed.is_empty(), "not found in {ENOUGH} worlds: {missed:?}");
    let unseen: Vec<_> = INVARIANTS.iter().filter(|what| !seen.contains(**what)).collect();
    assert!(unseen.is_empty(), "found nothing: {unseen:?}");
}
