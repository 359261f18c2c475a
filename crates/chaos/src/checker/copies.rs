//! What must hold of copies.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_sim::{Call, Outcome, Past};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::{Facts, Wrong, is_outsider, overlapped, tag, unknown_before};
use crate::words::span_of;

/// Holds a world's copies against all that must hold of them.
pub(super) fn check(facts: &Facts, wrong: &mut Wrong<'_>) {
    let judge = Judge::new(facts);
    judge.every_wanted_copy_exists(wrong);
    judge.no_primary_went_before_its_copy(wrong);
    judge.none_is_copied_twice(wrong);
    judge.what_expired_is_not_copied_again(wrong);
    judge.no_share_is_left(wrong);
    judge.holds_are_followed(wrong);
}

/// What each copy that is one too many came of, for those who count them.
pub(super) fn surplus(facts: &Facts) -> Vec<&'static str> {
    let judge = Judge::new(facts);
    judge.twins().iter().filter_map(|twins| judge.excuse(twins)).collect()
}

/// A copy and an older one of the same source at the same place.
struct Twins<'a> {
    source: &'a str,
    place: &'a Place,
    one: &'a Past,
    two: &'a Past,
}

struct Judge<'a> {
    facts: &'a Facts,
    /// The copies of each primary at each place, by their start.
    copies: BTreeMap<(&'a str, &'a Place), Vec<&'a Past>>,
    primaries: Vec<&'a Past>,
}

/// The entries of a list of destinations, and whether each names a Place.
fn entries<'t>(text: &'t str, home: &Place) -> Vec<(&'t str, Option<Place>)> {
    let all = text.split([' ', ',']).filter(|entry| !entry.is_empty());
    let read = |entry: &'t str| {
        let (account, region) = entry.split_once('/').unwrap_or((home.account.as_str(), entry));
        let known = crate::scene::REGIONS.contains(&region);
        known.then(|| Place { account: account.into(), region: region.into() })
    };
    all.map(|entry| (entry, read(entry))).collect()
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts) -> Self {
        let mut copies: BTreeMap<(&str, &Place), Vec<&Past>> = BTreeMap::new();
        let mut primaries = Vec::new();
        for past in &facts.history {
            match tag(past, "Source_SnapshotId") {
                Some(source) => copies.entry((source, &past.place)).or_default().push(past),
                None if facts.has_primaries(&past.place) => primaries.push(past),
                None => {}
            }
        }
        for all in copies.values_mut() {
            all.sort_by_key(|past| past.started);
        }
        Self { facts, copies, primaries }
    }

    /// Whether its tags want copies at this instant.
    fn within_span(primary: &Past, at: Timestamp) -> bool {
        let policy = tag(primary, "ebskeep:copy-retention").or_else(|| tag(primary, "ebskeep:retention"));
        match (policy, tag(primary, "DeleteOn")) {
            (Some(policy), _) => match span_of(policy) {
                Some(span) => primary.started.checked_add(span).is_ok_and(|end| end > at),
                None => true,
            },
            (None, Some(date)) => date > at.strftime("%Y-%m-%d").to_string().as_str(),
            (None, None) => primary.started.checked_add(SignedDuration::from_hours(7 * 24)).is_ok_and(|end| end > at),
        }
    }

    /// Where copies of it are wanted.
    fn wanted(primary: &'a Past, at: Timestamp) -> Vec<(&'a str, Option<Place>)> {
        let Some(text) = tag(primary, "ebskeep:copy-to") else { return Vec::new() };
        if !Self::within_span(primary, at) {
            return Vec::new();
        }
        let mut all = entries(text, &primary.place);
        all.retain(|(_, place)| place.as_ref() != Some(&primary.place));
        all
    }

    fn good_by(&self, primary: &Past, place: &Place, at: Timestamp) -> bool {
        self.copies
            .get(&(primary.id.as_str(), place))
            .is_some_and(|all| all.iter().any(|copy| copy.completed.is_some_and(|completed| completed <= at)))
    }

    fn every_wanted_copy_exists(&self, wrong: &mut Wrong<'_>) {
        for primary in &self.primaries {
            if primary.deleted.is_some() || primary.completed.is_none() {
                continue;
            }
            for (entry, place) in Self::wanted(primary, self.facts.now) {
                let Some(place) = place else { continue };
                if !self.good_by(primary, &place, self.facts.now) {
                    wrong("wanted-copy-missing", format!("{} has no copy in {entry}", primary.id));
                }
            }
        }
    }

    fn no_primary_went_before_its_copy(&self, wrong: &mut Wrong<'_>) {
        for primary in &self.primaries {
            let Some(end) = primary.deleted.as_ref().filter(|end| !is_outsider(&end.by)) else { continue };
            if primary.state != "completed" {
                continue;
            }
            for (entry, place) in Self::wanted(primary, end.at) {
                let good = place.is_some_and(|place| self.good_by(primary, &place, end.at));
                if !good {
                    let detail = format!("{} went at {} without a copy in {entry}", primary.id, end.at);
                    wrong("primary-gone-before-copy", detail);
                }
            }
        }
    }

    /// Copies that were made while an older one was there, which had not failed.
    fn twins(&self) -> Vec<Twins<'_>> {
        let mut found = Vec::new();
        for ((source, place), all) in &self.copies {
            for (at, two) in all.iter().enumerate() {
                let counts = |one: &&&'a Past| {
                    let gone = one.deleted.as_ref().is_some_and(|end| end.at <= two.started);
                    one.state != "error" && !gone
                };
                if let Some(one) = all.iter().take(at).rfind(counts) {
                    found.push(Twins { source, place, one, two });
                }
            }
        }
        found
    }

    fn none_is_copied_twice(&self, wrong: &mut Wrong<'_>) {
        for twins in self.twins() {
            let Twins { source, place, one, two } = twins;
            if self.excuse(&twins).is_none() {
                wrong("copied-twice", format!("{source} in {place}: {} and {}", one.id, two.id));
            }
            let both_good = one.deleted.is_none() && two.deleted.is_none();
            let both_good = both_good && one.state == "completed" && two.state == "completed";
            let source_there = self.primaries.iter().any(|p| p.id.as_str() == source && p.deleted.is_none());
            let told = |id: &SnapshotId| {
                self.facts.last_findings.contains(&("surplus-copy".to_owned(), SmolStr::new(id.as_str())))
            };
            if both_good && source_there && ![&one.id, &two.id, &SnapshotId::new(source)].into_iter().any(told) {
                wrong("surplus-not-told", format!("{source} in {place}: {} and {}", one.id, two.id));
            }
        }
    }

    /// What a second copy may have come of: an outcome was not known, or two runs
    /// overlapped.
    fn excuse(&self, twins: &Twins<'_>) -> Option<&'static str> {
        let unknown = |call: &Call| {
            call.action == "CopySnapshot"
                && call.region == twins.place.region
                && call.params.values().any(|value| value == twins.source)
                && unknown_before(twins.two.started, call)
        };
        if self.facts.calls.iter().any(unknown) {
            return Some("two copies, where an outcome was not known");
        }
        self.copier_overlapped(twins.two).then_some("two copies, where runs overlapped")
    }

    /// Whether two copiers were at work where its source is, which may be gone by now: they run
    /// where primaries are.
    fn copier_overlapped(&self, copy: &Past) -> bool {
        self.facts.sites.iter().any(|site| overlapped(&self.facts.overlaps, &site.place, copy.started))
    }

    fn what_expired_is_not_copied_again(&self, wrong: &mut Wrong<'_>) {
        for ((source, place), all) in &self.copies {
            for one in all {
                let Some(end) = one.deleted.as_ref().filter(|end| !is_outsider(&end.by)) else { continue };
                // What came and went while no copier ran could not be noted anywhere.
                let unnoted = self.facts.uncopied.is_some_and(|(from, to)| (from..to).contains(&end.at));
                if one.completed.is_none() || unnoted {
                    continue;
                }
                if let Some(again) = all.iter().find(|two| two.started > end.at) {
                    let detail = format!("{source} in {place}: {} expired at {}, then {}", one.id, end.at, again.id);
                    wrong("copied-again", detail);
                }
            }
        }
    }

    fn no_share_is_left(&self, wrong: &mut Wrong<'_>) {
        let mut shares: BTreeSet<(&str, &str)> = BTreeSet::new();
        for call in self.facts.calls.iter().filter(|call| call.action == "ModifySnapshotAttribute") {
            if !matches!(call.outcome, Outcome::Done | Outcome::LostAfter) {
                continue;
            }
            let Some(snapshot) = call.params.get("SnapshotId") else { continue };
            for (key, account) in &call.params {
                let removes = key.contains(".Remove.")
                    || call.params.get("OperationType").is_some_and(|operation| operation == "remove");
                if !key.contains("UserId") {
                    continue;
                }
                if removes {
                    shares.remove(&(snapshot.as_str(), account.as_str()));
                } else {
                    shares.insert((snapshot, account));
                }
            }
        }
        for (snapshot, account) in shares {
            let there = self.facts.history.iter().any(|p| p.id.as_str() == snapshot && p.deleted.is_none());
            if there {
                wrong("share-left", format!("{snapshot} is shared with {account}"));
            }
        }
        for primary in self.primaries.iter().filter(|primary| primary.deleted.is_none()) {
            if let Some(with) = tag(primary, "ebskeep:shared-with") {
                wrong("share-left", format!("{} says that it is shared with {with}", primary.id));
            }
        }
    }

    fn holds_are_followed(&self, wrong: &mut Wrong<'_>) {
        // A hold on a primary that there still is, is on its copies too.
        for primary in self.primaries.iter().filter(|p| p.deleted.is_none() && tag(p, "KeepForever").is_some()) {
            for ((source, place), all) in &self.copies {
                let there = all.iter().filter(|copy| copy.deleted.is_none() && copy.state == "completed");
                for copy in there.filter(|_| *source == primary.id.as_str()) {
                    if tag(copy, "KeepForever").is_none() {
                        wrong("hold-not-followed", format!("{} of {source} in {place} is not held", copy.id));
                    }
                }
            }
        }
    }
}
