//! Random worlds, and what must hold of them.
//!
//! A world is its seed: a fleet, days or weeks of runs of the creator, the copier and
//! the managers of all Places, with faults, deaths at any call, stops, overlapping runs,
//! clocks that are off and users who do what users do; then quiet. [`checker`], which
//! decides nothing by the product's code, looks at each deletion as it is called for
//! ([`witness`]), at each run when it is over, at what is new after each step, and in the
//! end at everything that ever was. [`flaw`] plants mistakes, to show that it can find them; [`coverage`] says
//! what must have happened, so that what holds means something.

pub mod again;
pub mod checker;
pub mod clock;
pub mod coverage;
pub mod faults;
pub mod flaw;
pub mod flawed;
pub mod later;
pub mod life;
pub mod mortal;
pub mod rng;
pub mod scene;
mod scripts;
pub mod users;
pub mod witness;
pub mod words;
