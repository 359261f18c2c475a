//! Which promises of docs/semantics.md a test proves, by their ids.
//!
//! A test says what it proves, and that is written down once it has passed, where
//! [`DIRECTORY`] asks for it. `cargo xtask test` compares what was written with the
//! ids of the document. Knows no id by itself. For tests alone: nothing that is
//! shipped depends on it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

/// The variable that names the directory to write to. Without it nothing is
/// written: a test that one runs by hand leaves no files behind.
pub const DIRECTORY: &str = "EBSKEEP_PROOFS";

/// Says that the test which calls it proves these promises:
/// `let _proof = proves(&["R3.2"]);` at its beginning.
///
/// In a property it is written for the first case that passes; one that fails
/// later fails the whole run in any case.
pub fn proves(ids: &'static [&'static str]) -> Proof {
    Proof { ids }
}

/// Writes down its ids when the test ends without a panic.
#[must_use = "what is dropped at once proves nothing"]
#[derive(Debug)]
pub struct Proof {
    ids: &'static [&'static str],
}

impl Drop for Proof {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            // The harness names a test's thread after it.
            proved(std::thread::current().name().unwrap_or("a test"), self.ids);
        }
    }
}

/// Writes down what a test of this name has proved. It has passed.
pub fn proved(test: &str, ids: &[impl AsRef<str>]) {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let mut lines = String::new();
    for id in ids {
        if written().insert(format!("{} {test}", id.as_ref())) {
            let _ = writeln!(lines, "{} {test}", id.as_ref());
        }
    }
    // A file for each process, and one write: no test waits for another's.
    let path = Path::new(&directory).join(format!("{}.rust", std::process::id()));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    if let Err(why) = file.and_then(|mut file| file.write_all(lines.as_bytes())) {
        // It is missed by the comparison, which fails.
        eprintln!("could not write {}: {why}", path.display());
    }
}

/// What this process has written: a property has thousands of cases.
fn written() -> std::sync::MutexGuard<'static, BTreeSet<String>> {
    static WRITTEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    WRITTEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
