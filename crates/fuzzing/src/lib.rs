//! What must hold of whatever anybody writes into a tag, an inventory file, a plan
//! file or an event.
//!
//! One function for each kind of text. It takes any bytes and panics if a promise
//! is broken; that nothing else panics is the least of them. `fuzz/` calls these
//! with a fuzzer's input, and a test here with seeded mutations of the seeds, so
//! that both test one thing.
#![expect(clippy::unwrap_used, clippy::panic, reason = "to panic is how a target says that a promise is broken")]

mod event;
mod inventory;
mod plan;
mod scene;
pub mod seeds;
mod tag;

pub use event::event;
pub use inventory::inventory;
pub use plan::plan;
pub use tag::tag;

/// A target by its name.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// That of the fuzz target and of the directory of its seeds.
    pub name: &'static str,
    /// Its body.
    pub body: fn(&[u8]),
    /// What to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 4] = [
    Target { name: "tag", body: tag, seeds: seeds::tags },
    Target { name: "inventory", body: inventory, seeds: seeds::inventories },
    Target { name: "plan", body: plan, seeds: seeds::plans },
    Target { name: "event", body: event, seeds: seeds::events },
];
