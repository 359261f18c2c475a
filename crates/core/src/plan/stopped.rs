//! The finding `backup-stopped`: a volume with snapshots of ours for which no tag asks for a
//! backup any more (docs/semantics.md 6).

use smol_str::SmolStr;

use super::Notice;
use crate::config::{Fleet, Scope, Wanted};
use crate::inventory::Volume;

/// The finding, where there is one. Where the volume is attached to an instance that is not
/// listed nobody knows whether its backups have stopped.
pub(super) fn finding(volume: &Volume, scopes: &[Scope<'_>], fleet: &Fleet<'_>) -> Option<Notice> {
    let stopped = scopes.iter().all(|scope| scope.backup == Wanted::No) && fleet.unlisted(volume).is_empty();
    let detail = "its snapshots were ours, and now no tag asks for a backup; tag it Backup=No if that is meant";
    let resource = SmolStr::new(volume.id.as_str());
    stopped.then(|| Notice { resource, code: "backup-stopped", detail: detail.to_owned() })
}
