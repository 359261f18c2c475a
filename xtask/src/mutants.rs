//! `cargo xtask mutants`: is there a test that notices if the deciders decide
//! otherwise?
//!
//! cargo-mutants changes one thing at a time in what decides and checks, and runs the
//! tests of core. A mutant that no test notices is a survivor: each needs a test, or a
//! line with its reason in the list of excuses. An excuse whose mutant no longer
//! survives is as wrong as a survivor without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use crate::env::{cargo, root, target};
use crate::step::show;
use crate::test::is_installed;

/// Change the deciders one thing at a time and see that a test notices.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only files whose path contains one of these
    files: Vec<String>,

    /// Do not begin anew: try again only what survived the last time
    #[arg(long)]
    again: bool,
}

/// Files that are changed together, with a list of their own.
struct Group {
    name: &'static str,
    /// Under crates/core/src.
    files: &'static [&'static str],
    /// Arguments of cargo test for what notices most and is built and done quickly.
    quick: &'static [&'static str],
}

const GROUPS: [Group; 3] = [
    Group {
        name: "values",
        files: &["age.rs", "calendar.rs", "schedule.rs", "schedule/*.rs", "retention.rs", "retention/*.rs"],
        quick: &["--lib", "--", "--skip", "properties"],
    },
    Group { name: "decisions", files: &["plan.rs", "plan/*.rs", "plan/*/*.rs"], quick: &["--test", "scenarios"] },
    Group {
        name: "checks",
        files: &["check.rs", "check/*.rs"],
        quick: &["--test", "scenarios", "--test", "it", "--", "check", "--skip", "rules::"],
    },
];

/// What survives the quick tests meets all of core's but those that take seconds: a
/// mutant that only they notice has its test where nobody looks for it.
const MOST: [&str; 16] = [
    "--lib",
    "--test",
    "scenarios",
    "--test",
    "it",
    "--",
    "--skip",
    "properties",
    "--skip",
    "steady",
    "--skip",
    "forecasting",
    "--skip",
    "rules::",
    "--skip",
    "listing::",
];

/// Which mutants meet the tests, and for how many seconds at most: far above what the
/// tests take, so that a mutant that loops for ever is noticed, and costs this.
enum Pass {
    Everything,
    Survivors,
}

impl Pass {
    fn arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Everything => &["--timeout", "60"],
            Self::Survivors => &["--iterate", "--baseline", "skip", "--timeout", "240"],
        }
    }
}

/// One line for each survivor that is no fault, with its reason.
const EXCUSES: &str = "xtask/mutants-excused.txt";

/// Runs it; says whether every mutant was noticed or excused.
pub(crate) fn run(options: &Options) -> bool {
    match tried(options) {
        Ok(all_well) => all_well,
        Err(error) => {
            eprintln!("mutants: {error:#}");
            false
        }
    }
}

fn tried(options: &Options) -> anyhow::Result<bool> {
    if !is_installed("mutants") {
        bail!("cargo-mutants is not installed: cargo install --locked cargo-mutants");
    }
    let mut tally = Tally::default();
    for group in &GROUPS {
        if let Some(one) = group.run(options)? {
            tally.add(one);
        }
    }
    let text = fs::read_to_string(root().join(EXCUSES)).with_context(|| format!("could not read {EXCUSES}"))?;
    let amiss = amiss(&tally, &excuses(&text)?);
    for line in &amiss {
        println!("{line}");
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\nFor docs/reliability.md ({}, {cores} cores):\n", jiff::Zoned::now().date());
    println!("| file | mutants | noticed | do not build | excused | survive |\n|---|---|---|---|---|---|");
    for (file, of) in &tally.files {
        let excused =
            of.survivors.len() - amiss.iter().filter(|line| line.starts_with(&format!("survives: {file}:"))).count();
        let total = of.noticed + of.unviable + of.survivors.len();
        let left = of.survivors.len() - excused;
        println!("| {file} | {total} | {} | {} | {excused} | {left} |", of.noticed, of.unviable);
    }
    Ok(amiss.is_empty())
}

impl Group {
    /// Runs it in two passes; nothing if none of its files is asked for.
    fn run(&self, options: &Options) -> anyhow::Result<Option<Tally>> {
        let source = root().join("crates/core/src");
        let asked = |file: &Path| {
            options.files.is_empty() || options.files.iter().any(|part| file.to_string_lossy().contains(part))
        };
        let files: Vec<PathBuf> =
            self.files.iter().flat_map(|pattern| matching(&source, pattern)).filter(|file| asked(file)).collect();
        if files.is_empty() {
            return Ok(None);
        }
        let output = target().join("mutants").join(self.name);
        fs::create_dir_all(&output).with_context(|| format!("could not make {}", output.display()))?;
        if !options.again {
            SLOW.empty(&output)?;
            UNVIABLE.empty(&output)?;
            self.pass(&files, &output, &Pass::Everything, self.quick)?;
        }
        self.pass(&files, &output, &Pass::Survivors, &MOST)?;
        Tally::read(&output).map(Some)
    }

    /// One run of cargo-mutants. What took too long was noticed, and is not tried
    /// again.
    fn pass(&self, files: &[PathBuf], output: &Path, pass: &Pass, tests: &[&str]) -> anyhow::Result<()> {
        println!("\n── mutants: {} against cargo test {}", self.name, tests.join(" "));
        let mut command = cargo();
        command.args(["mutants", "--package", "ebskeep-core", "--no-shuffle", "--colors", "never"]);
        command.args(pass.arguments()).arg("--output").arg(output);
        // Nobody reads a backtrace, and without its tables core builds faster.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
        for file in files {
            command.arg("--file").arg(file.strip_prefix(root()).unwrap_or(file));
        }
        for mutant in SLOW.read(output)?.lines() {
            command.arg("--exclude-re").arg(format!("^{}$", escaped(mutant)));
        }
        // What comes behind "--" is of the run alone, and each mutant would be built
        // with all tests there are.
        let (targets, filters) = tests.split_at(tests.iter().position(|word| *word == "--").unwrap_or(tests.len()));
        command.args(targets.iter().map(|word| format!("--cargo-arg={word}")));
        command.arg("--").args(filters);
        let said = show(&mut command)?;
        SLOW.add(output)?;
        UNVIABLE.add(output)?;
        // 2: some survived; 3: some took too long. Both are read from its lists.
        match said.status.code() {
            Some(0 | 2 | 3) => Ok(()),
            _ => bail!("cargo mutants ended with {}", said.status),
        }
    }
}

/// A list in a file; empty where nothing was written yet.
fn list(directory: &Path, name: &str) -> anyhow::Result<String> {
    match fs::read_to_string(directory.join(name)) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("could not read {name}")),
    }
}

/// A list that cargo-mutants makes anew for each pass, and that is kept over all.
struct Kept {
    /// Its name here.
    name: &'static str,
    /// cargo-mutants' name for it.
    theirs: &'static str,
}

const SLOW: Kept = Kept { name: "slow.txt", theirs: "timeout.txt" };
const UNVIABLE: Kept = Kept { name: "unviable.txt", theirs: "unviable.txt" };

impl Kept {
    fn empty(&self, output: &Path) -> anyhow::Result<()> {
        self.write(output, "")
    }

    fn read(&self, output: &Path) -> anyhow::Result<String> {
        list(output, self.name)
    }

    /// Adds what the last pass found.
    fn add(&self, output: &Path) -> anyhow::Result<()> {
        let more = list(&output.join("mutants.out"), self.theirs)?;
        self.write(output, &(self.read(output)? + &more))
    }

    fn write(&self, output: &Path, text: &str) -> anyhow::Result<()> {
        fs::write(output.join(self.name), text).with_context(|| format!("could not write {}", self.name))
    }
}

/// A name as a regular expression that matches it alone.
fn escaped(name: &str) -> String {
    let special = |c: char| "\\.+*?()|[]{}^$".contains(c);
    name.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// The files that a pattern names, whose only wildcard is a whole name before `.rs`.
fn matching(source: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some((directory, _)) = pattern.split_once('*') else {
        let file = source.join(pattern);
        return file.exists().then_some(file).into_iter().collect();
    };
    let deep = pattern.matches('*').count() > 1;
    let entries = |directory: &Path| -> Vec<PathBuf> {
        let listed = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let mut found = entries(&source.join(directory));
    if deep {
        found = found.iter().filter(|path| path.is_dir()).flat_map(|path| entries(path)).collect();
    }
    // Tests in files of their own are no code to be tested.
    let is_source = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "rs") && path.file_stem().is_some_and(|name| name != "tests")
    };
    found.into_iter().filter(is_source).collect()
}

/// What became of the mutants, by file.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    files: BTreeMap<String, Of>,
}

/// What became of the mutants of one file.
#[derive(Debug, Default, PartialEq)]
struct Of {
    noticed: usize,
    unviable: usize,
    survivors: Vec<String>,
}

impl Tally {
    /// Reads cargo-mutants' lists; each line is `file:line:column: what was changed`.
    fn read(directory: &Path) -> anyhow::Result<Self> {
        let list = |name: &str| list(&directory.join("mutants.out"), name);
        Ok(Self::of(
            // What takes too long is noticed: a run of the tests does not end well.
            &[list("caught.txt")?, list("previously_caught.txt")?, SLOW.read(directory)?].concat(),
            &UNVIABLE.read(directory)?,
            &list("missed.txt")?,
        ))
    }

    fn of(noticed: &str, unviable: &str, missed: &str) -> Self {
        let mut tally = Self::default();
        // cargo-mutants counts what does not build among what was caught before.
        let mut seen: std::collections::BTreeSet<&str> = unviable.lines().collect();
        for line in noticed.lines().filter(|line| seen.insert(*line)) {
            tally.file(line).noticed += 1;
        }
        for line in unviable.lines() {
            tally.file(line).unviable += 1;
        }
        for line in missed.lines() {
            tally.file(line).survivors.push(without_place(line));
        }
        tally
    }

    fn file(&mut self, line: &str) -> &mut Of {
        self.files.entry(line.split(':').next().unwrap_or(line).to_owned()).or_default()
    }

    fn add(&mut self, other: Self) {
        self.files.extend(other.files);
    }
}

/// A mutant without line and column, which change with every edit above it.
fn without_place(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(what)) => format!("{file}:{what}"),
        _ => line.to_owned(),
    }
}

/// Mutant → how many like it are excused. A line is `mutant — reason`.
fn excuses(text: &str) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut excuses = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(" — ") {
            Some((mutant, reason)) if !reason.trim().is_empty() => {
                *excuses.entry(mutant.trim().to_owned()).or_default() += 1;
            }
            _ => bail!("{EXCUSES}: {line:?} gives no reason behind \" — \""),
        }
    }
    Ok(excuses)
}

/// Survivors without an excuse, and excuses of files that were tried without a
/// survivor.
fn amiss(tally: &Tally, excuses: &BTreeMap<String, usize>) -> Vec<String> {
    let mut left = excuses.clone();
    let mut amiss = Vec::new();
    for survivor in tally.files.values().flat_map(|of| &of.survivors) {
        match left.get_mut(survivor) {
            Some(count) if *count > 0 => *count -= 1,
            _ => amiss.push(format!("survives: {survivor}")),
        }
    }
    for (mutant, count) in left {
        let tried = tally.files.contains_key(mutant.split(':').next().unwrap_or_default());
        if tried && count > 0 {
            amiss.push(format!("excused, but noticed or not there any more: {mutant}"));
        }
    }
    amiss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survivors_and_idle_excuses_are_told() {
        let tally = Tally::of(
            "a.rs:1:2: replace x with y\na.rs:1:2: replace x with y\na.rs:9:9: replace f with Default::default()\n",
            "a.rs:9:9: replace f with Default::default()\n",
            "a.rs:3:4: replace < with <= in f\na.rs:8:4: replace < with <= in f\nb.rs:1:1: replace g with ()\n",
        );
        assert_eq!((tally.files["a.rs"].noticed, tally.files["a.rs"].unviable, tally.files["b.rs"].noticed), (1, 1, 0));
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(amiss(&tally, &excuses(text).unwrap()), expected, "{text:?}");
        };
        let both = "# why\na.rs: replace < with <= in f — equal never comes\na.rs: replace < with <= in f — nor here\n";
        check(both, &["survives: b.rs: replace g with ()"]);
        check(
            "b.rs: replace g with () — says nothing\na.rs: replace < with <= in f — once\n",
            &["survives: a.rs: replace < with <= in f"],
        );
        let idle = format!("{both}b.rs: replace g with () — so\nb.rs: replace h with () — so\nc.rs: not tried — so");
        check(&idle, &["excused, but noticed or not there any more: b.rs: replace h with ()"]);
        assert!(excuses("a.rs: replace x with y").is_err());
        assert!(excuses("a.rs: replace x with y — ").is_err());
    }

    #[test]
    fn a_name_as_an_expression_matches_itself_alone() {
        assert_eq!(
            escaped("a.rs:1:2: replace World<'a>::f -> Option<(u8, i64)> with None"),
            r"a\.rs:1:2: replace World<'a>::f -> Option<\(u8, i64\)> with None"
        );
    }
}
