//! A small EC2 in memory, with limits, faults and virtual time.
//!
//! One [`World`] holds all accounts and Regions. There are three ways in, and
//! all take the same road inside:
//!
//! * the port: [`World::clouds`];
//! * the wire without a socket: [`World::answer`], EC2 Query in, XML out;
//! * loopback sockets in real time: [`serve`].
//!
//! Same seed and same calls at the same times give the same bytes. It serves
//! what ebskeep calls and what sets a scene for it ([`EC2_ACTIONS`],
//! [`STS_ACTIONS`]); anything else is `InvalidAction`, an unknown parameter
//! `UnknownParameter`, an unknown filter `InvalidParameterValue`: nothing is
//! ever ignored in silence.
//!
//! # Where AWS does not say
//!
//! * Signatures and their dates are looked at for their form only.
//! * A call is first held against Region and permission, then the bucket, then
//!   its own parameters. Refused calls cost a token too, unless permission was
//!   missing.
//! * A listing is in the order of ids. What was made after its first page does
//!   not come; what was deleted since does not either. Tokens are good for an
//!   hour.
//! * A new snapshot that is not listed yet ([`Rules::stale_for`]) is not found
//!   by its id either, but can be tagged and deleted.
//! * Describing by ids takes from the smaller bucket: it has neither a filter
//!   nor `MaxResults`.
//! * A set (CreateSnapshots) is refused as a whole if a limit stops one
//!   volume. If a member fails later, those still pending fail with it.
//! * Only an image's root snapshot is in use (`InvalidSnapshot.InUse`), as AWS
//!   documents.
//! * What a lock forbids is refused with `OperationNotPermitted`.
//!   DescribeLockedSnapshots by ids leaves out those without a lock.
//! * A snapshot restored from the archive for a time is in the archive all the
//!   while.
//! * A copy whose source goes, or is no longer shared, while it is under way
//!   ends in `error`. One that is deleted counts among the 20 of its Region
//!   until it would have been through.
//! * Snapshots that others share are not listed, only copied.
//! * Snapshots in the Recycle Bin are listed, in state `recoverable`, and
//!   cannot be deleted. One that was good when it was deleted can be restored
//!   too, as with a retention rule of the Bin; until then it is not listed.

mod act;
mod bucket;
mod census;
mod clock;
mod ec2;
mod fault;
mod history;
mod keys;
mod model;
mod params;
mod port;
mod refusal;
mod region;
mod rules;
mod seed;
mod serve;
mod state;
mod sts;
mod time;
mod wire;
mod world;

pub use act::{Act, Acted, Deed, PutState};
pub use census::Census;
pub use clock::WorldClock;
pub use ec2::ACTIONS as EC2_ACTIONS;
pub use ec2::builtin::IMAGE as AMAZON_IMAGE;
pub use fault::{Fault, What, When};
pub use history::{Call, Deleted, Outcome, Past};
pub use model::{LockMode, Source};
pub use port::{CHANGES, SimCloud, SimClouds};
pub use refusal::Refusal;
pub use rules::Rules;
pub use serve::{ServeOptions, serve};
pub use sts::ACTIONS as STS_ACTIONS;
pub use world::{Delivery, World};
