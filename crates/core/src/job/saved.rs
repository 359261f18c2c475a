//! A plan that was written down, to be carried out later.
//!
//! A list of intentions, not of permissions: the world is observed and decided
//! about again at the plan's `now`, and what was saved is done only if the fresh
//! plan holds all of it. Whatever somebody wrote into the file, nothing is done
//! that a fresh plan would not do.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_AGE, Planned, add_check};
use crate::id::{AccountId, Place, Region};
use crate::plan::{Action, Job, Plan, SCHEMA};

/// What counts of a saved `ebskeep.plan/1`; its other fields are for readers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SavedPlan {
    /// `ebskeep.plan/1`.
    pub schema: String,
    /// The instant it was decided at.
    pub now: Timestamp,
    /// Whose resources.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What was planned.
    pub jobs: Vec<Job>,
    /// What is to be done.
    pub actions: Vec<Action>,
}

impl SavedPlan {
    /// The Place it was made for.
    pub fn place(&self) -> Place {
        Place { account: self.account.clone(), region: self.region.clone() }
    }

    /// Leaves of a fresh plan the saved actions alone, and adds the checks that
    /// refuse it if it may not be carried out.
    pub(super) fn restrict(&self, planned: &mut Planned) {
        let Planned { plan, inventory } = planned;
        let form = self.schema == SCHEMA;
        add_check(
            plan,
            "saved-plan-schema",
            form,
            format!("the saved plan's schema is {:?}, this is {SCHEMA:?}", self.schema),
        );

        let (saved, here) = (self.place(), &inventory.place);
        add_check(plan, "saved-plan-place", saved == *here, format!("the saved plan is for {saved}, this is {here}"));

        let age = inventory.observed_at.duration_since(self.now);
        let timely = (SignedDuration::ZERO..=MAX_AGE).contains(&age);
        let detail = if age.is_negative() {
            format!("the saved plan was made {:#} after AWS's present time", age.abs())
        } else {
            format!("the saved plan is {age:#} old; at most {MAX_AGE:#} is allowed")
        };
        add_check(plan, "saved-plan-age", timely, detail);

        match self.first_difference(plan) {
            None => {
                let detail = format!("a fresh plan holds all of its {} actions", self.actions.len());
                plan.actions.clone_from(&self.actions);
                plan.summary.actions = plan.actions.len();
                add_check(plan, "saved-plan-actions", true, detail);
            }
            Some(difference) => add_check(plan, "saved-plan-actions", false, difference),
        }
    }

    /// The first saved action that the fresh plan does not hold, in words. An
    /// action saved twice must be there twice.
    fn first_difference(&self, fresh: &Plan) -> Option<String> {
        let mut there: BTreeMap<(&str, &str), Vec<&Action>> = BTreeMap::new();
        for action in &fresh.actions {
            there.entry(subject(action)).or_default().push(action);
        }
        for (index, action) in self.actions.iter().enumerate() {
            let (verb, resource) = subject(action);
            let number = index + 1;
            let alike = there.entry((verb, resource)).or_default();
            if let Some(found) = alike.iter().position(|fresh| *fresh == action) {
                alike.swap_remove(found);
                continue;
            }
            let why = match alike.first() {
                Some(fresh) => format!("differs in {}", differing(action, fresh)),
                None => format!("is not in a fresh plan{}", verdict(fresh, resource)),
            };
            return Some(format!("action {number} of the saved plan, {verb} {resource}, {why}"));
        }
        None
    }
}

/// What an action does, and to what.
fn subject(action: &Action) -> (&'static str, &str) {
    match action {
        Action::CreateSnapshot(new) => ("create-snapshot", new.volume_id.as_str()),
        Action::CreateSet(new) => ("create-set", new.instance_id.as_str()),
        Action::FinishTags(tags) => ("finish-tags", tags.snapshot_id.as_str()),
        Action::CopySnapshot(copy) => ("copy-snapshot", copy.snapshot_id.as_str()),
        Action::MarkCopied(mark) => ("mark-copied", mark.snapshot_id.as_str()),
        Action::FollowSource(follow) => ("follow-source", follow.snapshot_id.as_str()),
        Action::Unshare(unshare) => ("unshare", unshare.snapshot_id.as_str()),
        Action::WriteMarks(marks) => ("write-marks", marks.snapshot_id.as_str()),
        Action::DeleteSnapshot(deletion) => ("delete-snapshot", deletion.snapshot_id.as_str()),
    }
}

/// The first field of the JSON form in which two actions differ, with both
/// values where they are short.
fn differing(saved: &Action, fresh: &Action) -> String {
    let form = |action: &Action| serde_json::to_value(action).unwrap_or_default();
    let (Value::Object(saved), Value::Object(fresh)) = (form(saved), form(fresh)) else {
        return "its form".to_owned();
    };
    let keys = saved.keys().chain(fresh.keys());
    let Some(key) = keys.filter(|key| saved.get(*key) != fresh.get(*key)).min() else {
        return "nothing that can be shown".to_owned();
    };
    let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let (was, is) = (show(saved.get(key)), show(fresh.get(key)));
    if was.len() + is.len() > 200 { format!("{key:?}") } else { format!("{key:?}: {was} there, {is} now") }
}

/// What the fresh plan says of a resource instead.
fn verdict(fresh: &Plan, resource: &str) -> String {
    let snapshot = fresh.snapshots.iter().find(|s| s.snapshot_id.as_str() == resource).map(|s| &s.reasons);
    let volume = || fresh.volumes.iter().find(|v| v.volume_id.as_str() == resource).map(|v| &v.reasons);
    match snapshot.or_else(volume) {
        Some(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(|r| format!("{} ({})", r.rule, r.detail)).collect();
            format!(": {}", reasons.join(", "))
        }
        None => ", which knows nothing of it".to_owned(),
    }
}
