//! What EBS tells when a snapshot is complete, so that it is copied at once.
//!
//! Of the other things that EBS tells by the same events nothing follows, which
//! is no error: AWS would deliver them again.

use std::collections::BTreeSet;

use ebskeep_core::id::{Region, SnapshotId};
use serde_json::{Map, Value};

use super::{EventError, Regions, plausible, shown};

/// Who sends them.
const SOURCE: &str = "aws.ec2";
/// One snapshot. Source: Amazon EBS User Guide, "EventBridge for EBS".
const ONE: &str = "EBS Snapshot Notification";
/// All snapshots of one CreateSnapshots call. Source: as [`ONE`].
const SET: &str = "EBS Multi-Volume Snapshots Completion Status";
/// Longer than any id of a snapshot.
const LONGEST_ID: usize = 64;

/// What follows from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// These are good now.
    Completed(BTreeSet<SnapshotId>),
    /// Nothing, for this reason.
    Nothing(String),
}

/// Whether an event is one of them.
pub(super) fn is(event: &Map<String, Value>) -> bool {
    let text = |name| event.get(name).and_then(Value::as_str);
    text("source") == Some(SOURCE) && text("detail-type").is_some_and(|kind| [ONE, SET].contains(&kind))
}

/// What one says.
pub(super) fn read(event: &Map<String, Value>) -> Result<Notice, EventError> {
    const WANTED: &str = "what EBS tells of a snapshot: `event`, `result`, and `snapshot_id` or `snapshots`";
    let wrong = || EventError::BadField {
        name: "detail",
        given: shown(event.get("detail").unwrap_or(&Value::Null)),
        wanted: WANTED,
    };
    let detail = event.get("detail").and_then(Value::as_object).ok_or_else(wrong)?;
    let text = |name| detail.get(name).and_then(Value::as_str);
    let what = text("event").ok_or_else(wrong)?;
    let nothing = |why: String| Ok(Notice::Nothing(super::cut(&why)));
    match what {
        "createSnapshot" => match text("result").ok_or_else(wrong)? {
            "succeeded" => {
                let id = detail.get("snapshot_id").and_then(snapshot).ok_or_else(wrong)?;
                Ok(Notice::Completed(BTreeSet::from([id])))
            }
            other => nothing(format!("{what} ended as {other}: there is nothing to copy")),
        },
        // The whole may have failed for one of them.
        "createSnapshots" => {
            let all = detail.get("snapshots").and_then(Value::as_array).ok_or_else(wrong)?;
            let good = |one: &&Value| one.get("status").and_then(Value::as_str) == Some("completed");
            let ids = all.iter().filter(good).map(|one| one.get("snapshot_id").and_then(snapshot));
            let ids: BTreeSet<SnapshotId> = ids.collect::<Option<_>>().ok_or_else(wrong)?;
            if ids.is_empty() {
                return nothing(format!("none of the snapshots of this {what} is complete: there is nothing to copy"));
            }
            Ok(Notice::Completed(ids))
        }
        other => nothing(format!("{other} is nothing from which a copy follows")),
    }
}

/// Where its snapshots are.
pub(super) fn region(event: &Map<String, Value>) -> Result<Regions, EventError> {
    match event.get("region") {
        None => Ok(Regions::Home),
        Some(Value::String(name)) if plausible(name) => Ok(Regions::These(vec![Region::new(name.as_str())])),
        Some(other) => {
            Err(EventError::BadField { name: "region", given: shown(other), wanted: "a Region such as eu-west-1" })
        }
    }
}

/// A snapshot's id, from an ARN whose account or Region may stand in another's
/// place or be missing, or by itself.
fn snapshot(value: &Value) -> Option<SnapshotId> {
    let id = value.as_str()?.rsplit('/').next()?.trim();
    let rest = id.strip_prefix("snap-")?;
    let plausible = !rest.is_empty() && id.len() <= LONGEST_ID && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    plausible.then(|| SnapshotId::new(id))
}
