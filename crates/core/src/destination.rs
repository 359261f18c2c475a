//! Where copies go: a Region of one's own account, or an account and a Region.
//!
//! Owns the text of `Copy_Dest`, `ebskeep:copy-to` and `ebskeep:copied-to`. Knows
//! nothing of what is copied.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::id::{AccountId, Place, Region};

/// One destination, such as `eu-west-1` or `123456789012/eu-west-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The account; one's own if absent.
    pub account: Option<AccountId>,
    /// The Region.
    pub region: Region,
}

impl Destination {
    /// Reads one entry as tagged. `None` if nobody understands it.
    pub fn parse(text: &str) -> Option<Self> {
        let (account, region) = match text.split_once('/') {
            Some((account, region)) => (Some(account), region),
            None => (None, text),
        };
        let account = match account {
            Some(digits) if digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(AccountId::new(digits))
            }
            Some(_) => return None,
            None => None,
        };
        let region = region.to_ascii_lowercase();
        // It becomes part of a host name; `eu-west-1` is the shortest form there is.
        let plausible = region.len() <= 32
            && region.split('-').count() >= 3
            && region.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()))
            && region.ends_with(|c: char| c.is_ascii_digit());
        plausible.then(|| Self { account, region: Region::new(region) })
    }

    /// A Place as a destination, seen from the account `home`.
    pub fn of(place: &Place, home: &AccountId) -> Self {
        let account = (place.account != *home).then(|| place.account.clone());
        Self { account, region: place.region.clone() }
    }

    /// The Place it names, seen from the account `home`.
    pub fn place(&self, home: &AccountId) -> Place {
        Place { account: self.account.clone().unwrap_or_else(|| home.clone()), region: self.region.clone() }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some(account) => write!(f, "{account}/{}", self.region),
            None => write!(f, "{}", self.region),
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Destination {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = SmolStr::deserialize(deserializer)?;
        let unknown = || serde::de::Error::custom(format!("{text:?} is no destination such as eu-west-1"));
        Self::parse(&text).ok_or_else(unknown)
    }
}

impl JsonSchema for Destination {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// What a list of destinations says, seen from one Place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    /// Those that can be copied to; each once, one's own account left out.
    pub wanted: BTreeSet<Destination>,
    /// Entries that name the very Place: there is no copy in one's own place.
    pub here: Vec<SmolStr>,
    /// Entries that nobody understands.
    pub unreadable: Vec<SmolStr>,
}

impl Destinations {
    /// Reads a list, by blank or comma, as tagged on something in `home`.
    pub fn parse(text: &str, home: &Place) -> Self {
        let mut all = Self::default();
        for entry in text.split(|c: char| c.is_whitespace() || c == ',').filter(|entry| !entry.is_empty()) {
            match Destination::parse(entry) {
                None => all.unreadable.push(entry.into()),
                Some(destination) => {
                    let place = destination.place(&home.account);
                    if place == *home {
                        all.here.push(entry.into());
                    } else {
                        all.wanted.insert(Destination::of(&place, &home.account));
                    }
                }
            }
        }
        all
    }
}

/// Destinations as the value of a tag.
pub fn listed<'a>(destinations: impl IntoIterator<Item = &'a Destination>) -> SmolStr {
    let all: Vec<String> = destinations.into_iter().map(ToString::to_string).collect();
    all.join(" ").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Place {
        Place { account: AccountId::new("111111111111"), region: Region::new("eu-west-2") }
    }

    #[test]
    fn entries_stand_by_blank_or_comma_and_the_own_account_may_be_named() {
        let text = "eu-west-1,111111111111/us-east-1  222222222222/EU-West-2 eu-west-1 eu-west-2 nowhere 12/eu-west-1";
        let all = Destinations::parse(text, &home());
        assert_eq!(listed(&all.wanted), "eu-west-1 us-east-1 222222222222/eu-west-2");
        assert_eq!(all.here, ["eu-west-2"]);
        assert_eq!(all.unreadable, ["nowhere", "12/eu-west-1"]);
    }

    #[test]
    fn what_could_leave_a_host_name_is_no_region() {
        for text in ["", "eu-west", "eu-west-1.example.com", "a-b-1@c-d-2", "eu--1", "222222222222/", "a/b/eu-west-1"] {
            assert_eq!(Destination::parse(text), None, "{text:?}");
        }
        for text in ["us-gov-west-1", "cn-north-1", "us-isob-east-1", "222222222222/ap-southeast-5"] {
            assert_eq!(Destination::parse(text).unwrap().to_string(), text);
        }
    }
}
