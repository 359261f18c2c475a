//! The matrix as text: one line for each case, one column for each backend.

use crate::backend::Backend;
use crate::skips::Skip;

/// What came of one case on one backend.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Ok,
    /// Known to differ from AWS.
    Skip(&'static Skip),
    Fail(String),
}

/// Prints it, and why cells were skipped.
pub(crate) fn show(backends: &[Backend], rows: &[(&str, Vec<Cell>)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    print!("\n{:width$}", "");
    for backend in backends {
        print!("  {backend:<8}");
    }
    println!();
    let mut skips = Vec::new();
    for (name, cells) in rows {
        print!("{name:width$}");
        for cell in cells {
            let word = match cell {
                Cell::Ok => "ok",
                Cell::Skip(skip) => {
                    skips.push(*skip);
                    "skip"
                }
                Cell::Fail(_) => "FAIL",
            };
            print!("  {word:<8}");
        }
        println!();
    }
    println!("\n{} skips:", skips.len());
    for Skip { backend, case, reason, document, shows: _ } in skips {
        println!("* {case} on {backend}: {reason}\n  {document}");
    }
    for (column, backend) in backends.iter().enumerate() {
        let count = |wanted: fn(&Cell) -> bool| rows.iter().filter(|(_, cells)| wanted(&cells[column])).count();
        let (ok, skip) = (count(|c| matches!(c, Cell::Ok)), count(|c| matches!(c, Cell::Skip(_))));
        println!("{backend}: {ok} ok, {skip} skipped, {} failed, of {}", rows.len() - ok - skip, rows.len());
    }
    println!();
}
