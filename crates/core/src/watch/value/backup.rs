//! What somebody may have meant by a `Backup` that is not understood.

use super::{aws, distance, numbered, tidy};
use crate::schedule::Backup;

/// A `Backup` that is understood and has the same meaning: the value itself, tidied,
/// or the only one that it can be. `utc` is whether UTC is certainly the zone in which
/// it counts: a value may name UTC, or be AWS's, which counts in UTC.
pub(in crate::watch) fn backup(text: &str, utc: bool) -> Option<String> {
    let tidy = tidy(text);
    let tries = [tidy.clone(), tidy.replace(['_', ' '], "-"), tidy.replace('_', " ")];
    if let Some(same) = tries.iter().find_map(|text| understood(text)) {
        return Some(same);
    }
    if aws::is_aws(&tidy) {
        return understood(&aws::schedule(&tidy).filter(|_| utc)?);
    }
    word(&tidy).or_else(|| timed(&tidy, utc)).and_then(|text| understood(&text))
}

/// As we write it, if it is understood.
fn understood(text: &str) -> Option<String> {
    Backup::parse(text).ok().map(|backup| match backup {
        Backup::Default => "Yes".to_owned(),
        Backup::No => "No".to_owned(),
        Backup::On(schedule) => schedule.to_string(),
    })
}

/// Words that people write for ours. Not among them are `none` and `null`, which
/// scripts write where they have no value.
const OTHER_WORDS: [(&str, &str); 13] = [
    ("y", "yes"),
    ("n", "no"),
    ("never", "no"),
    ("midnight", "daily"),
    ("everyday", "daily"),
    ("every day", "daily"),
    ("every night", "daily"),
    ("each day", "daily"),
    ("every hour", "hourly"),
    ("every week", "weekly"),
    ("every month", "monthly"),
    ("every year", "yearly"),
    ("annually", "yearly"),
];

/// Words in which a slip can be told, and what they mean.
const WORDS: [(&str, &str); 13] = [
    ("yes", "yes"),
    ("true", "yes"),
    ("enabled", "yes"),
    ("false", "no"),
    ("off", "no"),
    ("disabled", "no"),
    ("every-run", "every-run"),
    ("hourly", "hourly"),
    ("daily", "daily"),
    ("nightly", "daily"),
    ("weekly", "weekly"),
    ("monthly", "monthly"),
    ("yearly", "yearly"),
];

/// Words that are no slips of ours, though they are as near.
const NO_SLIPS: [&str; 8] = ["tue", "yet", "tree", "early", "eyes", "one", "null", "none"];

/// One of our words that this one stands for.
fn word(text: &str) -> Option<String> {
    if let Some((_, ours)) = OTHER_WORDS.iter().find(|(word, _)| *word == text) {
        return Some((*ours).to_owned());
    }
    // Whatever is as short as `no` and `on` is near to both, as `of` is.
    let short = text.chars().count() <= 2 || ["no", "on"].iter().any(|word| strsim::osa_distance(text, word) <= 1);
    // A sign can turn a word over, as in `!yes`.
    let signs = !text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if short || signs || NO_SLIPS.contains(&text) {
        return None;
    }
    let mut near = WORDS.iter().filter(|(word, _)| distance(text, word).is_some()).map(|(_, means)| *means);
    let means = near.next()?;
    near.all(|other| other == means).then(|| means.to_owned())
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A period as it is written here. Whole days of hours are days, which both count
/// from midnight of 1970-01-01: `every 48h` is `every 2d`.
pub(super) fn period(count: u32, unit: &str) -> String {
    if unit == "h" && count > 24 && count.is_multiple_of(24) {
        return format!("every {}d", count / 24);
    }
    format!("every {count}{unit}")
}

/// Something with a time of day or a period in it.
fn timed(text: &str, utc: bool) -> Option<String> {
    let (mut period_word, mut day, mut time, mut number, mut unit) = (None, None, None, None, None);
    let (mut repeated, mut exact) = (false, false);
    let parts = text.split(|c: char| c.is_whitespace() || ",@;".contains(c));
    for part in parts.filter(|part| !matches!(*part, "" | "at" | "on" | "the" | "of")) {
        let taken = if matches!(part, "every" | "each") {
            repeated = true;
            true
        } else if part == "utc" {
            // It can be left out only where it says what is so.
            utc
        } else if let Some(found) = weekday(part) {
            day.replace(found).is_none()
        } else if let Some(found) = super::nearest(part, ["daily", "weekly", "monthly"]) {
            period_word.replace(found).is_none()
        } else if let Some(found) = clock(part) {
            exact |= part.contains(':') || part.ends_with('m');
            time.replace(found).is_none()
        } else if matches!(part, "am" | "pm") {
            // Of the time, or bare hour, before it.
            let hour = time.take().or_else(|| number.take().map(|hour: u32| hour.to_string()));
            time = hour.and_then(|hour| clock(&format!("{hour}{part}")));
            exact = true;
            time.is_some()
        } else if let Some((count, rest)) = numbered(part) {
            let at_once = unit_of(rest);
            let known = rest.is_empty() || at_once.is_some() || matches!(rest, "st" | "nd" | "rd" | "th");
            unit = unit.or(at_once);
            known && number.replace(count).is_none()
        } else if let Some(found) = unit_of(part) {
            unit.replace(found).is_none()
        } else {
            false
        };
        if !taken {
            return None;
        }
    }
    let at = |when: &str| time.as_ref().map_or_else(|| format!("{when} 00:00"), |time| format!("{when} {time}"));
    match (period_word.as_deref(), day, number, unit) {
        (Some("weekly") | None, Some(day), None, None) => Some(at(&format!("weekly @ {}", day.get(..3)?))),
        (Some("monthly"), None, Some(number), None) if !repeated => Some(at(&format!("monthly @ {number}"))),
        (Some("daily"), None, None, None) if !repeated => Some(format!("daily @ {}", time?)),
        // `0330` and `3.30` alone need not be times, and `every 3h30` is a period.
        (None, None, None, None) if exact && !repeated => Some(format!("daily @ {}", time?)),
        // Without "every", `12h` may be an hour of the day and `7 days` how long to keep.
        (None, None, Some(number), Some(unit)) if repeated => {
            let every = period(number, unit);
            Some(time.map_or(every.clone(), |time| format!("{every} @ {time}")))
        }
        _ => None,
    }
}

fn weekday(text: &str) -> Option<&'static str> {
    let text = text.strip_suffix('s').filter(|rest| rest.ends_with("day")).unwrap_or(text);
    let begins = DAYS.into_iter().find(|day| text.len() >= 3 && day.starts_with(text));
    begins.or_else(|| {
        let near = super::nearest(text, DAYS)?;
        DAYS.into_iter().find(|day| *day == near)
    })
}

/// `3:30`, `03.30`, `0330`, `3am`, `3:30pm`, `3h30`: as `03:30`.
fn clock(text: &str) -> Option<String> {
    let (digits, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (text, None),
    };
    let (hour, minute) = match digits.split_once([':', '.', 'h']) {
        Some((hour, minute)) if minute.len() == 2 => (hour, minute),
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None if half.is_some() => (digits, "00"),
        Some(_) | None => return None,
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
    let (hour, minute) = (number(hour)?, number(minute)?);
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
}

/// `m`, `h` or `d`, of a word for minutes, hours or days.
fn unit_of(text: &str) -> Option<&'static str> {
    match text {
        "m" | "min" | "mins" | "minute" | "minutes" => Some("m"),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some("h"),
        "d" | "day" | "days" => Some("d"),
        _ => None,
    }
}
