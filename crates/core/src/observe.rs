//! Pages → [`Inventory`]: what is there, and how much of it could be seen.
//!
//! Knows nothing of policy: which volumes need a second look is asked of the
//! caller. A listing that fails on the way keeps what it saw and says why it
//! ended.

mod away;
mod snapshots;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use jiff::Timestamp;

use crate::advice;
use crate::cloud::{Clock, Cloud, CloudError, ErrorKind, Filter, Page, Query, Token};
use crate::id::VolumeId;
use crate::inventory::{Gap, Inventory, Listing, Snapshot, TierStatus, Volume};
use crate::report::words;
pub use away::{destinations, observe_only};
use snapshots::snapshots;

/// Volumes looked up by id at the same time. Their bucket gives 10 a second.
const LOOKUPS_AT_ONCE: usize = 16;

/// Values one filter takes. Source: EC2 User Guide, "List and filter using the
/// CLI and API".
const FILTER_VALUES: usize = 200;

/// Lists everything in the Place of `cloud`, all pages, the four kinds and the
/// locks on snapshots side by side, snapshots of more than a page in parts; then, where snapshots are archived, since
/// when they are.
///
/// AWS's clock is the `Date` of whichever answer arrives first, and the
/// machine's is read at that moment. Of an item on two pages the later one
/// counts. Volumes that `unsettled` names, once their listing is complete, are
/// asked for by a filter, 200 in a call; each that no answer holds is then asked for by its
/// id in a call of its own, and only `NotFound` there confirms that it is gone. One that
/// is found after all joins the listing.
///
/// With `now`, the inventory is to be decided about at that instant instead.
/// `listed` is told each page: the kind, and how many are known by now.
///
/// # Errors
///
/// Only if nothing answered at all: the error of the first listing.
pub async fn observe<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    now: Option<Timestamp>,
    unsettled: impl FnOnce(&Inventory) -> Vec<VolumeId>,
    listed: &dyn Fn(&'static str, usize),
) -> Result<Inventory, CloudError> {
    let first: Cell<Option<(Timestamp, Timestamp)>> = Cell::new(None);
    let heard = |at: Timestamp| {
        if first.get().is_none() {
            first.set(Some((at, clock.now())));
        }
    };
    let all = &Query::All;
    let (instances, volumes, snapshots, images, locks) = futures::join!(
        follow(
            async |token| cloud.describe_instances(all, token).await,
            |instance| instance.id.clone(),
            |at, items| {
                heard(at);
                listed("instances", items);
            },
        ),
        follow(
            async |token| cloud.describe_volumes(all, token).await,
            |volume| volume.id.clone(),
            |at, items| {
                heard(at);
                listed("volumes", items);
            },
        ),
        // On the heap: it is as large as all else of a run.
        Box::pin(snapshots(cloud, |at, items| {
            heard(at);
            listed("snapshots", items);
        })),
        follow(
            async |token| cloud.describe_images(all, token).await,
            |image| image.id.clone(),
            |at, items| {
                heard(at);
                listed("images", items);
            },
        ),
        // Not a kind of its own: an answer here alone would be none.
        follow(
            async |token| cloud.describe_locked_snapshots(all, token).await,
            |lock| lock.snapshot.clone(),
            |_, _| {},
        ),
    );
    let Some((observed_at, machine_clock)) = first.get() else {
        let errors = [instances.cut, volumes.cut, snapshots.cut, images.cut];
        return Err(errors.into_iter().find_map(Cut::error).unwrap_or_else(silence));
    };
    let mut inventory = Inventory {
        place: cloud.place().clone(),
        now: now.unwrap_or(observed_at),
        observed_at,
        machine_clock: Some(machine_clock),
        instances: instances.listing(),
        volumes: volumes.listing(),
        snapshots: snapshots.cut.listing(snapshots.items),
        images: images.listing(),
        locks: locks.listing(),
        tiers: Listing::default(),
        confirmed_gone: BTreeSet::new(),
        destinations: Vec::new(),
        listing_mismatch: snapshots.mismatch,
    };
    inventory.tiers = tiers(cloud, &inventory.snapshots.items).await;
    if inventory.volumes.is_complete() {
        let ids = unsettled(&inventory);
        settle(cloud, ids, &mut inventory).await;
    }
    Ok(inventory)
}

/// What is known of those of `snapshots` that are archived, or restored from there
/// for a time. AWS takes no ids there, but as values of a filter.
async fn tiers<C: Cloud>(cloud: &C, snapshots: &[Snapshot]) -> Listing<TierStatus> {
    let archived: Vec<_> = snapshots.iter().filter(|s| s.is_archived()).map(|s| s.id.as_str()).collect();
    let mut all = Listing::default();
    for ids in archived.chunks(FILTER_VALUES) {
        let values = ids.iter().map(|id| (*id).into()).collect();
        let query = Query::Filters(vec![Filter { name: "snapshot-id".into(), values }]);
        let fetch = async |token: Option<&Token>| cloud.describe_snapshot_tier_status(&query, token).await;
        let part = follow(fetch, |status| status.snapshot.clone(), |_, _| {}).await.listing();
        all.items.extend(part.items);
        if part.gap.is_some() {
            all.gap = part.gap;
            break;
        }
    }
    all
}

/// What DescribeVolumes answers for a volume that is gone.
const GONE: &str = "InvalidVolume.NotFound";

/// Looks up volumes that turned out to matter after all else was listed, as [`observe`] does.
/// Nothing where the listing of volumes is not complete.
pub async fn settle_late<C: Cloud>(cloud: &C, ids: Vec<VolumeId>, inventory: &mut Inventory) {
    if inventory.volumes.is_complete() {
        settle(cloud, ids, inventory).await;
    }
}

/// Looks volumes up in two stages. Filters tell of 200 volumes at once which of them exist,
/// and an unknown id is no error there. What a filter does not return need not be gone, so each
/// of those is asked for by its id in a call of its own: in a call with several ids AWS names only
/// one that it does not know.
async fn settle<C: Cloud>(cloud: &C, ids: Vec<VolumeId>, inventory: &mut Inventory) {
    let ids: Vec<VolumeId> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    let lists = ids.chunks(FILTER_VALUES).map(|ids| by_filter(cloud, ids));
    let answers: Vec<_> = stream::iter(lists).buffer_unordered(LOOKUPS_AT_ONCE).collect().await;
    let mut found: Vec<Volume> = Vec::new();
    let mut unseen: Vec<VolumeId> = Vec::new();
    for (volumes, missing) in answers {
        found.extend(volumes);
        unseen.extend(missing);
    }
    let looks = unseen.into_iter().map(async |id| {
        let query = Query::Ids(vec![id.as_str().into()]);
        let answer = cloud.describe_volumes(&query, None).await;
        (id, answer)
    });
    let answers: Vec<_> = stream::iter(looks).buffer_unordered(LOOKUPS_AT_ONCE).collect().await;
    for (id, answer) in answers {
        match answer {
            Ok(page) => found.extend(page.items),
            Err(error) if says_gone(&error, &id) => {
                inventory.confirmed_gone.insert(id);
            }
            // Neither there nor gone: it stays unsettled, and what depends on
            // it is kept.
            Err(_) => {}
        }
    }
    if !found.is_empty() {
        let volumes = &mut inventory.volumes.items;
        volumes.extend(found);
        volumes.sort_by(|a, b| a.id.cmp(&b.id));
        volumes.dedup_by(|a, b| a.id == b.id);
    }
}

/// Those of `ids` that a filter finds, and those that it does not. Where a page of the answer
/// could not be had nothing is known of what was not seen, so none of them is named.
async fn by_filter<C: Cloud>(cloud: &C, ids: &[VolumeId]) -> (Vec<Volume>, Vec<VolumeId>) {
    let values = ids.iter().map(|id| id.as_str().into()).collect();
    let query = Query::Filters(vec![Filter { name: "volume-id".into(), values }]);
    let fetch = async |token: Option<&Token>| cloud.describe_volumes(&query, token).await;
    let Followed { items, cut } = follow(fetch, |volume| volume.id.clone(), |_, _| {}).await;
    let missing = match cut {
        Cut::AtItsEnd => ids.iter().filter(|id| !items.contains_key(*id)).cloned().collect(),
        Cut::Failed(_) | Cut::Circle => Vec::new(),
    };
    // A filter may not widen what was asked for.
    let asked = |volume: &Volume| ids.binary_search(&volume.id).is_ok();
    (items.into_values().filter(asked).collect(), missing)
}

/// Whether AWS says that this very volume does not exist: not something else, and not another
/// volume, which says nothing of this one.
fn says_gone(error: &CloudError, id: &VolumeId) -> bool {
    let message = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
    let words = message.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let named: Vec<&str> = words.filter(|word| word.starts_with("vol-")).collect();
    let of_another = !named.is_empty() && !named.contains(&id.as_str());
    error.kind == ErrorKind::NotFound && error.code.as_deref().is_none_or(|code| code == GONE) && !of_another
}

/// Why a listing ended before its end, if AWS's tokens lead in a circle.
pub(crate) const CIRCLE: &str = "AWS gave the same page token twice";

/// The gap that a [`CIRCLE`] leaves.
fn circle() -> Gap {
    Gap { why: CIRCLE.to_owned(), remedy: "run again; if it happens again, report it".to_owned() }
}

/// By the call that failed.
impl From<&CloudError> for Gap {
    fn from(error: &CloudError) -> Self {
        Self { why: words(error), remedy: advice::for_listing(error) }
    }
}

/// A listing as far as it could be followed.
pub(crate) struct Followed<I, T> {
    /// By id, without duplicates.
    pub(crate) items: BTreeMap<I, T>,
    /// Why it is not all.
    pub(crate) cut: Cut,
}

/// Where a listing ended.
pub(crate) enum Cut {
    /// After its last page.
    AtItsEnd,
    /// At a page that could not be had.
    Failed(CloudError),
    /// At a page token that had been given before.
    Circle,
}

impl Cut {
    /// The error that ended it, if one did.
    pub(crate) fn error(self) -> Option<CloudError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::AtItsEnd | Self::Circle => None,
        }
    }

    /// What was seen up to there.
    fn listing<T>(self, items: Vec<T>) -> Listing<T> {
        match self {
            Self::AtItsEnd => Listing::complete(items),
            Self::Failed(error) => Listing::partial(items, &error),
            Self::Circle => Listing::partial(items, circle()),
        }
    }
}

impl<I, T> Followed<I, T> {
    fn listing(self) -> Listing<T> {
        self.cut.listing(self.items.into_values().collect())
    }
}

/// Follows a listing page by page to its end. `heard` is told the time of each
/// answer and how many items are known by now.
pub(crate) async fn follow<I: Ord, T>(
    fetch: impl AsyncFn(Option<&Token>) -> Result<Page<T>, CloudError>,
    id: impl Fn(&T) -> I,
    heard: impl Fn(Timestamp, usize),
) -> Followed<I, T> {
    follow_from(BTreeMap::new(), None, fetch, id, heard).await
}

/// As [`follow`], from where what is known already ended.
async fn follow_from<I: Ord, T>(
    mut items: BTreeMap<I, T>,
    mut token: Option<Token>,
    fetch: impl AsyncFn(Option<&Token>) -> Result<Page<T>, CloudError>,
    id: impl Fn(&T) -> I,
    heard: impl Fn(Timestamp, usize),
) -> Followed<I, T> {
    let mut tokens: BTreeSet<String> = token.iter().map(|token| token.0.clone()).collect();
    let cut = loop {
        let page = match fetch(token.as_ref()).await {
            Ok(page) => page,
            Err(error) => break Cut::Failed(error),
        };
        items.extend(page.items.into_iter().map(|item| (id(&item), item)));
        heard(page.at, items.len());
        let Some(next) = page.next else { break Cut::AtItsEnd };
        if !tokens.insert(next.0.clone()) {
            break Cut::Circle;
        }
        token = Some(next);
    };
    Followed { items, cut }
}

/// What cannot happen: no answer and no error.
fn silence() -> CloudError {
    CloudError {
        kind: ErrorKind::Unavailable,
        operation: "DescribeInstances",
        resource: None,
        code: None,
        source: Some("nothing answered".into()),
    }
}
