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

/// A `ebskeep:policy-since` mark: from when to when a policy was seen to govern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySince<'a> {
    /// The first `expire` run under it.
    pub first: Timestamp,
    /// The latest, to the day.
    pub last: Timestamp,
    /// The volume, the policies and their zones.
    pub of: &'a str,
}

impl<'a> PolicySince<'a> {
    /// Reads a mark; `None` if it is not one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (times, of) = text.split_once(' ')?;
        let (first, last) = times.split_once('/')?;
        Some(Self { first: first.parse().ok()?, last: last.parse().ok()?, of })
    }
}

impl std::fmt::Display for PolicySince<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} {}", self.first, self.last, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let text = "2026-03-01T00:05:00Z/2026-03-04T00:05:00Z vol-1 daily=7 weekly=4 UTC";
        let mark = PolicySince::parse(text).unwrap();
        assert_eq!((mark.of, mark.to_string().as_str()), ("vol-1 daily=7 weekly=4 UTC", text));
        for bad in ["", "no", "2026-03-01T00:05:00Z vol-1 7 UTC", "a/b vol-1 7 UTC", "2026-03-01T00:05:00Z/x vol-1"] {
            assert_eq!(PolicySince::parse(bad), None, "{bad:?}");
        }
    }
}
