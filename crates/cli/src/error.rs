//! How the command ends: exit codes, and errors with what to do about them.

use ebskeep_core::advice::for_refusal;
use ebskeep_core::cloud::{CloudError, ErrorKind};
use ebskeep_core::report::words;

/// The exit codes, which are an interface: docs/cli.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done,
    /// Failed.
    Failed,
    /// Wrong usage or input; nothing was done.
    Usage,
    /// Partly done.
    Partly,
    /// Refused by a check; of the job it refuses nothing was done.
    Refused,
    /// Changes pending.
    Changes,
    /// Something found.
    Findings,
    /// Interrupted before anything was done.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Partly => 3,
            Self::Refused => 4,
            Self::Changes | Self::Findings => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why the command cannot go on.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How it ends.
    pub(crate) exit: Exit,
    /// What is wrong; its causes are printed with it, once.
    pub(crate) error: anyhow::Error,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Wrong usage or input.
    pub(crate) fn usage(error: anyhow::Error) -> Self {
        Self { exit: Exit::Usage, error, hint: None }
    }

    /// Anything else that ends the command.
    pub(crate) fn failed(error: anyhow::Error) -> Self {
        Self { exit: Exit::Failed, error, hint: None }
    }

    /// Told to stop before anything was done.
    pub(crate) fn interrupted() -> Self {
        Self { exit: Exit::Interrupted, error: anyhow::anyhow!("interrupted; nothing was done"), hint: None }
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        let hint = hint(&error);
        Self { exit: Exit::Failed, error: anyhow::anyhow!(words(&error)), hint }
    }
}

/// What to do about what AWS, or the way to it, answered.
pub(crate) fn hint(error: &CloudError) -> Option<String> {
    if let Some(refused) = for_refusal(error, "the role or user that runs ebskeep") {
        let minimum = if refused.starts_with("allow ") { "; the minimum is in SECURITY.md" } else { "" };
        return Some(format!("{refused}{minimum}"));
    }
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::Unknown => Some(
            "check --region, --endpoint-url and AWS_ENDPOINT_URL, and the way to them (proxy, DNS, VPN)".to_owned(),
        ),
        ErrorKind::Throttled => Some("others in the account use up AWS's rate; run again later".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_documentation() {
        let _proof = ebskeep_proofs::proves(&["6.21", "6.22", "6.23", "6.24", "6.25", "6.26", "6.27"]);
        let all = [
            (Exit::Done, 0),
            (Exit::Failed, 1),
            (Exit::Usage, 2),
            (Exit::Partly, 3),
            (Exit::Refused, 4),
            (Exit::Changes, 5),
            (Exit::Findings, 5),
            (Exit::Interrupted, 130),
        ];
        for (exit, code) in all {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }
}
