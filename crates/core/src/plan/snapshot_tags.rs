//! What a snapshot is tagged with and described as (docs/semantics.md 5).

use jiff::Timestamp;
use smol_str::SmolStr;

use super::policy::{Governing, Source, policy_text};
use super::wish::Wish;
use crate::calendar;
use crate::config::Scope;
use crate::inventory::{Instance, Volume};
use crate::lineage::Managed;
use crate::retention::Policy;
use crate::setting::Settings;
use crate::tags::{self, Tags};

/// Tags left free for those that come on top: `ebskeep:set`, and the marks of later runs,
/// which are `ebskeep:deleted`, `ebskeep:copied-to` (of a copy `ebskeep:source-gone`),
/// `ebskeep:gone` and `ebskeep:policy-since`. Without room for the first a snapshot could
/// never be deleted.
const RESERVED: usize = 5;

/// Characters of a description or a name; both are cut to it, keeping the id.
/// Source: EC2's API reference, CreateSnapshot `Description`, 255 characters.
const MAX_TEXT: usize = 255;

/// What one snapshot is to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dress {
    /// The description of a snapshot of one volume.
    pub(super) description: String,
    /// Ours.
    pub(super) tags: Tags,
    /// Carried over from the instance and the volume (which wins).
    pub(super) carried: Tags,
    /// Keys that were left out to stay within AWS's limit.
    pub(super) dropped: Vec<SmolStr>,
}

/// What a snapshot of this volume is to carry, if it begins at `start`. Names
/// are those of `scope`; what decides is `policy`, the longest that governs, and
/// the destinations of all `scopes`.
pub(super) fn dress(
    volume: &Volume,
    scope: &Scope<'_>,
    scopes: &[Scope<'_>],
    policy: Option<&Governing>,
    (slot, start): (Timestamp, Timestamp),
    settings: &Settings,
) -> Dress {
    let mut ours = Tags::new();
    ours.set(tags::TYPE, tags::AUTOMATED);
    ours.set(tags::NAME, name(volume, scope));
    ours.set(tags::SLOT, slot.to_string());
    ours.set(tags::DEPLOYMENT, settings.deployment.clone());
    ours.set(tags::VOLUME, volume.id.as_str());
    if let Some(instance) = scope.instance_id() {
        ours.set(tags::INSTANCE, instance.as_str());
    }
    if let Some(device) = &scope.device {
        ours.set(tags::DEVICE, device.clone());
    }
    policy_tags(scope, policy, start, &mut ours);
    copy_tags(scopes, &mut ours);
    let mut carried = carried(volume, scope.instance, settings);
    let dropped = fit(&ours, &mut carried);
    Dress { description: description(volume, scope), tags: ours, carried, dropped }
}

/// What a copy of a primary is to carry: everything by which it is understood
/// where its source cannot be seen.
pub(super) fn dress_copy(managed: &Managed<'_>, wish: &Wish<'_>, settings: &Settings) -> Dress {
    let source = managed.snapshot;
    let mut ours = Tags::new();
    ours.set(tags::TYPE, tags::AUTOMATED);
    ours.set(tags::DEPLOYMENT, settings.deployment.clone());
    ours.set(tags::VOLUME, managed.key.volume.as_str());
    ours.set(tags::SOURCE_SNAPSHOT, source.id.as_str());
    ours.set(tags::SOURCE_REGION, managed.key.region.as_str());
    ours.set(tags::SOURCE_ACCOUNT, managed.key.account.as_str());
    ours.set(tags::STARTED, managed.start.to_string());
    for key in [tags::NAME, tags::SLOT, tags::INSTANCE, tags::DEVICE, tags::SET, tags::TZ] {
        if let Some(value) = source.tags.get(key) {
            ours.set(key, value);
        }
    }
    if let Some(policy) = wish.policy {
        ours.set(tags::RETENTION, recordable(&policy.into()));
    }
    if let Some(date) = copy_delete_on(managed, wish) {
        ours.set(tags::DELETE_ON, date);
    }
    if wish.policy.is_none() && ours.get(tags::DELETE_ON).is_none() {
        ours.set(tags::DEFAULT, policy_text(&settings.default_retention));
    }
    for key in [tags::KEEP_FOREVER, tags::KEEP_UNTIL, tags::KEEP_REASON] {
        // Of several dates one that nobody can read keeps longest, then the latest.
        let longest = source.tags.loose(key).map(|(_, value)| value).max_by_key(|value| {
            let date = value.trim().parse::<jiff::civil::Date>();
            (date.is_err(), date.ok())
        });
        if let Some(value) = longest {
            ours.set(key, value.clone());
        }
    }
    let mut carried: Tags = source
        .tags
        .iter()
        .filter(|(key, _)| is_carried(key, settings))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let dropped = fit(&ours, &mut carried);
    let copy_of = format!("(copy of {} from {})", source.id, managed.key.region);
    let description = match source.description.trim() {
        "" => copy_of,
        text => cut(text, &format!(" {copy_of}")),
    };
    Dress { description, tags: ours, carried, dropped }
}

/// The `DeleteOn` of a copy: the start of its source plus the age, where its policy
/// is an age in whole days. Without a policy of copies it is never before its
/// source's, and missing where somebody removed that, which keeps.
fn copy_delete_on(managed: &Managed<'_>, wish: &Wish<'_>) -> Option<SmolStr> {
    let age = wish.policy.and_then(|text| Policy::parse_record(text).ok()).as_ref().and_then(Policy::whole_days);
    let by_age = age.map(|age| calendar::date_after(calendar::utc_date(managed.start), age));
    if managed.snapshot.tags.get(tags::COPY_RETENTION).is_some() {
        return by_age.map(|date| date.to_string().into());
    }
    let mut latest = None;
    for (_, value) in managed.snapshot.tags.loose(tags::DELETE_ON) {
        match value.trim().parse::<jiff::civil::Date>() {
            Ok(date) => latest = latest.max(Some(date)),
            Err(_) => return Some(value.clone()),
        }
    }
    latest.map(|date| by_age.map_or(date, |by_age| by_age.max(date)).to_string().into())
}

/// The tags that decide about deletion: `DeleteOn` for an age without hours,
/// and the policy as text with its zone, if it came from a tag: one of now, or
/// one of before that a record has kept.
fn policy_tags(scope: &Scope<'_>, policy: Option<&Governing>, start: Timestamp, ours: &mut Tags) {
    let text = policy.and_then(|policy| policy.text.as_ref());
    if let Some(text) = text {
        ours.set(tags::RETENTION, recordable(&text.retention));
    }
    if let Some(default) = policy.filter(|policy| policy.source == Source::Default).and_then(|p| p.policy.as_ref().ok())
    {
        ours.set(tags::DEFAULT, policy_text(default));
    }
    if let Some(zone) = text.map_or(&scope.zone_tag, |text| &text.zone) {
        ours.set(tags::TZ, zone.clone());
    }
    let whole_days = policy.and_then(|policy| policy.policy.as_ref().ok()).and_then(Policy::whole_days);
    if let Some(age) = whole_days {
        ours.set(tags::DELETE_ON, calendar::date_after(calendar::utc_date(start), age).to_string());
    }
}

/// The destinations of all, each once, and the first policy of copies.
fn copy_tags(scopes: &[Scope<'_>], ours: &mut Tags) {
    let mut all: Vec<&str> = Vec::new();
    for to in scopes.iter().filter_map(|scope| scope.copy_to.as_deref()) {
        for destination in to.split(|c: char| c.is_whitespace() || c == ',').filter(|to| !to.is_empty()) {
            if !all.contains(&destination) {
                all.push(destination);
            }
        }
    }
    let joined = match scopes {
        [only] => only.copy_to.clone(),
        _ if all.is_empty() => None,
        _ => Some(all.join(" ").chars().take(tags::MAX_VALUE).collect()),
    };
    if let Some(to) = joined {
        ours.set(tags::COPY_TO, to);
    }
    if let Some(retention) = scopes.iter().find_map(|scope| scope.copy_retention.as_ref()) {
        ours.set(tags::COPY_RETENTION, retention.clone());
    }
}

/// A policy somebody wrote as `unset` is no policy, and must not read as the
/// stand-in for one that is still to be written.
fn recordable(text: &SmolStr) -> SmolStr {
    if text.eq_ignore_ascii_case(tags::UNSET) { SmolStr::new_static("\"unset\"") } else { text.clone() }
}

/// `<instance name> <device>`, or the volume's name, or its id.
fn name(volume: &Volume, scope: &Scope<'_>) -> String {
    let instance_name = scope.instance.and_then(|instance| named(&instance.tags));
    match (instance_name, &scope.device) {
        (Some(instance), Some(device)) => cut(instance, &format!(" {device}")),
        _ => cut(named(&volume.tags).unwrap_or(volume.id.as_str()), ""),
    }
}

/// The original's: `<instance name> - <volume id> (<device>)`. Unattached:
/// `<volume name> - <volume id>`.
fn description(volume: &Volume, scope: &Scope<'_>) -> String {
    match (scope.instance, &scope.device) {
        (Some(instance), Some(device)) => cut(title(instance), &format!(" - {} ({device})", volume.id)),
        _ => match named(&volume.tags) {
            Some(name) => cut(name, &format!(" - {}", volume.id)),
            None => volume.id.to_string(),
        },
    }
}

/// A set's: `<instance name> - <instance id> (<n> volumes)`.
pub(super) fn set_description(instance: &Instance, members: usize) -> String {
    cut(title(instance), &format!(" - {} ({members} volumes)", instance.id))
}

fn title(instance: &Instance) -> &str {
    named(&instance.tags).unwrap_or(instance.id.as_str())
}

fn named(tags: &Tags) -> Option<&str> {
    tags.get(tags::NAME).map(str::trim).filter(|name| !name.is_empty())
}

/// `text` and `rest`, at most [`MAX_TEXT`] characters: the text gives way.
fn cut(text: &str, rest: &str) -> String {
    let room = MAX_TEXT.saturating_sub(rest.chars().count());
    text.chars().take(room).chain(rest.chars()).take(MAX_TEXT).collect()
}

/// The instance's tags and the volume's, which win, without those that mean
/// something to us or are AWS's own.
fn carried(volume: &Volume, instance: Option<&Instance>, settings: &Settings) -> Tags {
    let instance_tags = instance.into_iter().flat_map(|instance| instance.tags.iter());
    instance_tags
        .chain(volume.tags.iter())
        .filter(|(key, _)| is_carried(key, settings))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn is_carried(key: &str, settings: &Settings) -> bool {
    const OURS: [&str; 7] = [
        tags::TYPE,
        tags::NAME,
        tags::DELETE_ON,
        tags::SOURCE_SNAPSHOT,
        tags::KEEP_FOREVER,
        tags::KEEP_UNTIL,
        tags::KEEP_REASON,
    ];
    let folded = key.trim().to_lowercase();
    let reserved = folded.starts_with("aws:") || folded.starts_with("ebskeep:") || folded == "dlm:managed";
    // Renamed keys and the names they have by default: both are configuration to somebody.
    let defaults = crate::setting::Keys::default();
    let configuration = settings.keys.all().into_iter().chain(defaults.all());
    !reserved && !OURS.into_iter().chain(configuration).any(|ours| tags::same_key(key, ours))
}

/// Drops carried tags from the end of the alphabet until all fit; says which.
fn fit(ours: &Tags, carried: &mut Tags) -> Vec<SmolStr> {
    let room = (tags::MAX_TAGS - RESERVED).saturating_sub(ours.counted());
    let dropped: Vec<SmolStr> = carried.iter().map(|(key, _)| key.clone()).skip(room).collect();
    for key in &dropped {
        carried.remove(key);
    }
    dropped
}
