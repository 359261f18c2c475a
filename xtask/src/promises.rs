//! Every promise of docs/semantics.md has a test, and every test that names one
//! names one that is there.
//!
//! Compares the ids of the document with those that tests wrote down when they had
//! passed. Knows nothing of what an id means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::count::Count;
use crate::env;
use crate::step::Verdict;

/// Where they stand.
const DOCUMENT: &str = "docs/semantics.md";

/// An empty directory for the tests of a run to write to.
pub(crate) fn fresh_directory() -> anyhow::Result<PathBuf> {
    let directory = env::target().join("proofs");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("could not empty target/proofs")?;
    }
    fs::create_dir_all(&directory).context("could not make target/proofs")?;
    Ok(directory)
}

/// Compares the document with what the tests of this run have proved, and leaves
/// a table of both in the directory.
pub(crate) fn compared(directory: &Path) -> anyhow::Result<Verdict> {
    let document = fs::read_to_string(env::root().join(DOCUMENT)).context("could not read docs/semantics.md")?;
    let proofs = read(directory)?;
    let promised = ids(&document);
    let amiss = differences(&promised, &proofs);
    fs::write(directory.join("promises.txt"), table(&promised, &proofs)).context("could not write the table")?;
    if !amiss.is_empty() {
        for line in &amiss {
            println!("{line}");
        }
        bail!("{} of docs/semantics.md and the tests do not fit", amiss.len());
    }
    println!("target/proofs/promises.txt says which tests prove which promise");
    Ok(Verdict { count: Count::ONE_PASSED, note: Some(format!("{} promises, each proved", promised.len())) })
}

/// Id → names of tests.
type Proofs = BTreeMap<String, BTreeSet<String>>;

/// What is written in the directory: `id test` on each line.
fn read(directory: &Path) -> anyhow::Result<Proofs> {
    let mut proofs = Proofs::new();
    for entry in fs::read_dir(directory).context("could not read target/proofs")? {
        let path = entry.context("could not read target/proofs")?.path();
        let written = fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        for line in written.lines() {
            let (id, test) = line.split_once(' ').unwrap_or((line, "a test"));
            proofs.entry(id.to_owned()).or_default().insert(test.to_owned());
        }
    }
    Ok(proofs)
}

/// The ids of a document in their order: `[R3.2]` and `[2.1.4]`, but no links and
/// no examples in code.
fn ids(document: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in document.match_indices('[') {
        let Some((inside, after)) = document[start + 1..].split_once(']') else { continue };
        let quoted = after.starts_with(['(', '`']);
        if is_id(inside) && !quoted {
            found.push(inside);
        }
    }
    found
}

/// Whether this is a rule or a section, and a number: `R3.2`, `2.1.4`.
fn is_id(text: &str) -> bool {
    let mut parts = text.strip_prefix('R').unwrap_or(text).split('.');
    let numbers = parts.clone().count();
    numbers > 1 && parts.all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What does not fit, a line each.
fn differences(promised: &[&str], proofs: &Proofs) -> Vec<String> {
    let mut amiss = Vec::new();
    let mut seen = BTreeSet::new();
    if promised.is_empty() {
        amiss.push(format!("{DOCUMENT} has no ids"));
    }
    for id in promised {
        if !seen.insert(*id) {
            amiss.push(format!("[{id}] stands twice in {DOCUMENT}"));
        } else if !proofs.contains_key(*id) {
            amiss.push(format!("[{id}] is proved by no test that ran and passed"));
        }
    }
    for (id, tests) in proofs {
        if !seen.contains(id.as_str()) {
            let tests = tests.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            amiss.push(format!("[{id}] is not in {DOCUMENT}, but proved by {tests}"));
        }
    }
    amiss
}

/// Each promise and the tests that prove it, for people.
fn table(promised: &[&str], proofs: &Proofs) -> String {
    let mut table = String::new();
    for id in promised {
        let _ = writeln!(table, "{id}");
        for test in proofs.get(*id).into_iter().flatten() {
            let _ = writeln!(table, "    {test}");
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_links_and_other_brackets() {
        let document = "Kept. [R3.2] Read [2.1](#x), [words](#1-words), [R10.1], [a.1], [1.], [7], [R7], `[R1.9]`\n| so | [2.1.4] |";
        assert_eq!(ids(document), ["R3.2", "R10.1", "2.1.4"]);
    }

    #[test]
    fn whatever_does_not_fit_is_told() {
        let proofs =
            |ids: &[&str]| ids.iter().map(|id| ((*id).to_owned(), ["t".to_owned()].into())).collect::<Proofs>();
        let check = |promised: &[&str], proved: &[&str], expected: &[&str]| {
            assert_eq!(differences(promised, &proofs(proved)), expected, "{promised:?} {proved:?}");
        };
        check(&["R1.1", "2.1"], &["R1.1", "2.1"], &[]);
        check(&["R1.1", "2.1"], &["R1.1"], &["[2.1] is proved by no test that ran and passed"]);
        check(&["R1.1"], &["R1.1", "R1.2"], &["[R1.2] is not in docs/semantics.md, but proved by t"]);
        check(&["R1.1", "R1.1"], &["R1.1"], &["[R1.1] stands twice in docs/semantics.md"]);
        check(&[], &[], &["docs/semantics.md has no ids"]);
    }
}
