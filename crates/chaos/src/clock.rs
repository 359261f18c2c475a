//! A machine whose clock is off.

use std::time::Duration;

use ebskeep_core::cloud::Clock;
use jiff::{SignedDuration, Timestamp};

/// Shows another time than the world's, and sleeps as long.
#[derive(Clone, Debug)]
pub struct Off<K> {
    inner: K,
    by: SignedDuration,
}

impl<K> Off<K> {
    /// A clock that is off by this much.
    pub fn new(inner: K, by: SignedDuration) -> Self {
        Self { inner, by }
    }
}

impl<K: Clock> Clock for Off<K> {
    fn now(&self) -> Timestamp {
        self.inner.now().checked_add(self.by).unwrap_or(Timestamp::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        self.inner.sleep(duration).await;
    }
}
