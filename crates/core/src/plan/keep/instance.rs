//! R7, of a volume whose instance is not listed: nobody knows what that instance's tags keep.

use smol_str::format_smolstr;

use super::{Facts, Judgement, Until};

/// Keeps everything of a volume that is attached to an instance which a complete listing lacks.
/// Elsewhere it says nothing, since R7 has its say already.
pub(super) fn not_listed(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    if let Some(instance) = facts.lineage.unlisted {
        let detail =
            format_smolstr!("its volume is attached to {instance}, which the complete listing of instances lacks");
        out.keeps("instance-not-listed", Until::Open, detail);
    }
}
