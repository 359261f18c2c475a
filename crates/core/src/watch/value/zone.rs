//! What somebody may have meant by a time zone that is not known.

use super::{nearest, squeezed};
use crate::calendar;

/// Zones by the abbreviations that are no IANA names and mean one place.
const ABBREVIATIONS: [(&str, &str); 17] = [
    ("bst", "Europe/London"),
    ("uk", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("eest", "Europe/Helsinki"),
    ("edt", "America/New_York"),
    ("eastern", "America/New_York"),
    ("cdt", "America/Chicago"),
    ("central", "America/Chicago"),
    ("mdt", "America/Denver"),
    ("mountain", "America/Denver"),
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pacific", "America/Los_Angeles"),
    ("jst", "Asia/Tokyo"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("nzst", "Pacific/Auckland"),
];

/// An IANA name that is understood: the value itself, tidied, or what it
/// resembles.
pub(in crate::watch) fn zone(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    let known = |name: &str| calendar::zone(name).is_some().then(|| canonical(name));
    if let Some(same) = known(text) {
        return Some(same);
    }
    let bare = squeezed(text);
    if let Some((_, name)) = ABBREVIATIONS.iter().find(|(short, _)| *short == bare) {
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
    let places: Vec<&String> = names.iter().filter(|name| name.contains('/') && !name.starts_with("Etc/")).collect();
    // The whole name with other signs between; then a city; then either with slips.
    let exact = names.iter().find(|name| squeezed(name) == bare);
    let of_city = || {
        let mut same: Vec<&&String> = places.iter().filter(|name| city(name) == bare).collect();
        // `America/Louisville` rather than `America/Kentucky/Louisville`.
        same.sort_by_key(|name| (name.matches('/').count(), name.len()));
        match same.as_slice() {
            [one] => Some(**one),
            [one, other, ..] if one.matches('/').count() < other.matches('/').count() => Some(**one),
            _ => None,
        }
    };
    let slipped = || {
        let squeezed_names: Vec<(String, &String)> =
            places.iter().flat_map(|name| [(squeezed(name), *name), (city(name), *name)]).collect();
        let near = nearest(&bare, squeezed_names.iter().map(|(short, _)| short.as_str()))?;
        squeezed_names.iter().find(|(short, _)| *short == near).map(|(_, name)| *name)
    };
    known(exact.or_else(of_city).or_else(slipped)?)
}

/// As the database spells it.
fn canonical(name: &str) -> String {
    calendar::zone_names().into_iter().find(|known| known.eq_ignore_ascii_case(name)).unwrap_or_else(|| name.to_owned())
}

/// `GMT+1`, `UTC-05:00`, `+0100`, `UTC+5:30`: hours east of Greenwich, of which
/// IANA's `Etc/GMT-1` counts west.
fn fixed(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let offset = ["utc", "gmt"].iter().find_map(|name| text.strip_prefix(name)).unwrap_or(&text).trim();
    let (west, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => ("-", digits),
        (_, Some(digits)) => ("+", digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = if digits.len() > 2 { digits.split_at(digits.len() - 2) } else { (digits.as_str(), "00") };
    match (west, hours.parse::<u32>().ok()?, minutes) {
        (_, 0, "00") => Some("UTC".to_owned()),
        (_, hours, "00") => Some(format!("Etc/GMT{west}{hours}")),
        ("-", 5, "30") => Some("Asia/Kolkata".to_owned()),
        ("-", 5, "45") => Some("Asia/Kathmandu".to_owned()),
        _ => None,
    }
}
