//! What the adapter would send and how it reads answers, for tests in other
//! languages that hold both against a reference client.
//!
//! One JSON object a line on stdin, one a line on stdout, until stdin ends.
//! Everything goes through the adapter's public face, and all but the last
//! question over an in-process transport, so nothing here can say other than
//! what the adapter does.
//!
//! ```text
//! {"do": "request", "call": "DescribeSnapshots", "args": {…}, "region": "eu-west-1",
//!  "credentials"?: {"access_key", "secret_key", "session_token"?}, "at"?: "2026-01-02T03:04:05Z",
//!  "fips"?: false, "dualstack"?: false, "endpoint_url"?: "http://…"}
//!   → {"method", "url", "headers": {…}, "params": [[name, value], …], "body"}
//!
//! {"do": "parse", "call": "DescribeSnapshots", "body": "<xml…>"}
//!   → what was read, in boto3's members
//!
//! {"do": "error", "call": "CreateSnapshot", "status": 503, "body": "<xml…>"}
//!   → {"kind": "throttled", "code": "RequestLimitExceeded" | null, "message"}
//!
//! {"do": "endpoint", "service": "ec2" | "sts", "region": "eu-west-1", "fips": false, "dualstack": false,
//!  "endpoint_url"?: "http://…"}
//!   → {"url"}
//!
//! {"do": "reach", "profile"?: "name", "role"?: "name"}
//!   → {"items"} or {"kind", "code", "message"}
//! ```
//!
//! `reach` alone leaves the process: it connects as programs do, by the
//! environment, and lists snapshots in the default Region, through a role if one is
//! named.
//!
//! `args` are boto3's, of those the adapter can set: `InstanceIds`, `VolumeIds`,
//! `SnapshotIds` or `ImageIds`, or else `Filters`, or else neither; `NextToken`;
//! of creations and tags all. `OwnerIds`, `Owners`, `Include…`, `MaxResults`,
//! `Attribute`, `RoleSessionName` and the resource type of tags are accepted and not looked at: the adapter sets
//! them itself, which is what is to be compared. Any other name is an error.
//!
//! `CopySnapshot` always writes `DestinationRegion` and `PresignedUrl`, of which
//! `args` may have the first: it must be the Region of the call. `AssumeRole` is
//! made by a call through the role that `RoleArn` names; of its answer, what that
//! call was signed with is told.
//!
//! In `parse`, tags are lists of `Key` and `Value`, as boto3 has them. The
//! adapter does not keep reservations: each instance stands in one of its own.
//! States it does not know read as `other`. Regions are sorted. Absent members
//! read as the empty string, `false`, 0 or `standard`.
//!
//! In `error`, kinds are those of the core's `ErrorKind`, as `not-found`.
//! Where there is no answer, `{"error": "why"}` comes instead of any of these.

use std::io::{BufRead as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ebskeep_aws::endpoint::{self, Service, Variant};
use ebskeep_aws::transport::InProcess;
use ebskeep_aws::{Aws, Credentials, Options, StaticTimeSource, connect, connect_through};
use ebskeep_core::cloud::{
    Cloud, CloudError, Clouds, CopyKey, CopySnapshot, CreateSnapshot, CreateSnapshots, ErrorKind, Filter, Query, Role,
    Sharing, Token, Untag,
};
use ebskeep_core::id::{AccountId, Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::Instance;
use ebskeep_core::site::LocalSite;
use ebskeep_core::tags::Tags;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use crate::members::{begun, image, instance, listed, lock, snapshot, tier_status, volume};

mod members;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Question {
    Request {
        call: String,
        args: Map<String, Value>,
        region: String,
        credentials: Option<Keys>,
        at: Option<jiff::Timestamp>,
        #[serde(default)]
        fips: bool,
        #[serde(default)]
        dualstack: bool,
        endpoint_url: Option<String>,
    },
    Parse {
        call: String,
        body: String,
    },
    Error {
        call: String,
        status: u16,
        body: String,
    },
    Endpoint {
        service: String,
        region: String,
        fips: bool,
        dualstack: bool,
        endpoint_url: Option<String>,
    },
    Reach {
        profile: Option<String>,
        role: Option<String>,
    },
}

#[derive(Deserialize)]
struct Keys {
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(question) => reply(question).await.unwrap_or_else(|error| json!({ "error": error.to_string() })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

async fn reply(question: Question) -> Result<Value, Failure> {
    match question {
        Question::Request { call, args, region, credentials, at, fips, dualstack, endpoint_url } => {
            let variant = Variant { fips, dual_stack: dualstack, custom: endpoint_url };
            request(&call, Args(args), &region, credentials, at, variant).await
        }
        Question::Parse { call, body } => {
            let (aws, sent) = aws(None, answer(200, body)).await;
            perform(&aws, &sent, &call, None, "eu-west-1").await?.map_err(|error| told(&error).into())
        }
        Question::Error { call, status, body } => {
            let (aws, sent) = aws(None, answer(status, body)).await;
            match perform(&aws, &sent, &call, None, "eu-west-1").await? {
                Ok(_) => Err("this is no refusal".into()),
                Err(error) => Ok(failure(&error)),
            }
        }
        Question::Reach { profile, role } => {
            let aws = connect(Options { profile, ..Options::default() }).await?;
            let region = aws.default_region().ok_or("no Region")?.clone();
            let place = Place { account: "123456789012".into(), region };
            let ec2 = match role {
                Some(name) => aws.through(&place, &Role { name: name.into(), external_id: None }),
                None => aws.at(&place),
            };
            Ok(match ec2.describe_snapshots(&Query::All, None).await {
                Ok(page) => json!({ "items": page.items.len() }),
                Err(error) => failure(&error),
            })
        }
        Question::Endpoint { service, region, fips, dualstack, endpoint_url } => {
            let service = match service.as_str() {
                "ec2" => Service::Ec2,
                "sts" => Service::Sts,
                other => return Err(format!("no service {other}").into()),
            };
            let variant = Variant { fips, dual_stack: dualstack, custom: endpoint_url };
            Ok(json!({ "url": endpoint::resolve(service, &Region::new(region), &variant)? }))
        }
    }
}

/// The request a call would have been, from the transport's side.
async fn request(
    call: &str,
    args: Args,
    region: &str,
    keys: Option<Keys>,
    at: Option<jiff::Timestamp>,
    variant: Variant,
) -> Result<Value, Failure> {
    let (aws, sent) = aws(keys, answer(400, String::new())).await;
    let mut aws = aws.at_endpoints(variant);
    if let Some(at) = at {
        let since = Duration::from_secs(u64::try_from(at.as_second())?);
        aws = aws.signing_at(StaticTimeSource::new(SystemTime::UNIX_EPOCH + since));
    }
    let outcome = perform(&aws, &sent, call, Some(args), region).await?;
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(sent) = sent else {
        return Err(outcome.map_or_else(|error| told(&error).into(), |_| "nothing was sent".into()));
    };
    let body = std::str::from_utf8(sent.body())?;
    let mut headers = Map::new();
    for (name, value) in sent.headers() {
        headers.insert(name.to_string(), value.to_str()?.into());
    }
    Ok(json!({
        "method": sent.method().as_str(),
        "url": sent.uri().to_string(),
        "headers": headers,
        "params": form_urlencoded::parse(body.as_bytes()).collect::<Vec<_>>(),
        "body": body,
    }))
}

type Sent = Arc<Mutex<Option<http::Request<Bytes>>>>;

/// The adapter before a transport that keeps the request and answers this.
async fn aws(keys: Option<Keys>, response: http::Response<Bytes>) -> (Aws, Sent) {
    let sent = Sent::default();
    let kept = Arc::clone(&sent);
    let transport = InProcess::new(move |request| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        let response = response.clone();
        async move { response }
    });
    let credentials = match keys {
        Some(Keys { access_key, secret_key, session_token }) => {
            Credentials::new(access_key, secret_key, session_token, None, "probe")
        }
        None => Credentials::new("AKIAIOSFODNN7EXAMPLE", "example", None, None, "probe"),
    };
    let options = Options { region: Some(Region::new("eu-west-1")), ..Options::default() };
    (connect_through(transport, credentials, options).await, sent)
}

fn answer(status: u16, body: String) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(body));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::IM_A_TEAPOT);
    response.headers_mut().insert("date", http::HeaderValue::from_static("Fri, 02 Jan 2026 03:04:05 GMT"));
    response
}

/// Makes a call: with these arguments, or with any if only its answer counts.
async fn perform(
    aws: &Aws,
    sent: &Sent,
    call: &str,
    args: Option<Args>,
    region: &str,
) -> Result<Result<Value, CloudError>, Failure> {
    let ec2 = aws.at(&Place { account: "123456789012".into(), region: region.into() });
    let answer_only = args.is_none();
    let mut args = args.unwrap_or_default();
    let result = match call {
        "DescribeInstances" => {
            let (query, token) = args.query("InstanceIds")?;
            ec2.describe_instances(&query, token.as_ref()).await.map(|page| {
                let one = |i: &Instance| json!({ "Instances": [instance(i)] });
                listed("Reservations", &page, one)
            })
        }
        "DescribeVolumes" => {
            let (query, token) = args.query("VolumeIds")?;
            ec2.describe_volumes(&query, token.as_ref()).await.map(|page| listed("Volumes", &page, volume))
        }
        "DescribeSnapshots" => {
            let (query, token) = args.query("SnapshotIds")?;
            ec2.describe_snapshots(&query, token.as_ref()).await.map(|page| listed("Snapshots", &page, snapshot))
        }
        "DescribeImages" => {
            let (query, token) = args.query("ImageIds")?;
            ec2.describe_images(&query, token.as_ref()).await.map(|page| listed("Images", &page, image))
        }
        "DescribeLockedSnapshots" => {
            let (query, token) = args.query("SnapshotIds")?;
            ec2.describe_locked_snapshots(&query, token.as_ref()).await.map(|page| listed("Snapshots", &page, lock))
        }
        "DescribeSnapshotTierStatus" => {
            let (query, token) = args.query("SnapshotIds")?;
            let answer = ec2.describe_snapshot_tier_status(&query, token.as_ref()).await;
            answer.map(|page| listed("SnapshotTierStatuses", &page, tier_status))
        }
        "CreateSnapshot" => {
            let request = CreateSnapshot {
                volume: VolumeId::new(args.text("VolumeId")?),
                description: args.text("Description")?,
                tags: args.new_tags()?,
                site: args.site()?,
            };
            ec2.create_snapshot(&request).await.map(|one| begun(&one))
        }
        "CreateSnapshots" => {
            let mut instance = args.object("InstanceSpecification")?;
            let request = CreateSnapshots {
                instance: instance.text("InstanceId")?.as_str().into(),
                exclude_boot: instance.take("ExcludeBootVolume")?.unwrap_or(false),
                exclude_data: instance.texts("ExcludeDataVolumeIds")?.into_iter().map(VolumeId::new).collect(),
                description: args.text("Description")?,
                tags: args.new_tags()?,
                site: args.site()?,
            };
            instance.nothing_left()?;
            let all = ec2.create_snapshots(&request).await;
            all.map(|all| json!({ "Snapshots": all.iter().map(begun).collect::<Vec<_>>() }))
        }
        "CopySnapshot" => {
            let named: Option<SmolStr> = args.take("KmsKeyId")?;
            let encrypted = args.take("Encrypted")?.unwrap_or(false);
            let destination: Option<String> = args.take("DestinationRegion")?;
            if destination.is_some_and(|destination| destination != region) {
                return Err("the adapter copies to where it calls".into());
            }
            let request = CopySnapshot {
                source_region: match args.text("SourceRegion")? {
                    none if answer_only && none.is_empty() => Region::new(region),
                    source => Region::new(source),
                },
                source: SnapshotId::new(args.text("SourceSnapshotId")?),
                description: args.text("Description")?,
                tags: args.new_tags()?,
                encrypted: encrypted.then(|| named.map_or(CopyKey::Default, CopyKey::Named)),
            };
            ec2.copy_snapshot(&request).await.map(|id| json!({ "SnapshotId": id.as_str() }))
        }
        "DescribeSnapshotAttribute" => {
            let id = SnapshotId::new(args.text("SnapshotId")?);
            let may = ec2.describe_snapshot_sharing(&id).await;
            let one = |account: &AccountId| json!({ "UserId": account.as_str() });
            may.map(|all| json!({ "CreateVolumePermissions": all.iter().map(one).collect::<Vec<_>>() }))
        }
        "ModifySnapshotAttribute" => {
            let id = SnapshotId::new(args.text("SnapshotId")?);
            let account = args.texts("UserIds")?.pop().unwrap_or_default();
            let change = match args.text("OperationType")?.as_str() {
                "remove" => Sharing::Remove(AccountId::new(account)),
                _ => Sharing::Add(AccountId::new(account)),
            };
            ec2.modify_snapshot_sharing(&id, &change).await.map(|()| json!({}))
        }
        "DeleteSnapshot" => {
            let id = SnapshotId::new(args.text("SnapshotId")?);
            ec2.delete_snapshot(&id).await.map(|()| json!({}))
        }
        "CreateTags" => {
            let mut ids = args.snapshots()?;
            let mut tags = args.tags("Tags")?;
            if answer_only {
                ids.push(SnapshotId::new("snap-1"));
                tags.set("any", "");
            }
            ec2.create_tags(&ids, &tags).await.map(|()| json!({}))
        }
        "DeleteTags" => {
            let mut ids = args.snapshots()?;
            let mut keys: Vec<Untag> = args.tags("Tags")?.iter().map(|(key, _)| key.clone().into()).collect();
            if answer_only {
                ids.push(SnapshotId::new("snap-1"));
                keys.push("any".into());
            }
            ec2.delete_tags(&ids, &keys).await.map(|()| json!({}))
        }
        "DescribeRegions" => aws.regions().await.map(|all| {
            let all: Vec<_> = all.iter().map(|region| json!({ "RegionName": region.as_str() })).collect();
            json!({ "Regions": all })
        }),
        "GetCallerIdentity" => {
            aws.identity().await.map(|who| json!({ "Account": who.account.as_str(), "Arn": who.arn }))
        }
        "AssumeRole" => {
            let arn = args.text("RoleArn")?;
            let (account, name) = arn
                .strip_prefix("arn:aws:iam::")
                .and_then(|rest| rest.split_once(":role/"))
                .unwrap_or(("123456789012", "any"));
            let role = Role { name: name.into(), external_id: args.take("ExternalId")? };
            let place = Place { account: account.into(), region: region.into() };
            // What answers answers this call like the first, and is no listing.
            let answer = aws.through(&place, &role).describe_snapshots(&Query::All, None).await;
            match answer {
                Err(error) if error.operation != "AssumeRole" => Ok(signed_with(sent)?),
                other => other.map(|_| json!({})),
            }
        }
        other => return Err(format!("the adapter makes no call {other}").into()),
    };
    args.nothing_left()?;
    Ok(result)
}

/// The credentials that the last request was signed with, as far as it shows.
fn signed_with(sent: &Sent) -> Result<Value, Failure> {
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let request = sent.as_ref().ok_or("nothing was sent")?;
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, key) = header("authorization").split_once("Credential=").ok_or("it was not signed")?;
    let key = key.split('/').next().unwrap_or_default();
    Ok(json!({ "Credentials": { "AccessKeyId": key, "SessionToken": header("x-amz-security-token") } }))
}

/// boto3's arguments, taken out one by one.
#[derive(Default)]
struct Args(Map<String, Value>);

impl Args {
    fn take<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let value = self.0.remove(name).map(serde_json::from_value).transpose();
        value.map_err(|error| format!("{name}: {error}").into())
    }

    fn text(&mut self, name: &str) -> Result<String, Failure> {
        Ok(self.take(name)?.unwrap_or_default())
    }

    fn texts(&mut self, name: &str) -> Result<Vec<SmolStr>, Failure> {
        Ok(self.take(name)?.unwrap_or_default())
    }

    fn object(&mut self, name: &str) -> Result<Self, Failure> {
        Ok(Self(self.take(name)?.unwrap_or_default()))
    }

    fn snapshots(&mut self) -> Result<Vec<SnapshotId>, Failure> {
        Ok(self.texts("Resources")?.into_iter().map(SnapshotId::new).collect())
    }

    fn query(&mut self, ids: &str) -> Result<(Query, Option<Token>), Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct Named {
            name: SmolStr,
            values: Vec<SmolStr>,
        }
        let token = self.take("NextToken")?.map(Token);
        let filters: Option<Vec<Named>> = self.take("Filters")?;
        let query = match (self.take(ids)?, filters) {
            (Some(_), Some(_)) => return Err("ids and filters are never combined".into()),
            (Some(ids), None) => Query::Ids(ids),
            (None, Some(all)) => {
                Query::Filters(all.into_iter().map(|Named { name, values }| Filter { name, values }).collect())
            }
            (None, None) => Query::All,
        };
        Ok((query, token))
    }

    fn tags(&mut self, name: &str) -> Result<Tags, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct Tag {
            key: SmolStr,
            #[serde(default)]
            value: SmolStr,
        }
        let tags: Vec<Tag> = self.take(name)?.unwrap_or_default();
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    fn new_tags(&mut self) -> Result<Tags, Failure> {
        let mut specifications: Vec<Map<String, Value>> = self.take("TagSpecifications")?.unwrap_or_default();
        match specifications.pop() {
            None => Ok(Tags::new()),
            Some(one) if specifications.is_empty() => Self(one).tags("Tags"),
            Some(_) => Err("the adapter sends one tag specification".into()),
        }
    }

    /// Where a new snapshot is stored, if not in the Region.
    fn site(&mut self) -> Result<Option<LocalSite>, Failure> {
        let outpost: Option<SmolStr> = self.take("OutpostArn")?;
        match self.take::<SmolStr>("Location")?.as_deref() {
            None => Ok(outpost.map(LocalSite::Outpost)),
            Some("local") => Ok(Some(LocalSite::LocalZone("us-west-2-lax-1a".into()))),
            Some(_) => Err("the adapter leaves the Region out".into()),
        }
    }

    fn nothing_left(&self) -> Result<(), Failure> {
        const ITS_OWN: [&str; 8] = [
            "OwnerIds",
            "Owners",
            "IncludeManagedResources",
            "IncludeDeprecated",
            "IncludeDisabled",
            "MaxResults",
            "Attribute",
            "RoleSessionName",
        ];
        match self.0.keys().find(|name| !ITS_OWN.contains(&name.as_str())) {
            Some(name) => Err(format!("the adapter cannot set {name} here").into()),
            None => Ok(()),
        }
    }
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "not-found",
        ErrorKind::InUse => "in-use",
        ErrorKind::Throttled => "throttled",
        ErrorKind::PerVolumeRate => "per-volume-rate",
        ErrorKind::ConcurrencyLimit => "concurrency-limit",
        ErrorKind::Quota => "quota",
        ErrorKind::Denied => "denied",
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unavailable => "unavailable",
        ErrorKind::Unknown => "unknown",
        ErrorKind::Stopped => "stopped",
        ErrorKind::Other => "other",
    }
}

fn failure(error: &CloudError) -> Value {
    json!({ "kind": kind(error.kind), "code": error.code, "message": told(error) })
}

/// An error with its cause.
fn told(error: &CloudError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
