//! What a case says of what it saw.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::{self, Debug, Display};

use ebskeep_core::cloud::{CloudError, ErrorKind};
use ebskeep_sim::Refusal;

/// Why a backend does not do as the port promises.
#[derive(Clone, Debug)]
pub(crate) struct Failure(String);

/// The end of a case.
pub(crate) type Verdict = Result<(), Failure>;

impl Failure {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<CloudError> for Failure {
    fn from(error: CloudError) -> Self {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self(format!("{error} ({}){cause}", error.kind))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self(format!("the scene could not be set: {refusal}"))
    }
}

/// Fails unless both are the same.
pub(crate) fn equal<T: PartialEq + Debug>(what: &str, got: T, wanted: T) -> Verdict {
    if got == wanted { Ok(()) } else { Err(Failure(format!("{what}: got {got:?}, wanted {wanted:?}"))) }
}

/// Fails unless it holds.
pub(crate) fn holds(what: &str, it: bool) -> Verdict {
    if it { Ok(()) } else { Err(Failure(format!("{what}: it does not hold"))) }
}

/// Fails unless the call was refused in this kind and, where AWS names it, with
/// this code.
pub(crate) fn refused<T>(what: &str, got: Result<T, CloudError>, kind: ErrorKind, code: Option<&str>) -> Verdict {
    match got {
        Ok(_) => Err(Failure(format!("{what}: it was taken, wanted {kind}"))),
        Err(error) if error.kind == kind && (code.is_none() || error.code.as_deref() == code) => Ok(()),
        Err(error) => {
            let failure = Failure::from(error);
            Err(Failure(format!("{what}: got {failure}, wanted {} ({kind})", code.unwrap_or("no code"))))
        }
    }
}

/// A set, for comparing what has no order.
pub(crate) fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    items.into_iter().collect()
}
