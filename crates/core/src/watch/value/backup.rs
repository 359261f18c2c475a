//! What somebody may have meant by a `Backup` that is not understood.

use super::{nearest, numbered, tidy};
use crate::schedule::Backup;

/// A `Backup` that is understood: the value itself, tidied, or what it resembles.
pub(in crate::watch) fn backup(text: &str) -> Option<String> {
    let tidy = tidy(text);
    let tries = [tidy.clone(), tidy.replace(['_', ' '], "-"), tidy.replace('_', " ")];
    tries.iter().find_map(|text| understood(text)).or_else(|| understood(&word(&tidy)?)).or_else(|| timed(&tidy))
}

/// As we write it, if it is understood.
fn understood(text: &str) -> Option<String> {
    Backup::parse(text).ok().map(|backup| match backup {
        Backup::Default => "Yes".to_owned(),
        Backup::No => "No".to_owned(),
        Backup::On(schedule) => schedule.to_string(),
    })
}

/// Words that people write for ours.
const OTHER_WORDS: [(&str, &str); 15] = [
    ("y", "yes"),
    ("n", "no"),
    ("none", "no"),
    ("never", "no"),
    ("nightly", "daily"),
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

/// Of these the nearest is looked for. `no`, `on` and the digits are left out:
/// whatever is as short is near to both, as `of` is.
const WORDS: [&str; 13] = [
    "yes",
    "true",
    "enabled",
    "false",
    "off",
    "disabled",
    "every-run",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "nightly",
];

/// One of our words that this one stands for.
fn word(text: &str) -> Option<String> {
    let other = |text: &str| OTHER_WORDS.iter().find(|(word, _)| *word == text).map(|(_, ours)| (*ours).to_owned());
    other(text)
        .or_else(|| nearest(text, WORDS).filter(|_| text.chars().count() > 2))
        .map(|near| other(&near).unwrap_or(near))
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Something with a time of day or a period in it.
fn timed(text: &str) -> Option<String> {
    if let Some(cron) = aws_cron(text).and_then(|cron| understood(&cron)) {
        return Some(cron);
    }
    let text = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    let (mut period, mut day, mut time, mut number, mut unit) = (None, None, None, None, None);
    let parts = text.split(|c: char| c.is_whitespace() || ",@;()".contains(c));
    for part in parts.filter(|part| !matches!(*part, "" | "at" | "on" | "every" | "each" | "the" | "of" | "utc")) {
        let taken = if let Some(found) = weekday(part) {
            day.replace(found).is_none()
        } else if let Some(found) = nearest(part, ["daily", "weekly", "monthly"]) {
            period.replace(found).is_none()
        } else if let Some(found) = clock(part) {
            time.replace(found).is_none()
        } else if matches!(part, "am" | "pm") {
            // Of the time, or bare hour, before it.
            let hour = time.take().or_else(|| number.take().map(|hour: u32| hour.to_string()));
            time = hour.and_then(|hour| clock(&format!("{hour}{part}")));
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
    let made = match (period.as_deref(), day, number, unit) {
        (Some("weekly") | None, Some(day), None, None) => at(&format!("weekly @ {}", day.get(..3)?)),
        (Some("monthly"), None, Some(number), None) => at(&format!("monthly @ {number}")),
        (Some("daily") | None, None, None, None) => format!("daily @ {}", time?),
        (None, None, Some(number), Some(unit)) => {
            let every = format!("every {number}{unit}");
            time.map_or(every.clone(), |time| format!("{every} @ {time}"))
        }
        _ => return None,
    };
    understood(&made)
}

fn weekday(text: &str) -> Option<&'static str> {
    let text = text.strip_suffix('s').filter(|rest| rest.ends_with("day")).unwrap_or(text);
    let begins = DAYS.into_iter().find(|day| text.len() >= 3 && day.starts_with(text));
    begins.or_else(|| {
        let near = nearest(text, DAYS)?;
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

/// EventBridge's `cron(30 3 * * ? *)`, or cron with seconds or years that say
/// nothing, as five fields. Days of the week as numbers are others there.
fn aws_cron(text: &str) -> Option<String> {
    let inner = text.strip_prefix("cron(").map(|rest| rest.trim_end_matches(')'));
    let fields: Vec<&str> = inner.unwrap_or(text).split_whitespace().collect();
    let five = match fields.as_slice() {
        [five @ .., "*"] if inner.is_some() && five.len() == 5 => five,
        ["0", five @ ..] if inner.is_none() && five.len() == 5 => five,
        five if five.len() == 5 => five,
        _ => return None,
    };
    let [minute, hour, day, month, weekday] = five else { return None };
    if inner.is_some() && weekday.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    Some([minute, hour, day, month, weekday].map(|field| field.replace('?', "*")).join(" "))
}
