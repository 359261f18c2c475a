//! `Backup`: the slots of a hint are those of the value, for a year.

use std::collections::BTreeMap;

use ebskeep_core::schedule::{Backup, Schedule};
use ebskeep_core::setting::Settings;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Dice, On, hints, instant, named, slips, sloppy_words, year};

/// What a value means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Means {
    Yes,
    No,
    EveryRun,
    /// These local times, in the zone in force.
    Times(Times),
    /// These times in UTC, whatever the zone in force.
    InUtc(Times),
    /// A rhythm of so many minutes that begins at any time, in UTC.
    Rhythm(i64),
    /// More than one thing, or nothing that can be said here.
    Unclear,
}

/// A set of local times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Times {
    days: Days,
    /// `None` where no hour is named: then the repeated hour counts twice.
    hours: Option<Vec<i8>>,
    minutes: Vec<i8>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Days {
    /// Every so many, counted from 1970-01-01.
    Every(i64),
    /// Monday is 1.
    Weekday(i8),
    /// Past the end of a month its last.
    OfMonth(i8),
    FirstOfYear,
    /// AWS's fields, as numbers: days of the month, months, days of the week with Sunday as 1.
    Aws {
        days: Option<Vec<i8>>,
        months: Option<Vec<i8>>,
        weekdays: Option<Vec<i8>>,
    },
}

impl Days {
    fn has(&self, date: Date) -> bool {
        match self {
            Self::Every(count) => {
                let since = date.since(jiff::civil::date(1970, 1, 1)).unwrap().get_days();
                i64::from(since) % count == 0
            }
            Self::Weekday(day) => date.weekday().to_monday_one_offset() == *day,
            Self::OfMonth(day) => date.day() == (*day).min(date.days_in_month()),
            Self::FirstOfYear => date.day_of_year() == 1,
            Self::Aws { days, months, weekdays } => {
                let has = |all: &Option<Vec<i8>>, one: i8| all.as_ref().is_none_or(|all| all.contains(&one));
                has(days, date.day())
                    && has(months, date.month())
                    && has(weekdays, date.weekday().to_sunday_one_offset())
            }
        }
    }
}

impl Times {
    fn at(days: Days, hour: i8, minute: i8) -> Self {
        Self { days, hours: Some(vec![hour]), minutes: vec![minute] }
    }

    /// All of them in the year.
    fn slots(&self, zone: &TimeZone) -> Vec<Timestamp> {
        let (from, until) = year();
        let mut found = Vec::new();
        // In UTC no hour is repeated.
        let all = || (*zone == TimeZone::UTC).then(|| (0..24).collect());
        if let Some(hours) = self.hours.clone().or_else(all) {
            let mut date = zone.to_datetime(from).date().yesterday().unwrap();
            while date <= zone.to_datetime(until).date() {
                let times = hours.iter().filter(|_| self.days.has(date));
                for (hour, minute) in times.flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute))) {
                    found.push(instant(date.to_datetime(Time::new(hour, minute, 0, 0).unwrap()), zone));
                }
                date = date.tomorrow().unwrap();
            }
        } else {
            let mut at = from;
            while at < until {
                let local = zone.to_datetime(at);
                if self.minutes.contains(&local.minute()) && self.days.has(local.date()) {
                    found.push(at);
                }
                at += 1.minute();
            }
        }
        found.retain(|at| (from..until).contains(at));
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The slots of a schedule as ebskeep has them, in the year.
fn slots(schedule: &Schedule, zone: &TimeZone) -> Vec<Timestamp> {
    let (from, until) = year();
    let mut found = Vec::new();
    let mut at = from - 1.nanosecond();
    while let Some(next) = schedule.slot_after(at, zone).filter(|next| *next < until) {
        found.push(next);
        at = next;
    }
    found
}

/// Whether a hint means what was meant, in the zone that holds once all hints are taken.
fn same(means: &Means, hint: &str, zone: Option<&TimeZone>) -> Result<(), String> {
    let backup = Backup::parse(hint).map_err(|why| format!("nobody understands it: {why}"))?;
    let compare = |times: &Times, meant_in: &TimeZone| {
        let Backup::On(schedule) = &backup else { return Err("it is no schedule".to_owned()) };
        let zone = zone.ok_or("the zone is not known")?;
        let (wanted, said) = (times.slots(meant_in), slots(schedule, zone));
        if wanted == said {
            return Ok(());
        }
        let differs = wanted.iter().zip(&said).find(|(wanted, said)| wanted != said);
        Err(format!("{} slots were meant and {} are said; first {differs:?}", wanted.len(), said.len()))
    };
    match means {
        Means::Yes if backup == Backup::Default => Ok(()),
        Means::No if backup == Backup::No => Ok(()),
        Means::EveryRun if backup == Backup::On(Schedule::EveryRun) => Ok(()),
        Means::Yes | Means::No | Means::EveryRun => Err("it is another word".to_owned()),
        // In a zone that is not known yet a local time is that local time.
        Means::Times(times) => match zone {
            Some(zone) => compare(times, zone),
            None => Ok(()),
        },
        Means::InUtc(times) => compare(times, &TimeZone::UTC),
        Means::Rhythm(minutes) => {
            let (Backup::On(schedule), Some(zone)) = (&backup, zone) else {
                return Err("no schedule, or no zone".to_owned());
            };
            let slots = slots(schedule, zone);
            let gaps = slots.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_mins() == *minutes);
            if gaps && slots.len() > 1 { Ok(()) } else { Err("its rhythm is another".to_owned()) }
        }
        Means::Unclear => Err("it may mean more than one thing".to_owned()),
    }
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A time of day in one of the ways in which people write it.
fn clock(dice: &mut Dice, hour: usize, minute: usize) -> String {
    let (half, twelfth) = (if hour < 12 { "am" } else { "pm" }, (hour + 11) % 12 + 1);
    match dice.below(6) {
        0 if minute == 0 => format!("{twelfth}{half}"),
        1 => format!("{twelfth}:{minute:02}{half}"),
        2 => format!("{twelfth}:{minute:02} {half}"),
        3 => format!("{hour}:{minute:02}"),
        4 => format!("{hour:02}.{minute:02}"),
        _ => format!("{hour:02}:{minute:02}"),
    }
}

/// Something with a time of day, in words.
fn phrase(dice: &mut Dice) -> (String, Means) {
    let (hour, minute) = (dice.below(24), dice.pick(&[&0_usize, &15, &30, &59]).to_owned());
    let (h, m) = (i8::try_from(hour).unwrap(), i8::try_from(minute).unwrap());
    let clock = clock(dice, hour, minute);
    let at = dice.pick(&[" @ ", " at ", " ", "@"]);
    let weekday = dice.below(7);
    let day = match dice.below(3) {
        0 => DAYS[weekday].to_owned(),
        1 => format!("{}s", DAYS[weekday]),
        _ => DAYS[weekday][..3].to_owned(),
    };
    let weekly = Days::Weekday(i8::try_from(weekday).unwrap() + 1);
    let number = dice.below(33);
    let monthly = i8::try_from(number).ok().filter(|day| (1..=31).contains(day)).map(Days::OfMonth);
    let (text, times) = match dice.below(8) {
        0 => (format!("daily{at}{clock}"), Some(Times::at(Days::Every(1), h, m))),
        1 => (format!("weekly {day}{at}{clock}"), Some(Times::at(weekly, h, m))),
        2 => (format!("weekly on {day}{at}{clock}"), Some(Times::at(weekly, h, m))),
        3 => (format!("every {day}{at}{clock}"), Some(Times::at(weekly, h, m))),
        4 => (format!("weekly on {day}"), Some(Times::at(weekly, 0, 0))),
        5 => (format!("monthly on the {number}th{at}{clock}"), monthly.map(|days| Times::at(days, h, m))),
        6 if clock.contains(':') => (clock.clone(), Some(Times::at(Days::Every(1), h, m))),
        // A period or a time of day.
        6 => (format!("every {clock}"), None),
        _ => (format!("every {} days at {clock}", number % 9 + 2), {
            Some(Times::at(Days::Every(i64::try_from(number % 9 + 2).unwrap()), h, m))
        }),
    };
    // A letter off in a long word leaves the phrase what it was.
    let text = match dice.below(6) {
        0 => text.replace("daily", "dialy").replace("weekly", "wekly").replace("sunday", "sunady"),
        1 => text.replace("monthly", "montly").replace("wednesday", "wendesday"),
        _ => text,
    };
    match times {
        None => (text, Means::Unclear),
        Some(times) if dice.one_in(5) => (format!("{text} UTC"), Means::InUtc(times)),
        Some(times) => (text, Means::Times(times)),
    }
}

/// Every so many minutes, hours or days.
fn period(dice: &mut Dice) -> (String, Means) {
    let count =
        dice.pick(&[&1_usize, &2, &3, &4, &5, &6, &7, &8, &12, &15, &24, &30, &36, &48, &60, &72, &90, &120, &168]);
    let count = i64::try_from(*count).unwrap();
    let (unit, minutes) = [("minute", 1), ("hour", 60), ("day", 1440)][dice.below(3)];
    // Fewer minutes would be many slots in a year, and no other case.
    let count = if unit == "minute" && count < 15 { 20 } else { count };
    let plural = if count == 1 { "" } else { "s" };
    let short = &unit[..1];
    if dice.one_in(3) {
        return (format!("rate({count} {unit}{plural})"), Means::Rhythm(count * minutes));
    }
    // From midnight of 1970-01-01, local; minutes in real time.
    let steps = |all: i8| (0..all).filter(|at| i64::from(*at) % count == 0).collect::<Vec<i8>>();
    let means = match unit {
        "minute" if 60 % count == 0 => Means::Times(Times { days: Days::Every(1), hours: None, minutes: steps(60) }),
        "hour" if 24 % count == 0 => {
            Means::Times(Times { days: Days::Every(1), hours: Some(steps(24)), minutes: vec![0] })
        }
        "hour" if count % 24 == 0 => Means::Times(Times::at(Days::Every(count / 24), 0, 0)),
        "day" => Means::Times(Times::at(Days::Every(count), 0, 0)),
        _ => Means::Unclear,
    };
    match dice.below(5) {
        0 => (format!("every {count} {unit}{plural}"), means),
        1 => (format!("every {count}{short}"), means),
        2 => (format!("Every {count} {unit}s"), means),
        // Without a word that says it repeats it may be an hour, or an age.
        3 => (format!("{count}{short}"), Means::Unclear),
        _ => (format!("{count} {unit}{plural}"), Means::Unclear),
    }
}

/// A field of AWS's cron and the numbers that it names, which AWS's page says: `*` all, lists,
/// ranges, and steps from a number to the end. `None` for the numbers of `*`.
fn field(dice: &mut Dice, least: usize, most: usize, any: bool) -> (String, Option<Vec<i8>>) {
    let one = |dice: &mut Dice| least + dice.below(most + 1 - least);
    let numbers = |from: usize, to: usize, by: usize| -> Vec<i8> {
        (from..=to).step_by(by).map(|number| i8::try_from(number).unwrap()).collect()
    };
    let (first, second) = (one(dice), one(dice));
    let (low, high) = (first.min(second), first.max(second));
    match dice.below(if any { 7 } else { 5 }) {
        0 | 1 => (first.to_string(), Some(numbers(first, first, 1))),
        2 => (format!("{low},{high}"), Some(numbers(low, high, (high - low).max(1)))),
        3 => (format!("{low}-{high}"), Some(numbers(low, high, 1))),
        4 => {
            let step = dice.below(most / 2) + 1;
            (format!("{first}/{step}"), Some(numbers(first, most, step)))
        }
        _ => ("*".to_owned(), None),
    }
}

/// AWS's cron: six fields, in `cron(…)` or not, some of them AWS's alone; and five with `?`.
fn aws_cron(dice: &mut Dice) -> (String, Means) {
    const NAMES: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
    // Few minutes an hour, so that a year has few slots.
    let (minute, minutes) = match dice.below(12) {
        0 => ("0/15".to_owned(), vec![0, 15, 30, 45]),
        1 => ("5,35".to_owned(), vec![5, 35]),
        _ => {
            let minute = dice.below(60);
            (minute.to_string(), vec![i8::try_from(minute).unwrap()])
        }
    };
    let any = dice.one_in(9);
    let (hour, hours) = field(dice, 0, 23, any);
    let (month, months) = field(dice, 1, 12, true);
    let by_weekday = dice.one_in(2);
    let (mut day, mut weekday) = ("?".to_owned(), "?".to_owned());
    let (mut days, mut weekdays) = (None, None);
    let mut unclear = false;
    let mut numbered = false;
    if by_weekday {
        let (low, high) = (dice.below(7) + 1, dice.below(7) + 1);
        let (low, high) = (low.min(high), low.max(high));
        let all = |from: usize, to: usize| (from..=to).map(|day| i8::try_from(day).unwrap()).collect::<Vec<i8>>();
        (weekday, weekdays) = match dice.below(7) {
            0 => (low.to_string(), Some(all(low, low))),
            1 => (format!("{low}-{high}"), Some(all(low, high))),
            2 => (NAMES[low - 1].to_owned(), Some(all(low, low))),
            3 => (format!("{}-{}", NAMES[low - 1], NAMES[high - 1]), Some(all(low, high))),
            4 => (format!("{},{high}", NAMES[low - 1]), Some([all(low, low), all(high, high)].concat())),
            5 => ("*".to_owned(), None),
            _ => {
                unclear = true;
                (dice.pick(&["6L", "2#1", "L", "*/2", "8", "0"]).to_owned(), None)
            }
        };
        numbered = weekday.bytes().any(|b| b.is_ascii_digit());
    } else if dice.one_in(8) {
        unclear = true;
        day = dice.pick(&["L", "LW", "15W", "32", "0"]).to_owned();
    } else {
        (day, days) = field(dice, 1, 31, true);
    }
    let (year, some_years) =
        [("*", false), ("*", false), ("*", false), ("2027", true), ("2026-2030", true)][dice.below(5)];
    let (fields, seconds) = match dice.below(8) {
        // Five fields with a `?`: names of days alone are certain.
        0 => (format!("{minute} {hour} {day} {month} {weekday}"), numbered),
        // Two days, or seconds first: AWS refuses these, and nobody can tell.
        1 => (format!("{minute} {hour} {} {month} {} {year}", day.replace('?', "*"), weekday.replace('?', "*")), true),
        2 => (format!("0 {minute} {hour} {day} {month} {weekday}"), true),
        _ => (format!("{minute} {hour} {day} {month} {weekday} {year}"), some_years),
    };
    let text = if dice.one_in(2) { format!("cron({fields})") } else { fields };
    let times = Times { days: Days::Aws { days, months, weekdays }, hours, minutes };
    (text, if unclear || seconds { Means::Unclear } else { Means::InUtc(times) })
}

/// A word, perhaps with a slip; and what it means, if it is nearer to nothing else.
fn word(dice: &mut Dice) -> (String, Means) {
    let daily = |days| Means::Times(Times::at(days, 0, 0));
    let hourly = Means::Times(Times { days: Days::Every(1), hours: None, minutes: vec![0] });
    let words = [
        ("yes", Means::Yes),
        ("true", Means::Yes),
        ("enabled", Means::Yes),
        ("on", Means::Yes),
        ("no", Means::No),
        ("false", Means::No),
        ("off", Means::No),
        ("disabled", Means::No),
        ("every-run", Means::EveryRun),
        ("hourly", hourly),
        ("daily", daily(Days::Every(1))),
        ("weekly", daily(Days::Weekday(1))),
        ("monthly", daily(Days::OfMonth(1))),
        ("yearly", daily(Days::FirstOfYear)),
    ];
    if dice.one_in(4) {
        let unclear = sloppy_words(dice);
        return (unclear.to_owned(), Means::Unclear);
    }
    if dice.one_in(6) {
        let weekday = dice.below(7);
        return (
            DAYS[weekday][..3 + dice.below(3)].to_owned(),
            daily(Days::Weekday(i8::try_from(weekday).unwrap() + 1)),
        );
    }
    let (word, means) = words[dice.below(words.len())].clone();
    if dice.one_in(3) {
        return (word.replace('-', "_"), means);
    }
    let text = dice.slip(word);
    // What is as near to a word with another meaning is not clear.
    let nearest = |other: &str| slips(&text, other);
    let as_near = words.iter().any(|(other, its)| *its != means && nearest(other) <= nearest(word));
    // `n`, `on` and `tue` are words, however they came about.
    let short = [("n", Means::No), ("y", Means::Yes)];
    if let Some((_, means)) = words.iter().chain(&short).find(|(word, _)| *word == text) {
        return (text, means.clone());
    }
    if let Some(day) = (1..).zip(DAYS).find(|(_, day)| text.len() >= 3 && day.starts_with(&text)).map(|(day, _)| day) {
        return (text, daily(Days::Weekday(day)));
    }
    (text, if as_near { Means::Unclear } else { means })
}

#[test]
fn a_hint_for_backup_has_the_slots_that_were_meant() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.100", "6.101", "6.102", "6.103", "6.104"]);
    let mut dice = Dice(17);
    let zones = [
        None,
        None,
        Some("UTC"),
        Some("America/New_York"),
        Some("Europe/London"),
        Some("Asia/Kolkata"),
        Some("New York"),
        Some("Mars"),
    ];
    let (mut given, mut clear) = (0, 0);
    let mut judged: BTreeMap<(Means, String, Option<String>), Result<(), String>> = BTreeMap::new();
    for setting in ["UTC", "America/New_York"] {
        let mut settings = Settings::default();
        settings.set("time-zone", setting).unwrap();
        for _ in 0..14 {
            let mut cases = Vec::new();
            for _ in 0..100 {
                let (text, means) = match dice.below(8) {
                    0 | 1 => phrase(&mut dice),
                    2 => period(&mut dice),
                    3 => word(&mut dice),
                    _ => aws_cron(&mut dice),
                };
                let text = dice.sloppy(&text);
                let zone = dice.pick(&zones.each_ref());
                let on = [On::Volume, On::Instance, On::ZoneOnVolume][dice.below(3)];
                let key = ["Backup", "Backup", "Bakcup"][dice.below(3)];
                let zone_key = ["Backup_TimeZone", "Backup_TimeZone", "BackupTZ"][dice.below(3)];
                cases.push((on, key, text, means, *zone, zone_key));
            }
            let tags: Vec<(On, Vec<(&str, &str)>)> = cases
                .iter()
                .map(|(on, key, text, _, zone, zone_key)| {
                    (*on, [(*key, text.as_str())].into_iter().chain(zone.map(|zone| (*zone_key, zone))).collect())
                })
                .collect();
            for (case, hints) in cases.iter().zip(hints(&tags, &settings)) {
                let (_, _, text, means, zone, zone_key) = case;
                clear += usize::from(*means != Means::Unclear && Backup::parse(text).is_err());
                let Some((_, hint)) = hints.iter().find(|(key, _)| key == "Backup") else { continue };
                // `matched-nothing` and the like say `Yes` of the Region, which has no number.
                given += 1;
                // The zone in force once all hints are taken, and the key of a near one mended.
                let mended = hints.iter().find(|(key, _)| key == "Backup_TimeZone").map(|(_, zone)| zone.as_str());
                let zone = mended.or(*zone).unwrap_or(setting);
                let now = if *zone_key == "BackupTZ" { setting } else { zone };
                for zone in [zone, now] {
                    let known = (means.clone(), hint.clone(), named(zone).map(|_| zone.to_owned()));
                    let judge = || same(means, hint, named(zone).as_ref());
                    let verdict = judged.entry(known).or_insert_with(judge);
                    assert_eq!(verdict, &Ok(()), "{text:?} in {zone}: Write {hint:?}, {case:?}");
                }
            }
        }
    }
    // Where the meaning is clear there often is one.
    assert!(given > 600, "{given} hints for {clear} clear values");
}

/// The independent reading of AWS's cron, held against what AWS's page says of examples.
#[test]
fn aws_counts_days_of_the_week_from_sunday() {
    let at = |weekday: i8| Times {
        days: Days::Aws { days: None, months: None, weekdays: Some(vec![weekday]) },
        hours: Some(vec![22]),
        minutes: vec![0],
    };
    // 2026-03-07 is a Saturday.
    assert_eq!(at(7).slots(&TimeZone::UTC)[0], "2026-03-07T22:00:00Z".parse().unwrap());
    assert_eq!(at(1).slots(&TimeZone::UTC)[0], "2026-03-01T22:00:00Z".parse().unwrap());
    assert!(same(&Means::InUtc(at(7)), "22 * * 7 *", Some(&TimeZone::UTC)).is_err());
    assert!(same(&Means::InUtc(at(7)), "0 22 * * 7", Some(&TimeZone::UTC)).is_err());
    assert!(same(&Means::InUtc(at(7)), "0 22 * * sat", named("America/New_York").as_ref()).is_err());
    assert_eq!(same(&Means::InUtc(at(7)), "0 22 * * sat", Some(&TimeZone::UTC)), Ok(()));
}
