//! What goes wrong on the way to AWS: any call may be refused with any code, be
//! throttled, be lost before or after it takes effect, or be cut off; a listing may
//! be stale, or its next page refused.

use std::time::Duration;

use ebskeep_sim::{Fault, What, When, World};

use crate::rng::Rng;
use crate::scene::Theme;

/// What an answer in error can say, and its status.
pub const REFUSALS: [(&str, u16); 3] =
    [("RequestLimitExceeded", 503), ("UnauthorizedOperation", 403), ("InternalError", 500)];
/// More codes, of which some call or other must make the best: they are seldom. AWS
/// does not lie: none of them says that something is gone or in use. The last is one
/// that nobody has heard of.
pub const RARE: [(&str, u16); 10] = [
    ("ConcurrentSnapshotLimitExceeded", 400),
    ("ConcurrentTagAccess", 400),
    ("ExpiredToken", 403),
    ("InvalidParameterValue", 400),
    ("ResourceLimitExceeded", 400),
    ("ServiceUnavailable", 503),
    ("SnapshotCreationPerVolumeRateExceeded", 400),
    ("SnapshotLimitExceeded", 400),
    ("TagLimitExceeded", 400),
    ("SomethingNew", 418),
];
/// Calls that begin snapshots, which can fail later.
pub const CREATIONS: [&str; 3] = ["CopySnapshot", "CreateSnapshot", "CreateSnapshots"];
/// Calls that list in pages.
pub const LISTINGS: [&str; 4] = ["DescribeInstances", "DescribeVolumes", "DescribeSnapshots", "DescribeImages"];

/// Where a page holds fewer, listings have several.
const PAGES: usize = 100;

/// Calls of worlds of copies. What is there more often is hit more often.
const COPIES: [&str; 13] = [
    "CopySnapshot",
    "CopySnapshot",
    "CopySnapshot",
    "DescribeSnapshots",
    "CreateTags",
    "DeleteTags",
    "DescribeSnapshotAttribute",
    "DescribeSnapshotAttribute",
    "ModifySnapshotAttribute",
    "ModifySnapshotAttribute",
    "CreateSnapshot",
    "DeleteSnapshot",
    "AssumeRole",
];
/// Calls of worlds of retention.
const RETENTION: [&str; 14] = [
    "CreateSnapshot",
    "CreateSnapshot",
    "CreateSnapshots",
    "CreateSnapshots",
    "CreateTags",
    "DeleteTags",
    "DeleteSnapshot",
    "DeleteSnapshot",
    "DescribeInstances",
    "DescribeVolumes",
    "DescribeSnapshots",
    "DescribeImages",
    "DescribeLockedSnapshots",
    "DescribeSnapshotTierStatus",
];

/// Calls whose faults and deaths are looked for in worlds of a theme.
pub fn actions(theme: Theme) -> &'static [&'static str] {
    match theme {
        Theme::Copies => &COPIES,
        Theme::Retention => &RETENTION,
    }
}

/// Arms something; says what, in words. Where no answer is to be lost, such a call is
/// refused.
pub fn arm(world: &World, theme: Theme, lossless: bool, rng: &mut Rng) -> String {
    // Where listings have pages at all, a token is often refused.
    let paged = world.current_rules().page < PAGES && rng.percent(40);
    let all: &[&str] = if paged { &LISTINGS } else { actions(theme) };
    let Some(action) = rng.pick(all).copied() else { return String::new() };
    let what = match if paged { What::BadToken } else { what(action, rng) } {
        What::LostBefore | What::LostAfter | What::CutBody if lossless => refuse("RequestLimitExceeded", 503),
        what => what,
    };
    let (after, times) = (rng.below(3), rng.between(1, 7));
    let words = format!("{action} × {} after {after}, {times} times", what.name());
    if action == "DeleteTags" {
        // A mark is taken off where AWS refuses the deletion.
        let refused = refuse("UnauthorizedOperation", 403);
        world.fault(Fault { when: When { times: Some(2), ..When::next("DeleteSnapshot") }, what: refused });
        world.fault(Fault { when: When { times: Some(times), ..When::next(action) }, what });
        return format!("DeleteSnapshot × UnauthorizedOperation, and {words}");
    }
    world.fault(Fault { when: When { after, times: Some(times), ..When::next(action) }, what });
    words
}

fn what(action: &str, rng: &mut Rng) -> What {
    let refusals: &[(&str, u16)] = if rng.percent(30) { &RARE } else { &REFUSALS };
    let refusal = rng.pick(refusals).copied().unwrap_or(("InternalError", 500));
    match rng.below(8) {
        3 => What::LostBefore,
        4 => What::LostAfter,
        5 => What::CutBody,
        6 if action == "DescribeSnapshots" => What::StaleListing { by: Duration::from_secs(45) },
        6 | 7 if LISTINGS.contains(&action) => What::BadToken,
        6 | 7 if CREATIONS.contains(&action) => {
            What::SnapshotFails { message: "Given key ID is not accessible".into() }
        }
        _ => refuse(refusal.0, refusal.1),
    }
}

fn refuse(code: &str, status: u16) -> What {
    What::Refuse { code: code.into(), status: Some(status), message: "as chance would have it".to_owned() }
}
