//! A file behind a window: what of it is in memory, and in which line and column
//! that stands. Knows no JSON but where one item of a list ends and the next begins.

use std::cell::RefCell;
use std::io::{ErrorKind, Read};

use serde::de::DeserializeOwned;

/// A file of JSON documents, read by two at once: `serde_json` takes its bytes one by
/// one, and whoever it tells of a list takes the list's items as whole pieces of memory,
/// which is many times as fast.
struct Window<R> {
    file: R,
    /// In it the text that is in memory, from `taken` to `end`.
    room: Vec<u8>,
    taken: usize,
    end: usize,
    /// Whether the file has come to its end, or to what cannot be read.
    ended: bool,
    unreadable: Option<std::io::Error>,
    /// The last byte that was taken one by one.
    last: u8,
    /// Of the whole file.
    place: Place,
    /// Of what was taken one by one since the document began, as `serde_json` counts.
    told: Place,
    /// Both, where they last went apart.
    apart: (Place, Place),
}

/// A line from 1, and a column: how many bytes of the line were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    const BEGIN: Self = Self { line: 1, column: 0 };

    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
    }

    fn pass_all(&mut self, bytes: &[u8]) {
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(last) => {
                self.line += bytes.iter().map(|byte| usize::from(*byte == b'\n')).sum::<usize>();
                self.column = bytes.len() - last - 1;
            }
            None => self.column += bytes.len(),
        }
    }
}

impl<R: Read> Window<R> {
    fn new(file: R, size: usize) -> Self {
        Self {
            file,
            room: vec![0; size],
            taken: 0,
            end: 0,
            ended: false,
            unreadable: None,
            last: 0,
            place: Place::BEGIN,
            told: Place::BEGIN,
            apart: (Place::BEGIN, Place::BEGIN),
        }
    }

    /// Goes to where a document begins; whether there is one more.
    fn next_document(&mut self) -> std::io::Result<bool> {
        while let Some(byte) = self.peek()? {
            if !is_blank(byte) {
                // What serde_json counts begins anew with each document.
                self.told = Place::BEGIN;
                self.apart = (Place::BEGIN, self.place);
                return Ok(true);
            }
            self.taken += 1;
            self.place.pass(byte);
        }
        Ok(false)
    }

    /// Where in the file something is that `serde_json` says is there in the document.
    /// It says so only of what comes after all that was taken past it.
    fn place_of(&self, told: Place) -> Place {
        let (then, there) = self.apart;
        if told.line > then.line {
            Place { line: there.line + (told.line - then.line), column: told.column }
        } else {
            Place { line: there.line, column: there.column + told.column.saturating_sub(then.column) }
        }
    }

    /// The items of a list that follow one of them, as far as they are such as can be
    /// told at once. What is anything else, a mistake above all, is left where it is.
    fn take_following<T: DeserializeOwned>(&mut self, each: &mut dyn FnMut(T)) {
        // Else serde_json holds a byte in its hand that is not of the item.
        if self.last != b'}' {
            return;
        }
        loop {
            let text = self.text();
            let mut length = 0;
            let left = loop {
                match next_item(text.get(length..).unwrap_or_default(), each) {
                    Ok(more) => length += more,
                    Err(left) => break left,
                }
            };
            let mut place = self.place;
            place.pass_all(text.get(..length).unwrap_or_default());
            self.place = place;
            self.taken += length;
            self.apart = (self.told, self.place);
            if left == Left::Unclear || !self.more() {
                return;
            }
        }
    }

    fn text(&self) -> &[u8] {
        self.room.get(self.taken..self.end).unwrap_or_default()
    }

    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        loop {
            if let Some(byte) = self.text().first() {
                return Ok(Some(*byte));
            }
            if !self.more() {
                return self.unreadable.take().map_or(Ok(None), Err);
            }
        }
    }

    /// Reads on, as far as there is room; whether there was anything.
    fn more(&mut self) -> bool {
        self.room.copy_within(self.taken..self.end, 0);
        self.end -= self.taken;
        self.taken = 0;
        while let Some(room) = self.room.get_mut(self.end..).filter(|room| !self.ended && !room.is_empty()) {
            match self.file.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => {
                    self.end += read;
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.unreadable = Some(error);
                    self.ended = true;
                }
            }
        }
        false
    }
}

/// How a piece of memory ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// In the middle of an item, or of what stands before one.
    Unfinished,
    /// With what is no item that can be told at once.
    Unclear,
}

/// Takes a comma and the item behind it; how long they are.
fn next_item<T: DeserializeOwned>(text: &[u8], each: &mut dyn FnMut(T)) -> Result<usize, Left> {
    let comma = found(text, 0, b',')?;
    let item = found(text, comma + 1, b'{')?;
    let mut items = serde_json::Deserializer::from_slice(text.get(item..).unwrap_or_default()).into_iter();
    match items.next() {
        Some(Ok(told)) => {
            each(told);
            Ok(item + items.byte_offset())
        }
        Some(Err(error)) if error.is_eof() => Err(Left::Unfinished),
        Some(Err(_)) | None => Err(Left::Unclear),
    }
}

/// What JSON takes for a blank.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// Where this byte is, behind nothing but blanks.
fn found(text: &[u8], from: usize, wanted: u8) -> Result<usize, Left> {
    let rest = text.get(from..).unwrap_or_default();
    match rest.iter().position(|byte| !is_blank(*byte)) {
        Some(at) if rest.get(at) == Some(&wanted) => Ok(from + at),
        Some(_) => Err(Left::Unclear),
        None => Err(Left::Unfinished),
    }
}

/// A window as those two have it who read through it.
pub(super) struct Shared<R>(RefCell<Window<R>>);

impl<R: Read> Shared<R> {
    /// A window of this many bytes.
    pub(super) fn new(file: R, size: usize) -> Self {
        Self(RefCell::new(Window::new(file, size)))
    }

    /// See [`Window::next_document`].
    pub(super) fn next_document(&self) -> std::io::Result<bool> {
        self.0.borrow_mut().next_document()
    }

    /// See [`Window::place_of`].
    pub(super) fn place_of(&self, told: Place) -> Place {
        self.0.borrow().place_of(told)
    }

    /// See [`Window::take_following`].
    pub(super) fn take_following<T: DeserializeOwned>(&self, each: &mut dyn FnMut(T)) {
        self.0.borrow_mut().take_following(each);
    }
}

/// A byte at a time, so that none is taken before it is needed.
impl<R: Read> Read for &Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut window = self.0.borrow_mut();
        let (Some(byte), Some(room)) = (window.peek()?, buffer.first_mut()) else { return Ok(0) };
        *room = byte;
        window.last = byte;
        window.taken += 1;
        window.place.pass(byte);
        window.told.pass(byte);
        Ok(1)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Or the fast way would be taken nowhere, and nobody notice.
    #[test]
    fn all_items_that_follow_are_taken_at_once_up_to_one_that_is_none() {
        for size in [16, 64, 4096] {
            let mut window = Window::new(&b", {\"a\": 1},\n {\"b\": []} , {\"c\": 2}, 7]"[..], size);
            window.last = b'}';
            let mut taken = Vec::new();
            window.take_following(&mut |item: Value| taken.push(item.to_string()));
            assert_eq!(taken, [r#"{"a":1}"#, r#"{"b":[]}"#, r#"{"c":2}"#], "through {size}");
            while window.more() {}
            assert_eq!(window.text(), b", 7]", "through {size}");
        }
    }
}
