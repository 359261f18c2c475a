//! A small world, a function in it, and what they hold afterwards.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ebskeep_core::cloud::Clock;
use ebskeep_core::id::{Place, SnapshotId, VolumeId};
use ebskeep_core::tags::Tags;
use ebskeep_lambda::event::Variables;
use ebskeep_lambda::handler::{Function, Invocation};
use ebskeep_lambda::result::{Answer, SCHEMA};
use ebskeep_sim::{Act, Acted, Deed, Past, PutState, Rules, SimClouds, World, WorldClock};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Diagnostic;
use serde_json::Value;

pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const HOME: &str = "eu-west-1";
pub(crate) const AWAY: &str = "us-east-1";
/// 2026-03-01 00:00 UTC: slots of the day are due.
pub(crate) const START: Timestamp = Timestamp::constant(1_772_323_200, 0);
/// As long as Lambda gives a function at most.
pub(crate) const LONGEST: Duration = Duration::from_mins(15);

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) clock: WorldClock,
    log: Rc<RefCell<Vec<Value>>>,
    function: Function<SimClouds, WorldClock>,
}

/// How an invocation ended: the type of its error, if it is one, and the answer.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) error: Option<String>,
    pub(crate) answer: Value,
    /// Bytes that travel.
    pub(crate) length: usize,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A world and a function with these variables.
    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        let world = World::new(7, START);
        world.rules(Rules { completes_after: Duration::ZERO, ..Rules::default() });
        let (clock, log) = (world.clock(), Rc::new(RefCell::new(Vec::new())));
        let lines = Rc::clone(&log);
        let sink = Box::new(move |line: &ebskeep_lambda::log::Line<'_>| {
            lines.borrow_mut().push(serde_json::to_value(line).unwrap());
        });
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let clouds = world.clouds(&format!("AKIASIM{ACCOUNT}"));
        let function = Function::new(clouds, clock.clone(), Some(HOME.into()), Variables::new(variables), sink);
        Self { world, clock, log, function }
    }

    pub(crate) async fn invoke(&self, event: Value) -> Ended {
        self.invoke_for(event, LONGEST).await
    }

    /// One invocation that Lambda gives so long.
    pub(crate) async fn invoke_for(&self, event: Value, time: Duration) -> Ended {
        let deadline = self.clock.now() + SignedDuration::try_from(time).unwrap();
        let invocation = Invocation { request_id: "0-1".to_owned(), deadline };
        let stop = ebskeep_core::stop::Stop::new();
        let ended = self.function.invoke(&event, &invocation, &stop).await;
        assert!(self.clock.now() < deadline, "Lambda would have killed it");
        let ended = match ended {
            Ok(answer) => {
                let json = serde_json::to_vec(&answer).unwrap();
                Ended { error: None, answer: serde_json::from_slice(&json).unwrap(), length: json.len() }
            }
            Err(error) => {
                let diagnostic = Diagnostic::from(error);
                let length = serde_json::to_vec(&diagnostic).unwrap().len();
                let Diagnostic { error_type, error_message } = diagnostic;
                Ended { error: Some(error_type), answer: serde_json::from_str(&error_message).unwrap(), length }
            }
        };
        let schema = serde_json::to_value(schemars::schema_for!(Answer)).unwrap();
        jsonschema::validate(&schema, &ended.answer).unwrap();
        assert_eq!(ended.answer["schema"], SCHEMA);
        ended
    }

    /// The lines logged since the last time.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.log.borrow_mut().split_off(0)
    }

    pub(crate) fn act(&self, region: &str, deed: Deed) -> Acted {
        let place = Place { account: ACCOUNT.into(), region: region.into() };
        self.world.act(Act::at(&place, deed)).unwrap()
    }

    /// A running instance with these tags; its root volume.
    pub(crate) fn instance(&self, region: &str, tags: &[(&str, &str)]) -> VolumeId {
        let deed = Deed::Run {
            id: None,
            image: None,
            volumes: [].into(),
            tags: tags.iter().copied().collect(),
            volume_tags: Tags::new(),
        };
        self.act(region, deed).volumes.into_values().next().unwrap()
    }

    /// An unattached volume with these tags.
    pub(crate) fn volume(&self, tags: &[(&str, &str)]) -> VolumeId {
        let tags = tags.iter().copied().collect();
        let deed = Deed::CreateVolume { id: None, size_gib: 8, kind: None, multi_attach: false, key: None, tags };
        self.act(HOME, deed).id.unwrap().as_str().into()
    }

    /// A good backup of ours, taken so many days ago to be kept so many days.
    pub(crate) fn backup(&self, of: &VolumeId, days_ago: i64, days: i64) -> SnapshotId {
        let started = self.world.now() - SignedDuration::from_hours(24 * days_ago) - SignedDuration::from_mins(1);
        let delete_on = (started + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
        let slot = started.strftime("%Y-%m-%dT00:00:00Z").to_string();
        let tags = [
            ("Type", "Automated"),
            ("DeleteOn", &delete_on),
            ("ebskeep:slot", &slot),
            ("ebskeep:deployment", "default"),
            ("ebskeep:volume", of.as_str()),
        ];
        let deed = Deed::PutSnapshot {
            id: None,
            volume: of.clone(),
            started,
            state: PutState::Completed,
            size_gib: None,
            description: "".into(),
            tags: tags.into_iter().collect(),
        };
        self.act(HOME, deed).id.unwrap().as_str().into()
    }

    pub(crate) fn deny(&self, region: &str, action: &str) {
        self.act(region, Deed::Deny { action: Some(action.into()), everywhere: false, code: None });
    }

    /// The snapshots there are.
    pub(crate) fn snapshots(&self, region: &str) -> Vec<Past> {
        let there = |past: &Past| past.deleted.is_none() && past.place.region.as_str() == region;
        self.world.history().into_iter().filter(there).collect()
    }

    /// The volumes they are of.
    pub(crate) fn backed_up(&self, region: &str) -> Vec<VolumeId> {
        self.snapshots(region).into_iter().map(|past| past.volume).collect()
    }

    /// Their ids.
    pub(crate) fn ids(&self, region: &str) -> Vec<SnapshotId> {
        self.snapshots(region).into_iter().map(|past| past.id).collect()
    }

    /// When calls that change something were made.
    pub(crate) fn changes(&self) -> Vec<Timestamp> {
        let calls = self.world.calls().into_iter();
        calls.filter(|call| !call.action.starts_with("Describe") && call.service == "ec2").map(|call| call.at).collect()
    }
}
