//! A plan as text.

use std::collections::BTreeMap;

use smol_str::{SmolStr, format_smolstr};

use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, instant, thousands};
use super::{copies, words};
use crate::id::{SnapshotId, VolumeId};
use crate::plan::{
    Action, CreateVerdict, Deletion, ExpireVerdict, FinishTags, NewSnapshot, Notice, Plan, Reason, SnapshotVerdict,
    VolumeVerdict,
};
use crate::report::PARTLY;
use crate::tags;

/// Volumes whose kept snapshots are told one line each before only totals are.
const VOLUMES_SHOWN: usize = 20;
/// Deletions listed one by one before only their volumes are.
pub(super) const DELETIONS_SHOWN: usize = 100;
/// Problems and findings told before only their number is.
const NOTICES_SHOWN: usize = 50;

/// What the sizes of deletions are.
const SHARED_BLOCKS: &str = "The sizes are those of the volumes; less is freed, since snapshots share blocks.";

/// A plan as text: what would change and why, what stays, and last what needs
/// attention and the summary line.
pub fn plan_text(plan: &Plan, style: &Style) -> String {
    let mut page = Page::new(*style);
    let jobs: Vec<&str> = plan.jobs.iter().map(|job| job.name()).collect();
    let title =
        format!("Plan for account {} in {}, {}: {}", plan.account, plan.region, instant(plan.now), jobs.join(", "));
    page.section(Tone::Heading, &title);
    if style.detail > Detail::Brief {
        creations(&mut page, plan);
        unfinished(&mut page, plan);
        copies::copies(&mut page, plan);
        deletions(&mut page, plan);
        kept(&mut page, plan);
        ignored(&mut page, plan);
        skipped(&mut page, plan);
        findings(&mut page, plan);
    }
    if style.detail == Detail::Brief {
        // What makes the run end as partly done is never left out.
        let partly: Vec<Notice> = plan.findings.iter().filter(|f| PARTLY.contains(&f.code)).cloned().collect();
        notices(&mut page, Tone::Warning, "Partly done, because", &partly);
    }
    notices(&mut page, Tone::Warning, "Problems: tags to mend", &plan.problems);
    if style.detail == Detail::Full {
        checks_passed(&mut page, plan);
    }
    refusals(&mut page, plan);
    summary(&mut page, plan);
    page.finish()
}

/// A creation, and the set it is part of.
struct Creation<'a> {
    new: &'a NewSnapshot,
    set: Option<(&'a str, usize)>,
}

fn creations(page: &mut Page, plan: &Plan) {
    let mut all: Vec<Creation<'_>> = Vec::new();
    for action in &plan.actions {
        match action {
            Action::CreateSnapshot(new) => all.push(Creation { new, set: None }),
            Action::CreateSet(set) => {
                let of = Some((set.instance_id.as_str(), set.members.len()));
                all.extend(set.members.iter().map(|member| Creation { new: &member.alone, set: of }));
            }
            _ => {}
        }
    }
    if all.is_empty() {
        return;
    }
    let reasons: BTreeMap<&VolumeId, &[Reason]> =
        plan.volumes.iter().map(|volume| (&volume.volume_id, volume.reasons.as_slice())).collect();
    page.section(Tone::Good, &format!("CREATE {}", count(all.len(), "snapshot")));
    let mut columns = Columns::new(2);
    for Creation { new, set } in all {
        // A volume without a name is called by its id, which stands there already.
        let name = new.tags.get(tags::NAME).filter(|name| *name != new.volume_id.as_str());
        let name = short(name.unwrap_or_default());
        let why = details(reasons.get(&new.volume_id).copied().unwrap_or_default());
        let stored = new.location.as_ref().map(|location| format!("; stored {location}")).unwrap_or_default();
        let why = format!("{why}{stored}");
        let why = match set {
            None => why,
            Some((instance, members)) => format!("{why}; in a set of {members} with {instance}"),
        };
        columns.row([new.volume_id.as_str(), &name, &why]);
    }
    page.lines(None, &columns.text());
}

/// A name that leaves room for the rest of its line. Its last word, which is
/// mostly the device, stays whole.
fn short(name: &str) -> String {
    const MOST: usize = 22;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    let (first, last) =
        name.rsplit_once(' ').filter(|(_, last)| last.chars().count() <= MOST / 2).unwrap_or((name, ""));
    let room = MOST - 1 - if last.is_empty() { 0 } else { last.chars().count() + 1 };
    let gap = if last.is_empty() { "" } else { " " };
    format!("{}…{gap}{last}", first.chars().take(room).collect::<String>())
}

fn details(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.detail.to_string()).collect::<Vec<_>>().join("; ")
}

/// Reasons with the names of their rules.
pub(super) fn named(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| format!("{}: {}", reason.rule, reason.detail)).collect::<Vec<_>>().join("; ")
}

fn unfinished(page: &mut Page, plan: &Plan) {
    let all: Vec<&FinishTags> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::FinishTags(tags) => Some(&**tags),
            _ => None,
        })
        .collect();
    if all.is_empty() {
        return;
    }
    let title = format!("FINISH TAGS of {} that an earlier run left without its own", count(all.len(), "snapshot"));
    page.section(Tone::Good, &title);
    let mut columns = Columns::new(2);
    for finish in all {
        columns.row([finish.snapshot_id.as_str(), finish.volume_id.as_str()]);
    }
    page.lines(None, &columns.text());
}

fn deletions(page: &mut Page, plan: &Plan) {
    let mut by_volume: BTreeMap<&VolumeId, Vec<&Deletion>> = BTreeMap::new();
    let mut all = 0;
    for action in &plan.actions {
        if let Action::DeleteSnapshot(deletion) = action {
            by_volume.entry(&deletion.volume_id).or_default().push(deletion);
            all += 1;
        }
    }
    if all == 0 {
        return;
    }
    // They are sorted by id; a map of a million more takes longer than looking among them.
    let verdict_of = |id: &SnapshotId| {
        let at = plan.snapshots.binary_search_by(|verdict| verdict.snapshot_id.cmp(id)).ok()?;
        plan.snapshots.get(at)
    };
    let gib = |deletions: &[&Deletion]| deletions.iter().map(|deletion| u64::from(deletion.size_gib)).sum::<u64>();
    let size = thousands(by_volume.values().map(|deletions| gib(deletions)).sum());
    let title = format!("DELETE {} that no rule keeps any more (of volumes of {size} GiB)", count(all, "snapshot"));
    page.section(Tone::Danger, &title);
    if all > DELETIONS_SHOWN && page.style.detail < Detail::Full {
        let mut columns = Columns::new(2);
        for (volume, deletions) in by_volume.iter().take(VOLUMES_SHOWN) {
            let number = format!("{:>4}", thousands(deletions.len() as u64));
            columns.row([volume.as_str(), &number, &format!("of {} GiB", thousands(gib(deletions)))]);
        }
        page.lines(Some(Tone::Danger), &columns.text());
        let more = match by_volume.len().checked_sub(VOLUMES_SHOWN).filter(|more| *more > 0) {
            Some(more) => {
                let hidden: usize = by_volume.values().skip(VOLUMES_SHOWN).map(Vec::len).sum();
                format!("and {} more, of {}; -v lists all", thousands(hidden as u64), count(more, "volume"))
            }
            None => "-v lists all".to_owned(),
        };
        page.paragraph(Some(Tone::Faint), &more);
        page.paragraph(Some(Tone::Faint), SHARED_BLOCKS);
        return;
    }
    let mut columns = Columns::new(2);
    for (volume, deletions) in by_volume {
        columns.row([volume.as_str(), "", ""]);
        for Deletion { snapshot_id, volume_id: _, tags: _, size_gib, failed: _, archived: _, restore_expires: _ } in
            deletions
        {
            let reasons = verdict_of(snapshot_id).map_or(&[][..], |verdict| &verdict.reasons);
            let why = if page.style.detail == Detail::Full { named(reasons) } else { details(reasons) };
            columns.row([&format!("  {snapshot_id}"), &format!("{size_gib} GiB"), &why]);
        }
    }
    page.lines(Some(Tone::Danger), &columns.text());
    page.paragraph(Some(Tone::Faint), SHARED_BLOCKS);
}

fn kept(page: &mut Page, plan: &Plan) {
    let mut by_volume: BTreeMap<&VolumeId, Vec<&SnapshotVerdict>> = BTreeMap::new();
    for verdict in plan.snapshots.iter().filter(|verdict| verdict.verdict == ExpireVerdict::Keep) {
        by_volume.entry(&verdict.volume_id).or_default().push(verdict);
    }
    if by_volume.is_empty() {
        return;
    }
    let all = plan.summary.keep;
    page.section(Tone::Heading, &format!("KEEP {}", count(all, "snapshot")));
    if page.style.detail == Detail::Full {
        let mut columns = Columns::new(2);
        for (volume, verdicts) in by_volume {
            columns.row([volume.as_str(), "", ""]);
            for verdict in verdicts {
                let until = verdict.expires_on.map_or_else(|| "stays".to_owned(), |date| format!("to {date}"));
                columns.row([&format!("  {}", verdict.snapshot_id), &until, &named(&verdict.reasons)]);
            }
        }
        page.lines(None, &columns.text());
        return;
    }
    let kept = || plan.snapshots.iter().filter(|verdict| verdict.verdict == ExpireVerdict::Keep);
    totals(page, kept().map(|verdict| verdict.reasons.as_slice()));
    let mut columns = Columns::new(2);
    for (volume, verdicts) in by_volume.iter().take(VOLUMES_SHOWN) {
        let next = verdicts.iter().filter_map(|verdict| verdict.expires_on).min();
        let rules = rules(verdicts.iter().map(|verdict| verdict.reasons.as_slice()));
        let rules: Vec<String> = rules.iter().map(|(rule, number)| format!("{number} {rule}")).collect();
        let next = next.map(|date| format!("; the next goes on {date}")).unwrap_or_default();
        columns.row([
            volume.as_str(),
            &format!("{:>4}", thousands(verdicts.len() as u64)),
            &format!("{}{next}", rules.join(", ")),
        ]);
    }
    page.gap();
    page.lines(None, &columns.text());
    if let Some(more) = by_volume.len().checked_sub(VOLUMES_SHOWN).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists each snapshot", count(more, "volume")));
    }
}

/// How often each rule is named.
fn rules<'a>(reasons: impl Iterator<Item = &'a [Reason]>) -> BTreeMap<&'static str, usize> {
    let mut rules = BTreeMap::new();
    for reason in reasons.flatten() {
        *rules.entry(reason.rule).or_default() += 1;
    }
    rules
}

/// A line for each rule: how often, its name, and what it means.
pub(super) fn totals<'a>(page: &mut Page, reasons: impl Iterator<Item = &'a [Reason]>) {
    let mut columns = Columns::new(2);
    for (rule, number) in rules(reasons) {
        columns.row([&format!("{:>6}", thousands(number as u64)), rule, words::rule(rule)]);
    }
    page.lines(None, &columns.text());
}

fn ignored(page: &mut Page, plan: &Plan) {
    let ignored: Vec<&SnapshotVerdict> =
        plan.snapshots.iter().filter(|verdict| verdict.verdict == ExpireVerdict::Ignore).collect();
    if ignored.is_empty() {
        return;
    }
    let is = if ignored.len() == 1 { "is" } else { "are" };
    let title = format!("LEAVE ALONE {} that {is} not ours", count(ignored.len(), "snapshot"));
    page.section(Tone::Heading, &title);
    if page.style.detail < Detail::Full {
        return;
    }
    let mut columns = Columns::new(2);
    for verdict in ignored {
        columns.row([verdict.snapshot_id.as_str(), &details(&verdict.reasons)]);
    }
    page.lines(None, &columns.text());
}

fn skipped(page: &mut Page, plan: &Plan) {
    let skipped: Vec<&VolumeVerdict> =
        plan.volumes.iter().filter(|volume| volume.verdict == CreateVerdict::Skip).collect();
    if skipped.is_empty() {
        return;
    }
    page.section(Tone::Heading, &format!("NO SNAPSHOT of {}", count(skipped.len(), "volume")));
    if page.style.detail < Detail::Full {
        totals(page, skipped.iter().map(|volume| volume.reasons.as_slice()));
        return;
    }
    let mut columns = Columns::new(2);
    for volume in skipped {
        columns.row([volume.volume_id.as_str(), &named(&volume.reasons)]);
    }
    page.lines(None, &columns.text());
}

fn findings(page: &mut Page, plan: &Plan) {
    notices(page, Tone::Heading, "Findings: things to look at", &plan.findings);
}

/// Notices under a heading, if there are any.
pub(super) fn notices(page: &mut Page, tone: Tone, title: &str, notices: &[Notice]) {
    if notices.is_empty() {
        return;
    }
    page.section(tone, title);
    let shown = if page.style.detail == Detail::Full { notices.len() } else { NOTICES_SHOWN };
    let mut columns = Columns::new(2);
    for Notice { resource, code, detail } in notices.iter().take(shown) {
        columns.row([resource.as_str(), &format!("{code}: {detail}")]);
    }
    page.lines(None, &columns.text());
    if let Some(more) = notices.len().checked_sub(shown).filter(|more| *more > 0) {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists all", thousands(more as u64)));
    }
}

fn checks_passed(page: &mut Page, plan: &Plan) {
    let mut columns = Columns::new(2);
    let mut any = false;
    for check in plan.checks.iter().filter(|check| check.ok) {
        columns.row([check.check, &check.detail]);
        any = true;
    }
    if any {
        page.section(Tone::Heading, "Checks passed");
        page.lines(None, &columns.text());
    }
}

/// The checks that refuse the plan, and what to do about each.
pub(super) fn refusals(page: &mut Page, plan: &Plan) {
    if plan.refusals().next().is_none() {
        return;
    }
    let refused: Vec<&str> =
        plan.jobs.iter().filter(|job| plan.refusal_of(**job).is_some()).map(|job| job.name()).collect();
    let open = plan.jobs.iter().find(|job| plan.refusal_of(**job).is_none());
    let (held, going) = plan.deletions();
    let title = if plan.is_refused_whole() {
        "REFUSED: nothing of this plan is carried out".to_owned()
    } else if let Some(open) = open.filter(|_| !refused.is_empty()) {
        format!("REFUSED: {} is not carried out; {} is", refused.join(" and "), open.name())
    } else if refused.is_empty() {
        format!("REFUSED: {} held back; everything else is carried out", count(held.len(), "deletion"))
    } else {
        format!("REFUSED: {} not carried out, except for failed snapshots", refused.join(" and "))
    };
    page.section(Tone::Danger, &title);
    for check in plan.refusals() {
        page.entry(Some(Tone::Danger), check.check, &check.detail);
        page.entry(None, "   What to do:", words::remedy(check.check));
    }
    if !held.is_empty() && !going.is_empty() {
        let failed = going.iter().filter(|deletion| deletion.failed).count();
        let failed = if failed == 0 { String::new() } else { format!(" ({failed} of them failed snapshots)") };
        let (held, going) = (thousands(held.len() as u64), thousands(going.len() as u64));
        page.paragraph(None, &format!("Deletions held back: {held}. Deletions that go ahead: {going}{failed}."));
    }
    if page.style.detail == Detail::Full {
        let ids: Vec<&str> = held.iter().map(|deletion| deletion.snapshot_id.as_str()).collect();
        if !ids.is_empty() && !plan.is_refused_whole() {
            page.entry(None, "Held back:", &ids.join(" "));
        }
    }
}

fn summary(page: &mut Page, plan: &Plan) {
    let summary = &plan.summary;
    let mut parts: Vec<SmolStr> = Vec::new();
    if summary.create > 0 {
        parts.push(format_smolstr!("{} to create", thousands(summary.create as u64)));
    }
    if summary.delete > 0 {
        let size = thousands(summary.delete_gib);
        parts.push(format_smolstr!("{} to delete (of volumes of {size} GiB)", thousands(summary.delete as u64)));
    }
    let copying = thousands(summary.copy_gib);
    for (number, what) in [
        (summary.copy, format!("to copy (of volumes of {copying} GiB)")),
        (summary.copies_waiting, "waiting to be copied".to_owned()),
        (summary.copies_under_way, "being copied".to_owned()),
    ] {
        if number > 0 {
            parts.push(format_smolstr!("{} {what}", thousands(number as u64)));
        }
    }
    let small = |action: &&Action| {
        matches!(
            action,
            Action::FinishTags(_)
                | Action::MarkCopied(_)
                | Action::FollowSource(_)
                | Action::Unshare(_)
                | Action::WriteMarks(_)
        )
    };
    let small = plan.actions.iter().filter(small).count();
    if small > 0 {
        parts.push(format_smolstr!("{} to tag or unshare", thousands(small as u64)));
    }
    if summary.actions == 0 {
        parts.push("nothing to do".into());
    }
    for (number, what) in [(summary.keep, "kept"), (summary.ignore, "not ours")] {
        if number > 0 {
            parts.push(format_smolstr!("{} {what}", thousands(number as u64)));
        }
    }
    if summary.skip > 0 {
        parts.push(format_smolstr!("{} not snapshotted", count(summary.skip, "volume")));
    }
    for (number, what) in [(summary.problems, "problem"), (summary.findings, "finding")] {
        if number > 0 {
            parts.push(count(number, what).into());
        }
    }
    let tone = if summary.refused > 0 {
        parts.insert(0, "REFUSED".into());
        Tone::Danger
    } else {
        Tone::Heading
    };
    page.section(tone, &format!("Summary: {}", parts.join(", ")));
}
