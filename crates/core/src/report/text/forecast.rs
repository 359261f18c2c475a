//! A forecast as text.

use jiff::civil::Date;

use super::table::Columns;
use super::{Detail, Page, Style, Tone, WIDTH, chart, count, instant, plain, thousands};
use crate::destination::Destination;
use crate::forecast::{
    CopiesThere, Day, Forecast, OfInventory, OfVolume, OnDate, Present, SnapshotLife, Subject, Totals, VolumeTotals,
};
use crate::plan::{ExpireVerdict, Reason};

/// Rows of a list before only the number of the others is told.
const SHOWN: usize = 50;

/// What is told instead of a date where the span ends first.
const BEYOND: &str = "past the end";

/// Months told one by one; more are told by year.
const MONTHS_SHOWN: usize = 36;

/// A forecast as text: what it takes for granted, the curve, month by month, the
/// dates asked for, and last the summary.
pub fn forecast_text(forecast: &Forecast, style: &Style) -> String {
    let Forecast {
        schema: _,
        subject,
        start,
        end: _,
        time_zone,
        expire_every,
        days,
        totals,
        copies,
        volumes,
        on,
        lives,
        problems,
        not_listed,
    } = forecast;
    let mut page = Page::new(*style);
    page.section(Tone::Heading, &title(forecast));
    page.gap();
    let to = copies.iter().map(|there| there.destination.to_string()).collect::<Vec<_>>().join(", ");
    let mut columns = Columns::new(2);
    match subject {
        Subject::ImaginedVolume(OfVolume { schedule, retention, size_gib, copy_retention }) => {
            columns.row(["Backup", &plain(schedule)]);
            columns.row(["Retention", &plain(retention)]);
            if let Some(copy_retention) = copy_retention {
                columns.row(["Copies", &format!("to {to}, Retention {}", plain(copy_retention))]);
            }
            columns.row(["Size", &format!("{} GiB", thousands(u64::from(*size_gib)))]);
        }
        Subject::Inventory(OfInventory { account: _, region: _, not_ours }) => {
            if !copies.is_empty() {
                columns.row(["Copies", &format!("to {to}, each taken to be made and good at once")]);
            }
            columns.row(["Tags", "those that volumes, instances and snapshots bear now"]);
            columns.row(["Left out", &format!("{} not ours", count(*not_ours, "snapshot"))]);
        }
    }
    columns.row(["Start", &instant(*start)]);
    columns.row(["Time zone", time_zone]);
    columns.row(["Expire", &format!("runs at 00:10, every {expire_every}")]);
    page.lines(None, &columns.text());
    if style.detail > Detail::Brief {
        curve(&mut page, days);
        by_month(&mut page, days);
        if matches!(subject, Subject::Inventory(_)) {
            by_volume(&mut page, volumes);
        }
        if let Some(lives) = lives {
            each(&mut page, lives);
        }
    }
    for there in copies {
        away(&mut page, there);
    }
    for date in on {
        on_date(&mut page, date, subject, None);
    }
    for there in copies {
        for date in &there.on {
            on_date(&mut page, date, subject, Some(&there.destination));
        }
    }
    super::plan::notices(&mut page, Tone::Warning, "Partly known, because", not_listed);
    super::plan::notices(&mut page, Tone::Warning, "Problems: tags to mend", problems);
    summary(&mut page, totals, days);
    page.finish()
}

/// What a forecast is of, and its span.
pub(in crate::report) fn title(forecast: &Forecast) -> String {
    let what = match &forecast.subject {
        Subject::ImaginedVolume(_) => "one volume".to_owned(),
        Subject::Inventory(OfInventory { account, region, .. }) => {
            format!("account {account} in {region}, {}", count(forecast.volumes.len(), "volume"))
        }
    };
    match (forecast.days.first(), forecast.days.last()) {
        (Some(first), Some(last)) => format!("Forecast for {what}, {} to {}", first.date, last.date),
        _ => format!("Forecast for {what}"),
    }
}

fn curve(page: &mut Page, days: &[Day]) {
    let Some(first) = days.first() else { return };
    page.section(Tone::Heading, "SNAPSHOTS at the end of each day");
    page.gap();
    let values: Vec<usize> = days.iter().map(|day| day.snapshots).collect();
    for line in chart::chart(first.date, &values, WIDTH - 2).lines() {
        page.lines(None, &format!("  {line}"));
    }
}

/// Some days in a row, as one.
struct Period {
    name: String,
    created: usize,
    deleted: usize,
    last: Day,
}

fn periods(days: &[Day], name: impl Fn(Date) -> String) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for day in days {
        let name = name(day.date);
        match periods.last_mut().filter(|period| period.name == name) {
            Some(period) => {
                period.created += day.created;
                period.deleted += day.deleted;
                period.last = *day;
            }
            None => periods.push(Period { name, created: day.created, deleted: day.deleted, last: *day }),
        }
    }
    periods
}

/// The copies at one destination.
fn away(page: &mut Page, there: &CopiesThere) {
    let CopiesThere { destination, days, totals, on: _ } = there;
    let number = |number: usize| thousands(number as u64);
    page.section(Tone::Heading, &format!("COPIES in {destination}: {} at the end", number(totals.at_end)));
    if page.style.detail > Detail::Brief {
        months(page, days);
    }
    let Totals { created, deleted, most, most_on, .. } = totals;
    let flow = format!(
        "{} made, {} deleted; the most are {}, first on {most_on}",
        number(*created),
        number(*deleted),
        number(*most)
    );
    page.paragraph(None, &flow);
}

fn by_month(page: &mut Page, days: &[Day]) {
    let by_year = by_years(page, days);
    page.section(Tone::Heading, if by_year { "BY YEAR (-v: by month)" } else { "BY MONTH" });
    months(page, days);
    let note = "GiB are the full sizes of the volumes; less is stored, since snapshots share blocks.";
    page.paragraph(Some(Tone::Faint), note);
}

/// Whether months are too many to be told one by one.
fn by_years(page: &Page, days: &[Day]) -> bool {
    let all = periods(days, |date| date.strftime("%Y-%m").to_string());
    all.len() > MONTHS_SHOWN && page.style.detail < Detail::Full
}

fn months(page: &mut Page, days: &[Day]) {
    let name = if by_years(page, days) { "%Y" } else { "%Y-%m" };
    page.lines(None, &format!("  {:<7}  {:>9}  {:>9}  {:>9}  {:>13}", "", "taken", "deleted", "at end", "GiB at end"));
    for Period { name, created, deleted, last } in periods(days, |date| date.strftime(name).to_string()) {
        let numbers = [created, deleted, last.snapshots].map(|number| thousands(number as u64));
        let [created, deleted, there] = numbers;
        let gib = thousands(last.gib);
        page.lines(None, &format!("  {name:<7}  {created:>9}  {deleted:>9}  {there:>9}  {gib:>13}"));
    }
}

fn by_volume(page: &mut Page, volumes: &[VolumeTotals]) {
    if page.style.detail < Detail::Full || volumes.is_empty() {
        return;
    }
    page.section(Tone::Heading, "BY VOLUME");
    let mut columns = Columns::new(2);
    columns.row(["", "  at start", "     taken", "   deleted", "    at end", "GiB at end"]);
    for VolumeTotals { volume_id, copies, totals } in volumes {
        let numbers = [totals.at_start, totals.created, totals.deleted, totals.at_end];
        let [at_start, created, deleted, at_end] = numbers.map(|number| format!("{:>10}", thousands(number as u64)));
        let gib = format!("{:>10}", thousands(totals.gib_at_end));
        let name = if *copies { format!("{volume_id} (copies)") } else { volume_id.to_string() };
        columns.row([&name, &at_start, &created, &deleted, &at_end, &gib]);
    }
    page.lines(None, &columns.text());
}

fn each(page: &mut Page, lives: &[SnapshotLife]) {
    page.section(Tone::Heading, "EACH SNAPSHOT");
    let mut columns = Columns::new(2);
    for SnapshotLife { snapshot_id, volume_id, slot: _, started, deleted, reasons } in lives {
        let end = deleted.map_or_else(|| BEYOND.to_owned(), |at| format!("to {}", instant(at)));
        let which = snapshot_id.as_ref().map_or(volume_id.as_str(), |id| id.as_str());
        columns.row([which, &instant(*started), &end, &names(reasons)]);
    }
    page.lines(None, &columns.text());
}

fn on_date(page: &mut Page, on: &OnDate, subject: &Subject, away: Option<&Destination>) {
    let OnDate { date, snapshots } = on;
    let what = match away {
        None => format!("ON {date} there are {}", count(snapshots.len(), "snapshot")),
        Some(to) if snapshots.len() == 1 => format!("ON {date} there is 1 copy in {to}"),
        Some(to) => format!("ON {date} there are {} copies in {to}", thousands(snapshots.len() as u64)),
    };
    page.section(Tone::Heading, &what);
    let full = page.style.detail == Detail::Full;
    let shown = if full { snapshots.len() } else { SHOWN };
    // What nothing keeps any more is told one by one only in full: with a schedule of hours it is many.
    let going = |present: &&Present| present.verdict == ExpireVerdict::Delete;
    let listed = || snapshots.iter().filter(|present| full || !going(present));
    let mut columns = Columns::new(2);
    for present in listed().take(shown) {
        let Present { snapshot_id, volume_id, slot: _, started, size_gib: _, verdict, reasons, deleted } = present;
        let end = deleted.map_or_else(|| BEYOND.to_owned(), |at| format!("to {}", at.strftime("%Y-%m-%d")));
        let why = if full { super::plan::named(reasons) } else { names(reasons) };
        let why = match verdict {
            ExpireVerdict::Delete => format!("goes with the next run; {why}"),
            ExpireVerdict::Keep | ExpireVerdict::Ignore => why,
        };
        match subject {
            Subject::ImaginedVolume(_) => columns.row([&instant(*started), &end, &why]),
            Subject::Inventory(_) => {
                let id = snapshot_id.as_ref().map_or("yet to be taken", |id| id.as_str());
                columns.row([volume_id.as_str(), id, &instant(*started), &end, &why]);
            }
        }
    }
    page.lines(None, &columns.text());
    let going = if full { 0 } else { snapshots.iter().filter(going).count() };
    if going > 0 {
        page.paragraph(None, &format!("and {} that nothing keeps: they go with the next run", thousands(going as u64)));
    }
    if let Some(more) = listed().count().checked_sub(shown).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists all, in full", thousands(more as u64)));
    }
}

/// The names of the rules, each once.
fn names(reasons: &[Reason]) -> String {
    let mut names: Vec<&str> = reasons.iter().map(|reason| reason.rule).collect();
    names.dedup();
    names.join(", ")
}

fn summary(page: &mut Page, totals: &Totals, days: &[Day]) {
    let Totals { at_start, created, deleted, at_end, gib_at_end, most, most_on, least_lately, most_lately } = totals;
    let number = |number: usize| thousands(number as u64);
    let range = if least_lately == most_lately {
        format!("always {}", number(*most_lately))
    } else {
        format!("between {} and {}", number(*least_lately), number(*most_lately))
    };
    let lately = days.get(days.len() - days.len().div_ceil(4)).map_or(*most_on, |day| day.date);
    let mut columns = Columns::new(2);
    page.section(Tone::Heading, &format!("Summary: {} at the end", count(*at_end, "snapshot")));
    columns.row(["at the end", &format!("{}, of volumes of {} GiB", number(*at_end), thousands(*gib_at_end))]);
    columns.row([&format!("from {lately} on"), &range]);
    columns.row(["the most", &format!("{}, first on {most_on}", number(*most))]);
    let flow = format!("{} at the start, {} taken, {} deleted", number(*at_start), number(*created), number(*deleted));
    columns.row(["in all", &flow]);
    page.lines(None, &columns.text());
}
