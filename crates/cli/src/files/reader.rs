//! JSON documents one after the other, read as a stream, with the line and the
//! column of what is wrong.

use std::io::Read;

use serde::de::DeserializeSeed as _;
use serde_json::error::Category;

use super::describe::{Document, Listed};
use super::text::Utf8;
use super::window::{Place, Shared};

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

/// How much of a file is in memory at a time: a listing of a gigabyte is to be read in
/// little. An item that ends beyond it is begun anew when there is more of it.
const WINDOW: usize = 1 << 20;

/// Reads every document into `listed`, in UTF-8 or, with a byte order mark, in UTF-16.
pub fn documents(file: impl Read, listed: &mut Listed) -> Result<(), Damage> {
    through(&Shared::new(Utf8::new(file), WINDOW), listed)
}

fn through<R: Read>(window: &Shared<R>, listed: &mut Listed) -> Result<(), Damage> {
    while window.next_document()? {
        let mut json = serde_json::Deserializer::from_reader(window);
        let read = Document { listed: &mut *listed, window }.deserialize(&mut json);
        read.map_err(|error| damage(error, window))?;
    }
    Ok(())
}

/// An error, where it is in the whole file.
fn damage<R: Read>(error: serde_json::Error, window: &Shared<R>) -> Damage {
    let text = error.to_string();
    let told = Place { line: error.line(), column: error.column() };
    // serde_json says the place last, counted from the document's begin.
    let said = text.strip_suffix(&format!(" at line {} column {}", told.line, told.column)).unwrap_or(&text);
    let what = match error.classify() {
        Category::Io => return Damage::Unreadable(error.into()),
        Category::Eof => format!("the file ends in the middle ({said})"),
        Category::Syntax => format!("it is no JSON: {said}"),
        Category::Data => said.to_owned(),
    };
    let Place { line, column } = window.place_of(told);
    Damage::Content { line, column, what }
}

#[cfg(test)]
mod tests {
    use super::super::window::is_blank;
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
                "line 1, column 3: invalid type: integer `1`, expected an object with Reservations, Volumes, Snapshots, Images or SnapshotTierStatuses",
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

    #[test]
    fn an_array_of_documents_is_read_like_the_documents_in_it() {
        let _proof = ebskeep_proofs::proves(&["6.113"]);
        let volume =
            |id: &str| format!("{{\"Volumes\": [{{\"VolumeId\": \"{id}\", \"State\": \"available\", \"Size\": 8}}]}}");
        let (one, two) = (volume("vol-1"), volume("vol-2"));
        let documents = format!("{:?}", read(&format!("{one}\n{two}")).unwrap());
        for array in [format!("[{one}, {two}]"), format!("[{one}]\n{two}"), format!("[[{one}], [], {two}]")] {
            assert_eq!(format!("{:?}", read(&array).unwrap()), documents, "{array}");
        }
        assert!(!read("[]").unwrap().file_had_any());
    }

    /// The same by nothing but `serde_json` and a byte at a time: slow, and sure.
    fn read_plainly(mut text: &[u8]) -> Result<Listed, String> {
        let mut listed = Listed::default();
        let (mut line, mut column) = (1, 0);
        loop {
            while let Some((byte, rest)) = text.split_first().filter(|(byte, _)| is_blank(**byte)) {
                (line, column) = if *byte == b'\n' { (line + 1, 0) } else { (line, column + 1) };
                text = rest;
            }
            if text.is_empty() {
                return Ok(listed);
            }
            let before = text;
            // A window on nothing, through which nobody takes anything.
            let window = Shared::new(std::io::empty(), WINDOW);
            let mut json = serde_json::Deserializer::from_reader(&mut text);
            let read = Document { listed: &mut listed, window: &window }.deserialize(&mut json);
            read.map_err(|error| {
                let said = error.to_string();
                let said = said.split(" at line ").next().unwrap_or_default().to_owned();
                let column = if error.line() == 1 { column } else { 0 } + error.column();
                let what = match error.classify() {
                    Category::Eof => format!("the file ends in the middle ({said})"),
                    Category::Syntax => format!("it is no JSON: {said}"),
                    _ => said,
                };
                format!("line {}, column {column}: {what}", line + error.line() - 1)
            })?;
            for byte in &before[..before.len() - text.len()] {
                (line, column) = if *byte == b'\n' { (line + 1, 0) } else { (line, column + 1) };
            }
        }
    }

    /// Some of each kind, in several documents, as the CLI prints it and on one line.
    const LISTINGS: &str = r#"{
    "Snapshots": [
        {
            "SnapshotId": "snap-1", "OwnerId": "1", "VolumeId": "vol-1", "State": "completed",
            "StartTime": "2026-03-01T00:00:00Z", "VolumeSize": 8,
            "Description": "a \"}, {\" \u00e4",
            "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b"}]
        },
        {"SnapshotId": "snap-2", "LockState": "governance", "Other": [{"x": null}, -1.5e3]},

        {"SnapshotId": "snap-3", "LockState": "expired"} , {"SnapshotId": "snap-4", "LockState": "expired"}
    ],
    "NextToken": null
}
{"Volumes": [{"VolumeId": "vol-1", "State": "in-use", "Size": 8}, {"VolumeId": "vol-2", "State": "x", "Size": 8}],
"Images": [], "Reservations": [{"Instances": []},
{"Instances": [{"InstanceId": "i-1", "State": {"Name": "running"}}]}, {}]} {}
"#;

    #[test]
    fn what_is_taken_in_whole_pieces_is_what_is_read_byte_by_byte() {
        let same = |text: &[u8], window: usize| {
            let mut listed = Listed::default();
            let read = through(&Shared::new(text, window), &mut listed).map_err(|error| error.to_string());
            let read = read.map(|()| format!("{listed:?}"));
            let plainly = read_plainly(text).map(|listed| format!("{listed:?}"));
            assert_eq!(read, plainly, "{:?} through {window}", String::from_utf8_lossy(text));
        };
        let whole = LISTINGS.as_bytes();
        assert_eq!(read(LISTINGS).unwrap().locks.len(), 3);
        for window in [1, 3, 40, 64, 100, 300, 5000] {
            same(whole, window);
        }
        for at in 0..whole.len() {
            // Cut off there, and with something else there, or nothing.
            same(&whole[..at], 300);
            same(&[&whole[..at], &whole[at + 1..]].concat(), 300);
            let others: [&[u8]; 8] = [b"]", b"}", b",", b"\"", b"7", b"\n", b"\xff", b"{\"SnapshotId\": 1}, "];
            let other = others[at % others.len()];
            same(&[&whole[..at], other, &whole[at + 1..]].concat(), 300);
            same(&[&whole[..at], other, &whole[at..]].concat(), 64);
        }
    }

    #[test]
    fn what_cannot_be_read_on_is_told_as_that_and_not_as_an_end() {
        struct Broken<'a>(&'a [u8]);
        impl Read for Broken<'_> {
            fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
                if self.0.is_empty() { Err(std::io::Error::other("the disk is gone")) } else { self.0.read(room) }
            }
        }
        for cut in 0..LISTINGS.len() {
            let error = documents(Broken(&LISTINGS.as_bytes()[..cut]), &mut Listed::default()).unwrap_err();
            assert_eq!(error.to_string(), "it cannot be read: the disk is gone", "at {cut}");
        }
    }
}
