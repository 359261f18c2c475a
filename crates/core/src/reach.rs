//! Where one run reaches: its own Place, and those where its copies go.
//!
//! Each goes at its own pace, since AWS counts calls by account and Region, and
//! shares it with the other runs that reach there. Knows nothing of what the calls
//! are for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cloud::{Clock, Clouds};
use crate::id::Place;
use crate::paced::{Paced, Pacing};
use crate::setting::Settings;
use crate::stop::{Stop, Why};

/// One Place at AWS's pace, shared by all that call it.
pub type Paces<'a, S, K> = Rc<Paced<'a, <S as Clouds>::Cloud, K>>;

/// The Places of one run.
pub struct Reach<'a, S: Clouds, K> {
    clouds: &'a S,
    clock: &'a K,
    settings: &'a Settings,
    stop: &'a Stop,
    pacing: &'a Pacing,
    home: Paces<'a, S, K>,
    /// Made when they are first asked for.
    away: RefCell<BTreeMap<Place, Paces<'a, S, K>>>,
}

impl<'a, S: Clouds, K: Clock> Reach<'a, S, K> {
    /// All that is reached from `home`. Makes no call.
    pub fn new(
        clouds: &'a S,
        home: &Place,
        clock: &'a K,
        settings: &'a Settings,
        stop: &'a Stop,
        pacing: &'a Pacing,
    ) -> Self {
        let home = Rc::new(Paced::new(clouds.at(home), clock, stop, pacing));
        Self { clouds, clock, settings, stop, pacing, home, away: RefCell::default() }
    }

    /// The run's own Place.
    pub fn home(&self) -> &Paced<'a, S::Cloud, K> {
        &self.home
    }

    /// The clock of the run.
    pub fn clock(&self) -> &'a K {
        self.clock
    }

    /// Any Place: one of another account as the role that the settings name.
    /// Makes no call.
    pub fn at(&self, place: &Place) -> Paces<'a, S, K> {
        use crate::cloud::Cloud as _;
        let home = self.home.place();
        if place == home {
            return Rc::clone(&self.home);
        }
        let there = || {
            let cloud = if place.account == home.account {
                self.clouds.at(place)
            } else {
                self.clouds.through(place, &self.settings.copy_role)
            };
            Rc::new(Paced::new(cloud, self.clock, self.stop, self.pacing))
        };
        Rc::clone(self.away.borrow_mut().entry(place.clone()).or_insert_with(there))
    }

    /// Why calls were not made or not awaited, anywhere, if that ever happened.
    pub fn cut_short(&self) -> Option<Why> {
        self.home.cut_short().or_else(|| self.away.borrow().values().find_map(|cloud| cloud.cut_short()))
    }
}
