//! What somebody may have meant by a time zone that is not known.

use super::squeezed;
use crate::calendar;

/// Zones by words that are no IANA names and mean one zone. `PST` and its kin are not
/// among them: they name half of a year, and some of them several countries.
const WORDS: [(&str, &str); 2] = [("uk", "Europe/London"), ("jst", "Asia/Tokyo")];

/// An IANA name that is understood and is the same zone: the value itself, tidied, or
/// the only one that it can be.
pub(in crate::watch) fn zone(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let known = |name: &str| calendar::zone(name).is_some().then(|| canonical(name));
    if let Some(same) = known(text) {
        return Some(same);
    }
    let bare = squeezed(text);
    if let Some((_, name)) = WORDS.iter().find(|(short, _)| *short == bare) {
        return known(name);
    }
    if let Some(fixed) = fixed(text) {
        return known(&fixed);
    }
    if bare.is_empty() {
        return None;
    }
    let city = |name: &str| squeezed(name.rsplit('/').next().unwrap_or_default());
    let names = calendar::zone_names();
    let places: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| name.contains('/') && !name.starts_with("Etc/")).collect();
    // The whole name with other signs between. Without signs `Etc/GMT+1` is `Etc/GMT-1`.
    let exact = || places.iter().copied().find(|name| squeezed(name) == bare);
    let of_city = || {
        let mut same: Vec<&str> =
            places.iter().copied().filter(|name| city(name) == bare && !is_part_of_a_country(name)).collect();
        // `America/Louisville` rather than `America/Kentucky/Louisville`.
        same.sort_by_key(|name| (name.matches('/').count(), name.len()));
        match same.as_slice() {
            [one] => Some(*one),
            [one, other, ..] if one.matches('/').count() < other.matches('/').count() => Some(*one),
            _ => None,
        }
    };
    known(exact().or_else(of_city).or_else(|| slipped(text, &bare, &places))?)
}

/// Whether a name is of a country and a part of it, such as `Brazil/East`: the part
/// alone says nothing.
fn is_part_of_a_country(name: &str) -> bool {
    let (area, part) = name.split_once('/').unwrap_or_default();
    ["Brazil", "Canada", "Chile", "Mexico", "US"].contains(&area) || ["North", "South", "West"].contains(&part)
}

/// A whole name with one letter too many, one missing or two swapped, if it can be no
/// other. Another letter can be another city (`Europe/Lublin`), and so can a name without
/// its continent.
fn slipped<'a>(text: &str, bare: &str, places: &[&'a str]) -> Option<&'a str> {
    if !text.contains('/') {
        return None;
    }
    let near: Vec<&str> =
        places.iter().copied().filter(|name| strsim::osa_distance(&squeezed(name), bare) <= 1).collect();
    let [name] = near.as_slice() else { return None };
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let squeezed = squeezed(name);
    (squeezed.len() != bare.len() || sorted(&squeezed) == sorted(bare)).then_some(*name)
}

/// As the database spells it.
fn canonical(name: &str) -> String {
    calendar::zone_names().into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or_else(|| name.to_owned())
}

/// `UTC-05:00`, `+0100`: hours east of Greenwich, of which IANA's `Etc/GMT-1` counts
/// west. `GMT+1` may be either way round, and of a part of an hour there is no zone but
/// those of places.
fn fixed(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let offset = text.strip_prefix("utc").unwrap_or(&text).trim();
    let (west, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => ("-", digits),
        (_, Some(digits)) => ("+", digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let hours = hours.parse::<u32>().ok().filter(|_| hours.bytes().all(|b| b.is_ascii_digit()))?;
    match (hours, minutes) {
        (0, "00") => Some("UTC".to_owned()),
        (hours, "00") => Some(format!("Etc/GMT{west}{hours}")),
        _ => None,
    }
}
