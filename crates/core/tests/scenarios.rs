//! Every file of `tests/scenarios`: a world and an instant in, the plan out.
//!
//! `EBSKEEP_UPDATE=1 cargo test -p ebskeep-core --test scenarios` writes what
//! the code says now into the files; read the difference before you keep it.

#[cfg(test)]
#[path = "support/world.rs"]
mod world;

use std::path::Path;

use ebskeep_core::check::check;
use ebskeep_core::plan::decide;
use world::Scenario;

#[expect(clippy::disallowed_methods, reason = "a scenario is a file, and a person may ask for it to be written")]
fn scenario(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let scenario: Scenario = toml::from_str(&text).map_err(|why| format!("{}: {why}", path.display()))?;
    if !text.starts_with("# ") {
        return Err("a scenario begins with a comment that says what it shows".into());
    }
    if scenario.proves.is_empty() {
        return Err("a scenario says which promises of docs/semantics.md it proves".into());
    }
    let (inventory, request, settings) = (scenario.inventory(), scenario.request(), scenario.settings());
    let mut plan = decide(&inventory, &request, &settings);
    plan.checks = check(&plan, &inventory, &request, &settings);
    let got = world::render(&plan, scenario.show_tags);
    if got.trim() == scenario.expect.plan.trim() {
        let name = path.strip_prefix("tests/scenarios").unwrap_or(path).with_extension("");
        ebskeep_proofs::proved(&format!("scenario {}", name.display()), &scenario.proves);
        return Ok(());
    }
    if std::env::var("EBSKEEP_UPDATE").is_ok() {
        let start = text.find("plan = '''").ok_or("no plan = '''")?;
        let before = text.get(..start).unwrap_or_default();
        std::fs::write(path, format!("{before}plan = '''\n{got}'''\n"))?;
        return Ok(());
    }
    Err(format!("the plan is\n{got}\nbut the file says\n{}", scenario.expect.plan).into())
}

datatest_stable::harness! {
    { test = scenario, root = "tests/scenarios", pattern = r"\.toml$" },
}
