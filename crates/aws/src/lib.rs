//! AWS behind the port: [`ebskeep_core::cloud`] spoken over HTTPS.
//!
//! The only crate that knows how a call travels: parameters and answers of the
//! EC2 Query wire (version 2016-11-15), signatures, credentials, endpoints, the
//! HTTP client, and what AWS's error codes mean. It knows nothing of policy,
//! paging, waiting or retries: one method is one call and one attempt.
//!
//! [`connect`] is the way in for programs, [`connect_from_env`] for those that have
//! nothing but their environment, as functions do. [`connect_through`] takes an HTTP
//! transport of the caller's, such as [`transport::InProcess`], which hands
//! requests to a function: an emulator without a socket.
//!
//! Why EC2 is spoken here and not by its SDK crate is told in
//! `docs/decisions/0001-ec2-without-its-sdk.md`.

mod call;
mod clouds;
mod connect;
mod credentials;
mod ec2;
pub mod endpoint;
mod environment;
mod role;
mod sign;
pub mod transport;
mod wire;

pub use aws_credential_types::Credentials;
pub use aws_smithy_async::time::StaticTimeSource;
pub use aws_smithy_runtime_api::client::http::SharedHttpConnector;
pub use clouds::Aws;
pub use connect::{ConnectError, Options, connect, connect_from_env, connect_through};
pub use ec2::Ec2;
