//! `ebskeep forecast`

use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use ebskeep_core::age::Age;
use ebskeep_core::calendar;
use ebskeep_core::destination::Destinations;
use ebskeep_core::forecast::{Forecast, Imagined, Lives, OfInventory, OfVolume, Question, Subject, forecast, not_ours};
use ebskeep_core::inventory::Inventory;
use ebskeep_core::report::{forecast_svg, text::forecast_text};
use ebskeep_core::retention::Policy;
use ebskeep_core::schedule::Backup;
use ebskeep_core::setting::Settings;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cli::{AwsArgs, ForecastArgs, InventoryArgs};
use crate::error::{Exit, Failure};
use crate::inventory;
use crate::saved::{Whose, whole};
use crate::ui::Ui;

/// The longest span: beyond any use, and done in seconds.
const LONGEST: &str = "100y";

pub(crate) fn run(args: ForecastArgs, aws: &AwsArgs, settings: &Settings, ui: &Ui) -> Result<Exit, Failure> {
    let ForecastArgs {
        schedule,
        retention,
        zone,
        copy_to,
        copy_retention,
        size,
        start,
        span,
        on,
        expire_every,
        lives,
        chart,
        seen,
    } = args;
    let zone_of_days = zone.as_deref().map_or_else(|| Ok(settings.time_zone.clone()), zone_named)?;
    let start = start.as_deref().map(|text| begins(text, &zone_of_days)).transpose()?.or(seen.now);
    let (inventory, subject) = if seen.inventory.is_empty() {
        if !aws.regions.is_empty() {
            return Err(Failure::usage(anyhow!("--region means nothing without --inventory: no AWS is reached")));
        }
        let today = || calendar::start_of_day(zone_of_days.to_datetime(Timestamp::now()).date(), &zone_of_days);
        let imagined = Imagined {
            schedule: schedule.unwrap_or_else(|| "Yes".to_owned()),
            retention,
            time_zone: zone,
            size_gib: size,
            copy_to,
            copy_retention,
        };
        let subject = understood(&imagined, settings)?;
        (imagined.inventory(start.unwrap_or_else(today), settings), subject)
    } else {
        let seen = InventoryArgs { now: start, ..seen };
        let inventory = inventory::read(&seen, aws, settings)?;
        let subject = subject(&inventory, settings);
        (inventory, subject)
    };
    let span = age("--for", &span)?;
    let end = calendar::after(inventory.now, span, &zone_of_days);
    if end > calendar::after(inventory.now, age("--for", LONGEST)?, &zone_of_days) {
        return Err(Failure::usage(anyhow!("--for {span} is too long: at most {LONGEST}")));
    }
    let question = Question {
        inventory: &inventory,
        subject,
        settings,
        span,
        expire_every: age("--expire-every", &expire_every)?,
        on: on.iter().map(|text| within(text, inventory.now, end, &zone_of_days)).collect::<Result<_, _>>()?,
        zone: zone_of_days,
        lives: if lives { Lives::Told } else { Lives::Counted },
    };
    let forecast = forecast(&question);
    if let Some(path) = &chart {
        let hint = "name a file, such as forecast.svg";
        let svg = forecast_svg(&forecast);
        if path.as_os_str() == "-" {
            if ui.json() {
                return Err(Failure::usage(anyhow!("--chart - and --format json both want stdout")).hint(hint));
            }
            ui.print(&svg)?;
            return Ok(exit(&forecast));
        }
        whole(path, &Whose { flag: "--chart", what: "the chart", hint }, |file| Ok(file.write_all(svg.as_bytes())?))?;
    }
    tell(&forecast, ui)
}

fn tell(forecast: &Forecast, ui: &Ui) -> Result<Exit, Failure> {
    if ui.json() {
        ui.print_json(forecast)?;
    } else {
        ui.print(&forecast_text(forecast, &ui.style()))?;
    }
    Ok(exit(forecast))
}

fn exit(forecast: &Forecast) -> Exit {
    if forecast.not_listed.is_empty() { Exit::Done } else { Exit::Partly }
}

/// What an imagined volume's tags mean. A forecast of what nobody understands
/// would be one of the defaults.
fn understood(imagined: &Imagined, settings: &Settings) -> Result<Subject, Failure> {
    let Imagined { schedule, retention, time_zone: _, size_gib, copy_to, copy_retention } = imagined;
    let said = |flag: &str, text: &str, why: String| Failure::usage(anyhow!("{flag} {text:?}: {why}"));
    let schedule = match Backup::parse(schedule).map_err(|why| said("--schedule", schedule, why))? {
        Backup::Default => format!("{} (the default)", settings.default_schedule),
        Backup::On(_) => schedule.clone(),
        Backup::No => return Err(Failure::usage(anyhow!("--schedule {schedule:?} is not backed up at all"))),
    };
    let retention = match retention {
        None => format!("{} (the default)", settings.default_retention),
        Some(text) => {
            Policy::parse(text).map_err(|why| said("--retention", text, why))?;
            text.clone()
        }
    };
    let copies = copy_to.as_deref().map(|to| copies(to, copy_retention.as_deref(), &retention)).transpose()?;
    Ok(Subject::ImaginedVolume(OfVolume { schedule, retention, size_gib: *size_gib, copy_retention: copies }))
}

/// How long copies stay, in words, if that and where they go is understood.
fn copies(to: &str, retention: Option<&str>, of_source: &str) -> Result<String, Failure> {
    let Destinations { wanted, here: _, unreadable } = Destinations::parse(to, &Imagined::place());
    let entry = unreadable.first().map_or("", |entry| entry.as_str());
    if wanted.is_empty() || !entry.is_empty() {
        return Err(Failure::usage(anyhow!(
            "--copy-to {entry:?} is no destination such as eu-west-1 or 123456789012/eu-west-1"
        )));
    }
    let Some(text) = retention else { return Ok(of_source.to_owned()) };
    Policy::parse(text).map_err(|why| Failure::usage(anyhow!("--copy-retention {text:?}: {why}")))?;
    Ok(text.to_owned())
}

fn subject(inventory: &Inventory, settings: &Settings) -> Subject {
    Subject::Inventory(OfInventory {
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        not_ours: not_ours(inventory, settings),
    })
}

fn zone_named(name: &str) -> Result<TimeZone, Failure> {
    calendar::zone(name)
        .ok_or_else(|| Failure::usage(anyhow!("--zone {name:?} is no IANA time zone such as Europe/London")))
}

fn age(flag: &str, text: &str) -> Result<Age, Failure> {
    Age::parse(text).with_context(|| format!("{flag} {text:?}")).map_err(Failure::usage)
}

/// A date, which begins in the zone, or an instant.
fn begins(text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let date = || text.parse::<Date>().map(|date| calendar::start_of_day(date, zone));
    text.parse::<Timestamp>().or_else(|_| date()).map_err(|_| {
        Failure::usage(anyhow!("--start {text:?} is neither a date such as 2026-03-01 nor 2026-03-01T02:00:00Z"))
    })
}

/// A date of the span.
fn within(text: &str, start: Timestamp, end: Timestamp, zone: &TimeZone) -> Result<Date, Failure> {
    let date: Date =
        text.parse().map_err(|_| Failure::usage(anyhow!("--on {text:?} is no date such as 2026-03-01")))?;
    let (first, last) = (zone.to_datetime(start).date(), zone.to_datetime(end).date());
    let ends = calendar::start_of_day(date, zone);
    if date < first || ends >= end {
        return Err(Failure::usage(anyhow!("--on {date} is not in the span, {first} to {last}"))
            .hint("choose the span with --start and --for"));
    }
    Ok(date)
}
