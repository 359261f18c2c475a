//! CopySnapshot.
//!
//! Source of limits and codes: the action's page in the EC2 API reference;
//! "Copy an Amazon EBS snapshot" in the EBS User Guide; "Quotas for Amazon
//! EBS". AWS looks at keys and at the presigned URL only after it has answered:
//! what is wrong with them lets the copy end in `error`. What it says of a URL
//! it does not document, nor the code for a source that is not completed, nor
//! what becomes of a copy whose source goes while it is under way; here that
//! fails, which is the harder of the two.

use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{SnapshotState, StorageTier};
use ebskeep_core::tags::Tags;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::presigned::Presigned;
use super::{Read, Scene, description, id, tag};
use crate::keys::{self, OWN_KEY};
use crate::model::{Snapshot, Source};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::region::Regions;
use crate::state::{Due, State};
use crate::time::later;

/// Copies under way in one Region.
const MOST_AT_ONCE: usize = 20;
/// What a copy says that it is of. Source: CopySnapshot's page: an arbitrary id,
/// not to be used for any purpose.
const NO_VOLUME: &str = "vol-ffffffff";

/// What CopySnapshot is told.
pub(crate) struct CopySnapshot {
    source: SnapshotId,
    source_region: Region,
    destination_region: Option<Region>,
    encrypted: Option<bool>,
    key: Option<SmolStr>,
    presigned: Option<Presigned>,
    description: SmolStr,
    tags: Tags,
}

impl Read for CopySnapshot {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        Ok(Self {
            source: id::snapshot(&params.need("SourceSnapshotId")?)?,
            source_region: Region::new(params.need("SourceRegion")?),
            destination_region: params.take("DestinationRegion").map(Region::new),
            encrypted: params.flag("Encrypted")?,
            key: params.take("KmsKeyId").map(SmolStr::new),
            presigned: params.take("PresignedUrl").map(|url| Presigned::read(&url)),
            description: description(params)?,
            tags: tag::specifications(params, &["snapshot"])?.remove("snapshot").unwrap_or_default(),
        })
    }
}

impl Scene<'_> {
    pub(crate) fn copy_snapshot(&mut self, request: CopySnapshot) -> Result<Snapshot, Refusal> {
        tag::check(&request.tags, self.is_aws)?;
        if !Regions::exists(&request.source_region) || !self.state.regions.enabled(&request.source_region) {
            return Err(Refusal::value(&request.source_region, "SourceRegion", "Expected: a Region in use."));
        }
        if let Some(named) = request.destination_region.as_ref().filter(|r| **r != self.place.region) {
            return Err(Refusal::value(named, "DestinationRegion", "Expected: the Region that is called."));
        }
        let account = &self.place.account;
        let Some((from, source)) = self.state.shown(account, &request.source_region, &request.source) else {
            return Err(id::no_snapshot(&request.source));
        };
        if source.state != SnapshotState::Completed || source.tier != StorageTier::Standard {
            return Err(Refusal::new(
                "IncorrectState",
                format!("The snapshot '{}' is not completed and in the standard tier.", request.source),
            ));
        }
        if source.site.is_some() {
            return Err(Refusal::value(
                &request.source,
                "SourceSnapshotId",
                "Expected: a snapshot stored in a Region.",
            ));
        }
        let key = match (source.key.is_some(), request.encrypted, request.key) {
            (_, Some(false), Some(_)) => return Err(Refusal::combination("KmsKeyId needs Encrypted to be true")),
            (_, _, Some(key)) => Some(key),
            (encrypted, asked, None) => (encrypted || asked == Some(true)).then(|| OWN_KEY.into()),
        };
        if source.key.is_some() && request.presigned.is_none() {
            return Err(Refusal::missing("PresignedUrl"));
        }
        if self.site().copying.len() >= MOST_AT_ONCE {
            return Err(Refusal::new("ResourceLimitExceeded", "Too many snapshot copies in progress."));
        }
        self.room_for(1)?;
        // Looked at now, told later.
        let forged =
            request.presigned.is_some_and(|url| !url.stands_for(&request.source_region, &request.source, self.place));
        let fails = self.fails.clone().or_else(|| forged.then(|| "The presigned URL is not valid.".into()));
        Ok(self.begin_copy(
            Source { place: from, id: source.id },
            source.size_gib,
            key,
            request.description,
            request.tags,
            fails,
        ))
    }

    fn begin_copy(
        &mut self,
        source: Source,
        size_gib: u32,
        key: Option<SmolStr>,
        description: SmolStr,
        tags: Tags,
        fails: Option<SmolStr>,
    ) -> Snapshot {
        let now = self.now();
        let id = SnapshotId::new(self.new_id("snap-"));
        let snapshot = Snapshot {
            key,
            description,
            tags,
            copy_of: Some(source),
            ..Snapshot::begun(
                id.clone(),
                self.place.account.clone(),
                VolumeId::new(NO_VOLUME),
                size_gib,
                now,
                self.by.clone(),
            )
        };
        let site = self.site();
        site.snapshots.insert(id.clone(), snapshot.clone());
        site.copying.insert(id.clone());
        let at = later(now, self.state.rules.completes_after);
        self.state.schedule(at, self.place, Due::CopyEnds { id, fails });
        snapshot
    }
}

impl State {
    /// A snapshot of that Region as an account may use it: its own, or one that
    /// its owner shares with it.
    pub(crate) fn shown(&self, account: &AccountId, region: &Region, id: &SnapshotId) -> Option<(Place, Snapshot)> {
        let there = self.sites.iter().filter(|(place, _)| place.region == *region);
        let found =
            there.filter_map(|(place, site)| Some((place, site.snapshots.get(id)?))).find(|(place, snapshot)| {
                place.account == *account || snapshot.shared.everybody || snapshot.shared.accounts.contains(account)
            });
        found.map(|(place, snapshot)| (place.clone(), snapshot.clone()))
    }

    /// A copy is through, one way or the other.
    pub(crate) fn end_copy(&mut self, at: Timestamp, place: &Place, id: &SnapshotId, fails: Option<SmolStr>) {
        let fails = fails.or_else(|| self.fault_of(place, self.sites.get(place)?.snapshots.get(id)?));
        let site = self.site(place);
        site.copying.remove(id);
        let Some(copy) = site.snapshots.get_mut(id) else { return };
        match fails {
            _ if copy.state != SnapshotState::Pending => {}
            None => {
                copy.state = SnapshotState::Completed;
                copy.completed = Some(at);
            }
            Some(message) => {
                copy.state = SnapshotState::Error;
                copy.message = Some(message);
            }
        }
    }

    /// Why a copy cannot be finished.
    fn fault_of(&self, place: &Place, copy: &Snapshot) -> Option<SmolStr> {
        let Source { place: from, id } = copy.copy_of.as_ref()?;
        let Some((_, source)) = self.shown(&place.account, &from.region, id) else {
            return Some(SmolStr::new_static("The source snapshot cannot be read."));
        };
        let reader = Place { account: place.account.clone(), region: from.region.clone() };
        let keys = [(&reader, source.key.as_ref()), (place, copy.key.as_ref())];
        let broken = keys.into_iter().any(|(user, key)| key.is_some_and(|key| !self.keys.usable(user, key)));
        broken.then(|| SmolStr::new_static(keys::NOT_ACCESSIBLE))
    }
}
