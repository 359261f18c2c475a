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

    /// Reads `14` (days), or numbers with units `y m w d h`, each unit once.
    /// `m` is months. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AgeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AgeError::Empty);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Self::days(number(text)?).within_bounds();
        }
        let mut age = Self::days(0);
        let mut seen = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (count, tail) = rest.split_at(digits);
            let unit = tail.chars().next().ok_or(AgeError::NotAnAge)?.to_ascii_lowercase();
            if count.is_empty() || !"ymwdh".contains(unit) {
                return Err(AgeError::NotAnAge);
            }
            if seen.contains(unit) {
                return Err(AgeError::UnitTwice(unit));
            }
            seen.push(unit);
            let count = number(count)?;
            match unit {
                'y' => age.years = count,
                'm' => age.months = count,
                'w' => age.days += count * 7,
                'd' => age.days += count,
                _ => age.hours = count,
            }
            rest = tail.get(unit.len_utf8()..).unwrap_or_default();
        }
        age.within_bounds()
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

fn number(digits: &str) -> Result<i64, AgeError> {
    // More digits than any sensible number has are too long, not an overflow.
    if digits.trim_start_matches('0').len() > 9 {
        return Err(AgeError::TooLong);
    }
    digits.parse().map_err(|_| AgeError::NotAnAge)
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
    #[error("it is longer than {MAX_YEARS} years; write \"forever\"")]
    TooLong,
    /// Something else altogether.
    #[error("it is not an age such as 14, 14d, 2w, 6m, 1y, 36h or 1y6m")]
    NotAnAge,
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(Age::parse(text), Err(why), "{text:?}");
        }
    }
}
