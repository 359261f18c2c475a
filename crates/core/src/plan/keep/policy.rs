//! R4: what the governing policy keeps, and the one before it for its grace.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::{Facts, Judgement, Until, shown};
use crate::calendar::Local;
use crate::lineage::Managed;
use crate::plan::policy::{Governing, Source, Weighed, age_ends};
use crate::plan::rules::KeptBy;
use crate::retention::{Bucket, Policy, Reach, Rule, Rules};

/// R4.
pub(super) fn policy(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if facts.managed.is_unfinished() {
        let detail = "its own tags were never written; a create run that knows them writes them";
        out.keeps("unfinished-tags", Until::Open, detail);
    }
    let has_delete_on = facts.managed.bears.delete_on;
    // The latest end that the governing policies give; `Timestamp::MAX` where one has none.
    let mut longest = Timestamp::MIN;
    let alone = facts.policies.governing.len() == 1;
    for governing in &facts.policies.governing {
        if governing.source == Source::Default && has_delete_on && alone {
            out.silent("age", || "the default does not govern it: its DeleteOn is its whole policy".into());
            continue;
        }
        longest = longest.max(governs(governing, facts, out));
    }
    for before in &facts.policies.grace {
        in_grace(before, longest, facts, out);
    }
}

/// What a governing policy says, and until when it keeps: the beginning of time
/// where it does not.
fn governs(governing: &Governing, facts: &Facts<'_>, out: &mut Judgement<'_>) -> Timestamp {
    let source = &governing.source;
    match &governing.policy {
        Err(why) => {
            out.keeps("bad-policy", Until::Open, format_smolstr!("Retention ({source}): {why}; that keeps"));
            Timestamp::MAX
        }
        Ok(Policy::Forever) => {
            out.keeps("forever", Until::Open, format_smolstr!("Retention forever ({source})"));
            Timestamp::MAX
        }
        Ok(Policy::Age(age)) => {
            let end = age_ends(facts.managed, *age, &governing.zone);
            let words = |rest: &str| format_smolstr!("Retention {age} ({source}) {rest} {}", shown(end));
            out.until("age", end, || words("until"), || words("ended"));
            end
        }
        Ok(Policy::Rules(rules)) => by_rules(rules, governing, facts, out),
    }
}

fn by_rules(rules: &Rules, governing: &Governing, facts: &Facts<'_>, out: &mut Judgement<'_>) -> Timestamp {
    let source = &governing.source;
    if let Some(end) = governing.weighed.end.filter(|end| *end <= facts.now) {
        out.passed("rules", || {
            format_smolstr!(
                "Retention \"{rules}\" ({source}) ended {} for the history of a volume that is gone or elsewhere",
                shown(end)
            )
        });
        return Timestamp::MIN;
    }
    let kept = governing.weighed.kept(facts.good_rank);
    // Of a volume that is gone nothing newer comes and takes its place.
    let until = governing.weighed.end.map_or(Until::Open, Until::At);
    for (at, by) in (0..).zip(kept) {
        out.keeps(by.rule.name(), until, Place::new(governing, facts, at));
    }
    for rule in rules.iter().filter(|rule| kept.iter().all(|by| by.rule != *rule)) {
        out.silent(rule.name(), || {
            format_smolstr!("\"{rule}\" ({source}) does not: {}", why_not(rule, governing, facts))
        });
    }
    if kept.is_empty() {
        out.passed("rules", || governing.weighed.nothing.clone());
        return Timestamp::MIN;
    }
    Timestamp::MAX
}

/// The place that a rule keeps something for, such as `daily 3 of 7: the newest of
/// 2026-03-08 (tag on i-1)`: the commonest reason of all, so it becomes words only
/// when it is told.
#[derive(Clone)]
pub(in crate::plan) struct Place {
    /// What the rules of the policy keep.
    weighed: Arc<Weighed>,
    /// Of whom, as a rank among those that count.
    rank: usize,
    /// The first of the rules that keep it, the second, and so on.
    nth_rule: usize,
    /// What rules sort it by.
    time: Timestamp,
}

impl Place {
    /// The place of the snapshot that is looked at, which has a rank.
    fn new(governing: &Governing, facts: &Facts<'_>, nth_rule: usize) -> Self {
        let weighed = Arc::clone(&governing.weighed);
        Self { weighed, rank: facts.good_rank.unwrap_or_default(), nth_rule, time: facts.managed.time }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Weighed { source, zone, .. } = &*self.weighed;
        let Some(by) = self.weighed.kept(Some(self.rank)).get(self.nth_rule) else { return Ok(()) };
        let KeptBy { at: _, rule, nth, as_oldest } = by;
        f.write_str(rule.name())?;
        match rule.reach {
            Reach::Count(count) => write!(f, " {nth} of {count}")?,
            Reach::All | Reach::Within(_) => write!(f, ", of \"{rule}\"")?,
        }
        if *as_oldest {
            f.write_str(": the oldest there is, while count is left")?;
        } else if rule.bucket != Bucket::Each {
            write!(f, ": the newest of {}", Local::new(self.time, zone).bucket_name(rule.bucket))?;
        }
        write!(f, " ({source})")
    }
}

/// Why a rule does not keep something.
fn why_not(rule: Rule, governing: &Governing, facts: &Facts<'_>) -> SmolStr {
    let Some(rank) = facts.good_rank else {
        return "it is not good, or another one of its slot counts instead".into();
    };
    let bucket_of = |managed: &Managed<'_>| Local::new(managed.time, &governing.zone).bucket(rule.bucket);
    let newer = facts.good.iter().take(rank);
    let instead = newer.rev().find(|newer| bucket_of(newer).is_some_and(|its| Some(its) == bucket_of(facts.managed)));
    if let Some(instead) = instead {
        let name = Local::new(facts.managed.time, &governing.zone).bucket_name(rule.bucket);
        return format_smolstr!("{} is newer and of {name} too", instead.snapshot.id);
    }
    match rule.reach {
        Reach::Within(age) => format_smolstr!("it is not within {age} before the newest"),
        Reach::Count(count) => format_smolstr!("its {count} are newer"),
        // `all` keeps the newest of every bucket.
        Reach::All => "others are newer".into(),
    }
}

/// A policy in force until lately, told only where it keeps for longer than what
/// governs now.
fn in_grace(before: &Governing, longest: Timestamp, facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let source = &before.source;
    let (end, what) = match &before.policy {
        Err(why) => (Timestamp::MAX, format_smolstr!("Retention ({source}): {why}")),
        Ok(Policy::Forever) => (Timestamp::MAX, format_smolstr!("Retention forever ({source})")),
        Ok(Policy::Age(age)) => {
            (age_ends(facts.managed, *age, &before.zone), format_smolstr!("Retention {age} ({source})"))
        }
        Ok(Policy::Rules(rules)) => {
            let over = before.weighed.end.is_some_and(|end| end <= facts.now);
            let kept = before.weighed.kept(facts.good_rank);
            match kept.first().filter(|_| !over) {
                Some(_) => (Timestamp::MAX, format_smolstr!("{}", Place::new(before, facts, 0))),
                None => (Timestamp::MIN, format_smolstr!("Retention \"{rules}\" ({source})")),
            }
        }
    };
    let grace = facts.settings.policy_grace;
    if end > facts.now && end > longest {
        let until = if end == Timestamp::MAX { Until::Open } else { Until::At(end) };
        let detail = format_smolstr!("in force until lately, so it keeps for {grace} more: {what}");
        out.keeps("policy-grace", until, detail);
    } else {
        out.silent("policy-grace", || format_smolstr!("{what}, in force until lately, keeps it no longer either"));
    }
}
