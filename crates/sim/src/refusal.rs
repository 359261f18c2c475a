//! What the simulated AWS says when it does not do what it was asked.
//!
//! Owns codes, words and HTTP statuses. Codes are those of "Error codes for
//! the Amazon EC2 API" in the EC2 API reference and of the operations' own
//! pages; statuses are those EC2 is seen to use with them.

use std::fmt::Display;

use smol_str::SmolStr;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// AWS's error code, such as `InvalidVolume.NotFound`.
    pub code: SmolStr,
    /// Words for people.
    pub message: String,
    /// The HTTP status it comes with.
    pub status: u16,
}

impl Refusal {
    /// An error with the status that EC2 gives this code.
    pub fn new(code: impl Into<SmolStr>, message: impl Into<String>) -> Self {
        let code = code.into();
        let status = status_of(&code);
        Self { code, message: message.into(), status }
    }

    /// `InvalidParameterValue`, in the words EC2 likes.
    pub(crate) fn value(value: impl Display, parameter: &str, expected: impl Display) -> Self {
        Self::new("InvalidParameterValue", format!("Value ({value}) for parameter {parameter} is invalid. {expected}"))
    }

    /// `MissingParameter`.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// `InvalidParameterCombination`.
    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "AuthFailure" => 401,
        "UnauthorizedOperation"
        | "OptInRequired"
        | "MissingAuthenticationToken"
        | "InvalidClientTokenId"
        | "AccessDenied"
        | "ExpiredToken" => 403,
        "DryRunOperation" => 412,
        "InternalError" | "InternalFailure" => 500,
        "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" | "InsufficientInstanceCapacity" => 503,
        _ => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_with_the_status_of_ec2() {
        for (code, status) in [
            ("RequestLimitExceeded", 503),
            ("UnauthorizedOperation", 403),
            ("InternalError", 500),
            ("DryRunOperation", 412),
            ("InvalidVolume.NotFound", 400),
        ] {
            assert_eq!(Refusal::new(code, "").status, status, "{code}");
        }
    }
}
