//! Which kinds the files list to their end: one list, or all pages of one.
//!
//! A page names the next one and not itself, so that a missing page shows only where
//! no list ends or one token is there twice.

use std::collections::{BTreeMap, BTreeSet};

use ebskeep_core::inventory::Gap;

use super::describe::Kind;

/// The lists that were read.
#[derive(Debug, Default)]
pub(super) struct Pages {
    of: BTreeMap<Kind, Of>,
    /// Empty lists without a token under the key that snapshots and locks share:
    /// one of either.
    empty: usize,
    file: String,
    file_had: usize,
}

/// The lists of one kind.
#[derive(Debug, Default)]
struct Of {
    /// Lists without a `NextToken` that hold something of the kind, or are under a
    /// key of its own.
    ends: usize,
    /// The tokens of the others, each with its file.
    tokens: Vec<(String, String)>,
}

impl Pages {
    /// What follows is from this file.
    pub(super) fn file_begins(&mut self, name: &str) {
        name.clone_into(&mut self.file);
        self.file_had = 0;
    }

    /// Whether the file listed anything.
    pub(super) fn file_had_any(&self) -> bool {
        self.file_had > 0
    }

    /// A document listed these kinds, and so many lists that may be of snapshots or
    /// of locks, since they are empty; `token` if there are further pages.
    pub(super) fn add(&mut self, kinds: BTreeSet<Kind>, empty: usize, token: Option<String>) {
        self.file_had += kinds.len() + empty;
        let Some(token) = token else {
            self.empty += empty;
            for kind in kinds {
                self.of.entry(kind).or_default().ends += 1;
            }
            return;
        };
        // What an empty page with a token is of cannot be known. Snapshots are what
        // must be listed to the end; locks are missing where nothing else has them.
        let unclear = (empty > 0).then_some(Kind::Snapshots);
        for kind in kinds.into_iter().chain(unclear) {
            self.of.entry(kind).or_default().tokens.push((token.clone(), self.file.clone()));
        }
    }

    /// Why each incomplete kind is so, and what to do about it.
    pub(super) fn into_gaps(mut self) -> BTreeMap<Kind, Gap> {
        // An empty list is of the kind that is still missing, snapshots first. It ends
        // no pages: it may be of the other kind.
        let mut listed_empty = BTreeSet::new();
        for _ in 0..self.empty {
            let seen = self.of.contains_key(&Kind::Snapshots) || listed_empty.contains(&Kind::Snapshots);
            listed_empty.insert(if seen { Kind::Locks } else { Kind::Snapshots });
        }
        let mut gap = |kind: Kind| match self.of.remove(&kind) {
            Some(lists) => lists.gap(kind),
            None if listed_empty.contains(&kind) => None,
            None => Some(Gap {
                why: format!("no file has {}", name(kind)),
                remedy: format!("add what `aws ec2 {}` prints", kind.command()),
            }),
        };
        Kind::ALL.into_iter().filter_map(|kind| Some((kind, gap(kind)?))).collect()
    }
}

impl Of {
    fn gap(&self, kind: Kind) -> Option<Gap> {
        let (_, file) = self.tokens.last()?;
        let (name, command) = (name(kind), kind.command());
        let again = format!("run `aws ec2 {command}` without --no-paginate and --max-items");
        let mut seen = BTreeSet::new();
        let twice = self.tokens.iter().find(|(token, _)| !seen.insert(token));
        match (self.ends, twice) {
            (1, None) => None,
            (1, Some((_, file))) => Some(Gap {
                why: format!("two pages of {name} have the same NextToken, one of them in {file}"),
                remedy: format!("give each page once and leave none out, or {again}"),
            }),
            (0, _) => Some(Gap {
                why: format!("{file} has a NextToken: there are further pages of {name}"),
                remedy: format!("{again}, or give all pages, in one file or in several"),
            }),
            (ends, _) => Some(Gap {
                why: format!(
                    "{ends} lists of {name} have no NextToken and {} more have one: they are not the pages of one listing",
                    self.tokens.len()
                ),
                remedy: format!("give the pages of one listing, or {again}"),
            }),
        }
    }
}

/// What a kind is called here.
fn name(kind: Kind) -> &'static str {
    if kind == Kind::Locks { "the locks" } else { kind.key() }
}
