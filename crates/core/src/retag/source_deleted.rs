//! `release --source-deleted`: somebody says that the volumes were deleted of which there
//! are copies here, so that those end (docs/semantics.md 6).

use std::collections::BTreeSet;

use smol_str::{SmolStr, format_smolstr};

use super::hold::{Intended, worked_out};
use super::{HoldError, Retag, Retagging, Verb};
use crate::calendar;
use crate::id::VolumeId;
use crate::inventory::{Inventory, Snapshot};
use crate::lineage::{Managed, exists, lineages};
use crate::marks;
use crate::plan::source_gone_since;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// Works out what marking the sources of copies here as deleted changes: the newest good
/// copy of each volume gets the mark, for each account and Region that it was copied from.
///
/// # Errors
///
/// If there is no good copy here of one of the volumes, or it exists here, or its copy has no
/// room for the mark; then nothing is marked.
pub fn source_deleted(
    inventory: &Inventory,
    volumes: &[VolumeId],
    settings: &Settings,
) -> Result<Retagging, HoldError> {
    let wanted: BTreeSet<&VolumeId> = volumes.iter().collect();
    let in_words = |ids: &BTreeSet<&VolumeId>| ids.iter().map(|id| SmolStr::new(id.as_str())).collect::<Vec<_>>();
    if let Some(gap) = &inventory.snapshots.gap {
        return Err(HoldError::NotListed { ids: in_words(&wanted), gap: gap.clone() });
    }
    let live = inventory.volumes.items.iter().filter(|volume| exists(volume)).map(|volume| &volume.id);
    let live: BTreeSet<&VolumeId> = live.filter(|id| wanted.contains(id)).collect();
    if !live.is_empty() {
        return Err(HoldError::Exists { ids: in_words(&live), region: inventory.place.region.clone() });
    }
    let mut missing = wanted.clone();
    let mut newest: Vec<&Snapshot> = Vec::new();
    let mut full = Vec::new();
    // Those that are marked already, with what to tell of them.
    let mut marked: Vec<(&Snapshot, String)> = Vec::new();
    let copies = lineages(inventory, settings);
    for (key, copies) in copies.iter().filter(|(key, _)| key.copies && wanted.contains(&key.volume)) {
        let good = copies.iter().filter(|managed| managed.is_good());
        let Some(last) = good.max_by_key(|managed| (managed.start, &managed.snapshot.id)) else { continue };
        missing.remove(&key.volume);
        newest.push(last.snapshot);
        match source_gone_since(copies, inventory.now) {
            Some(at) => {
                let at = calendar::to_the_minute(at);
                marked.push((last.snapshot, format!("a copy of {} is marked already: deleted {at}", key.volume)));
            }
            None => full.extend(no_room(last)),
        }
    }
    if !missing.is_empty() {
        return Err(HoldError::NoCopies { ids: in_words(&missing), region: inventory.place.region.clone() });
    }
    if !full.is_empty() {
        return Err(HoldError::Full { full });
    }
    newest.sort_by(|one, other| one.id.cmp(&other.id));
    worked_out(Verb::SourceDeleted, inventory, &newest, settings, |snapshot| {
        let mut retag = Retag {
            snapshot_id: snapshot.id.clone(),
            tags: snapshot.tags.clone(),
            set: Tags::new(),
            remove: Vec::new(),
        };
        let already = marked.iter().find(|(other, _)| other.id == snapshot.id).map(|(_, note)| note.clone());
        if already.is_none() {
            let volume = VolumeId::new(snapshot.tags.get(tags::VOLUME).unwrap_or_default());
            retag.set.set(tags::SOURCE_GONE, marks::gone(inventory.now, &volume));
        }
        Intended { lessens: already.is_none(), retag, notes: already.into_iter().collect() }
    })
}

/// What a copy would come to, if it has no room for the mark and for `ebskeep:deleted` after it.
fn no_room(copy: &Managed<'_>) -> Option<String> {
    let tags = &copy.snapshot.tags;
    let new = [tags::SOURCE_GONE, tags::DELETED].into_iter().filter(|key| tags.get(key).is_none()).count();
    let all = tags.counted() + new;
    let fits = tags.get(tags::SOURCE_GONE).is_some() || all <= tags::MAX_TAGS;
    (!fits).then(|| {
        format_smolstr!("{} would come to {all} tags, that of its deletion included", copy.snapshot.id).to_string()
    })
}
