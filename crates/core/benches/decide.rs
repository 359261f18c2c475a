//! How long the decision takes (docs/performance.md): from an inventory in memory
//! to a plan, and to a plan that is checked.

mod world;

use criterion::{Criterion, criterion_group, criterion_main};
use ebskeep_core::check::check;
use ebskeep_core::plan::decide;
use ebskeep_core::setting::Settings;

/// As in the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn decisions(c: &mut Criterion) {
    let settings = Settings::default();
    let request = world::request();
    for volumes in [20, world::VOLUMES] {
        let inventory = world::inventory(volumes);
        let mut group = c.benchmark_group(format!("{} snapshots", volumes * world::EACH));
        group.sample_size(10);
        // What a plan costs to forget is no part of deciding.
        group.bench_function("decide", |b| b.iter_with_large_drop(|| decide(&inventory, &request, &settings)));
        group.bench_function("decide and check", |b| {
            b.iter_with_large_drop(|| {
                let mut plan = decide(&inventory, &request, &settings);
                plan.checks = check(&plan, &inventory, &request, &settings);
                plan
            });
        });
        group.finish();
    }
}

criterion_group!(benches, decisions);
criterion_main!(benches);
