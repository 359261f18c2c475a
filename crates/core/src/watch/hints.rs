//! Near misses: tags that mean nothing here and resemble what does. A hint is
//! given only where it could make a difference.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::near::{self, Meant, Near};
use super::tags::Live;
use super::{Entry, Instead, Look, Severity, value};
use crate::calendar;
use crate::config::{Said, Scope, Wanted, said};
use crate::lineage::{self, Managed};
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// On live instances and volumes.
pub(super) fn on_resources(live: &Live<'_>) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut known = BTreeMap::new();
    for instance in live.fleet.instances() {
        let silent = said(&instance.tags, &live.settings.keys.backup) == Said::Nothing;
        let volumes = live.of_instance.get(&instance.id).into_iter().flatten();
        let scopes = volumes.filter_map(|volume| live.volumes.get(&volume.id)).flat_map(|(_, scopes)| scopes);
        let of_it: Vec<&Scope<'_>> = scopes.filter(|s| s.instance.is_some_and(|i| i.id == instance.id)).collect();
        let state = State {
            // One volume for which nobody has decided is enough.
            undecided: silent && (of_it.is_empty() || of_it.iter().any(|scope| scope.backup == Wanted::No)),
            backed_up: live.backed_up.contains(&instance.id),
        };
        on_resource(instance.id.as_str(), &instance.tags, state, live, &mut known, &mut found);
    }
    for (volume, scopes) in live.volumes.values() {
        let state = State {
            undecided: scopes.iter().all(|scope| scope.backup == Wanted::No),
            backed_up: scopes.iter().any(|scope| matches!(scope.backup, Wanted::On(_))),
        };
        on_resource(volume.id.as_str(), &volume.tags, state, live, &mut known, &mut found);
    }
    found
}

/// What is backed up of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Of something of it no tag says whether it is backed up.
    undecided: bool,
    /// Something of it is.
    backed_up: bool,
}

/// A fleet has few keys, each many times.
type Known = BTreeMap<SmolStr, Option<Near>>;

/// What a key resembles, if it is none of ours.
pub(super) fn near(key: &SmolStr, settings: &Settings, known: &mut Known) -> Option<Near> {
    *known.entry(key.clone()).or_insert_with(|| {
        let ours = settings.keys.all().iter().any(|ours| tags::same_key(key, ours));
        if ours { None } else { near::key(key, &settings.keys) }
    })
}

fn on_resource(id: &str, own: &Tags, state: State, live: &Live<'_>, known: &mut Known, found: &mut Vec<Entry>) {
    let settings = live.settings;
    let utc = || live.counts_in_utc(id);
    for (key, text) in own.iter() {
        let Some(Near { meant, tool }) = near(key, settings, known) else { continue };
        let ours = meant.key(&settings.keys);
        let instead = instead(meant, key, text, &utc);
        let missed = match meant {
            // Somebody has decided already, or wants what is so.
            Meant::Backup => state.undecided && instead.as_deref() != Some("No"),
            Meant::NoBackup => state.backed_up && said(own, ours) == Said::Nothing && instead.is_some(),
            _ => said(own, ours) == Said::Nothing,
        };
        if !missed {
            continue;
        }
        let means = match meant {
            Meant::Backup => "It means nothing to ebskeep: nothing here is backed up for it",
            Meant::NoBackup => "It means nothing to ebskeep: it is backed up all the same",
            _ => "It means nothing to ebskeep",
        };
        let wrong = match tool {
            Some(tool) => format!("{key} is a key of {tool}; the one here is {ours}"),
            None => format!("{key} resembles {ours}, and is another key"),
        };
        found.push(hint(id, key, text, wrong, means, Instead { key: ours.into(), value: instead }));
    }
}

/// The value that says the same under our key, if that is certain. `utc` as in
/// [`value::backup`].
fn instead(meant: Meant, key: &str, text: &str, utc: &dyn Fn() -> bool) -> Option<String> {
    match meant {
        Meant::Backup => backup(key, text, utc()),
        Meant::NoBackup => {
            let wanted = text.trim().is_empty() || value::backup(text, utc()).is_some_and(|said| said == "Yes");
            wanted.then(|| "No".to_owned())
        }
        // What else shelvery sets so is no retention.
        Meant::Retention if key.contains(':') => shelvery(key, text),
        // Sebdah counts snapshots, and not days.
        Meant::Retention if value::squeezed(key).starts_with("automatedebs") => {
            let rule = format!("last={}", text.trim());
            Policy::parse(&rule).is_ok().then_some(rule)
        }
        Meant::Retention | Meant::CopyRetention => retention(key, text),
        Meant::TimeZone => value::zone(text),
        Meant::CopyDest => value::regions(text),
        Meant::SkipVolumes => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
    }
}

/// A `Backup` under a key that may say a part of it: `WeeklyBackup=Yes` is `weekly`.
fn backup(key: &str, text: &str, utc: bool) -> Option<String> {
    let key = value::squeezed(key);
    let backup = value::backup(text, utc)?;
    let periods = [("hourly", "hourly"), ("daily", "daily"), ("nightly", "daily"), ("weekly", "weekly")];
    let rare = [("monthly", "monthly"), ("yearly", "yearly")];
    if let Some((_, period)) = periods.into_iter().chain(rare).find(|(word, _)| key.contains(word)) {
        return match backup.as_str() {
            "Yes" => Some(period.to_owned()),
            "No" => Some(backup),
            _ => None,
        };
    }
    // A bare number of a time or an interval is no Yes and no No.
    let timed = ["frequency", "interval", "time", "cron", "schedule"].iter().any(|word| key.contains(word));
    let number = text.trim().bytes().all(|b| b.is_ascii_digit());
    (!(timed && number)).then_some(backup)
}

/// A `Retention` under a key that may say its unit: `retention_weeks=4` is `4w`.
fn retention(key: &str, text: &str) -> Option<String> {
    let key = value::squeezed(key);
    let says = |words: &[&str]| words.iter().any(|word| key.contains(word));
    // Of how many of each period, or of how many at all, no age can be made.
    let counted = says(&["daily", "weekly", "monthly", "yearly", "number", "count", "backups", "snapshots"]);
    let number = text.trim();
    let bare = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let value = |text: &str| value::retention(text);
    let unit = match (says(&["weeks"]), says(&["months"]), says(&["day"])) {
        (false, false, false) => return value(text).filter(|_| !counted),
        (true, false, false) => "w",
        (false, true, false) => "m",
        (false, false, true) => "",
        _ => return None,
    };
    let read = if bare { value(&format!("{number}{unit}")) } else { value(text) };
    // A value of another unit contradicts the key.
    read.filter(|read| read.strip_suffix(unit).is_some_and(|count| count.bytes().all(|b| b.is_ascii_digit())))
}

/// `shelvery:config:shelvery_keep_daily_backups=14` is `daily=14`.
fn shelvery(key: &str, text: &str) -> Option<String> {
    let kept = key.rsplit(':').next()?.strip_prefix("shelvery_keep_")?.strip_suffix("_backups")?;
    let rule = format!("{kept}={}", text.trim());
    Policy::parse(&rule).is_ok().then_some(rule)
}

/// On snapshots that are ours, or nearly.
pub(super) fn on_snapshots(live: &Live<'_>) -> Vec<Entry> {
    let mut found = Vec::new();
    for managed in live.lineages.values().flatten() {
        on_managed(managed, live, &mut found);
    }
    not_managed(live, &mut found);
    found
}

fn on_managed(managed: &Managed<'_>, live: &Live<'_>, found: &mut Vec<Entry>) {
    let own = &managed.snapshot.tags;
    for (key, text) in own.iter() {
        let ours = [tags::KEEP_FOREVER, tags::KEEP_UNTIL, tags::DELETE_ON];
        if ours.iter().any(|ours| tags::same_key(key, ours)) {
            continue;
        }
        let Some(ours) = near::key_on_snapshot(key) else { continue };
        if said(own, ours) != Said::Nothing || carried(key, text, managed, live) {
            continue;
        }
        let (means, value) = match ours {
            tags::KEEP_FOREVER => ("It means nothing to ebskeep, and keeps nothing", Some("Yes".to_owned())),
            tags::KEEP_UNTIL => ("It means nothing to ebskeep, and keeps nothing", date(text)),
            _ => ("It means nothing to ebskeep: nothing is decided by it", date(text)),
        };
        let wrong = format!("{key} resembles {ours}, and is another key");
        let instead = Instead { key: ours.into(), value };
        found.push(hint(managed.snapshot.id.as_str(), key, text, wrong, means, instead));
    }
}

/// The date as it stands, or as it can be read in one way only.
fn date(text: &str) -> Option<String> {
    let stands = text.trim().parse::<jiff::civil::Date>().is_ok().then(|| text.trim().to_owned());
    stands.or_else(|| value::date(text))
}

/// Whether a tag came along from the volume or instance, where it means what it
/// means there.
fn carried(key: &str, text: &str, managed: &Managed<'_>, live: &Live<'_>) -> bool {
    let Some((volume, scopes)) = live.volumes.get(&managed.key.volume) else {
        // Of what is gone nobody can tell.
        return true;
    };
    let instances = scopes.iter().filter_map(|scope| scope.instance).map(|instance| &instance.tags);
    instances.chain([&volume.tags]).any(|tags| tags.get(key) == Some(text))
}

/// Snapshots that bear `Type=Automated`, or nearly, and are not ours for want of
/// something else.
fn not_managed(live: &Live<'_>, found: &mut Vec<Entry>) {
    let place = &live.inventory.place;
    let deployment = live.settings.deployment.as_str();
    for snapshot in &live.inventory.snapshots.items {
        let own = &snapshot.tags;
        let id = snapshot.id.as_str();
        let other = own.get(tags::DEPLOYMENT).unwrap_or("default") != deployment;
        if snapshot.owner != place.account || lineage::foreign_mark(own).is_some() || other {
            continue;
        }
        let typed = own.loose(tags::TYPE).find(|(_, value)| value.trim().eq_ignore_ascii_case(tags::AUTOMATED));
        let Some((key, text)) = typed else { continue };
        if key != tags::TYPE || text.trim() != text.as_str() {
            if own.get(tags::TYPE).is_none_or(|value| value.trim().eq_ignore_ascii_case(tags::AUTOMATED)) {
                let wrong = format!("{}={} is matched to the letter", tags::TYPE, tags::AUTOMATED);
                let means = "It is not ours: it is never deleted, and counts as no backup";
                let instead = Instead { key: tags::TYPE.into(), value: Some(tags::AUTOMATED.to_owned()) };
                found.push(hint(id, key, text, wrong, means, instead));
            }
            continue;
        }
        let Err(why) = lineage::classify(snapshot, place, deployment) else { continue };
        // The plan tells of those that bear tags of ours.
        if why.suspicious {
            continue;
        }
        let date = own.loose(tags::DELETE_ON).find_map(|(_, text)| date(text));
        let later = |date: &String| {
            date.parse().is_ok_and(|date: jiff::civil::Date| date > calendar::utc_date(snapshot.started))
        };
        let date = date.filter(later);
        found.push(Entry {
            severity: Severity::Finding,
            code: "automated-not-ours",
            key: Some(key.clone()),
            value: Some(text.clone()),
            resource: SmolStr::new(id),
            wrong: format!("It bears {}={}, and is left alone: {}", tags::TYPE, tags::AUTOMATED, why.why),
            means: "It is never deleted, and counts as no backup. `ebskeep adopt` makes such ones ours".to_owned(),
            instead: date.map(|date| Instead { key: tags::DELETE_ON.into(), value: Some(date) }),
            look: Look::Tags,
        });
    }
}

fn hint(id: &str, key: &SmolStr, text: &SmolStr, wrong: String, means: &str, instead: Instead) -> Entry {
    Entry {
        severity: Severity::NearMiss,
        code: "near-key",
        key: Some(key.clone()),
        value: Some(text.clone()),
        resource: SmolStr::new(id),
        wrong,
        means: means.to_owned(),
        instead: Some(instead),
        look: Look::Tags,
    }
}
