//! One run in one Place: observe → plan → check → apply → report.
//!
//! All that the binaries call. Several Places are several of these side by
//! side; one that fails holds up no other.

mod saved;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::apply::{self, Applied, Progress};
use crate::check::check;
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds};
use crate::destination::Destination;
use crate::id::{Place, SnapshotId, VolumeId};
use crate::inventory::{Gap, Inventory};
use crate::observe::{self, observe};
use crate::paced::Pacing;
use crate::plan::{self, CheckResult, Job, Notice, Plan};
use crate::reach::Reach;
use crate::report::{DESTINATION_NOT_LISTED, LISTING_MISMATCH, LOCKS_UNKNOWN, NOT_LISTED, Report, TIERS_UNKNOWN};
use crate::retag::{Retag, Tagged};
use crate::setting::Settings;
use crate::stop::Stop;
pub use saved::SavedPlan;

/// How old a plan may be when it is carried out.
pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(1);

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
    /// Whether a policy in force until lately still keeps.
    pub grace: Grace,
    /// Only these snapshots, of which somebody told that they are good now.
    /// Nothing else is looked at, which is enough for [`Job::Copy`] alone.
    pub only: Option<BTreeSet<SnapshotId>>,
}

/// Whether a policy in force until lately still keeps (docs/semantics.md 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// As the setting says. What is carried out is always planned so.
    AsSet,
    /// As though it were over: what a changed tag means in the end.
    Over,
}

impl Request {
    /// These jobs, as of now, over tagged resources.
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        let jobs: BTreeSet<Job> = jobs.into_iter().collect();
        Self {
            jobs: jobs.into_iter().collect(),
            untagged: Untagged::NotBackedUp,
            trigger: None,
            now: None,
            grace: Grace::AsSet,
            only: None,
        }
    }

    /// Copies of these snapshots alone.
    pub fn copy_only(only: impl IntoIterator<Item = SnapshotId>) -> Self {
        Self { only: Some(only.into_iter().collect()), ..Self::new([Job::Copy]) }
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
        /// `instances`, `volumes`, `snapshots` or `images`; of a Place where
        /// copies go, `copies`.
        what: &'static str,
        /// How many are known by now.
        items: usize,
    },
    /// The plan is made and checked.
    Planned(&'a Plan),
    /// The plan is carried out.
    Applying(Progress<'a>),
}

/// Told of what happens in a Place.
pub type OnEvent<'a> = dyn Fn(&Place, Event<'_>) + 'a;

/// One run in one Place, and everything it needs besides what it is asked.
///
/// Runs beside it keep AWS's pace together with it, if they are lent the same
/// [`Pacing`]. Use one `Run` for planning and for carrying out.
pub struct Run<'a, S: Clouds, K> {
    reach: Reach<'a, S, K>,
    clock: &'a K,
    settings: &'a Settings,
    on_event: &'a OnEvent<'a>,
}

impl<'a, S: Clouds, K: Clock> Run<'a, S, K> {
    /// A run in `place`, which reaches through `clouds` where its copies go too.
    /// `clock` is for waiting only; raising `stop` ends the run early. `pacing` is that
    /// of the whole invocation.
    pub fn new(
        clouds: &'a S,
        place: &Place,
        clock: &'a K,
        settings: &'a Settings,
        stop: &'a Stop,
        pacing: &'a Pacing,
        on_event: &'a OnEvent<'a>,
    ) -> Self {
        Self { reach: Reach::new(clouds, place, clock, settings, stop, pacing), clock, settings, on_event }
    }

    /// Where it is.
    fn place(&self) -> &Place {
        self.reach.home().place()
    }

    /// Observes and plans. What could not be listed is a gap in the inventory
    /// and a finding, and may fail a check of the plan.
    ///
    /// # Errors
    ///
    /// Only if nothing answered at all.
    pub async fn plan(&self, request: &Request) -> Result<Planned, CloudError> {
        let planned = self.observe_and_decide(request).await?;
        (self.on_event)(self.place(), Event::Planned(&planned.plan));
        Ok(planned)
    }

    /// Holds a saved plan against a fresh one made at its `now`: the fresh plan
    /// with the saved actions alone, or refused by a check that names the first
    /// difference. `request` says the rest: what untagged instances are, and the
    /// trigger.
    ///
    /// # Errors
    ///
    /// Only if nothing answered at all.
    pub async fn plan_saved(&self, saved: &SavedPlan, request: &Request) -> Result<Planned, CloudError> {
        let request = Request {
            jobs: Request::new(saved.jobs.iter().copied()).jobs,
            untagged: request.untagged,
            trigger: request.trigger,
            now: Some(saved.now),
            grace: Grace::AsSet,
            only: None,
        };
        let mut planned = self.observe_and_decide(&request).await?;
        saved.restrict(&mut planned);
        (self.on_event)(self.place(), Event::Planned(&planned.plan));
        Ok(planned)
    }

    /// Carries a plan out, save what a check refuses. Always reports.
    ///
    /// A plan observed more than [`MAX_AGE`] ago, by the machine's clock, is
    /// refused: somebody took long to say yes.
    pub async fn apply(&self, planned: Planned) -> Report {
        let Planned { mut plan, inventory } = planned;
        if let Some(observed) = inventory.machine_clock {
            let age = self.clock.now().duration_since(observed);
            if age > MAX_AGE {
                add_check(&mut plan, "plan-age", false, format!("made {age:#} ago; at most {MAX_AGE:#} is allowed"));
            }
        }
        let Applied { results, notes } = apply::apply(&self.reach, &plan, &|progress| {
            (self.on_event)(self.place(), Event::Applying(progress));
        })
        .await;
        Report { plan, results, notes, stopped: self.reach.cut_short() }
    }

    /// Holds a saved plan against a fresh one and carries it out:
    /// [`Run::plan_saved`], then [`Run::apply`].
    ///
    /// # Errors
    ///
    /// Only if nothing answered at all.
    pub async fn apply_saved(&self, saved: &SavedPlan, request: &Request) -> Result<Report, CloudError> {
        Ok(self.apply(self.plan_saved(saved, request).await?).await)
    }

    /// Observes for a verb that decides for itself. Volumes that `unsettled`
    /// names are looked up (see [`observe`]).
    ///
    /// # Errors
    ///
    /// Only if nothing answered at all.
    pub async fn observe(
        &self,
        now: Option<Timestamp>,
        unsettled: impl FnOnce(&Inventory) -> Vec<VolumeId>,
    ) -> Result<Inventory, CloudError> {
        let listed = |what, items| (self.on_event)(self.place(), Event::Listed { what, items });
        observe(self.reach.home(), self.clock, now, unsettled, &listed).await
    }

    /// Adds to what was observed what there is where copies of it go, for a verb
    /// that tells or changes copies. A destination that could not be listed is a
    /// gap there.
    pub async fn observe_destinations(&self, inventory: &mut Inventory) {
        self.look_away(inventory, None).await;
    }

    /// The same for the copies of these snapshots alone.
    pub async fn observe_copies_of(&self, inventory: &mut Inventory, ids: &[SnapshotId]) {
        let ids: BTreeSet<SnapshotId> = ids.iter().cloned().collect();
        let mut named = Inventory::empty(inventory.place.clone(), inventory.now);
        named.snapshots.items =
            inventory.snapshots.items.iter().filter(|snapshot| ids.contains(&snapshot.id)).cloned().collect();
        self.look_away(&mut named, Some(&ids)).await;
        inventory.destinations = named.destinations;
    }

    /// Observes all of a Place where copies are, as [`Run::observe`] does its own.
    ///
    /// # Errors
    ///
    /// Only if nothing answered at all.
    pub async fn observe_at(&self, place: &Place) -> Result<Inventory, CloudError> {
        let listed = |what, items| (self.on_event)(place, Event::Listed { what, items });
        let unsettled = |inventory: &Inventory| plan::unsettled_volumes(inventory, self.settings);
        observe(&*self.reach.at(place), self.clock, None, unsettled, &listed).await
    }

    async fn look_away(&self, inventory: &mut Inventory, only: Option<&BTreeSet<SnapshotId>>) {
        let places = plan::destinations(inventory, self.settings);
        let listed = |place: &Place, items| (self.on_event)(place, Event::Listed { what: "copies", items });
        inventory.destinations = observe::destinations(&self.reach, places, only, &listed).await;
    }

    /// Writes tags on snapshots, each after a last look at it.
    pub async fn retag(&self, retags: &[Retag]) -> Tagged {
        self.retag_at(self.place(), retags).await
    }

    /// The same, of snapshots of a Place where copies are.
    pub async fn retag_at(&self, place: &Place, retags: &[Retag]) -> Tagged {
        apply::retag(&self.reach.at(place), retags).await
    }

    async fn observe_and_decide(&self, request: &Request) -> Result<Planned, CloudError> {
        let mut inventory = match &request.only {
            None => {
                // Whether a volume is gone matters to what expires, and to nothing else.
                let expires = request.jobs.contains(&Job::Expire);
                let unsettled = |inventory: &Inventory| {
                    if expires { plan::unsettled_volumes(inventory, self.settings) } else { Vec::new() }
                };
                self.observe(request.now, unsettled).await?
            }
            Some(only) => observe::observe_only(self.reach.home(), self.clock, request.now, only).await?,
        };
        if request.jobs.contains(&Job::Copy) {
            self.look_away(&mut inventory, request.only.as_ref()).await;
            // Whether what copies are of was deleted is asked only where no copy says so yet.
            let unsettled = plan::unsettled_sources(&inventory, self.settings);
            observe::settle_late(self.reach.home(), unsettled, &mut inventory).await;
        }
        Ok(planned(inventory, request, self.settings))
    }
}

/// Plans from what was observed, or read from files: decide, then check.
pub fn planned(inventory: Inventory, request: &Request, settings: &Settings) -> Planned {
    let mut plan = plan::decide(&inventory, request, settings);
    let unlisted = if request.only.is_none() { not_listed(&inventory) } else { Vec::new() };
    let away = if plan.jobs.contains(&Job::Copy) { not_listed_away(&inventory) } else { Vec::new() };
    for gap in unlisted.into_iter().chain(away) {
        if !plan.findings.iter().any(|finding| finding.code == gap.code && finding.resource == gap.resource) {
            plan.findings.push(gap);
        }
    }
    if plan.jobs.contains(&Job::Expire) {
        plan.findings.extend(unread(&inventory));
    }
    plan.findings.extend(mismatch(&inventory));
    plan.findings.sort();
    plan.summary.findings = plan.findings.len();
    plan.checks = check(&plan, &inventory, request, settings);
    plan.summary.refused = plan.refusals().count();
    Planned { plan, inventory }
}

/// What could not be read about single snapshots. Nothing goes because of it, so
/// it is a finding and no more.
fn unread(inventory: &Inventory) -> Vec<Notice> {
    let mut found = Vec::new();
    if let Some(gap) = &inventory.locks.gap {
        let effect = "AWS refuses to delete a locked one in any case";
        let detail = format!("which snapshots are locked could not be read: {}", gap.with_effect(effect));
        found.push(Notice { resource: "snapshots".into(), code: LOCKS_UNKNOWN, detail });
    }
    let archived = inventory.snapshots.items.iter().filter(|s| s.is_archived()).count();
    if let Some(gap) = inventory.tiers.gap.as_ref().filter(|_| archived > 0) {
        let effect = format!("Archived ones are kept ({archived} here)");
        let detail = format!("since when snapshots are archived could not be read: {}", gap.with_effect(&effect));
        found.push(Notice { resource: "snapshots".into(), code: TIERS_UNKNOWN, detail });
    }
    found
}

/// A finding if the parts in which the snapshots were listed did not fit together.
fn mismatch(inventory: &Inventory) -> Option<Notice> {
    let why = inventory.listing_mismatch.as_ref()?;
    let detail = format!(
        "listed by when they began, {why}; they were listed page by page instead, which is slow and sure: tell us"
    );
    Some(Notice { resource: "snapshots".into(), code: LISTING_MISMATCH, detail })
}

/// A finding for each kind whose listing is not complete.
pub(crate) fn not_listed(inventory: &Inventory) -> Vec<Notice> {
    let notice = |(what, gap): (&'static str, &Gap)| {
        let effect = "What was not seen is neither backed up nor deleted";
        let detail = format!("could not be listed to the end: {}", gap.with_effect(effect));
        Notice { resource: what.into(), code: NOT_LISTED, detail }
    };
    inventory.gaps().map(notice).collect()
}

/// A finding for each destination of copies whose listing is not complete.
fn not_listed_away(inventory: &Inventory) -> Vec<Notice> {
    let mut found = Vec::new();
    for there in &inventory.destinations {
        if let Some(gap) = &there.snapshots.gap {
            let effect = "Nothing is copied there until it can be listed";
            let detail = format!("could not be listed to the end: {}", gap.with_effect(effect));
            let resource = Destination::of(&there.place, &inventory.place.account).to_string().into();
            found.push(Notice { resource, code: DESTINATION_NOT_LISTED, detail });
        }
    }
    found
}

/// Adds a check's result to a plan.
fn add_check(plan: &mut Plan, check: &'static str, ok: bool, detail: String) {
    plan.checks.push(CheckResult::new(check, ok, None, detail));
    plan.summary.refused = plan.refusals().count();
}
