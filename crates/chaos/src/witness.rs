//! Who sees each deletion at the moment of its call, and notes what had a reason to
//! stay then. Whether it really went is seen once the run is over.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ebskeep_core::id::{Place, SnapshotId};
use ebskeep_core::inventory::{Snapshot, SnapshotState};
use ebskeep_sim::{Census, World};
use jiff::{SignedDuration, Timestamp};

use crate::checker::Violation;
use crate::checker::keep::{Limits, Scene, reasons};

/// How old a look at a snapshot may be when it is deleted: what a user did to it
/// since cannot have been seen.
const LOOK: SignedDuration = SignedDuration::from_secs(60);
/// How soon after its deletion a restored snapshot may be taken for one whose
/// deletion is still under way: an hour, and how long a run can take.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(2);
/// How long one that was restored stays.
const RESTORED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One witness for all runs of a world.
#[derive(Clone, Debug)]
pub struct Witness {
    world: World,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    suspects: Vec<(Place, SnapshotId, Vec<Violation>)>,
    touched: BTreeMap<SnapshotId, Timestamp>,
    restored: BTreeMap<SnapshotId, Timestamp>,
    /// Whose deletion was called for since the last verdict, and when, as they were then. A
    /// plan is judged by what there was before it: what goes with the others counts for them.
    /// What another run took before this one began does not: a record that went with it
    /// governs nothing any more, as after any run (docs/semantics.md 2.5).
    going: Vec<(Timestamp, Place, Snapshot)>,
}

impl Witness {
    /// Sees this world.
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), inner: Rc::default() }
    }

    /// A user did something to a snapshot just now.
    pub fn touched(&self, id: &SnapshotId) {
        self.inner.borrow_mut().touched.insert(id.clone(), self.world.now());
    }

    /// A user restored a snapshot that we had deleted then.
    pub fn restored(&self, id: &SnapshotId, deleted: Timestamp) {
        self.inner.borrow_mut().restored.insert(id.clone(), deleted);
    }

    /// A deletion is about to be called for, by a deployment with these limits, in a run that
    /// began then.
    pub fn sees(&self, place: &Place, id: &SnapshotId, limits: &Limits, began: Timestamp) {
        let now = self.world.now();
        let mut inner = self.inner.borrow_mut();
        let mut census: Census = self.world.census(place);
        let there = |id: &SnapshotId| census.snapshots.iter().find(|snapshot| snapshot.id == *id);
        let with_it = inner
            .going
            .iter()
            .filter(|(at, went_from, snapshot)| *at >= began && went_from == place && there(&snapshot.id).is_none());
        let with_it: Vec<Snapshot> = with_it.map(|(.., snapshot)| snapshot.clone()).collect();
        if let Some(snapshot) = there(id) {
            // Called for again, it is one snapshot all the same.
            inner.going.retain(|(.., other)| other.id != *id);
            inner.going.push((now, place.clone(), snapshot.clone()));
        }
        census.snapshots.extend(with_it);
        if inner.touched.get(id).is_some_and(|at| now.duration_since(*at) <= LOOK) {
            return;
        }
        let mut found = reasons(&Scene { place, census: &census, now, limits }, id);
        if !found.is_empty() {
            // What another run began meanwhile, such as a copy that records another policy, the
            // plan may have seen, or not: either is right.
            census.snapshots.retain(|snapshot| snapshot.id == *id || snapshot.started < began);
            if reasons(&Scene { place, census: &census, now, limits }, id).is_empty() {
                found.clear();
            }
        }
        // Of a failed one nothing was restored.
        let failed = census.snapshots.iter().any(|one| one.id == *id && one.state == SnapshotState::Error);
        if let Some(deleted) = inner.restored.get(id).filter(|_| !failed) {
            let since = now.duration_since(*deleted);
            if since > UNDER_WAY && since < RESTORED {
                let detail = format!("{id}, restored after its end at {deleted}");
                found.push(Violation::new("gone: restored", detail));
            }
        }
        if !found.is_empty() {
            inner.suspects.push((place.clone(), id.clone(), found));
        }
    }

    /// What went since the last time although it had a reason to stay.
    pub fn verdict(&self) -> Vec<Violation> {
        let suspects = {
            let mut inner = self.inner.borrow_mut();
            inner.going.clear();
            std::mem::take(&mut inner.suspects)
        };
        let mut found = Vec::new();
        for (place, id, reasons) in suspects {
            if !self.world.census(&place).snapshots.iter().any(|snapshot| snapshot.id == id) {
                found.extend(reasons);
            }
        }
        found
    }
}
