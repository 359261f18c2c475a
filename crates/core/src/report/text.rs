//! Plans and reports as text for people, for a terminal of 80 columns.
//!
//! Pure: a value in, text out. Knows no terminal; whoever prints decides
//! through [`Style`] whether there are colours and how much is told. What needs
//! somebody's attention stands last, where a terminal shows it.

mod adopt;
mod chart;
mod copies;
mod explain;
mod forecast;
mod migration;
mod plan;
mod report;
mod retag;
mod table;
mod watch;
mod whatif;
mod words;

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::advice::ENCODED;
pub use adopt::adoption_text;
pub(super) use chart::step as chart_step;
pub use explain::explanation_text;
pub use forecast::forecast_text;
pub(super) use forecast::title as forecast_title;
pub use plan::plan_text;
pub use report::report_text;
pub use retag::{retagging_text, tagged_text};
pub use watch::watch_text;
pub use whatif::what_if_text;

/// How text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour, with the escape codes of ECMA-48 that every terminal
    /// knows.
    pub colour: bool,
    /// How much is told.
    pub detail: Detail,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What is refused or failed, problems, and the summary line.
    Brief,
    /// Also everything that changes, and counts of what does not.
    Normal,
    /// Also each thing that stays as it is, with its reasons.
    Full,
}

/// Columns of text. Standard error messages and mail are read at this width
/// too, so it does not follow the terminal's.
pub const WIDTH: usize = 80;

/// What a piece of text is to the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Heading,
    Good,
    Warning,
    Danger,
    Faint,
}

impl Tone {
    /// Select Graphic Rendition, of the eight colours every terminal has.
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Good => "32",
            Self::Warning => "33",
            Self::Danger => "1;31",
            Self::Faint => "2",
        }
    }
}

/// Text under construction.
struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn new(style: Style) -> Self {
        Self { style, text: String::new() }
    }

    /// One line, or several, each in the tone.
    fn lines(&mut self, tone: Option<Tone>, lines: &str) {
        for line in lines.lines() {
            if let Some(tone) = tone.filter(|_| self.style.colour && !line.is_empty()) {
                // Writing to a String cannot fail.
                let _ = writeln!(self.text, "\x1b[{}m{line}\x1b[0m", tone.code());
            } else {
                self.text.push_str(line);
                self.text.push('\n');
            }
        }
    }

    /// An empty line.
    fn gap(&mut self) {
        self.text.push('\n');
    }

    /// A section's first line, with an empty one before it.
    fn section(&mut self, tone: Tone, line: &str) {
        if !self.text.is_empty() {
            self.gap();
        }
        self.lines(Some(tone), &table::folded(0, "", line));
    }

    /// Running text under a heading, indented, folded at the width.
    fn paragraph(&mut self, tone: Option<Tone>, text: &str) {
        self.lines(tone, &table::folded(2, "", text));
    }

    /// A line that begins with a word and goes on under itself.
    fn entry(&mut self, tone: Option<Tone>, label: &str, text: &str) {
        self.lines(tone, &table::folded(2, label, text));
    }

    fn finish(self) -> String {
        self.text
    }
}

/// An instant for people: minutes, UTC.
fn instant(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `1 volume`, `2,500 volumes`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(number as u64))
}

/// `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text of others, such as the value of a tag, made harmless to a terminal:
/// control characters are shown and not obeyed, and so is what is not seen or turns the
/// order of letters round.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_unseen(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// A text in which the encoded part of AWS's message is shortened: only a program
/// reads it, and the JSON forms have all of it.
fn brief(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 20;
    let Some((before, rest)) = text.split_once(ENCODED) else { return Cow::Borrowed(text) };
    let (encoded, after) = rest.split_at(rest.find([' ', ';', ',', ')', '\n']).unwrap_or(rest.len()));
    let length = encoded.chars().count();
    if length <= SHOWN {
        return Cow::Borrowed(text);
    }
    let head: String = encoded.chars().take(SHOWN).collect();
    Cow::Owned(format!(
        "{before}{ENCODED}{head}… ({} characters, whole with --format json){}",
        thousands(length as u64),
        brief(after)
    ))
}

/// Letters without width, and those that end lines or turn the direction of others
/// (Unicode's general punctuation, and the byte order mark).
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_counted_things_have_their_plural() {
        for (number, text) in
            [(0, "0 volumes"), (1, "1 volume"), (999, "999 volumes"), (1_234_567, "1,234,567 volumes")]
        {
            assert_eq!(count(number, "volume"), text);
        }
    }

    #[test]
    fn the_encoded_part_of_a_message_is_shortened_and_what_follows_it_is_not() {
        let _proof = ebskeep_proofs::proves(&["6.112"]);
        let one = format!("Denied. {ENCODED}{}; allow ec2:CreateTags", "Q".repeat(1_200));
        let short = format!(
            "Denied. {ENCODED}{}… (1,200 characters, whole with --format json); allow ec2:CreateTags",
            "Q".repeat(20)
        );
        assert_eq!(brief(&one), short);
        assert_eq!(brief(&format!("{one}, {one}")), format!("{short}, {short}"));
        let at_the_edge = format!("{ENCODED}{}", "Q".repeat(20));
        for same in ["", "Denied.", at_the_edge.as_str(), ENCODED] {
            assert_eq!(brief(same), same);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(plain("a\x1b[2J\u{9b}1m\nü日"), "a\\u{1b}[2J\\u{9b}1m\\nü日");
        // A name must not turn round what follows it, nor hide in it.
        assert_eq!(plain("\u{202e}gnp\u{2028}x\u{200b}\u{feff}"), "\\u{202e}gnp\\u{2028}x\\u{200b}\\u{feff}");
    }
}
