//! The adapter through its public face. One module per subject. Transports are
//! functions; only `network` opens sockets, on loopback.

mod calls;
mod canned;
mod copies;
mod failures;
mod network;
mod roles;
