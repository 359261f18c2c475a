//! Taking an instance's volumes in one call, and one by one where AWS refuses
//! that.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};

use super::create::{LOOKS, PER_VOLUME, PER_VOLUME_WAITS, filter, merged, slot_text, tag_filter};
use super::refusal::{because_of_tags, told};
use super::{Act, CALLS_AT_ONCE, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, CreateSnapshots, ErrorKind, Filter};
use crate::id::{SnapshotId, VolumeId};
use crate::inventory::Snapshot;
use crate::plan::NewSet;
use crate::report::Outcome;
use crate::site::Location;
use crate::tags;

/// How the one call for all members went.
enum Call {
    /// These were begun. Members that are not among them are taken alone.
    Begun(BTreeMap<VolumeId, SnapshotId>),
    /// AWS did nothing and said so: every member is taken alone.
    Refused(String),
    /// Nothing more can be done here, for this reason.
    Ended(Ending),
}

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    pub(super) async fn set(&self, index: usize, new: &NewSet) {
        let (begun, broken) = match self.begin(new).await {
            Call::Begun(begun) => {
                self.note_strays(new, &begun);
                (begun, "AWS took the others, but not this one".to_owned())
            }
            Call::Refused(why) => {
                let detail = format!("CreateSnapshots was refused ({why}); its volumes were taken one by one");
                self.log.note(new.instance_id.as_str(), "set-broken", detail);
                (BTreeMap::new(), format!("set-broken: CreateSnapshots of {} was refused", new.instance_id))
            }
            Call::Ended(ending) => {
                for member in 0..new.members.len() {
                    self.log.record(index, member, ending.clone());
                }
                return;
            }
        };
        let (begun, broken) = (&begun, &broken);
        stream::iter(new.members.iter().enumerate())
            .for_each_concurrent(CALLS_AT_ONCE, async |(place, member)| {
                let ending = match begun.get(&member.alone.volume_id) {
                    Some(id) => self.finish_member(id.clone(), member).await,
                    None => alone(self.take(&member.alone).await, broken),
                };
                self.log.record(index, place, ending);
            })
            .await;
    }

    /// The one call, with a look and one more attempt after an unknown outcome.
    ///
    /// Whatever else AWS answers, it has done nothing; each volume then has its
    /// own chance, whatever the reason: a role that may only CreateSnapshot, one
    /// volume that has too many pending, a bucket that is empty for this action.
    async fn begin(&self, new: &NewSet) -> Call {
        let mut with_carried = true;
        let mut looked = false;
        let mut waited = 0;
        loop {
            let tags = if with_carried { merged(&new.carried, &new.tags) } else { new.tags.clone() };
            let request = CreateSnapshots {
                instance: new.instance_id.clone(),
                exclude_boot: new.exclude_boot,
                exclude_data: new.exclude_data.clone(),
                description: new.description.clone(),
                tags,
                site: new.location.as_ref().and_then(Location::local).cloned(),
            };
            let error = match self.cloud.create_snapshots(&request).await {
                Ok(begun) => return Call::Begun(begun.into_iter().map(|begun| (begun.volume, begun.id)).collect()),
                Err(error) => error,
            };
            match error.kind {
                ErrorKind::Unknown if looked => {
                    return Call::Ended(Ending::new(Outcome::Unknown).detail(told(&error)));
                }
                ErrorKind::Unknown => {
                    looked = true;
                    match self.find_set(new, &LOOKS).await {
                        Ok(found) if found.is_empty() => {}
                        Ok(found) => return Call::Begun(found),
                        Err(blind) => {
                            let detail = format!("{}; could not look for them: {}", told(&error), told(&blind));
                            return Call::Ended(Ending::new(Outcome::Unknown).detail(detail));
                        }
                    }
                }
                // Somebody snapshotted one of them a moment ago: perhaps another run, all of them.
                ErrorKind::PerVolumeRate if waited < PER_VOLUME_WAITS => {
                    waited += 1;
                    match self.find_set(new, &[PER_VOLUME]).await {
                        Ok(found) if found.is_empty() => {}
                        Ok(found) => return Call::Begun(found),
                        Err(blind) if blind.kind == ErrorKind::Stopped => {
                            return Call::Ended(Ending::new(Outcome::NotStarted));
                        }
                        Err(_) => return Call::Refused(told(&error)),
                    }
                }
                ErrorKind::Stopped => return Call::Ended(Ending::new(Outcome::NotStarted)),
                _ if with_carried && !new.carried.is_empty() && because_of_tags(&error) => {
                    with_carried = false;
                    self.carried_refused(new.instance_id.as_str(), &error);
                }
                _ => return Call::Refused(told(&error)),
            }
        }
    }

    /// Looks for snapshots of the members for this slot that a call without an
    /// answer, or another run, may have begun.
    async fn find_set(&self, new: &NewSet, waits: &[u64]) -> Result<BTreeMap<VolumeId, SnapshotId>, CloudError> {
        let volumes = new.members.iter().map(|member| member.alone.volume_id.as_str().into()).collect();
        let filters = vec![
            Filter { name: "volume-id".into(), values: volumes },
            filter(tag_filter(tags::SLOT), &slot_text(&new.tags, new.slot)),
        ];
        let fits = |snapshot: &Snapshot| self.may_be_ours(snapshot, &new.tags);
        let found = self.look(filters, fits, new.members.len(), waits).await?;
        Ok(found.into_iter().map(|snapshot| (snapshot.volume, snapshot.id)).collect())
    }

    /// AWS took a volume that nobody asked for: attached since it was planned.
    fn note_strays(&self, new: &NewSet, begun: &BTreeMap<VolumeId, SnapshotId>) {
        for (volume, snapshot) in begun {
            if !new.members.iter().any(|member| member.alone.volume_id == *volume) {
                let detail = format!(
                    "{snapshot} of {volume} was taken with the set of {}, to which it does not belong: attached \
                     since it was planned; it is kept until its tags say otherwise",
                    new.instance_id
                );
                self.log.note(snapshot.as_str(), "stray-set-member", detail);
            }
        }
    }
}

/// Says of a member that it was taken alone, and why.
fn alone(ending: Ending, why: &str) -> Ending {
    let detail = match (ending.outcome, ending.detail.as_str()) {
        (Outcome::NotStarted, _) => return ending,
        (_, "") => format!("alone; {why}"),
        (_, detail) => format!("{detail}; alone; {why}"),
    };
    ending.detail(detail)
}
