//! All snapshots of a Place: one page if that is all, and else many listings side by
//! side, parted by when snapshots began.
//!
//! AWS gives a page of 1,000 a second or so, one after the other; 100,000 snapshots
//! take minutes. Its filter `start-time` takes a beginning of a date and `*`, but its
//! documentation does not say so. So the filter is never trusted alone: what each part
//! gives must belong to it, and what was seen without it must be in the parts. Where
//! they disagree, the listing is followed page by page after all, and that is told.

mod part;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use smol_str::SmolStr;

use super::{CIRCLE, Cut, FILTER_VALUES, Followed, follow, follow_from};
use crate::cloud::{Cloud, CloudError, ErrorKind, Filter, Page, Query, Token};
use crate::id::SnapshotId;
use crate::inventory::Snapshot;
use crate::report::words;
use part::Part;

/// Pages asked for at the same time. AWS's bucket gives 20 a second, and a page takes
/// about that second.
const PAGES_AT_ONCE: usize = 32;

/// While fewer listings than this go on, one that has more pages may be parted
/// further: enough to use what the bucket gives.
const ENOUGH: usize = 16;

/// Since its parts begin anew, that is done after the first page, or after so many:
/// who has had these has many more, or is soon done.
const LONG: usize = 8;

/// The listing, and what contradicted it while it was parted.
pub(super) struct Snapshots {
    /// As far as it could be followed.
    pub(super) followed: Followed<SnapshotId, Snapshot>,
    /// Why the parts could not be believed; they were not used then.
    pub(super) mismatch: Option<String>,
}

/// Lists all snapshots. `heard` is told the time of each answer and how many are
/// known by now.
pub(super) async fn snapshots<C: Cloud>(cloud: &C, heard: impl Fn(Timestamp, usize)) -> Snapshots {
    let whole = |followed| Snapshots { followed, mismatch: None };
    let first = match cloud.describe_snapshots(&Query::All, None).await {
        Ok(first) => first,
        Err(error) => return whole(Followed { items: BTreeMap::new(), cut: Cut::Failed(error) }),
    };
    heard(first.at, first.items.len());
    let items = |page: &[Snapshot]| page.iter().map(|snapshot| (snapshot.id.clone(), snapshot.clone())).collect();
    let Some(next) = first.next else { return whole(Followed { items: items(&first.items), cut: Cut::AtItsEnd }) };
    let parts = Parts::new(cloud, &heard, first.items.clone());
    match parts.list().await {
        Ok(followed) => whole(followed),
        Err(Contradiction(why)) => {
            let fetch = async |token: Option<&Token>| cloud.describe_snapshots(&Query::All, token).await;
            let id = |snapshot: &Snapshot| snapshot.id.clone();
            Snapshots {
                followed: follow_from(items(&first.items), Some(next), fetch, id, heard).await,
                mismatch: Some(why),
            }
        }
    }
}

/// What does not fit together.
struct Contradiction(String);

/// The listing of one part, as far as it has come.
struct Listing {
    part: Part,
    next: Option<Token>,
    tokens: BTreeSet<String>,
    seen: Vec<SnapshotId>,
}

impl Listing {
    fn of(part: Part) -> Self {
        Self { part, next: None, tokens: BTreeSet::new(), seen: Vec::new() }
    }
}

/// All parts.
struct Parts<'a, C, H> {
    cloud: &'a C,
    heard: &'a H,
    /// Listings whose next page is to be asked for.
    waiting: VecDeque<Listing>,
    items: BTreeMap<SnapshotId, Snapshot>,
    /// Seen by a listing that was parted since: must be seen again.
    owed: BTreeSet<SnapshotId>,
}

impl<'a, C: Cloud, H: Fn(Timestamp, usize)> Parts<'a, C, H> {
    fn new(cloud: &'a C, heard: &'a H, first: Vec<Snapshot>) -> Self {
        let began: Vec<SmolStr> = first.iter().map(|snapshot| part::text(snapshot.started)).collect();
        let waiting = Part::all(&began).into_iter().map(Listing::of).collect();
        let owed = first.iter().map(|snapshot| snapshot.id.clone()).collect();
        let items = first.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
        Self { cloud, heard, waiting, items, owed }
    }

    /// Lists them all; a part that fails ends it there, with what was seen.
    async fn list(mut self) -> Result<Followed<SnapshotId, Snapshot>, Contradiction> {
        let cloud = self.cloud;
        let mut asked = FuturesUnordered::new();
        loop {
            while asked.len() < PAGES_AT_ONCE
                && let Some(listing) = self.waiting.pop_front()
            {
                asked.push(async move {
                    let page = cloud.describe_snapshots(&listing.part.query(), listing.next.as_ref()).await;
                    (listing, page)
                });
            }
            let Some((listing, answer)) = asked.next().await else { break };
            let page = match answer {
                Ok(page) => page,
                Err(error) if error.kind == ErrorKind::Invalid => {
                    return Err(Contradiction(format!(
                        "AWS does not take the filter start-time so: {}",
                        words(&error)
                    )));
                }
                Err(error) => return Ok(Followed { items: self.items, cut: Cut::Failed(error) }),
            };
            let going_on = asked.len() + self.waiting.len();
            if let Some(cut) = self.take(listing, page, going_on)? {
                return Ok(Followed { items: self.items, cut });
            }
        }
        self.settle().await?;
        Ok(Followed { items: self.items, cut: Cut::AtItsEnd })
    }

    /// One page of a listing, while so many others go on. Says why all ends here, if
    /// it does.
    fn take(
        &mut self,
        mut listing: Listing,
        page: Page<Snapshot>,
        going_on: usize,
    ) -> Result<Option<Cut>, Contradiction> {
        for snapshot in page.items {
            let (id, started) = (snapshot.id.clone(), snapshot.started);
            if !listing.part.holds(started) {
                return Err(Contradiction(format!(
                    "{id}, begun {started}, was listed where only others were asked for"
                )));
            }
            self.owed.remove(&id);
            listing.seen.push(id.clone());
            if let Some(before) = self.items.insert(id, snapshot)
                && before.started != started
            {
                let Snapshot { id, started: then, .. } = before;
                return Err(Contradiction(format!("{id} was listed as begun {then} and {started}")));
            }
        }
        (self.heard)(page.at, self.items.len());
        let Some(next) = page.next else { return Ok(None) };
        if !listing.tokens.insert(next.0.clone()) {
            return Ok(Some(Cut::Circle));
        }
        let worth_it = going_on < ENOUGH && (listing.tokens.len() == 1 || listing.tokens.len() >= LONG);
        let parts = if worth_it { listing.part.parted() } else { Vec::new() };
        if parts.is_empty() {
            self.waiting.push_back(Listing { next: Some(next), ..listing });
        } else {
            self.owed.extend(listing.seen);
            self.waiting.extend(parts.into_iter().map(Listing::of));
        }
        Ok(None)
    }

    /// What only listings saw that were parted since, and no part of theirs did: gone
    /// in the meantime, or the parts are not all.
    async fn settle(&mut self) -> Result<(), Contradiction> {
        let ids: Vec<SmolStr> = self.owed.iter().map(|id| id.as_str().into()).collect();
        for ids in ids.chunks(FILTER_VALUES) {
            let query = Query::Filters(vec![Filter { name: "snapshot-id".into(), values: ids.to_vec() }]);
            let fetch = async |token: Option<&Token>| self.cloud.describe_snapshots(&query, token).await;
            let Followed { items, cut } = follow(fetch, |snapshot: &Snapshot| snapshot.id.clone(), |_, _| {}).await;
            let why = match (items.into_values().next(), cut) {
                (Some(Snapshot { id, started, .. }), _) => format!("{id}, begun {started}, is in none of the parts"),
                (None, Cut::AtItsEnd) => continue,
                (None, Cut::Circle) => CIRCLE.to_owned(),
                (None, Cut::Failed(error)) => unsure(&error),
            };
            return Err(Contradiction(why));
        }
        for id in std::mem::take(&mut self.owed) {
            self.items.remove(&id);
        }
        Ok(())
    }
}

fn unsure(error: &CloudError) -> String {
    format!("some are in none of the parts, and could not be looked for: {}", words(error))
}
