//! The buckets of one invocation, by Place and lane.
//!
//! AWS counts the calls of an account, whichever run makes them: so the runs of one
//! invocation take from the same buckets, above all where their copies go to one
//! Place. Another invocation has buckets of its own; what AWS then refuses slows
//! both down.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::Lane;
use super::bucket::Bucket;
use crate::id::Place;

/// AWS's pace, or a share of it: made once for each invocation, and lent to all
/// its runs.
#[derive(Debug)]
pub struct Pacing {
    share: u32,
    places: RefCell<BTreeMap<Place, Rc<Buckets>>>,
}

impl Pacing {
    /// Full buckets everywhere, that use `share` percent (1 to 100) of AWS's rates.
    pub fn new(share: u32) -> Self {
        Self { share, places: RefCell::default() }
    }

    /// The buckets of a Place, the same for all who ask.
    pub(super) fn at(&self, place: &Place) -> Rc<Buckets> {
        let full = || Rc::new(Buckets { share: self.share, by_lane: RefCell::default() });
        Rc::clone(self.places.borrow_mut().entry(place.clone()).or_insert_with(full))
    }
}

/// The buckets of one Place, each full when it is first asked for.
#[derive(Debug)]
pub(super) struct Buckets {
    share: u32,
    by_lane: RefCell<BTreeMap<Lane, Bucket>>,
}

impl Buckets {
    /// Acts on the bucket of a lane, as of `now`.
    pub(super) fn with<T>(&self, lane: Lane, now: Timestamp, act: impl FnOnce(&mut Bucket, Timestamp) -> T) -> T {
        let mut by_lane = self.by_lane.borrow_mut();
        let bucket = by_lane.entry(lane).or_insert_with(|| Bucket::new(lane.class.rate(), self.share));
        act(bucket, now)
    }
}
