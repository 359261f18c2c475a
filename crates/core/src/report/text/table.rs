//! Columns and folded lines within the width.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table};

use super::{WIDTH, plain};

/// Columns without borders, two blanks apart and indented by `indent`: every
/// column as wide as its content but the last, which is folded.
pub(super) struct Columns {
    indent: usize,
    rows: Vec<Vec<String>>,
}

impl Columns {
    pub(super) fn new(indent: usize) -> Self {
        Self { indent, rows: Vec::new() }
    }

    /// Adds a row. All rows have as many cells.
    pub(super) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    /// The lines.
    pub(super) fn text(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let mut table = Table::new();
        table
            .load_style(NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(WIDTH - self.indent + 2).unwrap_or(u16::MAX));
        for row in &self.rows {
            table.add_row(Row::from(row));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if index + 1 < columns {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        let margin = " ".repeat(self.indent);
        table.lines().map(|line| format!("{margin}{}", line.trim_end())).collect::<Vec<_>>().join("\n")
    }
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
}
