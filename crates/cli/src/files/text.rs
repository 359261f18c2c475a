//! Files of text as UTF-8, whatever a shell wrote them as: `>` of Windows
//! PowerShell 5.1 writes UTF-16. Knows no JSON, except that it begins with ASCII.

use std::io::{Error, ErrorKind, Read, Result};

/// Bytes of a file read at once.
const CHUNK: usize = 1 << 16;

/// A file read as UTF-8, without the byte order mark: UTF-8 or UTF-16 with one, or
/// UTF-8 without. Other encodings that can be recognised are errors that name them.
pub struct Utf8<R> {
    file: R,
    /// Unknown until the first bytes are read.
    encoding: Option<Encoding>,
    /// Bytes of the file that are not decoded yet: at most a chunk and a character.
    raw: Vec<u8>,
    /// Bytes of the file before those.
    before: u64,
    /// Text, and how much of it was handed on.
    text: Vec<u8>,
    handed_on: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// And all else that is left to whoever reads it.
    Utf8,
    Utf16(Order),
}

/// Which byte of two comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Little => "UTF-16LE",
            Self::Big => "UTF-16BE",
        }
    }
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

/// By the first four bytes, or fewer where the file has no more. Gives the length of
/// the byte order mark too.
fn recognised(head: &[u8]) -> Result<(Encoding, usize)> {
    let unmarked = |name: &str| {
        let convert = format!("convert it with `iconv -f {name} -t UTF-8`");
        Err(invalid(format!("it is {name} without a byte order mark; {convert}")))
    };
    match head {
        [0xff, 0xfe, 0, 0] => Err(invalid("it is UTF-32; convert it with `iconv -f UTF-32 -t UTF-8`".to_owned())),
        [0xff, 0xfe, ..] => Ok((Encoding::Utf16(Order::Little), 2)),
        [0xfe, 0xff, ..] => Ok((Encoding::Utf16(Order::Big), 2)),
        [0xef, 0xbb, 0xbf, ..] => Ok((Encoding::Utf8, 3)),
        // JSON begins with two letters of ASCII, or with one that is all of it.
        [1..=127, 0, 1..=255, 0] | [1..=127, 0] => unmarked(Order::Little.name()),
        [0, 1..=127, 0, 1..=255] | [0, 1..=127] => unmarked(Order::Big.name()),
        _ => Ok((Encoding::Utf8, 0)),
    }
}

impl<R: Read> Utf8<R> {
    /// A file from its begin.
    pub fn new(file: R) -> Self {
        Self { file, encoding: None, raw: Vec::new(), before: 0, text: Vec::new(), handed_on: 0 }
    }

    /// Reads on; whether there was anything.
    fn more(&mut self) -> Result<bool> {
        let length = self.raw.len();
        self.raw.resize(length + CHUNK, 0);
        let read = loop {
            match self.file.read(self.raw.get_mut(length..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                ended => break ended,
            }
        };
        self.raw.truncate(length + read.as_ref().copied().unwrap_or(0));
        Ok(read? > 0)
    }

    fn encoding(&mut self) -> Result<Encoding> {
        if let Some(known) = self.encoding {
            return Ok(known);
        }
        while self.raw.len() < 4 && self.more()? {}
        let (encoding, mark) = recognised(self.raw.get(..4).unwrap_or(&self.raw))?;
        self.raw.drain(..mark);
        self.before = mark as u64;
        self.encoding = Some(encoding);
        Ok(encoding)
    }

    /// Makes text of what is read, as far as its characters are whole.
    fn decode(&mut self, order: Order, at_its_end: bool) -> Result<()> {
        let units = self.raw.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(|pair| order.unit(pair));
        let mut text = String::with_capacity(self.raw.len());
        let mut taken = 0;
        for decoded in char::decode_utf16(units) {
            match decoded {
                Ok(letter) => {
                    text.push(letter);
                    taken += 2 * letter.len_utf16();
                }
                // Its other half may be in the next chunk.
                Err(_) if taken + 3 >= self.raw.len() && !at_its_end => break,
                Err(_) => {
                    let at = self.before + taken as u64;
                    return Err(invalid(format!("invalid {}: half a character at byte {at}", order.name())));
                }
            }
        }
        if at_its_end && taken < self.raw.len() {
            return Err(invalid(format!("invalid {}: it ends in the middle of a character", order.name())));
        }
        self.raw.drain(..taken);
        self.before += taken as u64;
        self.text = text.into_bytes();
        self.handed_on = 0;
        Ok(())
    }

    fn hand_on(&mut self, room: &mut [u8]) -> usize {
        let left = self.text.get(self.handed_on..).unwrap_or_default();
        let length = left.len().min(room.len());
        if let (Some(from), Some(to)) = (left.get(..length), room.get_mut(..length)) {
            to.copy_from_slice(from);
        }
        self.handed_on += length;
        length
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, room: &mut [u8]) -> Result<usize> {
        let encoding = self.encoding()?;
        if encoding == Encoding::Utf8 && !self.raw.is_empty() {
            self.text = std::mem::take(&mut self.raw);
            self.handed_on = 0;
        }
        loop {
            let length = self.hand_on(room);
            if length > 0 || room.is_empty() {
                return Ok(length);
            }
            let Encoding::Utf16(order) = encoding else { return self.file.read(room) };
            let more = self.more()?;
            self.decode(order, !more)?;
            if !more && self.text.is_empty() {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gives so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, room: &mut [u8]) -> Result<usize> {
            let most = room.len().min(self.1);
            self.0.read(&mut room[..most])
        }
    }

    fn decoded(bytes: &[u8], at_once: usize) -> std::result::Result<String, String> {
        let mut text = Vec::new();
        Utf8::new(Slow(bytes, at_once)).read_to_end(&mut text).map_err(|error| error.to_string())?;
        String::from_utf8(text).map_err(|error| error.to_string())
    }

    fn utf16(text: &str, order: Order) -> Vec<u8> {
        let bytes = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn each_encoding_with_a_mark_is_read_however_it_arrives() {
        let _proof = ebskeep_proofs::proves(&["6.114"]);
        for text in ["", "{", "{}", "{\"a\": \"ä€\u{1F4BE}\"}\r\n", &"x\u{1F4BE}".repeat(50_000)] {
            let marked = format!("\u{feff}{text}");
            for at_once in [1, 2, 3, 7, usize::MAX] {
                if at_once < 7 && text.len() > 1_000 {
                    continue;
                }
                assert_eq!(decoded(text.as_bytes(), at_once).unwrap(), text);
                assert_eq!(decoded(marked.as_bytes(), at_once).unwrap(), text);
                for order in [Order::Little, Order::Big] {
                    assert_eq!(decoded(&utf16(&marked, order), at_once).unwrap(), text, "{}", order.name());
                }
            }
        }
    }

    #[test]
    fn what_is_not_text_is_named_and_never_guessed() {
        let _proof = ebskeep_proofs::proves(&["6.114"]);
        let mark = |rest: &[u8]| [&[0xff, 0xfe][..], rest].concat();
        for (bytes, said) in [
            (
                utf16("{}", Order::Little),
                "UTF-16LE without a byte order mark; convert it with `iconv -f UTF-16LE -t UTF-8`",
            ),
            (utf16("{\"a\": 1}", Order::Big), "UTF-16BE without a byte order mark"),
            (utf16("{", Order::Big), "UTF-16BE without a byte order mark"),
            (vec![0xff, 0xfe, 0, 0, b'{', 0, 0, 0], "it is UTF-32"),
            (mark(b"{\0}"), "invalid UTF-16LE: it ends in the middle of a character"),
            (mark(b"{\0\x00\xd8}\0"), "invalid UTF-16LE: half a character at byte 4"),
            (mark(b"{\0\x00\xdc}\0"), "invalid UTF-16LE: half a character at byte 4"),
            (mark(b"{\0\x00\xd8"), "invalid UTF-16LE: half a character at byte 4"),
        ] {
            for at_once in [1, 2, 3, usize::MAX] {
                let error = decoded(&bytes, at_once).unwrap_err();
                assert!(error.contains(said), "{bytes:?}: {error}");
            }
        }
        // Left to whoever reads it.
        assert!(decoded(b"\xff{}", 1).is_err());
    }
}
