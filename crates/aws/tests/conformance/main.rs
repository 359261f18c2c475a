//! Conformance: one list of named cases, each a promise of the port
//! ([`ebskeep_core::cloud`]), over three implementations that must agree.
//!
//! A case is one test for each backend. The last test, `conformance::matrix`, shows them
//! all; it takes the results of those that ran in the same process and runs the
//! others. What each backend is good for is told in `docs/emulators.md`.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::backend::{BACKENDS, Backend};
use crate::cases::Case;
use crate::check::Verdict;
use crate::matrix::{Cell, show};
use crate::skips::{MOTO_RUNS, SKIPS, Skip};
use crate::stage::{MOTO_URL, Stage};

mod backend;
mod cases;
mod check;
mod matrix;
mod skips;
mod stage;
mod ways;

/// Set to `sim`, the backends that need nothing but this process are run alone.
const WHICH: &str = "EBSKEEP_CONFORMANCE";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut backends = BACKENDS.to_vec();
    match std::env::var(WHICH).as_deref() {
        Err(_) => {}
        Ok("sim") => backends.retain(|backend| *backend != Backend::Moto),
        Ok(other) => {
            eprintln!("{WHICH}={other}: `sim` is the only choice; leave it unset to run all backends");
            return ExitCode::from(2);
        }
    }
    let results = Arc::new(Results::new(cases::all(), backends));
    let mut trials = Vec::new();
    for (n, case) in results.cases.iter().enumerate() {
        for backend in results.backends.clone() {
            let results = Arc::clone(&results);
            trials.push(Trial::ignorable_test(format!("conformance::{}::{backend}", case.name), move || match results
                .of(n, backend)
            {
                Cell::Ok => Ok(Completion::Completed),
                Cell::Skip(skip) => Ok(Completion::ignored_with(format!("{} ({})", skip.reason, skip.document))),
                Cell::Fail(why) => Err(Failed::from(why)),
            }));
        }
    }
    let whole = Arc::clone(&results);
    trials.push(Trial::test("conformance::matrix", move || whole.judge().map_err(Failed::from)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What came of each case on each backend; each runs once.
struct Results {
    cases: Vec<Case>,
    backends: Vec<Backend>,
    cells: Vec<[OnceLock<Cell>; BACKENDS.len()]>,
}

impl Results {
    fn new(cases: Vec<Case>, backends: Vec<Backend>) -> Self {
        let cells = cases.iter().map(|_| Default::default()).collect();
        Self { cases, backends, cells }
    }

    /// What came of it, or comes of it now.
    fn of(&self, n: usize, backend: Backend) -> Cell {
        let run = || {
            let case = &self.cases[n];
            let skip = SKIPS.iter().find(|skip| skip.case == case.name && skip.backend == backend);
            judged(skip, play(case, n, backend))
        };
        self.cells[n][backend as usize].get_or_init(run).clone()
    }

    /// Shows the matrix, and fails if it is not what it must be.
    fn judge(&self) -> Result<(), String> {
        let rows: Vec<(&str, Vec<Cell>)> = (0..self.cases.len())
            .map(|n| (self.cases[n].name, self.backends.iter().map(|backend| self.of(n, *backend)).collect()))
            .collect();
        show(&self.backends, &rows);
        let mut wrong = Vec::new();
        for skip in SKIPS {
            if !self.cases.iter().any(|case| case.name == skip.case) {
                wrong.push(format!("the skips name a case that there is not: {}", skip.case));
            }
        }
        let failed = rows.iter().flat_map(|(_, cells)| cells).filter(|cell| matches!(cell, Cell::Fail(_))).count();
        if failed > 0 {
            wrong.push(format!("{failed} cells failed"));
        }
        if let Some(column) = self.backends.iter().position(|backend| *backend == Backend::Moto) {
            let ran = rows.iter().filter(|(_, cells)| matches!(cells.get(column), Some(Cell::Ok))).count();
            if ran != MOTO_RUNS {
                wrong.push(format!("{ran} cases passed on moto; the table of skips says {MOTO_RUNS}"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

/// A skip stands only while its case fails in the way it says.
fn judged(skip: Option<&'static Skip>, verdict: Verdict) -> Cell {
    match (skip, verdict) {
        (None, Ok(())) => Cell::Ok,
        (None, Err(failure)) => Cell::Fail(failure.to_string()),
        (Some(_), Ok(())) => Cell::Fail("it agrees now: take it out of the table of skips".to_owned()),
        (Some(skip), Err(failure)) if failure.to_string().contains(skip.shows) => Cell::Skip(skip),
        (Some(skip), Err(failure)) => {
            Cell::Fail(format!("{failure}\nThe table of skips expects a failure that says `{}`.", skip.shows))
        }
    }
}

fn play(case: &Case, n: usize, backend: Backend) -> Verdict {
    if backend == Backend::Moto && std::env::var_os(MOTO_URL).is_none() {
        return Err(check::Failure::new(format!(
            "{MOTO_URL} is not set. `cargo xtask test --only rust -- conformance` starts moto and sets it; or start \
             it with `sleep infinity | target/venv/bin/python tests/serve_moto.py` and set it to what that prints; \
             or set {WHICH}=sim to leave moto out."
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| check::Failure::new(error.to_string()))?;
    runtime.block_on(async { (case.run)(&Stage::new(backend, n).await?).await })
}
