//! The finding of a volume that is attached to an instance which a complete listing lacks
//! (docs/semantics.md 2.6).

use jiff::{Timestamp, ToSpan};
use smol_str::SmolStr;

use super::Notice;
use crate::config::{Fleet, Wanted};
use crate::inventory::Volume;

/// Minutes for which an attachment may be younger than the listing of instances that lacks
/// its instance. Source: docs/semantics.md 2.6.
const YOUNG: i64 = 10;

/// The finding, where there is one: the attachment is ten minutes old, or AWS does not say when
/// it was made.
pub(super) fn finding(volume: &Volume, fleet: &Fleet<'_>, now: Timestamp) -> Option<Notice> {
    let old = |at: Timestamp| at.saturating_add(YOUNG.minutes()).is_ok_and(|end| end <= now);
    let unlisted = fleet.unlisted(volume).iter().find(|one| one.attached_at.is_none_or(old))?;
    let scopes = fleet.scopes(volume);
    let schedule = scopes.iter().find_map(|scope| match &scope.backup {
        Wanted::On(schedule) => Some(schedule),
        Wanted::No | Wanted::Excluded(_) => None,
    });
    let backup = schedule.map_or_else(|| "it is not backed up".to_owned(), |on| format!("it is backed up ({on})"));
    let detail = format!(
        "attached to {}, which the complete listing of instances lacks, so the tags of that instance are not known: no \
         good snapshot of the volume is deleted, and {backup}; ask AWS about the instance, or tag the volume itself",
        unlisted.instance
    );
    Some(Notice { resource: SmolStr::new(volume.id.as_str()), code: "instance-not-listed", detail })
}
