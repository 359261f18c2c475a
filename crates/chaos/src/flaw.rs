//! Planted mistakes: the same product with one thing wrong. They prove that the
//! checker can fail. What each does to the product's calls is [`crate::flawed`]'s.

use ebskeep_core::report::Report;
use ebskeep_core::setting::Settings;

use crate::scene::Theme;

/// One mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flaw {
    /// A copy is made without tags, which are written by a second call.
    TagsAfterCopy,
    /// A copy whose outcome is not known is begun again without a look.
    BlindRetryOfCopy,
    /// A listing's first page is taken for all of it.
    HalfListing,
    /// Copies that are there are not seen.
    CopiesNotSeen,
    /// A copy that is not through is taken for good.
    PendingTakenForGood,
    /// `ebskeep:copied-to` is never written.
    NeverMarked,
    /// A share is not taken back.
    ShareKept,
    /// The tag that tells of a share is not written.
    ShareNotNoted,
    /// Holds are not written on copies.
    HoldNotFollowed,
    /// What wants a copy is deleted all the same.
    CopyToNotSeen,
    /// `KeepForever` is not seen.
    HoldNotSeen,
    /// The policy recorded on a copy, and its date, are taken for six hours.
    CopyPolicyMisread,
    /// Copies are taken for those of a volume that was found deleted when they began.
    CopiesTakenForEnded,
    /// In the other account copies are taken for those of a volume that was found deleted when they began.
    OtherCopiesTakenForEnded,
    /// A creation whose outcome is not known is begun again without a look.
    BlindRetryOfCreate,
    /// A snapshot is made without tags, which are written by a second call.
    TagsAfterCreate,
    /// `KeepForever` counts only where AWS happens to list it last (R1 by tag order).
    HoldByTagOrder,
    /// A listing that fails on the way is taken for whole.
    GapTakenForEnd,
    /// The last look before a deletion is not made: what the plan saw counts.
    LastLookSkipped,
    /// An outcome that is not known is taken for a failure.
    UnknownTakenForFailure,
    /// Recorded policies are not seen: a removed tag shortens a policy.
    RecordNotSeen,
    /// A policy that is changed counts at once.
    GraceNotGiven,
    /// A volume that is on no instance is taken for gone.
    UnattachedTakenForGone,
    /// `DeleteOn` is not seen.
    DateNotSeen,
    /// `KeepUntil` is not seen.
    KeepUntilNotSeen,
    /// Images are not seen.
    ImagesNotSeen,
    /// Another deployment's snapshots are taken for ours.
    DeploymentNotSeen,
    /// The marks of other tools are not seen.
    MarksNotSeen,
    /// Snapshots that are not finished are not seen.
    PendingNotSeen,
    /// Failed snapshots are taken for good.
    FailedTakenForGood,
    /// Failed snapshots are taken for two hours older.
    FailedTakenForOld,
    /// A deletion is told to be done, and no call is made.
    DeletionNeverMade,
    /// A creation is told to be done, and no call is made.
    CreationNeverMade,
    /// What is to be deleted is not marked first.
    DeletionNotMarked,
    /// What was restored is taken for what was never deleted.
    RestoredNotSeen,
    /// The minimum of good snapshots is taken for one.
    MinimumNotHeeded,
    /// The machine's clock is believed.
    MachineClockBelieved,
    /// Tags of instances are not seen.
    InstanceTagsNotSeen,
    /// The own tags of a set's members are never written.
    MemberTagsNotWritten,
    /// Of two snapshots in one slot, one is not seen.
    SurplusNotSeen,
    /// Archived snapshots are taken for others.
    ArchivedNotSeen,
    /// In the second account creations are told to be done, and no call is made.
    SecondAccountForgotten,
    /// In the second account `KeepForever` is not seen.
    SecondAccountHoldNotSeen,
    /// While two runs overlap, each leaves it to the other to keep the minimum.
    MinimumLeftToTheOther,
    /// Zones are not seen: all is in UTC.
    ZoneNotSeen,
    /// `every-run` is taken for `daily`.
    EveryRunTakenForDaily,
    /// Of several instances that a volume is on, all but the first are not seen.
    OneInstanceSeen,
    /// What is marked as deleted already, by a run that died, is not marked again.
    MarkNotRenewed,
    /// A deletion that AWS denies is taken for one of what is gone.
    DenialTakenForGone,
    /// What was not done is left out of the report.
    FailureNotTold,
    /// That the run is to stop is not heard.
    StopNotHeard,
    /// A creation whose outcome is not known is begun again after a look at another snapshot.
    LookElsewhere,
    /// The mark that a volume is deleted is taken for as old as its snapshot.
    GoneMarkTakenForOlder,
    /// Each volume that is not there is taken for one that was marked when its snapshots began.
    GoneTakenForMarked,
    /// A slot that several snapshots have is taken for when they began.
    SharedSlotTrusted,
    /// A slot that is long before its snapshot is taken for when that began.
    FarSlotTrusted,
    /// Failed snapshots are taken for ones that failed just now.
    FailedTakenForFresh,
    /// Failed snapshots are taken for unfinished.
    FailedTakenForPending,
    /// What goes of one lineage is not bounded.
    LineageNotBounded,
    /// The default retention is taken for an hour, so that any date since is one that a run may have written.
    DefaultTakenForAnHour,
    /// The mark that names a policy which no snapshot records is not seen.
    PolicyMarkNotSeen,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 61] = [
        Self::TagsAfterCopy,
        Self::BlindRetryOfCopy,
        Self::HalfListing,
        Self::CopiesNotSeen,
        Self::PendingTakenForGood,
        Self::NeverMarked,
        Self::ShareKept,
        Self::ShareNotNoted,
        Self::HoldNotFollowed,
        Self::CopyToNotSeen,
        Self::HoldNotSeen,
        Self::CopyPolicyMisread,
        Self::CopiesTakenForEnded,
        Self::OtherCopiesTakenForEnded,
        Self::BlindRetryOfCreate,
        Self::TagsAfterCreate,
        Self::HoldByTagOrder,
        Self::GapTakenForEnd,
        Self::LastLookSkipped,
        Self::UnknownTakenForFailure,
        Self::RecordNotSeen,
        Self::GraceNotGiven,
        Self::UnattachedTakenForGone,
        Self::DateNotSeen,
        Self::KeepUntilNotSeen,
        Self::ImagesNotSeen,
        Self::DeploymentNotSeen,
        Self::MarksNotSeen,
        Self::PendingNotSeen,
        Self::FailedTakenForGood,
        Self::FailedTakenForOld,
        Self::DeletionNeverMade,
        Self::CreationNeverMade,
        Self::DeletionNotMarked,
        Self::RestoredNotSeen,
        Self::MinimumNotHeeded,
        Self::MachineClockBelieved,
        Self::InstanceTagsNotSeen,
        Self::MemberTagsNotWritten,
        Self::SurplusNotSeen,
        Self::ArchivedNotSeen,
        Self::SecondAccountForgotten,
        Self::SecondAccountHoldNotSeen,
        Self::MinimumLeftToTheOther,
        Self::ZoneNotSeen,
        Self::EveryRunTakenForDaily,
        Self::OneInstanceSeen,
        Self::MarkNotRenewed,
        Self::DenialTakenForGone,
        Self::FailureNotTold,
        Self::StopNotHeard,
        Self::LookElsewhere,
        Self::GoneMarkTakenForOlder,
        Self::GoneTakenForMarked,
        Self::SharedSlotTrusted,
        Self::FarSlotTrusted,
        Self::FailedTakenForFresh,
        Self::FailedTakenForPending,
        Self::LineageNotBounded,
        Self::DefaultTakenForAnHour,
        Self::PolicyMarkNotSeen,
    ];

    /// The invariant that it breaks before all others, by its name.
    pub fn breaks(self) -> &'static str {
        match self {
            Self::TagsAfterCopy | Self::TagsAfterCreate => "untagged",
            Self::BlindRetryOfCopy | Self::BlindRetryOfCreate | Self::LookElsewhere => "begun-again-blindly",
            Self::HalfListing | Self::CopyToNotSeen => "wanted-copy-missing",
            Self::CopiesNotSeen => "copied-twice",
            Self::PendingTakenForGood => "primary-gone-before-copy",
            Self::NeverMarked => "copied-again",
            Self::ShareKept | Self::ShareNotNoted => "share-left",
            Self::HoldNotFollowed => "hold-not-followed",
            Self::HoldNotSeen | Self::HoldByTagOrder | Self::SecondAccountHoldNotSeen => "gone: keep-forever",
            Self::GapTakenForEnd | Self::UnattachedTakenForGone | Self::InstanceTagsNotSeen => "wrong-success",
            Self::LastLookSkipped => "no-last-look",
            Self::UnknownTakenForFailure => "said-nothing-was-done",
            Self::RecordNotSeen | Self::CopyPolicyMisread | Self::OneInstanceSeen => "gone: policy",
            Self::GraceNotGiven | Self::PolicyMarkNotSeen => "gone: policy-grace",
            Self::DateNotSeen => "gone: delete-on",
            Self::KeepUntilNotSeen => "gone: hold",
            Self::ImagesNotSeen => "gone: in-use",
            Self::DeploymentNotSeen | Self::MarksNotSeen => "gone: not-ours",
            Self::PendingNotSeen => "two-in-a-slot",
            Self::FailedTakenForGood => "gone: backups-failing",
            Self::FailedTakenForOld => "gone: error",
            Self::DeletionNeverMade | Self::MemberTagsNotWritten | Self::DenialTakenForGone => "said-and-not-done",
            Self::CreationNeverMade
            | Self::SecondAccountForgotten
            | Self::ZoneNotSeen
            | Self::EveryRunTakenForDaily => "due-and-not-there",
            Self::DeletionNotMarked | Self::MarkNotRenewed => "not-marked",
            Self::RestoredNotSeen => "gone: restored",
            Self::MinimumNotHeeded => "gone: newest-good",
            Self::MachineClockBelieved => "wrong-clock",
            Self::SurplusNotSeen => "surplus-not-told",
            Self::ArchivedNotSeen => "gone: archived",
            Self::MinimumLeftToTheOther => "gone-together",
            Self::FailureNotTold => "not-told",
            Self::StopNotHeard => "called-after-stop",
            Self::CopiesTakenForEnded | Self::OtherCopiesTakenForEnded => "gone: newest-copy",
            Self::GoneMarkTakenForOlder | Self::GoneTakenForMarked => "gone: volume-gone",
            Self::SharedSlotTrusted | Self::FarSlotTrusted => "gone: bulk-slot",
            Self::FailedTakenForFresh | Self::FailedTakenForPending => "fleet-goes-on",
            Self::LineageNotBounded | Self::DefaultTakenForAnHour => "gone: bulk-date",
        }
    }

    /// The worlds in which it is looked for: those in which what it is about happens.
    pub fn theme(self) -> Theme {
        if self < Self::BlindRetryOfCreate { Theme::Copies } else { Theme::Retention }
    }

    /// What it does to the settings of a run beside which another one is at work.
    pub fn mis_set_beside(self, settings: &mut Settings) {
        if self == Self::MinimumLeftToTheOther {
            // As above.
            let _ = settings.set("minimum", "1");
        }
    }

    /// What it does to what the product tells.
    pub fn mis_tell(self, report: &mut Report) {
        if self == Self::FailureNotTold {
            report.results.retain(|result| result.outcome.is_success());
        }
    }

    /// What it does to the product's settings.
    pub fn mis_set(self, settings: &mut Settings) {
        let wrong = match self {
            Self::GraceNotGiven => ("policy-grace", "1h"),
            Self::MinimumNotHeeded => ("minimum", "1"),
            Self::LineageNotBounded => ("max-delete-percent", "100"),
            Self::DefaultTakenForAnHour => ("default-retention", "1h"),
            Self::CopiesTakenForEnded | Self::OtherCopiesTakenForEnded => ("orphan-grace", "1h"),
            _ => return,
        };
        // A value that the setting takes: nothing can be told otherwise.
        let _ = settings.set(wrong.0, wrong.1);
    }
}
