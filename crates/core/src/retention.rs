//! `Retention`: how long a snapshot stays. Owns the grammar and the span of a
//! policy; what a policy keeps is decided in [`crate::plan`].

mod rules;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::age::{Age, AgeError};
use crate::calendar;
pub use rules::{Bucket, Reach, Rule, Rules};

/// A retention policy that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Kept that long from the snapshot's start.
    Age(Age),
    /// Never expires.
    Forever,
    /// Rules such as `daily=7 weekly=4`: what any of them keeps is kept.
    Rules(Rules),
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
            return Rules::parse(text).map(Self::Rules);
        }
        Age::parse(text).map(Self::Age).map_err(|why| match why {
            AgeError::NotAnAge => format!("{why}, \"forever\", or rules such as \"daily=7 weekly=4 monthly=12\""),
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

    /// The end of the policy's span for what began at `start`: its age, or the
    /// longest that its rules name. `None` for `forever`, `last` and `all`, which
    /// have no end.
    pub fn span_ends(&self, start: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Age(age) => Some(calendar::after(start, *age, zone)),
            Self::Forever => None,
            Self::Rules(rules) => {
                let ends = rules.iter().map(|rule| rule.span().map(|span| calendar::after(start, span, zone)));
                // `None` is less than any end, so it has to be looked for by itself.
                ends.collect::<Option<Vec<_>>>()?.into_iter().max()
            }
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Age(age) => age.fmt(f),
            Self::Forever => f.write_str("forever"),
            Self::Rules(rules) => rules.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_told_apart() {
        let _proof = ebskeep_proofs::proves(&["2.2.1", "2.2.2", "2.2.3", "2.3.1"]);
        assert_eq!(Policy::parse(" 7 "), Ok(Policy::Age(Age::days(7))));
        assert_eq!(Policy::parse("Forever"), Ok(Policy::Forever));
        // What may have been meant is said, unless it is clear.
        assert!(Policy::parse("soon").unwrap_err().contains("\"forever\", or rules such as"));
        assert!(!Policy::parse("0").unwrap_err().contains("rules such as"));
        for (text, shown) in [
            ("daily=7 weekly=4 monthly=12 yearly=3", "daily=7 weekly=4 monthly=12 yearly=3"),
            ("yearly=3,daily=7,,weekly=ALL", "daily=7 weekly=all yearly=3"),
            ("Last=3", "last=3"),
            ("within-daily=30d within=1y2m3d4h", "within=1y2m3d4h within-daily=30d"),
            ("hourly=024 daily=007", "hourly=24 daily=7"),
            ("within=2w", "within=14d"),
        ] {
            let policy = Policy::parse(text).unwrap();
            assert!(matches!(policy, Policy::Rules(_)), "{text:?}");
            assert_eq!(policy.to_string(), shown, "{text:?}");
            assert_eq!(Policy::parse(shown), Ok(policy), "{text:?}");
        }
    }

    #[test]
    fn nothing_unclear_is_a_policy() {
        let _proof = ebskeep_proofs::proves(&["2.2.4", "2.2.5"]);
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
            "within=all",
            "daily=7d",
            "daily=99999999999",
            "daily=1234567890",
            "daily=+7",
            "none",
            "all",
            "delete",
            "daily=7;weekly=4",
            "daily = 7",
            "日=7",
        ] {
            assert!(Policy::parse(text).is_err(), "{text:?} is no policy");
        }
    }

    #[test]
    fn the_span_is_the_age_or_the_longest_that_rules_name() {
        let _proof = ebskeep_proofs::proves(&["2.2.6"]);
        let start: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        for (policy, ends) in [
            ("7", Some("2026-02-07T00:00:00Z")),
            ("36h", Some("2026-02-01T12:00:00Z")),
            ("hourly=36", Some("2026-02-01T12:00:00Z")),
            ("daily=7", Some("2026-02-07T00:00:00Z")),
            ("daily=7 weekly=4", Some("2026-02-28T00:00:00Z")),
            // Twelve months and one year are the same.
            ("daily=7 monthly=12", Some("2027-01-31T00:00:00Z")),
            ("yearly=1 daily=400", Some("2027-03-07T00:00:00Z")),
            ("within=1m", Some("2026-02-28T00:00:00Z")),
            ("within-weekly=1y daily=3", Some("2027-01-31T00:00:00Z")),
            ("forever", None),
            ("last=3", None),
            ("daily=7 weekly=all", None),
        ] {
            let got = Policy::parse(policy).unwrap().span_ends(start, &TimeZone::UTC);
            assert_eq!(got, ends.map(|text| text.parse().unwrap()), "{policy}");
        }
    }
}
