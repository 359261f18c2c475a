//! Outposts and Local Zones: where a volume can be outside the Region's own
//! Availability Zones, and where its snapshots can be stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// An Outpost or a Local Zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "id", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LocalSite {
    /// An Outpost; its `id` is the ARN.
    Outpost(#[schemars(with = "String")] SmolStr),
    /// A Local Zone; its `id` is its name, such as `us-west-2-lax-1a`.
    LocalZone(#[schemars(with = "String")] SmolStr),
}

impl LocalSite {
    /// The site that EC2's `OutpostArn` and `AvailabilityZone` name; `None` for
    /// the Region's own zones.
    pub fn of(outpost_arn: Option<&str>, zone: Option<&str>) -> Option<Self> {
        if let Some(arn) = outpost_arn.map(str::trim).filter(|arn| !arn.is_empty()) {
            return Some(Self::Outpost(arn.into()));
        }
        zone.map(str::trim).filter(|zone| is_local_zone(zone)).map(|zone| Self::LocalZone(zone.into()))
    }
}

/// With its preposition: `on Outpost op-0123456789abcdef0`.
impl std::fmt::Display for LocalSite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outpost(arn) => write!(f, "on Outpost {}", arn.rsplit('/').next().unwrap_or(arn)),
            Self::LocalZone(zone) => write!(f, "in Local Zone {zone}"),
        }
    }
}

/// Whether a zone's name is a Local Zone's: the Region's code, a location and a
/// number with a letter (`us-west-2-lax-1a`). An Availability Zone's is the
/// Region's code and a letter (`us-west-2a`), a Wavelength Zone's ends in a
/// number alone (`us-east-1-wl1-bos-wlz-1`).
///
/// Source: EC2 User Guide, "Regions and Zones"; EC2's API reference, Snapshot
/// `AvailabilityZone`.
fn is_local_zone(name: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = name.split('-');
    let last = parts.next_back().unwrap_or_default();
    let lettered = last.strip_suffix(|c: char| c.is_ascii_lowercase()).is_some_and(is_number);
    lettered && parts.any(is_number) && !name.contains("-wlz-")
}

/// Where the snapshot of a volume on an Outpost or in a Local Zone is stored. Of
/// other volumes there is no choice, and none of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The volume's own site.
    pub site: LocalSite,
    /// There, or in the Region.
    pub stored: Stored,
}

impl Location {
    /// The other of the two.
    #[must_use]
    pub fn other(&self) -> Self {
        let stored = match self.stored {
            Stored::Region => Stored::Local,
            Stored::Local => Stored::Region,
        };
        Self { site: self.site.clone(), stored }
    }

    /// The site that AWS is to store the snapshot in; `None` for the Region.
    pub fn local(&self) -> Option<&LocalSite> {
        (self.stored == Stored::Local).then_some(&self.site)
    }
}

/// With its preposition: `in the Region`.
impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.stored {
            Stored::Region => f.write_str("in the Region"),
            Stored::Local => self.site.fmt(f),
        }
    }
}

/// The two places where AWS can store such a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// In the parent Region.
    Region,
    /// On the volume's Outpost, or in its Local Zone.
    Local,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_zone_is_told_from_other_zones_by_its_name() {
        for (zone, local) in [
            ("us-west-2-lax-1a", true),
            ("us-west-2-lax-1b", true),
            ("ap-southeast-2-per-1a", true),
            ("us-gov-west-1-dlz-12a", true),
            ("us-west-2a", false),
            ("us-gov-west-1a", false),
            ("ap-southeast-2c", false),
            ("us-east-1-wl1-bos-wlz-1", false),
            ("us-east-1-wl1-bos-wlz-1a", false),
            ("us-west-2", false),
            ("1a", false),
            ("", false),
        ] {
            let site = LocalSite::of(None, Some(zone));
            assert_eq!(site, local.then(|| LocalSite::LocalZone(zone.into())), "{zone:?}");
        }
    }

    #[test]
    fn a_location_reads_as_it_was_written() {
        let location = Location { site: LocalSite::LocalZone("us-west-2-lax-1a".into()), stored: Stored::Local };
        let text = r#"{"site":{"kind":"local-zone","id":"us-west-2-lax-1a"},"stored":"local"}"#;
        assert_eq!(serde_json::to_string(&location).unwrap(), text);
        assert_eq!(serde_json::from_str::<Location>(text).unwrap(), location);
        assert!(serde_json::from_str::<Location>(&text.replace("stored", "kept")).is_err());
        assert_eq!((location.other().local(), location.local()), (None, Some(&location.site)));
    }

    #[test]
    fn an_outpost_is_named_by_its_arn_whatever_its_zone() {
        let arn = "arn:aws:outposts:us-east-1:123456789012:outpost/op-0123456789abcdef0";
        let outpost = LocalSite::Outpost(arn.into());
        assert_eq!(LocalSite::of(Some(arn), Some("us-east-1a")), Some(outpost.clone()));
        assert_eq!(LocalSite::of(Some(" "), Some("us-east-1a")), None);
        assert_eq!(LocalSite::of(None, None), None);
        assert_eq!(outpost.to_string(), "on Outpost op-0123456789abcdef0");
    }
}
