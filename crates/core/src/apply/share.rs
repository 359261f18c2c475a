//! Letting other accounts copy a snapshot of ours, and taking that back.
//!
//! The tag `ebskeep:shared-with` says it before a snapshot is shared and until
//! it no longer is, so that a run that ends in between leaves nothing unknown.
//! What somebody else shared is never marked as ours, and so never taken back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use futures::lock::Mutex;

use super::batch::{BATCH, look_at};
use super::refusal::{KEY_REMEDY, outcome, outcome_before, told};
use super::{Act, Ending};
use crate::cloud::{Clock, Cloud as _, CloudError, Clouds, ErrorKind, Sharing};
use crate::destination::Destination;
use crate::id::{AccountId, SnapshotId};
use crate::plan::{NewCopy, Unshare};
use crate::report::Outcome;
use crate::tags::{SHARED_WITH, Tags};

/// A source and an account that is to copy it.
type Pair = (SnapshotId, AccountId);

/// The shares of one run: what each copy needs is done once for all of them.
pub(super) struct Shares<'p> {
    /// By source: the destinations in other accounts, and what became of each account.
    sources: BTreeMap<&'p SnapshotId, Source>,
    /// Taken back by this very run.
    taken_back: BTreeSet<Pair>,
}

/// One source that goes to other accounts.
#[derive(Default)]
struct Source {
    wanted: BTreeSet<Destination>,
    /// What a listing from before this run says of destinations.
    planned: BTreeSet<Destination>,
    /// How it went, once it was tried: by the first copy that needs it, while
    /// the others wait.
    tried: Mutex<Option<Tried>>,
}

/// What became of the accounts of one source.
type Tried = BTreeMap<AccountId, Result<(), Ending>>;

/// The entries of `ebskeep:shared-with`. One that nobody understands stays.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',').filter(|entry| !entry.is_empty())
}

fn account_of(entry: &str) -> Option<AccountId> {
    Destination::parse(entry)?.account
}

fn joined(entries: &BTreeSet<String>) -> String {
    entries.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

impl<'p> Shares<'p> {
    pub(super) fn of(copies: impl Iterator<Item = &'p NewCopy>, taken_back: BTreeSet<Pair>) -> Self {
        let mut sources: BTreeMap<&'p SnapshotId, Source> = BTreeMap::new();
        for copy in copies.filter(|copy| copy.destination.account.is_some()) {
            let source = sources.entry(&copy.snapshot_id).or_default();
            source.wanted.insert(copy.destination.clone());
            let planned = copy.shared_with.as_deref().unwrap_or_default();
            source.planned.extend(entries(planned).filter_map(Destination::parse));
        }
        Self { sources, taken_back }
    }
}

impl<S: Clouds, K: Clock> Act<'_, '_, S, K> {
    /// Sees to it that the source of a copy is shared with the account it goes
    /// to, if that is another; else how the copy ends.
    pub(super) async fn shared(&self, shares: &Shares<'_>, copy: &NewCopy) -> Result<(), Ending> {
        let (Some(account), Some(source)) = (&copy.destination.account, shares.sources.get(&copy.snapshot_id)) else {
            return Ok(());
        };
        let mut tried = source.tried.lock().await;
        if tried.is_none() {
            *tried = Some(self.share(copy, source, &shares.taken_back).await);
        }
        tried.as_ref().and_then(|tried| tried.get(account)).cloned().unwrap_or(Ok(()))
    }

    /// Shares one source with all accounts that copy it in this run: look, mark,
    /// share.
    async fn share(&self, copy: &NewCopy, source: &Source, taken_back: &BTreeSet<Pair>) -> Tried {
        let id = &copy.snapshot_id;
        let accounts: BTreeSet<AccountId> = source.wanted.iter().filter_map(|to| to.account.clone()).collect();
        let all = |ending: Ending| accounts.iter().map(|account| (account.clone(), Err(ending.clone()))).collect();
        let failed = |what: &str, error: &CloudError| {
            Ending::new(outcome_before(error)).detail(format!("{what}: {}", told(error)))
        };
        let tag = match look_at(self.cloud, std::iter::once(id)).await {
            Err(error) => return all(failed("the last look at it failed", &error)),
            Ok(look) => match look.found.get(id) {
                None => return all(Ending::new(Outcome::Changed).detail("it is gone")),
                Some(snapshot) => snapshot.tags.get(SHARED_WITH).unwrap_or_default().to_owned(),
            },
        };
        let can_use = match self.cloud.describe_snapshot_sharing(id).await {
            Ok(can_use) => can_use,
            Err(error) => return all(failed("whom it is shared with could not be read", &error)),
        };
        let stale = |account: &Option<AccountId>| {
            account.as_ref().is_some_and(|account| taken_back.contains(&(id.clone(), account.clone())))
        };
        let before: BTreeSet<String> =
            entries(&tag).filter(|entry| !stale(&account_of(entry))).map(str::to_owned).collect();
        let ours: BTreeSet<AccountId> = before.iter().filter_map(|entry| account_of(entry)).collect();
        let foreign = |account: &AccountId| can_use.contains(account) && !ours.contains(account);
        // Those that another run marked meanwhile, and those the plan saw marked, stay named.
        let mut after = before.clone();
        for to in source.wanted.iter().chain(source.planned.iter().filter(|to| !stale(&to.account))) {
            if to.account.as_ref().is_some_and(|account| !foreign(account)) {
                after.insert(to.to_string());
            }
        }
        if joined(&after) != tag && !after.is_empty() {
            self.rewrites(id);
            let mark: Tags = [(SHARED_WITH, joined(&after))].into_iter().collect();
            if let Err(error) = self.cloud.create_tags(std::slice::from_ref(id), &mark).await {
                return all(failed("it could not be marked with ebskeep:shared-with first", &error));
            }
        }
        let mut tried = Tried::new();
        for account in &accounts {
            let ending = if can_use.contains(account) {
                Ok(())
            } else {
                let add = Sharing::Add(account.clone());
                self.cloud.modify_snapshot_sharing(id, &add).await.map_err(|error| refused(copy, account, &error))
            };
            tried.insert(account.clone(), ending);
        }
        tried
    }

    /// Takes shares of ours back: first the share, then what tells of it. Gives
    /// those that are gone.
    pub(super) async fn unshare(&self, unshares: &[(usize, &Unshare)]) -> BTreeSet<Pair> {
        let mut gone = BTreeSet::new();
        for batch in unshares.chunks(BATCH) {
            let ids: BTreeSet<&SnapshotId> = batch.iter().map(|(_, unshare)| &unshare.snapshot_id).collect();
            let look = match look_at(self.cloud, ids.into_iter()).await {
                Ok(look) => look,
                Err(error) => {
                    let ending =
                        Ending::new(outcome_before(&error)).detail(format!("the last look failed: {}", told(&error)));
                    for (index, _) in batch {
                        self.log.record(*index, 0, ending.clone());
                    }
                    continue;
                }
            };
            let tags: BTreeMap<&SnapshotId, BTreeSet<String>> = (look.found.iter())
                .map(|(id, snapshot)| {
                    let text = snapshot.tags.get(SHARED_WITH).unwrap_or_default();
                    (id, entries(text).map(str::to_owned).collect())
                })
                .collect();
            let tags = RefCell::new(tags);
            for (index, unshare) in batch {
                let marked = tags.borrow().get(&unshare.snapshot_id).cloned();
                let (ending, left) = match marked {
                    None => (Ending::new(Outcome::AlreadyDone).detail("the snapshot is gone"), None),
                    Some(marked) => self.take_back(unshare, marked).await,
                };
                if let Some(left) = left {
                    gone.insert((unshare.snapshot_id.clone(), unshare.account.clone()));
                    if let Some(tag) = tags.borrow_mut().get_mut(&unshare.snapshot_id) {
                        *tag = left;
                    }
                }
                self.log.record(*index, 0, ending);
            }
        }
        gone
    }

    /// Takes one share back. Gives what the tag says after that, if it is done.
    async fn take_back(&self, unshare: &Unshare, marked: BTreeSet<String>) -> (Ending, Option<BTreeSet<String>>) {
        let Unshare { snapshot_id: id, volume_id: _, account, left: _ } = unshare;
        let names = |entry: &String| account_of(entry).as_ref() == Some(account);
        if !marked.iter().any(names) {
            let detail = format!("its {SHARED_WITH} no longer names {account}");
            return (Ending::new(Outcome::AlreadyDone).detail(detail), None);
        }
        match self.cloud.modify_snapshot_sharing(id, &Sharing::Remove(account.clone())).await {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {
                return (Ending::new(Outcome::AlreadyDone).detail("the snapshot is gone"), None);
            }
            Err(error) => return (Ending::new(outcome(&error)).detail(told(&error)), None),
        }
        self.rewrites(id);
        let left: BTreeSet<String> = marked.into_iter().filter(|entry| !names(entry)).collect();
        let ids = std::slice::from_ref(id);
        let written = if left.is_empty() {
            self.cloud.delete_tags(ids, &[SHARED_WITH.into()]).await
        } else {
            let tags: Tags = [(SHARED_WITH, joined(&left))].into_iter().collect();
            self.cloud.create_tags(ids, &tags).await
        };
        match written {
            Ok(()) => (Ending::new(Outcome::Done).detail(format!("no longer shared with {account}")), Some(left)),
            Err(error) if error.kind == ErrorKind::NotFound => (Ending::new(Outcome::AlreadyDone), None),
            Err(error) => {
                let detail =
                    format!("no longer shared with {account}, but its {SHARED_WITH} still says so: {}", told(&error));
                (Ending::new(Outcome::Failed).detail(detail), None)
            }
        }
    }

    fn rewrites(&self, id: &SnapshotId) {
        self.rewritten.borrow_mut().insert((id.clone(), SHARED_WITH.into()));
    }
}

/// How a copy ends whose source could not be shared.
fn refused(copy: &NewCopy, account: &AccountId, error: &CloudError) -> Ending {
    let remedy = match error.kind {
        // AWS documents no code for it; other words may mean it too.
        ErrorKind::Invalid | ErrorKind::Denied
            if copy.encrypted && error.code.as_deref() != Some("OperationNotPermitted") =>
        {
            format!("; or else: {KEY_REMEDY}")
        }
        _ => String::new(),
    };
    let detail = format!("it could not be shared with {account}: {}{remedy}", told(error));
    Ending::new(outcome_before(error)).detail(detail)
}
