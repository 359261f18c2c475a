//! What is sent, and what comes back when all is well.

use ebskeep_aws::Options;
use ebskeep_core::cloud::{Begun, Cloud, Clouds, CreateSnapshot, CreateSnapshots, ErrorKind, Query, Token};
use ebskeep_core::tags::Tags;

use crate::canned::{answer, aws, aws_with, ec2, place};

const EMPTY_PAGE: &str = "<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>";

#[tokio::test]
async fn a_request_is_a_signed_form_for_the_regions_endpoint() {
    let (ec2, seen) = ec2(200, EMPTY_PAGE).await;
    let page = ec2.describe_snapshots(&Query::All, Some(&Token("a b".to_owned()))).await.unwrap();
    assert_eq!(page.at, "2026-01-02T03:04:05Z".parse().unwrap());
    let (url, body) = seen.last();
    assert_eq!(url, "https://ec2.eu-west-1.amazonaws.com/");
    assert_eq!(body, "Action=DescribeSnapshots&Version=2016-11-15&Owner.1=self&MaxResults=1000&NextToken=a+b");
    assert_eq!(seen.header("host").as_deref(), Some("ec2.eu-west-1.amazonaws.com"));
    assert_eq!(seen.header("x-amz-date").as_deref(), Some("20260102T030405Z"));
    assert_eq!(seen.header("x-amz-security-token").as_deref(), Some("thetoken-thetoken"));
    assert!(seen.header("user-agent").unwrap().starts_with("ebskeep/"));
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/eu-west-1/ec2/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{authorization}"
    );
}

#[tokio::test]
async fn each_method_is_one_request() {
    let done = |name: &str| format!("<{name}Response><return>true</return></{name}Response>");
    let page = |name: &str| {
        let set = match name {
            "DescribeInstances" => "reservationSet",
            "DescribeVolumes" => "volumeSet",
            "DescribeSnapshots" | "DescribeLockedSnapshots" => "snapshotSet",
            "DescribeSnapshotTierStatus" => "snapshotTierStatusSet",
            _ => "imagesSet",
        };
        format!("<{name}Response><{set}/><nextToken>more</nextToken></{name}Response>")
    };
    let more = Some(Token("more".to_owned()));
    let (cloud, seen) = ec2(200, &page("DescribeInstances")).await;
    assert_eq!(cloud.describe_instances(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);
    let (cloud, seen) = ec2(200, &page("DescribeVolumes")).await;
    assert_eq!(cloud.describe_volumes(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);
    let (cloud, seen) = ec2(200, &page("DescribeSnapshots")).await;
    assert_eq!(cloud.describe_snapshots(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);
    let (cloud, seen) = ec2(200, &page("DescribeImages")).await;
    assert_eq!(cloud.describe_images(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);

    let (cloud, seen) = ec2(200, &page("DescribeLockedSnapshots")).await;
    assert_eq!(cloud.describe_locked_snapshots(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);
    let (cloud, seen) = ec2(200, &page("DescribeSnapshotTierStatus")).await;
    assert_eq!(cloud.describe_snapshot_tier_status(&Query::All, None).await.unwrap().next, more);
    assert_eq!(seen.count(), 1);

    let begun = Begun { id: "snap-1".into(), volume: "vol-1".into() };
    let item = "<snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId>";
    let tags: Tags = [("Type", "Automated")].into_iter().collect();
    let (cloud, seen) = ec2(200, &format!("<CreateSnapshotResponse>{item}</CreateSnapshotResponse>")).await;
    let request =
        CreateSnapshot { volume: "vol-1".into(), description: "d".to_owned(), tags: tags.clone(), site: None };
    assert_eq!(cloud.create_snapshot(&request).await.unwrap(), begun);
    assert_eq!(seen.count(), 1);
    let set =
        format!("<CreateSnapshotsResponse><snapshotSet><item>{item}</item></snapshotSet></CreateSnapshotsResponse>");
    let (cloud, seen) = ec2(200, &set).await;
    let request = CreateSnapshots {
        instance: "i-1".into(),
        exclude_boot: false,
        exclude_data: vec![],
        description: "d".to_owned(),
        tags: tags.clone(),
        site: None,
    };
    assert_eq!(cloud.create_snapshots(&request).await.unwrap(), [begun]);
    assert_eq!(seen.count(), 1);

    let (cloud, seen) = ec2(200, &done("DeleteSnapshot")).await;
    cloud.delete_snapshot(&"snap-1".into()).await.unwrap();
    assert_eq!(seen.last().1, "Action=DeleteSnapshot&Version=2016-11-15&SnapshotId=snap-1");
    let (cloud, seen) = ec2(200, &done("CreateTags")).await;
    cloud.create_tags(&["snap-1".into()], &tags).await.unwrap();
    assert_eq!(seen.count(), 1);
    let (cloud, seen) = ec2(200, &done("DeleteTags")).await;
    cloud.delete_tags(&["snap-1".into()], &["a".into()]).await.unwrap();
    assert_eq!(seen.count(), 1);
}

#[tokio::test]
async fn identity_comes_from_sts_and_fixes_the_account() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/u</Arn>\
                <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let (aws, seen) = aws(answer(200, body)).await;
    let identity = aws.identity().await.unwrap();
    assert_eq!((identity.account.as_str(), identity.partition.as_str()), ("111122223333", "aws"));
    let (url, body) = seen.last();
    assert_eq!(url, "https://sts.eu-west-1.amazonaws.com/");
    assert_eq!(body, "Action=GetCallerIdentity&Version=2011-06-15");
    assert!(seen.header("authorization").unwrap().contains("/eu-west-1/sts/aws4_request"));

    let before = seen.count();
    let error = aws.at(&place("999999999999")).delete_snapshot(&"snap-1".into()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    assert_eq!(seen.count(), before, "nothing is sent to another account's Place with these credentials");
}

#[tokio::test]
async fn regions_are_asked_for_where_the_caller_is() {
    let body = "<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1</regionName></item>\
                <item><regionName>eu-west-1</regionName></item></regionInfo></DescribeRegionsResponse>";
    let (aws, seen) = aws(answer(200, body)).await;
    assert_eq!(aws.regions().await.unwrap(), ["eu-west-1".into(), "us-east-1".into()]);
    assert_eq!(seen.last().0, "https://ec2.eu-west-1.amazonaws.com/");
    assert_eq!(aws.default_region().map(ebskeep_core::id::Region::as_str), Some("eu-west-1"));
    let (nowhere, seen) = aws_with(answer(200, body), Options::default()).await;
    nowhere.regions().await.unwrap();
    assert_eq!(seen.last().0, "https://ec2.us-east-1.amazonaws.com/");
    assert_eq!(nowhere.default_region(), None);
}

#[tokio::test]
async fn one_endpoint_url_serves_every_region_and_service() {
    let options = Options {
        endpoint_url: Some("http://127.0.0.1:5000".to_owned()),
        user_agent_extra: Some("lambda\r\nevil: 1".to_owned()),
        ..Options::default()
    };
    let (aws, seen) = aws_with(answer(200, EMPTY_PAGE), options).await;
    aws.at(&place("123456789012")).describe_snapshots(&Query::All, None).await.unwrap();
    assert_eq!(seen.last().0, "http://127.0.0.1:5000/");
    assert_eq!(seen.header("host").as_deref(), Some("127.0.0.1:5000"));
    assert!(seen.header("user-agent").unwrap().ends_with(" lambdaevil: 1"));
    assert!(seen.header("authorization").unwrap().contains("/eu-west-1/ec2/"));
    aws.identity().await.unwrap_err();
    assert_eq!(seen.last().0, "http://127.0.0.1:5000/");
}

#[tokio::test]
async fn a_scene_can_be_set_with_any_action() {
    let (cloud, seen) = ec2(200, "<RunInstancesResponse/>").await;
    let body = cloud.raw("RunInstances", &[("MinCount".to_owned(), "1".to_owned())]).await.unwrap();
    assert_eq!(body, b"<RunInstancesResponse/>");
    assert_eq!(seen.last().1, "Action=RunInstances&Version=2016-11-15&MinCount=1");
}
