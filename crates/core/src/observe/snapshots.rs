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

/// Pages asked for at the same time: one of each listing to begin with. AWS's bucket
/// gives 20 a second, and a page takes about that second.
const PAGES_AT_ONCE: usize = part::PARTS;

/// While fewer listings than this go on, one that has more pages may be parted
/// further: enough to use what the bucket gives.
const ENOUGH: usize = 16;

/// Since its parts begin anew, that is done after the first page, or after so many:
/// who has had these has many more, or is soon done.
const LONG: usize = 8;

/// The listing, and what contradicted it while it was parted.
pub(super) struct Snapshots {
    /// By id, without duplicates.
    pub(super) items: Vec<Snapshot>,
    /// Why it is not all.
    pub(super) cut: Cut,
    /// Why the parts could not be believed; they were not used then.
    pub(super) mismatch: Option<String>,
}

/// Lists all snapshots. `heard` is told the time of each answer and how many are
/// known by now.
pub(super) async fn snapshots<C: Cloud>(cloud: &C, heard: impl Fn(Timestamp, usize)) -> Snapshots {
    let first = match cloud.describe_snapshots(&Query::All, None).await {
        Ok(first) => first,
        Err(error) => return Snapshots { items: Vec::new(), cut: Cut::Failed(error), mismatch: None },
    };
    heard(first.at, first.items.len());
    let by_id = |page: Vec<Snapshot>| page.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)).collect();
    let Some(next) = first.next else {
        let by_id: BTreeMap<SnapshotId, Snapshot> = by_id(first.items);
        return Snapshots { items: by_id.into_values().collect(), cut: Cut::AtItsEnd, mismatch: None };
    };
    let parts = Parts::new(cloud, &heard, first.items.clone());
    match parts.list().await {
        Ok((items, cut)) => Snapshots { items, cut, mismatch: None },
        Err(Contradiction(why)) => {
            let fetch = async |token: Option<&Token>| cloud.describe_snapshots(&Query::All, token).await;
            let id = |snapshot: &Snapshot| snapshot.id.clone();
            let Followed { items, cut } = follow_from(by_id(first.items), Some(next), fetch, id, heard).await;
            Snapshots { items: items.into_values().collect(), cut, mismatch: Some(why) }
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
    /// Where among all items those are that it gave.
    seen: Vec<usize>,
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
    /// As they came: a Region's worth of snapshots, of which a map would take half as
    /// much again.
    items: Vec<Snapshot>,
    /// Seen by a listing that was parted since, and where: must be seen again, and what is
    /// seen then takes the place of it.
    owed: BTreeMap<SnapshotId, usize>,
}

impl<'a, C: Cloud, H: Fn(Timestamp, usize)> Parts<'a, C, H> {
    fn new(cloud: &'a C, heard: &'a H, first: Vec<Snapshot>) -> Self {
        let began: Vec<SmolStr> = first.iter().map(|snapshot| part::text(snapshot.started)).collect();
        let waiting = Part::all(&began).into_iter().map(Listing::of).collect();
        let owed = first.iter().enumerate().map(|(at, snapshot)| (snapshot.id.clone(), at)).collect();
        Self { cloud, heard, waiting, items: first, owed }
    }

    /// Lists them all; a part that fails ends it there, with what was seen.
    async fn list(mut self) -> Result<(Vec<Snapshot>, Cut), Contradiction> {
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
                // Of a later page it is the token that AWS refuses.
                Err(error) if error.kind == ErrorKind::Invalid && listing.next.is_none() => {
                    return Err(Contradiction(format!(
                        "AWS does not take the filter start-time so: {}",
                        words(&error)
                    )));
                }
                Err(error) => return Ok((self.sorted()?, Cut::Failed(error))),
            };
            let going_on = asked.len() + self.waiting.len();
            if let Some(cut) = self.take(listing, page, going_on)? {
                return Ok((self.sorted()?, cut));
            }
        }
        self.settle().await?;
        Ok((self.sorted()?, Cut::AtItsEnd))
    }

    /// All that was seen, by id.
    fn sorted(self) -> Result<Vec<Snapshot>, Contradiction> {
        in_order(self.items)
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
            let at = self.owed.remove(&id).unwrap_or(self.items.len());
            match self.items.get_mut(at) {
                None => self.items.push(snapshot),
                Some(before) if before.started == started => *before = snapshot,
                Some(before) => return Err(otherwise(&id, before.started, started)),
            }
            listing.seen.push(at);
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
            let seen = listing.seen.iter().filter_map(|at| Some((self.items.get(*at)?.id.clone(), *at)));
            self.owed.extend(seen);
            self.waiting.extend(parts.into_iter().map(Listing::of));
        }
        Ok(None)
    }

    /// What only listings saw that were parted since, and no part of theirs did: gone
    /// in the meantime, or the parts are not all.
    async fn settle(&mut self) -> Result<(), Contradiction> {
        let ids: Vec<SmolStr> = self.owed.keys().map(|id| id.as_str().into()).collect();
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
        self.items.retain(|snapshot| !self.owed.contains_key(&snapshot.id));
        Ok(())
    }
}

fn otherwise(id: &SnapshotId, one: Timestamp, two: Timestamp) -> Contradiction {
    Contradiction(format!("{id} was listed as begun {one} and {two}"))
}

/// Each once, by id; of what stood on two pages the later.
fn in_order(mut items: Vec<Snapshot>) -> Result<Vec<Snapshot>, Contradiction> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_unstable_by(|a, b| items[*a].id.cmp(&items[*b].id).then(b.cmp(a)));
    // In their place: a stable sort of them takes half as much memory again.
    for at in 0..order.len() {
        let mut from = order[at];
        // What stood there went to where it was changed for another.
        while from < at {
            from = order[from];
        }
        items.swap(at, from);
    }
    let twice = items.iter().zip(items.iter().skip(1)).find(|(a, b)| a.id == b.id && a.started != b.started);
    if let Some((one, two)) = twice {
        return Err(otherwise(&one.id, one.started, two.started));
    }
    items.dedup_by(|a, b| a.id == b.id);
    Ok(items)
}

fn unsure(error: &CloudError) -> String {
    format!("some are in none of the parts, and could not be looked for: {}", words(error))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::inventory::{SnapshotState, StorageTier};
    use crate::tags::Tags;

    fn snapshot(id: u32, size_gib: u32) -> Snapshot {
        Snapshot {
            id: format!("snap-{id:04}").as_str().into(),
            owner: "123456789012".into(),
            volume: "vol-1".into(),
            state: SnapshotState::Completed,
            state_message: None,
            started: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(id.into()),
            size_gib,
            tier: StorageTier::Standard,
            restore_expires: None,
            site: None,
            encrypted: false,
            description: SmolStr::default(),
            tags: Tags::new(),
        }
    }

    /// Numbers that look as if they came by chance: 0 to 499, each twice, the later one
    /// of a volume that has grown.
    fn shuffled() -> Vec<Snapshot> {
        (0..1_000).map(|n| snapshot(n * 7_919 % 500, n / 500)).collect()
    }

    #[test]
    fn each_stands_once_in_order_and_of_two_the_later() {
        let sorted = in_order(shuffled()).ok().unwrap();
        let expected: Vec<Snapshot> = (0..500).map(|id| snapshot(id, 1)).collect();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn one_that_began_twice_is_a_contradiction() {
        let mut items = shuffled();
        items[700].started += SignedDuration::from_secs(1);
        let Contradiction(why) = in_order(items).err().unwrap();
        assert!(why.contains("was listed as begun"), "{why}");
    }
}
