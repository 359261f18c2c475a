//! One invocation: an event in, an answer or an error out.
//!
//! Generic over the port, so that tests drive it in virtual time. All Regions
//! run side by side in one task, each with a [`Run`] of its own: one that is
//! denied, refused or slow holds up no other. One [`Pacing`] is lent to them all, and
//! one [`Stop`] ends them all, early enough for the answer to be given.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use ebskeep_core::cloud::{Clock, Clouds};
use ebskeep_core::id::{AccountId, Place, Region};
use ebskeep_core::job::{Event, Run};
use ebskeep_core::paced::{Pacing, patiently};
use ebskeep_core::report::{Conclusion, words};
use ebskeep_core::stop::{Stop, Why};
use futures::future::{Either, join_all, select};
use jiff::Timestamp;
use serde_json::Value;

use crate::event::{self, Asked, Regions, Shape, Variables};
use crate::log::{Log, Sink};
use crate::result::{Answer, Outcomes, Unsuccessful};

/// How long before its deadline an invocation begins nothing new. Calls in
/// flight are awaited for half of it
/// ([`ebskeep_core::paced::GRACE`]); the rest is for the answer.
pub const LAST: Duration = Duration::from_secs(20);

/// The function: what stays the same from one invocation to the next.
pub struct Function<C, K> {
    clouds: C,
    clock: K,
    home: Option<Region>,
    variables: Variables,
    sink: Box<Sink>,
    /// The account of the credentials, once it was told: it never changes.
    account: RefCell<Option<AccountId>>,
}

/// One invocation, as Lambda announces it.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Lambda's id for it.
    pub request_id: String,
    /// When Lambda ends it, by the machine's clock.
    pub deadline: Timestamp,
}

impl<C: Clouds, K: Clock> Function<C, K> {
    /// A function in the Region `home`, with its variables, and where its log
    /// lines go.
    pub fn new(clouds: C, clock: K, home: Option<Region>, variables: Variables, sink: Box<Sink>) -> Self {
        Self { clouds, clock, home, variables, sink, account: RefCell::default() }
    }

    /// Does what the event asks for. Raising `stop` ends it early; its own
    /// deadline raises it too.
    ///
    /// # Errors
    ///
    /// The answer, if not everything was done.
    pub async fn invoke(&self, event: &Value, invocation: &Invocation, stop: &Stop) -> Result<Answer, Unsuccessful> {
        let log = Log::new(&self.clock, &invocation.request_id, &*self.sink);
        let answer = match event::read(event, &self.variables) {
            Ok(asked) if matches!(asked.shape, Shape::Nothing(_)) => Answer::new(&asked, Vec::new()),
            Ok(asked) => self.before(invocation.deadline, stop, self.run(&asked, &log, stop)).await,
            Err(error) => Answer::not_begun(None, Conclusion::Failed, &error.to_string()),
        };
        log.ended(&answer);
        answer.verdict()
    }

    /// Awaits the work, and tells it to stop when the deadline is near.
    async fn before<T>(&self, deadline: Timestamp, stop: &Stop, work: impl Future<Output = T>) -> T {
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).unwrap_or_default();
        let left = left.saturating_sub(LAST);
        if left.is_zero() {
            stop.raise(Why::Deadline);
        }
        match select(pin!(work), pin!(self.clock.sleep(left))).await {
            Either::Left((done, _)) => done,
            Either::Right(((), work)) => {
                stop.raise(Why::Deadline);
                work.await
            }
        }
    }

    async fn run(&self, asked: &Asked, log: &Log<'_, K>, stop: &Stop) -> Answer {
        let places = match select(pin!(stop.wait()), pin!(self.places(asked))).await {
            Either::Left((why, _)) => {
                let error = format!("told to stop ({}) before anything was begun", crate::result::word(why));
                return Answer::not_begun(Some(asked), Conclusion::Unfinished, &error);
            }
            Either::Right((Err(error), _)) => {
                return Answer::not_begun(Some(asked), Conclusion::Failed, &error);
            }
            Either::Right((Ok(places), _)) => places,
        };
        let pacing = Pacing::new(asked.settings.api_share);
        let runs = places.iter().map(|place| self.run_at(place, asked, log, stop, &pacing));
        Answer::new(asked, join_all(runs).await)
    }

    /// One Region, from the first look to the last line of its log.
    async fn run_at(&self, place: &Place, asked: &Asked, log: &Log<'_, K>, stop: &Stop, pacing: &Pacing) -> Outcomes {
        let log = log.region(place);
        let on_event = |_: &Place, event: Event<'_>| log.event(event);
        let run = Run::new(&self.clouds, place, &self.clock, &asked.settings, stop, pacing, &on_event);
        match run.plan(&asked.request).await {
            Ok(planned) => {
                let report = run.apply(planned).await;
                let outcomes = Outcomes::of(&report);
                log.ended(outcomes.place(), &report.notes);
                outcomes
            }
            Err(error) => {
                let outcomes = Outcomes::nothing_seen(&place.account, &place.region, &words(&error), stop.raised());
                log.ended(outcomes.place(), &[]);
                outcomes
            }
        }
    }

    /// Where the jobs run.
    async fn places(&self, asked: &Asked) -> Result<Vec<Place>, String> {
        let account = self.account().await?;
        let regions = match &asked.regions {
            Regions::Home => vec![self.home.clone().ok_or(
                "no Region: the event names none and the function's environment has no AWS_REGION; add \"regions\"",
            )?],
            Regions::These(regions) => regions.clone(),
            Regions::All => {
                patiently(&self.clock, async || self.clouds.regions().await).await.map_err(|e| words(&e))?
            }
        };
        Ok(regions.into_iter().map(|region| Place { account: account.clone(), region }).collect())
    }

    async fn account(&self) -> Result<AccountId, String> {
        if let Some(known) = self.account.borrow().clone() {
            return Ok(known);
        }
        let identity = patiently(&self.clock, async || self.clouds.identity().await).await.map_err(|e| words(&e))?;
        *self.account.borrow_mut() = Some(identity.account.clone());
        Ok(identity.account)
    }
}
