//! Columns and folded lines within the width.

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

use super::{WIDTH, brief, plain};

/// Blanks behind each column but the last.
const GAP: usize = 2;

/// What the last column has at least, where the others leave less: a line that is too
/// long can be read, a word in each cannot.
const NARROWEST: usize = 12;

/// Columns without borders, two blanks apart and indented by `indent`: every
/// column as wide as its content but the last, which is folded.
pub(super) struct Columns {
    indent: usize,
    /// Cells in a row.
    in_row: usize,
    /// All cells, one behind the other, and where each ends: there may be a million rows.
    cells: String,
    ends: Vec<usize>,
}

impl Columns {
    pub(super) fn new(indent: usize) -> Self {
        Self { indent, in_row: 1, cells: String::new(), ends: Vec::new() }
    }

    /// Adds a row. All rows have as many cells.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.in_row = N;
        for cell in cells {
            self.cells.push_str(&plain(&brief(cell)));
            self.ends.push(self.cells.len());
        }
    }

    /// The lines.
    pub(super) fn text(&self) -> String {
        let widths = self.widths();
        let before = self.indent + widths.iter().map(|width| width + GAP).sum::<usize>();
        // Ids and dates have hyphens, and stay whole.
        let options = Options::new(WIDTH.saturating_sub(before).max(NARROWEST))
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        let mut out = String::with_capacity(self.cells.len() * 2);
        for row in self.rows() {
            out.extend(blanks(self.indent));
            for (cell, width) in row.iter().zip(&widths) {
                out.push_str(cell);
                out.extend(blanks((width + GAP).saturating_sub(display_width(cell))));
            }
            let last = row.last().copied().unwrap_or_default();
            for (at, line) in textwrap::wrap(last, &options).iter().enumerate() {
                if at > 0 {
                    out.extend(blanks(before));
                }
                out.push_str(line);
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
            }
        }
        out.pop();
        out
    }

    /// Of every column but the last.
    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.in_row - 1];
        for row in self.rows() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = display_width(cell).max(*width);
            }
        }
        widths
    }

    fn rows(&self) -> impl Iterator<Item = Vec<&str>> {
        let mut begin = 0;
        self.ends.chunks(self.in_row).map(move |ends| {
            let cell = |end: &usize| self.cells.get(std::mem::replace(&mut begin, *end)..*end).unwrap_or_default();
            ends.iter().map(cell).collect()
        })
    }
}

fn blanks(count: usize) -> impl Iterator<Item = char> {
    std::iter::repeat_n(' ', count)
}

/// Text folded at the width, indented; `label` stands before its first line and
/// the others begin under the text.
pub(super) fn folded(indent: usize, label: &str, text: &str) -> String {
    let mut columns = Columns::new(indent);
    if label.is_empty() {
        columns.row([text]);
    } else {
        columns.row([label, text]);
    }
    columns.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_are_folded_within_the_width_and_ids_stay_whole() {
        let mut columns = Columns::new(4);
        let words = "Retention 7 days, from the tag of vol-0123456789abcdef0: until 2026-01-01 00:00 UTC. ".repeat(3);
        columns.row(["snap-0123456789abcdef0", "8 GiB", &words]);
        columns.row(["snap-0123456789abcdef1", "16,384 GiB", &"x".repeat(200)]);
        let text = columns.text();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.contains("    snap-0123456789abcdef0  8 GiB       Retention"), "{text}");
        assert!(text.lines().any(|line| line.contains("vol-0123456789abcdef0")), "{text}");
    }

    #[test]
    fn columns_stand_under_each_other_whatever_their_letters() {
        let mut columns = Columns::new(2);
        columns.row(["für", "", "a"]);
        columns.row(["日本", "b", ""]);
        columns.row(["x", "", "c d"]);
        assert_eq!(columns.text(), "  für      a\n  日本  b\n  x        c d");
    }

    #[test]
    fn what_leaves_no_room_is_followed_by_a_narrow_column() {
        let mut columns = Columns::new(2);
        columns.row([&"x".repeat(90), &"word ".repeat(8)]);
        let text = columns.text();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let first = format!("{}  word word", "x".repeat(90));
        assert_eq!(lines, [first.as_str(), "word word", "word word", "word word"]);
    }
}
