//! One step of a run: named, timed, shown while it runs, and counted.

use std::io::{IsTerminal, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::count::Count;

/// What came of a step.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) name: &'static str,
    pub(crate) count: Count,
    pub(crate) took: Duration,
    /// What to know about it besides its count.
    pub(crate) note: Option<String>,
}

/// Runs one step. An error is one failure with its reason as the note.
pub(crate) fn step(name: &'static str, body: impl FnOnce() -> anyhow::Result<Verdict>) -> Done {
    println!("\n── {name}");
    let begun = Instant::now();
    let Verdict { count, note } = body().unwrap_or_else(|error| {
        eprintln!("{name}: {error:#}");
        Verdict { count: Count::ONE_FAILED, note: Some(format!("{error:#}")) }
    });
    Done { name, count, took: begun.elapsed(), note }
}

/// A step's count, and what to know about it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) count: Count,
    pub(crate) note: Option<String>,
}

impl From<Count> for Verdict {
    fn from(count: Count) -> Self {
        Self { count, note: None }
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    /// stdout, then stderr.
    pub(crate) output: String,
}

/// Runs a command, shows what it says as it says it, and keeps it.
pub(crate) fn show(command: &mut Command) -> anyhow::Result<Said> {
    let shown = words(command);
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("PY_COLORS", "1");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {shown}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let output = std::thread::scope(|scope| {
        let out = scope.spawn(|| tee(stdout, std::io::stdout()));
        let err = tee(stderr, std::io::stderr());
        out.join().unwrap_or_default() + &err
    });
    let status = child.wait().with_context(|| format!("lost {shown}"))?;
    Ok(Said { status, output })
}

/// Passes everything on and returns it.
fn tee(from: Option<impl Read>, mut to: impl Write) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 8192];
    if let Some(mut from) = from {
        while let Ok(n @ 1..) = from.read(&mut chunk) {
            kept.extend_from_slice(&chunk[..n]);
            // Nobody reading us is no reason to stop counting.
            let _ = to.write_all(&chunk[..n]);
            let _ = to.flush();
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A command as one would type it.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
