//! `watch`: looks for trouble in one Place and changes nothing.
//!
//! Pure. What there is to look for is in [`Look`], each with a module of its own;
//! all of them tell what they find as [`Entry`].

mod fixed;
mod hints;
mod idle;
mod matched;
mod near;
mod tags;
mod value;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use smol_str::SmolStr;

use crate::id::{AccountId, Region};
use crate::inventory::Inventory;
use crate::setting::Settings;
pub use matched::{Matched, TagCounts};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "ebskeep.watch/1";

/// Something that `watch` looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// Tags that are wrong, do nothing, or nearly mean something.
    Tags,
}

impl Look {
    /// All there are.
    pub const ALL: [Self; 1] = [Self::Tags];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
        }
    }

    /// That of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|look| look.name() == name)
    }

    /// The kinds it reads, as [`Inventory::gaps`] calls them.
    fn reads(self) -> &'static [&'static str] {
        match self {
            Self::Tags => &["instances", "volumes", "snapshots"],
        }
    }
}

/// `ebskeep.watch/1`: what was looked for in one Place, and found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Watch {
    /// `ebskeep.watch/1`.
    pub schema: String,
    /// The instant it was looked at.
    #[schemars(with = "String")]
    pub now: Timestamp,
    /// Whose resources.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// What was looked for.
    pub looks: Vec<Look>,
    /// What was found: the most severe first, then by code, key, value and
    /// resource.
    pub entries: Vec<Entry>,
    /// What tags do here, if `tags` was looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<TagCounts>,
    /// What could not be listed, so that more may be amiss.
    pub unseen: Vec<String>,
    /// Counts.
    pub summary: WatchSummary,
}

/// One thing found on one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Entry {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name, such as `near-key`.
    #[schemars(with = "String")]
    pub code: &'static str,
    /// The key as tagged, if it is about a tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub key: Option<SmolStr>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub value: Option<SmolStr>,
    /// The resource's id, or the Region.
    #[schemars(with = "String")]
    pub resource: SmolStr,
    /// What is wrong.
    pub wrong: String,
    /// What it means until it is mended.
    pub means: String,
    /// What to write instead, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<Instead>,
    /// What was looked for when it was found.
    pub look: Look,
}

/// A tag to write instead of one that is there. It is understood as it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Instead {
    /// The key.
    #[schemars(with = "String")]
    pub key: SmolStr,
    /// The value; absent where only whoever tagged it can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Bad configuration: reported on every run until mended.
    Problem,
    /// Something to look at.
    Finding,
    /// A hint: it means nothing here, and resembles what does.
    NearMiss,
}

/// Counts over what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WatchSummary {
    /// Problems.
    pub problems: usize,
    /// Findings.
    pub findings: usize,
    /// Near misses.
    pub near_misses: usize,
}

/// Looks for these things, each once.
pub fn watch(inventory: &Inventory, settings: &Settings, looks: &[Look]) -> Watch {
    let looks: Vec<Look> = Look::ALL.into_iter().filter(|look| looks.contains(look)).collect();
    let mut entries = Vec::new();
    let mut tags = None;
    for look in &looks {
        match look {
            Look::Tags => {
                let (found, counts) = tags::look(inventory, settings);
                entries.extend(found);
                tags = Some(counts);
            }
        }
    }
    entries.sort();
    entries.dedup();
    let read = |what: &str| looks.iter().any(|look| look.reads().contains(&what));
    Watch {
        schema: SCHEMA.to_owned(),
        now: inventory.now,
        account: inventory.place.account.clone(),
        region: inventory.place.region.clone(),
        unseen: inventory.gaps().filter(|(what, _)| read(what)).map(|(what, gap)| format!("{what}: {gap}")).collect(),
        summary: WatchSummary::of(&entries),
        looks,
        entries,
        tags,
    }
}

impl WatchSummary {
    fn of(entries: &[Entry]) -> Self {
        let count = |severity| entries.iter().filter(|entry| entry.severity == severity).count();
        Self {
            problems: count(Severity::Problem),
            findings: count(Severity::Finding),
            near_misses: count(Severity::NearMiss),
        }
    }
}
