//! `ebskeep plan`

use ebskeep_core::id::Place;
use ebskeep_core::inventory::Inventory;
use ebskeep_core::job::{self, Event, Planned, Request, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::Plan;
use ebskeep_core::report::{NOT_LISTED, text::plan_text};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_files::PLANS;
use futures::future::join_all;

use super::{parted, runtime};
use crate::cli::{AwsArgs, PlanArgs};
use crate::error::{Exit, Failure};
use crate::inventory;
use crate::output::{PlanList, RegionError};
use crate::place::{SystemClock, places};
use crate::saved;
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn run(args: PlanArgs, aws: AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    if !args.what_if.is_empty() {
        return super::what_if::run(&args, &aws, settings, ui);
    }
    if let Some(id) = args.ids().first() {
        return Err(Failure::usage(anyhow::anyhow!("a plan is of a whole Region, and {id} is an id"))
            .hint("`ebskeep explain` tells all of one thing; ids go with --what-if"));
    }
    let request = Request { now: args.seen.now, ..Request::new(args.jobs()) };
    let seen = if args.seen.inventory.is_empty() {
        online(&aws, &request, settings, ui)?
    } else {
        let inventory = inventory::read(&args.seen, &aws, settings)?;
        Seen::offline(inventory, &request, settings)
    };
    seen.tell(&args, ui)
}

/// What was planned, and where nothing could be.
struct Seen {
    plans: Vec<Plan>,
    errors: Vec<RegionError>,
    several: bool,
}

fn online(aws: &AwsArgs, request: &Request, settings: &Settings, ui: &Ui) -> Result<Seen, Failure> {
    let stop = Stop::new();
    let work = async {
        // Boxed, since what finds credentials is large.
        let places = Box::pin(places(aws, None)).await?;
        let pacing = Pacing::new(settings.api_share);
        let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
        let run = |place| Run::new(&places.aws, place, &SystemClock, settings, &stop, &pacing, &on_event);
        let runs: Vec<_> = places.places.iter().map(run).collect();
        let answers = join_all(runs.iter().map(|run| run.plan(request))).await;
        let (planned, errors) = parted(&places.places, answers, ui);
        let plans = planned.into_iter().map(|(_, Planned { plan, inventory: _ })| plan).collect();
        Ok(Seen { plans, errors, several: places.several })
    };
    runtime()?.block_on(obeyed(unless_stopped(&stop, work), &stop, ui))??
}

impl Seen {
    fn offline(inventory: Inventory, request: &Request, settings: &Settings) -> Self {
        let Planned { plan, inventory: _ } = job::planned(inventory, request, settings);
        Self { plans: vec![plan], errors: Vec::new(), several: false }
    }

    fn tell(&self, args: &PlanArgs, ui: &Ui) -> Result<Exit, Failure> {
        let exit = self.exit(args.detailed_exitcode);
        if self.plans.is_empty() && !self.several {
            return Ok(exit);
        }
        if let Some(path) = &args.out {
            self.document(|one| saved::write(path, one), |several| saved::write(path, several))?;
        }
        if ui.json() {
            self.document(|one| ui.print_json(one), |several| ui.print_json(several))?;
            return Ok(exit);
        }
        for (at, plan) in self.plans.iter().enumerate() {
            if at > 0 {
                ui.print("\n\n")?;
            }
            ui.print(&plan_text(plan, &ui.style()))?;
        }
        if let Some(path) = &args.out {
            ui.say(&format!("the plan is in {0}; within the hour: ebskeep apply --plan {0}", path.display()));
        }
        Ok(exit)
    }

    /// The JSON form, which is another for several Regions.
    fn document(
        &self,
        one: impl FnOnce(&Plan) -> Result<(), Failure>,
        several: impl FnOnce(&PlanList<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self.plans.as_slice() {
            [plan] if !self.several => one(plan),
            plans => several(&PlanList { schema: PLANS, plans: plans.iter().collect(), errors: &self.errors }),
        }
    }

    fn exit(&self, detailed: bool) -> Exit {
        let unseen = |plan: &Plan| plan.findings.iter().any(|finding| finding.code == NOT_LISTED);
        if self.plans.is_empty() {
            Exit::Failed
        } else if !self.errors.is_empty() {
            Exit::Partly
        } else if self.plans.iter().any(|plan| plan.refusals().next().is_some()) {
            Exit::Refused
        } else if self.plans.iter().any(unseen) {
            Exit::Partly
        } else if detailed && self.plans.iter().any(|plan| !plan.actions.is_empty()) {
            Exit::Changes
        } else {
            Exit::Done
        }
    }
}
