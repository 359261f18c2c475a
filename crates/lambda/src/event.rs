//! What an event asks for, told by its shape.
//!
//! Pure: an event and the function's `EBSKEEP_…` variables give what to run, or
//! an error that names the field and the remedy. Nothing in an event is passed
//! over: a field nobody knows is an error, since it was meant to do something.

mod notice;

use std::collections::BTreeMap;

use ebskeep_core::id::Region;
use ebskeep_core::job::{Request, Untagged};
use ebskeep_core::plan::Job;
use ebskeep_core::setting::{SettingError, Settings, TABLE};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The variable that names the job of events that name none.
pub const JOB_VARIABLE: &str = "EBSKEEP_JOB";
/// How our variables begin.
const PREFIX: &str = "EBSKEEP_";

/// Fields besides the settings that an event may have.
pub(crate) const FIELDS: [&str; 4] = ["job", "regions", "retention_days", "time"];
/// The fields of AWS's own scheduled events, which say nothing to us but
/// `time`. Source: Amazon EventBridge Events Reference, "AWS service event
/// metadata", and the EventBridge Scheduler User Guide.
const ENVELOPE: [&str; 9] =
    ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
/// The sources of those events: rules of EventBridge, and its Scheduler.
const SCHEDULERS: [&str; 2] = ["aws.events", "aws.scheduler"];
const SCHEDULED: &str = "Scheduled Event";

/// Days that autosnap keeps snapshots if its event does not say.
const AUTOSNAP_DAYS: u64 = 2;
/// More Regions than AWS has, and few enough for one answer.
const MOST_REGIONS: usize = 50;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// How the event said so.
    pub shape: Shape,
    /// The jobs, and what they need besides the settings.
    pub request: Request,
    /// Where.
    pub regions: Regions,
    /// Event over variable over default.
    pub settings: Settings,
}

/// The shapes of events, in the order in which they are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It names a `job`.
    Job,
    /// An event of the tool autosnap: `regions`, `retention_days`, no `job`.
    Autosnap {
        /// Days that snapshots without a `Retention` tag are kept.
        retention_days: u64,
    },
    /// It says neither; the job is the function's, from [`JOB_VARIABLE`].
    Variable,
    /// EBS tells that snapshots are complete: they are copied.
    Completed,
    /// EBS tells something from which nothing follows, for this reason.
    Nothing(String),
}

/// Where the jobs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Regions {
    /// The Region the function is in.
    Home,
    /// These; sorted, each once, at least one.
    These(Vec<Region>),
    /// Every Region enabled for the account.
    All,
}

/// The function's `EBSKEEP_…` variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Of all the variables there are, ours.
    pub fn new(all: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(all.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }

    /// Sets what they say.
    fn apply(&self, settings: &mut Settings) -> Result<(), EventError> {
        for (name, value) in &self.0 {
            if name == JOB_VARIABLE {
                continue;
            }
            let Some(setting) = TABLE.iter().find(|setting| setting.variable() == *name) else {
                return Err(EventError::UnknownVariable(name.clone()));
            };
            let wrong = |source| EventError::Variable { name: name.clone(), source: short(source) };
            settings.set(setting.name, value).map_err(wrong)?;
        }
        Ok(())
    }
}

/// Why an event cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// No object.
    #[error("the event is {0}; it must be a JSON object, such as {{\"job\": \"create\"}}")]
    NotAnObject(&'static str),
    /// A field nobody knows.
    #[error("the event's field {name:?} is not known; {hint}")]
    UnknownField {
        /// The field.
        name: String,
        /// What to write instead.
        hint: String,
    },
    /// A field with a value that is not its own.
    #[error("the event's field {name:?} is {given}; it must be {wanted}")]
    BadField {
        /// The field.
        name: &'static str,
        /// Its value, cut short.
        given: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// No job of ours.
    #[error("{from} names the job {given:?}, which there is not; the jobs are {}", jobs())]
    UnknownJob {
        /// Who named it.
        from: &'static str,
        /// The name, cut short.
        given: String,
    },
    /// Nobody names a job.
    #[error(
        "neither the event nor the function says what to do; add \"job\" to the event or set the function's \
         variable {JOB_VARIABLE}, to one of {}",
        jobs()
    )]
    NoJob,
    /// An event of AWS's that is no schedule's.
    #[error(
        "this is an event {detail_type:?} of {source_name:?}; of AWS's own events only those of schedules, and those \
         that tell of EBS snapshots, are taken. Give the trigger an input of its own, such as {{\"job\": \"create\"}}"
    )]
    NotASchedule {
        /// Its `detail-type`.
        detail_type: String,
        /// Its `source`.
        source_name: String,
    },
    /// A variable that begins as ours do, and is not known.
    #[error("the function's variable {0} is not known; see docs/functions.md for those there are")]
    UnknownVariable(String),
    /// A variable with a value that its setting does not take.
    #[error("the function's variable {name} cannot be used: {source}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        source: SettingError,
    },
    /// A setting in the event that is not taken.
    #[error("the event cannot be followed: {0}")]
    Setting(SettingError),
}

/// Reads an event. No event at all (`null`) counts as an empty one.
pub fn read(event: &Value, variables: &Variables) -> Result<Asked, EventError> {
    let empty = Map::new();
    let event = match event {
        Value::Object(fields) => fields,
        Value::Null => &empty,
        other => return Err(EventError::NotAnObject(kind(other))),
    };
    let told = notice::is(event);
    let enveloped = told || is_scheduled(event)?;

    let mut settings = Settings::default();
    variables.apply(&mut settings)?;
    if told && let Some(name) = ["job", "regions", "retention_days"].into_iter().find(|name| event.contains_key(*name))
    {
        return Err(EventError::UnknownField {
            name: name.to_owned(),
            hint: "an event that tells of EBS snapshots says itself what there is to copy, and where".to_owned(),
        });
    }
    for (name, value) in event {
        if FIELDS.contains(&name.as_str()) || (enveloped && ENVELOPE.contains(&name.as_str())) {
            continue;
        }
        let Some(setting) = TABLE.iter().find(|setting| setting.name == name) else {
            return Err(EventError::UnknownField { name: cut(name), hint: hint(name) });
        };
        let text = text(setting.name, value)?;
        settings.set(setting.name, &text).map_err(|error| EventError::Setting(short(error)))?;
    }

    if told {
        settings.validate().map_err(EventError::Setting)?;
        let (shape, request) = match notice::read(event)? {
            notice::Notice::Completed(ids) => (Shape::Completed, Request::copy_only(ids)),
            notice::Notice::Nothing(why) => (Shape::Nothing(why), Request::new([])),
        };
        return Ok(Asked { shape, request, regions: notice::region(event)?, settings });
    }
    let shape = shape(event)?;
    let request = match shape {
        Shape::Job => Request::new([job(field(event, "job", "one of the jobs' names")?, "the event")?]),
        Shape::Variable => {
            let name = variables.0.get(JOB_VARIABLE).ok_or(EventError::NoJob)?;
            Request::new([job(name, JOB_VARIABLE)?])
        }
        Shape::Autosnap { retention_days } => {
            if event.contains_key("default-retention") {
                return Err(EventError::UnknownField {
                    name: "default-retention".to_owned(),
                    hint: "an event without \"job\" is autosnap's, where \"retention_days\" says it".to_owned(),
                });
            }
            settings.set("default-retention", &retention_days.to_string()).map_err(EventError::Setting)?;
            Request { untagged: Untagged::RunningEveryRun, ..Request::new([Job::Create, Job::Expire]) }
        }
        Shape::Completed | Shape::Nothing(_) => Request::new([]),
    };
    settings.validate().map_err(EventError::Setting)?;
    Ok(Asked { shape, request: Request { trigger: time(event)?, ..request }, regions: regions(event)?, settings })
}

/// Whether an event is one that AWS's schedules send. One of AWS's others is an
/// error: it was not made for us, and a schedule was probably meant.
fn is_scheduled(event: &Map<String, Value>) -> Result<bool, EventError> {
    let (Some(detail_type), Some(source)) = (event.get("detail-type"), event.get("source")) else {
        return Ok(false);
    };
    let is = |value: &Value, wanted: &[&str]| value.as_str().is_some_and(|text| wanted.contains(&text));
    if is(detail_type, &[SCHEDULED]) && is(source, &SCHEDULERS) {
        return Ok(true);
    }
    Err(EventError::NotASchedule { detail_type: shown(detail_type), source_name: shown(source) })
}

fn shape(event: &Map<String, Value>) -> Result<Shape, EventError> {
    let days = event.get("retention_days");
    if event.contains_key("job") {
        return match days {
            None => Ok(Shape::Job),
            Some(_) => Err(EventError::UnknownField {
                name: "retention_days".to_owned(),
                hint: "beside \"job\" write \"default-retention\"".to_owned(),
            }),
        };
    }
    match days {
        None if event.contains_key("regions") => Ok(Shape::Autosnap { retention_days: AUTOSNAP_DAYS }),
        None => Ok(Shape::Variable),
        Some(days) => {
            let number = days.as_u64().or_else(|| days.as_str()?.trim().parse().ok());
            let retention_days = number.filter(|days| *days > 0).ok_or_else(|| EventError::BadField {
                name: "retention_days",
                given: shown(days),
                wanted: "a whole number of days, 1 or more",
            })?;
            Ok(Shape::Autosnap { retention_days })
        }
    }
}

fn job(name: &str, from: &'static str) -> Result<Job, EventError> {
    let known = Job::ALL.into_iter().find(|job| job.name() == name.trim());
    known.ok_or_else(|| EventError::UnknownJob { from, given: cut(name) })
}

fn regions(event: &Map<String, Value>) -> Result<Regions, EventError> {
    let Some(given) = event.get("regions") else { return Ok(Regions::Home) };
    let wrong = || EventError::BadField {
        name: "regions",
        given: shown(given),
        wanted: "a list of 1 to 50 names of Regions, such as [\"eu-west-1\"], or [\"all\"]",
    };
    let names: Option<Vec<&str>> = match given {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let mut names: Vec<&str> = names.ok_or_else(wrong)?.into_iter().map(str::trim).collect();
    names.sort_unstable();
    names.dedup();
    if names == ["all"] {
        return Ok(Regions::All);
    }
    if names.is_empty() || names.len() > MOST_REGIONS || !names.iter().all(|name| plausible(name)) {
        return Err(wrong());
    }
    Ok(Regions::These(names.into_iter().map(Region::from).collect()))
}

/// Whether it can be the name of a Region, which becomes part of a host name.
fn plausible(name: &str) -> bool {
    name.len() <= 32 && name.contains('-') && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

/// When the trigger was scheduled for: what EventBridge writes, and what its
/// Scheduler puts in the place of `<aws.scheduler.scheduled-time>`.
fn time(event: &Map<String, Value>) -> Result<Option<Timestamp>, EventError> {
    const WANTED: &str = "an instant such as 2026-01-31T03:00:00Z; of EventBridge Scheduler, \
                          \"<aws.scheduler.scheduled-time>\"";
    if !event.contains_key("time") {
        return Ok(None);
    }
    let text = field(event, "time", WANTED)?;
    match text.trim().parse() {
        Ok(time) => Ok(Some(time)),
        Err(_) => Err(EventError::BadField { name: "time", given: format!("{:?}", cut(text)), wanted: WANTED }),
    }
}

/// A field that must be text.
fn field<'a>(event: &'a Map<String, Value>, name: &'static str, wanted: &'static str) -> Result<&'a str, EventError> {
    let value = event.get(name).unwrap_or(&Value::Null);
    value.as_str().ok_or_else(|| EventError::BadField { name, given: shown(value), wanted })
}

/// A setting's value as text.
fn text(name: &'static str, value: &Value) -> Result<String, EventError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(EventError::BadField { name, given: shown(other), wanted: "text or a number" }),
    }
}

/// The same error, of a value cut short.
fn short(error: SettingError) -> SettingError {
    match error {
        SettingError::UnknownName(name) => SettingError::UnknownName(cut(&name)),
        SettingError::BadValue { name, value, why } => SettingError::BadValue { name, value: cut(&value), why },
    }
}

/// What somebody who wrote this field probably meant.
fn hint(name: &str) -> String {
    let plain = |name: &str| name.to_lowercase().replace(['_', ' '], "-");
    let alike = FIELDS.into_iter().chain(TABLE.iter().map(|s| s.name)).find(|known| plain(known) == plain(name));
    if let Some(alike) = alike {
        return format!("write {alike:?}");
    }
    match name {
        "jobs" => "one call does one job: write \"job\"".to_owned(),
        "region" => "write \"regions\", a list".to_owned(),
        _ => {
            let settings: Vec<&str> = TABLE.iter().map(|setting| setting.name).collect();
            format!("known are {} and the settings {}", FIELDS.join(", "), settings.join(", "))
        }
    }
}

fn jobs() -> String {
    Job::ALL.map(Job::name).join(", ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as JSON, cut short.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| cut(&value.to_string()), cut)
}

fn cut(text: &str) -> String {
    crate::result::cut(text, 200)
}

#[cfg(test)]
mod tests;
