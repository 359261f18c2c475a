//! Ids as callers write them: malformed, unknown or right.
//!
//! Source: the codes `Invalid…ID.Malformed` and `Invalid….NotFound` in the EC2
//! API reference's table of client error codes.

use ebskeep_core::id::{ImageId, InstanceId, SnapshotId, VolumeId};
use smol_str::SmolStr;

use crate::refusal::Refusal;

fn well_formed(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        matches!(rest.len(), 8 | 17) && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

macro_rules! kinds {
    ($($read:ident $lost:ident $type:ident $prefix:literal $malformed:literal $missing:literal $word:literal;)*) => { $(
        /// An id with the right form.
        pub(crate) fn $read(text: &str) -> Result<$type, Refusal> {
            if well_formed(text, $prefix) {
                Ok($type::new(text))
            } else {
                Err(Refusal::new($malformed, format!(concat!("Invalid id: \"{}\" (expecting \"", $prefix, "...\")"), text)))
            }
        }

        /// There is no such thing.
        pub(crate) fn $lost(id: &$type) -> Refusal {
            Refusal::new($missing, format!(concat!("The ", $word, " '{}' does not exist."), id))
        }
    )* };
}

kinds! {
    volume no_volume VolumeId "vol-" "InvalidVolumeID.Malformed" "InvalidVolume.NotFound" "volume";
    snapshot no_snapshot SnapshotId "snap-" "InvalidSnapshotID.Malformed" "InvalidSnapshot.NotFound" "snapshot";
    instance no_instance InstanceId "i-" "InvalidInstanceID.Malformed" "InvalidInstanceID.NotFound" "instance ID";
    image no_image ImageId "ami-" "InvalidAMIID.Malformed" "InvalidAMIID.NotFound" "image id";
}

/// A resource that can be tagged, by the form of its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Taggable {
    Volume(VolumeId),
    Snapshot(SnapshotId),
    Instance(InstanceId),
    Image(ImageId),
}

pub(crate) fn taggable(text: &SmolStr) -> Result<Taggable, Refusal> {
    match text.split_once('-').map(|(kind, _)| kind) {
        Some("vol") => volume(text).map(Taggable::Volume),
        Some("snap") => snapshot(text).map(Taggable::Snapshot),
        Some("i") => instance(text).map(Taggable::Instance),
        Some("ami") => image(text).map(Taggable::Image),
        _ => Err(Refusal::new("InvalidID", format!("The ID '{text}' is not valid"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_8_or_17_hexadecimal_digits() {
        for (text, right) in [
            ("vol-ffffffff", true),
            ("vol-0123456789abcdef0", true),
            ("vol-0123456789ABCDEF0", false),
            ("vol-123", false),
            ("vol-", false),
            ("snap-ffffffff", false),
            ("", false),
        ] {
            assert_eq!(volume(text).is_ok(), right, "{text}");
        }
    }
}
