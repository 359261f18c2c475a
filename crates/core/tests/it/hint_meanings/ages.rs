//! `Retention` and `Copy_Retention`: the end of a hint is the end of the value, for a year of
//! starts; and its rules are those that were meant.

use std::collections::BTreeSet;

use ebskeep_core::retention::Policy;
use ebskeep_core::setting::Settings;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Dice, On, hints, instant, named, slips, year};

/// What a value means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    /// Years, months, weeks, days and hours.
    Age([i64; 5]),
    /// Names and counts, or durations.
    Rules(BTreeSet<(String, String)>),
    Forever,
    /// More than one thing, or nothing.
    Unclear,
}

/// When an age ends, by the calendar and then by hours.
fn end(start: Timestamp, [years, months, weeks, days, hours]: [i64; 5], zone: &TimeZone) -> Timestamp {
    let local = zone.to_datetime(start);
    let month = i64::from(local.date().year()) * 12 + i64::from(local.date().month()) - 1 + years * 12 + months;
    let first =
        Date::new(i16::try_from(month.div_euclid(12)).unwrap(), i8::try_from(month.rem_euclid(12)).unwrap() + 1, 1);
    let first = first.unwrap();
    let day = local.date().day().min(first.days_in_month());
    let date = Date::new(first.year(), first.month(), day).unwrap() + (weeks * 7 + days).days();
    let moved = if date == local.date() { start } else { instant(date.to_datetime(local.time()), zone) };
    moved + hours.hours()
}

fn same(means: &Means, hint: &str) -> Result<(), String> {
    let policy = Policy::parse(hint).map_err(|why| format!("nobody understands it: {why}"))?;
    match (means, policy) {
        (Means::Forever, Policy::Forever) => Ok(()),
        (Means::Age(age), policy @ Policy::Age(_)) => {
            let (from, until) = year();
            for zone in ["UTC", "Europe/London", "America/New_York"].map(|name| named(name).unwrap()) {
                let mut start = from;
                while start < until {
                    let (wanted, said) = (end(start, *age, &zone), policy.span_ends(start, &zone));
                    if Some(wanted) != said {
                        return Err(format!("what began {start} should end {wanted} and ends {said:?} in {zone:?}"));
                    }
                    start += 41.hours();
                }
            }
            Ok(())
        }
        (Means::Rules(rules), Policy::Rules(said)) => {
            let said: BTreeSet<(String, String)> = said
                .to_string()
                .split(' ')
                .filter_map(|rule| rule.split_once('='))
                .map(|(a, b)| (a.into(), b.into()))
                .collect();
            if *rules == said { Ok(()) } else { Err(format!("{rules:?} was meant")) }
        }
        (Means::Unclear, _) => Err("it may mean more than one thing".to_owned()),
        (_, policy) => Err(format!("it is {policy:?}")),
    }
}

const UNITS: [[&str; 4]; 5] = [
    ["y", "year", "years", "yr"],
    ["m", "month", "months", "mo"],
    ["w", "week", "weeks", "wks"],
    ["d", "day", "days", "days"],
    ["h", "hour", "hours", "hrs"],
];

/// An age in words, in ISO 8601, or with its units in any order.
fn age(dice: &mut Dice) -> (String, Means) {
    let mut age = [0; 5];
    let mut order: Vec<usize> = Vec::new();
    for _ in 0..=dice.below(3) {
        let unit = dice.below(5);
        if age[unit] == 0 {
            age[unit] = i64::try_from(dice.below(40)).unwrap() + 1;
            order.push(unit);
        }
    }
    if dice.one_in(2) {
        order.sort_unstable();
    }
    if dice.one_in(4) {
        order.sort_unstable();
        let part = |units: &[usize]| -> String {
            let of = order.iter().filter(|unit| units.contains(unit));
            of.flat_map(|unit| [age[*unit].to_string(), UNITS[*unit][0].to_uppercase()]).collect()
        };
        let (date, time) = (part(&[0, 1, 2, 3]), part(&[4]));
        return (if time.is_empty() { format!("P{date}") } else { format!("P{date}T{time}") }, Means::Age(age));
    }
    let form = dice.below(4);
    let joint = dice.pick(&["", " ", " and ", ", "]);
    let parts: Vec<String> =
        order.iter().map(|unit| format!("{}{}{}", age[*unit], dice.pick(&["", " "]), UNITS[*unit][form])).collect();
    let joint = if form > 0 && joint.is_empty() { " " } else { joint };
    let text = parts.join(joint);
    // From the shortest unit up it may be rules; an `m` after a shorter unit may be minutes.
    let ascending = order.len() > 1 && order.is_sorted_by(|a, b| a > b);
    let month = order.iter().position(|unit| *unit == 1);
    let minutes = month.is_some_and(|month| order.iter().take(month).any(|unit| *unit > 1));
    (text, if ascending || minutes { Means::Unclear } else { Means::Age(age) })
}

const NAMES: [&str; 12] = [
    "last",
    "hourly",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "within",
    "within-hourly",
    "within-daily",
    "within-weekly",
    "within-monthly",
    "within-yearly",
];

/// Rules as other tools write them, some with a slip in a name.
fn rules(dice: &mut Dice) -> (String, Means) {
    let (mut parts, mut rules) = (Vec::new(), BTreeSet::new());
    let form = dice.below(6);
    let mut unclear = false;
    for _ in 0..=dice.below(3) {
        let name = dice.pick(&NAMES);
        if rules.iter().any(|(other, _): &(String, String)| other == name) {
            continue;
        }
        let value = if name.starts_with("within") {
            format!("{}{}", dice.below(40) + 1, dice.pick(&["d", "m", "y", "h"]))
        } else {
            (dice.below(40) + 1).to_string()
        };
        let written = if dice.one_in(5) { dice.slip(name) } else { name.to_owned() };
        let as_near = |other: &&&str| **other != name && slips(&written, other) <= slips(&written, name);
        unclear |= NAMES.iter().any(|other| as_near(&other));
        parts.push(match form {
            0 => format!("{written}:{value}"),
            1 => format!("{written} = {value}"),
            2 => format!("--keep-{written} {value}"),
            3 => format!("keep_{}={value}", written.replace('-', "_")),
            4 if !name.starts_with("within") => format!("{value} {written}"),
            _ => format!("{written} {value}"),
        });
        rules.insert((name.to_owned(), value));
    }
    let joint = dice.pick(&[" ", ", ", "; ", " and "]);
    (parts.join(joint), if unclear { Means::Unclear } else { Means::Rules(rules) })
}

fn words(dice: &mut Dice) -> (String, Means) {
    let forever = ["for ever", "unlimited", "indefinite", "never delete", "keep forever", "infinite", "fourever"];
    let unclear = [
        "never",
        "none",
        "no",
        "all",
        "0",
        "00",
        "0 days",
        "-1",
        "-7 days",
        "1.5",
        ".5",
        ".5 days",
        "1e3",
        "7.5 days",
        "7 or 8",
        "7 14",
        "14 daily=7",
        "daily=7,14",
        "daily=7d",
        "daily=7m",
        "last 7 days",
        "7d 4w 12m",
        "7+ days",
        "5 snapshots",
        "12h30m",
        "1d1d",
        "delete",
        "keep 14",
        "last=5 # prod",
        "retain_count=5",
        "PT30M",
        "P1DT30M",
        "a while",
        "gold",
        "daily=0",
        "daily=-1",
        "hourly=24 hourly=24",
        "within=30d daily",
        "٧",
        "７",
        "1,5 days",
        "7-14 days",
        "~7 days",
    ];
    match dice.below(4) {
        0 => (forever[dice.below(forever.len())].to_owned(), Means::Forever),
        _ => (unclear[dice.below(unclear.len())].to_owned(), Means::Unclear),
    }
}

/// A bare number under a key that may say what it counts.
fn keyed(dice: &mut Dice) -> (&'static str, String, Means) {
    let number = i64::try_from(dice.below(40)).unwrap() + 1;
    let of = |unit: usize| {
        let mut age = [0; 5];
        age[unit] = number;
        Means::Age(age)
    };
    let (key, means) = match dice.below(9) {
        0 => ("RetentionDays", of(3)),
        1 => ("retention_in_days", of(3)),
        2 => ("retention_weeks", of(2)),
        3 => ("keep-months", of(1)),
        4 => ("Retention_Count", Means::Unclear),
        5 => ("backups_to_retain", Means::Unclear),
        6 => ("WeeklyRetention", Means::Unclear),
        7 => ("keep_monthly", Means::Unclear),
        _ => ("number of snapshots to retain", Means::Unclear),
    };
    (key, number.to_string(), means)
}

#[test]
fn a_hint_for_retention_ends_when_it_was_meant_to() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.72", "6.100", "6.104", "6.107"]);
    let mut dice = Dice(15);
    let (mut given, mut clear) = (0, 0);
    for _ in 0..25 {
        let mut cases = Vec::new();
        for _ in 0..100 {
            let (key, text, means) = match dice.below(8) {
                0..3 => age(&mut dice),
                3..6 => rules(&mut dice),
                _ => words(&mut dice),
            }
            .into_key(&mut dice);
            let (key, text, means) = if dice.one_in(8) { keyed(&mut dice) } else { (key, dice.sloppy(&text), means) };
            cases.push((key, text, means));
        }
        let tags: Vec<(On, Vec<(&str, &str)>)> = cases
            .iter()
            .map(|(key, text, _)| {
                (On::Volume, vec![("Backup", "Yes"), ("Copy_Dest", "us-east-1"), (*key, text.as_str())])
            })
            .collect();
        for ((key, text, means), hints) in cases.iter().zip(hints(&tags, &Settings::default())) {
            clear += usize::from(*means != Means::Unclear && Policy::parse(text).is_err());
            let Some((_, hint)) = hints.iter().find(|(key, _)| key.ends_with("Retention")) else { continue };
            given += 1;
            assert_eq!(same(means, hint), Ok(()), "{key}={text:?}: Write {hint:?}, {means:?}");
        }
    }
    assert!(given > 700, "{given} hints for {clear} clear values");
}

/// Puts a value under a key.
trait IntoKey {
    fn into_key(self, dice: &mut Dice) -> (&'static str, String, Means);
}

impl IntoKey for (String, Means) {
    fn into_key(self, dice: &mut Dice) -> (&'static str, String, Means) {
        (["Retention", "Retention", "Copy_Retention", "Retetnion"][dice.below(4)], self.0, self.1)
    }
}

#[test]
fn a_month_is_not_thirty_days() {
    assert_eq!(same(&Means::Age([0, 1, 0, 0, 0]), "1m"), Ok(()));
    assert!(same(&Means::Age([0, 1, 0, 0, 0]), "30").is_err());
    assert!(same(&Means::Age([0, 0, 0, 0, 30]), "30").is_err());
    assert!(same(&Means::Rules([("daily".into(), "7".into())].into()), "weekly=7").is_err());
}
