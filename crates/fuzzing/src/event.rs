//! An event of the functions.

use ebskeep_core::job::Untagged;
use ebskeep_core::plan::Job;
use ebskeep_core::setting::TABLE;
use ebskeep_lambda::event::{Regions, Shape, Variables, read};
use serde_json::Value;

/// Longer than any message that is needed, and short enough for an answer.
const LONGEST_MESSAGE: usize = 4_000;

/// Takes an event as Lambda hands it over.
///
/// # Panics
///
/// If a promise about it is broken.
pub fn event(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    let nobody = Variables::default();
    let creator = Variables::new([("EBSKEEP_JOB".to_owned(), "create".to_owned())]);
    for (variables, job) in [(&nobody, None), (&creator, Some(Job::Create))] {
        match read(&event, variables) {
            Err(why) => {
                let why = why.to_string();
                assert!(!why.is_empty() && why.chars().count() < LONGEST_MESSAGE, "{} characters", why.chars().count());
            }
            Ok(asked) => {
                let said = |name: &str| event.get(name);
                // Nothing is deleted unless the event names the job, or is autosnap's.
                let deletes = asked.request.jobs.contains(&Job::Expire);
                let autosnap = matches!(asked.shape, Shape::Autosnap { .. });
                let completed = asked.shape == Shape::Completed;
                match asked.shape {
                    Shape::Job => {
                        let named = said("job").and_then(Value::as_str).unwrap().trim();
                        assert_eq!(asked.request.jobs.iter().map(|job| job.name()).collect::<Vec<_>>(), [named]);
                    }
                    Shape::Autosnap { retention_days } => {
                        assert!(said("job").is_none());
                        assert!(said("regions").is_some() || said("retention_days").is_some());
                        assert!(retention_days > 0 && deletes);
                    }
                    // EBS tells of snapshots: they are copied, and nothing else is done.
                    Shape::Completed => {
                        assert_eq!(asked.request.jobs, [Job::Copy]);
                        let only = asked.request.only.as_ref().unwrap();
                        assert!(!only.is_empty() && told_by_ebs(&event));
                        for id in only.iter().map(ebskeep_core::id::SnapshotId::as_str) {
                            // It becomes a filter's value, where `*` would be all.
                            assert!(id.starts_with("snap-") && id[5..].bytes().all(|b| b.is_ascii_alphanumeric()));
                        }
                    }
                    Shape::Nothing(why) => {
                        assert!(asked.request.jobs.is_empty() && told_by_ebs(&event));
                        assert!(!why.is_empty() && why.chars().count() < LONGEST_MESSAGE);
                    }
                    Shape::Variable => assert_eq!(asked.request.jobs, job.into_iter().collect::<Vec<_>>()),
                }
                assert_eq!(asked.request.only.is_some(), completed, "who is told which snapshots");
                let opt_out = asked.request.untagged == Untagged::RunningEveryRun;
                assert_eq!(opt_out, autosnap, "who is backed up without a tag");
                nothing_passed_over(&event);
                plausible(&asked.regions);
            }
        }
    }
}

/// Each field of an event that is followed says something.
fn nothing_passed_over(event: &Value) {
    let Some(fields) = event.as_object() else {
        assert!(event.is_null(), "{event} is no event");
        return;
    };
    let ours = ["job", "regions", "retention_days", "time"];
    let of_schedulers = ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
    let scheduled = fields.get("detail-type").is_some_and(|kind| kind == "Scheduled Event") || told_by_ebs(event);
    for name in fields.keys().map(String::as_str) {
        let known = ours.contains(&name) || TABLE.iter().any(|setting| setting.name == name);
        assert!(known || (scheduled && of_schedulers.contains(&name)), "{name:?} was passed over");
    }
}

/// Whether EBS tells of snapshots in it.
fn told_by_ebs(event: &Value) -> bool {
    let kinds = ["EBS Snapshot Notification", "EBS Multi-Volume Snapshots Completion Status"];
    event.get("source").is_some_and(|source| source == "aws.ec2")
        && event.get("detail-type").and_then(Value::as_str).is_some_and(|kind| kinds.contains(&kind))
}

/// A Region's name becomes part of a host name.
fn plausible(regions: &Regions) {
    if let Regions::These(regions) = regions {
        assert!(!regions.is_empty());
        for region in regions {
            let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(region.as_str().chars().all(label), "{region} is no part of a host name");
        }
    }
}
