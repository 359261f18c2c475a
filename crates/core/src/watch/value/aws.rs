//! Schedules as AWS writes them: `cron(0 22 ? * 7 *)` and `rate(12 hours)`, in UTC.

/// Whether a text is AWS's: in `cron(…)` or `rate(…)`, or cron with six fields or a
/// `?`. Six fields are minute, hour, day of the month, month, day of the week and
/// year, never seconds first.
pub(super) fn is_aws(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "*?".contains(c));
    let fields = text.split_whitespace().count();
    text.starts_with("cron(")
        || text.starts_with("rate(")
        || begins && (fields == 6 || fields == 5 && text.contains('?'))
}

/// The schedule as it is written here, if it has the same meaning.
pub(super) fn schedule(text: &str) -> Option<String> {
    match text.strip_prefix("rate(") {
        Some(rest) => rate(rest.strip_suffix(')')?),
        None => cron(text),
    }
}

/// A rate names a rhythm and no time of day.
fn rate(text: &str) -> Option<String> {
    let (count, unit) = text.trim().split_once(char::is_whitespace)?;
    let count: u32 = count.parse().ok()?;
    let unit = match unit.trim() {
        "minute" | "minutes" => "m",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        _ => return None,
    };
    Some(super::backup::period(count, unit))
}

fn cron(text: &str) -> Option<String> {
    let inner = match text.strip_prefix("cron(") {
        Some(rest) => rest.strip_suffix(')')?,
        None => text,
    };
    let fields: Vec<&str> = inner.split_whitespace().collect();
    let (minute, hour, day, month, weekday) = match fields.as_slice() {
        // A rule that ends with a year has no equal here. AWS takes `?` in exactly one
        // of the day fields, so without it these are not its six fields.
        [minute, hour, day, month, weekday, "*"] if (*day == "?") != (*weekday == "?") => {
            (*minute, *hour, *day, *month, weekdays(weekday)?)
        }
        // Five are not AWS's whole form: whether Sunday is 0 or 1 is not known, nor what
        // two days together mean.
        [minute, hour, day, month, weekday] => {
            let numbered = weekday.contains(|c: char| c.is_ascii_digit());
            let any = |field: &str| field == "*" || field == "?";
            let unclear = numbered || (*day == "?" && *weekday == "?") || !(any(day) || any(weekday));
            if unclear {
                return None;
            }
            (*minute, *hour, *day, *month, weekdays(weekday)?)
        }
        _ => return None,
    };
    let day = if day == "?" { "*".to_owned() } else { stepped(day, 31)? };
    let (minute, hour, month) = (stepped(minute, 59)?, stepped(hour, 23)?, stepped(month, 12)?);
    Some(format!("{minute} {hour} {day} {month} {weekday}"))
}

/// A field whose steps begin at a number: `5/15` is `5-59/15`.
fn stepped(field: &str, most: u32) -> Option<String> {
    if field == "*" {
        return Some(field.to_owned());
    }
    let listed = field.contains(',');
    let item = |item: &str| match item.split_once('/') {
        _ if item.contains('?') || (listed && item.contains('*')) => None,
        Some((from, step)) if from.bytes().all(|b| b.is_ascii_digit()) => Some(format!("{from}-{most}/{step}")),
        _ => Some(item.to_owned()),
    };
    Some(field.split(',').map(item).collect::<Option<Vec<_>>>()?.join(","))
}

/// Days of the week, which AWS counts from 1, Sunday, by their names. Of `L`, `#` and
/// steps there is no equal.
fn weekdays(field: &str) -> Option<String> {
    const NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    if field == "*" || field == "?" {
        return Some("*".to_owned());
    }
    let day = |text: &str| match text.parse::<usize>() {
        Ok(number) => number.checked_sub(1).filter(|at| *at < NAMES.len()),
        Err(_) => NAMES.iter().position(|name| *name == text),
    };
    let name = |at: usize| NAMES.get(at).copied();
    let item = |item: &str| match item.split_once('-') {
        Some((from, to)) => match (day(from)?, day(to)?) {
            // From Sunday to Sunday is a whole week here, and one day there.
            (from, to) if from == to => name(from).map(str::to_owned),
            (from, to) if from < to => Some(format!("{}-{}", name(from)?, name(to)?)),
            // Over the end of the week.
            _ => None,
        },
        None => name(day(item)?).map(str::to_owned),
    };
    Some(field.split(',').map(item).collect::<Option<Vec<_>>>()?.join(","))
}
