//! The world's time: a start, what it was moved by, and, once it ticks,
//! tokio's time on top.
//!
//! A new world stands still until it is moved. From [`crate::World::clock`] or
//! [`crate::serve`] on it follows tokio's time: on a runtime built with
//! `start_paused(true)` that is virtual, and tokio moves it to the next timer
//! whenever every task waits, so several futures that sleep at once each wake
//! when they should; on any other runtime it is real. Times are whole
//! milliseconds, as EC2 tells them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Time {
    base: Timestamp,
    since: Option<Instant>,
}

impl Time {
    pub(crate) fn standing(start: Timestamp) -> Self {
        Self { base: start, since: None }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        later(self.base, elapsed)
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.base = later(self.base, by);
    }

    /// Ticks from here on, if it does not yet.
    pub(crate) fn tick(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Ticks on this runtime from `now` on, whichever runtime it ticked on
    /// before.
    pub(crate) fn tick_from(&mut self, now: Timestamp) {
        self.base = now;
        self.since = Some(Instant::now());
    }
}

/// `t` plus a duration, in whole milliseconds; at the end of time it stays there.
pub(crate) fn later(t: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::from_millis(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    let t = t.checked_add(by).unwrap_or(Timestamp::MAX);
    Timestamp::from_millisecond(t.as_millisecond()).unwrap_or(t)
}

/// Durations in JSON as people write them: `"30s"`, `"1h 30m"`.
pub(crate) mod friendly {
    use std::time::Duration;

    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _, ser::Error as _};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let duration = SignedDuration::try_from(*duration).map_err(S::Error::custom)?;
        serializer.collect_str(&format_args!("{duration:#}"))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let duration = SignedDuration::deserialize(deserializer)?;
        Duration::try_from(duration).map_err(D::Error::custom)
    }
}
