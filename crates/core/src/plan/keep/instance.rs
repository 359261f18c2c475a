//! R7, of a volume whose instance is not listed: nobody knows what that instance's tags keep.

use smol_str::format_smolstr;

use super::{Facts, Judgement, Until};

/// Keeps everything of a volume that is attached to an instance which a complete listing lacks.
pub(super) fn not_listed(facts: &Facts<'_>, out: &mut Judgement<'_>) {
    match facts.unlisted {
        Some(instance) => {
            let detail =
                format_smolstr!("its volume is attached to {instance}, which the complete listing of instances lacks");
            out.keeps("instance-not-listed", Until::Open, detail);
        }
        None => out.silent("instance-not-listed", || "every instance that its volume is attached to is listed".into()),
    }
}
