//! The one image every Region has from Amazon: something to launch when the
//! caller has none of its own.

use ebskeep_core::id::{AccountId, ImageId, SnapshotId};
use jiff::Timestamp;

use crate::model::{Image, ImageDevice};

/// Its id, the same in all Regions.
pub const IMAGE: &str = "ami-0a3a201d1f6a2e8c5";
/// Its root snapshot, which nobody here owns or lists.
pub(crate) const SNAPSHOT: &str = "snap-0a3a201d1f6a2e8c5";
/// Its size.
pub(crate) const SIZE_GIB: u32 = 8;
/// Amazon's account.
pub(crate) const OWNER: &str = "137112412989";

pub(crate) fn image() -> Image {
    Image {
        id: ImageId::new(IMAGE),
        owner: AccountId::new(OWNER),
        name: "amazon-linux-sim".into(),
        description: "A root volume and nothing on it".into(),
        architecture: "x86_64".into(),
        root_device: "/dev/xvda".into(),
        created: Timestamp::UNIX_EPOCH,
        disabled: false,
        deprecated_at: None,
        devices: vec![ImageDevice {
            name: "/dev/xvda".into(),
            snapshot: SnapshotId::new(SNAPSHOT),
            size_gib: SIZE_GIB,
            kind: "gp3".into(),
            encrypted: false,
            delete_on_termination: true,
        }],
        tags: ebskeep_core::tags::Tags::new(),
    }
}
