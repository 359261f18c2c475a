//! A reader that walks an XML document once, front to back, and hands each
//! element to whoever knows it. Builds no tree and never goes deeper than the
//! reader of the answer does: unknown elements are skipped in a loop.

use std::borrow::Cow;

use quick_xml::errors::IllFormedError;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    /// It ends before it is complete.
    #[error("the answer is cut off after {0} bytes")]
    Cut(usize),
    /// It is not XML.
    #[error("the answer is not the XML expected, at byte {at}: {what}")]
    Malformed {
        /// Where.
        at: u64,
        /// What is wrong there.
        what: String,
    },
    /// It is another document.
    #[error("the answer is a <{found}>, not a <{expected}>")]
    Root {
        /// The element expected.
        expected: &'static str,
        /// The one found.
        found: String,
    },
    /// Something lacks what everything else hangs on.
    #[error("{of} in the answer has no {element}")]
    Missing {
        /// The kind of item, and which one if that is known.
        of: String,
        /// The element as the wire calls it.
        element: &'static str,
    },
    /// A value that does not read as what it must be.
    #[error("{element} `{value}` in the answer is not {wanted}")]
    Bad {
        /// The element as the wire calls it.
        element: &'static str,
        /// What it said, cut.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
}

/// A position in a document. Every method leaves it behind the end of the
/// element it was called in.
pub(crate) struct Xml<'a> {
    reader: quick_xml::Reader<&'a [u8]>,
    length: usize,
}

impl<'a> Xml<'a> {
    /// Opens a document. Its root is the first element; its name is given back.
    pub(crate) fn open(body: &'a [u8]) -> Result<(Self, String), ReadError> {
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            // A character cut in half at the end.
            Err(error) if error.error_len().is_none() => return Err(ReadError::Cut(body.len())),
            Err(error) => {
                let at = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
                return Err(ReadError::Malformed { at, what: "not UTF-8".to_owned() });
            }
        };
        let mut reader = quick_xml::Reader::from_str(text.trim_start_matches('\u{feff}'));
        reader.config_mut().expand_empty_elements = true;
        let mut xml = Self { reader, length: body.len() };
        loop {
            match xml.next()? {
                Event::Start(root) => {
                    let name = root.local_name().as_ref().to_owned();
                    return Ok((xml, name));
                }
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => return Err(xml.malformed("text")),
                Event::Eof => return Err(ReadError::Cut(xml.length)),
                Event::End(_) | Event::Empty(_) => return Err(xml.malformed("an end without a beginning")),
            }
        }
    }

    /// Opens a document whose root must be `expected`.
    pub(crate) fn open_as(body: &'a [u8], expected: &'static str) -> Result<Self, ReadError> {
        let (xml, found) = Self::open(body)?;
        if found == expected { Ok(xml) } else { Err(ReadError::Root { expected, found: cut(&found) }) }
    }

    /// Calls `child` for each element in the current one, with its name. It
    /// reads that element to its end, with [`Self::skip`] if nothing else.
    pub(crate) fn children(
        &mut self,
        mut child: impl FnMut(&mut Self, &str) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        loop {
            match self.next()? {
                Event::Start(start) => child(self, start.local_name().as_ref())?,
                Event::End(_) => return Ok(()),
                Event::Eof => return Err(ReadError::Cut(self.length)),
                _ => {}
            }
        }
    }

    /// Calls `item` for each `<item>` in the current element.
    pub(crate) fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.children(|xml, name| if name == "item" { item(xml) } else { xml.skip() })
    }

    /// Leaves the current element, whatever is in it.
    pub(crate) fn skip(&mut self) -> Result<(), ReadError> {
        let mut depth = 0_u32;
        loop {
            match self.next()? {
                Event::Start(_) => depth = depth.saturating_add(1),
                Event::End(_) if depth == 0 => return Ok(()),
                Event::End(_) => depth -= 1,
                Event::Eof => return Err(ReadError::Cut(self.length)),
                _ => {}
            }
        }
    }

    /// The text of the current element: as it stands, blanks included, with
    /// entities and CDATA resolved.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        let push = |text: &mut Cow<'a, str>, more: Cow<'a, str>| {
            if text.is_empty() {
                *text = more;
            } else {
                text.to_mut().push_str(&more);
            }
        };
        loop {
            match self.next()? {
                Event::Text(more) => push(&mut text, more.xml10_content()),
                Event::CData(more) => push(&mut text, more.xml10_content()),
                Event::GeneralRef(name) => match name.resolve_char_ref() {
                    Ok(Some(c)) => text.to_mut().push(c),
                    Ok(None) => match resolve_predefined_entity(&name) {
                        Some(known) => push(&mut text, Cow::Borrowed(known)),
                        None => return Err(self.malformed("an unknown entity")),
                    },
                    Err(_) => return Err(self.malformed("a character reference that is none")),
                },
                Event::End(_) => return Ok(text),
                Event::Start(_) | Event::Empty(_) => return Err(self.malformed("an element where text belongs")),
                Event::Eof => return Err(ReadError::Cut(self.length)),
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {}
            }
        }
    }

    fn next(&mut self) -> Result<Event<'a>, ReadError> {
        self.reader.read_event().map_err(|error| match error {
            // The parser wanted more where there was no more.
            quick_xml::Error::Syntax(_) => ReadError::Cut(self.length),
            quick_xml::Error::IllFormed(IllFormedError::UnclosedReference)
                if self.reader.buffer_position() >= self.length as u64 =>
            {
                ReadError::Cut(self.length)
            }
            other => self.malformed(&other.to_string()),
        })
    }

    fn malformed(&self, what: &str) -> ReadError {
        ReadError::Malformed { at: self.reader.buffer_position(), what: cut(what) }
    }
}

/// Enough of a text to recognise it by, and no more: answers can be anything.
pub(crate) fn cut(text: &str) -> String {
    const SHOWN: usize = 120;
    if text.chars().nth(SHOWN).is_none() {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(SHOWN).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of `<a>` in `<r>`.
    fn text(body: &str) -> Result<String, ReadError> {
        let mut found = String::new();
        let mut xml = Xml::open_as(body.as_bytes(), "r")?;
        xml.children(|xml, name| {
            if name == "a" {
                found = xml.text()?.into_owned();
                Ok(())
            } else {
                xml.skip()
            }
        })?;
        Ok(found)
    }

    #[test]
    fn text_reads_as_any_xml_parser_reads_it() {
        for (body, expected) in [
            ("<r><a>x</a></r>", "x"),
            ("<r><a/></r>", ""),
            ("<r><a> x \n</a></r>", " x \n"),
            ("<r><a>&lt;&amp;&gt;&quot;&apos;</a></r>", "<&>\"'"),
            ("<r><a>&#233;&#x1F600;</a></r>", "é😀"),
            ("<r><a>x<![CDATA[<b>&amp;]]>y</a></r>", "x<b>&amp;y"),
            ("<r><a>x<!-- c -->y</a></r>", "xy"),
            ("<r><a>x\r\ny&#13;z</a></r>", "x\ny\rz"),
            ("\u{feff}<?xml version=\"1.0\"?>\n<r xmlns=\"urn:x\"><n:a xmlns:n=\"u\">x</n:a></r>", "x"),
            ("<r><b><a>inner</a><a/></b><a>outer</a></r>", "outer"),
        ] {
            assert_eq!(text(body).as_deref(), Ok(expected), "{body}");
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_cut() {
        let whole = "<?xml version=\"1.0\"?><r><b q=\"1\"><c>é</c></b><a>x&amp;y<![CDATA[z]]></a></r>";
        assert_eq!(text(whole).as_deref(), Ok("x&yz"));
        for end in 0..whole.len() {
            let result = Xml::open(&whole.as_bytes()[..end]).and_then(|(mut xml, _)| xml.skip());
            assert_eq!(result, Err(ReadError::Cut(end)), "{:?}", whole.get(..end));
        }
    }

    #[test]
    fn what_is_no_xml_is_said_to_be_none() {
        for body in [
            "<r><a>x</b></r>",
            "<r><a><b/></a></r>",
            "<r><a>&nonsense;</a></r>",
            "<r><a>&#xFFFFFFFF;</a></r>",
            "not xml",
            "</r>",
        ] {
            let result = text(body);
            assert!(matches!(result, Err(ReadError::Malformed { .. })), "{body}: {result:?}");
        }
        assert_eq!(text("<html/>"), Err(ReadError::Root { expected: "r", found: "html".to_owned() }));
        assert!(matches!(Xml::open(b"<r>\xff</r>").err(), Some(ReadError::Malformed { at: 3, .. })));
    }

    #[test]
    fn depth_and_entities_cost_nothing() {
        let deep = format!("<r>{}{}<a>x</a></r>", "<b>".repeat(100_000), "</b>".repeat(100_000));
        assert_eq!(text(&deep).as_deref(), Ok("x"));
        let bomb = "<!DOCTYPE r [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><r><a>&c;</a></r>";
        assert!(matches!(text(bomb), Err(ReadError::Malformed { .. })));
    }
}
