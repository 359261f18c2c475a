//! Ages such as `14`, `2w` or `1y6m`: how long a policy keeps.

use std::fmt;

use jiff::{Span, ToSpan};

/// The longest age taken, in hours, days, months and years alike about a
/// thousand years: far beyond any use, far within what calendars can count.
const MAX_YEARS: i64 = 1_000;

/// A length of time in calendar units and real hours; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age {
    years: i64,
    months: i64,
    days: i64,
    hours: i64,
}

impl Age {
    /// This many days.
    pub const fn days(days: i64) -> Self {
        Self { years: 0, months: 0, days, hours: 0 }
    }

    /// This many real hours.
    pub const fn hours(hours: i64) -> Self {
        Self { years: 0, months: 0, days: 0, hours }
    }

    /// This many calendar months.
    pub const fn months(months: i64) -> Self {
        Self { years: 0, months, days: 0, hours: 0 }
    }

    /// This many calendar years.
    pub const fn years(years: i64) -> Self {
        Self { years, months: 0, days: 0, hours: 0 }
    }

    /// As it is written in a tag: `1y2m3d4h`.
    pub fn short(self) -> impl fmt::Display {
        Short(self)
    }

    /// Reads `14` (days), or numbers with units from the longest to the shortest:
    /// `y m w d h`, each once. `m` is months. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AgeError> {
        let (age, descending) = read(text)?;
        if descending { age.within_bounds() } else { Err(AgeError::UnitOrder) }
    }

    /// Reads an age that a snapshot records: as ebskeep 0.1 read it, which took
    /// units in any order.
    pub fn parse_record(text: &str) -> Result<Self, AgeError> {
        read(text)?.0.within_bounds()
    }

    /// Whether another is the same length in every calendar: twelve months are a year,
    /// and 24 hours are not a day.
    pub fn is_as_long(self, other: Self) -> bool {
        let months = |age: Self| age.years * 12 + age.months;
        (months(self), self.days, self.hours) == (months(other), other.days, other.hours)
    }

    /// Whether it is whole days, so that a date says it all.
    pub fn is_whole_days(self) -> bool {
        self.hours == 0
    }

    /// The days, if it is nothing else.
    pub(crate) fn only_days(self) -> Option<i64> {
        let Self { years, months, days, hours } = self;
        (years == 0 && months == 0 && hours == 0).then_some(days)
    }

    /// Whether it is longer than any age that can be written.
    pub(crate) fn is_beyond_the_calendar(self) -> bool {
        self.within_bounds() == Err(AgeError::TooLong)
    }

    /// The calendar part, as a span of years, months and days.
    pub(crate) fn calendar(self) -> Span {
        self.years.years().months(self.months).days(self.days)
    }

    /// The part counted in real hours.
    pub(crate) fn real_hours(self) -> i64 {
        self.hours
    }

    fn within_bounds(self) -> Result<Self, AgeError> {
        if self == Self::days(0) {
            return Err(AgeError::Zero);
        }
        let years = self.years + self.months / 12 + self.days / 365 + self.hours / (365 * 24);
        if years > MAX_YEARS { Err(AgeError::TooLong) } else { Ok(self) }
    }
}

/// Units, from the longest to the shortest.
const UNITS: [char; 5] = ['y', 'm', 'w', 'd', 'h'];

/// Reads an age whatever the order of its units, and whether they descend.
fn read(text: &str) -> Result<(Age, bool), AgeError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AgeError::Empty);
    }
    let mut age = Age::days(0);
    if text.bytes().all(|b| b.is_ascii_digit()) {
        age.days = number(text);
        return Ok((age, true));
    }
    let mut seen: Vec<usize> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, tail) = rest.split_at(digits);
        let unit = tail.chars().next().ok_or(AgeError::NotAnAge)?.to_ascii_lowercase();
        let place = UNITS.iter().position(|known| *known == unit).filter(|_| !count.is_empty());
        let place = place.ok_or(AgeError::NotAnAge)?;
        if seen.contains(&place) {
            return Err(AgeError::UnitTwice(unit));
        }
        seen.push(place);
        let count = number(count);
        match unit {
            'y' => age.years = count,
            'm' => age.months = count,
            'w' => age.days += count * 7,
            'd' => age.days += count,
            _ => age.hours = count,
        }
        rest = tail.get(unit.len_utf8()..).unwrap_or_default();
    }
    Ok((age, seen.is_sorted()))
}

/// A number of digits alone. More than nine digits are longer than any calendar
/// in whatever unit, so they count as ten.
fn number(digits: &str) -> i64 {
    const MOST: i64 = 9_999_999_999;
    digits.parse().unwrap_or(MOST).min(MOST)
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (count, unit) in [(self.years, "year"), (self.months, "month"), (self.days, "day"), (self.hours, "hour")] {
            if count > 0 {
                let gap = if first { "" } else { " " };
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{gap}{count} {unit}{plural}")?;
                first = false;
            }
        }
        Ok(())
    }
}

struct Short(Age);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Age { years, months, days, hours } = self.0;
        for (count, unit) in [(years, 'y'), (months, 'm'), (days, 'd'), (hours, 'h')] {
            if count > 0 {
                write!(f, "{count}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Why a text is no age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// There is nothing there.
    #[error("it is empty")]
    Empty,
    /// It is zero, and nothing ever means \"delete all\".
    #[error("zero keeps nothing, which is never meant")]
    Zero,
    /// A unit is named twice.
    #[error("the unit {0:?} is named twice")]
    UnitTwice(char),
    /// More than a thousand years.
    #[error("it is longer than {MAX_YEARS} years")]
    TooLong,
    /// The units do not go from the longest to the shortest.
    #[error(
        "its units must go from the longest to the shortest, as in 1y6m or 2w3d12h (y, m, w, d, h); m is months, and \
         there are no minutes"
    )]
    UnitOrder,
    /// Something else altogether.
    #[error("it is not an age such as 14, 14d, 2w, 6m, 1y, 36h or 1y6m")]
    NotAnAge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_are_months_and_days_are_no_hours() {
        let age = |text: &str| Age::parse(text).unwrap();
        for (one, other, same) in
            [("1y", "12m", true), ("1y6m", "18m", true), ("1y", "2y", false), ("6m", "7m", false), ("1d", "24h", false)]
        {
            assert_eq!(age(one).is_as_long(age(other)), same, "{one} {other}");
        }
    }

    #[test]
    fn ages_are_read_as_written() {
        for (text, shown) in [
            ("14", "14 days"),
            ("14d", "14 days"),
            (" 2W ", "14 days"),
            ("6m", "6 months"),
            ("1y", "1 year"),
            ("36h", "36 hours"),
            ("1y6m", "1 year 6 months"),
            ("1y2m3d4h", "1 year 2 months 3 days 4 hours"),
            ("1w1d", "8 days"),
            ("007", "7 days"),
        ] {
            assert_eq!(Age::parse(text).map(|a| a.to_string()), Ok(shown.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn a_thousand_years_is_the_longest_however_it_is_put_together() {
        for (longest, too_long) in [
            ("1000y", "1001y"),
            ("1000y11m", "1000y12m"),
            ("12011m", "12012m"),
            ("1000y364d", "1000y365d"),
            ("365364d", "365365d"),
            ("1000y8759h", "1000y8760h"),
            ("8768759h", "8768760h"),
            ("998y12m365d", "999y12m365d"),
            ("998y12m8760h", "999y12m8760h"),
        ] {
            assert!(Age::parse(longest).is_ok(), "{longest}");
            assert_eq!(Age::parse(too_long), Err(AgeError::TooLong), "{too_long}");
        }
    }

    #[test]
    fn what_is_whole_days_and_what_is_nothing_else() {
        for (text, whole, days) in [
            ("14", true, Some(14)),
            ("2w", true, Some(14)),
            ("1d1h", false, None),
            ("36h", false, None),
            ("1m", true, None),
            ("1y", true, None),
            ("1y1d", true, None),
        ] {
            let age = Age::parse(text).unwrap();
            assert_eq!((age.is_whole_days(), age.only_days()), (whole, days), "{text}");
            let policy = crate::retention::Policy::Age(age);
            assert_eq!(policy.whole_days(), whole.then_some(age), "{text}");
        }
        assert_eq!(crate::retention::Policy::Forever.whole_days(), None);
    }

    /// Every order of every choice of units: the descending one alone is an age, and
    /// as a record all of them are the same age.
    #[test]
    fn units_descend_but_in_records() {
        let _proof = ebskeep_proofs::proves(&["2.2.7", "2.2.8"]);
        let written = ["2y", "3m", "4w", "5d", "6h"];
        let mut refused = 0;
        for choice in 1..5usize.pow(5) {
            // Five digits to base five name up to five units, in any order, some twice.
            let digits: Vec<usize> = (0..5).map(|at| choice / 5usize.pow(at) % 5).collect();
            for length in 1..=5 {
                let chosen = &digits[..length];
                let text: String = chosen.iter().map(|unit| written[*unit]).collect();
                let mut sorted = chosen.to_vec();
                sorted.sort_unstable();
                let twice = sorted.windows(2).any(|pair| pair[0] == pair[1]);
                let descending: String = sorted.iter().map(|unit| written[*unit]).collect();
                if twice {
                    assert!(matches!(Age::parse(&text), Err(AgeError::UnitTwice(_))), "{text}");
                    assert!(matches!(Age::parse_record(&text), Err(AgeError::UnitTwice(_))), "{text}");
                } else if sorted == chosen {
                    assert_eq!(Age::parse(&text), Age::parse_record(&text), "{text}");
                    assert!(Age::parse(&text).is_ok(), "{text}");
                } else {
                    refused += 1;
                    assert_eq!(Age::parse(&text), Err(AgeError::UnitOrder), "{text}");
                    assert_eq!(Age::parse_record(&text), Age::parse(&descending), "{text}");
                }
            }
        }
        assert!(refused > 300, "{refused}");
        assert_eq!(Age::parse_record("12h30m").map(|age| age.to_string()), Ok("30 months 12 hours".to_owned()));
    }

    #[test]
    fn what_is_no_age_says_why() {
        for (text, why) in [
            ("", AgeError::Empty),
            ("  ", AgeError::Empty),
            ("0", AgeError::Zero),
            ("0d0h", AgeError::Zero),
            ("-1", AgeError::NotAnAge),
            ("7.5", AgeError::NotAnAge),
            ("7 days", AgeError::NotAnAge),
            ("d", AgeError::NotAnAge),
            ("7q", AgeError::NotAnAge),
            ("７", AgeError::NotAnAge),
            ("1d2d", AgeError::UnitTwice('d')),
            ("99999999999999999999999", AgeError::TooLong),
            ("2000y", AgeError::TooLong),
            // Too long does not hide what else is wrong.
            ("99999999999q", AgeError::NotAnAge),
            ("99999999999y1y", AgeError::UnitTwice('y')),
            ("99999999999h1y", AgeError::UnitOrder),
        ] {
            assert_eq!(Age::parse(text), Err(why), "{text:?}");
        }
    }
}
