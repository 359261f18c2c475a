//! Names of things in AWS, each its own type so that none is taken for another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] SmolStr);

        impl $name {
            /// Takes the text as it is; AWS is the one who knows what is valid.
            pub fn new(text: impl Into<SmolStr>) -> Self {
                Self(text.into())
            }

            /// The text as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

id! {
    /// An EBS volume, `vol-…`.
    VolumeId
}
id! {
    /// An EBS snapshot, `snap-…`.
    SnapshotId
}
id! {
    /// An EC2 instance, `i-…`.
    InstanceId
}
id! {
    /// An Amazon machine image, `ami-…`.
    ImageId
}
id! {
    /// An AWS account, twelve digits.
    AccountId
}
id! {
    /// An AWS Region, such as `eu-west-1`.
    Region
}

impl VolumeId {
    /// A number to sort by where any order will do: the end of the id. Two ids
    /// with the same number are most likely the same, but need not be.
    pub(crate) fn tail(&self) -> u64 {
        self.as_str().as_bytes().last_chunk().map_or(0, |tail| u64::from_be_bytes(*tail))
    }

    /// Whether this is one of the ids that AWS writes where a snapshot has no
    /// source volume here, such as `vol-ffffffff` on copies (nothing but `f`,
    /// at least eight), or no volume id at all.
    pub fn is_dummy(&self) -> bool {
        match self.as_str().strip_prefix("vol-") {
            Some(rest) => rest.is_empty() || (rest.len() >= 8 && rest.bytes().all(|b| b == b'f')),
            None => true,
        }
    }
}

/// One account in one Region: where a job does its work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The account that owns what is there.
    pub account: AccountId,
    /// The Region it is in.
    pub region: Region,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}
