//! The simulated EC2 as its users meet it: by port, wire and socket.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod actions;
mod copies;
mod determinism;
mod faults;
mod helper;
mod limits;
mod listing;
mod locks;
mod outsiders;
mod socket;
mod time;
mod wire;
