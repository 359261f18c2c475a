//! What somebody may have meant by a `Retention` that is not understood.

use super::{nearest, numbered, tidy};
use crate::retention::{Policy, Rule};

/// Units of ages, and words for them.
const UNITS: [(char, &[&str]); 5] = [
    ('y', &["y", "yr", "yrs", "year", "years"]),
    ('m', &["m", "mo", "mon", "mth", "mths", "month", "months"]),
    ('w', &["w", "wk", "wks", "week", "weeks"]),
    ('d', &["d", "day", "days"]),
    ('h', &["h", "hr", "hrs", "hour", "hours"]),
];

/// Words for numbers.
const NUMBERS: [(&str, u32); 18] = [
    ("a", 1),
    ("an", 1),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("fourteen", 14),
    ("thirty", 30),
    ("sixty", 60),
    ("ninety", 90),
];

/// Words for `forever`. `never` alone is not among them: what never happens may be
/// the deletion or the keeping.
const FOREVER: [&str; 9] = [
    "for ever",
    "keep forever",
    "never delete",
    "never expire",
    "never expires",
    "infinite",
    "unlimited",
    "indefinite",
    "indefinitely",
];

/// A `Retention` that is understood and has the same meaning: the value itself,
/// tidied, or the only one that it can be. Never a shorter age than is written, and
/// never one for a zero.
pub(in crate::watch) fn retention(text: &str) -> Option<String> {
    let tidy = tidy(text);
    let understood = |text: String| Policy::parse(&text).is_ok().then_some(text);
    if let Some(same) = understood(tidy.clone()) {
        return Some(same);
    }
    if FOREVER.contains(&tidy.as_str()) || nearest(&tidy, ["forever"]).is_some() {
        return understood("forever".to_owned());
    }
    if let Some(age) = iso(&tidy) {
        return understood(age);
    }
    let tokens = tokens(&tidy)?;
    rules(&tokens).or_else(|| age(&tokens)).and_then(understood)
}

/// A duration of ISO 8601 in our units: `P7D`, `P1Y6M`, `PT12H`. There are no minutes
/// here, and it has no zero.
fn iso(text: &str) -> Option<String> {
    let text = text.strip_prefix('p')?;
    let (date, time) = text.split_once('t').unwrap_or((text, ""));
    let units = |text: &str, known: &str| text.chars().all(|c| c.is_ascii_digit() || known.contains(c));
    if !units(date, "ymwd") || !units(time, "h") || (text.ends_with('t')) {
        return None;
    }
    let age = format!("{date}{time}");
    let days = age.strip_suffix('d').filter(|days| days.bytes().all(|b| b.is_ascii_digit()));
    Some(days.map_or(age.clone(), str::to_owned))
}

/// A word or a number of a retention.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Number(u32),
}

/// Words and numbers; nothing if there is a sign or a fraction, or anything else
/// that a suggestion would pass over.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_ascii_digit() {
            let (number, after) = numbered(rest)?;
            let fraction =
                after.starts_with('.') && after.get(1..).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
            if fraction {
                return None;
            }
            tokens.push(Token::Number(number));
            rest.len() - after.len()
        } else if first.is_ascii_alphabetic() || rest.starts_with("--") {
            let word = rest.trim_start_matches('-');
            let dashes = rest.len() - word.len();
            let length = word.find(|c: char| !c.is_ascii_alphabetic() && c != '-' && c != '_').unwrap_or(word.len());
            let word = word.get(..length)?;
            tokens.push(Token::Word(word.trim_end_matches(['-', '_']).replace('_', "-")));
            dashes + length
        } else if " =:;,&\"'".contains(first) {
            first.len_utf8()
        } else {
            return None;
        };
        rest = rest.get(taken..)?;
    }
    tokens.retain(|token| !matches!(token, Token::Word(word) if word == "and" || word == "keep" || word.is_empty()));
    for token in &mut tokens {
        if let Token::Word(word) = token
            && let Some((_, number)) = NUMBERS.iter().find(|(name, _)| name == word)
        {
            *token = Token::Number(*number);
        }
    }
    Some(tokens)
}

/// `daily:7`, `7 daily, 4 weekly`, `--keep-daily 7`, `dialy=7`.
fn rules(tokens: &[Token]) -> Option<String> {
    let name = |word: &str| nearest(word.strip_prefix("keep-").unwrap_or(word), Rule::names());
    let mut made = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        let (name, number, after) = match rest {
            [Token::Word(word), Token::Number(number), after @ ..]
            | [Token::Number(number), Token::Word(word), after @ ..] => (name(word)?, *number, after),
            [Token::Word(word), Token::Word(all), after @ ..] if all == "all" => {
                made.push(format!("{}=all", name(word)?));
                rest = after;
                continue;
            }
            _ => return None,
        };
        let (unit, after) = match after {
            [Token::Word(word), after @ ..] if unit(word).is_some() => (unit(word), after),
            after => (None, after),
        };
        let unit = match (name.starts_with("within"), unit) {
            (true, unit) => unit.unwrap_or('d').to_string(),
            (false, None) => String::new(),
            // `daily=7d` may be seven dailies, or the dailies of seven days.
            (false, Some(_)) => return None,
        };
        made.push(format!("{name}={number}{unit}"));
        rest = after;
    }
    (!made.is_empty()).then(|| made.join(" "))
}

fn unit(word: &str) -> Option<char> {
    UNITS.iter().find(|(_, words)| words.contains(&word)).map(|(unit, _)| *unit)
}

/// `7 days`, `1month`, `1 year 6 months`, `days: 7`.
fn age(tokens: &[Token]) -> Option<String> {
    if let [Token::Word(word), Token::Number(number)] = tokens {
        return age(&[Token::Number(*number), Token::Word(word.clone())]);
    }
    let mut made = Vec::new();
    for pair in tokens.chunks(2) {
        let [Token::Number(number), Token::Word(word)] = pair else { return None };
        made.push((*number, unit(word)?));
    }
    let place = |unit: char| UNITS.iter().position(|(other, _)| *other == unit);
    let places: Vec<Option<usize>> = made.iter().map(|(_, unit)| place(*unit)).collect();
    // From the shortest unit up it may be rules, as `7d 4w 12m` is; and an m after a shorter
    // unit may be minutes.
    let rules = places.len() > 1 && places.is_sorted_by(|a, b| a > b);
    let month = made.iter().position(|(_, unit)| *unit == 'm');
    let minutes = month.is_some_and(|month| places.iter().take(month).any(|before| *before > place('m')));
    if rules || minutes {
        return None;
    }
    made.sort_by_key(|(_, unit)| place(*unit));
    match made.as_slice() {
        [(number, 'd')] => Some(number.to_string()),
        made => Some(made.iter().flat_map(|(number, unit)| [number.to_string(), unit.to_string()]).collect()),
    }
}
