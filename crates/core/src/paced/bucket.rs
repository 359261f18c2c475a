//! A token bucket, as AWS keeps one for each account, Region and action.
//!
//! Knows neither calls nor clocks: it is told the time and answers how long to
//! wait. Each taker is given its own place in the queue at once, so nobody
//! polls and nobody overtakes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How fast an action may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    /// Calls a full bucket holds.
    pub(super) burst: u32,
    /// Calls it gains each second.
    pub(super) per_second: u32,
}

/// The state of one bucket, kept as the instant at which it will be full.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The time one call's worth of refill takes.
    interval: SignedDuration,
    /// How far `full_at` may lie ahead while calls still pass at once.
    tolerance: SignedDuration,
    /// When the bucket is full again, since the epoch.
    full_at: SignedDuration,
    /// The latest time told, since the epoch.
    seen: SignedDuration,
}

impl Bucket {
    /// A full bucket that uses `share` percent of `rate`.
    pub(super) fn new(rate: Rate, share: u32) -> Self {
        let share = share.clamp(1, 100);
        let burst = (rate.burst * share / 100).max(1);
        let interval = SignedDuration::from_micros(100_000_000 / i64::from(rate.per_second * share).max(1));
        Self {
            interval,
            tolerance: interval * i32::try_from(burst - 1).unwrap_or(i32::MAX),
            full_at: SignedDuration::ZERO,
            seen: SignedDuration::ZERO,
        }
    }

    /// Takes one token; the caller makes its call after the wait returned.
    pub(super) fn take(&mut self, now: Timestamp) -> Duration {
        let now = self.observe(now);
        let wait = self.full_at.max(now) - now - self.tolerance;
        self.full_at = self.full_at.max(now) + self.interval;
        Duration::try_from(wait).unwrap_or_default()
    }

    /// AWS says its bucket is empty, whatever we thought: others use it too.
    pub(super) fn empty(&mut self, now: Timestamp) {
        let now = self.observe(now);
        self.full_at = self.full_at.max(now + self.tolerance + self.interval);
    }

    /// A machine's clock that is set back must not turn into a wait as long as
    /// the step.
    fn observe(&mut self, now: Timestamp) -> SignedDuration {
        let now = now.as_duration();
        if now < self.seen {
            self.full_at -= self.seen - now;
        }
        self.seen = now;
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 100, per_second: 5 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_full_bucket_lets_its_burst_through_and_then_its_rate() {
        let mut bucket = Bucket::new(RATE, 100);
        for _ in 0..100 {
            assert_eq!(bucket.take(at(0)), Duration::ZERO);
        }
        assert_eq!(bucket.take(at(0)), Duration::from_millis(200));
        assert_eq!(bucket.take(at(0)), Duration::from_millis(400));
        assert_eq!(bucket.take(at(10)), Duration::ZERO);
    }

    #[test]
    fn a_share_shrinks_burst_and_rate() {
        let mut bucket = Bucket::new(RATE, 50);
        for _ in 0..50 {
            assert_eq!(bucket.take(at(0)), Duration::ZERO);
        }
        assert_eq!(bucket.take(at(0)), Duration::from_millis(400));
    }

    #[test]
    fn what_aws_calls_empty_is_empty() {
        let mut bucket = Bucket::new(RATE, 100);
        bucket.empty(at(0));
        assert_eq!(bucket.take(at(0)), Duration::from_millis(200));
    }

    #[test]
    fn a_clock_set_back_by_an_hour_costs_no_hour() {
        let mut bucket = Bucket::new(RATE, 100);
        for _ in 0..100 {
            bucket.take(at(3600));
        }
        assert_eq!(bucket.take(at(0)), Duration::from_millis(200));
    }
}
