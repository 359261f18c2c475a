//! One world: a handle that every way in shares.
//!
//! Owns the order in which a call meets what can stop it: Region, permission,
//! fault, bucket, and then the action itself; and the log of calls.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ebskeep_core::id::Place;
use jiff::Timestamp;
use smol_str::SmolStr;

use crate::act::{Act, Acted};
use crate::bucket::{Bucket, allowance};
use crate::census::Census;
use crate::ec2::{self, Scene};
use crate::fault::{Armed, Fault, What};
use crate::history::{Call, Outcome, Past};
use crate::params::Params;
use crate::port::SimClouds;
use crate::refusal::Refusal;
use crate::region::Regions;
use crate::rules::Rules;
use crate::state::State;
use crate::sts::{self, Caller};

/// A small EC2. Clones are handles to the same world.
#[derive(Clone, Debug)]
pub struct World {
    state: Arc<Mutex<State>>,
}

/// What an action answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Ec2(ec2::Answer),
    Sts(sts::Answer),
}

/// How an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    Whole,
    /// Half of it arrives, then the connection breaks.
    Cut,
    /// The connection breaks before any of it.
    Lost,
}

/// The end of a call as its caller meets it.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) answer: Result<Answer, Refusal>,
    pub(crate) delivery: Delivery,
    pub(crate) at: Timestamp,
}

/// What a call asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) service: &'static str,
    pub(crate) action: String,
    pub(crate) params: Params,
}

impl World {
    /// An empty world. It stands still at `start` until it is moved or begins
    /// to tick: see [`World::clock`].
    pub fn new(seed: u64, start: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(seed, start))) }
    }

    /// The port, for the holder of an access key such as `AKIASIM123456789012`,
    /// whose digits name the account. A key that names none is answered with
    /// `AuthFailure`.
    pub fn clouds(&self, key: &str) -> SimClouds {
        SimClouds::new(self.clone(), key)
    }

    /// The world's time.
    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves time on; what falls due on the way happens at its own instant.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.time.advance(by);
        state.settle();
    }

    /// Sets how this EC2 behaves from now on.
    pub fn rules(&self, rules: Rules) {
        self.state().rules = rules;
    }

    /// How this EC2 behaves.
    pub fn current_rules(&self) -> Rules {
        self.state().rules.clone()
    }

    /// Something an outsider does.
    pub fn act(&self, act: Act) -> Result<Acted, Refusal> {
        act.happen(&mut self.state())
    }

    /// Arms a fault. Of several that hit the same call, the one armed first
    /// decides about refusals and losses; others add to it.
    pub fn fault(&self, fault: Fault) {
        self.state().faults.push(Armed::new(fault));
    }

    /// Disarms all faults.
    pub fn disarm(&self) {
        self.state().faults.clear();
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls_from(0)
    }

    /// The calls after the first so many, in order.
    pub fn calls_from(&self, first: usize) -> Vec<Call> {
        self.state().calls.get(first..).unwrap_or_default().to_vec()
    }

    /// How many calls there were so far.
    pub fn calls_so_far(&self) -> usize {
        self.state().calls.len()
    }

    /// Every snapshot that is or was there: first those that are gone, as they
    /// went, then those there are, by Place and id.
    pub fn history(&self) -> Vec<Past> {
        self.history_since(Timestamp::MIN)
    }

    /// Those of [`World::history`] that began or ended then or later.
    pub fn history_since(&self, since: Timestamp) -> Vec<Past> {
        let state = self.state();
        let places = state.sites.iter();
        let there = places.flat_map(|(place, site)| {
            let new = site.snapshots.values().filter(|snapshot| snapshot.started >= since);
            new.map(move |snapshot| Past::of(place, snapshot, None))
        });
        let ended = |past: &&Past| past.deleted.as_ref().is_some_and(|end| end.at >= since);
        state.buried.iter().filter(ended).cloned().chain(there).collect()
    }

    /// What there is in a Place at this moment, beside all calls.
    pub fn census(&self, place: &Place) -> Census {
        Census::of(&self.state(), place)
    }

    /// The state, with everything done that is due by now.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves no half-made change that matters to a
        // simulation.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        state
    }

    /// Waits as long as a call takes.
    pub(crate) async fn travel(&self) {
        let delay = {
            let mut state = self.state();
            let jitter = u64::try_from(state.rules.jitter.as_millis()).unwrap_or(u64::MAX);
            let extra = if jitter == 0 { 0 } else { state.delays.up_to(jitter) };
            state.rules.latency + Duration::from_millis(extra)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    /// One call, from permission to log.
    pub(crate) fn call(&self, caller: &Caller, asked: Asked) -> Reply {
        let mut state = self.state();
        let at = state.now;
        let mut logged = asked.params.all().clone();
        // A signature, as those of the call itself.
        logged.remove("PresignedUrl");
        let (service, action) = (asked.service, SmolStr::new(&asked.action));
        let mut faults = Vec::new();
        let (answer, delivery) = meet(&mut state, caller, asked, &mut faults);
        let outcome = match (delivery, &answer) {
            (Delivery::Lost, Err(refusal)) if refusal.code == LOST => Outcome::LostBefore,
            (Delivery::Lost | Delivery::Cut, Ok(_)) => Outcome::LostAfter,
            (_, Err(refusal)) => Outcome::Refused(refusal.code.clone()),
            (Delivery::Whole, Ok(_)) => Outcome::Done,
        };
        state.calls.push(Call {
            at,
            account: caller.account.clone(),
            region: caller.region.clone(),
            caller: caller.arn.to_string(),
            service: service.into(),
            action,
            params: logged,
            outcome,
            faults,
        });
        Reply { answer, delivery, at }
    }
}

/// Stands in for the answer to a call that never arrived.
const LOST: &str = "sim:lost";

fn meet(
    state: &mut State,
    caller: &Caller,
    asked: Asked,
    faults: &mut Vec<SmolStr>,
) -> (Result<Answer, Refusal>, Delivery) {
    let Asked { service, action, params } = asked;
    if let Err(refusal) = admit(state, caller, service, &action) {
        return (Err(refusal), Delivery::Whole);
    }
    let mut met = Met::default();
    for armed in &mut state.faults {
        if let Some(what) = armed.hits(&caller.account, &caller.region, &action, &params) {
            met.add(what);
        }
    }
    state.faults.retain(|armed| !armed.spent());
    faults.extend(met.named());
    match met.stops {
        Some(What::LostBefore) => {
            return (Err(Refusal::new(LOST, "the connection broke before the call arrived")), Delivery::Lost);
        }
        Some(What::Refuse { code, status, message }) => {
            let mut refusal = Refusal::new(code, message);
            refusal.status = status.unwrap_or(refusal.status);
            return (Err(refusal), met.delivery);
        }
        _ => {}
    }
    if service == "sts" {
        let answer = sts::perform(caller, &action, params, &state.external_ids, state.now).map(Answer::Sts);
        return (answer, met.delivery);
    }
    let place = Place { account: caller.account.clone(), region: caller.region.clone() };
    if let Err(refusal) = pay(state, &place, &action, &params) {
        return (Err(refusal), met.delivery);
    }
    let mut scene =
        Scene { state, place: &place, by: caller.arn.clone(), is_aws: false, stale_by: met.stale_by, fails: met.fails };
    let mut answer = ec2::perform(&mut scene, &action, params);
    if let (true, Ok(answer)) = (met.bad_token, &mut answer)
        && spoil(answer)
    {
        faults.push(What::BadToken.name());
    }
    (answer.map(Answer::Ec2), met.delivery)
}

/// What the faults that hit one call come to.
struct Met {
    stops: Option<What>,
    delivery: Delivery,
    stale_by: Duration,
    fails: Option<SmolStr>,
    bad_token: bool,
}

impl Default for Met {
    fn default() -> Self {
        Self { stops: None, delivery: Delivery::Whole, stale_by: Duration::ZERO, fails: None, bad_token: false }
    }
}

impl Met {
    /// What the log says of them. A spoilt token is one only where there was one.
    fn named(&self) -> Vec<SmolStr> {
        if let Some(stops) = &self.stops {
            return vec![stops.name()];
        }
        let delivered = match self.delivery {
            Delivery::Whole => None,
            Delivery::Cut => Some(What::CutBody.name()),
            Delivery::Lost => Some(What::LostAfter.name()),
        };
        let stale = (!self.stale_by.is_zero()).then(|| What::StaleListing { by: self.stale_by }.name());
        let fails = self.fails.clone().map(|message| What::SnapshotFails { message }.name());
        delivered.into_iter().chain(stale).chain(fails).collect()
    }

    fn add(&mut self, what: &What) {
        match what {
            What::Refuse { .. } | What::LostBefore => {
                self.stops.get_or_insert_with(|| what.clone());
            }
            What::LostAfter => self.delivery = Delivery::Lost,
            What::CutBody if self.delivery == Delivery::Whole => self.delivery = Delivery::Cut,
            What::CutBody => {}
            What::StaleListing { by } => self.stale_by = self.stale_by.max(*by),
            What::BadToken => self.bad_token = true,
            What::SnapshotFails { message } => self.fails = Some(message.clone()),
        }
    }
}

/// Whether this caller may make this call here.
fn admit(state: &State, caller: &Caller, service: &str, action: &str) -> Result<(), Refusal> {
    if service == "ec2" {
        if !Regions::exists(&caller.region) {
            return Err(Refusal::new("AuthFailure", "AWS was not able to validate the provided access credentials"));
        }
        if !state.regions.enabled(&caller.region) {
            return Err(Refusal::new(
                "OptInRequired",
                format!("You are not subscribed to this service in {}.", caller.region),
            ));
        }
        if !ec2::known(action) {
            return Err(Refusal::new(
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            ));
        }
    }
    let denied = state.denials.iter().find(|d| {
        d.account == caller.account
            && d.region.as_ref().is_none_or(|r| *r == caller.region)
            && d.action.as_deref().is_none_or(|a| a == action)
    });
    match denied {
        Some(denial) => Err(Refusal::new(
            denial.code.clone(),
            format!(
                "You are not authorized to perform this operation. User: {} is not authorized to perform: {service}:{action}",
                caller.arn
            ),
        )),
        None => Ok(()),
    }
}

/// Takes a token from the bucket of an action.
fn pay(state: &mut State, place: &Place, action: &str, params: &Params) -> Result<(), Refusal> {
    if !state.rules.buckets {
        return Ok(());
    }
    let bounded = params.has("MaxResults") || params.has("NextToken") || params.has_any("Filter");
    let allowance = allowance(action, bounded);
    let (rules, now) = (state.rules.clone(), state.now);
    let key = (SmolStr::new(action), allowance.bounded);
    let bucket = state.site(place).buckets.entry(key).or_insert_with(|| Bucket::full(allowance, &rules, now));
    if bucket.take(allowance, &rules, now) {
        Ok(())
    } else {
        Err(Refusal::new("RequestLimitExceeded", "Request limit exceeded."))
    }
}

/// Makes the answer's token, if it has one, one that will not be taken.
fn spoil(answer: &mut ec2::Answer) -> bool {
    let next = match answer {
        ec2::Answer::Instances(part) => &mut part.next,
        ec2::Answer::Volumes(part) => &mut part.next,
        ec2::Answer::Snapshots(part) | ec2::Answer::Tiers(part) => &mut part.next,
        ec2::Answer::Images(part) => &mut part.next,
        ec2::Answer::Locks(part) => &mut part.next,
        _ => return false,
    };
    if let Some(token) = next {
        token.insert(0, 'x');
        return true;
    }
    false
}
