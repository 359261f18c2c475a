//! The adapter through its public face. One module per subject; transports are
//! functions, so nothing here opens a socket.

mod calls;
mod canned;
mod failures;
