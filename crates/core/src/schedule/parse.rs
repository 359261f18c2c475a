//! The grammar of `Backup`: text to schedules and back. Case and blanks mean
//! nothing. Errors say what is wrong and what to write.

use jiff::civil::{Time, Weekday};

use super::{Backup, Cron, Schedule};

impl Backup {
    /// Reads the value of a `Backup` tag. The error says what is wrong and
    /// what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" | "enabled" => Ok(Self::Default),
            "no" | "false" | "off" | "0" | "disabled" => Ok(Self::No),
            _ => Schedule::parse(text).map(Self::On),
        }
    }
}

impl Schedule {
    /// Reads a schedule. The error says what is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.to_ascii_lowercase();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.as_str() {
            "every-run" => return Ok(Self::EveryRun),
            "hourly" => return Ok(Self::Minutes(60)),
            "daily" => return Ok(Self::DAILY),
            "weekly" => return Ok(Self::Weekly { day: Weekday::Monday, at: Time::midnight() }),
            "monthly" => return Ok(Self::Monthly { day: 1, at: Time::midnight() }),
            "yearly" => return Ok(Self::Yearly),
            _ => {}
        }
        if let Some((what, when)) = text.split_once('@') {
            return at(what.trim(), when.trim());
        }
        if let Some(period) = text.strip_prefix("every ") {
            return every(period);
        }
        // Nothing else begins with a number or a star and has several words.
        if text.contains(' ') && text.starts_with(|c: char| c.is_ascii_digit() || c == '*') {
            return Cron::parse(&text).map(Self::Cron);
        }
        Err("it is none of yes, no, every-run, hourly, daily, weekly, monthly, yearly, nor one such as \"every 6h\", \
             \"daily @ 03:30\", \"weekly @ sun 03:30\", \"monthly @ 1 03:30\" or cron's \"30 3 * * *\""
            .to_owned())
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |at: &Time| at.strftime("%H:%M").to_string();
        match self {
            Self::EveryRun => f.write_str("every-run"),
            Self::Minutes(60) => f.write_str("hourly"),
            Self::Minutes(n) => write!(f, "every {n}m"),
            Self::Hours(n) => write!(f, "every {n}h"),
            Self::Days { every, at } => {
                match every {
                    1 => f.write_str("daily")?,
                    n => write!(f, "every {n}d")?,
                }
                if *at == Time::midnight() { Ok(()) } else { write!(f, " @ {}", time(at)) }
            }
            Self::Weekly { day: Weekday::Monday, at } if *at == Time::midnight() => f.write_str("weekly"),
            Self::Weekly { day, at } => write!(f, "weekly @ {} {}", &day_name(*day)[..3], time(at)),
            Self::Monthly { day: 1, at } if *at == Time::midnight() => f.write_str("monthly"),
            Self::Monthly { day, at } => write!(f, "monthly @ {day} {}", time(at)),
            Self::Yearly => f.write_str("yearly"),
            Self::Cron(cron) => cron.fmt(f),
        }
    }
}

/// `what @ when`.
fn at(what: &str, when: &str) -> Result<Schedule, String> {
    let words: Vec<&str> = when.split_whitespace().collect();
    let wrong = |after: &str, example: &str| {
        Err(format!("after \"{what} @\" belongs {after} and nothing else; write for example \"{example}\""))
    };
    match (what, words.as_slice()) {
        ("daily", [at]) => Ok(Schedule::Days { every: 1, at: time(at)? }),
        ("daily", _) => wrong("a time", "daily @ 03:30"),
        ("weekly", [day, at]) => Ok(Schedule::Weekly { day: weekday(day)?, at: time(at)? }),
        ("weekly", _) => wrong("a day of the week and a time", "weekly @ sun 03:30"),
        ("monthly", [day, at]) => Ok(Schedule::Monthly { day: day_of_month(day)?, at: time(at)? }),
        ("monthly", _) => wrong("a day of the month and a time", "monthly @ 1 03:30"),
        ("yearly", _) => {
            Err("\"yearly\" takes no time of day; for one write cron, such as \"30 3 1 1 *\" for the first \
                              of January at 03:30"
                .to_owned())
        }
        ("hourly", _) => {
            Err("\"hourly\" takes no time; for a minute of each hour write cron, such as \"15 * * * *\"".to_owned())
        }
        ("", _) => Err(format!(
            "the nickname \"@{when}\" is not understood; write hourly, daily, weekly, monthly or yearly, without the @"
        )),
        _ => match (what.strip_prefix("every ").map(every).transpose()?, words.as_slice()) {
            (Some(Schedule::Days { every, .. }), [at]) => Ok(Schedule::Days { every, at: time(at)? }),
            (Some(Schedule::Days { .. }), _) => wrong("a time", &format!("{what} @ 03:30")),
            (Some(_), _) => Err(format!("{what:?} takes no time of day; for one write cron, such as \"30 */6 * * *\"")),
            (None, _) => Err(format!(
                "{what:?} takes no time of day; write for example \"daily @ 03:30\" or \"weekly @ sun 03:30\""
            )),
        },
    }
}

fn time(text: &str) -> Result<Time, String> {
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
        let lengths = matches!((hour.len(), minute.len()), (1 | 2, 2));
        Time::new(number(hour)?, number(minute)?, 0, 0).ok().filter(|_| lengths)
    };
    read().ok_or_else(|| format!("{text:?} is no time of day; write 00:00 to 23:59, such as 03:30"))
}

fn weekday(text: &str) -> Result<Weekday, String> {
    let begins = |day: &Weekday| text.len() >= 3 && day_name(*day).starts_with(text);
    let day = Weekday::Monday.cycle_forward().take(7).find(begins);
    day.ok_or_else(|| format!("{text:?} is no day of the week; write mon, tue, wed, thu, fri, sat or sun"))
}

fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

fn day_of_month(text: &str) -> Result<i8, String> {
    let digits = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let day = text.parse().ok().filter(|day| digits && (1..=31).contains(day));
    day.ok_or_else(|| format!("{text:?} is no day of a month; write 1 to 31, where 31 is always the last"))
}

fn every(period: &str) -> Result<Schedule, String> {
    let wrong = || format!("\"every {period}\" is no period; write a number and m, h or d, such as \"every 6h\"");
    let unit = period.chars().last().ok_or_else(wrong)?;
    let digits = period.strip_suffix(unit).unwrap_or_default().trim();
    if digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let n: i32 = digits.parse().map_err(|_| wrong())?;
    let divides = |whole: i32| i8::try_from(n).ok().filter(|_| n > 0 && n <= whole && whole % n == 0);
    match unit {
        'm' => divides(60)
            .map(Schedule::Minutes)
            .ok_or_else(|| "minutes must divide the hour: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60".to_owned()),
        'h' => divides(24)
            .map(Schedule::Hours)
            .ok_or_else(|| "hours must divide the day: 1, 2, 3, 4, 6, 8, 12 or 24".to_owned()),
        'd' if n > 0 => Ok(Schedule::Days { every: n, at: Time::midnight() }),
        'd' => Err("days must be 1 or more".to_owned()),
        _ => Err(wrong()),
    }
}
