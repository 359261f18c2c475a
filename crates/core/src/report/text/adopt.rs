//! Snapshots of other tools as text, by tool and volume.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::migration::migration;
use super::retag::{affected, fate};
use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, instant, thousands};
use crate::adopt::{Adopted, Adoption, Found, OfTool, OfVolume};

/// Volumes told one by one before only their number is.
const VOLUMES_SHOWN: usize = 20;

/// What snapshots of other tools there are, what adopting them comes to, and what
/// the first run changes if that was asked for.
pub fn adoption_text(adoption: &Adoption, style: &Style) -> String {
    let Adoption { now, account, region, tools, others, migration: first_run, unseen } = adoption;
    let mut page = Page::new(*style);
    let title = format!("Snapshots of other tools for account {account} in {region}, {}", instant(*now));
    page.section(Tone::Heading, &title);
    if let Some(first_run) = first_run {
        migration(&mut page, first_run);
    }
    for tool in tools {
        of_tool(&mut page, tool);
    }
    affected(&mut page, others);
    if !unseen.is_empty() {
        page.section(Tone::Warning, "Not everything could be listed, so a reason to keep may be missing here");
        for gap in unseen {
            page.paragraph(Some(Tone::Warning), gap);
        }
    }
    let unadoptable: usize = tools.iter().map(|tool| tool.unadoptable).sum();
    let summary = match (adoption.adoptable(), unadoptable) {
        (0, 0) => "Summary: none that can be recognised".to_owned(),
        (some, none) => {
            format!("Summary: {} can be adopted, {} cannot", count(some, "snapshot"), thousands(none as u64))
        }
    };
    page.section(Tone::Heading, &summary);
    if adoption.adoptable() > 0 {
        let advice = "Once adopted they count as backups of their volumes, and expire deletes them when no rule keeps \
                      them any more. What their own tools delete, those go on deleting: stop them first.";
        page.paragraph(None, advice);
    }
    page.finish()
}

fn of_tool(page: &mut Page, of: &OfTool) {
    let OfTool { tool: _, title, adoptable, unadoptable, lineages } = of;
    let all = count(adoptable + unadoptable, "snapshot");
    page.section(Tone::Heading, &format!("{title}: {all} of {}", count(lineages.len(), "volume")));
    if page.style.detail == Detail::Full {
        for lineage in lineages {
            in_full(page, lineage);
        }
        return;
    }
    if page.style.detail == Detail::Normal {
        in_short(page, lineages);
    }
    reasons(page, lineages);
}

fn in_full(page: &mut Page, lineage: &OfVolume) {
    let OfVolume { volume_id, snapshots } = lineage;
    page.paragraph(None, volume_id.as_str());
    for Found { snapshot_id, started, size_gib, own_expiry, adopted, cannot, notes } in snapshots {
        let own =
            own_expiry.map_or_else(|| "says no date of its own".to_owned(), |date| format!("its own date is {date}"));
        let head = format!("began {}, {size_gib} GiB, {own}", instant(*started));
        let mut lines = vec![head];
        if let Some(Adopted { set, tags: _, after }) = adopted {
            let set: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
            lines.push(format!("tagged with {}", set.join(", ")));
            lines.push(format!("then {}", fate(after)));
        }
        lines.extend(cannot.iter().map(|why| format!("cannot be adopted: {why}")));
        lines.extend(notes.iter().map(|note| format!("note: {note}")));
        let mut columns = Columns::new(4);
        for (at, line) in lines.iter().enumerate() {
            columns.row([if at == 0 { snapshot_id.as_str() } else { "" }, line]);
        }
        page.lines(None, &columns.text());
    }
}

fn in_short(page: &mut Page, lineages: &[OfVolume]) {
    let mut columns = Columns::new(2);
    for OfVolume { volume_id, snapshots } in lineages.iter().take(VOLUMES_SHOWN) {
        let adopted: Vec<&Adopted> = snapshots.iter().filter_map(|found| found.adopted.as_ref()).collect();
        let number = format!("{:>4}", thousands(snapshots.len() as u64));
        let words = if adopted.is_empty() {
            "cannot be adopted".to_owned()
        } else {
            let own = range(snapshots.iter().filter_map(|found| found.own_expiry));
            let own = own.map_or_else(|| "no date of their own".to_owned(), |own| format!("their own dates {own}"));
            let open = adopted.iter().filter(|adopted| adopted.after.expires_on.is_none()).count();
            let then = range(adopted.iter().filter_map(|adopted| adopted.after.expires_on));
            let then = then.map(|then| format!("; adopted, they go {then}")).unwrap_or_default();
            let open = if open == 0 { String::new() } else { format!("; {open} with no end in sight") };
            format!("{own}{then}{open}")
        };
        columns.row([volume_id.as_str(), &number, &words]);
    }
    page.lines(None, &columns.text());
    if let Some(more) = lineages.len().checked_sub(VOLUMES_SHOWN).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists each snapshot", count(more, "volume")));
    }
}

/// `2026-03-01`, or `2026-03-01 to 2026-04-01`.
fn range(dates: impl Iterator<Item = Date> + Clone) -> Option<String> {
    let (first, last) = (dates.clone().min()?, dates.max()?);
    Some(if first == last { first.to_string() } else { format!("{first} to {last}") })
}

/// Why some cannot be adopted, with how many.
fn reasons(page: &mut Page, lineages: &[OfVolume]) {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for found in lineages.iter().flat_map(|lineage| &lineage.snapshots) {
        if let Some(why) = &found.cannot {
            *reasons.entry(why).or_default() += 1;
        }
    }
    for (why, number) in reasons {
        page.entry(Some(Tone::Warning), &format!("{number} cannot be adopted:"), why);
    }
}
