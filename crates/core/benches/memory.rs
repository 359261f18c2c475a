//! How much memory the decision takes on top of the inventory
//! (docs/performance.md), by what Linux says of this process.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it measures what decides, and decides nothing"
)]

mod world;

use std::fs;

use ebskeep_core::job::planned;
use ebskeep_core::plan::{Summary, decide};
use ebskeep_core::setting::Settings;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let settings = Settings::default();
    let request = world::request();
    let inventory = world::inventory(world::VOLUMES);
    let alone = Process::now().held;
    println!("{} snapshots of {} volumes in memory: {alone} MiB", world::VOLUMES * world::EACH, world::VOLUMES);

    Process::forget_peak();
    let plan = decide(&inventory, &request, &settings);
    let after = Process::now();
    let Summary { keep, delete, .. } = plan.summary;
    println!(
        "decided, {keep} stay and {delete} go: {} MiB more, at most {} MiB",
        after.held - alone,
        after.peak - alone
    );
    drop(plan);

    Process::forget_peak();
    let done = planned(inventory, &request, &settings);
    let after = Process::now();
    let refused = done.plan.summary.refused;
    println!("decided and checked, {refused} checks refuse: at most {} MiB more", after.peak - alone);
}

/// What this process holds, in MiB.
struct Process {
    /// Now (`VmRSS`).
    held: u64,
    /// At most since the peak was forgotten (`VmHWM`).
    peak: u64,
}

impl Process {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mib = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kib = line.and_then(|line| line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().ok());
            kib.unwrap_or_default() / 1024
        };
        Self { held: mib("VmRSS"), peak: mib("VmHWM") }
    }

    /// Lets the peak begin anew: Linux's proc(5), clear_refs.
    fn forget_peak() {
        if let Err(error) = fs::write("/proc/self/clear_refs", "5") {
            println!("the peak includes what was before: {error}");
        }
    }
}
