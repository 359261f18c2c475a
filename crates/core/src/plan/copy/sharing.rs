//! Shares with other accounts: named before a copy begins, taken back once none
//! needs them. Only those that a tag says are ours.

use std::collections::BTreeSet;

use super::Copier;
use crate::destination::{Destination, Destinations, listed};
use crate::id::AccountId;
use crate::lineage::Managed;
use crate::plan::wish::home;
use crate::plan::{Action, Unshare};
use crate::tags;

impl<'a> Copier<'a> {
    /// Says on each copy of a primary that begins in this run what the primary's
    /// `ebskeep:shared-with` is to say meanwhile.
    pub(super) fn name_shares(&mut self, managed: &Managed<'a>, begun: usize) {
        let mut with = named(managed);
        let copies = self.copies.get(begun..).unwrap_or_default();
        with.extend(copies.iter().map(|copy| &copy.destination).filter(|to| to.account.is_some()).cloned());
        let with = listed(&with);
        for copy in self.copies.get_mut(begun..).unwrap_or_default() {
            copy.shared_with = copy.destination.account.as_ref().map(|_| with.clone());
        }
    }

    /// Takes back what no copy needs any more.
    pub(super) fn unshare(&mut self, managed: &Managed<'a>) {
        let with = named(managed);
        let accounts: BTreeSet<&AccountId> = with.iter().filter_map(|to| to.account.as_ref()).collect();
        for account in accounts {
            if self.is_needed(managed, account, &with) {
                continue;
            }
            let others: BTreeSet<&Destination> =
                with.iter().filter(|to| to.account.as_ref() != Some(account)).collect();
            self.out.actions.push(Action::Unshare(Box::new(Unshare {
                snapshot_id: managed.snapshot.id.clone(),
                volume_id: managed.key.volume.clone(),
                account: account.clone(),
                left: (!others.is_empty()).then(|| listed(others)),
            })));
        }
    }

    /// Whether a copy of it in that account is under way or about to begin, or
    /// that cannot be known.
    fn is_needed(&self, managed: &Managed<'a>, account: &AccountId, with: &BTreeSet<Destination>) -> bool {
        let theirs = |to: &&Destination| to.account.as_ref() == Some(account);
        let of_it = self.copies.iter().filter(|copy| copy.snapshot_id == managed.snapshot.id);
        let begins = of_it.map(|copy| &copy.destination).any(|to| theirs(&to));
        let under_way = |to: &Destination| {
            let there = self.there.get(&to.place(&self.inventory.place.account));
            there.is_none_or(|there| there.gap.is_some() || there.of(managed).pending().is_some())
        };
        begins || with.iter().filter(theirs).any(under_way)
    }
}

/// The destinations in other accounts for which a tag says that we share it.
fn named(managed: &Managed<'_>) -> BTreeSet<Destination> {
    let text = managed.snapshot.tags.get(tags::SHARED_WITH).unwrap_or_default();
    let all = Destinations::parse(text, &home(managed)).wanted;
    all.into_iter().filter(|to| to.account.is_some()).collect()
}
