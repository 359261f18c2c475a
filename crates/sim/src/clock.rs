//! The world's time for those who wait by it.

use std::time::Duration;

use ebskeep_core::cloud::Clock;
use jiff::Timestamp;

use crate::world::World;

/// A [`Clock`] that shows the world's time. Sleeping is tokio's: on a paused
/// runtime (`start_paused(true)`, current thread) the world moves to the next
/// waker as soon as every task waits.
#[derive(Clone, Debug)]
pub struct WorldClock {
    world: World,
}

impl World {
    /// A clock. From here on the world follows the time of the tokio runtime
    /// this is called on: virtual on a paused one, else real.
    pub fn clock(&self) -> WorldClock {
        self.state().time.tick();
        WorldClock { world: self.clone() }
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
