//! An explanation as text: a page for each thing asked about.

use super::table::Columns;
use super::{Detail, Page, Style, Tone, count, instant, plain, thousands};
use crate::id::SnapshotId;
use crate::plan::explain::{
    Answer, Configured, CopiesAt, Copy, CopyOf, Create, Explained, ExplainedInstance, ExplainedSnapshot,
    ExplainedVolume, Explanation, Goes, InForce, Member, OnInstance, Presence, Role, Says,
};
use crate::plan::{CopyState, CreateVerdict, ExpireVerdict, Notice, Reason};
use crate::tags::{NAME, Tags};

/// Snapshots of a lineage told before only their number is; `-v` tells all.
const MEMBERS_SHOWN: usize = 40;

/// An explanation as text.
pub fn explanation_text(explanation: &Explanation, style: &Style) -> String {
    let Explanation { schema: _, now, account, region, subjects, unknown, not_listed } = explanation;
    let mut page = Page::new(*style);
    // First: what follows may be wrong for want of it.
    notices(&mut page, "What is said here may not be all, or not so", not_listed);
    for subject in subjects {
        match subject {
            Explained::Snapshot(of) => snapshot(&mut page, of),
            Explained::Volume(of) => volume(&mut page, of),
            Explained::Instance(of) => instance(&mut page, of),
        }
    }
    let place = format!("as of {} in account {account}, {region}", instant(*now));
    if !subjects.is_empty() {
        page.gap();
        page.paragraph(Some(Tone::Faint), &place);
    }
    for id in unknown {
        page.section(Tone::Danger, &format!("{} is not there {place}", plain(id)));
    }
    page.finish()
}

/// Lines of a name and what it is.
struct Facts(Columns);

impl Facts {
    fn new() -> Self {
        Self(Columns::new(2))
    }

    fn fact(&mut self, name: &str, what: &str) {
        if !what.is_empty() {
            self.0.row([name, what]);
        }
    }

    fn tell(self, page: &mut Page) {
        page.lines(None, &self.0.text());
    }
}

fn snapshot(page: &mut Page, of: &ExplainedSnapshot) {
    let ExplainedSnapshot {
        snapshot_id,
        volume_id,
        instance_id,
        role,
        state,
        state_message,
        started,
        slot,
        size_gib,
        archived,
        restore_expires,
        encrypted,
        description,
        tags,
        verdict,
        rules,
        policies,
        goes,
        source,
        copies,
        lineage,
    } = of;
    page.section(Tone::Heading, &format!("{snapshot_id}{}", named(tags)));
    let mut facts = Facts::new();
    let whose = match role {
        Role::Primary => "a snapshot of ours",
        Role::Copy => "a copy of ours",
        Role::NotOurs => "not ours: it is never touched",
    };
    facts.fact("what", whose);
    if let Some(CopyOf { snapshot_id, region, account, copied }) = source {
        facts.fact("copy of", &format!("{snapshot_id} in {region}, account {account}, made {}", instant(*copied)));
    }
    let from = instance_id.as_ref().map(|instance| format!(" of {instance}")).unwrap_or_default();
    facts.fact("from", &format!("{volume_id}{from}, {} GiB", thousands(u64::from(*size_gib))));
    let message = state_message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    let restored = restore_expires.map(|until| format!(", restored until {}", instant(until))).unwrap_or_default();
    let kept_in = if *archived { format!(", archived{restored}") } else { String::new() };
    let locked = if *encrypted { ", encrypted" } else { "" };
    facts.fact("state", &format!("{state}{message}{kept_in}{locked}"));
    let due = slot.map(|slot| format!(", for the backup due {}", instant(slot))).unwrap_or_default();
    facts.fact("begun", &format!("{}{due}", instant(*started)));
    facts.fact("description", description);
    // Of one that is not ours they are all there is to say: a hold on it, or why it is not.
    let all_tags = page.style.detail == Detail::Full || *role == Role::NotOurs;
    for (key, value) in tags.iter().filter(|_| all_tags) {
        facts.fact("tag", &format!("{key}={value}"));
    }
    facts.tell(page);
    let wanted = copies.iter().any(|at| !matches!(at.state, CopyState::Done | CopyState::Skip));
    let (tone, line) = will_go(*verdict, goes, wanted);
    page.section(tone, &line);
    if let Goes::Now { why } | Goes::On { why, .. } = goes {
        page.lines(None, &reasons(why));
    }
    let with = |answer| rules.iter().filter(move |says| says.says == answer).collect::<Vec<_>>();
    told(page, Tone::Good, "What keeps it", &with(Answer::Keeps));
    told(page, Tone::Heading, "What kept it until now", &with(Answer::KeptUntilNow));
    told(page, Tone::Heading, "What does not", &with(Answer::No));
    policies_told(page, policies);
    copies_told(page, copies);
    time_line(page, lineage, Some(snapshot_id.as_str()));
}

fn named(tags: &Tags) -> String {
    tags.get(NAME).filter(|name| !name.is_empty()).map(|name| format!("  {}", plain(name))).unwrap_or_default()
}

/// `copies_wanted`: some that are taken to be made by then are not there yet.
fn will_go(verdict: ExpireVerdict, goes: &Goes, copies_wanted: bool) -> (Tone, String) {
    let so_far = if copies_wanted { "if nothing changes and its copies are made" } else { "if nothing changes" };
    match (verdict, goes) {
        (_, Goes::Now { .. }) => (Tone::Danger, "It goes at the next expire run: no rule keeps it any more".to_owned()),
        (_, Goes::On { date, .. }) => (Tone::Good, format!("It stays, and goes on {date} {so_far}; by then")),
        (_, Goes::NotWithin { span }) => {
            (Tone::Good, format!("It stays, and if nothing changes it will for more than {span}"))
        }
        (_, Goes::NotOurs) => (Tone::Heading, "It stays: ebskeep touches only what is its own".to_owned()),
    }
}

fn reasons(why: &[Reason]) -> String {
    let mut columns = Columns::new(2);
    for Reason { rule, detail } in why {
        columns.row([*rule, &detail.to_string()]);
    }
    columns.text()
}

fn told(page: &mut Page, tone: Tone, title: &str, says: &[&Says]) {
    if says.is_empty() {
        return;
    }
    page.section(tone, title);
    let mut columns = Columns::new(2);
    for Says { number, rule, says: _, until: _, detail } in says {
        columns.row([*number, *rule, detail]);
    }
    page.lines(None, &columns.text());
}

/// A line for each destination, and one for each copy that was seen there.
fn copies_told(page: &mut Page, copies: &[CopiesAt]) {
    if copies.is_empty() {
        return;
    }
    page.section(Tone::Heading, "Its copies");
    let mut columns = Columns::new(2);
    for CopiesAt { destination, state, reasons, copies } in copies {
        let state = match state {
            CopyState::Copy => "the next copy run begins one",
            CopyState::Wait => "waits",
            CopyState::Pending => "under way",
            CopyState::Done => "done",
            CopyState::Skip => "none",
        };
        columns.row([&destination.to_string(), &format!("{state}: {}", super::plan::named(reasons))]);
        for Copy { snapshot_id, state, state_message, started } in copies {
            let message = state_message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
            columns.row(["", &format!("{snapshot_id}, made {}, {state}{message}", instant(*started))]);
        }
    }
    page.lines(None, &columns.text());
}

fn policies_told(page: &mut Page, policies: &[InForce]) {
    if policies.is_empty() {
        return;
    }
    page.section(Tone::Heading, "Retention");
    let mut columns = Columns::new(2);
    for InForce { policy, time_zone, source, in_grace } in policies {
        let force = if *in_grace { "still keeps for its grace" } else { "governs" };
        columns.row([force, &format!("{policy} ({source}; time zone {time_zone})")]);
    }
    page.lines(None, &columns.text());
}

/// The lineage from the newest to the oldest, with the one asked about marked.
fn time_line(page: &mut Page, lineage: &[Member], this: Option<&str>) {
    if lineage.is_empty() {
        return;
    }
    page.section(Tone::Heading, &format!("All of its lineage: {}, newest first", count(lineage.len(), "snapshot")));
    let all = page.style.detail == Detail::Full || lineage.len() <= MEMBERS_SHOWN;
    let about = this.and_then(|this| lineage.iter().position(|member| member.snapshot_id.as_str() == this));
    let shown = |at: usize| all || at < MEMBERS_SHOWN / 2 || about.is_some_and(|about| about.abs_diff(at) < 8);
    let mut columns = Columns::new(2);
    let mut left_out = 0;
    for (at, member) in lineage.iter().enumerate() {
        if !shown(at) {
            left_out += 1;
            continue;
        }
        let Member { snapshot_id, time, state, size_gib: _, verdict, rules, expires_on, once_copied } = member;
        let mark = if about == Some(at) { ">" } else { " " };
        let fate = match verdict {
            ExpireVerdict::Keep if *once_copied => "once copied".to_owned(),
            ExpireVerdict::Keep => expires_on.map_or_else(|| "stays".to_owned(), |date| format!("to {date}")),
            ExpireVerdict::Delete => "goes".to_owned(),
            ExpireVerdict::Ignore => "not ours".to_owned(),
        };
        let state = if *state == "completed" { String::new() } else { format!("{state}: ") };
        let what = format!("{state}{}", rules.join(", "));
        columns.row([mark, &instant(*time), snapshot_id.as_str(), &fate, &what]);
    }
    page.lines(None, &columns.text());
    if left_out > 0 {
        page.paragraph(Some(Tone::Faint), &format!("and {} more; -v lists all", thousands(left_out)));
    }
}

fn volume(page: &mut Page, of: &ExplainedVolume) {
    let ExplainedVolume {
        volume_id,
        presence,
        size_gib,
        tags,
        configured,
        create,
        policies,
        lineage,
        not_ours,
        notices: about,
    } = of;
    page.section(Tone::Heading, &format!("{volume_id}{}", named(tags)));
    let mut facts = Facts::new();
    let there = match presence {
        Presence::Exists => "a volume that exists",
        Presence::NotKnown => "a volume that is not listed, or on its way out; whether it is gone is not known",
        Presence::Gone => "a volume that is gone",
    };
    let size = size_gib.map(|size| format!(", {} GiB", thousands(u64::from(size)))).unwrap_or_default();
    facts.fact("what", &format!("{there}{size}"));
    for scope in configured {
        scope_told(&mut facts, scope);
    }
    for (key, value) in tags.iter().filter(|_| page.style.detail == Detail::Full) {
        facts.fact("tag", &format!("{key}={value}"));
    }
    facts.tell(page);
    if let Some(create) = create {
        create_told(page, create);
    }
    policies_told(page, policies);
    if lineage.is_empty() {
        page.section(Tone::Warning, "There is no snapshot of ours of it");
    }
    time_line(page, lineage, None);
    if !not_ours.is_empty() {
        page.section(Tone::Heading, &format!("Not ours, and left alone: {} of it", count(not_ours.len(), "snapshot")));
        let ids: Vec<&str> = not_ours.iter().map(SnapshotId::as_str).collect();
        page.paragraph(None, &ids.join(", "));
    }
    notices(page, "Problems and findings", about);
}

fn scope_told(facts: &mut Facts, scope: &Configured) {
    let Configured { instance_id, device, backup, slot, next_slot, time_zone, retention, copy_to } = scope;
    if let Some(instance) = instance_id {
        let device = device.as_ref().map(|device| format!(" as {device}")).unwrap_or_default();
        facts.fact("attached", &format!("{instance}{device}"));
    }
    let when = match (slot, next_slot) {
        (Some(slot), Some(next)) => format!(": due {}, then {}", instant(*slot), instant(*next)),
        (Some(slot), None) => format!(": due {}", instant(*slot)),
        (None, _) => String::new(),
    };
    facts.fact("backup", &format!("{backup}{when} (time zone {time_zone})"));
    facts.fact("retention", retention.as_deref().unwrap_or_default());
    facts.fact("copies", copy_to.as_deref().unwrap_or_default());
}

fn create_told(page: &mut Page, create: &Create) {
    let Create { verdict, reasons: why } = create;
    let title = match verdict {
        CreateVerdict::Create => "The next create run takes a snapshot of it",
        CreateVerdict::Skip => "The next create run takes no snapshot of it",
    };
    page.section(Tone::Heading, title);
    page.lines(None, &reasons(why));
}

fn instance(page: &mut Page, of: &ExplainedInstance) {
    let ExplainedInstance { instance_id, counts, tags, volumes, notices: about } = of;
    page.section(Tone::Heading, &format!("{instance_id}{}", named(tags)));
    let mut facts = Facts::new();
    let what = if *counts { "an instance" } else { "an instance on its way out: its tags do not count" };
    facts.fact("what", &format!("{what} with {}", count(volumes.len(), "volume")));
    for (key, value) in tags.iter().filter(|(key, _)| page.style.detail == Detail::Full || *key != NAME) {
        facts.fact("tag", &format!("{key}={value}"));
    }
    facts.tell(page);
    for on in volumes {
        let OnInstance { device, volume_id, create, policies, snapshots, newest_good } = on;
        page.section(Tone::Heading, &format!("{}  {volume_id}", plain(device)));
        let mut facts = Facts::new();
        let newest = newest_good
            .map_or_else(|| "none is good yet".to_owned(), |at| format!("the newest good one of {}", instant(at)));
        facts.fact("snapshots", &format!("{}; {newest}", thousands(*snapshots as u64)));
        if let Some(Create { verdict, reasons }) = create {
            let does = match verdict {
                CreateVerdict::Create => "takes one",
                CreateVerdict::Skip => "takes none",
            };
            let why: Vec<String> = reasons.iter().map(|reason| reason.detail.to_string()).collect();
            facts.fact("next run", &format!("{does}: {}", why.join("; ")));
        }
        for InForce { policy, time_zone: _, source, in_grace } in policies {
            let force = if *in_grace { ", for its grace" } else { "" };
            facts.fact("retention", &format!("{policy} ({source}){force}"));
        }
        facts.tell(page);
    }
    notices(page, "Problems and findings", about);
}

fn notices(page: &mut Page, title: &str, notices: &[Notice]) {
    super::plan::notices(page, Tone::Warning, title, notices);
}
