//! What keeps a snapshot: the rules of docs/semantics.md 3, each a small
//! function with its own reason. Any one of them is enough; none deletes.

mod aws;
mod copies;
mod dates;
mod instance;
mod lineage;
mod policy;

use jiff::Timestamp;
use jiff::civil::Date;
use smol_str::SmolStr;

use super::history::Lineage;
use super::order::Order;
use super::{Detail, Reason};
use crate::calendar;
use crate::id::ImageId;
use crate::inventory::{Lock, SnapshotState, TierStatus};
use crate::lineage::Managed;
use crate::setting::Settings;
pub(super) use dates::dated_end;
pub(super) use dates::delete_on_removed;
pub(super) use dates::live_keep_forever;
pub(super) use lineage::failing;
pub(super) use policy::Place;

/// The rules by their numbers in docs/semantics.md 3, in the order in which they
/// are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// `KeepForever`.
    R1,
    /// `KeepUntil`.
    R2,
    /// `DeleteOn`.
    R3,
    /// The policy.
    R4,
    /// The newest good ones.
    R5,
    /// A copy of it is wanted.
    R6,
    /// Its volume's backups fail.
    R7,
    /// An image uses it.
    R8,
    /// Locked, in the Recycle Bin, archived or restored.
    R9,
    /// Pending.
    R11,
    /// Its volume was found deleted a short while ago.
    R12,
    /// What becomes of failed ones instead of R3 to R7 and R12.
    Failed,
}

/// What one rule says of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opinion {
    /// Which rule it is.
    pub(super) by: By,
    /// Whether it keeps.
    pub(super) stand: Stand,
    /// Its name and the facts.
    pub(super) reason: Reason,
}

impl Opinion {
    /// Whether it keeps.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.stand, Stand::Keeps(_))
    }
}

/// Whether a rule keeps a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// It does.
    Keeps(Until),
    /// It did until now: why a deletion is right.
    Passed,
    /// It does not, and no time has changed that.
    Silent,
}

/// Until when a rule keeps, if nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// From this instant on it no longer does.
    At(Timestamp),
    /// No date can be told.
    Open,
}

/// Which opinions are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Those that keep, and those that kept until now.
    Passed,
    /// All of them.
    Everything,
}

/// What the rules look at for one snapshot.
pub(super) struct Facts<'a> {
    /// The snapshot.
    pub(super) managed: &'a Managed<'a>,
    /// Its lineage, with all that its snapshots are judged by.
    pub(super) lineage: &'a Lineage<'a>,
    /// Its place among the snapshots of its lineage.
    pub(super) at: usize,
    /// The image that uses it.
    pub(super) image: Option<&'a ImageId>,
    /// Its lock.
    pub(super) lock: Option<&'a Lock>,
    /// What AWS says of its storage tier, where asked.
    pub(super) tier: Option<&'a TierStatus>,
    /// The settings.
    pub(super) settings: &'a Settings,
    /// The instant of the decision.
    pub(super) now: Timestamp,
}

impl Facts<'_> {
    /// Its place among the good snapshots of its lineage that count, newest 0, in one of
    /// the orders.
    fn rank(&self, order: &Order<'_>) -> Option<usize> {
        order.ranks.get(self.at).copied().flatten()
    }

    /// Its best place in any of the orders.
    fn best_rank(&self) -> Option<usize> {
        self.lineage.orders.iter().filter_map(|order| self.rank(order)).min()
    }
}

/// What the rules say of the snapshot, in the order of their numbers; put into
/// `opinions`, which is emptied before.
pub(super) fn judge(facts: &Facts<'_>, ask: Ask, opinions: &mut Vec<Opinion>) {
    opinions.clear();
    let mut out = Judgement { ask, now: facts.now, opinions, by: By::R1 };
    let failed = facts.managed.snapshot.state == SnapshotState::Error;
    for (by, rule) in RULES {
        if failed && spares_no_failed(*by) {
            continue;
        }
        out.by = *by;
        rule(facts, &mut out);
    }
    if failed {
        out.by = By::Failed;
        if facts.managed.key.copies { copies::failed_copy(facts, &mut out) } else { aws::failed(facts, &mut out) }
    }
}

type Rule = fn(&Facts<'_>, &mut Judgement<'_>);

/// The rules that can keep what is ours. R10 is [`crate::lineage::classify`]'s.
const RULES: &[(By, Rule)] = &[
    (By::R1, dates::keep_forever),
    (By::R2, dates::hold),
    (By::R3, dates::delete_on),
    (By::R4, policy::policy),
    (By::R4, copies::fresh_copy),
    (By::R5, lineage::newest_good),
    (By::R5, lineage::just_taken),
    (By::R6, copies::copy_pending),
    (By::R7, lineage::backups_failing),
    (By::R7, instance::not_listed),
    (By::R8, aws::in_use),
    (By::R9, aws::locked),
    (By::R9, aws::in_bin),
    (By::R9, aws::archived),
    (By::R9, aws::restored),
    (By::R11, aws::pending),
    (By::R12, lineage::volume_gone),
];

/// R3 to R7 and R12 do not keep a failed snapshot: nothing can be restored from it.
fn spares_no_failed(by: By) -> bool {
    matches!(by, By::R3 | By::R4 | By::R5 | By::R6 | By::R7 | By::R12)
}

/// Opinions under way.
struct Judgement<'o> {
    ask: Ask,
    now: Timestamp,
    by: By,
    opinions: &'o mut Vec<Opinion>,
}

impl Judgement<'_> {
    /// The rule keeps. `until` is when that ends, if nothing changes.
    fn keeps(&mut self, rule: &'static str, until: Until, detail: impl Into<Detail>) {
        self.say(rule, Stand::Keeps(until), detail.into());
    }

    /// The rule keeps until `end`; if that is over it did until now. Each has
    /// its own words.
    fn until(
        &mut self,
        rule: &'static str,
        end: Timestamp,
        keeps: impl FnOnce() -> SmolStr,
        over: impl FnOnce() -> SmolStr,
    ) {
        if end > self.now {
            self.keeps(rule, Until::At(end), keeps());
        } else {
            self.passed(rule, over);
        }
    }

    /// The rule kept until now.
    fn passed(&mut self, rule: &'static str, detail: impl FnOnce() -> SmolStr) {
        self.say(rule, Stand::Passed, detail().into());
    }

    /// The rule does not keep.
    fn silent(&mut self, rule: &'static str, detail: impl FnOnce() -> SmolStr) {
        if self.ask == Ask::Everything {
            self.say(rule, Stand::Silent, detail().into());
        }
    }

    fn say(&mut self, rule: &'static str, stand: Stand, detail: Detail) {
        self.opinions.push(Opinion { by: self.by, stand, reason: Reason { rule, detail } });
    }
}

/// An instant in a reason.
fn shown(at: Timestamp) -> impl std::fmt::Display {
    calendar::to_the_minute(at)
}

/// The first UTC date on which a snapshot would go if nothing changed.
pub(super) fn expires_on(opinions: &[Opinion]) -> Option<Date> {
    let mut latest = None;
    for opinion in opinions {
        match opinion.stand {
            Stand::Keeps(Until::Open) => return None,
            Stand::Keeps(Until::At(at)) => latest = latest.max(Some(calendar::utc_date(at))),
            Stand::Passed | Stand::Silent => {}
        }
    }
    latest
}
