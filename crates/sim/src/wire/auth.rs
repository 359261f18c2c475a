//! Signatures: their form is required, their truth is not looked at.
//!
//! Source of the form: "Signature Version 4 signing process" in the IAM User
//! Guide.

use ebskeep_core::id::Region;
use http::HeaderMap;

use crate::params::Params;
use crate::refusal::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signature says about its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) key: String,
    pub(crate) service: &'static str,
    pub(crate) region: Region,
    pub(crate) session_token: Option<String>,
}

/// The credential of a request, from its header or, presigned, from its query,
/// whose parameters it takes out.
pub(crate) fn credential(headers: &HeaderMap, params: &mut Params) -> Result<Credential, Refusal> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    if let Some(authorization) = header("authorization") {
        let rest = authorization
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| incomplete("The Authorization header does not begin with AWS4-HMAC-SHA256"))?;
        let (mut credential, mut signed, mut signature) = (None, None, None);
        for part in rest.split(',') {
            match part.trim().split_once('=') {
                Some(("Credential", v)) => credential = Some(v),
                Some(("SignedHeaders", v)) => signed = Some(v),
                Some(("Signature", v)) => signature = Some(v),
                _ => return Err(incomplete("The Authorization header has a part that is not understood")),
            }
        }
        let date = header("x-amz-date").or_else(|| header("date"));
        return whole(credential, signed, signature, date.as_deref(), header("x-amz-security-token"));
    }
    presigned(params)
}

/// The credential of a presigned query, whose parameters it takes out.
pub(crate) fn presigned(params: &mut Params) -> Result<Credential, Refusal> {
    let mut take = |name: &str| params.take(name);
    let Some(algorithm) = take("X-Amz-Algorithm") else {
        return Err(Refusal::new("MissingAuthenticationToken", "Request is missing Authentication Token"));
    };
    if algorithm != ALGORITHM {
        return Err(incomplete("X-Amz-Algorithm is not AWS4-HMAC-SHA256"));
    }
    let (credential, signed) = (take("X-Amz-Credential"), take("X-Amz-SignedHeaders"));
    let (signature, date) = (take("X-Amz-Signature"), take("X-Amz-Date"));
    let (expires, token) = (take("X-Amz-Expires"), take("X-Amz-Security-Token"));
    if expires.and_then(|e| e.parse::<u32>().ok()).is_none() {
        return Err(incomplete("X-Amz-Expires is missing or no number"));
    }
    whole(credential.as_deref(), signed.as_deref(), signature.as_deref(), date.as_deref(), token)
}

fn incomplete(message: &str) -> Refusal {
    Refusal::new("IncompleteSignature", message)
}

fn whole(
    credential: Option<&str>,
    signed: Option<&str>,
    signature: Option<&str>,
    date: Option<&str>,
    session_token: Option<String>,
) -> Result<Credential, Refusal> {
    let credential = credential.ok_or_else(|| incomplete("The signature has no Credential"))?;
    if !signed.is_some_and(|s| s.split(';').any(|h| h == "host")) {
        return Err(incomplete("The signature does not cover the host header"));
    }
    if !signature.is_some_and(|s| s.len() == 64 && s.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(incomplete("The Signature is not 64 hexadecimal digits"));
    }
    let date = date.ok_or_else(|| incomplete("The request has no date"))?;
    let parts: Vec<&str> = credential.split('/').collect();
    let &[key, day, region, service, "aws4_request"] = parts.as_slice() else {
        return Err(incomplete("The Credential is not KEY/DATE/REGION/SERVICE/aws4_request"));
    };
    if key.is_empty() || region.is_empty() || day.len() != 8 || !date.starts_with(day) {
        return Err(incomplete("The Credential's date is not that of the request"));
    }
    let service = match service {
        "ec2" => "ec2",
        "sts" => "sts",
        other => {
            return Err(Refusal::new(
                "AuthFailure",
                format!("Credential should be scoped to correct service: 'ec2' or 'sts', not '{other}'."),
            ));
        }
    };
    Ok(Credential { key: key.to_owned(), service, region: Region::new(region), session_token })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn read(authorization: Option<String>) -> Result<Credential, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-date", "20260102T030405Z".parse().unwrap());
        if let Some(authorization) = authorization {
            headers.insert("authorization", authorization.parse().unwrap());
        }
        credential(&headers, &mut Params::default())
    }

    #[test]
    fn the_scope_says_who_where_and_what() {
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=AKIASIM123456789012/20260102/eu-west-1/ec2/aws4_request, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
        );
        let credential = read(Some(header)).unwrap();
        assert_eq!(credential.key, "AKIASIM123456789012");
        assert_eq!(credential.region.as_str(), "eu-west-1");
        assert_eq!(credential.service, "ec2");
    }

    #[test]
    fn what_is_not_signed_or_signed_badly_is_refused() {
        let good = "AKIASIM123456789012/20260102/eu-west-1/ec2/aws4_request";
        for (what, header, code) in [
            ("nothing", None, "MissingAuthenticationToken"),
            ("basic", Some("Basic abc".to_owned()), "IncompleteSignature"),
            (
                "short scope",
                Some(format!(
                    "AWS4-HMAC-SHA256 Credential=AKIA/20260102/ec2/aws4_request, SignedHeaders=host, Signature={SIGNATURE}"
                )),
                "IncompleteSignature",
            ),
            (
                "short signature",
                Some(format!("AWS4-HMAC-SHA256 Credential={good}, SignedHeaders=host, Signature=abc")),
                "IncompleteSignature",
            ),
            (
                "host not covered",
                Some(format!("AWS4-HMAC-SHA256 Credential={good}, SignedHeaders=x-amz-date, Signature={SIGNATURE}")),
                "IncompleteSignature",
            ),
            (
                "another day",
                Some(format!(
                    "AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature={SIGNATURE}",
                    good.replace("20260102", "20260103")
                )),
                "IncompleteSignature",
            ),
            (
                "another service",
                Some(format!(
                    "AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature={SIGNATURE}",
                    good.replace("/ec2/", "/s3/")
                )),
                "AuthFailure",
            ),
        ] {
            assert_eq!(read(header).unwrap_err().code, code, "{what}");
        }
    }
}
