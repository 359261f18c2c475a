//! Marks that `expire` and the copier leave on snapshots, as text (docs/semantics.md 5).
//!
//! Each names the volume it is about, so that one that a script copies onto another
//! lineage means nothing there. What a mark changes is decided in [`crate::plan`].

use jiff::Timestamp;

use crate::id::VolumeId;

/// The instant of a `ebskeep:gone` or `ebskeep:source-gone` mark, if it is about `volume`.
///
/// ```
/// use ebskeep_core::id::VolumeId;
/// use ebskeep_core::marks::{gone, gone_since};
/// let volume = VolumeId::new("vol-1");
/// let at = "2026-03-10T00:05:00Z".parse().unwrap();
/// assert_eq!(gone_since(&gone(at, &volume), &volume), Some(at));
/// assert_eq!(gone_since(&gone(at, &volume), &VolumeId::new("vol-2")), None);
/// assert_eq!(gone_since("no", &volume), None);
/// ```
pub fn gone_since(text: &str, volume: &VolumeId) -> Option<Timestamp> {
    let (at, of) = text.trim().split_once(' ')?;
    at.parse().ok().filter(|_| of == volume.as_str())
}

/// What `ebskeep:source-gone` says once the volume was seen again.
pub const NOT_GONE: &str = "no";

/// What `ebskeep:gone` and `ebskeep:source-gone` say: when, and of which volume.
pub fn gone(at: Timestamp, volume: &VolumeId) -> String {
    format!("{at} {volume}")
}

/// What stands in `ebskeep:policy-since` between the policies that govern and those before them.
const BEFORE: &str = " was ";
/// What stands there between two policies.
const AND: &str = " + ";

/// A `ebskeep:policy-since` mark: from when to when policies were seen to govern, and which
/// governed before.
///
/// ```
/// use ebskeep_core::marks::PolicySince;
/// let text = "2026-03-01T00:05:00Z/2026-03-04T00:05:00Z vol-1 daily=7 weekly=4 UTC was 365d UTC";
/// let mark = PolicySince::parse(text).unwrap();
/// assert_eq!(mark.volume, "vol-1");
/// assert_eq!(mark.named().collect::<Vec<_>>(), [("daily=7 weekly=4", "UTC")]);
/// assert_eq!(mark.before().collect::<Vec<_>>(), [("365d", "UTC")]);
/// assert_eq!(mark.to_string(), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySince<'a> {
    /// The first `expire` run under them.
    pub first: Timestamp,
    /// The latest, to the day.
    pub last: Timestamp,
    /// The volume.
    pub volume: &'a str,
    /// The policies that govern with their zones, as text.
    pub policies: &'a str,
    /// Those that governed before and whose grace is not over, as text. May be empty.
    pub before: &'a str,
}

impl<'a> PolicySince<'a> {
    /// Reads a mark; `None` if it is not one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (times, of) = text.split_once(' ')?;
        let (first, last) = times.split_once('/')?;
        let (volume, policies) = of.split_once(' ')?;
        let (policies, before) = policies.split_once(BEFORE).unwrap_or((policies, ""));
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, volume, policies, before })
    }

    /// The policies that govern, each with the name of its zone.
    pub fn named(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        each(self.policies)
    }

    /// The policies that governed before, each with the name of its zone.
    pub fn before(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        each(self.before)
    }

    /// Several policies with their zones, as one text.
    pub(crate) fn together<'t>(policies: impl Iterator<Item = (&'t str, &'t str)>) -> String {
        let mut text = String::new();
        for (policy, zone) in policies {
            let between = if text.is_empty() { "" } else { AND };
            text = format!("{text}{between}{policy} {zone}");
        }
        text
    }
}

fn each(policies: &str) -> impl Iterator<Item = (&str, &str)> {
    policies.split(AND).filter_map(|one| one.rsplit_once(' '))
}

impl std::fmt::Display for PolicySince<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, last, volume, policies, before } = self;
        write!(f, "{first}/{last} {volume} {policies}")?;
        if before.is_empty() { Ok(()) } else { write!(f, "{BEFORE}{before}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let text = "2026-03-01T00:05:00Z/2026-03-04T00:05:00Z vol-1 7d UTC + daily=7 weekly=4 Europe/Paris";
        let mark = PolicySince::parse(text).unwrap();
        assert_eq!(mark.named().collect::<Vec<_>>(), [("7d", "UTC"), ("daily=7 weekly=4", "Europe/Paris")]);
        assert_eq!((mark.before().count(), mark.to_string().as_str()), (0, text));
        let of = "2026-03-01T00:05:00Z/2026-03-04T00:05:00Z vol-1";
        for bad in
            ["", "no", "2026-03-01T00:05:00Z vol-1 7 UTC", "a/b vol-1 7 UTC", "2026-03-01T00:05:00Z/x vol-1 7", of]
        {
            assert_eq!(PolicySince::parse(bad), None, "{bad:?}");
        }
    }
}
