//! What must hold of a world, whatever befell it.
//!
//! It reads sim's history, census and log of calls, and tags as plain text. It decides
//! nothing by the product's code: not how a policy, a schedule or a zone is read, nor whose
//! a snapshot is, nor what is due, nor when a run was a success. What it shares with the
//! product is data: ids, what sim says that there is (`inventory`), [`Tags`] as a container, and
//! a run's report with its plan, whose actions it knows by their names and what is in them. What
//! a report concludes it takes for a claim, and where a destination is, for what it says.
//!
//! [`keep`] is asked at each deletion, [`runs`] after each run, [`steps`] after each
//! step of the world, the rest at its end.
//!
//! [`Tags`]: ebskeep_core::tags::Tags

pub mod bulk;
mod copies;
pub mod keep;
mod open;
pub mod runs;
pub mod slots;
pub mod steps;
pub mod together;

use std::collections::BTreeSet;

use ebskeep_core::id::Place;
use ebskeep_sim::{Call, Census, Outcome, Past};
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use keep::Limits;

/// Everything the checker goes by at the end.
#[derive(Debug)]
pub struct Facts {
    /// The Places that have primaries, as they are in the end.
    pub sites: Vec<Site>,
    /// The end of it.
    pub now: Timestamp,
    /// Every snapshot that ever was.
    pub history: Vec<Past>,
    /// Every call.
    pub calls: Vec<Call>,
    /// When two runs overlapped in one Place.
    pub overlaps: Vec<Overlap>,
    /// From when to when no copier ran, if that was for months.
    pub uncopied: Option<(Timestamp, Timestamp)>,
    /// What the last runs found: code and resource.
    pub last_findings: BTreeSet<(String, SmolStr)>,
}

/// A Place that has primaries.
#[derive(Debug)]
pub struct Site {
    /// Which.
    pub place: Place,
    /// What there is in the end.
    pub census: Census,
    /// The deployments, and when the last run of each creator was here.
    pub creators: Vec<(Limits, Timestamp)>,
}

/// Two runs at one time in one Place.
#[derive(Clone, Debug)]
pub struct Overlap {
    /// Which.
    pub place: Place,
    /// When the first began.
    pub from: Timestamp,
    /// When the last ended.
    pub to: Timestamp,
}

impl Overlap {
    /// Whether it is of this Place, and then, or within so long of it.
    fn is(&self, place: &Place, at: Timestamp, near: SignedDuration) -> bool {
        self.place == *place && self.from.duration_since(at) <= near && at.duration_since(self.to) <= near
    }
}

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub what: &'static str,
    /// Where and how.
    pub detail: String,
    /// After which step of its world it was seen; at the end, if none is named.
    pub step: Option<u64>,
}

impl Violation {
    pub(crate) fn new(what: &'static str, detail: String) -> Self {
        Self { what, detail, step: None }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.step {
            Some(step) => write!(f, "{} after step {step}: {}", self.what, self.detail),
            None => write!(f, "{} at the end: {}", self.what, self.detail),
        }
    }
}

/// The names of all invariants that planted mistakes break.
pub const INVARIANTS: [&str; 37] = [
    "begun-again-blindly",
    "called-after-stop",
    "copied-again",
    "copied-twice",
    "due-and-not-there",
    "fleet-goes-on",
    "gone-together",
    "gone: archived",
    "gone: backups-failing",
    "gone: bulk-date",
    "gone: bulk-slot",
    "gone: delete-on",
    "gone: error",
    "gone: hold",
    "gone: in-use",
    "gone: keep-forever",
    "gone: newest-copy",
    "gone: newest-good",
    "gone: not-ours",
    "gone: policy",
    "gone: policy-grace",
    "gone: restored",
    "gone: volume-gone",
    "hold-not-followed",
    "no-last-look",
    "not-marked",
    "not-told",
    "primary-gone-before-copy",
    "said-and-not-done",
    "said-nothing-was-done",
    "share-left",
    "surplus-not-told",
    "two-in-a-slot",
    "untagged",
    "wanted-copy-missing",
    "wrong-clock",
    "wrong-success",
];

/// Those of them that are looked for at the end of a world; all others after the step in
/// which they appear.
pub const AT_THE_END: [&str; 8] = [
    "copied-again",
    "copied-twice",
    "due-and-not-there",
    "hold-not-followed",
    "primary-gone-before-copy",
    "share-left",
    "surplus-not-told",
    "wanted-copy-missing",
];

/// Those that no planted mistake breaks, since none between the product and the port
/// can: what only AWS's or the product's own state shows.
pub const UNBROKEN: [&str; 3] = ["gone: fresh-copy", "gone: pending", "gone: unfinished-tags"];

/// Holds a world at its end against all that must hold then.
pub fn check(facts: &Facts) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut wrong = |what: &'static str, detail: String| found.push(Violation::new(what, detail));
    copies::check(facts, &mut wrong);
    nothing_lost_its_tags(facts, &mut wrong);
    slots::check(facts, &mut wrong);
    found
}

/// Each copy that was one too many, by what it came of: where everything holds, all of
/// them are excused.
pub fn surplus(facts: &Facts) -> Vec<&'static str> {
    copies::surplus(facts)
}

type Wrong<'w> = dyn FnMut(&'static str, String) + 'w;

/// Somebody who is not ebskeep.
fn is_outsider(arn: &str) -> bool {
    arn.ends_with("user/outsider")
}

fn tag<'p>(past: &'p Past, key: &str) -> Option<&'p str> {
    past.tags.get(key)
}

/// The first tag that a snapshot is understood by and does not have.
fn missing_key(past: &Past) -> Option<&'static str> {
    let own = ["Type", "ebskeep:slot", "ebskeep:deployment"];
    let away =
        ["Source_SnapshotId", "ebskeep:volume", "ebskeep:source-region", "ebskeep:source-account", "ebskeep:started"];
    let away = away.into_iter().filter(|_| past.copy_of.is_some());
    own.into_iter().chain(away).find(|key| tag(past, key).is_none())
}

/// What had its tags when it began has them still.
fn nothing_lost_its_tags(facts: &Facts, wrong: &mut Wrong<'_>) {
    for past in facts.history.iter().filter(|past| !is_outsider(&past.made_by)) {
        if let Some(key) = missing_key(past) {
            wrong("untagged", format!("{} in {} has no {key}", past.id, past.place));
        }
    }
}

/// Whether two runs of one Place were under way then, or within five minutes of it. What
/// two accounts do at one time excuses nothing in either.
fn overlapped(overlaps: &[Overlap], place: &Place, at: Timestamp) -> bool {
    overlaps.iter().any(|overlap| overlap.is(place, at, SignedDuration::from_mins(5)))
}

/// How long after an answer that did not come the same run may try again.
const SAME_RUN: SignedDuration = SignedDuration::from_hours(1);

/// How long a snapshot can be pending in these worlds, and a little more.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(2);

/// Whether the outcome of this call was not known, and it was made so shortly before that
/// the same run may have tried again then.
fn unknown_before(at: Timestamp, call: &Call) -> bool {
    let since = at.duration_since(call.at);
    call.outcome == Outcome::LostAfter && !since.is_negative() && since < SAME_RUN
}

impl Facts {
    fn has_primaries(&self, place: &Place) -> bool {
        self.sites.iter().any(|site| site.place == *place)
    }
}
