//! XML as EC2 and STS write it.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use quick_xml::escape::escape;

use crate::refusal::Refusal;

/// A document that grows.
#[derive(Debug)]
pub(crate) struct Xml(String);

impl Xml {
    pub(crate) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    /// `<name>text</name>`.
    pub(crate) fn leaf(&mut self, name: &str, text: impl AsRef<str>) -> &mut Self {
        self.open(name);
        for c in escape(text.as_ref()).chars() {
            match c {
                // A parser would turn a bare carriage return into a line feed.
                '\r' => self.0.push_str("&#13;"),
                c if sayable(c) => self.0.push(c),
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
        }
        self.close(name)
    }

    /// As [`Self::leaf`], for what has no text of its own.
    pub(crate) fn show(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.leaf(name, value.to_string())
    }

    /// `<name>…</name>`.
    pub(crate) fn nest(&mut self, name: &str, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        inner(self);
        self.close(name)
    }

    /// `<name><item>…</item>…</name>`.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut inner: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.open(name);
        for item in items {
            self.nest("item", |xml| inner(xml, item));
        }
        self.close(name)
    }

    /// `<name xmlns="…">…</name>`.
    pub(crate) fn root(mut self, name: &str, namespace: &str, inner: impl FnOnce(&mut Self)) -> String {
        self.open(&format!("{name} xmlns=\"{namespace}\""));
        inner(&mut self);
        self.close(name);
        self.0
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }
}

/// Whether XML 1.0 has a way to say this character.
pub(crate) fn sayable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// `2026-01-02T03:04:05.678Z`.
pub(crate) fn iso(t: Timestamp) -> String {
    format!("{t:.3}")
}

/// The `Date` header: `Fri, 02 Jan 2026 03:04:05 GMT`.
pub(crate) fn http_date(t: Timestamp) -> String {
    // Fails only before the year 0.
    DateTimePrinter::new().timestamp_to_rfc9110_string(&t).unwrap_or_default()
}

/// An error in EC2's words.
pub(crate) fn ec2_error(refusal: &Refusal, request_id: &str) -> String {
    let mut xml = Xml::new();
    xml.nest("Response", |xml| {
        xml.nest("Errors", |xml| {
            xml.nest("Error", |xml| {
                xml.leaf("Code", &refusal.code).leaf("Message", &refusal.message);
            });
        });
        xml.leaf("RequestID", request_id);
    });
    xml.0
}

/// An error in STS's words.
pub(crate) fn sts_error(refusal: &Refusal, request_id: &str) -> String {
    Xml::new().root("ErrorResponse", STS, |xml| {
        xml.nest("Error", |xml| {
            xml.leaf("Type", if refusal.status < 500 { "Sender" } else { "Receiver" });
            xml.leaf("Code", &refusal.code).leaf("Message", &refusal.message);
        });
        xml.leaf("RequestId", request_id);
    })
}

/// The namespaces of answers.
pub(crate) const EC2: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
pub(crate) const STS: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        let t: Timestamp = "2026-01-02T03:04:05.6Z".parse().unwrap();
        assert_eq!(iso(t), "2026-01-02T03:04:05.600Z");
        assert_eq!(http_date(t), "Fri, 02 Jan 2026 03:04:05 GMT");
    }

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml(String::new());
        xml.leaf("v", "<a & \"b\">\r\n");
        xml.leaf("w", "\u{1}");
        assert_eq!(xml.0, "<v>&lt;a &amp; &quot;b&quot;&gt;&#13;\n</v><w>\u{fffd}</w>");
    }
}
