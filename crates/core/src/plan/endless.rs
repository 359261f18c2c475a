//! Copies that stay only because no mark says that their source was deleted: one finding
//! with the command that writes the mark (docs/semantics.md 6).

use super::expire::Judged;
use super::history::{Lineage, World};
use super::order::Ending;
use super::{ExpireVerdict, Notice};
use crate::calendar;
use crate::id::{Region, VolumeId};
use crate::inventory::SnapshotState;
use crate::lineage::LineageKey;
use jiff::tz::TimeZone;

/// The name of the finding.
const CODE: &str = "copies-without-end";

/// Volumes that one finding, and the command in it, name.
const NAMED: usize = 20;

/// Copies without an end in one Region.
#[derive(Default)]
pub(super) struct Endless {
    copies: usize,
    volumes: Vec<VolumeId>,
}

impl Endless {
    /// Counts what a mark at the start of the newest copy would have let go by now, of a
    /// lineage that was judged without one.
    pub(super) fn look_at(
        &mut self,
        key: &LineageKey,
        lineage: &Lineage<'_>,
        judged: &[(usize, Judged)],
        world: &World<'_>,
    ) {
        let Some(newest) = lineage.snapshots.iter().map(|managed| managed.start).max() else { return };
        // The newest ones stay that long after the mark in any case.
        let may_be_over = calendar::after(newest, world.settings.orphan_grace, &TimeZone::UTC) <= world.inventory.now;
        if !key.copies || lineage.ending != Ending::NotBegun || !may_be_over {
            return;
        }
        let going = lineage.snapshots.iter().zip(judged).filter(|(managed, (_, judged))| {
            managed.snapshot.state != SnapshotState::Error && judged.verdict == ExpireVerdict::Delete
        });
        let more = Lineage::would_go_if_marked(key, lineage.snapshots, world).saturating_sub(going.count());
        if more > 0 {
            self.copies += more;
            self.volumes.push(key.volume.clone());
        }
    }

    /// What there is to tell, if anything.
    pub(super) fn finding(mut self, region: &Region) -> Option<Notice> {
        self.volumes.sort();
        self.volumes.dedup();
        let number = self.volumes.len();
        let named = self.volumes.iter().take(NAMED).map(VolumeId::as_str).collect::<Vec<_>>().join(" ");
        let rest = match number.checked_sub(NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(", then run expire again for the {more} other volumes"),
        };
        let copies = match self.copies {
            1 => "1 copy is kept only because no mark says that its source volume was deleted".to_owned(),
            copies => format!(
                "{copies} copies of {number} {} are kept only because no mark says that their source volume was deleted",
                if number == 1 { "volume" } else { "volumes" },
            ),
        };
        let detail = format!(
            "{copies}. If it was, run: ebskeep release --region {region} --source-deleted {named}{rest}. If it exists, \
             look why it is not copied any more",
        );
        (number > 0).then(|| Notice { resource: region.as_str().into(), code: CODE, detail })
    }
}
