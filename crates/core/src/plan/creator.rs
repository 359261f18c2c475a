//! The create side of one volume without a plan around it: when it is due next,
//! and what the snapshot then bears. The same deciders' answers, for
//! [`crate::forecast`], which asks thousands of times.

use std::collections::BTreeSet;

use jiff::Timestamp;
use smol_str::SmolStr;

use super::copy::not_a_source;
use super::create::{best, blocked};
use super::location::{self, Next};
use super::policy::{Around, governing, longest};
use super::snapshot_tags::{dress, dress_copy};
use super::wish::Wish;
use crate::config::{Fleet, Scope, Wanted};
use crate::destination::{Destination, listed};
use crate::inventory::{Snapshot, SnapshotState, Volume};
use crate::lineage::Managed;
use crate::retention::Policy;
use crate::schedule::Schedule;
use crate::setting::Settings;
use crate::site::LocalSite;
use crate::tags::{self, Tags};

/// One volume that is to be backed up.
pub(crate) struct Creator<'a> {
    volume: &'a Volume,
    scopes: Vec<Scope<'a>>,
    settings: &'a Settings,
}

/// What a snapshot that is due bears.
pub(crate) struct Taken {
    /// Its description.
    pub(crate) description: String,
    /// Its tags, ours and those carried.
    pub(crate) tags: Tags,
    /// The Outpost or Local Zone it is stored in, if not in the Region.
    pub(crate) site: Option<LocalSite>,
}

impl<'a> Creator<'a> {
    /// A volume, if any of its scopes wants it backed up.
    pub(crate) fn new(volume: &'a Volume, fleet: &Fleet<'a>, settings: &'a Settings) -> Option<Self> {
        let scopes = fleet.scopes(volume);
        let wanted = scopes.iter().any(|scope| matches!(scope.backup, Wanted::On(_)));
        wanted.then_some(Self { volume, scopes, settings })
    }

    /// Whether a scope's schedule is each run of the creator.
    pub(crate) fn at_every_run(&self) -> bool {
        self.schedules().any(|(schedule, _)| *schedule == Schedule::EveryRun)
    }

    /// The first slot after `at`; none where all of them are `every-run`.
    pub(crate) fn slot_after(&self, at: Timestamp) -> Option<Timestamp> {
        self.schedules().filter_map(|(schedule, scope)| schedule.slot_after(at, &scope.zone)).min()
    }

    /// What a run at `now`, scheduled for then, takes; nothing where the volume
    /// is not due, or something stands in the way. Of the lineage it needs what
    /// [`Creator::context`] names.
    pub(crate) fn take(&self, lineage: &[Managed<'_>], now: Timestamp) -> Option<Taken> {
        let (scope, slot) = best(&self.scopes, now, now)?;
        if blocked(self.volume, lineage, &self.scopes, slot, now).is_some() {
            return None;
        }
        // What others took of it is not asked for: the newest of its lineage stands for all.
        let newest = lineage.iter().map(|managed| managed.snapshot).find(|s| s.state != SnapshotState::Error);
        let Next::At(location) = location::next(self.volume, newest, self.settings) else { return None };
        let governing = governing(lineage, &Around::existing(self.volume, &self.scopes, self.settings, now));
        let policy = longest(&governing, now);
        let dress = dress(self.volume, scope, &self.scopes, policy, (slot, now), self.settings);
        let tags = dress.tags.iter().chain(dress.carried.iter()).map(|(key, value)| (key.clone(), value.clone()));
        let site = location.and_then(|location| location.local().cloned());
        Some(Taken { description: dress.description, tags: tags.collect(), site })
    }

    /// The snapshots of a lineage, newest first, that decide about the next one:
    /// the newest, the newest good one, the newest of each recorded policy, those on which a mark names
    /// one, and those that failed.
    pub(crate) fn context(lineage: &[Managed<'_>]) -> Vec<Snapshot> {
        let failed = |managed: &&Managed<'_>| managed.snapshot.state == SnapshotState::Error;
        let newest = lineage.iter().find(|managed| !failed(managed));
        let good = lineage.iter().filter(|managed| managed.is_good()).max_by_key(|managed| managed.start);
        let mut read = BTreeSet::new();
        let records = lineage.iter().filter(|managed| {
            let marked = managed.snapshot.tags.get(tags::POLICY_SINCE).is_some();
            marked || managed.recorded_retention().is_some_and(|text| read.insert(text))
        });
        let mut context: Vec<Snapshot> = lineage
            .iter()
            .filter(failed)
            .chain(newest)
            .chain(good)
            .chain(records)
            .map(|managed| managed.snapshot.clone())
            .collect();
        context.sort_by(|a, b| a.id.cmp(&b.id));
        context.dedup_by(|a, b| a.id == b.id);
        context
    }

    /// Whether only ages and `forever` govern: then no snapshot but the newest
    /// decides about another.
    pub(crate) fn by_time(&self, lineage: &[Managed<'_>], now: Timestamp) -> bool {
        let governing = governing(lineage, &Around::existing(self.volume, &self.scopes, self.settings, now));
        governing.iter().all(|governing| matches!(governing.policy, Ok(Policy::Age(_) | Policy::Forever)))
    }

    fn schedules(&self) -> impl Iterator<Item = (&Schedule, &Scope<'a>)> {
        self.scopes.iter().filter_map(|scope| match &scope.backup {
            Wanted::On(schedule) => Some((schedule, scope)),
            Wanted::No | Wanted::Excluded(_) => None,
        })
    }
}

/// The copies that are wanted of a primary, as the copier would make them.
pub(crate) struct Copied {
    /// Where to, of what is still wanted.
    pub(crate) to: Vec<Destination>,
    /// What the primary bears once they are good: [`crate::tags::COPIED_TO`].
    pub(crate) mark: SmolStr,
    /// What they bear.
    pub(crate) tags: Tags,
}

/// What is copied of a primary at `now`, if anything.
pub(crate) fn copied(managed: &Managed<'_>, now: Timestamp, settings: &Settings) -> Option<Copied> {
    let wish = Wish::of(managed, settings).filter(|wish| !wish.is_over(now))?;
    let to: Vec<Destination> = wish.open().cloned().collect();
    if to.is_empty() || not_a_source(managed).is_some() {
        return None;
    }
    let mark = listed(wish.to.wanted.union(&wish.done));
    let dress = dress_copy(managed, &wish, settings);
    let tags = dress.tags.iter().chain(dress.carried.iter()).map(|(key, value)| (key.clone(), value.clone()));
    Some(Copied { to, mark, tags: tags.collect() })
}
