//! Five-field cron: which local minutes match. croner says which numbers a
//! field names. Knows nothing of zones; switches of daylight saving are
//! [`super`]'s.

use croner::parser::{CronParser, Seconds, Year};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use smol_str::SmolStr;

/// A set of local minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    /// The five fields as written, in lower case with single blanks.
    text: SmolStr,
    /// The bits 0 to 59.
    minutes: u64,
    /// The bits 0 to 23; `None` where the field is `*`, which names none.
    hours: Option<u64>,
    /// The bits 1 to 31; `None` where the field is `*`.
    days: Option<u64>,
    /// The bits 1 to 12.
    months: u64,
    /// The bits 0 (Sunday) to 6; `None` where the field is `*`.
    weekdays: Option<u64>,
}

/// One of the five fields.
struct Field {
    /// What it is called.
    name: &'static str,
    /// The words that may stand for numbers.
    words: &'static [&'static str],
    /// What to write.
    write: &'static str,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", words: &[], write: "*, or of 0 to 59 such as 30, 0,30 or */15" },
    Field { name: "hour", words: &[], write: "*, or of 0 to 23 such as 3, 9-17 or */6" },
    Field {
        name: "day of the month",
        words: &[],
        write: "*, or of 1 to 31 such as 1, 1,15 or 1-7 (for the last day of each month \"monthly @ 31 03:30\")",
    },
    Field {
        name: "month",
        words: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        write: "*, or of 1 to 12 or jan to dec such as 1, jan,jul or */3",
    },
    Field {
        name: "day of the week",
        words: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        write: "*, or of 0 to 7 or sun to sat such as sun, mon-fri or 1,4",
    },
];

/// The most days that each month can have, January first.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const ALL_HOURS: u64 = (1 << 24) - 1;

impl Cron {
    /// Reads five fields in lower case. The error says what is wrong and what
    /// to write.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let Ok(fields) = <[&str; 5]>::try_from(fields.as_slice()) else {
            return Err(format!(
                "cron has five fields, minute, hour, day of the month, month and day of the week, and this has {}; \
                 write for example \"30 3 * * *\", without seconds and years",
                fields.len()
            ));
        };
        for (field, text) in FIELDS.iter().zip(fields) {
            field.check_words(text)?;
        }
        let Some([minutes, hours, days, months, weekdays]) = values(fields) else {
            // Which of them it is, is found by giving each a chance alone.
            let alone = |at: usize| {
                let mut alone = ["*"; 5];
                alone[at] = fields[at];
                values(alone).is_none()
            };
            let at = (0..FIELDS.len()).find(|at| alone(*at)).unwrap_or(0);
            return Err(FIELDS[at].wrong(fields[at]));
        };
        let named = |at: usize, bits: u64| (fields[at] != "*").then_some(bits);
        let cron = Self {
            text: SmolStr::from(fields.join(" ")),
            minutes,
            hours: named(1, hours),
            days: named(2, days),
            months,
            weekdays: named(4, weekdays),
        };
        if cron.ever_matches() {
            Ok(cron)
        } else {
            Err(format!("no {} of the month {} ever comes; write a day that its month has", fields[2], fields[3]))
        }
    }

    /// Whether the field of hours is other than `*`.
    pub(super) fn names_hours(&self) -> bool {
        self.hours.is_some()
    }

    /// Whether there is a day that matches. Of a weekday there always is one.
    fn ever_matches(&self) -> bool {
        let Some(days) = self.days.filter(|_| self.weekdays.is_none()) else { return true };
        let has_one = |month: u32, longest: u32| {
            has(self.months, month) && lowest_from(days, 1).is_some_and(|day| day <= longest)
        };
        (1..).zip(LONGEST).any(|(month, longest)| has_one(month, longest))
    }

    /// The latest minute of it that is not after `local`.
    pub(super) fn latest_not_after(&self, local: DateTime) -> Option<DateTime> {
        let (hour, minute) = (local.hour().unsigned_abs().into(), local.minute().unsigned_abs().into());
        if self.has_day(local.date())
            && let Some(found) = self.latest_on(local.date(), hour, minute)
        {
            return Some(found);
        }
        let mut date = local.date();
        loop {
            // A month that does not match is stepped over as a whole.
            let known = if self.has_month(date) { date } else { date.first_of_month() };
            date = known.yesterday().ok()?;
            if self.has_day(date) {
                return self.latest_on(date, 23, 59);
            }
        }
    }

    /// The earliest minute of it that is not before `local`.
    pub(super) fn earliest_not_before(&self, local: DateTime) -> Option<DateTime> {
        let minute = local.date().at(local.hour(), local.minute(), 0, 0);
        let begun = if minute == local { minute } else { minute.checked_add(1.minute()).ok()? };
        let (hour, minute) = (begun.hour().unsigned_abs().into(), begun.minute().unsigned_abs().into());
        if self.has_day(begun.date())
            && let Some(found) = self.earliest_on(begun.date(), hour, minute)
        {
            return Some(found);
        }
        let mut date = begun.date();
        loop {
            let known = if self.has_month(date) { date } else { date.last_of_month() };
            date = known.tomorrow().ok()?;
            if self.has_day(date) {
                return self.earliest_on(date, 0, 0);
            }
        }
    }

    fn has_month(&self, date: Date) -> bool {
        has(self.months, date.month().unsigned_abs().into())
    }

    /// Of a day of the month and a weekday either is enough, as cron has it;
    /// a `*` asks for nothing.
    fn has_day(&self, date: Date) -> bool {
        let day = |days| has(days, date.day().unsigned_abs().into());
        let weekday = |weekdays| has(weekdays, date.weekday().to_sunday_zero_offset().unsigned_abs().into());
        self.has_month(date)
            && match (self.days, self.weekdays) {
                (None, None) => true,
                (Some(days), None) => day(days),
                (None, Some(weekdays)) => weekday(weekdays),
                (Some(days), Some(weekdays)) => day(days) || weekday(weekdays),
            }
    }

    /// The latest time on that day up to the minute given.
    fn latest_on(&self, date: Date, hour: u32, minute: u32) -> Option<DateTime> {
        let hours = self.hours.unwrap_or(ALL_HOURS);
        let in_this_hour = || has(hours, hour).then(|| highest_up_to(self.minutes, minute)).flatten();
        let found = in_this_hour().map(|minute| (hour, minute)).or_else(|| {
            let earlier = highest_up_to(hours, hour.checked_sub(1)?)?;
            Some((earlier, highest_up_to(self.minutes, 59)?))
        });
        found.and_then(|(hour, minute)| at(date, hour, minute))
    }

    /// The earliest time on that day from the minute given on.
    fn earliest_on(&self, date: Date, hour: u32, minute: u32) -> Option<DateTime> {
        let hours = self.hours.unwrap_or(ALL_HOURS);
        let in_this_hour = || has(hours, hour).then(|| lowest_from(self.minutes, minute)).flatten();
        let found = in_this_hour().map(|minute| (hour, minute)).or_else(|| {
            let later = lowest_from(hours, hour + 1)?;
            Some((later, lowest_from(self.minutes, 0)?))
        });
        found.and_then(|(hour, minute)| at(date, hour, minute))
    }
}

impl std::fmt::Display for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Field {
    /// Lets through what is made of numbers, `*` and this field's own words.
    /// croner takes a name in any field and inside other names, takes an
    /// empty item of a list, and knows `L`, `W`, `#` and `?`.
    fn check_words(&self, text: &str) -> Result<(), String> {
        let known = |word: &str| {
            let number = !word.is_empty() && word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
            word == "*" || number || self.words.contains(&word)
        };
        if text.split([',', '-', '/']).all(known) { Ok(()) } else { Err(self.wrong(text)) }
    }

    fn wrong(&self, text: &str) -> String {
        format!("its {} {text:?} is not understood; write {}", self.name, self.write)
    }
}

/// The bits of each field, or `None` where one is wrong.
fn values(fields: [&str; 5]) -> Option<[u64; 5]> {
    // A year is named because croner would set a bit for each of 5,000.
    let text = format!("0 {} 2000", fields.join(" "));
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Required).build();
    let pattern = parser.parse(&text).ok()?.pattern;
    let fields = [&pattern.minutes, &pattern.hours, &pattern.days, &pattern.months, &pattern.days_of_week];
    Some(fields.map(|field| field.values().into_iter().fold(0, |bits, value| bits | 1 << value)))
}

fn has(bits: u64, value: u32) -> bool {
    bits & (1 << value) != 0
}

/// The highest bit that is not above `value`.
fn highest_up_to(bits: u64, value: u32) -> Option<u32> {
    (bits & (u64::MAX >> (63 - value))).checked_ilog2()
}

/// The lowest bit that is not below `value`.
fn lowest_from(bits: u64, value: u32) -> Option<u32> {
    let left = bits & (u64::MAX << value);
    (left != 0).then(|| left.trailing_zeros())
}

fn at(date: Date, hour: u32, minute: u32) -> Option<DateTime> {
    let time = jiff::civil::Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
    Some(date.to_datetime(time))
}
