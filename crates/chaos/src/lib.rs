//! Random worlds in which copies are made, and what must hold of them.
//!
//! A world is its seed: a fleet, days of runs of the creator, the copier and the
//! managers of all Places, with faults, deaths at any call, overlapping runs, users
//! who hold, delete and retag; then quiet; then [`checker`], which shares no code
//! with the product, looks at everything that ever was. [`flaw`] plants mistakes, to
//! show that it can find them.

pub mod checker;
pub mod flaw;
pub mod life;
pub mod mortal;
pub mod rng;
pub mod scene;
