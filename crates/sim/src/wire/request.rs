//! Parameters as they come: a form in the body, or the query of a GET.

use http::Uri;

use crate::params::Params;

/// All parameters; of one given twice, the last.
pub(crate) fn params(uri: &Uri, body: &[u8]) -> Params {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_and_query_are_read_alike() {
        for (uri, body) in [("/", "Action=X&Tag.1.Value=a+b%2B%C3%A4"), ("/?Action=X&Tag.1.Value=a+b%2B%C3%A4", "")] {
            let mut params = params(&uri.parse().unwrap(), body.as_bytes());
            assert_eq!(params.take("Action").as_deref(), Some("X"));
            assert_eq!(params.take("Tag.1.Value").as_deref(), Some("a b+ä"));
        }
    }
}
