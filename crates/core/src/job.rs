//! One run in one Place: observe → plan → check → apply → report.
//!
//! All that the binaries call. Several Places are several of these side by
//! side; one that fails holds up no other.

use jiff::Timestamp;

use crate::cloud::{Clock, Cloud, CloudError};
use crate::id::Place;
use crate::inventory::Inventory;
use crate::plan::{Action, Job, Plan};
use crate::report::{ActionResult, Report};
use crate::setting::Settings;
use crate::stop::Stop;

/// What a run is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The jobs, in the order of [`Job::ALL`], each once.
    pub jobs: Vec<Job>,
    /// What running instances without a `Backup` tag are to us.
    pub untagged: Untagged,
    /// When the trigger of this run was scheduled for, if it says so: the slot
    /// of `every-run`.
    pub trigger: Option<Timestamp>,
    /// Decide at this instant instead of AWS's `now`: `plan --now`, and the
    /// second observation for a saved plan.
    pub now: Option<Timestamp>,
}

impl Request {
    /// These jobs, as of now, over tagged resources.
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        let jobs: std::collections::BTreeSet<Job> = jobs.into_iter().collect();
        Self { jobs: jobs.into_iter().collect(), untagged: Untagged::NotBackedUp, trigger: None, now: None }
    }
}

/// What instances without a `Backup` tag are to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untagged {
    /// Not backed up.
    NotBackedUp,
    /// Running ones count as `every-run`, as with autosnap, which knows no
    /// opt-in tag.
    RunningEveryRun,
}

/// A plan and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The plan, checked.
    pub plan: Plan,
    /// What was observed.
    pub inventory: Inventory,
}

/// What a run tells while it goes on, for progress and log lines.
#[derive(Debug)]
pub enum Event<'a> {
    /// A page arrived: so many of this kind (`snapshots`, …) are known by now.
    Listed {
        /// `instances`, `volumes`, `snapshots` or `images`.
        what: &'static str,
        /// How many are known by now.
        items: usize,
    },
    /// The plan is made and checked.
    Planned(&'a Plan),
    /// An action ended.
    Finished {
        /// Which.
        action: &'a Action,
        /// How.
        result: &'a ActionResult,
        /// Results so far.
        done: usize,
        /// Results there will be.
        total: usize,
    },
}

/// Everything a run needs besides what it is asked: passed down as one.
pub struct Run<'a, C, K> {
    /// Where.
    pub cloud: &'a C,
    /// For waiting only.
    pub clock: &'a K,
    /// The settings.
    pub settings: &'a Settings,
    /// Raised to end the run early.
    pub stop: &'a Stop,
    /// Told as things happen.
    pub on_event: &'a dyn Fn(&Place, Event<'_>),
}

impl<C: Cloud, K: Clock> Run<'_, C, K> {
    /// Observes and plans. What could not be listed is a gap in the inventory
    /// and fails a check of the plan; an error means that nothing answered.
    pub async fn plan(&self, request: &Request) -> Result<Planned, CloudError> {
        let _ = request;
        todo!()
    }

    /// Carries a plan out, unless a check refuses it. Always reports.
    pub async fn apply(&self, planned: Planned) -> Report {
        let _ = planned;
        todo!()
    }
}
