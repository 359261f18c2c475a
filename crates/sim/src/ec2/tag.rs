//! Tags: CreateTags, DeleteTags, and TagSpecifications of other actions.
//!
//! Source of the limits: "Tag your Amazon EC2 resources" in the EC2 User
//! Guide; CreateTags and DeleteTags in the EC2 API reference.

use std::collections::BTreeMap;

use ebskeep_core::tags::{MAX_TAGS, Tags};
use smol_str::SmolStr;

use super::id::{self, Taggable};
use super::{Read, Scene};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::wire::xml::sayable;

const MOST_RESOURCES: usize = 1_000;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = ebskeep_core::tags::MAX_VALUE;

/// What CreateTags is told.
pub(crate) struct CreateTags {
    pub(crate) resources: Vec<Taggable>,
    pub(crate) tags: Tags,
}

/// What DeleteTags is told: each key with the value it must have, if any; no
/// tags at all means all of them.
pub(crate) struct DeleteTags {
    pub(crate) resources: Vec<Taggable>,
    pub(crate) tags: Vec<(SmolStr, Option<SmolStr>)>,
}

impl Read for CreateTags {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let resources = resources(params)?;
        let tags = tags(params)?;
        if tags.is_empty() {
            return Err(Refusal::missing("Tag"));
        }
        Ok(Self { resources, tags })
    }
}

impl Read for DeleteTags {
    fn read(params: &mut Params) -> Result<Self, Refusal> {
        let resources = resources(params)?;
        let mut tags = Vec::new();
        for mut group in params.groups("Tag")? {
            let key = group.take("Key").ok_or_else(|| Refusal::missing("Tag.N.Key"))?;
            tags.push((key.into(), group.take("Value").map(SmolStr::new)));
            group.finish_under("Tag")?;
        }
        Ok(Self { resources, tags })
    }
}

fn resources(params: &mut Params) -> Result<Vec<Taggable>, Refusal> {
    let ids = params.list("ResourceId")?;
    if ids.is_empty() {
        return Err(Refusal::missing("ResourceId"));
    }
    if ids.len() > MOST_RESOURCES {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("A request takes {MOST_RESOURCES} resources at most"),
        ));
    }
    ids.iter().map(id::taggable).collect()
}

/// Takes `Tag.N.Key` and `Tag.N.Value` out; refuses a key given twice.
fn tags(params: &mut Params) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for mut group in params.groups("Tag")? {
        let key = group.take("Key").ok_or_else(|| Refusal::missing("Tag.N.Key"))?;
        let value = group.take("Value").unwrap_or_default();
        group.finish_under("Tag")?;
        if tags.get(&key).is_some() {
            return Err(Refusal::new("InvalidParameterValue", format!("Duplicate tag key '{key}' specified.")));
        }
        tags.set(key, value);
    }
    Ok(tags)
}

/// Takes the tags for each of the resource types an action makes.
pub(crate) fn specifications(
    params: &mut Params,
    types: &[&'static str],
) -> Result<BTreeMap<&'static str, Tags>, Refusal> {
    let mut found = BTreeMap::new();
    for mut group in params.groups("TagSpecification")? {
        let given = group.need("ResourceType").map_err(|_| Refusal::missing("TagSpecification.N.ResourceType"))?;
        let tags = tags(&mut group)?;
        group.finish_under("TagSpecification")?;
        let Some(kind) = types.iter().find(|t| **t == given) else {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("'{given}' is not a valid taggable resource type for this operation."),
            ));
        };
        if found.insert(*kind, tags).is_some() {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("Tag specification resource type '{given}' is specified more than once."),
            ));
        }
    }
    Ok(found)
}

/// Whether text can be written down in an answer: XML has no way to say most
/// control characters.
pub(crate) fn writable(text: &str, what: &str) -> Result<(), Refusal> {
    if !text.chars().all(sayable) {
        return Err(Refusal::new("InvalidParameterValue", format!("The {what} holds a character that is not allowed")));
    }
    Ok(())
}

/// Whether a caller may write these tags.
pub(crate) fn check(tags: &Tags, is_aws: bool) -> Result<(), Refusal> {
    for (key, value) in tags.iter() {
        let invalid = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        if key.is_empty() {
            return invalid("Tag key cannot be empty.".into());
        }
        if key.chars().count() > LONGEST_KEY {
            return invalid(format!("Tag key exceeds the maximum length of {LONGEST_KEY} characters"));
        }
        if value.chars().count() > LONGEST_VALUE {
            return invalid(format!("Tag value exceeds the maximum length of {LONGEST_VALUE} characters"));
        }
        if !is_aws && key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys starting with 'aws:' are reserved for internal use".into());
        }
        writable(key, "tag key")?;
        writable(value, "tag value")?;
    }
    limit(tags)
}

fn limit(tags: &Tags) -> Result<(), Refusal> {
    if tags.counted() > MAX_TAGS {
        return Err(Refusal::new("TagLimitExceeded", format!("More than {MAX_TAGS} tags for a resource")));
    }
    Ok(())
}

impl Scene<'_> {
    fn tags_of(&mut self, resource: &Taggable) -> Result<&mut Tags, Refusal> {
        let site = self.site();
        match resource {
            Taggable::Volume(id) => site.volumes.get_mut(id).map(|r| &mut r.tags).ok_or_else(|| id::no_volume(id)),
            Taggable::Snapshot(id) => {
                site.snapshots.get_mut(id).map(|r| &mut r.tags).ok_or_else(|| id::no_snapshot(id))
            }
            Taggable::Instance(id) => {
                site.instances.get_mut(id).map(|r| &mut r.tags).ok_or_else(|| id::no_instance(id))
            }
            Taggable::Image(id) => site.images.get_mut(id).map(|r| &mut r.tags).ok_or_else(|| id::no_image(id)),
        }
    }

    /// Writes the tags on all resources, or on none.
    pub(crate) fn create_tags(&mut self, request: &CreateTags) -> Result<(), Refusal> {
        check(&request.tags, self.is_aws)?;
        for resource in &request.resources {
            let mut merged = self.tags_of(resource)?.clone();
            request.tags.iter().for_each(|(k, v)| merged.set(k.clone(), v.clone()));
            limit(&merged)?;
        }
        for resource in &request.resources {
            let tags = self.tags_of(resource)?;
            request.tags.iter().for_each(|(k, v)| tags.set(k.clone(), v.clone()));
        }
        Ok(())
    }

    /// Removes tags from all resources, or from none.
    pub(crate) fn delete_tags(&mut self, request: &DeleteTags) -> Result<(), Refusal> {
        let is_aws = self.is_aws;
        let reserved = |key: &str| !is_aws && key.to_ascii_lowercase().starts_with("aws:");
        if request.tags.iter().any(|(key, _)| reserved(key)) {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "Tag keys starting with 'aws:' are reserved for internal use",
            ));
        }
        for resource in &request.resources {
            self.tags_of(resource)?;
        }
        for resource in &request.resources {
            let tags = self.tags_of(resource)?;
            if request.tags.is_empty() {
                *tags = tags.iter().filter(|(k, _)| reserved(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
            }
            for (key, value) in &request.tags {
                if value.is_none() || tags.get(key) == value.as_deref() {
                    tags.remove(key);
                }
            }
        }
        Ok(())
    }
}
