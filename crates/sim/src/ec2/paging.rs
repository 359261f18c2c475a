//! Pages: `MaxResults` and `NextToken`.
//!
//! A token names the call it continues (action, Place, filters), when that
//! began and the last id given. What was there at the beginning and still is
//! comes exactly once; what was made since does not come. A token is good
//! for an hour (AWS does not say how long) and can be used again, as after a
//! lost answer. Anything else is `InvalidPaginationToken`.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use jiff::Timestamp;
use smol_str::SmolStr;

use crate::params::Params;
use crate::refusal::Refusal;
use crate::seed::fingerprint;
use crate::time::later;

/// `MaxResults` may be this.
const SIZES: std::ops::RangeInclusive<usize> = 5..=1_000;
/// Ids one request takes.
const MOST_IDS: usize = 1_000;
/// How long a token is good.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// What part of a listing is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Paging {
    /// Ids asked for; none means everything.
    pub(crate) ids: Vec<SmolStr>,
    max: Option<usize>,
    token: Option<String>,
    /// What a token must fit: everything else in the request.
    shape: String,
}

/// One page of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Part<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

/// Where a listing stands.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// When its first page was given: what is younger does not come.
    pub(crate) began: Timestamp,
    after: Option<SmolStr>,
    size: usize,
    key: String,
}

impl Paging {
    /// Takes ids, `MaxResults` and `NextToken` out of a request.
    pub(crate) fn read(params: &mut Params, id: &str) -> Result<Self, Refusal> {
        Self::read_with(params, Some(id))
    }

    /// Takes `MaxResults` and `NextToken` out of a request that has no ids.
    pub(crate) fn read_without_ids(params: &mut Params) -> Result<Self, Refusal> {
        Self::read_with(params, None)
    }

    fn read_with(params: &mut Params, id: Option<&str>) -> Result<Self, Refusal> {
        let max = params.number("MaxResults")?;
        let token = params.take("NextToken").filter(|t| !t.is_empty());
        let shape = format!("{:?}", params.all());
        let ids = id.map(|id| params.list(id)).transpose()?.unwrap_or_default();
        if let Some(max) = max {
            if let Some(id) = id.filter(|_| !ids.is_empty()) {
                return Err(Refusal::combination(format!(
                    "The parameter {id} cannot be used with the parameter MaxResults"
                )));
            }
            if !SIZES.contains(&max) {
                return Err(Refusal::value(max, "maxResults", "Expecting a value between 5 and 1000."));
            }
        }
        if ids.len() > MOST_IDS {
            return Err(Refusal::new("InvalidParameterValue", format!("A request takes {MOST_IDS} ids at most")));
        }
        Ok(Self { ids, max, token, shape })
    }

    /// Where the listing of `what` stands, in pages of `most` at most.
    pub(crate) fn cursor(&self, what: &str, most: usize, now: Timestamp) -> Result<Cursor, Refusal> {
        let key = format!("{:016x}", fingerprint(&format!("{what} {}", self.shape)));
        // Without MaxResults AWS gives everything at once; a token alone goes
        // on in pages of a thousand.
        let size = match (self.max, &self.token) {
            (Some(max), _) => max.min(most.max(1)),
            (None, Some(_)) => most.max(1),
            (None, None) => usize::MAX,
        };
        let (began, after) = match &self.token {
            None => (now, None),
            Some(token) => {
                let (began, after) = opened(token, &key).ok_or_else(invalid_token)?;
                if now > later(began, GOOD_FOR) {
                    return Err(invalid_token());
                }
                (began, Some(after))
            }
        };
        Ok(Cursor { began, after, size, key })
    }
}

pub(crate) fn invalid_token() -> Refusal {
    Refusal::new("InvalidPaginationToken", "The specified pagination token is not valid or has expired")
}

impl Cursor {
    /// The page: of what comes after the cursor, in the order of the ids, what
    /// `wanted` lets pass.
    pub(crate) fn page<K, V: Clone>(&self, all: &BTreeMap<K, V>, wanted: impl Fn(&V) -> bool) -> Part<V>
    where
        K: Ord + for<'a> From<&'a str> + AsId,
    {
        let from = self.after.as_deref().map(K::from);
        let range = (from.as_ref().map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut found = all.range::<K, _>(range).filter(|(_, value)| wanted(value));
        let mut items = Vec::new();
        let mut last: Option<&K> = None;
        for (id, value) in found.by_ref().take(self.size) {
            items.push(value.clone());
            last = Some(id);
        }
        let next = found.next().and(last).map(|last| self.token(last.as_id()));
        Part { items, next }
    }

    fn token(&self, last: &str) -> String {
        sealed(&format!("{}|{}|{last}", self.key, self.began.as_millisecond()))
    }
}

/// The text of an id.
pub(crate) trait AsId {
    /// As AWS writes it.
    fn as_id(&self) -> &str;
}

macro_rules! as_id {
    ($($t:ident),*) => { $(impl AsId for ebskeep_core::id::$t {
        fn as_id(&self) -> &str { self.as_str() }
    })* };
}
as_id!(VolumeId, SnapshotId, InstanceId, ImageId);

/// Hexadecimal with a check sum, so that nobody builds on what is inside.
fn sealed(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = format!("{:016x}", fingerprint(text));
    for byte in text.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn opened(token: &str, key: &str) -> Option<(Timestamp, SmolStr)> {
    let (sum, body) = token.split_at_checked(16)?;
    let bytes: Option<Vec<u8>> =
        (0..body.len()).step_by(2).map(|i| u8::from_str_radix(body.get(i..i + 2)?, 16).ok()).collect();
    let text = String::from_utf8(bytes?).ok()?;
    if format!("{:016x}", fingerprint(&text)) != sum {
        return None;
    }
    let mut parts = text.splitn(3, '|');
    if parts.next()? != key {
        return None;
    }
    let began = Timestamp::from_millisecond(parts.next()?.parse().ok()?).ok()?;
    Some((began, parts.next()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_listing_and_an_hour() {
        let at = |s| Timestamp::from_second(s).unwrap();
        let paging = |token: Option<&str>, shape: &str| Paging {
            ids: vec![],
            max: Some(5),
            token: token.map(str::to_owned),
            shape: shape.to_owned(),
        };
        let token = paging(None, "a").cursor("Snapshots", 1_000, at(0)).unwrap().token("snap-1");
        assert!(paging(Some(&token), "a").cursor("Snapshots", 1_000, at(3_600)).is_ok());
        for (what, token, shape, now) in [
            ("an hour over", token.as_str(), "a", 3_601),
            ("another listing", token.as_str(), "b", 1),
            ("not a token", "garbage", "a", 1),
            ("damaged", &token[..token.len() - 1], "a", 1),
            ("not text", "äöüäöüäöüäöüäöü", "a", 1),
        ] {
            let refusal = paging(Some(token), shape).cursor("Snapshots", 1_000, at(now)).unwrap_err();
            assert_eq!(refusal.code, "InvalidPaginationToken", "{what}");
        }
    }
}
