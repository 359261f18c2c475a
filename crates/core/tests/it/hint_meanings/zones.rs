//! `Backup_TimeZone`: the clocks of a hint show what those of the value show, for a year.

use ebskeep_core::setting::Settings;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

use super::{Dice, On, hints, named, slips, year};

/// The clocks that a value means; none where it may mean several.
type Means = Option<TimeZone>;

/// Offsets every six hours, and so around every switch.
fn clocks(zone: &TimeZone) -> Vec<Offset> {
    let (from, until) = year();
    let mut at: Timestamp = from;
    let mut found = Vec::new();
    while at < until {
        found.push(zone.to_offset(at));
        at += 6.hours();
    }
    found
}

fn fixed(minutes: i32) -> TimeZone {
    TimeZone::fixed(Offset::from_seconds(minutes * 60).unwrap())
}

/// A name of the database with other signs or a slip.
fn misspelt(dice: &mut Dice, names: &[&str]) -> (String, Means) {
    let name = dice.pick(names);
    let zone = named(name);
    let city = name.rsplit('/').next().unwrap();
    match dice.below(6) {
        0 => (name.replace(['/', '_'], " "), zone),
        1 => (name.to_lowercase().replace('_', "-"), zone),
        // A city by itself, if there is only one of that name.
        2 => {
            let alike = names.iter().filter(|other| other.rsplit('/').next() == Some(city));
            let mut alike = alike.map(|other| clocks(&named(other).unwrap()));
            let first = alike.next();
            (city.replace('_', " "), zone.filter(|_| alike.all(|other| Some(&other) == first.as_ref())))
        }
        3 => {
            let text = dice.slip(city);
            // Misspelt it is nobody's, unless that is a city too.
            let letters = |text: &str| text.to_lowercase().replace(['_', '-'], "");
            let right = letters(&text) == letters(city);
            (text, zone.filter(|_| right))
        }
        _ => {
            let text = dice.slip(name);
            let folded = text.to_lowercase();
            let own = slips(&folded, &name.to_lowercase());
            let several = names.iter().any(|other| {
                let alike = other.len().abs_diff(folded.len()) <= own && **other != *name;
                alike && slips(&folded, &other.to_lowercase()) <= own
            });
            (text, zone.filter(|_| !several))
        }
    }
}

fn offset(dice: &mut Dice) -> (String, Means) {
    let (hours, minutes) = (i32::try_from(dice.below(15)).unwrap(), *dice.pick(&[&0, &0, &30, &45]));
    let (sign, east) = if dice.one_in(2) { ("+", 1) } else { ("-", -1) };
    let digits = match dice.below(3) {
        0 if minutes == 0 => hours.to_string(),
        1 => format!("{hours:02}{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}"),
    };
    let meant = Some(fixed(east * (hours * 60 + minutes)));
    match dice.below(3) {
        0 => (format!("UTC{sign}{digits}"), meant),
        1 => (format!("{sign}{digits}"), meant),
        // POSIX and `Etc/` count it the other way round.
        _ => (format!("GMT{sign}{digits}"), meant.filter(|_| hours == 0 && minutes == 0)),
    }
}

/// What abbreviations say, hours east of UTC all year, or several places; and words.
fn word(dice: &mut Dice) -> (String, Means) {
    let words: [(&str, Means); 32] = [
        ("EST", Some(fixed(-5 * 60))),
        ("MST", Some(fixed(-7 * 60))),
        ("JST", Some(fixed(9 * 60))),
        ("PST", Some(fixed(-8 * 60))),
        ("PDT", Some(fixed(-7 * 60))),
        ("EDT", Some(fixed(-4 * 60))),
        ("CEST", Some(fixed(2 * 60))),
        ("AEST", Some(fixed(10 * 60))),
        ("UK", named("Europe/London")),
        ("BST", None),
        ("IST", None),
        ("CST", None),
        ("Eastern", None),
        ("Central", None),
        ("Pacific", None),
        ("Mountain", None),
        ("East", None),
        ("West", None),
        ("North", None),
        ("General", None),
        ("Local", None),
        ("Home", None),
        ("None", None),
        ("null", None),
        ("Europe/Lublin", None),
        ("Europe/Kiel", None),
        ("Asia/Delhi", None),
        ("America/Boston", None),
        ("Asia/Mumbai", None),
        ("Etc GMT-5", None),
        ("etc/gmt 5", None),
        ("Z", None),
    ];
    let (text, means) = &words[dice.below(words.len())];
    ((*text).to_owned(), means.clone())
}

#[test]
fn a_hint_for_a_zone_has_the_clocks_that_were_meant() {
    let _proof = ebskeep_proofs::proves(&["6.71", "6.100", "6.104", "6.105"]);
    let mut dice = Dice(5);
    let database = TimeZoneDatabase::bundled();
    let all: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let regions = ["Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];
    let names: Vec<&str> =
        all.iter().map(String::as_str).filter(|name| regions.iter().any(|region| name.starts_with(region))).collect();
    let mut given = 0;
    for _ in 0..10 {
        let mut cases = Vec::new();
        for _ in 0..100 {
            let (text, means) = match dice.below(5) {
                0 => offset(&mut dice),
                1 => word(&mut dice),
                _ => misspelt(&mut dice, &names),
            };
            let key = ["Backup_TimeZone", "Backup_TimeZone", "Backup Time Zone"][dice.below(3)];
            cases.push((key, dice.sloppy(&text), means));
        }
        let tags: Vec<(On, Vec<(&str, &str)>)> =
            cases.iter().map(|(key, text, _)| (On::Volume, vec![("Backup", "Yes"), (*key, text.as_str())])).collect();
        for ((key, text, means), hints) in cases.iter().zip(hints(&tags, &Settings::default())) {
            let Some((_, hint)) = hints.iter().find(|(key, _)| key == "Backup_TimeZone") else { continue };
            // A city may be right by chance of the slip: then its own name is what was written.
            let own = named(text.trim_matches(['"', '.', ' ']));
            let meant = means.clone().or(own);
            let meant = meant.unwrap_or_else(|| panic!("{key}={text:?} may mean more than one: Write {hint:?}"));
            let said = named(hint).unwrap_or_else(|| panic!("{text:?}: there is no {hint:?}"));
            given += 1;
            assert_eq!(clocks(&said), clocks(&meant), "{key}={text:?}: Write {hint:?}");
        }
    }
    assert!(given > 250, "{given}");
}
