//! The command as a process: exit codes, output, bad input, being interrupted.
//!
//! Hermetic: no variable of the developer's is seen, and AWS is an EC2 in this
//! process behind a loopback socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy tells from tests")]

mod adopting;
mod explaining;
mod files;
mod forecasts;
mod holds;
mod kills;
mod looks;
mod runs;
mod server;
mod stopping;
mod trouble;
mod usage;
mod watches;
mod what_if;
mod world;
