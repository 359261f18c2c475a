//! The Query wire: what a call says and how its answer reads. Pure; knows
//! nothing of HTTP, credentials or endpoints.

pub(crate) mod error;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod xml;
