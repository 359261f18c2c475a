//! What `watch` found as text: the same on many resources is told once.

use std::collections::BTreeMap;

use super::table::{Columns, folded};
use super::{Detail, Page, Style, Tone, count, instant, thousands};
use crate::watch::{Entry, Instead, Look, Matched, Severity, TagCounts, Watch, WatchSummary};

/// Things of one severity told before only their number is.
const SHOWN: usize = 50;
/// Resources named for each before only their number is.
const RESOURCES_SHOWN: usize = 6;

/// What was looked for and found: what tags do first, what needs attention last.
pub fn watch_text(watch: &Watch, style: &Style) -> String {
    let Watch { schema: _, now, account, region, looks, entries, tags, unseen, summary } = watch;
    let mut page = Page::new(*style);
    let named: Vec<&str> = looks.iter().map(|look| look.name()).collect();
    let named = named.join(", ");
    let title = format!("Watch over account {account} in {region}, {}: {named}", instant(*now));
    page.section(Tone::Heading, &title);
    if looks.len() == Look::ALL.len() {
        page.paragraph(Some(Tone::Faint), &format!("All that this version looks for: {named}."));
    }
    if style.detail > Detail::Brief {
        if let Some(tags) = tags {
            matched(&mut page, tags);
        }
        section(&mut page, Tone::Heading, "Near misses: tags that mean nothing here", entries, Severity::NearMiss);
        section(&mut page, Tone::Heading, "Findings: things to look at", entries, Severity::Finding);
    }
    section(&mut page, Tone::Warning, "Problems: tags to mend", entries, Severity::Problem);
    if !unseen.is_empty() {
        page.section(Tone::Warning, "Not everything could be listed, so more may be amiss");
        for gap in unseen {
            page.paragraph(Some(Tone::Warning), gap);
        }
    }
    let WatchSummary { problems, findings, near_misses } = summary;
    let counted = [(*problems, "problem"), (*findings, "finding"), (*near_misses, "near miss")];
    let parts: Vec<String> =
        counted.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| plural(number, what)).collect();
    let parts = if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") };
    page.section(Tone::Heading, &format!("Summary: {parts}"));
    page.finish()
}

fn plural(number: usize, what: &str) -> String {
    if number != 1 && what.ends_with('s') {
        return format!("{} {what}es", thousands(number as u64));
    }
    count(number, what)
}

fn matched(page: &mut Page, counts: &TagCounts) {
    let TagCounts { instances, volumes, backed_up, excluded, untagged, schedules, policies } = counts;
    let (instances, volumes) = (count(*instances, "instance"), count(*volumes, "volume"));
    page.section(Tone::Heading, &format!("What tags do here: {instances}, {volumes}"));
    let mut columns = Columns::new(2);
    for (number, what) in
        [(backed_up, "backed up"), (excluded, "excluded by a tag"), (untagged, "without a tag that says whether")]
    {
        if *number > 0 {
            columns.row([&format!("{:>6}", thousands(*number as u64)), what]);
        }
    }
    page.lines(None, &columns.text());
    for (title, rows) in [("By schedule", schedules), ("By retention", policies)] {
        if rows.is_empty() {
            continue;
        }
        page.paragraph(None, &format!("{title}: instances whose own tag says so, volumes for which it holds"));
        let mut columns = Columns::new(4);
        for Matched { under, instances, volumes } in rows {
            let number = |number: &usize, what| format!("{:>14}", count(*number, what));
            columns.row([&number(instances, "instance"), &number(volumes, "volume"), under]);
        }
        page.lines(None, &columns.text());
    }
}

/// Entries of one severity under a heading, if there are any.
fn section(page: &mut Page, tone: Tone, title: &str, entries: &[Entry], severity: Severity) {
    // Everything about an entry but where it is → where it is.
    let mut groups: BTreeMap<Entry, Vec<&str>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.severity == severity) {
        let same = Entry { resource: "".into(), ..entry.clone() };
        groups.entry(same).or_default().push(entry.resource.as_str());
    }
    if groups.is_empty() {
        return;
    }
    page.section(tone, title);
    let all = page.style.detail == Detail::Full;
    let shown = if all { groups.len() } else { SHOWN };
    for (entry, resources) in groups.iter().take(shown) {
        group(page, entry, resources, if all { resources.len() } else { RESOURCES_SHOWN });
    }
    if let Some(more) = groups.len().checked_sub(shown).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v tells all", thousands(more as u64)));
    }
}

fn group(page: &mut Page, entry: &Entry, resources: &[&str], shown: usize) {
    let Entry { severity: _, code, key, value, resource: _, wrong, means, instead, look: _ } = entry;
    let tag = match (key, value) {
        (Some(key), Some(value)) => format!(" {key}={value}"),
        (Some(key), None) => format!(" {key}"),
        (None, _) => String::new(),
    };
    page.entry(None, &format!("{code}:"), tag.trim_start());
    let on = resources.iter().take(shown).copied().collect::<Vec<_>>().join(", ");
    let more = resources.len().checked_sub(shown).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {} more", thousands(more as u64))).unwrap_or_default();
    page.lines(None, &folded(4, "on", &format!("{on}{more}")));
    page.lines(None, &folded(4, "", &format!("{wrong}. {means}.")));
    if let Some(Instead { key, value }) = instead {
        let write = match value {
            Some(value) => format!("{key}={value}"),
            None => format!("{key}, with a value that says what is meant"),
        };
        page.lines(None, &folded(4, "Write:", &write));
    }
}
