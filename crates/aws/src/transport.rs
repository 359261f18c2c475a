//! How requests leave: over the network, or into a function of the caller's
//! ([`InProcess`]). Knows HTTP, not AWS.

mod in_process;
pub(crate) mod network;
pub(crate) mod trust;

pub use in_process::InProcess;
pub use trust::TrustError;
