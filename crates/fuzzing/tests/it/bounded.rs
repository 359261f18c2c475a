//! The fuzz targets on stable Rust, for a moment: their seeds, and some thousands of
//! seeded mutations of them. The same on every run, so that a red run means a changed
//! program. `FUZZ_CASES=1000000` looks at more of them.

use ebskeep_fuzzing::{TARGETS, Target, seeds::WORDS};
use serde_json::Value;

/// How many for each target. In a debug build they take a few seconds.
const CASES: u64 = 2_000;

/// SplitMix64, of Steele, Lea and Flood's "Fast splittable pseudorandom number
/// generators" (2014): a generator of a few lines is random enough here.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `end`, or 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len())]
    }
}

/// One change of some bytes.
fn change_bytes(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let end = (at + 1 + dice.below(8)).min(input.len());
    match dice.below(7) {
        0 if at < input.len() => input[at] = u8::try_from(dice.below(256)).unwrap(),
        1 if at < input.len() => input[at] ^= 1 << dice.below(8),
        2 if at < end => drop(input.drain(at..end)),
        3 if at < end => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        4 => {
            let from = dice.below(other.len());
            input.truncate(at);
            input.extend(&other[from..]);
        }
        5 if at < end => drop(input.splice(at..end, dice.word().bytes())),
        _ => drop(input.splice(at..at, dice.word().bytes())),
    }
}

/// One change somewhere in a document, which stays one.
fn change_json(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 => drop(items.remove(at)),
                1 => items.insert(at, items[at].clone()),
                _ => change_json(&mut items[at], dice),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let at = dice.below(fields.len());
            let name = fields.keys().nth(at).cloned().unwrap();
            match dice.below(6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(dice.word().to_owned(), fields[&name].clone())),
                _ => change_json(fields.get_mut(&name).unwrap(), dice),
            }
        }
        Value::String(text) => {
            let mut bytes = std::mem::take(text).into_bytes();
            change_bytes(&mut bytes, dice.word().as_bytes(), dice);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        other => {
            let words = [Value::Null, Value::Bool(true), 0.into(), (-1).into(), u64::MAX.into(), dice.word().into()];
            *other = words[dice.below(words.len())].clone();
        }
    }
}

fn mutated(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.below(seeds.len())].clone();
    let other = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        match serde_json::from_slice::<Value>(&input) {
            Ok(mut value) if dice.below(4) > 0 => {
                change_json(&mut value, dice);
                input = value.to_string().into_bytes();
            }
            _ => change_bytes(&mut input, &other, dice),
        }
    }
    input
}

#[track_caller]
fn holds(target: &Target, input: &[u8]) {
    let held = std::panic::catch_unwind(|| (target.body)(input)).is_ok();
    assert!(held, "the target {} says so of {:?}", target.name, String::from_utf8_lossy(input));
}

fn bounded(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    for seed in &seeds {
        holds(target, seed);
    }
    let cases = std::env::var("FUZZ_CASES").map_or(CASES, |cases| cases.parse().unwrap());
    let mut dice = Dice(2026);
    for _ in 0..cases {
        holds(target, &mutated(&seeds, &mut dice));
    }
}

#[test]
fn whatever_a_tag_says() {
    bounded("tag");
}

#[test]
fn whatever_an_inventory_file_says() {
    bounded("inventory");
}

#[test]
fn whatever_a_plan_file_says() {
    bounded("plan");
}

#[test]
fn whatever_an_event_says() {
    bounded("event");
}
