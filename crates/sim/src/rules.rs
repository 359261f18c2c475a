//! What can be set about how this EC2 behaves, apart from faults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::friendly;

/// How this EC2 behaves. As JSON, durations are text such as `"30s"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rules {
    /// Whether the token buckets of the API are enforced.
    pub buckets: bool,
    /// The percentage of AWS's documented buckets that is left for the
    /// callers here; others in the account use up the rest. 1 to 100.
    pub share: u8,
    /// How long each call takes, at least.
    #[serde(with = "friendly")]
    pub latency: Duration,
    /// How much longer a call may take; how much is drawn from the seed.
    #[serde(with = "friendly")]
    pub jitter: Duration,
    /// The most that one page holds, whatever `MaxResults` says. AWS is free
    /// to give fewer than asked for.
    pub page: usize,
    /// How long a snapshot is `pending`.
    #[serde(with = "friendly")]
    pub completes_after: Duration,
    /// How long a new snapshot is missing from DescribeSnapshots.
    #[serde(with = "friendly")]
    pub stale_for: Duration,
    /// How long instances and volumes take to change their state.
    #[serde(with = "friendly")]
    pub settles_after: Duration,
    /// Quota: snapshots in one Region.
    pub snapshots_per_region: usize,
}

impl Default for Rules {
    /// A patient EC2: no buckets, no latency; all else as AWS.
    fn default() -> Self {
        Self {
            buckets: false,
            share: 100,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            page: 1_000,
            completes_after: Duration::from_mins(1),
            stale_for: Duration::ZERO,
            settles_after: Duration::ZERO,
            snapshots_per_region: 100_000,
        }
    }
}

impl Rules {
    /// As AWS documents its limits: what [`crate::serve`] begins with.
    pub fn documented() -> Self {
        Self { buckets: true, ..Self::default() }
    }
}
