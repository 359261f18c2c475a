//! A curve over days, of block characters: readable without colour.

use std::fmt::Write as _;

use jiff::civil::Date;

use super::thousands;

/// Rows of the plot; between ticks there are two.
const ROWS: usize = 8;
/// Ticks above zero.
const TICKS: usize = 4;
/// Blocks by their eighths.
const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The curve of `values`, one for each day from `first` on, within so many
/// columns. Where days are more than columns each column is the most of its days.
pub(super) fn chart(first: Date, values: &[usize], width: usize) -> String {
    let step = step(values.iter().copied().max().unwrap_or_default());
    let top = step * TICKS;
    let margin = thousands(top as u64).len();
    let columns = Columns::new(values.len(), width.saturating_sub(margin + 2));
    let heights: Vec<usize> = (0..columns.count)
        .map(|column| {
            let most = values.get(columns.days(column)).unwrap_or_default().iter().copied().max().unwrap_or_default();
            let eighths = (most * ROWS * 8 + top / 2) / top;
            // What is there is seen.
            eighths.max(usize::from(most > 0))
        })
        .collect();
    let mut text = String::new();
    for row in (0..ROWS).rev() {
        // A tick stands at the upper edge of its row.
        let (label, axis) = if (row + 1).is_multiple_of(ROWS / TICKS) {
            (thousands(((row + 1) / (ROWS / TICKS) * step) as u64), '┤')
        } else {
            (String::new(), '│')
        };
        let bar = |eighths: &usize| BLOCKS.get(eighths.saturating_sub(row * 8).min(8)).copied().unwrap_or(' ');
        let plot: String = heights.iter().map(bar).collect();
        text.push_str(format!("{label:>margin$} {axis}{plot}").trim_end());
        text.push('\n');
    }
    let ticks = columns.ticks();
    let rule: String = (0..columns.count).map(|column| if ticks.contains(&column) { '┬' } else { '─' }).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:>margin$} └{rule}", 0);
    let mut labels = String::new();
    for column in ticks {
        let date = first.saturating_add(jiff::Span::new().days(i64::try_from(columns.days(column).start).unwrap_or(0)));
        labels = format!("{labels:<column$}{date}");
    }
    let _ = write!(text, "{:>margin$}  {labels}", "");
    text
}

/// What lies between two ticks, so that `most` fits under the last of them: a
/// number that is easily counted in.
pub(in crate::report) fn step(most: usize) -> usize {
    const EASY: [usize; 13] = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 30, 50];
    let least = most.div_ceil(TICKS).max(1);
    let mut scale = 1;
    loop {
        if let Some(easy) = EASY.iter().map(|easy| easy * scale).find(|step| *step >= least) {
            return easy;
        }
        scale *= 10;
    }
}

/// How days lie on columns.
struct Columns {
    days: usize,
    count: usize,
}

impl Columns {
    fn new(days: usize, width: usize) -> Self {
        let days = days.max(1);
        let width = width.max(1);
        // Every day as wide as the others, or several to a column.
        let count = if days <= width { days * (width / days) } else { width };
        Self { days, count }
    }

    /// The days of a column, from 0; never none.
    fn days(&self, column: usize) -> std::ops::Range<usize> {
        let from = column * self.days / self.count;
        from..((column + 1) * self.days / self.count).max(from + 1)
    }

    /// The columns under which a date stands: as many as have room.
    fn ticks(&self) -> Vec<usize> {
        const ROOM: usize = 12;
        let many = (self.count / ROOM).clamp(1, TICKS).min(self.days);
        (0..many).map(|tick| tick * self.count / many).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(values: &[usize], width: usize) -> String {
        chart(jiff::civil::date(2026, 1, 1), values, width)
    }

    #[test]
    fn a_curve_has_its_most_at_the_top_and_dates_beneath() {
        // 24 days, two columns for each; 16 is the top, so two are a row and one is half of one.
        let values: Vec<usize> = (0..24).map(|day| if day == 20 { 16 } else { day / 4 }).collect();
        let expected = "\
16 ┤                                        ██
   │                                        ██
12 ┤                                        ██
   │                                        ██
 8 ┤                                        ██
   │                                        ██▄▄▄▄▄▄
 4 ┤                        ▄▄▄▄▄▄▄▄████████████████
   │        ▄▄▄▄▄▄▄▄████████████████████████████████
 0 └┬───────────┬───────────┬───────────┬───────────
    2026-01-01  2026-01-07  2026-01-13  2026-01-19";
        assert_eq!(shown(&values, 54), expected);
    }

    #[test]
    fn where_days_are_more_than_columns_each_shows_the_most_of_its_days() {
        let mut values = vec![0; 1_000];
        values[500] = 4;
        values[999] = 1;
        let text = shown(&values, 23);
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "4 ┤          █");
        assert_eq!(rows[7], "  │          █        █");
        assert!(rows.iter().all(|row| row.chars().count() <= 23), "{text}");
    }

    #[test]
    fn few_days_and_none_are_no_trouble() {
        for values in [&[][..], &[0], &[3], &[1, 2]] {
            let text = shown(values, 80);
            assert!(text.lines().all(|row| row.chars().count() <= 80), "{text}");
        }
    }

    #[test]
    fn steps_are_easily_counted_in_and_leave_room_for_the_most() {
        for (most, expected) in [(0, 1), (4, 1), (5, 2), (24, 6), (25, 8), (28, 8), (31, 8), (100, 25), (8784, 2500)] {
            assert_eq!(step(most), expected, "{most}");
        }
    }
}
