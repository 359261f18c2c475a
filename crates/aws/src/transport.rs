//! How requests leave: over the network ([`network`]) or into a function of the
//! caller's ([`InProcess`]). Knows HTTP, not AWS.

mod in_process;
pub(crate) mod network;
mod trust;

pub use in_process::InProcess;
pub use trust::TrustError;
