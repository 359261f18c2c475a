//! The three implementations of the port that must agree.

use std::fmt;

use ebskeep_aws::{Aws, Ec2};
use ebskeep_core::cloud::{
    Begun, Cloud, CloudError, Clouds, CopySnapshot, CreateSnapshot, CreateSnapshots, Identity, Page, Query, Role,
    Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId};
use ebskeep_core::inventory::{Image, Instance, Lock, Snapshot, TierStatus, Volume};
use ebskeep_core::tags::Tags;
use ebskeep_sim::{SimCloud, SimClouds};

/// One column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Backend {
    /// sim through its own implementation of the port.
    Port,
    /// The client, with sim's wire behind it.
    Wire,
    /// The client, with moto behind it.
    Moto,
}

/// All columns, in the order in which they are shown.
pub(crate) const BACKENDS: [Backend; 3] = [Backend::Port, Backend::Wire, Backend::Moto];

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Port => "sim-port",
            Self::Wire => "sim-wire",
            Self::Moto => "moto",
        })
    }
}

/// Any backend's clouds, as one type for all cases.
#[derive(Clone, Debug)]
pub(crate) enum AnyClouds {
    Sim(SimClouds),
    Client(Aws),
}

/// Any backend's cloud.
#[derive(Clone, Debug)]
pub(crate) enum AnyCloud {
    Sim(SimCloud),
    Client(Ec2),
}

impl Clouds for AnyClouds {
    type Cloud = AnyCloud;

    async fn identity(&self) -> Result<Identity, CloudError> {
        match self {
            Self::Sim(clouds) => clouds.identity().await,
            Self::Client(clouds) => clouds.identity().await,
        }
    }

    async fn regions(&self) -> Result<Vec<Region>, CloudError> {
        match self {
            Self::Sim(clouds) => clouds.regions().await,
            Self::Client(clouds) => clouds.regions().await,
        }
    }

    fn at(&self, place: &Place) -> AnyCloud {
        match self {
            Self::Sim(clouds) => AnyCloud::Sim(clouds.at(place)),
            Self::Client(clouds) => AnyCloud::Client(clouds.at(place)),
        }
    }

    fn through(&self, place: &Place, role: &Role) -> AnyCloud {
        match self {
            Self::Sim(clouds) => AnyCloud::Sim(clouds.through(place, role)),
            Self::Client(clouds) => AnyCloud::Client(clouds.through(place, role)),
        }
    }
}

/// The same call on whichever it is.
macro_rules! ask {
    ($self:ident.$method:ident($($argument:ident),*)) => {
        match $self {
            Self::Sim(cloud) => cloud.$method($($argument),*).await,
            Self::Client(cloud) => cloud.$method($($argument),*).await,
        }
    };
}

impl Cloud for AnyCloud {
    fn place(&self) -> &Place {
        match self {
            Self::Sim(cloud) => cloud.place(),
            Self::Client(cloud) => cloud.place(),
        }
    }

    async fn describe_instances(&self, query: &Query, token: Option<&Token>) -> Result<Page<Instance>, CloudError> {
        ask!(self.describe_instances(query, token))
    }

    async fn describe_volumes(&self, query: &Query, token: Option<&Token>) -> Result<Page<Volume>, CloudError> {
        ask!(self.describe_volumes(query, token))
    }

    async fn describe_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Snapshot>, CloudError> {
        ask!(self.describe_snapshots(query, token))
    }

    async fn describe_images(&self, query: &Query, token: Option<&Token>) -> Result<Page<Image>, CloudError> {
        ask!(self.describe_images(query, token))
    }

    async fn describe_locked_snapshots(&self, query: &Query, token: Option<&Token>) -> Result<Page<Lock>, CloudError> {
        ask!(self.describe_locked_snapshots(query, token))
    }

    async fn describe_snapshot_tier_status(
        &self,
        query: &Query,
        token: Option<&Token>,
    ) -> Result<Page<TierStatus>, CloudError> {
        ask!(self.describe_snapshot_tier_status(query, token))
    }

    async fn create_snapshot(&self, request: &CreateSnapshot) -> Result<Begun, CloudError> {
        ask!(self.create_snapshot(request))
    }

    async fn create_snapshots(&self, request: &CreateSnapshots) -> Result<Vec<Begun>, CloudError> {
        ask!(self.create_snapshots(request))
    }

    async fn copy_snapshot(&self, request: &CopySnapshot) -> Result<SnapshotId, CloudError> {
        ask!(self.copy_snapshot(request))
    }

    async fn describe_snapshot_sharing(&self, id: &SnapshotId) -> Result<Vec<AccountId>, CloudError> {
        ask!(self.describe_snapshot_sharing(id))
    }

    async fn modify_snapshot_sharing(&self, id: &SnapshotId, change: &Sharing) -> Result<(), CloudError> {
        ask!(self.modify_snapshot_sharing(id, change))
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<(), CloudError> {
        ask!(self.delete_snapshot(id))
    }

    async fn create_tags(&self, ids: &[SnapshotId], tags: &Tags) -> Result<(), CloudError> {
        ask!(self.create_tags(ids, tags))
    }

    async fn delete_tags(&self, ids: &[SnapshotId], tags: &[Untag]) -> Result<(), CloudError> {
        ask!(self.delete_tags(ids, tags))
    }
}
