//! What the checks would let go of all that the deciders keep in the scenarios: a plan is
//! forged that deletes it, and `tests/golden/second-opinion.txt` names what passes.
//!
//! The second opinion is simpler than the first, so it does not know every reason to stay.
//! What it knows is not to be lost unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ebskeep_core::check::check;
use ebskeep_core::inventory::{Inventory, SnapshotState, StorageTier};
use ebskeep_core::plan::{Action, Deletion, ExpireVerdict, Plan, SnapshotVerdict, decide};

use crate::world::Scenario;

/// Scenario → the kept snapshots whose deletion the checks would let pass.
type Passes = BTreeMap<String, BTreeSet<String>>;

fn scenarios(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { scenarios(&path, found) } else { found.push(path) }
    }
}

/// The plan with the deletion of what it keeps, verdict and all.
fn deleting(plan: &Plan, kept: &SnapshotVerdict, inventory: &Inventory) -> Plan {
    let mut forged = plan.clone();
    for verdict in forged.snapshots.iter_mut().filter(|verdict| verdict.snapshot_id == kept.snapshot_id) {
        verdict.verdict = ExpireVerdict::Delete;
    }
    let snapshot = inventory.snapshots.items.iter().find(|snapshot| snapshot.id == kept.snapshot_id).unwrap();
    forged.actions.push(Action::DeleteSnapshot(Deletion {
        snapshot_id: kept.snapshot_id.clone(),
        volume_id: kept.volume_id.clone(),
        tags: snapshot.tags.clone(),
        size_gib: snapshot.size_gib,
        failed: snapshot.state == SnapshotState::Error,
        archived: snapshot.tier == StorageTier::Archive,
        restore_expires: snapshot.restore_expires,
    }));
    forged
}

/// The kept snapshots of a scenario that no check about what goes would save.
fn passes(scenario: &Scenario) -> BTreeSet<String> {
    let (inventory, request, settings) = (scenario.inventory(), scenario.request(), scenario.settings());
    let plan = decide(&inventory, &request, &settings);
    let kept = plan.snapshots.iter().filter(|verdict| verdict.verdict == ExpireVerdict::Keep);
    let passes = kept.filter(|kept| {
        let checks = check(&deleting(&plan, kept, &inventory), &inventory, &request, &settings);
        checks.iter().all(|check| check.ok || !["reason-to-stay", "last-good"].contains(&check.check))
    });
    passes.map(|kept| kept.snapshot_id.to_string()).collect()
}

/// Lines of `scenario: ids`; `#` begins what is said of them.
fn agreed(text: &str) -> Passes {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |line: &str| {
        let (scenario, ids) = line.split_once(": ").unwrap();
        (scenario.to_owned(), ids.split(' ').map(str::to_owned).collect())
    };
    lines.map(read).collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "scenarios are files")]
fn what_the_checks_would_let_go_of_what_is_kept_is_agreed() {
    let mut files = Vec::new();
    scenarios(Path::new("tests/scenarios"), &mut files);
    assert!(files.len() > 300, "the scenarios were not found");
    let mut got = Passes::new();
    for path in files {
        let scenario: Scenario = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let passes = passes(&scenario);
        if !passes.is_empty() {
            let name = path.strip_prefix("tests/scenarios").unwrap().with_extension("");
            got.insert(name.display().to_string(), passes);
        }
    }
    let agreed = agreed(&std::fs::read_to_string("tests/golden/second-opinion.txt").unwrap());
    let differ = |one: &Passes, other: &Passes| -> Vec<String> {
        let lacking = one.iter().filter(|(scenario, ids)| other.get(*scenario) != Some(*ids));
        lacking
            .map(|(scenario, ids)| format!("{scenario}: {}", ids.iter().cloned().collect::<Vec<_>>().join(" ")))
            .collect()
    };
    let (more, fewer) = (differ(&got, &agreed), differ(&agreed, &got));
    assert!(more.is_empty() && fewer.is_empty(), "passes\n{}\nbut agreed is\n{}", more.join("\n"), fewer.join("\n"));
}
