//! Writing tags on snapshots that exist: a set member's own, and those that an
//! earlier run left unwritten.

use std::time::Duration;

use super::refusal::{because_of_tags, outcome_before, told};
use super::{Act, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, ErrorKind, Untag};
use crate::id::SnapshotId;
use crate::plan::{FinishTags, SetMember};
use crate::report::Outcome;
use crate::tags::Tags;

/// Seconds before further attempts to tag a new snapshot that AWS does not know
/// yet.
const NEW: [u64; 4] = [2, 2, 4, 8];

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    pub(super) async fn finish(&self, index: usize, tags: &FinishTags) {
        let FinishTags { snapshot_id, volume_id: _, tags, remove } = tags;
        let ending = match self.write(snapshot_id, tags, remove).await {
            Ok(()) => Ending::new(Outcome::Done).snapshot(snapshot_id.clone()),
            Err(error) if error.kind == ErrorKind::NotFound => {
                Ending::new(Outcome::Changed).detail("gone since it was planned")
            }
            // The tags may be written and the old ones still there: not done.
            Err(error) => Ending::new(outcome_before(&error)).detail(told(&error)),
        };
        self.log.record(index, 0, ending);
    }

    /// Writes a new member's own tags. The snapshot is taken in any case; until
    /// its own tags are on it, those it has keep it.
    pub(super) async fn finish_member(&self, id: SnapshotId, member: &SetMember) -> Ending {
        match self.write_new(&id, member).await {
            Ok(()) => Ending::new(Outcome::Done).snapshot(id),
            Err(error) => Ending::new(Outcome::Failed).snapshot(id).detail(format!(
                "taken, but its own tags were not written ({}); the next run writes them",
                told(&error)
            )),
        }
    }

    async fn write_new(&self, id: &SnapshotId, member: &SetMember) -> Result<(), CloudError> {
        let mut tags = member.own_tags.clone();
        let mut waits = NEW.iter();
        loop {
            let Err(error) = self.write(id, &tags, &member.remove).await else { return Ok(()) };
            if error.kind == ErrorKind::NotFound {
                let Some(wait) = waits.next() else { return Err(error) };
                // A stop shows at the call, which is then not made.
                let _ = self.cloud.pause(Duration::from_secs(*wait)).await;
                continue;
            }
            let ours: Tags = (tags.iter().filter(|(key, _)| member.alone.tags.get(key).is_some()))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if !because_of_tags(&error) || ours == tags {
                return Err(error);
            }
            self.carried_refused(id.as_str(), &error);
            tags = ours;
        }
    }

    /// CreateTags, then DeleteTags: a crash between the two leaves what keeps.
    async fn write(&self, id: &SnapshotId, tags: &Tags, remove: &[smol_str::SmolStr]) -> Result<(), CloudError> {
        let ids = std::slice::from_ref(id);
        if !tags.is_empty() {
            self.cloud.create_tags(ids, tags).await?;
        }
        if !remove.is_empty() {
            self.cloud.delete_tags(ids, &Untag::keys(remove)).await?;
        }
        Ok(())
    }
}
