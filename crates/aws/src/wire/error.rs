//! What AWS's refusals mean.
//!
//! Codes are those of the EC2 API reference, "Error codes", and of the AWS
//! facts this project builds on. A code nobody here knows is judged by its
//! shape and by the status it came with.

use ebskeep_core::cloud::{CloudError, ErrorKind};
use smol_str::SmolStr;

use super::request::Call;
use super::xml::{Xml, cut};

/// The cause within a [`CloudError`]: AWS's message, or what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    /// AWS's own words.
    #[error("{0}")]
    Said(String),
    /// Not a word of AWS's: probably not AWS.
    #[error("{url} answered {status} with something that is not AWS's: {body:?}; is this the right endpoint?")]
    NotAws {
        /// Where it came from.
        url: String,
        /// The HTTP status.
        status: u16,
        /// Its beginning.
        body: String,
    },
}

impl Call {
    /// This call's failure.
    pub(crate) fn failed(
        &self,
        kind: ErrorKind,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> CloudError {
        CloudError {
            kind,
            operation: self.operation,
            resource: self.resource.clone(),
            code: None,
            source: Some(source.into()),
        }
    }

    /// What it means that no answer was understood though AWS may have acted.
    pub(crate) fn unanswered(&self) -> ErrorKind {
        if self.mutates { ErrorKind::Unknown } else { ErrorKind::Unavailable }
    }
}

/// An answer that is a refusal. `secrets` are never repeated: AWS quotes the
/// request it could not verify, session token and all.
pub(crate) fn refusal(call: &Call, url: &str, status: u16, body: &[u8], secrets: &[&str]) -> CloudError {
    match read(body) {
        Some((code, message)) => CloudError {
            kind: kind(call, status, Some(&code)),
            operation: call.operation,
            resource: call.resource.clone(),
            source: Some(Box::new(Cause::Said(presentable(&message, secrets)))),
            code: Some(code),
        },
        None => call.failed(kind(call, status, None), not_aws(url, status, body)),
    }
}

/// A cause that shows what came instead of an answer of AWS's.
pub(crate) fn not_aws(url: &str, status: u16, body: &[u8]) -> Cause {
    let body = cut(String::from_utf8_lossy(body.get(..body.len().min(1_000)).unwrap_or(body)).trim());
    Cause::NotAws { url: url.to_owned(), status, body }
}

/// Code and message. EC2 writes `Response/Errors/Error`, STS
/// `ErrorResponse/Error`; some gateways write one in the other's place.
fn read(body: &[u8]) -> Option<(SmolStr, String)> {
    let (mut code, mut message) = (None, String::new());
    let mut error = |xml: &mut Xml<'_>| {
        xml.children(|xml, name| match name {
            "Code" if code.is_none() => {
                code = Some(SmolStr::new(xml.text()?.trim()));
                Ok(())
            }
            "Message" if message.is_empty() => {
                xml.text()?.trim().clone_into(&mut message);
                Ok(())
            }
            _ => xml.skip(),
        })
    };
    let (mut xml, root) = Xml::open(body).ok()?;
    if root != "Response" && root != "ErrorResponse" {
        return None;
    }
    // A body cut off behind the code has said enough.
    let _ = xml.children(|xml, name| match name {
        "Errors" => xml.children(|xml, name| if name == "Error" { error(xml) } else { xml.skip() }),
        "Error" => error(xml),
        _ => xml.skip(),
    });
    code.filter(|code| !code.is_empty() && code.len() <= 200).map(|code| (code, message))
}

/// AWS's message, without secrets and otherwise whole: what is encoded in it can
/// be decoded only as a whole. Text shortens it, JSON does not.
fn presentable(message: &str, secrets: &[&str]) -> String {
    // The encoded part has at most 10,240 characters (EncodedMessage of
    // sts:DecodeAuthorizationMessage). Anything much longer is not AWS's.
    const LONGEST: usize = 20_000;
    // AWS's have 40 characters and more. Emulators take `x`, which is no secret.
    const SECRET: usize = 16;
    let mut text = message.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SECRET) {
        text = text.replace(secret, "[removed]");
    }
    if let Some((at, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The kind of a refusal.
fn kind(call: &Call, status: u16, code: Option<&str>) -> ErrorKind {
    // AWS's words for a snapshot under the account's `aws/ebs` key, "Encrypted
    // snapshots with EBS default key cannot be shared", come with the code that
    // a lock has too.
    if call.operation == "ModifySnapshotAttribute" && code == Some("OperationNotPermitted") {
        return ErrorKind::Denied;
    }
    code.and_then(known).unwrap_or(match status {
        429 => ErrorKind::Throttled,
        401 | 403 => ErrorKind::Denied,
        500.. => call.unanswered(),
        _ => ErrorKind::Other,
    })
}

/// Codes whose meaning does not depend on the call.
fn known(code: &str) -> Option<ErrorKind> {
    // Some answers, and all event records, say who is to blame in front.
    let code = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
    Some(match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "EC2ThrottledException"
        | "TooManyRequestsException"
        | "BandwidthLimitExceeded"
        | "SlowDown" => ErrorKind::Throttled,
        "SnapshotCreationPerVolumeRateExceeded" => ErrorKind::PerVolumeRate,
        "ConcurrentSnapshotLimitExceeded"
        | "PendingSnapshotLimitExceeded"
        | "ResourceLimitExceeded"
        | "ConcurrentTagAccess" => ErrorKind::ConcurrencyLimit,
        "SnapshotLimitExceeded" | "TagLimitExceeded" => ErrorKind::Quota,
        "AuthFailure"
        | "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "OptInRequired"
        | "PendingVerification"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RegionDisabledException"
        | "NotAuthorized" => ErrorKind::Denied,
        "MissingParameter"
        | "MissingAction"
        | "UnknownParameter"
        | "MalformedQueryString"
        | "MalformedInput"
        | "ValidationError"
        | "ValidationException"
        | "TagPolicyViolation"
        | "UnsupportedOperation"
        | "Unsupported"
        | "UnsupportedProtocol"
        | "FilterLimitExceeded" => ErrorKind::Invalid,
        _ if code.starts_with("Invalid") && code.ends_with("NotFound") => ErrorKind::NotFound,
        _ if code.starts_with("Invalid") && code.ends_with("InUse") => ErrorKind::InUse,
        _ if code.starts_with("Invalid") => ErrorKind::Invalid,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::wire::request;

    fn ec2(code: &str, message: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
             </Errors><RequestID>r-1</RequestID></Response>"
        )
    }

    fn describe() -> Call {
        request::describe_regions()
    }

    fn change() -> Call {
        request::delete_snapshot(&"snap-1".into())
    }

    #[test]
    fn codes_have_kinds() {
        use ErrorKind::{
            ConcurrencyLimit, Denied, InUse, Invalid, NotFound, Other, PerVolumeRate, Quota, Throttled, Unknown,
        };
        for (status, code, kind) in [
            (503, "RequestLimitExceeded", Throttled),
            (400, "Throttling", Throttled),
            (400, "Client.RequestLimitExceeded", Throttled),
            (400, "SnapshotCreationPerVolumeRateExceeded", PerVolumeRate),
            (400, "ConcurrentSnapshotLimitExceeded", ConcurrencyLimit),
            (400, "PendingSnapshotLimitExceeded", ConcurrencyLimit),
            (400, "ResourceLimitExceeded", ConcurrencyLimit),
            (400, "ConcurrentTagAccess", ConcurrencyLimit),
            (400, "FilterLimitExceeded", Invalid),
            (400, "SnapshotLimitExceeded", Quota),
            (400, "TagLimitExceeded", Quota),
            (400, "InvalidSnapshot.NotFound", NotFound),
            (400, "InvalidVolume.NotFound", NotFound),
            (400, "InvalidInstanceID.NotFound", NotFound),
            (400, "InvalidSnapshot.InUse", InUse),
            (401, "AuthFailure", Denied),
            (403, "UnauthorizedOperation", Denied),
            (401, "OptInRequired", Denied),
            (400, "RequestExpired", Denied),
            (403, "ExpiredToken", Denied),
            (403, "InvalidClientTokenId", Denied),
            (403, "SomethingNew", Denied),
            (400, "InvalidParameterValue", Invalid),
            (400, "InvalidSnapshotID.Malformed", Invalid),
            (400, "InvalidAction", Invalid),
            (400, "MissingParameter", Invalid),
            (400, "UnsupportedOperation", Invalid),
            (400, "TagPolicyViolation", Invalid),
            (400, "IncorrectState", Other),
            (400, "SomethingNew", Other),
            (500, "InternalError", Unknown),
            (503, "Unavailable", Unknown),
            (503, "ServiceUnavailable", Unknown),
        ] {
            let error = refusal(&change(), "https://x", status, ec2(code, "m").as_bytes(), &[]);
            assert_eq!((error.kind, error.code.as_deref()), (kind, Some(code)), "{status} {code}");
        }
    }

    #[test]
    fn a_listing_whose_answer_is_lost_can_be_asked_for_again() {
        for body in [ec2("InternalError", "m").as_bytes(), b"", b"<html>502</html>"] {
            assert_eq!(refusal(&describe(), "https://x", 502, body, &[]).kind, ErrorKind::Unavailable);
            assert_eq!(refusal(&change(), "https://x", 502, body, &[]).kind, ErrorKind::Unknown);
        }
    }

    #[test]
    fn an_error_names_what_it_was_about_and_keeps_awss_words() {
        let error = refusal(&change(), "https://x", 400, ec2("InvalidSnapshot.InUse", "used by ami-1").as_bytes(), &[]);
        assert_eq!(error.to_string(), "DeleteSnapshot on snap-1: InvalidSnapshot.InUse");
        assert_eq!(error.source().unwrap().to_string(), "used by ami-1");
        let sts = "<ErrorResponse xmlns=\"urn:sts\"><Error><Type>Sender</Type><Code>ExpiredToken</Code>\
                   <Message>old</Message></Error><RequestId>r</RequestId></ErrorResponse>";
        let error = refusal(&request::get_caller_identity(), "https://x", 403, sts.as_bytes(), &[]);
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Denied, Some("ExpiredToken")));
        let cut_off = "<Response><Errors><Error><Code>AuthFailure</Code><Mess";
        assert_eq!(refusal(&change(), "https://x", 401, cut_off.as_bytes(), &[]).code.as_deref(), Some("AuthFailure"));
    }

    #[test]
    fn what_is_not_awss_is_shown_with_its_address() {
        let page = format!("<!DOCTYPE html><html><title>Not here</title>{}</html>", "x".repeat(10_000));
        let error = refusal(&describe(), "http://127.0.0.1:1/", 404, page.as_bytes(), &[]);
        assert_eq!((error.kind, &error.code), (ErrorKind::Other, &None));
        let said = error.source().unwrap().to_string();
        assert!(said.starts_with("http://127.0.0.1:1/ answered 404 with something"), "{said}");
        assert!(said.contains("<title>Not here</title>") && said.len() < 400, "{said}");
        for garbage in [&b"\xff\xfe\x00"[..], b"", b"<Response/>", b"<Response><Errors><Error><Code/></Error>"] {
            assert_eq!(refusal(&describe(), "https://x", 400, garbage, &[]).code, None);
        }
    }

    #[test]
    fn secrets_stay_out_of_messages_and_all_else_stays_in() {
        let _proof = ebskeep_proofs::proves(&["6.112"]);
        let message = "string was POST x-amz-security-token:TOKEN90123456789 and again TOKEN90123456789";
        let error = refusal(
            &change(),
            "https://x",
            403,
            ec2("SignatureDoesNotMatch", message).as_bytes(),
            &["TOKEN90123456789", "x"],
        );
        assert_eq!(
            error.source().unwrap().to_string(),
            "string was POST x-amz-security-token:[removed] and again [removed]"
        );
        let message = format!("Not allowed. Encoded authorization failure message: {} end", "Q".repeat(10_240));
        let error = refusal(&change(), "https://x", 403, ec2("UnauthorizedOperation", &message).as_bytes(), &[""]);
        assert_eq!(error.source().unwrap().to_string(), message);
        assert_eq!(presentable(&"é".repeat(50_000), &[]).chars().count(), 20_001);
    }
}
