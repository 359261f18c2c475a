//! Retention rules such as `daily=7 weekly=4 within=1m`: their grammar and span
//! (docs/semantics.md 2.3).

use crate::age::{Age, AgeError};

/// What the rules of a policy divide time into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// Nothing: each snapshot is its own (`last`, `within`).
    Each,
    /// Calendar hours; the two of a repeated hour are two.
    Hour,
    /// Calendar days.
    Day,
    /// ISO weeks, from Monday.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// How far back a rule reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// So many buckets that are not empty; at least 1.
    Count(u32),
    /// All of them.
    All,
    /// What is strictly younger than that before the newest good snapshot.
    Within(Age),
}

/// One rule of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Of what the newest is kept.
    pub bucket: Bucket,
    /// How far back.
    pub reach: Reach,
}

/// The rules of a policy: at least one, each name once, in the order in which
/// they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(Vec<Rule>);

/// All names: those with a count, then those with a duration.
const NAMES: [(Bucket, &str, &str); 6] = [
    (Bucket::Each, "last", "within"),
    (Bucket::Hour, "hourly", "within-hourly"),
    (Bucket::Day, "daily", "within-daily"),
    (Bucket::Week, "weekly", "within-weekly"),
    (Bucket::Month, "monthly", "within-monthly"),
    (Bucket::Year, "yearly", "within-yearly"),
];

impl Rule {
    /// All names, as in tags: those with a count, then those with a duration.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let counted = NAMES.iter().map(|(_, counted, _)| *counted);
        counted.chain(NAMES.iter().map(|(_, _, timed)| *timed))
    }

    /// Its name, as in a tag.
    pub fn name(self) -> &'static str {
        let mut names = NAMES.iter().filter(|(bucket, _, _)| *bucket == self.bucket);
        let (counted, timed) = names.next().map_or(("", ""), |(_, counted, timed)| (*counted, *timed));
        match self.reach {
            Reach::Count(_) | Reach::All => counted,
            Reach::Within(_) => timed,
        }
    }

    /// How long what is kept can be kept: a week for `weekly=1`. `None` for `last`
    /// and `all`, and for a count beyond the calendar, which have no end.
    pub fn span(self) -> Option<Age> {
        let span = match self.reach {
            Reach::All => None,
            Reach::Within(age) => Some(age),
            Reach::Count(count) => {
                let count = i64::from(count);
                match self.bucket {
                    Bucket::Each => None,
                    Bucket::Hour => Some(Age::hours(count)),
                    Bucket::Day => Some(Age::days(count)),
                    Bucket::Week => Some(Age::days(count * 7)),
                    Bucket::Month => Some(Age::months(count)),
                    Bucket::Year => Some(Age::years(count)),
                }
            }
        };
        span.filter(|span| !span.is_beyond_the_calendar())
    }

    /// Reads one rule, and the name it was written under.
    fn read(text: &str, age: fn(&str) -> Result<Age, AgeError>) -> Result<(Self, &'static str), String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is no rule; write rules such as \"daily=7 weekly=4\""))?;
        for (bucket, counted, timed) in NAMES {
            if name == counted {
                return Ok((Self { bucket, reach: count(text, value)? }, counted));
            }
            if name == timed {
                return Ok((Self { bucket, reach: duration(text, value, age)? }, timed));
            }
        }
        let [counted, timed]: [Vec<&str>; 2] =
            [NAMES.iter().map(|(_, name, _)| *name).collect(), NAMES.iter().map(|(_, _, name)| *name).collect()];
        Err(format!("there is no rule {name:?}; there are {} and {}", counted.join(", "), timed.join(", ")))
    }
}

fn count(rule: &str, value: &str) -> Result<Reach, String> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    // More than nine digits are more than there can ever be.
    if value == "all" || (digits && value.trim_start_matches('0').len() > 9) {
        return Ok(Reach::All);
    }
    let count = value.parse().ok().filter(|count| digits && *count > 0);
    count.map(Reach::Count).ok_or_else(|| format!("{rule:?} needs a count of 1 or more, or \"all\""))
}

fn duration(rule: &str, value: &str, age: fn(&str) -> Result<Age, AgeError>) -> Result<Reach, String> {
    let wrong = || format!("{rule:?} needs a duration such as 1y2m3d4h");
    // A bare number is days in an age, but says nothing in a rule.
    if !value.bytes().any(|b| b.is_ascii_alphabetic()) {
        return Err(wrong());
    }
    match age(value) {
        Ok(age) => Ok(Reach::Within(age)),
        // All that there is, and of each bucket the newest.
        Err(AgeError::TooLong) => Ok(Reach::All),
        Err(why @ AgeError::UnitOrder) => Err(format!("{rule:?}: {why}")),
        Err(_) => Err(wrong()),
    }
}

impl Rules {
    /// Reads rules, by blank or comma. The error says what is wrong and what to
    /// write.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text, Age::parse)
    }

    /// Reads rules, and their durations by `age`.
    pub(super) fn read(text: &str, age: fn(&str) -> Result<Age, AgeError>) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let mut rules: Vec<Rule> = Vec::new();
        let mut names = Vec::new();
        for part in text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty()) {
            let (rule, name) = Rule::read(part, age)?;
            if names.contains(&name) {
                return Err(format!("the rule {name:?} is named twice"));
            }
            names.push(name);
            rules.push(rule);
        }
        // A duration beyond the calendar is `all`, beside which a count keeps nothing more.
        let all: Vec<Bucket> = rules.iter().filter(|rule| rule.reach == Reach::All).map(|rule| rule.bucket).collect();
        rules.retain(|rule| !(all.contains(&rule.bucket) && matches!(rule.reach, Reach::Count(_))));
        if rules.is_empty() {
            return Err("there is no rule in it".to_owned());
        }
        rules.sort_by_key(|rule| (matches!(rule.reach, Reach::Within(_)), rule.bucket));
        rules.dedup();
        Ok(Self(rules))
    }

    /// The rules.
    pub fn iter(&self) -> impl Iterator<Item = Rule> {
        self.0.iter().copied()
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name();
        match self.reach {
            Reach::Count(count) => write!(f, "{name}={count}"),
            Reach::All => write!(f, "{name}=all"),
            Reach::Within(age) => write!(f, "{name}={}", age.short()),
        }
    }
}

impl std::fmt::Display for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, rule) in self.0.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{rule}")?;
        }
        Ok(())
    }
}
