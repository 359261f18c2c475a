//! `ebskeep apply`

use std::cell::Cell;

use anyhow::anyhow;
use ebskeep_core::cloud::CloudError;
use ebskeep_core::id::{Place, Region};
use ebskeep_core::job::{Event, Planned, Request, Run, SavedPlan};
use ebskeep_core::paced::Pacing;
use ebskeep_core::plan::{Job, Plan};
use ebskeep_core::report::{Report, text::plan_text, text::report_text};
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use futures::future::{OptionFuture, join_all};

use super::{exit, parted, runtime, told};
use crate::cli::{ApplyArgs, AwsArgs, JobName};
use crate::error::{Exit, Failure};
use crate::output::{REPORTS, RegionError, ReportList, together};
use crate::place::{SystemClock, places};
use crate::saved;
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn run(args: ApplyArgs, aws: AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    // Before anything else: a damaged file needs no AWS to be told.
    let saved = args.plan.as_deref().map(saved::read).transpose()?;
    let request = Request::new(JobName::jobs(&args.jobs));
    let stop = Stop::new();
    let work = apply(&args, &aws, saved.as_deref(), &request, settings, &stop, ui);
    runtime()?.block_on(obeyed(work, &stop, ui))?
}

async fn apply(
    args: &ApplyArgs,
    aws: &AwsArgs,
    saved: Option<&[SavedPlan]>,
    request: &Request,
    settings: &Settings,
    stop: &Stop,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let of_plan: Option<Vec<Region>> = saved.map(|plans| plans.iter().map(|plan| plan.region.clone()).collect());
    // Boxed, since what finds credentials is large.
    let there = unless_stopped(stop, Box::pin(places(aws, of_plan.as_deref()))).await??;
    let pacing = Pacing::new(settings.api_share);
    let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
    let run = |place| Run::new(&there.aws, place, &SystemClock, settings, stop, &pacing, &on_event);
    let runs: Vec<_> = there.places.iter().map(run).collect();

    let plan = async |(index, run): (usize, &Run<'_, _, _>)| match saved.and_then(|plans| plans.get(index)) {
        Some(saved) => run.plan_saved(saved, request).await,
        None => run.plan(request).await,
    };
    let shown = Shown { ui, before: Cell::new(false) };
    let may_ask = !args.yes && (saved.is_some() || request.jobs.contains(&Job::Expire));
    if !may_ask {
        // No Region waits for another, which may be slow.
        let work = runs.iter().enumerate().map(async |(index, run)| {
            let planned = match unless_stopped(stop, Box::pin(plan((index, run)))).await? {
                Ok(planned) => planned,
                Err(error) => return Ok(Err(error)),
            };
            shown.show(&planned.plan)?;
            Ok(Ok(carry_out(run, planned).await))
        });
        let (carried, errors) = ended(&there.places, join_all(work).await, ui)?;
        if carried.is_empty() && !there.several {
            return Ok(Exit::Failed);
        }
        return tell(carried, &errors, there.several, ui);
    }

    let planning = runs.iter().enumerate().map(plan);
    let answers = unless_stopped(stop, join_all(planning)).await?;
    let (planned, errors) = parted(&there.places, answers, ui);
    if planned.is_empty() && !there.several {
        return Ok(Exit::Failed);
    }
    for (_, planned) in &planned {
        shown.show(&planned.plan)?;
    }
    let plans: Vec<&Plan> = planned.iter().map(|(_, planned)| &planned.plan).collect();
    if !agreed(&plans, args, stop, ui).await? {
        return Err(Failure { exit: Exit::Interrupted, error: anyhow!("not confirmed; nothing was done"), hint: None });
    }

    let carrying_out = planned
        .into_iter()
        .map(|(index, planned)| OptionFuture::from(runs.get(index).map(|run| carry_out(run, planned))));
    let carried: Vec<Carried> = join_all(carrying_out).await.into_iter().flatten().collect();
    tell(carried, &errors, there.several, ui)
}

/// Plans on stdout, one after the other; in a JSON document they are told at the end.
struct Shown<'a> {
    ui: &'a Ui,
    /// Whether one was shown before.
    before: Cell<bool>,
}

impl Shown<'_> {
    fn show(&self, plan: &Plan) -> Result<(), Failure> {
        if self.ui.json() {
            return Ok(());
        }
        let between = if self.before.replace(true) { "\n\n" } else { "" };
        self.ui.print(&format!("{between}{}", plan_text(plan, &self.ui.style())))
    }
}

/// How a Region ended: told to stop before it had a plan; without an answer; or carried out.
type Ended = Result<Result<Carried, CloudError>, Failure>;

/// Those that were carried out, and what is to be told of the others. If all were told to
/// stop before they had a plan, that is all there is to say.
fn ended(places: &[Place], ended: Vec<Ended>, ui: &Ui) -> Result<(Vec<Carried>, Vec<RegionError>), Failure> {
    let (mut asked, mut answers, mut interrupted) = (Vec::new(), Vec::new(), Vec::new());
    for (place, ended) in places.iter().zip(ended) {
        match ended {
            Ok(answer) => {
                asked.push(place.clone());
                answers.push(answer);
            }
            Err(failure) => interrupted.push((place.region.clone(), failure)),
        }
    }
    if asked.is_empty()
        && let Some((_, failure)) = interrupted.pop()
    {
        return Err(failure);
    }
    let (carried, mut errors) = parted(&asked, answers, ui);
    for (region, Failure { error, .. }) in interrupted {
        ui.error(&anyhow!("{region}: {error}"), None);
        errors.push(RegionError { region, error: error.to_string() });
    }
    Ok((carried.into_iter().map(|(_, carried)| carried).collect(), errors))
}

/// What became of a plan, and whether all there is to say of it was said when
/// it was shown: that it is refused as a whole.
struct Carried {
    report: Report,
    refused_when_shown: bool,
}

async fn carry_out<C: ebskeep_core::cloud::Clouds, K: ebskeep_core::cloud::Clock>(
    run: &Run<'_, C, K>,
    planned: Planned,
) -> Carried {
    let refused_when_shown = planned.plan.is_refused_whole();
    Carried { report: run.apply(planned).await, refused_when_shown }
}

/// Whether deletions are agreed to. Creations need no yes, nor do deletions of failed snapshots
/// alone, from which nothing can be restored.
async fn agreed(plans: &[&Plan], args: &ApplyArgs, stop: &Stop, ui: &Ui) -> Result<bool, Failure> {
    let deletions = |plan: &Plan| plan.deletions().1.len();
    let asks = |plan: &&&Plan| plan.deletions().1.iter().any(|deletion| !deletion.failed);
    let open: Vec<&Plan> = plans.iter().filter(asks).copied().collect();
    let count: usize = open.iter().map(|plan| deletions(plan)).sum();
    if count == 0 || args.yes {
        return Ok(true);
    }
    let snapshots = if count == 1 { "1 snapshot".to_owned() } else { format!("{count} snapshots") };
    if !ui.can_ask() {
        return Err(Failure::usage(anyhow!(
            "this would delete {snapshots}, and there is no terminal to ask on; nothing was done, creations included"
        ))
        .hint("add --yes to delete without asking, or run `ebskeep apply create`, which never deletes"));
    }
    if ui.json() || ui.style().detail < ui.asking_style().detail {
        for plan in &open {
            ui.talk(&plan_text(plan, &ui.asking_style()));
        }
    }
    let places: Vec<String> = open.iter().map(|plan| plan.region.to_string()).collect();
    ui.confirm(&format!("Delete {snapshots} in {}?", places.join(", ")), stop).await
}

fn tell(carried: Vec<Carried>, errors: &[RegionError], several: bool, ui: &Ui) -> Result<Exit, Failure> {
    let mut exits: Vec<Exit> =
        carried.iter().map(|one| exit(one.report.conclusion(), one.report.something_done())).collect();
    exits.extend(errors.iter().map(|_| Exit::Failed));
    let something_done = carried.iter().any(|carried| carried.report.something_done());
    let ended = together(&exits, something_done);
    let printed = if ui.json() {
        let reports: Vec<Report> = carried.into_iter().map(|carried| carried.report).collect();
        match reports.as_slice() {
            [report] if !several => ui.print_json(report),
            reports => ui.print_json(&ReportList { schema: REPORTS, reports, errors }),
        }
    } else {
        let untold = carried.iter().filter(|carried| !carried.refused_when_shown);
        let texts: Vec<String> =
            untold.map(|carried| format!("\n{}", report_text(&carried.report, &ui.style()))).collect();
        ui.print(&texts.concat())
    };
    told(printed, ended)
}
