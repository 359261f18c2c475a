//! A comparison of the plan with a change and without, as text.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, instant, plain, thousands};
use crate::plan::{CreateVerdict, ExpireVerdict};
use crate::whatif::{Changed, Counts, Fate, VolumeChanged, WhatIf};

/// Snapshots of one kind told before only their number is; `-v` tells all.
const SHOWN: usize = 20;

/// What a change would mean, as text.
pub fn what_if_text(what_if: &WhatIf, style: &Style) -> String {
    let WhatIf {
        schema: _,
        now,
        account,
        region,
        changes,
        on,
        as_it_is,
        at_once,
        after_grace,
        grace,
        snapshots,
        volumes,
        refused,
        problems,
    } = what_if;
    let mut page = Page::new(*style);
    let changes: Vec<String> = changes.iter().map(|change| plain(change)).collect();
    page.section(Tone::Heading, &format!("What if {}", changes.join(", ")));
    if !on.is_empty() {
        let named: Vec<&str> =
            on.iter().take(if style.detail == Detail::Full { on.len() } else { 4 }).map(SmolStr::as_str).collect();
        let more = if named.len() < on.len() { ", …" } else { "" };
        page.paragraph(None, &format!("on {}: {}{more}", count(on.len(), "resource"), named.join(", ")));
    }
    page.paragraph(Some(Tone::Faint), &format!("account {account} in {region}, as of {}", instant(*now)));
    page.gap();
    counts(&mut page, [as_it_is, at_once, after_grace], grace);
    if style.detail > Detail::Brief {
        volumes_told(&mut page, volumes);
        for (tone, kind, title) in KINDS {
            let of_kind: Vec<&Changed> = snapshots.iter().filter(|changed| Kind::of(changed) == *kind).collect();
            told(&mut page, *tone, title, *kind, &of_kind);
        }
    }
    super::plan::notices(&mut page, Tone::Warning, "Problems that this would make", problems);
    for check in refused {
        page.section(Tone::Danger, "A check would refuse the plan, and nothing would go until somebody lets it");
        page.entry(Some(Tone::Danger), check.check, &check.detail);
    }
    if !what_if.differs() {
        page.section(Tone::Good, "It makes no difference: the plan is the same, now and after the grace");
    }
    page.finish()
}

fn counts(page: &mut Page, all: [&Counts; 3], grace: &str) {
    let mut columns = Columns::new(2);
    columns.row(["", "stay", "", "go", ""]);
    let after = format!("once its grace of {grace} is over");
    for (name, Counts { keep, keep_gib, delete, delete_gib }) in ["as it is", "at once", &after].into_iter().zip(all) {
        let number = |number: usize| format!("{:>7}", thousands(number as u64));
        let gib = |gib: &u64| format!("{} GiB", thousands(*gib));
        columns.row([name, &number(*keep), &gib(keep_gib), &number(*delete), &gib(delete_gib)]);
    }
    page.lines(None, &columns.text());
    let note = "Full sizes of the volumes; less is stored and freed, since snapshots share blocks. `Stay` and `go` \
                are what the next expire run would do with the snapshots there are today.";
    page.paragraph(Some(Tone::Faint), note);
}

/// What becomes other about a snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    GoesAtOnce,
    GoesAfterGrace,
    Stays,
    StaysForNow,
    OtherEnd,
}

const KINDS: &[(Tone, Kind, &str)] = &[
    (Tone::Good, Kind::Stays, "STAY instead of going"),
    (Tone::Good, Kind::StaysForNow, "STAY for the grace instead of going now"),
    (Tone::Heading, Kind::OtherEnd, "STAY to another end"),
    (Tone::Danger, Kind::GoesAtOnce, "GO at once"),
    (Tone::Danger, Kind::GoesAfterGrace, "GO once the grace is over"),
];

impl Kind {
    fn of(changed: &Changed) -> Self {
        let goes = |fate: &Fate| fate.verdict == ExpireVerdict::Delete;
        match (goes(&changed.as_it_is), goes(&changed.at_once), goes(&changed.after_grace)) {
            (false, true, _) => Self::GoesAtOnce,
            (false, false, true) => Self::GoesAfterGrace,
            (true, false, false) => Self::Stays,
            (true, false, true) => Self::StaysForNow,
            (false, false, false) | (true, true, _) => Self::OtherEnd,
        }
    }
}

fn told(page: &mut Page, tone: Tone, title: &str, kind: Kind, changed: &[&Changed]) {
    if changed.is_empty() {
        return;
    }
    let gib: u64 = changed.iter().map(|changed| u64::from(changed.size_gib)).sum();
    page.section(tone, &format!("{title}: {} of volumes of {} GiB", count(changed.len(), "snapshot"), thousands(gib)));
    let shown = match (page.style.detail, kind) {
        (Detail::Full, _) => changed.len(),
        // What neither goes nor is saved from going is told only to those who ask.
        (_, Kind::OtherEnd) => 0,
        _ => SHOWN,
    };
    let mut by_volume: BTreeMap<_, Vec<&Changed>> = BTreeMap::new();
    for changed in changed.iter().take(shown) {
        by_volume.entry(&changed.volume_id).or_default().push(changed);
    }
    let mut columns = Columns::new(2);
    for (volume, changed) in by_volume {
        columns.row([volume.as_str(), "", ""]);
        for Changed { snapshot_id, volume_id: _, started, size_gib: _, as_it_is, at_once, after_grace } in changed {
            let why = match kind {
                Kind::GoesAtOnce | Kind::Stays | Kind::StaysForNow => reasons(at_once),
                Kind::GoesAfterGrace => reasons(after_grace),
                Kind::OtherEnd => format!("{}, instead of {}", end(after_grace), end(as_it_is)),
            };
            columns.row([&format!("  {snapshot_id}"), &started.strftime("%Y-%m-%d").to_string(), &why]);
        }
    }
    if shown > 0 {
        page.lines(None, &columns.text());
    }
    if let Some(more) = changed.len().checked_sub(shown).filter(|more| *more > 0) {
        page.paragraph(
            Some(Tone::Faint),
            &if shown == 0 {
                "-v lists them".to_owned()
            } else {
                format!("and {} more; -v lists all", thousands(more as u64))
            },
        );
    }
}

fn reasons(fate: &Fate) -> String {
    fate.reasons.iter().map(|reason| reason.detail.to_string()).collect::<Vec<_>>().join("; ")
}

fn end(fate: &Fate) -> String {
    fate.expires_on.map_or_else(|| "with no date on which it goes".to_owned(), |date| format!("to {date}"))
}

fn volumes_told(page: &mut Page, volumes: &[VolumeChanged]) {
    if volumes.is_empty() {
        return;
    }
    page.section(Tone::Heading, &format!("BACKED UP otherwise, or not at all: {}", count(volumes.len(), "volume")));
    let mut columns = Columns::new(2);
    for VolumeChanged { volume_id, as_it_is: _, with, reasons } in volumes {
        let does = match with {
            CreateVerdict::Create => "taken now",
            CreateVerdict::Skip => "none now",
        };
        let why: Vec<String> = reasons.iter().map(|reason| reason.detail.to_string()).collect();
        columns.row([volume_id.as_str(), does, &why.join("; ")]);
    }
    page.lines(None, &columns.text());
}
