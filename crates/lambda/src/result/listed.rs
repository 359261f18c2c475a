//! Lists within a limit.

use serde::Serialize;

/// Entries that could still be told, in their order, and how many more there
/// were. Holds no more than a whole answer would take.
#[derive(Debug)]
pub(super) struct Kept<T> {
    entries: Vec<(T, usize)>,
    cost: usize,
    more: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), cost: 0, more: 0 }
    }
}

impl<T: Serialize> Kept<T> {
    /// The first of these that a whole answer would hold; the rest is counted.
    pub(super) fn of(entries: impl IntoIterator<Item = T>) -> Self {
        let mut kept = Self::default();
        for entry in entries {
            if kept.cost > super::LIMIT {
                kept.more += 1;
            } else {
                kept.push((cost(&entry), entry));
            }
        }
        kept
    }

    fn push(&mut self, (cost, entry): (usize, T)) {
        self.cost += cost;
        self.entries.push((entry, cost));
    }

    /// One list of several: the first of each, the second of each, …
    pub(super) fn in_turn(lists: Vec<Self>) -> Self {
        let mut all = Self { more: lists.iter().map(|list| list.more).sum(), ..Self::default() };
        let mut lists: Vec<_> = lists.into_iter().map(|list| list.entries.into_iter()).collect();
        while !lists.is_empty() {
            lists.retain_mut(|list| match list.next() {
                Some((entry, cost)) => {
                    all.push((cost, entry));
                    true
                }
                None => false,
            });
        }
        all
    }

    /// What telling all of it would take.
    pub(super) fn cost(&self) -> usize {
        if self.more == 0 { self.cost } else { usize::MAX }
    }

    /// As many of the first as fit, and how many are left out.
    pub(super) fn within(self, room: usize) -> (Vec<T>, usize) {
        let total = self.entries.len() + self.more;
        let mut left = room;
        let fits = |(entry, cost): (T, usize)| {
            left = left.checked_sub(cost)?;
            Some(entry)
        };
        let entries: Vec<T> = self.entries.into_iter().map_while(fits).collect();
        let left_out = total - entries.len();
        (entries, left_out)
    }
}

/// Bytes of this as JSON within a JSON string, with a comma behind it.
pub(super) fn cost(value: &impl Serialize) -> usize {
    let json = serde_json::to_vec(value).unwrap_or_default();
    json.len() + json.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count() + 1
}

/// Shares room out: to each an equal part if it wants that much, and what is
/// left to those that want more, first come first served.
pub(super) fn share<const N: usize>(room: usize, wanted: [usize; N]) -> [usize; N] {
    let mut given = wanted.map(|wanted| wanted.min(room / N));
    let mut left = room - given.iter().sum::<usize>();
    for (given, wanted) in given.iter_mut().zip(wanted) {
        let more = (wanted - *given).min(left);
        *given += more;
        left -= more;
    }
    given
}
