//! The decisions of ebskeep: what is due, what stays, and why.
//!
//! Everything here is a function of its arguments. There is no AWS, no
//! runtime, no clock, no environment and no output in this crate; its
//! `clippy.toml` forbids them. The one road is
//! observe → decide → check → apply → report ([`job`]).

pub mod adopt;
pub mod advice;
pub mod age;
pub mod apply;
pub mod calendar;
pub mod check;
pub mod cloud;
pub mod config;
pub mod destination;
pub mod forecast;
pub mod id;
pub mod inventory;
pub mod job;
pub mod lineage;
pub mod marks;
pub mod observe;
pub mod paced;
pub mod plan;
pub mod reach;
pub mod report;
pub mod retag;
pub mod retention;
pub mod schedule;
pub mod setting;
pub mod site;
pub mod stop;
pub mod tags;
pub mod watch;
pub mod whatif;
