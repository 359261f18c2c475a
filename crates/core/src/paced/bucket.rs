//! A token bucket, as AWS keeps one for each account, Region and action.
//!
//! Knows neither calls nor clocks: it is told the time and answers how long to
//! wait. Each taker is given its own place in the queue at once, so nobody polls
//! and nobody overtakes; only when AWS says that there was less than we thought
//! do those who wait queue again, at the pace that is then the right one.

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

/// A millionth of a call: what buckets count in.
const CALL: i64 = 1_000_000;

/// What is left of the pace, in percent, each time AWS says that it is too fast.
const SLOWER: i64 = 70;
/// The slowest, in percent of the share: others have the rest, and a deletion
/// still comes in the minute after its look.
const SLOWEST: i64 = 20;
/// Percent of the share by which the pace grows again in each second.
const FASTER: i64 = 1;
/// Within so many seconds AWS's refusals tell of one and the same mistake: the
/// calls were all under way when the first was refused.
const ONE_MISTAKE: SignedDuration = SignedDuration::from_secs(1);

/// A place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// How long until it comes.
    pub(super) wait: Duration,
    /// Which queue it is a place of: see [`Bucket::is_current`].
    queue: u32,
}

/// The state of one bucket.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// Millionths of a call that it holds at most.
    most: i64,
    /// Millionths of a call that it gains each second at its full pace.
    per_second: i64,
    /// Percent of the full pace at which it went when AWS last refused a call.
    pace: i64,
    /// Millionths of a call that it holds; less than none where calls wait.
    holds: i64,
    /// The latest time told.
    seen: Option<Timestamp>,
    /// When AWS last said that it was too fast.
    refused: Option<Timestamp>,
    /// How many queues were given up so far.
    queue: u32,
}

impl Bucket {
    /// A full bucket that uses `share` percent of `rate`.
    ///
    /// It holds one call less than AWS's: calls take different times on their
    /// way, and one that is early by a hair would find AWS's bucket empty.
    pub(super) fn new(rate: Rate, share: u32) -> Self {
        let share = share.clamp(1, 100);
        let burst = (rate.burst * share / 100).min(rate.burst.saturating_sub(1)).max(1);
        let most = i64::from(burst) * CALL;
        let per_second = (i64::from(rate.per_second * share) * CALL / 100).max(1);
        Self { most, per_second, pace: 100, holds: most, seen: None, refused: None, queue: 0 }
    }

    /// Takes one token. The caller makes its call after the wait, if its turn
    /// [is still one](Self::is_current) then, and else takes another.
    pub(super) fn take(&mut self, now: Timestamp) -> Turn {
        self.fill(now);
        self.holds -= CALL;
        let owed = u64::try_from(-self.holds).unwrap_or_default();
        let wait = Duration::from_micros(owed.saturating_mul(1_000_000) / self.gain(now).unsigned_abs().max(1));
        Turn { wait, queue: self.queue }
    }

    /// Whether a turn that was waited for still is one: AWS refused none since.
    pub(super) fn is_current(&self, turn: Turn) -> bool {
        turn.queue == self.queue
    }

    /// AWS says that its bucket is empty, whatever we thought: others use it too.
    /// The pace goes down, and comes back slowly; who waits queues again.
    pub(super) fn refused(&mut self, now: Timestamp) {
        self.fill(now);
        self.holds = 0;
        self.queue = self.queue.wrapping_add(1);
        if self.refused.is_none_or(|at| now.duration_since(at) >= ONE_MISTAKE) {
            self.pace = (self.pace(now) * SLOWER / 100).max(SLOWEST);
            self.refused = Some(now);
        }
    }

    /// Gains what it gained since it was last asked. A machine's clock that was
    /// set back gains nothing, and costs no wait as long as the step.
    fn fill(&mut self, now: Timestamp) {
        let seen = self.seen.replace(now).unwrap_or(now);
        let passed = now.duration_since(seen);
        if passed.is_negative() {
            self.refused = self.refused.map(|at| at.min(now));
            return;
        }
        let gained = i128::from(self.gain(seen)) * passed.as_micros() / 1_000_000;
        self.holds = self.holds.saturating_add(i64::try_from(gained).unwrap_or(i64::MAX)).min(self.most);
    }

    /// Millionths of a call that it gains each second, as of `now`.
    fn gain(&self, now: Timestamp) -> i64 {
        self.per_second * self.pace(now) / 100
    }

    /// Percent of the full pace: what was left by the last refusal, and what came
    /// back since.
    fn pace(&self, now: Timestamp) -> i64 {
        let since = self.refused.map_or(0, |at| now.duration_since(at).as_secs().max(0));
        self.pace.saturating_add(since.saturating_mul(FASTER)).min(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 100, per_second: 5 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    /// The waits of so many calls that want their turn at one instant, in ms.
    fn waits(bucket: &mut Bucket, now: i64, calls: usize) -> Vec<u128> {
        (0..calls).map(|_| bucket.take(at(now)).wait.as_millis()).collect()
    }

    #[test]
    fn a_full_bucket_lets_its_burst_through_and_then_its_rate() {
        let mut bucket = Bucket::new(RATE, 100);
        assert_eq!(waits(&mut bucket, 0, 99), [0; 99]);
        assert_eq!(waits(&mut bucket, 0, 2), [200, 400]);
        assert_eq!(waits(&mut bucket, 10, 1), [0]);
    }

    #[test]
    fn a_share_shrinks_burst_and_rate() {
        let mut bucket = Bucket::new(RATE, 50);
        assert_eq!(waits(&mut bucket, 0, 50), [0; 50]);
        assert_eq!(waits(&mut bucket, 0, 1), [400]);
        let mut least = Bucket::new(Rate { burst: 50, per_second: 5 }, 1);
        assert_eq!(waits(&mut least, 0, 3), [0, 20_000, 40_000]);
    }

    #[test]
    fn it_never_holds_more_than_its_burst() {
        let mut bucket = Bucket::new(RATE, 100);
        waits(&mut bucket, 0, 99);
        assert_eq!(waits(&mut bucket, 100_000, 99), [0; 99]);
        assert_eq!(waits(&mut bucket, 100_000, 1), [200]);
    }

    #[test]
    fn what_aws_refuses_empties_it_and_slows_it_down() {
        let mut bucket = Bucket::new(RATE, 100);
        bucket.refused(at(0));
        // 3.5 calls a second instead of 5.
        assert_eq!(waits(&mut bucket, 0, 2), [285, 571]);
        // What is refused within the same second is the same mistake.
        bucket.refused(at(0));
        assert_eq!(waits(&mut bucket, 0, 1), [285]);
        bucket.refused(at(1));
        assert_eq!(bucket.pace(at(1)), 49);
    }

    #[test]
    fn it_comes_back_slowly_and_never_stops() {
        let mut bucket = Bucket::new(RATE, 100);
        for second in 0..20 {
            bucket.refused(at(2 * second));
        }
        assert_eq!(bucket.pace(at(38)), 20);
        assert_eq!(bucket.pace(at(48)), 30);
        assert_eq!(bucket.pace(at(117)), 99);
        assert_eq!(bucket.pace(at(5_000)), 100);
        waits(&mut bucket, 5_000, 99);
        assert_eq!(waits(&mut bucket, 5_000, 1), [200]);
    }

    #[test]
    fn who_waits_when_aws_refuses_queues_again() {
        let mut bucket = Bucket::new(RATE, 100);
        waits(&mut bucket, 0, 200);
        let turn = bucket.take(at(0));
        assert!(bucket.is_current(turn) && turn.wait > Duration::from_secs(20));
        bucket.refused(at(1));
        assert!(!bucket.is_current(turn));
        assert_eq!(waits(&mut bucket, 1, 1), [285]);
    }

    #[test]
    fn a_clock_set_back_by_an_hour_costs_no_hour() {
        let mut bucket = Bucket::new(RATE, 100);
        waits(&mut bucket, 3_600, 99);
        assert_eq!(waits(&mut bucket, 0, 1), [200]);
        bucket.refused(at(3_600));
        assert_eq!(waits(&mut bucket, 0, 1), [285]);
        assert_eq!(bucket.pace(at(10)), 80);
    }
}
