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
//!  "credentials"?: {"access_key", "secret_key", "session_token"?}, "at"?: "2026-01-02T03:04:05Z"}
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
//! {"do": "reach", "profile"?: "name"}
//!   → {"items"} or {"kind", "code", "message"}
//! ```
//!
//! `reach` alone leaves the process: it connects as programs do, by the
//! environment, and lists snapshots in the default Region.
//!
//! `args` are boto3's, of those the adapter can set: `InstanceIds`, `VolumeIds`,
//! `SnapshotIds` or `ImageIds`, or else `Filters`, or else neither; `NextToken`;
//! of creations and tags all. `OwnerIds`, `Owners`, `Include…`, `MaxResults` and
//! the resource type of tags are accepted and not looked at: the adapter sets
//! them itself, which is what is to be compared. Any other name is an error.
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
    Begun, Cloud, CloudError, Clouds, CreateSnapshot, CreateSnapshots, ErrorKind, Filter, Page, Query, Token,
};
use ebskeep_core::id::{Place, Region, SnapshotId, VolumeId};
use ebskeep_core::inventory::{
    Image, Instance, InstanceState, Lock, LockState, Snapshot, SnapshotState, StorageTier, TierStatus, Volume,
    VolumeState,
};
use ebskeep_core::tags::Tags;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Question {
    Request {
        call: String,
        args: Map<String, Value>,
        region: String,
        credentials: Option<Keys>,
        at: Option<jiff::Timestamp>,
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
        Question::Request { call, args, region, credentials, at } => {
            request(&call, Args(args), &region, credentials, at).await
        }
        Question::Parse { call, body } => {
            let (aws, _) = aws(None, answer(200, body)).await;
            perform(&aws, &call, None, "eu-west-1").await?.map_err(|error| told(&error).into())
        }
        Question::Error { call, status, body } => {
            let (aws, _) = aws(None, answer(status, body)).await;
            match perform(&aws, &call, None, "eu-west-1").await? {
                Ok(_) => Err("this is no refusal".into()),
                Err(error) => Ok(failure(&error)),
            }
        }
        Question::Reach { profile } => {
            let aws = connect(Options { profile, ..Options::default() }).await?;
            let region = aws.default_region().ok_or("no Region")?.clone();
            let ec2 = aws.at(&Place { account: "123456789012".into(), region });
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
) -> Result<Value, Failure> {
    let (mut aws, sent) = aws(keys, answer(400, String::new())).await;
    if let Some(at) = at {
        let since = Duration::from_secs(u64::try_from(at.as_second())?);
        aws = aws.signing_at(StaticTimeSource::new(SystemTime::UNIX_EPOCH + since));
    }
    let outcome = perform(&aws, call, Some(args), region).await?;
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
            };
            instance.nothing_left()?;
            let all = ec2.create_snapshots(&request).await;
            all.map(|all| json!({ "Snapshots": all.iter().map(begun).collect::<Vec<_>>() }))
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
            let mut keys: Vec<SmolStr> = args.tags("Tags")?.iter().map(|(key, _)| key.clone()).collect();
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
        other => return Err(format!("the adapter makes no call {other}").into()),
    };
    args.nothing_left()?;
    Ok(result)
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

    fn nothing_left(&self) -> Result<(), Failure> {
        const ITS_OWN: [&str; 6] =
            ["OwnerIds", "Owners", "IncludeManagedResources", "IncludeDeprecated", "IncludeDisabled", "MaxResults"];
        match self.0.keys().find(|name| !ITS_OWN.contains(&name.as_str())) {
            Some(name) => Err(format!("the adapter cannot set {name} here").into()),
            None => Ok(()),
        }
    }
}

fn listed<T>(name: &str, page: &Page<T>, one: impl Fn(&T) -> Value) -> Value {
    let items: Vec<Value> = page.items.iter().map(one).collect();
    match &page.next {
        Some(Token(token)) => json!({ name: items, "NextToken": token }),
        None => json!({ name: items }),
    }
}

fn tag_list(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn instance(instance: &Instance) -> Value {
    let Instance { id, state, root_device, devices, tags } = instance;
    let state = match state {
        InstanceState::Pending => "pending",
        InstanceState::Running => "running",
        InstanceState::Stopping => "stopping",
        InstanceState::Stopped => "stopped",
        InstanceState::ShuttingDown => "shutting-down",
        InstanceState::Terminated => "terminated",
        InstanceState::Other => "other",
    };
    let devices: Vec<Value> = devices
        .iter()
        .map(|device| json!({ "DeviceName": device.name, "Ebs": { "VolumeId": device.volume.as_str() } }))
        .collect();
    json!({
        "InstanceId": id.as_str(),
        "State": { "Name": state },
        "RootDeviceName": root_device,
        "BlockDeviceMappings": devices,
        "Tags": tag_list(tags),
    })
}

fn volume(volume: &Volume) -> Value {
    let Volume { id, state, size_gib, attachments, tags } = volume;
    let state = match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Deleted => "deleted",
        VolumeState::Error => "error",
        VolumeState::Other => "other",
    };
    let attachments: Vec<Value> = attachments
        .iter()
        .map(|there| json!({ "InstanceId": there.instance.as_str(), "Device": there.device }))
        .collect();
    json!({
        "VolumeId": id.as_str(),
        "State": state,
        "Size": size_gib,
        "Attachments": attachments,
        "Tags": tag_list(tags),
    })
}

fn snapshot(snapshot: &Snapshot) -> Value {
    let Snapshot { id, owner, volume, state, state_message, started, size_gib, tier, encrypted, description, tags } =
        snapshot;
    let state = match state {
        SnapshotState::Pending => "pending",
        SnapshotState::Completed => "completed",
        SnapshotState::Error => "error",
        SnapshotState::Recoverable => "recoverable",
        SnapshotState::Recovering => "recovering",
        SnapshotState::Other => "other",
    };
    json!({
        "SnapshotId": id.as_str(),
        "OwnerId": owner.as_str(),
        "VolumeId": volume.as_str(),
        "State": state,
        "StateMessage": state_message.as_deref().unwrap_or_default(),
        "StartTime": started,
        "VolumeSize": size_gib,
        "StorageTier": tier_name(*tier),
        "Encrypted": encrypted,
        "Description": description,
        "Tags": tag_list(tags),
    })
}

fn image(image: &Image) -> Value {
    let Image { id, state, snapshots } = image;
    let devices: Vec<Value> = snapshots.iter().map(|id| json!({ "Ebs": { "SnapshotId": id.as_str() } })).collect();
    json!({ "ImageId": id.as_str(), "State": state, "BlockDeviceMappings": devices })
}

fn lock(lock: &Lock) -> Value {
    let Lock { snapshot, state, expires } = lock;
    let state = match state {
        LockState::Compliance => "compliance",
        LockState::ComplianceCooloff => "compliance-cooloff",
        LockState::Governance => "governance",
        LockState::Expired => "expired",
        LockState::Other => "other",
    };
    json!({ "SnapshotId": snapshot.as_str(), "LockState": state, "LockExpiresOn": expires })
}

fn tier_status(status: &TierStatus) -> Value {
    let TierStatus { snapshot, tier, archived_at, restore_expires } = status;
    json!({
        "SnapshotId": snapshot.as_str(),
        "StorageTier": tier_name(*tier),
        "ArchivalCompleteTime": archived_at,
        "RestoreExpiryTime": restore_expires,
    })
}

fn tier_name(tier: StorageTier) -> &'static str {
    match tier {
        StorageTier::Standard => "standard",
        StorageTier::Archive => "archive",
    }
}

fn begun(begun: &Begun) -> Value {
    let Begun { id, volume } = begun;
    json!({ "SnapshotId": id.as_str(), "VolumeId": volume.as_str() })
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
