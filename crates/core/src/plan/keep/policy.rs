//! R4: what the governing policy keeps, and the one before it for its grace.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::{Facts, Judgement, Until, shown};
use crate::calendar::Local;
use crate::plan::grace::InGrace;
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
    for governing in &facts.lineage.policies.governing {
        if governing.source == Source::Default && has_delete_on {
            out.silent("age", || "the default does not govern it: its DeleteOn is its whole policy".into());
            continue;
        }
        longest = longest.max(governs(governing, facts, out));
    }
    for before in &facts.lineage.policies.grace {
        if before.policy.source == Source::Default && has_delete_on {
            continue;
        }
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
    // Of a volume that is deleted nothing newer comes and takes its place.
    let end = governing.end();
    if let Some(end) = end.filter(|end| *end <= facts.now) {
        out.passed("rules", || {
            format_smolstr!("Retention \"{rules}\" ({source}) ended {} for the history of a deleted volume", shown(end))
        });
        return Timestamp::MIN;
    }
    let until = end.map_or(Until::Open, Until::At);
    // Each rule is reported once, even if it keeps the snapshot in both orders.
    let mut keeping: Vec<Rule> = Vec::new();
    for place in all_places(governing, facts) {
        if let Some(rule) = place.rule().filter(|rule| !keeping.contains(rule)) {
            keeping.push(rule);
            out.keeps(rule.name(), until, place);
        }
    }
    for rule in rules.iter().filter(|rule| !keeping.contains(rule)) {
        out.silent(rule.name(), || {
            format_smolstr!("\"{rule}\" ({source}) does not: {}", why_not(rule, governing, facts))
        });
    }
    if keeping.is_empty() {
        out.passed("rules", || governing.weighed.first().map(|weighed| weighed.nothing.clone()).unwrap_or_default());
        return Timestamp::MIN;
    }
    Timestamp::MAX
}

/// What the rules of a policy keep a snapshot for, in each of the orders.
fn all_places(governing: &Governing, facts: &Facts<'_>) -> impl Iterator<Item = Place> {
    facts.lineage.orders.iter().zip(&governing.weighed).flat_map(|(order, weighed)| {
        let rank = facts.rank(order);
        (0..weighed.kept(rank).len()).map(move |nth_rule| Place {
            weighed: Arc::clone(weighed),
            rank: rank.unwrap_or_default(),
            nth_rule,
        })
    })
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
}

impl Place {
    fn kept_by(&self) -> Option<&KeptBy> {
        self.weighed.kept(Some(self.rank)).get(self.nth_rule)
    }

    fn rule(&self) -> Option<Rule> {
        self.kept_by().map(|by| by.rule)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Weighed { source, zone, .. } = &*self.weighed;
        let (Some(by), Some(time)) = (self.kept_by(), self.weighed.times.get(self.rank)) else { return Ok(()) };
        let KeptBy { at: _, rule, nth, as_oldest } = by;
        f.write_str(rule.name())?;
        match rule.reach {
            Reach::Count(count) => write!(f, " {nth} of {count}")?,
            Reach::All | Reach::Within(_) => write!(f, ", of \"{rule}\"")?,
        }
        if *as_oldest {
            f.write_str(": the oldest there is, while count is left")?;
        } else if rule.bucket != Bucket::Each {
            write!(f, ": the newest of {}", Local::new(*time, zone).bucket_name(rule.bucket))?;
        }
        write!(f, " ({source})")
    }
}

/// Why a rule does not keep something.
fn why_not(rule: Rule, governing: &Governing, facts: &Facts<'_>) -> SmolStr {
    let ranked = facts.lineage.orders.iter().find_map(|order| Some((order, facts.rank(order)?)));
    let Some((order, rank)) = ranked else {
        return "it is not good, or another one of its slot counts instead".into();
    };
    let bucket_at = |rank: usize| {
        let time = order.times.get(rank)?;
        Local::new(*time, &governing.zone).bucket(rule.bucket)
    };
    let bucket = bucket_at(rank);
    let instead = (0..rank).rev().find(|newer| bucket.is_some() && bucket_at(*newer) == bucket);
    if let Some((instead, time)) = instead.and_then(|at| Some((order.good.get(at)?, order.times.get(rank)?))) {
        let name = Local::new(*time, &governing.zone).bucket_name(rule.bucket);
        return format_smolstr!("{} is newer and of {name} too", instead.snapshot.id);
    }
    match rule.reach {
        Reach::Within(age) => format_smolstr!("it is not within {age} before the newest"),
        Reach::Count(count) => format_smolstr!("its {count} are newer"),
        // `all` keeps the newest of every bucket.
        Reach::All => "others are newer".into(),
    }
}

/// A policy in force until lately, reported only where it keeps for longer than what
/// governs now.
fn in_grace(before: &InGrace, longest: Timestamp, facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let InGrace { policy, ends } = before;
    let source = &policy.source;
    let (end, what) = match &policy.policy {
        Err(why) => (Timestamp::MAX, format_smolstr!("Retention ({source}): {why}")),
        Ok(Policy::Forever) => (Timestamp::MAX, format_smolstr!("Retention forever ({source})")),
        Ok(Policy::Age(age)) => {
            (age_ends(facts.managed, *age, &policy.zone), format_smolstr!("Retention {age} ({source})"))
        }
        Ok(Policy::Rules(rules)) => {
            let over = policy.end().is_some_and(|end| end <= facts.now);
            match all_places(policy, facts).next().filter(|_| !over) {
                Some(place) => (Timestamp::MAX, format_smolstr!("{place}")),
                None => (Timestamp::MIN, format_smolstr!("Retention \"{rules}\" ({source})")),
            }
        }
    };
    if end > facts.now && end > longest {
        // Past what governs now it keeps for nothing: that is when the snapshot goes.
        let until = ends.at().map(|at| at.min(end));
        let detail = if let Some(at) = until {
            format_smolstr!("in force before, keeps until {}: {what}", shown(at))
        } else {
            format_smolstr!("in force before, keeps, and its grace has no end yet: {what}")
        };
        out.keeps("policy-grace", until.map_or(Until::Open, Until::At), detail);
    } else {
        out.silent("policy-grace", || format_smolstr!("{what}, in force until lately, keeps it no longer either"));
    }
}
