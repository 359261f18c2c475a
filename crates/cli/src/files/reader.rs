//! JSON documents one after the other, read as a stream, with the line and the
//! column of what is wrong.

use std::io::{BufRead, Read};

use serde::de::DeserializeSeed as _;
use serde_json::error::Category;

use super::describe::{Document, Listed};

/// Why a file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// What stands in it is wrong there.
    #[error("line {line}, column {column}: {what}")]
    Content {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
}

/// Reads every document into `listed`.
pub fn documents(file: impl BufRead, listed: &mut Listed) -> Result<(), Damage> {
    let mut lines = Lines { file, line: 1, column: 0, skipped_mark: false };
    loop {
        if !lines.skip_blanks()? {
            return Ok(());
        }
        // What serde_json counts begins anew with each document.
        let (line, column) = (lines.line, lines.column);
        let mut json = serde_json::Deserializer::from_reader(&mut lines);
        let read = Document(listed).deserialize(&mut json);
        read.map_err(|error| damage(error, line, column))?;
    }
}

/// A file that knows how far it has been read. The JSON reader takes one byte at
/// a time, so this is exact.
struct Lines<R> {
    file: R,
    line: usize,
    column: usize,
    skipped_mark: bool,
}

/// What Windows writes before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl<R: BufRead> Lines<R> {
    /// Skips what may stand between documents; whether there is something more.
    fn skip_blanks(&mut self) -> std::io::Result<bool> {
        if !std::mem::replace(&mut self.skipped_mark, true) && self.file.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.file.consume(BYTE_ORDER_MARK.len());
        }
        loop {
            let Some(&byte) = self.file.fill_buf()?.first() else { return Ok(false) };
            if !byte.is_ascii_whitespace() {
                return Ok(true);
            }
            self.file.consume(1);
            self.count(byte);
        }
    }

    fn count(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        for byte in buffer.iter().take(read) {
            self.count(*byte);
        }
        Ok(read)
    }
}

/// An error in the document that began at this line and column.
fn damage(error: serde_json::Error, line: usize, column: usize) -> Damage {
    let text = error.to_string();
    // serde_json says the place last, counted from the document's begin.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let said = text.strip_suffix(&place).unwrap_or(&text);
    let what = match error.classify() {
        Category::Io => return Damage::Unreadable(error.into()),
        Category::Eof => format!("the file ends in the middle ({said})"),
        Category::Syntax => format!("it is no JSON: {said}"),
        Category::Data => said.to_owned(),
    };
    let before = if error.line() <= 1 { column } else { 0 };
    Damage::Content { line: line + error.line().saturating_sub(1), column: before + error.column(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Listed, String> {
        let mut listed = Listed::default();
        documents(text.as_bytes(), &mut listed).map_err(|error| error.to_string())?;
        Ok(listed)
    }

    #[test]
    fn several_documents_and_several_kinds_in_one_are_read() {
        let listed = read(
            "\u{feff}{\"Volumes\": [{\"VolumeId\": \"vol-1\", \"State\": \"available\", \"Size\": 8}], \"Other\": {\"x\": [1]},\n\
             \"Images\": []}{\"Volumes\": [{\"VolumeId\": \"vol-2\", \"State\": \"in-use\", \"Size\": 8}]}\n\n",
        );
        let listed = listed.unwrap();
        assert_eq!(listed.volumes.iter().map(|volume| volume.id.as_str()).collect::<Vec<_>>(), ["vol-1", "vol-2"]);
    }

    #[test]
    fn damage_is_told_with_its_line_and_column_in_the_whole_file() {
        let good = "{\"Volumes\": []}\n";
        for (text, expected) in [
            ("{\"Volumes\": [}", "line 1, column 14: it is no JSON: expected value"),
            ("{\"Volumes\": [\n{\"VolumeId\": 7}]}", "line 2, column 15: invalid type: integer `7`, expected a string"),
            ("{\"Volumes\":\n", "line 2, column 0: the file ends in the middle (EOF while parsing a value)"),
            (
                "[1]",
                "line 1, column 1: invalid type: sequence, expected an object with Reservations, Volumes, Snapshots, Images or SnapshotTierStatuses",
            ),
            ("{\"Volumes\": 3}", "line 1, column 14: invalid type: integer `3`, expected a list"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected, "{text:?}");
        }
        let after = read(&format!("{good}{{\"Snapshots\":\n[{{}}]}}")).unwrap_err();
        assert_eq!(after, "line 3, column 3: missing field `SnapshotId`");
        let beside = read("{\"Volumes\": []} {\"Images\": 1}").unwrap_err();
        assert_eq!(beside, "line 1, column 29: invalid type: integer `1`, expected a list");
    }
}
