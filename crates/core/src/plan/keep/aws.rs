//! R8, R9, R11 and failed snapshots: what AWS's own facts keep.

use jiff::{Timestamp, ToSpan};
use smol_str::{SmolStr, format_smolstr};

use super::{Facts, Judgement, Until, shown};
use crate::inventory::{LockState, SnapshotState, StorageTier, TierMove};
use crate::tags;

/// Hours for which AWS bills an archived snapshot in any case: 90 days. Source:
/// Amazon EBS User Guide, "Archive Amazon EBS snapshots".
const ARCHIVED_AT_LEAST: i64 = 90 * 24;

/// Hours for which one restored from the Recycle Bin is kept: 14 days
/// (docs/semantics.md 3).
const RESTORED_KEEPS: i64 = 14 * 24;

/// R8: an image of ours uses it.
pub(super) fn in_use(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match facts.image {
        Some(image) => out.keeps("in-use", Until::Open, format_smolstr!("image {image} uses it")),
        None => out.silent("in-use", || "no image of this account uses it".into()),
    }
}

/// R9: locked. AWS refuses to delete it in any case.
pub(super) fn locked(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let Some(lock) = facts.lock else {
        return out.silent("locked", || "no lock on it is known".into());
    };
    let mode = match lock.state {
        LockState::Compliance | LockState::ComplianceCooloff => "locked in compliance mode",
        LockState::Governance => "locked in governance mode",
        LockState::Other => "locked in a way that this version does not know",
        LockState::Expired => return out.passed("locked", || "its lock has expired".into()),
    };
    match lock.expires.filter(|end| *end > facts.now) {
        Some(end) => out.keeps("locked", Until::At(end), format_smolstr!("{mode} until {}", shown(end))),
        // Past its end, and AWS still says that it is locked.
        None => out.keeps("locked", Until::Open, mode),
    }
}

/// R9: in the Recycle Bin.
pub(super) fn in_bin(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match facts.managed.snapshot.state {
        SnapshotState::Recoverable | SnapshotState::Recovering => {
            out.keeps("in-bin", Until::Open, "it is in the Recycle Bin");
        }
        _ => out.silent("in-bin", || "it is not in the Recycle Bin".into()),
    }
}

/// R9: moving between the storage tiers; restored from the archive for a time that is not
/// over; archived for less than 90 days, whatever tier it is shown in; or archived and it is
/// not known since when.
pub(super) fn archived(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let snapshot = facts.managed.snapshot;
    if let Some(moving) = facts.tier.and_then(|tier| tier.moving) {
        let detail = match moving {
            TierMove::Archival => "it is being archived",
            TierMove::TemporaryRestore => "it is being restored from the archive for a time",
            TierMove::PermanentRestore => "it is being restored from the archive",
            TierMove::Other => "AWS reports a change of its storage tier that this version does not know",
        };
        return out.keeps("archived", Until::Open, detail);
    }
    let since = facts.tier.and_then(|tier| tier.archived_at);
    // What AWS says of the tier was read later than the listing.
    let restored = facts.tier.and_then(|tier| tier.restore_expires).or(snapshot.restore_expires);
    let listed = facts.tier.is_some_and(|tier| tier.tier == StorageTier::Archive)
        || snapshot.tier == StorageTier::Archive
        || restored.is_some();
    let Some(since) = since else {
        if listed {
            return out.keeps("archived", Until::Open, "it is archived, since when is not known, which keeps");
        }
        return out.silent("archived", || "it is not archived".into());
    };
    let end = since.saturating_add(ARCHIVED_AT_LEAST.hours()).unwrap_or(Timestamp::MAX);
    if let Some(until) = restored.filter(|until| *until > facts.now && *until > end) {
        let detail = format_smolstr!("archived {}, and restored from there until {}", shown(since), shown(until));
        return out.keeps("archived", Until::At(until), detail);
    }
    let (keeps, over) = (
        || format_smolstr!("archived {}; AWS bills 90 days in any case", shown(since)),
        || format_smolstr!("archived {}, more than 90 days ago", shown(since)),
    );
    out.until("archived", end, keeps, over);
}

/// R9: restored from the Recycle Bin: we were about to delete it more than an hour
/// and less than 14 days ago, and here it is. An unreadable mark keeps. A failed one has
/// nothing to restore: it was marked by a run that died, and kept, three of them would end
/// the volume's backups.
pub(super) fn restored(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if facts.managed.snapshot.state == SnapshotState::Error {
        return out.silent("restored", || "it failed: there is nothing of it to restore".into());
    }
    let Some(mark) = facts.managed.snapshot.tags.get(tags::DELETED) else {
        return out.silent("restored", || "it was never deleted by us".into());
    };
    let Ok(at) = mark.parse::<Timestamp>() else {
        let detail = format_smolstr!("its {} is no time, which keeps", tags::DELETED);
        return out.keeps("restored", Until::Open, detail);
    };
    let hour = at.saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
    let end = at.saturating_add(RESTORED_KEEPS.hours()).unwrap_or(Timestamp::MAX);
    if facts.now <= hour {
        return out.silent("restored", || format_smolstr!("its deletion began {}, less than an hour ago", shown(at)));
    }
    // The mark is written before the call. What comes back bears it, and so does what a run that
    // was cut short did not come to; the two look the same.
    let words = |rest: &str| format_smolstr!("its deletion began {} and it is here: restored, or {rest}", shown(at));
    let (keeps, over) = (
        || words("that run was cut short, which keeps for 14 days"),
        || words("that run was cut short, more than 14 days ago"),
    );
    out.until("restored", end, keeps, over);
}

/// R11: not finished; or in a state that this version does not know.
pub(super) fn pending(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match facts.managed.snapshot.state {
        SnapshotState::Pending => out.keeps("pending", Until::Open, "it is not finished"),
        SnapshotState::Other => out.keeps("pending", Until::Open, "its state is not one this version knows"),
        _ => out.silent("pending", || SmolStr::new_static("it is finished")),
    }
}

/// A failed snapshot of ours goes one hour after it began.
pub(super) fn failed(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    let end = facts.managed.snapshot.started.saturating_add(1.hour()).unwrap_or(Timestamp::MAX);
    let words = |rest: &str| format_smolstr!("it failed, and nothing can be restored from it; it {rest}");
    out.until("error", end, || words("goes an hour after it began"), || words("began more than an hour ago"));
}
