//! `cargo xtask test`: everything that must hold, in one command.
//!
//! A step that fails stops no other. A step that could not run, or that ran
//! nothing, is a failure: silence is not success.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::count::{Count, Runner};
use crate::env::{cargo, root};
use crate::moto::Moto;
use crate::promises;
use crate::step::{Done, Said, Verdict, show, step};
use crate::venv::Venv;

/// Run every check and every test, and close on one line that counts them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run one part alone (repeatable)
    #[arg(long, value_enum)]
    only: Vec<Part>,

    /// Run only tests whose name contains one of these; a path under tests/
    /// names a directory or file of Python tests
    #[arg(last = true)]
    filters: Vec<String>,
}

/// The parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// rustfmt, clippy and cargo-deny
    Lint,
    /// The tests written in Rust, those against moto included
    Rust,
    /// The tests written in Python, which drive the built binaries
    Python,
}

impl Options {
    fn includes(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether every test is asked for.
    fn is_everything(&self) -> bool {
        self.includes(Part::Rust) && self.includes(Part::Python) && self.filters.is_empty()
    }
}

/// The built programs that Python tests drive: target, and the variable that
/// tells the tests where it is.
const PROGRAMS: [(&str, &str); 3] =
    [("ebskeep", "EBSKEEP_BIN"), ("bootstrap", "EBSKEEP_BOOTSTRAP"), ("parity", "EBSKEEP_PARITY")];

/// Runs it all; says whether everything passed.
pub(crate) fn run(options: &Options) -> bool {
    let mut done = Vec::new();
    if options.includes(Part::Lint) {
        lint(&mut done);
    }
    if options.includes(Part::Rust) || options.includes(Part::Python) {
        tests(options, &mut done);
    }
    conclude(&done)
}

fn lint(done: &mut Vec<Done>) {
    done.push(step("fmt", || passes(cargo().args(["fmt", "--all", "--check"]))));
    done.push(step("clippy", || {
        passes(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }));
    done.push(step("deny", || {
        if !is_installed("deny") {
            let note = "cargo-deny is not installed: licences, bans and advisories were not checked".to_owned();
            return Ok(Verdict { count: Count::ONE_SKIPPED, note: Some(note) });
        }
        passes(cargo().args(["deny", "--workspace", "check"]))
    }));
}

fn tests(options: &Options, done: &mut Vec<Done>) {
    let mut ready = None;
    done.push(step("python environment", || {
        ready = Some(Venv::ready()?);
        Ok(Count::default().into())
    }));
    let venv = ready.as_ref();
    // Part of the tests prove part of the promises: nothing could be compared.
    let proofs = options.is_everything().then(promises::fresh_directory);
    let proofs_to = proofs.as_ref().and_then(|made| made.as_deref().ok());
    if options.includes(Part::Rust) {
        rust(options, venv, proofs_to, done);
    }
    if options.includes(Part::Python) {
        let mut programs = BTreeMap::new();
        done.push(step("build", || build(&mut programs)));
        done.push(step("python tests", || python(options, venv, &programs, proofs_to)));
    }
    if let Some(directory) = proofs {
        done.push(step("promises", || promises::compared(&directory?)));
    }
}

fn rust(options: &Options, venv: Option<&Venv>, proofs: Option<&Path>, done: &mut Vec<Done>) {
    // Without moto the tests that need it fail by themselves; the others run.
    let mut moto = None;
    done.push(step("moto", || {
        let venv = venv.context("there is no Python environment to run it in")?;
        moto = Some(Moto::start(venv)?);
        Ok(Count::default().into())
    }));
    let prepared = |mut command: Command| {
        command.envs(proofs.map(|directory| (ebskeep_proofs::DIRECTORY, directory)));
        if let Some(moto) = &moto {
            command.env("EBSKEEP_MOTO_URL", &moto.url);
        }
        command
    };
    let names: Vec<&String> = options.filters.iter().filter(|filter| !is_python_path(filter)).collect();
    if names.is_empty() && !options.filters.is_empty() {
        return;
    }
    if is_installed("nextest") {
        done.push(step("rust tests", || {
            let mut command = prepared(cargo());
            command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--"]).args(&names);
            counted(Runner::Nextest, show(&mut command)?, names.is_empty())
        }));
        // nextest does not run them. Having none is fine.
        done.push(step("doctests", || {
            let mut command = prepared(cargo());
            command.args(["test", "--workspace", "--doc", "--no-fail-fast", "--"]).args(&names);
            counted(Runner::CargoTest, show(&mut command)?, false)
        }));
    } else {
        done.push(step("rust tests", || {
            let mut command = prepared(cargo());
            command.args(["test", "--workspace", "--no-fail-fast", "--"]).args(&names);
            counted(Runner::CargoTest, show(&mut command)?, names.is_empty())
        }));
    }
}

/// Builds what the Python tests drive, and finds where cargo put it. One that
/// does not build leaves the others, and its tests fail for want of it.
fn build(programs: &mut BTreeMap<&'static str, PathBuf>) -> anyhow::Result<Verdict> {
    let mut command = cargo();
    command
        // The same features as the tests were built with, so that nothing is built twice.
        .args(["build", "--workspace", "--exclude", "xtask", "--bins", "--examples", "--keep-going"])
        .arg("--message-format=json-render-diagnostics");
    let said = command.stderr(Stdio::inherit()).output().context("could not start cargo")?;
    for message in String::from_utf8_lossy(&said.stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(message) else { continue };
        let Some(executable) = message["executable"].as_str() else { continue };
        if let Some((_, variable)) = PROGRAMS.iter().find(|(name, _)| message["target"]["name"] == *name) {
            programs.insert(variable, executable.into());
        }
    }
    if !said.status.success() {
        bail!("cargo build failed (see above)");
    }
    for (name, variable) in PROGRAMS {
        if !programs.contains_key(variable) {
            bail!("the workspace has no program named {name}");
        }
    }
    Ok(Count::default().into())
}

fn python(
    options: &Options,
    venv: Option<&Venv>,
    programs: &BTreeMap<&'static str, PathBuf>,
    proofs: Option<&Path>,
) -> anyhow::Result<Verdict> {
    let mut pytest = venv.context("there is no Python environment to run them in")?.python();
    let (paths, names): (Vec<&String>, Vec<&String>) = options.filters.iter().partition(|f| is_python_path(f));
    // One more than there are cores: many wait for a server or a deadline.
    let workers = std::thread::available_parallelism().map_or(1, usize::from) + 1;
    pytest.args(["-m", "pytest", "-c", "tests/pytest.ini", "--dist", "worksteal", "-n", &workers.to_string()]);
    pytest.envs(programs);
    pytest.envs(proofs.map(|directory| (ebskeep_proofs::DIRECTORY, directory)));
    if paths.is_empty() {
        pytest.arg("tests");
    }
    pytest.args(paths);
    if !names.is_empty() {
        let any = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" or ");
        pytest.args(["-k", &any]);
    }
    let said = show(&mut pytest)?;
    // pytest's code 5: nothing was selected, which a filter may well do.
    if !names.is_empty() && said.status.code() == Some(5) {
        return Ok(Count::default().into());
    }
    counted(Runner::Pytest, said, true)
}

fn is_python_path(filter: &str) -> bool {
    let file = filter.split("::").next().unwrap_or(filter);
    file.starts_with("tests/") && root().join(file).exists()
}

/// Whether `cargo <tool>` is there.
pub(crate) fn is_installed(tool: &str) -> bool {
    let asked = cargo().args([tool, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// A command that counts as one check.
fn passes(command: &mut Command) -> anyhow::Result<Verdict> {
    let passed = show(command)?.status.success();
    Ok(if passed { Count::ONE_PASSED } else { Count::ONE_FAILED }.into())
}

/// What a test runner counted. One that fails and counts no failure is one.
fn counted(runner: Runner, said: Said, must_run_some: bool) -> anyhow::Result<Verdict> {
    let (passed, counted) = (said.status.success(), runner.count(&said.output));
    let mut count = counted.unwrap_or_default();
    if must_run_some && count.ran() == 0 {
        let why = if counted.is_some() { "no test ran" } else { "the tests did not run (see above)" };
        bail!("{why}");
    }
    // nextest's code 4: no test matched the filter.
    let nothing_matched = !must_run_some && runner == Runner::Nextest && said.status.code() == Some(4);
    if !passed && count.failed == 0 && !nothing_matched {
        count.failed = 1;
        return Ok(Verdict { count, note: Some("ended with an error (see above)".to_owned()) });
    }
    Ok(count.into())
}

/// Shows every step and closes on the sum, alone on the last line.
fn conclude(done: &[Done]) -> bool {
    let mut sum = Count::default();
    println!();
    for Done { name, count, took, note } in done {
        let note = note.as_deref().and_then(|note| note.lines().next());
        let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
        let result = if *count == Count::default() { "ready".to_owned() } else { count.to_string() };
        println!("{name:<20} {:>7.1} s  {result}{note}", took.as_secs_f64());
        sum += *count;
    }
    if sum.ran() == 0 {
        println!("nothing ran");
        sum += Count::ONE_FAILED;
    }
    println!();
    println!("{sum}");
    sum.failed == 0
}
