//! `Retention`: how long a snapshot stays. Owns the grammar; what a policy
//! keeps is decided in [`crate::plan`].

use smol_str::SmolStr;

use crate::age::Age;

/// A retention policy that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Kept that long from the snapshot's start.
    Age(Age),
    /// Never expires.
    Forever,
    /// Rules such as `daily=7 weekly=4`. This version records them as text and
    /// keeps everything under them (`policy-later`).
    Rules(SmolStr),
}

impl Policy {
    /// Reads the value of a `Retention` tag. The error says what is wrong and
    /// what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("forever") {
            return Ok(Self::Forever);
        }
        if text.contains('=') {
            return rules(text).map(|()| Self::Rules(text.into()));
        }
        Age::parse(text).map(Self::Age).map_err(|why| match why {
            crate::age::AgeError::NotAnAge => {
                format!("{why}, \"forever\", or rules such as \"daily=7 weekly=4 monthly=12\"")
            }
            _ => why.to_string(),
        })
    }

    /// The age, if it is one in whole days.
    pub fn whole_days(&self) -> Option<Age> {
        match self {
            Self::Age(age) if age.is_whole_days() => Some(*age),
            _ => None,
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Age(age) => age.fmt(f),
            Self::Forever => f.write_str("forever"),
            Self::Rules(text) => f.write_str(text),
        }
    }
}

const COUNTED: [&str; 6] = ["last", "hourly", "daily", "weekly", "monthly", "yearly"];
const TIMED: [&str; 6] =
    ["within", "within-hourly", "within-daily", "within-weekly", "within-monthly", "within-yearly"];

/// Checks the grammar of rules, so that a typing error is told today and not
/// when the rules first count.
fn rules(text: &str) -> Result<(), String> {
    let text = text.to_ascii_lowercase();
    let mut seen: Vec<&str> = Vec::new();
    for rule in text.split(|c: char| c.is_whitespace() || c == ',').filter(|rule| !rule.is_empty()) {
        let Some((name, value)) = rule.split_once('=') else {
            return Err(format!("{rule:?} is no rule; write rules such as \"daily=7 weekly=4\""));
        };
        if seen.contains(&name) {
            return Err(format!("the rule {name:?} is named twice"));
        }
        seen.push(name);
        if COUNTED.contains(&name) {
            let digits = !value.is_empty() && value.len() <= 9 && value.bytes().all(|b| b.is_ascii_digit());
            let count = digits && value.bytes().any(|b| b != b'0');
            if !count && value != "all" {
                return Err(format!("{rule:?} needs a count of 1 or more, or \"all\""));
            }
        } else if TIMED.contains(&name) {
            // A bare number is days in an age, but says nothing in a rule.
            let unit = value.bytes().any(|b| b.is_ascii_alphabetic());
            Age::parse(value)
                .ok()
                .filter(|_| unit)
                .ok_or_else(|| format!("{rule:?} needs a duration such as 1y2m3d4h"))?;
        } else {
            return Err(format!(
                "there is no rule {name:?}; there are {} and {}",
                COUNTED.join(", "),
                TIMED.join(", ")
            ));
        }
    }
    if seen.is_empty() { Err("there is no rule in it".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_told_apart() {
        assert_eq!(Policy::parse(" 7 "), Ok(Policy::Age(Age::days(7))));
        assert_eq!(Policy::parse("Forever"), Ok(Policy::Forever));
        for rules in
            ["daily=7 weekly=4 monthly=12 yearly=3", "daily=7,weekly=all", "Last=3", "within=1y2m3d4h within-daily=30d"]
        {
            assert_eq!(Policy::parse(rules), Ok(Policy::Rules(rules.into())), "{rules:?}");
        }
    }

    #[test]
    fn nothing_unclear_is_a_policy() {
        for text in [
            "",
            "0",
            "-1",
            "seven",
            "7 14",
            "daily=",
            "daily=0",
            "daily=-1",
            "daily=7 daily=8",
            "dialy=7",
            "daily=7 weekly",
            "=",
            ",=,",
            "within=7",
            "within=0d",
            "none",
            "all",
            "delete",
            "daily=7;weekly=4",
            "日=7",
        ] {
            assert!(Policy::parse(text).is_err(), "{text:?} is no policy");
        }
    }
}
