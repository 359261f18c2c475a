//! The functions: create and expire on AWS Lambda.
//!
//! One binary, `bootstrap`, for `provided.al2023`; what it is asked comes from
//! the event ([`event`]), what it did is told by its answer ([`result`]) and
//! its log ([`log`]). Between them stands [`handler`], which knows neither AWS
//! nor Lambda's protocol, so that tests drive it in virtual time.
//!
//! Lambda's protocol is `lambda_runtime`'s: its sequential loop takes handlers
//! whose futures stay on one thread, which is all that the jobs have.

pub mod event;
pub mod handler;
pub mod log;
pub mod result;
