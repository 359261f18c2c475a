//! What the user sees: stdout is data, stderr is talk. Knows nothing of plans
//! but how to say them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::time::Duration;

use anyhow::Context as _;
use ebskeep_core::apply;
use ebskeep_core::id::{Place, Region};
use ebskeep_core::job::Event;
use ebskeep_core::report::text::{Detail, Style};
use ebskeep_core::stop::Stop;
use futures::channel::oneshot;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::cli::{Format, OutputArgs};
use crate::error::{Exit, Failure};
use crate::signals::unless_stopped;

/// The terminal, or what stands in for it.
pub(crate) struct Ui {
    format: Format,
    detail: Detail,
    progress: Progress,
}

impl Ui {
    pub(crate) fn new(output: &OutputArgs) -> Self {
        let OutputArgs { format, quiet, verbose } = *output;
        let detail = match (quiet, verbose) {
            (true, _) => Detail::Brief,
            (_, true) => Detail::Full,
            _ => Detail::Normal,
        };
        Self { format, detail, progress: Progress::new(!quiet && stderr().is_terminal()) }
    }

    /// Whether the output is one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// How text on stdout is written.
    pub(crate) fn style(&self) -> Style {
        Style { colour: coloured(&stdout()), detail: self.detail }
    }

    /// How text on stderr is written, when it is there to be decided upon: in
    /// full enough to decide.
    pub(crate) fn asking_style(&self) -> Style {
        Style { colour: coloured(&stderr()), detail: self.detail.max(Detail::Normal) }
    }

    /// Text on stdout.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        self.progress.hide();
        let mut out = stdout().lock();
        told(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
    }

    /// A JSON document on stdout.
    pub(crate) fn print_json(&self, document: &impl Serialize) -> Result<(), Failure> {
        self.progress.hide();
        let mut out = std::io::BufWriter::new(stdout().lock());
        let written = serde_json::to_writer_pretty(&mut out, document).map_err(std::io::Error::from);
        told(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
    }

    /// A line on stderr.
    pub(crate) fn say(&self, line: &str) {
        self.progress.suspended(|| {
            // If stderr is gone there is nobody to tell.
            let _ = writeln!(anstream::stderr(), "ebskeep: {line}");
        });
    }

    /// Text on stderr, as it is.
    pub(crate) fn talk(&self, text: &str) {
        self.progress.hide();
        let _ = anstream::stderr().write_all(text.as_bytes());
    }

    /// Why the command ends, and what to do about it.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.error(&failure.error, failure.hint.as_deref());
    }

    /// An error with its causes, each once, and what to do about it.
    pub(crate) fn error(&self, error: &anyhow::Error, hint: Option<&str>) {
        self.progress.hide();
        let mut err = anstream::stderr();
        let _ = writeln!(err, "\x1b[1;31merror:\x1b[0m {error:#}");
        if let Some(hint) = hint {
            let _ = writeln!(err, "\x1b[1mwhat to do:\x1b[0m {hint}");
        }
    }

    /// Ends the process, whatever is under way.
    pub(crate) fn end_at_once(&self, exit: Exit) -> ! {
        self.progress.hide();
        std::process::exit(exit.code().into())
    }

    /// Whether there is somebody to ask.
    #[expect(clippy::unused_self, reason = "what can be asked of the user belongs to it")]
    pub(crate) fn can_ask(&self) -> bool {
        stdin().is_terminal() && stderr().is_terminal()
    }

    /// Asks a question that is answered with no unless somebody says yes.
    pub(crate) async fn confirm(&self, question: &str, stop: &Stop) -> Result<bool, Failure> {
        self.progress.hide();
        let mut err = anstream::stderr();
        let _ = write!(err, "{question} [y/N] ");
        let _ = err.flush();
        let (sender, answer) = oneshot::channel();
        // A thread of its own, since nothing can interrupt a read from a terminal.
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = stdin().read_line(&mut line);
            let _ = sender.send(line);
        });
        let line = unless_stopped(stop, answer).await?.unwrap_or_default();
        Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Shows how a run goes on.
    pub(crate) fn event(&self, place: &Place, event: Event<'_>) {
        self.progress.event(&place.region, event);
    }
}

/// Whether to colour what goes there: a terminal, and neither `NO_COLOR` nor
/// `TERM=dumb` speaks against it.
fn coloured(stream: &impl anstream::stream::RawStream) -> bool {
    anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
}

/// A reader who has seen enough is no error.
fn told(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("stdout could not be written").map_err(Failure::failed),
    }
}

/// Progress of runs side by side, on stderr, if that is a terminal.
struct Progress {
    all: MultiProgress,
    bars: RefCell<BTreeMap<Region, Bar>>,
    shown: bool,
}

struct Bar {
    bar: ProgressBar,
    listed: BTreeMap<&'static str, usize>,
}

impl Progress {
    fn new(shown: bool) -> Self {
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { all: MultiProgress::with_draw_target(target), bars: RefCell::default(), shown }
    }

    fn event(&self, region: &Region, event: Event<'_>) {
        if !self.shown {
            return;
        }
        let mut bars = self.bars.borrow_mut();
        let known = bars.entry(region.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length().with_style(spinner()).with_prefix(region.to_string()));
            bar.enable_steady_tick(Duration::from_millis(120));
            Bar { bar, listed: BTreeMap::new() }
        });
        match event {
            Event::Listed { what, items } => {
                known.listed.insert(what, items);
                let listed: Vec<String> = known.listed.iter().map(|(what, items)| format!("{items} {what}")).collect();
                known.bar.set_message(format!("listed {}", listed.join(", ")));
            }
            Event::Planned(_) => known.bar.set_message("planned"),
            Event::Applying(apply::Progress::Finished { action: _, result, done, total }) => {
                known.bar.set_style(counter());
                known.bar.set_length(total as u64);
                known.bar.set_position(done as u64);
                known.bar.set_message(result.resource.to_string());
            }
            Event::Applying(apply::Progress::Unmarks(after)) => {
                let seconds = after.as_secs();
                known.bar.set_message(format!("{seconds} s to unmark what stays"));
            }
        }
    }

    /// Makes room for output. What comes after starts again.
    fn hide(&self) {
        for (_, bar) in std::mem::take(&mut *self.bars.borrow_mut()) {
            bar.bar.finish_and_clear();
        }
    }

    fn suspended(&self, print: impl FnOnce()) {
        self.all.suspend(print);
    }
}

/// While it is not known how much there is.
fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}: {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// While it is.
fn counter() -> ProgressStyle {
    ProgressStyle::with_template("  {prefix}: [{bar:24}] {pos}/{len} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
