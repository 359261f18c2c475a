//! Calls in another account, through a role there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ebskeep_aws::{Options, StaticTimeSource};
use ebskeep_core::cloud::{Cloud, Clouds, ErrorKind, Query, Role};
use ebskeep_core::id::Place;

use crate::canned::{Seen, answer, answering};

const EMPTY_PAGE: &str = "<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>";
const OTHER: &str = "222222222222";

fn role() -> Role {
    Role { name: "backup/copies".into(), external_id: Some("ex:1".into()) }
}

fn place(region: &str) -> Place {
    Place { account: OTHER.into(), region: region.into() }
}

/// A session until then, named by its number.
fn session(number: usize, account: &str, until: &str) -> http::Response<Bytes> {
    answer(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
             <AssumedRoleUser><AssumedRoleId>AROA:ebskeep</AssumedRoleId>\
             <Arn>arn:aws:sts::{account}:assumed-role/copies/ebskeep</Arn></AssumedRoleUser><Credentials>\
             <AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>other-secret-other</SecretAccessKey>\
             <SessionToken>token-of-session-{number}</SessionToken><Expiration>{until}</Expiration></Credentials>\
             </AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn at_home() -> Options {
    Options { region: Some("eu-west-1".into()), ..Options::default() }
}

fn is_assume(body: &str) -> bool {
    body.starts_with("Action=AssumeRole&")
}

/// AWS with sessions that last until then.
async fn with_sessions(until: &'static str, options: Options) -> (ebskeep_aws::Aws, Seen) {
    let begun = AtomicUsize::new(0);
    let answers = move |body: &str| {
        if is_assume(body) {
            session(begun.fetch_add(1, Ordering::Relaxed) + 1, OTHER, until)
        } else {
            answer(200, EMPTY_PAGE)
        }
    };
    let (aws, seen) = answering(answers, options).await;
    // 2026-01-02T03:00:00Z
    (aws.signing_at(StaticTimeSource::new(SystemTime::UNIX_EPOCH + Duration::from_hours(490_923))), seen)
}

#[tokio::test]
async fn a_role_is_assumed_at_the_first_call_and_once_for_all_regions() {
    let (aws, seen) = with_sessions("2026-01-02T04:00:00Z", at_home()).await;
    let cloud = aws.through(&place("eu-central-1"), &role());
    assert_eq!(cloud.place(), &place("eu-central-1"));
    assert_eq!(seen.count(), 0, "nothing is asked for ahead");
    cloud.describe_snapshots(&Query::All, None).await.unwrap();
    assert_eq!(seen.actions(), ["AssumeRole", "DescribeSnapshots"]);
    assert_eq!(seen.last().0, "https://ec2.eu-central-1.amazonaws.com/");
    assert!(seen.header("authorization").unwrap().contains("Credential=ASIA1/20260102/eu-central-1/ec2/"));
    assert_eq!(seen.header("x-amz-security-token").as_deref(), Some("token-of-session-1"));

    cloud.describe_snapshots(&Query::All, None).await.unwrap();
    aws.clone().through(&place("us-east-1"), &role()).describe_snapshots(&Query::All, None).await.unwrap();
    assert_eq!(seen.actions()[2..], ["DescribeSnapshots", "DescribeSnapshots"]);
    assert!(seen.header("authorization").unwrap().contains("Credential=ASIA1/20260102/us-east-1/ec2/"));

    // Another account, another name and another external id are another session.
    for (account, role) in [
        (OTHER, Role { external_id: None, ..role() }),
        (OTHER, Role { name: "copies".into(), ..role() }),
        ("333333333333", role()),
    ] {
        let there = Place { account: account.into(), region: "eu-west-1".into() };
        let before = seen.count();
        let _ = aws.through(&there, &role).describe_snapshots(&Query::All, None).await;
        assert_eq!(seen.actions()[before], "AssumeRole", "{there:?} {role:?}");
    }
    let own = Place { account: "123456789012".into(), region: "eu-west-1".into() };
    aws.at(&own).describe_snapshots(&Query::All, None).await.unwrap();
    assert!(seen.header("authorization").unwrap().contains("Credential=AKIAEXAMPLE/"), "our own calls stay our own");
}

#[tokio::test]
async fn sts_is_asked_where_our_credentials_serve() {
    for (options, region, url, partition) in [
        (at_home(), "me-south-1", "https://sts.eu-west-1.amazonaws.com/", "aws"),
        (Options::default(), "eu-central-1", "https://sts.us-east-1.amazonaws.com/", "aws"),
        (Options::default(), "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/", "aws-cn"),
        (
            Options { endpoint_url: Some("http://127.0.0.1:5000".to_owned()), ..at_home() },
            "us-east-1",
            "http://127.0.0.1:5000/",
            "aws",
        ),
    ] {
        let (aws, seen) = answering(|_| answer(403, ""), options).await;
        aws.through(&place(region), &role()).describe_snapshots(&Query::All, None).await.unwrap_err();
        let (asked, body) = seen.last();
        assert_eq!(asked, url);
        assert_eq!(
            body,
            format!(
                "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3A{partition}%3Aiam%3A%3A{OTHER}%3Arole%2Fbackup%2F\
                 copies&RoleSessionName=ebskeep&ExternalId=ex%3A1"
            )
        );
        assert!(seen.header("authorization").unwrap().contains("Credential=AKIAEXAMPLE/"));
        assert!(seen.header("authorization").unwrap().contains("/sts/aws4_request"));
    }
}

#[tokio::test]
async fn a_session_that_ends_or_is_no_longer_taken_is_begun_anew() {
    // It ends in a minute: less than the two by which credentials are renewed
    // ahead, so each call begins one.
    let (aws, seen) = with_sessions("2026-01-02T03:01:00Z", at_home()).await;
    let cloud = aws.through(&place("eu-central-1"), &role());
    for _ in 0..2 {
        cloud.describe_snapshots(&Query::All, None).await.unwrap();
    }
    assert_eq!(seen.actions(), ["AssumeRole", "DescribeSnapshots", "AssumeRole", "DescribeSnapshots"]);

    let expired = "<Response><Errors><Error><Code>ExpiredToken</Code></Error></Errors></Response>";
    let asked = Arc::new(AtomicUsize::new(0));
    let answers = move |body: &str| match asked.fetch_add(1, Ordering::Relaxed) {
        _ if is_assume(body) => session(1, OTHER, "2099-01-01T00:00:00Z"),
        1 => answer(400, expired),
        _ => answer(200, EMPTY_PAGE),
    };
    let (aws, seen) = answering(answers, at_home()).await;
    let cloud = aws.through(&place("eu-central-1"), &role());
    let error = cloud.describe_snapshots(&Query::All, None).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("ExpiredToken"));
    cloud.describe_snapshots(&Query::All, None).await.unwrap();
    assert_eq!(seen.actions(), ["AssumeRole", "DescribeSnapshots", "AssumeRole", "DescribeSnapshots"]);
}

#[tokio::test]
async fn a_role_that_cannot_be_assumed_is_named_and_nothing_else_is_sent() {
    let refused = |code: &str| {
        format!("<ErrorResponse><Error><Code>{code}</Code><Message>not you</Message></Error></ErrorResponse>")
    };
    let arn = "arn:aws:iam::222222222222:role/backup/copies";
    for (status, code, kind) in [
        (403, "AccessDenied", ErrorKind::Denied),
        (400, "ValidationError", ErrorKind::Denied),
        (403, "RegionDisabledException", ErrorKind::Denied),
        (400, "Throttling", ErrorKind::Unavailable),
        (500, "InternalFailure", ErrorKind::Unavailable),
    ] {
        let body = refused(code);
        let (aws, seen) = answering(move |_| answer(status, &body), at_home()).await;
        let cloud = aws.through(&place("eu-central-1"), &role());
        let error = cloud.delete_snapshot(&"snap-1".into()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("AssumeRole on {arn}: {code}"));
        assert_eq!((error.kind, error.operation, error.resource.as_deref()), (kind, "AssumeRole", Some(arn)));
        let said = error.source.unwrap().to_string();
        assert!(said.starts_with("not you"), "{said}");
        assert_eq!(said.contains("trust policy"), kind == ErrorKind::Denied, "{said}");
        assert_eq!(seen.actions(), ["AssumeRole"]);
        // It is tried again, for a trust policy can be mended.
        cloud.delete_snapshot(&"snap-1".into()).await.unwrap_err();
        assert_eq!(seen.count(), 2);
    }
    let (aws, seen) = answering(|_| session(1, OTHER, "2099-01-01T00:00:00Z").map(|b| b.slice(..200)), at_home()).await;
    let error = aws.through(&place("eu-west-1"), &role()).delete_snapshot(&"snap-1".into()).await.unwrap_err();
    assert_eq!((error.kind, seen.count()), (ErrorKind::Unavailable, 1), "an answer that is cut off passes");
}

#[tokio::test]
async fn a_session_of_another_account_is_not_used() {
    let (aws, seen) = answering(|_| session(1, "999999999999", "2099-01-01T00:00:00Z"), at_home()).await;
    let error = aws.through(&place("eu-west-1"), &role()).delete_snapshot(&"snap-1".into()).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (ErrorKind::Denied, "AssumeRole"));
    let said = error.source.unwrap().to_string();
    assert!(said.contains("999999999999") && said.contains("not of account 222222222222"), "{said}");
    assert_eq!(seen.actions(), ["AssumeRole"]);
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_session() {
    let (aws, seen) = with_sessions("2026-01-02T04:00:00Z", at_home()).await;
    let (one, other) = (aws.through(&place("eu-west-1"), &role()), aws.through(&place("eu-central-1"), &role()));
    let all = Query::All;
    let (a, b) = tokio::join!(one.describe_snapshots(&all, None), other.describe_snapshots(&all, None));
    a.unwrap();
    b.unwrap();
    assert_eq!(seen.actions().iter().filter(|action| *action == "AssumeRole").count(), 1);
}

#[tokio::test]
async fn no_secret_of_a_session_is_repeated() {
    let (aws, _) = answering(
        |body| {
            if is_assume(body) {
                session(1, OTHER, "2099-01-01T00:00:00Z")
            } else {
                let message = "string was token-of-session-1 and other-secret-other";
                let body = format!(
                    "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>{message}</Message></Error>\
                     </Errors></Response>"
                );
                answer(403, &body)
            }
        },
        at_home(),
    )
    .await;
    let cloud = aws.through(&place("eu-west-1"), &role());
    let error = cloud.delete_snapshot(&"snap-1".into()).await.unwrap_err();
    assert_eq!(error.source.unwrap().to_string(), "string was [removed] and [removed]");
    let shown = format!("{cloud:?} {aws:?}");
    for secret in ["token-of-session-1", "other-secret-other", "topsecret-topsecret", "thetoken-thetoken"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
