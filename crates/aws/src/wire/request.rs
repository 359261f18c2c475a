//! Each call as the parameters it travels with. Pure, and in a fixed order.

use ebskeep_core::cloud::{CopyKey, CopySnapshot, CreateSnapshot, CreateSnapshots, Query, Sharing, Token, Untag};
use ebskeep_core::id::{Region, SnapshotId};
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;

use crate::endpoint::Service;

/// One call, ready to be signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The service it is for.
    pub(crate) service: Service,
    /// What [`ebskeep_core::cloud::CloudError`] calls it.
    pub(crate) operation: &'static str,
    /// The value of `Action`.
    pub(crate) action: String,
    /// Everything but `Action` and `Version`.
    pub(crate) params: Params,
    /// What it is about, if one thing.
    pub(crate) resource: Option<String>,
    /// Whether it changes anything: its outcome is unknown if no answer is
    /// understood, where a listing can simply be asked for again.
    pub(crate) mutates: bool,
    /// The Region for which a URL of the same call is signed and sent with it
    /// as `PresignedUrl`.
    pub(crate) presigned_for: Option<Region>,
}

/// Names and values, as they travel.
pub(crate) type Params = Vec<(String, String)>;

/// Why a call must not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// AWS reads an empty list of ids as "all of them".
    #[error("no ids were given, which AWS would take for all of them")]
    NoIds,
    /// AWS would refuse the parameter; the ids go into a filter.
    #[error("ids were given to a call that takes none")]
    IdsNotTaken,
    /// More than AWS takes.
    #[error("more than 1,000 ids were given")]
    TooManyIds,
    /// AWS reads no filter, and a filter without values, as "all of them".
    #[error("a filter without a name or without values was given, or no filter at all")]
    NoFilter,
    /// Without tags DeleteTags removes all of them, and CreateTags does nothing.
    #[error("no tags were given")]
    NoTags,
}

/// Ids a call takes. Source: EC2 API reference, DescribeSnapshots and CreateTags.
const MAX_IDS: usize = 1_000;
/// The largest page. Source: EC2 API reference, "Pagination".
const MAX_RESULTS: &str = "1000";

impl Call {
    fn new(action: &'static str, mutates: bool) -> Self {
        Self {
            service: Service::Ec2,
            operation: action,
            action: action.to_owned(),
            params: Params::new(),
            resource: None,
            mutates,
            presigned_for: None,
        }
    }

    fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    fn about(mut self, resource: impl ToString) -> Self {
        self.resource = Some(resource.to_string());
        self
    }

    /// What was asked for, and from where on.
    fn asking(mut self, query: &Query, id: &str, token: Option<&Token>) -> Result<Self, Refused> {
        match query {
            Query::All => self = self.with("MaxResults", MAX_RESULTS),
            Query::Ids(ids) => {
                check_count(ids.len())?;
                if let [one] = ids.as_slice() {
                    self = self.about(one);
                }
                for (n, value) in (1..).zip(ids) {
                    self = self.with(format!("{id}.{n}"), value.as_str());
                }
            }
            Query::Filters(filters) => {
                let empty = |f: &ebskeep_core::cloud::Filter| f.name.is_empty() || f.values.is_empty();
                if filters.is_empty() || filters.iter().any(empty) {
                    return Err(Refused::NoFilter);
                }
                for (n, filter) in (1..).zip(filters) {
                    self = self.with(format!("Filter.{n}.Name"), filter.name.as_str());
                    for (m, value) in (1..).zip(&filter.values) {
                        self = self.with(format!("Filter.{n}.Value.{m}"), value.as_str());
                    }
                }
                self = self.with("MaxResults", MAX_RESULTS);
            }
        }
        Ok(match token {
            Some(Token(token)) => self.with("NextToken", token),
            None => self,
        })
    }

    /// Where a new snapshot is stored, if not in the Region.
    fn stored_in(self, site: Option<&LocalSite>) -> Self {
        match site {
            Some(LocalSite::Outpost(arn)) => self.with("OutpostArn", arn.as_str()),
            Some(LocalSite::LocalZone(_)) => self.with("Location", "local"),
            None => self,
        }
    }

    /// The tags a new snapshot begins with.
    fn tagged(mut self, tags: &Tags) -> Self {
        if tags.is_empty() {
            return self;
        }
        self = self.with("TagSpecification.1.ResourceType", "snapshot");
        for (n, (key, value)) in (1..).zip(tags.iter()) {
            self = self
                .with(format!("TagSpecification.1.Tag.{n}.Key"), key.as_str())
                .with(format!("TagSpecification.1.Tag.{n}.Value"), value.as_str());
        }
        self
    }

    /// The snapshots whose tags are to change.
    fn on(mut self, ids: &[SnapshotId]) -> Result<Self, Refused> {
        check_count(ids.len())?;
        if let [one] = ids {
            self = self.about(one);
        }
        for (n, id) in (1..).zip(ids) {
            self = self.with(format!("ResourceId.{n}"), id.as_str());
        }
        Ok(self)
    }
}

fn check_count(ids: usize) -> Result<(), Refused> {
    match ids {
        0 => Err(Refused::NoIds),
        1..=MAX_IDS => Ok(()),
        _ => Err(Refused::TooManyIds),
    }
}

/// Managed resources are those that AWS services run in the account; without
/// the switch a volume of theirs would look gone.
pub(crate) fn describe_instances(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    Call::new("DescribeInstances", false).with("IncludeManagedResources", "true").asking(query, "InstanceId", token)
}

pub(crate) fn describe_volumes(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    Call::new("DescribeVolumes", false).with("IncludeManagedResources", "true").asking(query, "VolumeId", token)
}

pub(crate) fn describe_snapshots(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    Call::new("DescribeSnapshots", false).with("Owner.1", "self").asking(query, "SnapshotId", token)
}

pub(crate) fn describe_images(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    Call::new("DescribeImages", false)
        .with("Owner.1", "self")
        .with("IncludeDeprecated", "true")
        .with("IncludeDisabled", "true")
        .asking(query, "ImageId", token)
}

pub(crate) fn describe_locked_snapshots(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    Call::new("DescribeLockedSnapshots", false).asking(query, "SnapshotId", token)
}

pub(crate) fn describe_snapshot_tier_status(query: &Query, token: Option<&Token>) -> Result<Call, Refused> {
    if matches!(query, Query::Ids(_)) {
        return Err(Refused::IdsNotTaken);
    }
    Call::new("DescribeSnapshotTierStatus", false).asking(query, "SnapshotId", token)
}

pub(crate) fn create_snapshot(request: &CreateSnapshot) -> Call {
    let CreateSnapshot { volume, description, tags, site } = request;
    Call::new("CreateSnapshot", true)
        .about(volume)
        .with("VolumeId", volume.as_str())
        .with("Description", description)
        .stored_in(site.as_ref())
        .tagged(tags)
}

pub(crate) fn create_snapshots(request: &CreateSnapshots) -> Call {
    let CreateSnapshots { instance, exclude_boot, exclude_data, description, tags, site } = request;
    let mut call = Call::new("CreateSnapshots", true)
        .about(instance)
        .with("InstanceSpecification.InstanceId", instance.as_str())
        .with("InstanceSpecification.ExcludeBootVolume", exclude_boot.to_string());
    for (n, volume) in (1..).zip(exclude_data) {
        call = call.with(format!("InstanceSpecification.ExcludeDataVolumeId.{n}"), volume.as_str());
    }
    call.with("Description", description).stored_in(site.as_ref()).tagged(tags)
}

/// To be sent to the destination's endpoint. With it goes what lets AWS read the
/// source in our name (see [`presigned_query`]). AWS asks for that where the
/// source is encrypted; its tools send it always, and so do we.
pub(crate) fn copy_snapshot(request: &CopySnapshot, destination: &Region) -> Call {
    let CopySnapshot { source_region, source, description, tags, encrypted } = request;
    let mut call = Call::new("CopySnapshot", true)
        .about(source)
        .with("SourceRegion", source_region.as_str())
        .with("SourceSnapshotId", source.as_str())
        .with("DestinationRegion", destination.as_str())
        .with("Description", description);
    if let Some(key) = encrypted {
        call = call.with("Encrypted", "true");
        if let CopyKey::Named(key) = key {
            call = call.with("KmsKeyId", key.as_str());
        }
    }
    Call { presigned_for: Some(source_region.clone()), ..call.tagged(tags) }
}

/// What says who may make volumes and copies of a snapshot.
const PERMISSION: &str = "createVolumePermission";

pub(crate) fn describe_snapshot_sharing(id: &SnapshotId) -> Call {
    Call::new("DescribeSnapshotAttribute", false)
        .about(id)
        .with("Attribute", PERMISSION)
        .with("SnapshotId", id.as_str())
}

pub(crate) fn modify_snapshot_sharing(id: &SnapshotId, change: &Sharing) -> Call {
    let (operation, account) = match change {
        Sharing::Add(account) => ("add", account),
        Sharing::Remove(account) => ("remove", account),
    };
    Call::new("ModifySnapshotAttribute", true)
        .about(id)
        .with("Attribute", PERMISSION)
        .with("OperationType", operation)
        .with("SnapshotId", id.as_str())
        .with("UserId.1", account.as_str())
}

pub(crate) fn delete_snapshot(id: &SnapshotId) -> Call {
    Call::new("DeleteSnapshot", true).about(id).with("SnapshotId", id.as_str())
}

pub(crate) fn create_tags(ids: &[SnapshotId], tags: &Tags) -> Result<Call, Refused> {
    if tags.is_empty() {
        return Err(Refused::NoTags);
    }
    let mut call = Call::new("CreateTags", true).on(ids)?;
    for (n, (key, value)) in (1..).zip(tags.iter()) {
        call = call.with(format!("Tag.{n}.Key"), key.as_str()).with(format!("Tag.{n}.Value"), value.as_str());
    }
    Ok(call)
}

/// A tag without a value goes whatever its value is; one whose value is empty
/// only where it is.
pub(crate) fn delete_tags(ids: &[SnapshotId], tags: &[Untag]) -> Result<Call, Refused> {
    if tags.is_empty() {
        return Err(Refused::NoTags);
    }
    let mut call = Call::new("DeleteTags", true).on(ids)?;
    for (n, tag) in (1..).zip(tags) {
        call = call.with(format!("Tag.{n}.Key"), tag.key.as_str());
        if let Some(value) = &tag.value {
            call = call.with(format!("Tag.{n}.Value"), value.as_str());
        }
    }
    Ok(call)
}

/// Without `AllRegions`, only those enabled for the account are listed.
pub(crate) fn describe_regions() -> Call {
    Call::new("DescribeRegions", false)
}

pub(crate) fn get_caller_identity() -> Call {
    Call { service: Service::Sts, ..Call::new("GetCallerIdentity", false) }
}

/// What a session of ours is called, in CloudTrail and in the ARN of who it
/// acts as.
const SESSION: &str = "ebskeep";

/// A session in a role. It lasts an hour, which is also the longest one that
/// credentials of a role can get (`DurationSeconds`, IAM's "role chaining").
pub(crate) fn assume_role(arn: &str, external_id: Option<&str>) -> Call {
    let call = Call { service: Service::Sts, ..Call::new("AssumeRole", false) }
        .about(arn)
        .with("RoleArn", arn)
        .with("RoleSessionName", SESSION);
    match external_id {
        Some(id) => call.with("ExternalId", id),
        None => call,
    }
}

/// A call of the caller's, taken to change something.
pub(crate) fn raw(action: &str, params: &[(String, String)]) -> Call {
    Call { action: action.to_owned(), params: params.to_vec(), ..Call::new("raw call", true) }.about(action)
}

/// The body a call travels as.
pub(crate) fn encode(call: &Call, presigned: Option<&str>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", &call.action)
        .append_pair("Version", call.service.version())
        .extend_pairs(&call.params)
        .extend_pairs(presigned.map(|url| ("PresignedUrl", url)))
        .finish()
}

/// The longest query that is signed. A URI can have 65,534 characters (the
/// `http` crate's limit), of which the host takes some.
const LONGEST_QUERY: usize = 60_000;

/// The query of the URL that stands for a call: the call itself. Only what 50
/// long tags in a script of three bytes a letter say does not fit; they are then
/// left out, for AWS wants no more there than the action, both Regions and the
/// source (EC2 API, CopySnapshot, `PresignedUrl`).
pub(crate) fn presigned_query(call: &Call) -> String {
    let saying = |with_tags: bool| {
        let head = [("Action", call.action.as_str()), ("Version", call.service.version())];
        let params = call.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut query = String::new();
        for (name, value) in head.into_iter().chain(params) {
            if with_tags || !name.starts_with("TagSpecification.") {
                if !query.is_empty() {
                    query.push('&');
                }
                percent_encode(&mut query, name);
                query.push('=');
                percent_encode(&mut query, value);
            }
        }
        query
    };
    let whole = saying(true);
    if whole.len() <= LONGEST_QUERY { whole } else { saying(false) }
}

/// Appends text as signatures have it: everything but RFC 3986's unreserved
/// characters is escaped, blanks too.
pub(crate) fn percent_encode(to: &mut String, text: &str) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.extend(['%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use ebskeep_core::cloud::Filter;
    use smol_str::SmolStr;

    use super::*;

    fn check(call: Result<Call, Refused>, expected: &str) {
        let call = call.unwrap();
        let said: Vec<String> = call.params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(format!("{}({})", call.action, said.join(", ")), expected);
    }

    fn ids(all: &[&str]) -> Query {
        Query::Ids(all.iter().map(SmolStr::new).collect())
    }

    fn tags() -> Tags {
        [("b", "2"), ("a", "1 &é")].into_iter().collect()
    }

    #[test]
    fn describe_calls_say_all_they_must() {
        let token = Token("t/1=".to_owned());
        check(
            describe_instances(&Query::All, None),
            "DescribeInstances(IncludeManagedResources=true, MaxResults=1000)",
        );
        check(
            describe_instances(&ids(&["i-1", "i-2"]), None),
            "DescribeInstances(IncludeManagedResources=true, InstanceId.1=i-1, InstanceId.2=i-2)",
        );
        check(
            describe_volumes(&Query::All, Some(&token)),
            "DescribeVolumes(IncludeManagedResources=true, MaxResults=1000, NextToken=t/1=)",
        );
        check(
            describe_volumes(&ids(&["vol-1"]), None),
            "DescribeVolumes(IncludeManagedResources=true, VolumeId.1=vol-1)",
        );
        check(
            describe_snapshots(
                &Query::Filters(vec![
                    Filter { name: "volume-id".into(), values: vec!["vol-1".into(), "vol-2".into()] },
                    Filter { name: "tag:ebskeep:slot".into(), values: vec!["*".into()] },
                ]),
                None,
            ),
            "DescribeSnapshots(Owner.1=self, Filter.1.Name=volume-id, Filter.1.Value.1=vol-1, \
             Filter.1.Value.2=vol-2, Filter.2.Name=tag:ebskeep:slot, Filter.2.Value.1=*, MaxResults=1000)",
        );
        check(describe_snapshots(&ids(&["snap-1"]), None), "DescribeSnapshots(Owner.1=self, SnapshotId.1=snap-1)");
        check(
            describe_images(&Query::All, None),
            "DescribeImages(Owner.1=self, IncludeDeprecated=true, IncludeDisabled=true, MaxResults=1000)",
        );
        check(
            describe_images(&ids(&["ami-1"]), None),
            "DescribeImages(Owner.1=self, IncludeDeprecated=true, IncludeDisabled=true, ImageId.1=ami-1)",
        );
        check(
            describe_locked_snapshots(&Query::All, Some(&token)),
            "DescribeLockedSnapshots(MaxResults=1000, NextToken=t/1=)",
        );
        check(
            describe_locked_snapshots(&ids(&["snap-1", "snap-2"]), None),
            "DescribeLockedSnapshots(SnapshotId.1=snap-1, SnapshotId.2=snap-2)",
        );
        let archived = Filter { name: "snapshot-id".into(), values: vec!["snap-1".into(), "snap-2".into()] };
        check(
            describe_snapshot_tier_status(&Query::Filters(vec![archived]), Some(&token)),
            "DescribeSnapshotTierStatus(Filter.1.Name=snapshot-id, Filter.1.Value.1=snap-1, \
             Filter.1.Value.2=snap-2, MaxResults=1000, NextToken=t/1=)",
        );
        check(Ok(describe_regions()), "DescribeRegions()");
        check(Ok(get_caller_identity()), "GetCallerIdentity()");
    }

    #[test]
    fn changing_calls_say_all_they_must() {
        check(
            Ok(create_snapshot(&CreateSnapshot {
                volume: "vol-1".into(),
                description: "web - vol-1 (/dev/xvda)".to_owned(),
                tags: tags(),
                site: None,
            })),
            "CreateSnapshot(VolumeId=vol-1, Description=web - vol-1 (/dev/xvda), \
             TagSpecification.1.ResourceType=snapshot, TagSpecification.1.Tag.1.Key=a, \
             TagSpecification.1.Tag.1.Value=1 &é, TagSpecification.1.Tag.2.Key=b, TagSpecification.1.Tag.2.Value=2)",
        );
        check(
            Ok(create_snapshots(&CreateSnapshots {
                instance: "i-1".into(),
                exclude_boot: true,
                exclude_data: vec!["vol-1".into(), "vol-2".into()],
                description: "d".to_owned(),
                tags: Tags::new(),
                site: None,
            })),
            "CreateSnapshots(InstanceSpecification.InstanceId=i-1, InstanceSpecification.ExcludeBootVolume=true, \
             InstanceSpecification.ExcludeDataVolumeId.1=vol-1, InstanceSpecification.ExcludeDataVolumeId.2=vol-2, \
             Description=d)",
        );
        let outpost = "arn:aws:outposts:us-east-1:1:outpost/op-1";
        for (site, parameter) in [
            (LocalSite::Outpost(outpost.into()), format!("OutpostArn={outpost}")),
            (LocalSite::LocalZone("us-west-2-lax-1a".into()), "Location=local".to_owned()),
        ] {
            let site = Some(site);
            let (description, tags) = ("d".to_owned(), Tags::new());
            let one = CreateSnapshot { volume: "vol-1".into(), description, tags: tags.clone(), site: site.clone() };
            check(Ok(create_snapshot(&one)), &format!("CreateSnapshot(VolumeId=vol-1, Description=d, {parameter})"));
            let (exclude_data, description) = (Vec::new(), "d".to_owned());
            let all =
                CreateSnapshots { instance: "i-1".into(), exclude_boot: false, exclude_data, description, tags, site };
            check(
                Ok(create_snapshots(&all)),
                &format!(
                    "CreateSnapshots(InstanceSpecification.InstanceId=i-1, \
                     InstanceSpecification.ExcludeBootVolume=false, Description=d, {parameter})"
                ),
            );
        }
        check(Ok(delete_snapshot(&"snap-1".into())), "DeleteSnapshot(SnapshotId=snap-1)");
        check(
            create_tags(&["snap-1".into(), "snap-2".into()], &tags()),
            "CreateTags(ResourceId.1=snap-1, ResourceId.2=snap-2, Tag.1.Key=a, Tag.1.Value=1 &é, Tag.2.Key=b, \
             Tag.2.Value=2)",
        );
        check(
            delete_tags(&["snap-1".into()], &["a".into(), "b".into()]),
            "DeleteTags(ResourceId.1=snap-1, Tag.1.Key=a, Tag.2.Key=b)",
        );
        let of_value = |key: &str, value: &str| Untag { key: key.into(), value: Some(value.into()) };
        check(
            delete_tags(&["snap-1".into()], &[of_value("a", "1"), of_value("b", "")]),
            "DeleteTags(ResourceId.1=snap-1, Tag.1.Key=a, Tag.1.Value=1, Tag.2.Key=b, Tag.2.Value=)",
        );
    }

    fn copy(encrypted: Option<CopyKey>, tags: Tags) -> Call {
        let request = CopySnapshot {
            source_region: "eu-west-1".into(),
            source: "snap-1".into(),
            description: "d".to_owned(),
            tags,
            encrypted,
        };
        copy_snapshot(&request, &"eu-central-1".into())
    }

    #[test]
    fn copying_calls_say_all_they_must() {
        for (key, said) in [
            (None, ""),
            (Some(CopyKey::Default), "Encrypted=true, "),
            (Some(CopyKey::Named("alias/backup".into())), "Encrypted=true, KmsKeyId=alias/backup, "),
        ] {
            check(
                Ok(copy(key, [("a", "1")].into_iter().collect())),
                &format!(
                    "CopySnapshot(SourceRegion=eu-west-1, SourceSnapshotId=snap-1, DestinationRegion=eu-central-1, \
                     Description=d, {said}TagSpecification.1.ResourceType=snapshot, TagSpecification.1.Tag.1.Key=a, \
                     TagSpecification.1.Tag.1.Value=1)"
                ),
            );
        }
        check(
            Ok(describe_snapshot_sharing(&"snap-1".into())),
            "DescribeSnapshotAttribute(Attribute=createVolumePermission, SnapshotId=snap-1)",
        );
        for (change, operation) in
            [(Sharing::Add("111122223333".into()), "add"), (Sharing::Remove("111122223333".into()), "remove")]
        {
            check(
                Ok(modify_snapshot_sharing(&"snap-1".into(), &change)),
                &format!(
                    "ModifySnapshotAttribute(Attribute=createVolumePermission, OperationType={operation}, \
                     SnapshotId=snap-1, UserId.1=111122223333)"
                ),
            );
        }
        let arn = "arn:aws:iam::111122223333:role/backup/copies";
        check(
            Ok(assume_role(arn, None)),
            "AssumeRole(RoleArn=arn:aws:iam::111122223333:role/backup/copies, RoleSessionName=ebskeep)",
        );
        check(
            Ok(assume_role(arn, Some("e"))),
            "AssumeRole(RoleArn=arn:aws:iam::111122223333:role/backup/copies, RoleSessionName=ebskeep, ExternalId=e)",
        );
    }

    #[test]
    fn a_presigned_query_says_the_call_unless_its_tags_are_too_long() {
        let call = copy(None, [("a b", "é+~*/")].into_iter().collect());
        let head = "Action=CopySnapshot&Version=2016-11-15&SourceRegion=eu-west-1&SourceSnapshotId=snap-1\
                    &DestinationRegion=eu-central-1&Description=d";
        let tags = "&TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=a%20b\
                    &TagSpecification.1.Tag.1.Value=%C3%A9%2B~%2A%2F";
        assert_eq!(presigned_query(&call), format!("{head}{tags}"));
        let long =
            (0..50).map(|n| (SmolStr::from(format!("{n}{}", "語".repeat(126))), SmolStr::from("語".repeat(256))));
        let query = presigned_query(&copy(None, long.collect()));
        assert_eq!(query, head);
        let ascii = (0..50).map(|n| (SmolStr::from(format!("{n:0>128}")), SmolStr::from("x".repeat(256))));
        let query = presigned_query(&copy(None, ascii.collect()));
        assert!(query.len() > 22_000 && query.contains("TagSpecification.1.Tag.50.Value=x"), "{}", query.len());
    }

    #[test]
    fn what_aws_would_read_as_everything_is_refused() {
        let filter = |name: &str, values: &[&str]| {
            Query::Filters(vec![Filter { name: name.into(), values: values.iter().map(SmolStr::new).collect() }])
        };
        for (query, refused) in [
            (ids(&[]), Refused::NoIds),
            (Query::Ids(vec!["snap-1".into(); 1_001]), Refused::TooManyIds),
            (Query::Filters(vec![]), Refused::NoFilter),
            (filter("volume-id", &[]), Refused::NoFilter),
            (filter("", &["a"]), Refused::NoFilter),
        ] {
            assert_eq!(describe_instances(&query, None), Err(refused));
            assert_eq!(describe_volumes(&query, None), Err(refused));
            assert_eq!(describe_snapshots(&query, None), Err(refused));
            assert_eq!(describe_images(&query, None), Err(refused));
            assert_eq!(describe_locked_snapshots(&query, None), Err(refused));
            let takes_no_ids = matches!(query, Query::Ids(_));
            let refused = if takes_no_ids { Refused::IdsNotTaken } else { refused };
            assert_eq!(describe_snapshot_tier_status(&query, None), Err(refused));
        }
        assert_eq!(describe_snapshot_tier_status(&ids(&["snap-1"]), None), Err(Refused::IdsNotTaken));
        let one: &[SnapshotId] = &["snap-1".into()];
        assert_eq!(delete_tags(one, &[]), Err(Refused::NoTags));
        assert_eq!(create_tags(one, &Tags::new()), Err(Refused::NoTags));
        assert_eq!(delete_tags(&[], &["a".into()]), Err(Refused::NoIds));
        assert_eq!(create_tags(&[], &tags()), Err(Refused::NoIds));
        assert_eq!(create_tags(&vec!["snap-1".into(); 1_001], &tags()), Err(Refused::TooManyIds));
    }

    #[test]
    fn a_body_survives_any_text() {
        let call = create_snapshot(&CreateSnapshot {
            volume: "vol-1".into(),
            description: "a b+c&d=e%é\n~".to_owned(),
            tags: Tags::new(),
            site: None,
        });
        assert_eq!(
            encode(&call, None),
            "Action=CreateSnapshot&Version=2016-11-15&VolumeId=vol-1&Description=a+b%2Bc%26d%3De%25%C3%A9%0A%7E"
        );
    }
}
