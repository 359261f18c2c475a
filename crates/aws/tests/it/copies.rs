//! CopySnapshot with its presigned URL, and who may use a snapshot.

use std::collections::BTreeMap;

use ebskeep_aws::Options;
use ebskeep_core::cloud::{Cloud, Clouds, CopyKey, CopySnapshot, ErrorKind, Sharing};
use ebskeep_core::id::Place;

use crate::canned::{Seen, answer, aws, aws_with, ec2};

const COPIED: &str = "<CopySnapshotResponse><snapshotId>snap-2</snapshotId></CopySnapshotResponse>";

fn copy() -> CopySnapshot {
    CopySnapshot {
        source_region: "eu-west-1".into(),
        source: "snap-1".into(),
        description: "a copy".to_owned(),
        tags: [("Type", "Automated")].into_iter().collect(),
        encrypted: Some(CopyKey::Named("alias/backup".into())),
    }
}

fn destination() -> Place {
    Place { account: "123456789012".into(), region: "eu-central-1".into() }
}

/// The parameters of the last call, and its presigned URL.
#[expect(clippy::unwrap_used, reason = "a helper of tests; a failure here is the test's")]
fn sent(seen: &Seen) -> (BTreeMap<String, String>, String) {
    let mut params = params(&seen.last().1);
    let url = params.remove("PresignedUrl").unwrap();
    (params, url)
}

fn params(text: &str) -> BTreeMap<String, String> {
    let all: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    let known: BTreeMap<_, _> = all.iter().cloned().collect();
    assert_eq!(known.len(), all.len(), "no parameter twice: {text}");
    known
}

#[tokio::test]
async fn a_copy_is_asked_for_at_its_destination_with_a_url_for_its_source() {
    let (aws, seen) = aws(answer(200, COPIED)).await;
    assert_eq!(aws.at(&destination()).copy_snapshot(&copy()).await.unwrap(), "snap-2".into());
    assert_eq!(seen.count(), 1);
    assert_eq!(seen.last().0, "https://ec2.eu-central-1.amazonaws.com/");
    assert!(seen.header("authorization").unwrap().contains("/eu-central-1/ec2/aws4_request"));
    let (call, url) = sent(&seen);
    assert_eq!((call["SourceRegion"].as_str(), call["DestinationRegion"].as_str()), ("eu-west-1", "eu-central-1"));

    let (host, query) = url.split_once("/?").unwrap();
    assert_eq!(host, "https://ec2.eu-west-1.amazonaws.com");
    assert!(!query.contains('+'), "a blank is %20 in what is signed: {query}");
    let mut signed = params(query);
    let signature = signed.remove("X-Amz-Signature").unwrap();
    assert!(signature.len() == 64 && signature.bytes().all(|c| c.is_ascii_hexdigit()), "{signature}");
    for (name, value) in [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", "AKIAEXAMPLE/20260102/eu-west-1/ec2/aws4_request"),
        ("X-Amz-Date", "20260102T030405Z"),
        ("X-Amz-Expires", "3600"),
        ("X-Amz-Security-Token", "thetoken-thetoken"),
        ("X-Amz-SignedHeaders", "host"),
    ] {
        assert_eq!(signed.remove(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(signed, call, "it is the same call");
}

#[tokio::test]
async fn the_presigned_url_goes_where_the_calls_go() {
    for (endpoint, expected) in [
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/?Action="),
        (
            "https://vpce-1.ec2.eu-central-1.vpce.amazonaws.com",
            "https://vpce-1.ec2.eu-west-1.vpce.amazonaws.com/?Action=",
        ),
    ] {
        let options = Options { endpoint_url: Some(endpoint.to_owned()), ..Options::default() };
        let (aws, seen) = aws_with(answer(200, COPIED), options).await;
        aws.at(&destination()).copy_snapshot(&copy()).await.unwrap();
        let (_, url) = sent(&seen);
        assert!(url.starts_with(expected), "{url}");
    }
}

#[tokio::test]
async fn a_copy_with_the_longest_of_tags_is_asked_for_all_the_same() {
    let tags = (0..50).map(|n| (format!("{n}{}", "語".repeat(126)), "語".repeat(256))).collect();
    let (aws, seen) = aws(answer(200, COPIED)).await;
    aws.at(&destination()).copy_snapshot(&CopySnapshot { tags, ..copy() }).await.unwrap();
    let (call, url) = sent(&seen);
    assert_eq!(call.keys().filter(|name| name.ends_with(".Value")).count(), 50);
    let signed = params(url.split_once('?').unwrap().1);
    assert!(signed.keys().all(|name| !name.starts_with("TagSpecification")), "{url}");
    for name in ["SourceRegion", "SourceSnapshotId", "DestinationRegion", "Encrypted", "KmsKeyId"] {
        assert_eq!(signed[name], call[name]);
    }
}

#[tokio::test]
async fn a_source_region_that_is_none_is_said_before_anything_is_sent() {
    let (aws, seen) = aws(answer(200, COPIED)).await;
    let wrong = CopySnapshot { source_region: "evil.example/".into(), ..copy() };
    let error = aws.at(&destination()).copy_snapshot(&wrong).await.unwrap_err();
    assert_eq!((error.kind, error.operation, seen.count()), (ErrorKind::Invalid, "CopySnapshot", 0));
}

#[tokio::test]
async fn the_failures_of_a_copy_have_kinds() {
    for (status, code, kind) in [
        (400, "ResourceLimitExceeded", ErrorKind::ConcurrencyLimit),
        (400, "InvalidSnapshot.NotFound", ErrorKind::NotFound),
        (400, "InvalidParameterValue", ErrorKind::Invalid),
        (403, "UnauthorizedOperation", ErrorKind::Denied),
        (500, "InternalError", ErrorKind::Unknown),
    ] {
        let body = format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>");
        let (cloud, _) = ec2(status, &body).await;
        let error = cloud.copy_snapshot(&copy()).await.unwrap_err();
        assert_eq!((error.kind, error.resource.as_deref()), (kind, Some("snap-1")), "{code}");
    }
    for lost in ["<CopySnapshotResponse><snapshotId>sn", "<CopySnapshotResponse/>"] {
        let (cloud, _) = ec2(200, lost).await;
        assert_eq!(cloud.copy_snapshot(&copy()).await.unwrap_err().kind, ErrorKind::Unknown, "{lost}");
    }
}

#[tokio::test]
async fn nothing_of_a_presigned_url_is_repeated() {
    let (aws, seen) = aws(answer(200, COPIED)).await;
    aws.at(&destination()).copy_snapshot(&copy()).await.unwrap();
    let (_, url) = sent(&seen);
    let quoted = url.replace('&', "&amp;");
    let body = format!(
        "<Response><Errors><Error><Code>InvalidParameterValue</Code><Message>Bad URL {quoted}</Message></Error>\
         </Errors></Response>"
    );
    let (again, _) = aws_with(answer(400, &body), Options::default()).await;
    let error = again.at(&destination()).copy_snapshot(&copy()).await.unwrap_err();
    assert_eq!(error.source.unwrap().to_string(), "Bad URL [removed]");
}

#[tokio::test]
async fn who_may_use_a_snapshot_is_read_and_changed() {
    let body = "<DescribeSnapshotAttributeResponse><snapshotId>snap-1</snapshotId><createVolumePermission>\
                <item><userId>222222222222</userId></item><item><group>all</group></item>\
                <item><userId>111111111111</userId></item></createVolumePermission>\
                </DescribeSnapshotAttributeResponse>";
    let (cloud, seen) = ec2(200, body).await;
    let may = cloud.describe_snapshot_sharing(&"snap-1".into()).await.unwrap();
    assert_eq!(may, ["111111111111".into(), "222222222222".into()]);
    assert_eq!(seen.count(), 1);
    // Without its set an answer is not "nobody".
    let (cloud, _) = ec2(200, "<DescribeSnapshotAttributeResponse/>").await;
    assert_eq!(cloud.describe_snapshot_sharing(&"snap-1".into()).await.unwrap_err().kind, ErrorKind::Other);

    let done = "<ModifySnapshotAttributeResponse><return>true</return></ModifySnapshotAttributeResponse>";
    let (cloud, seen) = ec2(200, done).await;
    cloud.modify_snapshot_sharing(&"snap-1".into(), &Sharing::Add("111111111111".into())).await.unwrap();
    assert!(seen.last().1.contains("OperationType=add&SnapshotId=snap-1&UserId.1=111111111111"));
    cloud.modify_snapshot_sharing(&"snap-1".into(), &Sharing::Remove("111111111111".into())).await.unwrap();
    assert!(seen.last().1.contains("OperationType=remove&"));

    let body = "<Response><Errors><Error><Code>OperationNotPermitted</Code><Message>Encrypted snapshots with EBS \
                default key cannot be shared</Message></Error></Errors></Response>";
    let (cloud, _) = ec2(400, body).await;
    let error = cloud.modify_snapshot_sharing(&"snap-1".into(), &Sharing::Add("1".into())).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Denied, Some("OperationNotPermitted")));
    let error = cloud.delete_snapshot(&"snap-1".into()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Other, "a lock says the same, and is no lack of permission");
}
