//! Tags as AWS keeps them, and the keys that mean something to us.
//!
//! Owns the names of keys and how they are matched; what values mean is told in
//! [`crate::config`], [`crate::lineage`] and [`crate::plan`].

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// `Type`: what makes a snapshot one of an automatic tool's.
pub const TYPE: &str = "Type";
/// The value of [`TYPE`] on ours, matched in any case.
pub const AUTOMATED: &str = "Automated";
/// `Name`.
pub const NAME: &str = "Name";
/// `DeleteOn`: the UTC date from which a whole-day age no longer keeps.
pub const DELETE_ON: &str = "DeleteOn";
/// The slot a snapshot was taken for, RFC 3339 in UTC.
pub const SLOT: &str = "ebskeep:slot";
/// The deployment a snapshot belongs to; absent counts as `default`.
pub const DEPLOYMENT: &str = "ebskeep:deployment";
/// The volume it came from.
pub const VOLUME: &str = "ebskeep:volume";
/// The instance it came from.
pub const INSTANCE: &str = "ebskeep:instance";
/// The device name it had there.
pub const DEVICE: &str = "ebskeep:device";
/// The retention policy as text, if it came from a tag; [`UNSET`] on a set
/// member whose own tags are not written yet.
pub const RETENTION: &str = "ebskeep:retention";
/// The value of [`RETENTION`] that keeps until the real one is written.
pub const UNSET: &str = "unset";
/// The time zone of the policy, if it came from a tag.
pub const TZ: &str = "ebskeep:tz";
/// The set a snapshot belongs to.
pub const SET: &str = "ebskeep:set";
/// Where copies are wanted.
pub const COPY_TO: &str = "ebskeep:copy-to";
/// The policy of those copies.
pub const COPY_RETENTION: &str = "ebskeep:copy-retention";
/// Where there are, or were, good copies of it: destinations that are done.
pub const COPIED_TO: &str = "ebskeep:copied-to";
/// The destinations in other accounts for which we share it at present.
pub const SHARED_WITH: &str = "ebskeep:shared-with";
/// When we last asked AWS to delete it, RFC 3339: recognises one that was
/// restored from the Recycle Bin.
pub const DELETED: &str = "ebskeep:deleted";
/// When `expire` first found the volume of this lineage deleted, and which volume:
/// `<instant> <volume>` (see [`crate::marks`]).
pub const GONE: &str = "ebskeep:gone";
/// Since when, and until when at least, the policy that governs now has governed:
/// `<first>/<last> <volume> <policy> <zone>` (see [`crate::marks`]).
pub const POLICY_SINCE: &str = "ebskeep:policy-since";
/// On copies: when the copier first found the source volume deleted, and which
/// volume; `no` once it saw the volume again (see [`crate::marks`]).
pub const SOURCE_GONE: &str = "ebskeep:source-gone";
/// The default retention in force when a snapshot without any other policy was
/// taken. It governs nothing; it has its grace after the setting changes.
pub const DEFAULT: &str = "ebskeep:default";
/// On copies: the snapshot copied.
pub const SOURCE_SNAPSHOT: &str = "Source_SnapshotId";
/// On copies: the Region it came from.
pub const SOURCE_REGION: &str = "ebskeep:source-region";
/// On copies: the account it came from.
pub const SOURCE_ACCOUNT: &str = "ebskeep:source-account";
/// On copies: when the source began.
pub const STARTED: &str = "ebskeep:started";
/// The tool that made a snapshot which `ebskeep adopt` made ours; nothing is
/// decided by it.
pub const ADOPTED: &str = "ebskeep:adopted";
/// `KeepForever`: keeps, whatever the value; matched loosely.
pub const KEEP_FOREVER: &str = "KeepForever";
/// `KeepUntil`: keeps to the end of that date; matched loosely.
pub const KEEP_UNTIL: &str = "KeepUntil";
/// `KeepReason`: words beside a hold.
pub const KEEP_REASON: &str = "KeepReason";

/// Tags a resource can have, those beginning with `aws:` not counted.
/// Source: Amazon EC2 User Guide, "Tag your Amazon EC2 resources".
pub const MAX_TAGS: usize = 50;
/// Characters of a tag's value. Source: as [`MAX_TAGS`].
pub const MAX_VALUE: usize = 256;

/// The tags of one resource. Keys are unique to AWS, which tells case apart;
/// several may still be the same to us (see [`Tags::loose`]). Clones share them:
/// a plan holds those of everything that it deletes.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    /// In the order of their keys, each once.
    all: Arc<[(SmolStr, SmolStr)]>,
    keep_forever_last: Option<bool>,
}

impl Tags {
    /// No tags.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of exactly this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(k, _)| *k == key).map(|(_, value)| value.as_str())
    }

    /// Writes one tag, replacing the value of the same key.
    pub fn set(&mut self, key: impl Into<SmolStr>, value: impl Into<SmolStr>) {
        let (key, value) = (key.into(), value.into());
        let mut all = self.all.to_vec();
        let at = all.partition_point(|(k, _)| *k < key);
        match all.get_mut(at).filter(|(k, _)| *k == key) {
            Some((_, present)) => *present = value,
            None => all.insert(at, (key, value)),
        }
        self.all = all.into();
    }

    /// Tags in the order in which AWS lists them. Of several with the same key,
    /// which AWS never has, the last counts.
    pub fn listed(mut tags: Vec<(SmolStr, SmolStr)>) -> Self {
        let keep_forever_last = tags.last().map(|(key, _)| key == KEEP_FOREVER);
        tags.reverse();
        tags.sort_by(|(a, _), (b, _)| a.cmp(b));
        tags.dedup_by(|(a, _), (b, _)| a == b);
        Self { all: tags.into(), keep_forever_last }
    }

    /// Whether `KeepForever` was the last of them when AWS listed them; `None`
    /// where that is not known. It means nothing to us; aws-ebs-snapshots-lambda
    /// spared a snapshot only if it was.
    pub fn keep_forever_last(&self) -> Option<bool> {
        self.keep_forever_last
    }

    /// Removes one tag; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let there = self.get(key).is_some();
        if there {
            self.all = self.all.iter().filter(|(k, _)| k != key).cloned().collect();
        }
        there
    }

    /// All tags, in the order of their keys: AWS's order means nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&SmolStr, &SmolStr)> {
        self.all.iter().map(|(key, value)| (key, value))
    }

    /// The tags whose key is the same as `key` to us: without regard to case,
    /// surrounding blanks, `-` and `_`.
    pub fn loose<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (&'a SmolStr, &'a SmolStr)> {
        self.iter().filter(move |(k, _)| same_key(k, key))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Reads a little of all of them.
    pub(crate) fn glance(&self) -> usize {
        self.all.iter().step_by(2).map(|(key, _)| usize::from(key.is_heap_allocated())).sum()
    }

    /// How many count against [`MAX_TAGS`].
    pub fn counted(&self) -> usize {
        self.iter().filter(|(k, _)| !k.starts_with("aws:")).count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl<K: Into<SmolStr>, V: Into<SmolStr>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let all: BTreeMap<SmolStr, SmolStr> = tags.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self { all: all.into_iter().collect(), keep_forever_last: None }
    }
}

/// The same tags, in whatever order they were listed.
impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Eq for Tags {}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<SmolStr, SmolStr>::deserialize(deserializer).map(Self::from_iter)
    }
}

impl JsonSchema for Tags {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Tags".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        BTreeMap::<String, String>::json_schema(generator)
    }
}

/// Whether two keys are the same to us: without regard to case, surrounding
/// blanks, `-` and `_`.
pub fn same_key(a: &str, b: &str) -> bool {
    // Most keys differ in their first letter, and that is cheap to see.
    let differ = match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(a), Some(b)) => a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() && !a.eq_ignore_ascii_case(b),
        _ => false,
    };
    if differ {
        return false;
    }
    if a.is_ascii() && b.is_ascii() {
        return ascii_folded(a).eq(ascii_folded(b));
    }
    folded(a).eq(folded(b))
}

/// The same for most keys, and cheaper.
fn ascii_folded(key: &str) -> impl Iterator<Item = u8> + '_ {
    let ends = |c: Option<&u8>| c.is_some_and(|b| *b > b' ');
    let whole = ends(key.as_bytes().first()) && ends(key.as_bytes().last());
    let key = if whole { key } else { key.trim() };
    key.bytes().filter(|b| *b != b'-' && *b != b'_').map(|b| b.to_ascii_lowercase())
}

fn folded(key: &str) -> impl Iterator<Item = char> + '_ {
    key.trim().chars().filter(|c| *c != '-' && *c != '_').flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_order_as_listed_one_thing_is_known_and_it_makes_no_difference() {
        let listed = |keys: &[&str]| Tags::listed(keys.iter().map(|key| ((*key).into(), "".into())).collect());
        let last = listed(&["Type", "DeleteOn", "KeepForever"]);
        let first = listed(&["KeepForever", "Type", "DeleteOn"]);
        assert_eq!((last.keep_forever_last(), first.keep_forever_last()), (Some(true), Some(false)));
        assert_eq!(last, first);
        let unknown: Tags = [("Type", ""), ("DeleteOn", ""), ("KeepForever", "")].into_iter().collect();
        assert_eq!((unknown.keep_forever_last(), &unknown), (None, &last));
        let twice = Tags::listed(vec![("a".into(), "1".into()), ("b".into(), "2".into()), ("a".into(), "3".into())]);
        assert_eq!(twice, [("a", "3"), ("b", "2")].into_iter().collect());
    }

    #[test]
    fn the_cheap_way_to_compare_keys_says_what_the_other_does() {
        let keys =
            ["", " ", "-", "_ ", "Backup", " backup", "BACK_UP", "back-up ", "\u{b}Backup", "backup\t", "Back up", "b"];
        for (a, b) in keys.iter().flat_map(|a| keys.map(|b| (*a, b))) {
            assert_eq!(ascii_folded(a).eq(ascii_folded(b)), folded(a).eq(folded(b)), "{a:?} {b:?}");
        }
    }

    #[test]
    fn keys_match_without_regard_to_case_blanks_dashes_and_underscores() {
        assert!(same_key(" skip-backup_VOLUMES ", "Skip_Backup_Volumes"));
        assert!(same_key("__keepForever", "KeepForever"));
        // The sign of the kelvin, whose small letter is a common k.
        assert!(same_key("\u{212a}eepForever", "KeepForever"));
        assert!(!same_key("Backups", "Backup"));
        assert!(!same_key("", "Backup"));
        assert!(!same_key("Back up", "Backup"));
    }
}
