//! The valid value that has the same meaning as one that is not valid, where that is
//! certain. The grammars that read tags are asked about every suggestion, so each is
//! understood. A value that can be read in two ways has none.

mod aws;
mod backup;
mod retention;
#[cfg(test)]
mod tests;
mod zone;

use strsim::osa_distance;

pub(super) use backup::backup;
pub(super) use retention::retention;
pub(super) use zone::zone;

/// Lower case, single blanks, without quotes and what ends sentences.
fn tidy(text: &str) -> String {
    let text = text.to_lowercase();
    let quote = |c: char| c.is_whitespace() || "\"'`".contains(c);
    // What stands before a value can turn it over, as in `!yes` and `.5`.
    let text = text.trim_start_matches(quote).trim_end_matches(|c: char| quote(c) || ".,;:!".contains(c));
    let text = match text.strip_prefix('@') {
        Some(nickname) if nickname.bytes().all(|b| b.is_ascii_lowercase()) => nickname,
        _ => text,
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The word itself, or the only one that is near: one slip in a short word, two in a
/// long one.
fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = words.into_iter().filter_map(|word| Some((distance(text, word)?, word)));
    let mut near: Vec<(usize, &str)> = near.collect();
    near.sort_unstable();
    near.dedup();
    match near.as_slice() {
        [(0, word), ..] | [(_, word)] => Some((*word).to_owned()),
        _ => None,
    }
}

/// How many slips are between a text and a word, if it can still be told.
pub(super) fn distance(text: &str, word: &str) -> Option<usize> {
    let (slips, length) = (slips(word), text.chars().count());
    // Spares the work for most.
    if length.abs_diff(word.chars().count()) > slips {
        return None;
    }
    Some(osa_distance(text, word)).filter(|distance| *distance <= slips)
}

/// Slips after which a word of that length can still be told.
fn slips(word: &str) -> usize {
    match word.chars().count() {
        0..=2 => 0,
        3..=7 => 1,
        _ => 2,
    }
}

/// A number, and what follows it at once.
fn numbered(text: &str) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at_checked(digits)?;
    Some((count.parse().ok()?, rest))
}

/// Lower case letters and digits alone.
pub(super) fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A date, if it can be read in one way only.
pub(super) fn date(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'', '.']);
    let parts: Vec<&str> = text.split(['-', '/', '.', '_', ' ', 'T']).collect();
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i16>().ok())?;
    let (year, month, day) = match parts.as_slice() {
        [all] if all.len() == 8 => (number(all.get(..4)?)?, number(all.get(4..6)?)?, number(all.get(6..)?)?),
        [year, month, day, rest @ ..] if year.len() == 4 && rest.iter().all(|part| is_of_a_time(part)) => {
            (number(year)?, number(month)?, number(day)?)
        }
        [one, other, year] if year.len() == 4 => match (number(one)?, number(other)?) {
            (day, month) if day > 12 || day == month || text.contains('.') => (number(year)?, month, day),
            (month, day) if day > 12 => (number(year)?, month, day),
            // The third of April or the fourth of March.
            _ => return None,
        },
        _ => return None,
    };
    let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(date.to_string())
}

/// What can follow a date as a part of its time: `03:00`, `03:00:00Z`, `000Z`.
fn is_of_a_time(text: &str) -> bool {
    let text = text.strip_suffix('Z').unwrap_or(text);
    (text.contains(':') || text.len() <= 3) && text.bytes().all(|b| b.is_ascii_digit() || b == b':')
}

/// Names of Regions, by blank or comma, as they stand.
pub(super) fn regions(text: &str) -> Option<String> {
    let parts: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty()).collect();
    let region = |text: &str| {
        let words: Vec<&str> = text.split('-').collect();
        let [area, .., number] = words.as_slice() else { return false };
        (3..=4).contains(&words.len())
            && area.len() == 2
            && number.len() == 1
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    (!parts.is_empty() && parts.iter().all(|part| region(part))).then(|| parts.join(" "))
}
