//! `Retention`: how long a snapshot stays. Owns the grammar and the span of a
//! policy; what a policy keeps is decided in [`crate::plan`].

mod rules;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smol_str::{SmolStr, format_smolstr};

use crate::age::{Age, AgeError};
use crate::calendar;
use crate::tags;
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
    /// Reads the value of a `Retention` tag or setting. The error says what is wrong
    /// and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text, Age::parse)
    }

    /// Reads a policy that a snapshot records: as ebskeep 0.1 read it, which took the
    /// units of an age in any order.
    pub fn parse_record(text: &str) -> Result<Self, String> {
        Self::read(text, Age::parse_record)
    }

    fn read(text: &str, age: fn(&str) -> Result<Age, AgeError>) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("forever") {
            return Ok(Self::Forever);
        }
        if text.contains('=') {
            return Rules::read(text, age).map(Self::Rules);
        }
        match age(text) {
            Ok(age) => Ok(Self::Age(age)),
            // Longer than any calendar is without end.
            Err(AgeError::TooLong) => Ok(Self::Forever),
            Err(why @ AgeError::NotAnAge) => {
                Err(format!("{why}, \"forever\", or rules such as \"daily=7 weekly=4 monthly=12\""))
            }
            Err(why) => Err(why.to_string()),
        }
    }

    /// The value of a tag that means this policy.
    pub fn to_tag(&self) -> String {
        match self {
            Self::Age(age) => age.short().to_string(),
            Self::Forever | Self::Rules(_) => self.to_string(),
        }
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

/// The text that a snapshot records of the value of a `Retention` or `Copy_Retention`
/// tag. That is the value itself, unless it is not valid and a record with this text
/// would be: then it is marked, so that the record is not valid either, and keeps.
pub fn to_record(value: &str) -> SmolStr {
    let misread = Policy::parse(value).is_err() && Policy::parse_record(value).is_ok();
    if misread { format_smolstr!("invalid | {value}").chars().take(tags::MAX_VALUE).collect() } else { value.into() }
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
            "daily=+7",
            "12h30m",
            "7d4w",
            "within=12h30m",
            "within-daily=30d1y daily=7",
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
    fn a_record_is_read_as_0_1_read_it() {
        let _proof = ebskeep_proofs::proves(&["2.2.8"]);
        for (record, tag) in [
            ("12h30m", "30m12h"),
            ("30d1y", "1y30d"),
            ("within=12h30m", "within=30m12h"),
            ("daily=7 within-weekly=1d2w", "daily=7 within-weekly=15d"),
        ] {
            assert!(Policy::parse(record).is_err(), "{record}");
            let policy = Policy::parse_record(record);
            assert_eq!(policy, Policy::parse(tag), "{record}");
            assert_eq!(Policy::parse(&policy.clone().unwrap().to_tag()), policy, "{record}");
        }
        // Whatever a tag may say, a record may.
        for text in
            ["14", "1y6m", "forever", "daily=7 within=1y2m3d4h", "99999y", "soon", "1d1d", "0", "daily=7 daily=8"]
        {
            assert_eq!(Policy::parse_record(text), Policy::parse(text), "{text}");
        }
    }

    #[test]
    fn what_is_recorded_of_a_tag_means_what_the_tag_means() {
        let _proof = ebskeep_proofs::proves(&["2.2.9"]);
        for text in ["14", "soon", "", "forever", "daily=7", "12h30m", "within=12h30m", "daily=7 within=1d1y", "1d1d"] {
            let record = to_record(text);
            assert_eq!(Policy::parse_record(&record).ok(), Policy::parse(text).ok(), "{text}: {record}");
            // Nothing is marked but what would be read as something else.
            assert_eq!(record == text, !["12h30m", "within=12h30m", "daily=7 within=1d1y"].contains(&text), "{text}");
        }
        let long = format!("within=1h1y{}daily=7", " ".repeat(tags::MAX_VALUE - 18));
        assert_ne!(to_record(&long), long);
        assert!(to_record(&long).chars().count() <= tags::MAX_VALUE);
    }

    #[test]
    fn beyond_the_calendar_is_without_end() {
        let _proof = ebskeep_proofs::proves(&["2.2.10", "2.2.11"]);
        for (text, same) in [
            ("1001y", "forever"),
            ("365365", "forever"),
            ("365365d", "forever"),
            ("99999999999999999999", "forever"),
            ("999999y", "forever"),
            ("1y99999999999999999999h", "forever"),
            ("within=1001y", "last=all"),
            ("within=99999999999999999999d", "last=all"),
            ("within-weekly=999999y", "weekly=all"),
            ("daily=1000000000", "daily=all"),
            ("last=99999999999999999999", "last=all"),
            // What `all` keeps is no less than what a count keeps.
            ("daily=7 within-daily=1001y", "daily=all"),
            ("within-daily=1001y daily=all weekly=4", "daily=all weekly=4"),
            ("within-daily=30d within-weekly=1001y", "weekly=all within-daily=30d"),
        ] {
            let policy = Policy::parse(text);
            assert_eq!(policy, Policy::parse(same), "{text}");
            assert_eq!(Policy::parse_record(text), policy, "{text}");
            let policy = policy.unwrap();
            assert_eq!(Policy::parse(&policy.to_tag()), Ok(policy), "{text}");
        }
        for edge in ["1000y", "365364", "within=1000y", "daily=999999999", "last=999999999"] {
            let written = Policy::parse(edge).unwrap().to_string();
            assert!(!written.contains("all") && written != "forever", "{edge}: {written}");
        }
        // What is written twice is a mistake, however long.
        assert!(Policy::parse("within=1001y within=1002y").is_err());
        assert!(Policy::parse("99999999999q").is_err());
        assert!(Policy::parse("daily=99999999999q").is_err());
    }

    #[test]
    fn a_span_beyond_the_calendar_has_no_end() {
        let _proof = ebskeep_proofs::proves(&["2.2.11"]);
        let start: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        for (text, ends) in [
            ("yearly=1000", true),
            ("yearly=1001", false),
            ("monthly=12011", true),
            ("monthly=12012", false),
            ("daily=365364", true),
            ("daily=365365", false),
            ("yearly=999999999", false),
            ("weekly=999999999", false),
            ("hourly=999999999", false),
        ] {
            for zone in [TimeZone::UTC, calendar::zone("Europe/London").unwrap()] {
                let got = Policy::parse(text).unwrap().span_ends(start, &zone);
                assert_eq!(got.is_some(), ends, "{text}: {got:?}");
            }
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
