//! `ebskeep watch`

use ebskeep_core::id::Place;
use ebskeep_core::job::{Event, Run};
use ebskeep_core::paced::Pacing;
use ebskeep_core::report::text::watch_text;
use ebskeep_core::setting::Settings;
use ebskeep_core::stop::Stop;
use ebskeep_core::watch::{Look, Watch, watch};
use futures::future::join_all;

use super::{parted, runtime};
use crate::cli::{AwsArgs, WatchArgs};
use crate::error::{Exit, Failure};
use crate::inventory;
use crate::output::{RegionError, WATCHES, WatchList};
use crate::place::{SystemClock, places};
use crate::signals::{obeyed, unless_stopped};
use crate::ui::Ui;

pub(crate) fn run(args: WatchArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let named: Vec<Look> = args.only.iter().filter_map(|name| Look::named(name)).collect();
    let looks = if named.is_empty() { Look::ALL.to_vec() } else { named };
    let seen = if args.seen.inventory.is_empty() {
        online(&args, &looks, aws, settings, ui)?
    } else {
        let inventory = inventory::read(&args.seen, aws, settings)?;
        Seen { watches: vec![watch(&inventory, settings, &looks)], errors: Vec::new(), several: false }
    };
    seen.tell(ui)
}

/// What was found, and where nothing could be seen.
struct Seen {
    watches: Vec<Watch>,
    errors: Vec<RegionError>,
    several: bool,
}

fn online(args: &WatchArgs, looks: &[Look], aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Seen, Failure> {
    let stop = Stop::new();
    let work = async {
        // Boxed, since what finds credentials is large.
        let there = Box::pin(places(aws, None)).await?;
        let pacing = Pacing::new(settings.api_share);
        let on_event = |place: &Place, event: Event<'_>| ui.event(place, event);
        let run = |place| Run::new(&there.aws, place, &SystemClock, settings, &stop, &pacing, &on_event);
        let runs: Vec<_> = there.places.iter().map(run).collect();
        // Nothing that it reports depends on whether a volume is gone.
        let answers = join_all(runs.iter().map(|run| run.observe(args.seen.now, |_| Vec::new()))).await;
        let (observed, errors) = parted(&there.places, answers, ui);
        let watches = observed.iter().map(|(_, inventory)| watch(inventory, settings, looks)).collect();
        Ok(Seen { watches, errors, several: there.several })
    };
    runtime()?.block_on(obeyed(unless_stopped(&stop, work), &stop, ui))??
}

impl Seen {
    fn tell(&self, ui: &Ui) -> Result<Exit, Failure> {
        let exit = self.exit();
        if self.watches.is_empty() && !self.several {
            return Ok(exit);
        }
        if ui.json() {
            match self.watches.as_slice() {
                [one] if !self.several => ui.print_json(one)?,
                watches => ui.print_json(&WatchList { schema: WATCHES, watches, errors: &self.errors })?,
            }
            return Ok(exit);
        }
        let texts: Vec<String> = self.watches.iter().map(|watch| watch_text(watch, &ui.style())).collect();
        ui.print(&texts.join("\n\n"))?;
        Ok(exit)
    }

    fn exit(&self) -> Exit {
        if self.watches.is_empty() {
            Exit::Failed
        } else if !self.errors.is_empty() || self.watches.iter().any(|watch| !watch.unseen.is_empty()) {
            Exit::Partly
        } else if self.watches.iter().any(|watch| !watch.entries.is_empty()) {
            Exit::Findings
        } else {
            Exit::Done
        }
    }
}
