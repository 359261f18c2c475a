//! Taking a snapshot of one volume, and looking for those that may have been
//! taken by a call that was not answered.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::refusal::{because_of_tags, outcome, outcome_before, told};
use super::{Act, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, CreateSnapshot, ErrorKind, Filter, Query};
use crate::id::SnapshotId;
use crate::inventory::{Snapshot, SnapshotState};
use crate::observe::{Cut, follow};
use crate::plan::NewSnapshot;
use crate::report::Outcome;
use crate::site::Location;
use crate::tags::{self, Tags};

/// Seconds between looks after a creation without an answer: at 2, 4, 8 and
/// 16 s, since AWS may list a new snapshot late.
pub(super) const LOOKS: [u64; 4] = [2, 2, 4, 8];
/// Seconds AWS wants between two snapshots of one volume. Source: EC2's error
/// codes, SnapshotCreationPerVolumeRateExceeded.
pub(super) const PER_VOLUME: u64 = 15;
/// How often that is waited for.
pub(super) const PER_VOLUME_WAITS: u32 = 4;
/// How much earlier than the plan's `now` a snapshot of this run can seem to
/// have begun: the clocks of AWS's own machines differ a little.
const SLACK: SignedDuration = SignedDuration::from_secs(60);

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    pub(super) async fn snapshot(&self, index: usize, new: &NewSnapshot) {
        let ending = self.take(new).await;
        self.log.record(index, 0, ending);
    }

    /// Takes one snapshot. After an unknown outcome it looks first, and tries
    /// once more only if nothing is there. So it does where somebody snapshotted
    /// the volume a moment ago: perhaps another run, for this very slot.
    pub(super) async fn take(&self, new: &NewSnapshot) -> Ending {
        let mut with_carried = true;
        let mut looked = false;
        let mut waited = 0;
        let mut location = new.location.clone();
        // What AWS said where it was to be stored, once it refused that.
        let mut refused_place: Option<String> = None;
        loop {
            let tags = if with_carried { merged(&new.carried, &new.tags) } else { new.tags.clone() };
            let request = CreateSnapshot {
                volume: new.volume_id.clone(),
                description: new.description.clone(),
                tags,
                site: location.as_ref().and_then(Location::local).cloned(),
            };
            let error = match self.cloud.create_snapshot(&request).await {
                Ok(begun) => return elsewhere(taken(begun.id, with_carried), refused_place.as_deref()),
                Err(error) => error,
            };
            if error.kind == ErrorKind::Unknown && !looked {
                looked = true;
                match self.find_snapshot(new, &LOOKS).await {
                    Ok(Some(id)) => return elsewhere(taken(id, with_carried), refused_place.as_deref()),
                    Ok(None) => {}
                    Err(blind) => {
                        return Ending::new(Outcome::Unknown).detail(format!(
                            "{}; could not look for it: {}",
                            told(&error),
                            told(&blind)
                        ));
                    }
                }
            } else if error.kind == ErrorKind::PerVolumeRate && waited < PER_VOLUME_WAITS {
                waited += 1;
                match self.find_snapshot(new, &[PER_VOLUME]).await {
                    Ok(Some(id)) => {
                        return Ending::new(Outcome::AlreadyDone).snapshot(id).detail("another run took it");
                    }
                    Ok(None) => {}
                    Err(blind) => return Ending::new(outcome_before(&blind)).detail(told(&error)),
                }
            } else if with_carried && !new.carried.is_empty() && because_of_tags(&error) {
                with_carried = false;
                self.carried_refused(new.volume_id.as_str(), &error);
            } else if let Some(planned) = location.as_ref().filter(|_| refused_place.is_none() && of_its_place(&error))
            {
                let other = planned.other();
                refused_place = Some(format!("AWS refused to store it {planned} ({})", told(&error)));
                self.place_refused(new.volume_id.as_str(), refused_place.as_deref().unwrap_or_default(), &other);
                location = Some(other);
            } else if error.kind == ErrorKind::NotFound {
                return Ending::new(Outcome::Changed).detail(format!("{}: gone since it was planned", told(&error)));
            } else {
                return elsewhere(Ending::new(outcome(&error)).detail(told(&error)), refused_place.as_deref());
            }
        }
    }

    /// Notes that a creation is tried once more, to be stored elsewhere.
    fn place_refused(&self, volume: &str, refused: &str, other: &Location) {
        self.log.note(volume, "place-refused", format!("{refused}; tried once more {other}"));
    }

    /// Notes that a creation is tried once more without carried tags.
    pub(super) fn carried_refused(&self, resource: &str, error: &CloudError) {
        let detail = format!(
            "AWS refused it with the tags carried over ({}); tried again with ebskeep's own tags only",
            told(error)
        );
        self.log.note(resource, "carried-tags-refused", detail);
    }

    /// Looks for a snapshot of this slot that a call without an answer, or another
    /// run, may have begun.
    async fn find_snapshot(&self, new: &NewSnapshot, waits: &[u64]) -> Result<Option<SnapshotId>, CloudError> {
        let filters = vec![
            filter("volume-id", new.volume_id.as_str()),
            filter(tag_filter(tags::SLOT), &slot_text(&new.tags, new.slot)),
        ];
        let fits = |snapshot: &Snapshot| snapshot.volume == new.volume_id && self.may_be_ours(snapshot, &new.tags);
        let mut found = self.look(filters, fits, 1, waits).await?;
        Ok(found.pop().map(|snapshot| snapshot.id))
    }

    /// Looks after each of `waits` (seconds), until `enough` fit; gives those of
    /// the last look.
    pub(super) async fn look(
        &self,
        filters: Vec<Filter>,
        fits: impl Fn(&Snapshot) -> bool,
        enough: usize,
        waits: &[u64],
    ) -> Result<Vec<Snapshot>, CloudError> {
        let query = Query::Filters(filters);
        let mut found = Vec::new();
        for wait in waits {
            // A stop shows at the call, which is then not made.
            let _ = self.cloud.pause(Duration::from_secs(*wait)).await;
            let seen = follow(
                async |token| self.cloud.describe_snapshots(&query, token).await,
                |snapshot: &Snapshot| snapshot.id.clone(),
                |_, _| {},
            )
            .await;
            if let Cut::Failed(error) = seen.cut {
                return Err(error);
            }
            found = seen.items.into_values().filter(&fits).collect();
            if found.len() >= enough {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a snapshot can be one that this run asked for with `tags`: of the
    /// same slot and deployment, begun in this run, and not failed.
    pub(super) fn may_be_ours(&self, snapshot: &Snapshot, tags: &Tags) -> bool {
        let same = |key| snapshot.tags.get(key) == tags.get(key);
        snapshot.state != SnapshotState::Error
            && same(tags::SLOT)
            && same(tags::DEPLOYMENT)
            && snapshot.started.duration_since(self.plan.now) >= -SLACK
    }
}

/// Whether AWS may have refused a creation for where the snapshot was to be stored.
/// AWS documents no code for that: any refusal of the request itself will do, since
/// nothing was created then.
fn of_its_place(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::Other) && error.code.is_some() && !because_of_tags(error)
}

/// An ending after the first place was refused.
fn elsewhere(ending: Ending, refused: Option<&str>) -> Ending {
    let Some(refused) = refused else { return ending };
    let detail = if ending.detail.is_empty() { refused.to_owned() } else { format!("{}; {refused}", ending.detail) };
    ending.detail(detail)
}

fn taken(id: SnapshotId, with_carried: bool) -> Ending {
    let ending = Ending::new(Outcome::Done).snapshot(id);
    if with_carried { ending } else { ending.detail("without the tags carried over: AWS refused them") }
}

/// Carried tags and ours; ours win.
pub(super) fn merged(carried: &Tags, ours: &Tags) -> Tags {
    carried.iter().chain(ours.iter()).map(|(key, value)| (key.clone(), value.clone())).collect()
}

pub(super) fn filter(name: impl Into<smol_str::SmolStr>, value: &str) -> Filter {
    Filter { name: name.into(), values: vec![value.into()] }
}

pub(super) fn tag_filter(key: &str) -> String {
    format!("tag:{key}")
}

/// The slot as the tag says it.
pub(super) fn slot_text(tags: &Tags, slot: Timestamp) -> String {
    tags.get(tags::SLOT).map_or_else(|| slot.to_string(), str::to_owned)
}
