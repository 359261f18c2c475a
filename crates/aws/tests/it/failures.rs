//! What goes wrong, and what is said of it.

use std::error::Error as _;

use ebskeep_aws::transport::InProcess;
use ebskeep_aws::{Credentials, Options, connect_through};
use ebskeep_core::cloud::{Cloud, CloudError, Clouds, CreateSnapshot, ErrorKind, Query};
use ebskeep_core::tags::Tags;

use crate::canned::{answer, aws, ec2, place};

fn create() -> CreateSnapshot {
    CreateSnapshot { volume: "vol-1".into(), description: String::new(), tags: Tags::new(), site: None }
}

fn cause(error: &CloudError) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_lost_answer_is_unknown_to_a_change_and_harmless_to_a_listing() {
    let whole = "<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>";
    for (status, body) in [
        (200, &whole[..40]),
        (200, ""),
        (500, "<Response><Errors><Error><Code>InternalError</Code></Error></Errors></Response>"),
        (503, "<html>unavailable</html>"),
    ] {
        let (cloud, seen) = ec2(status, body).await;
        let error = cloud.describe_snapshots(&Query::All, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{status} {body}: {error:?}");
        let error = cloud.create_snapshot(&create()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unknown, "{status} {body}: {error:?}");
        assert_eq!(error.resource.as_deref(), Some("vol-1"));
        assert_eq!(seen.count(), 2, "one attempt each");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_the_outcome_open() {
    let http = InProcess::fallible(|_| async { Err("connection reset".into()) });
    let credentials = Credentials::new("AKIAEXAMPLE", "topsecret-topsecret", None, None, "test");
    let cloud = connect_through(http, credentials, Options::default()).await.at(&place("123456789012"));
    let error = cloud.create_snapshot(&create()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unknown);
    assert!(cause(&error).contains("https://ec2.eu-west-1.amazonaws.com/"), "{}", cause(&error));
    assert!(cause(&error).contains("connection reset"), "{}", cause(&error));
    let error = cloud.describe_volumes(&Query::All, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_create_whose_answer_makes_no_sense_may_have_been_done() {
    for body in ["<CreateSnapshotResponse><volumeId>vol-1</volumeId></CreateSnapshotResponse>", "<html/>", "{}"] {
        let (cloud, _) = ec2(200, body).await;
        assert_eq!(cloud.create_snapshot(&create()).await.unwrap_err().kind, ErrorKind::Unknown, "{body}");
    }
}

#[tokio::test]
async fn a_wrong_endpoint_is_shown_with_what_it_said() {
    for status in [200, 404] {
        let (cloud, _) = ec2(status, "<!DOCTYPE html><html><body>It works!</body></html>").await;
        let error = cloud.describe_images(&Query::All, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Other);
        let said = cause(&error);
        assert!(said.contains("https://ec2.eu-west-1.amazonaws.com/") && said.contains("It works!"), "{said}");
    }
    let (cloud, _) = ec2(200, "{\"hello\": 1}").await;
    let said = cause(&cloud.describe_images(&Query::All, None).await.unwrap_err());
    assert!(said.contains("hello"), "{said}");
}

#[tokio::test]
async fn a_page_without_awss_clock_is_an_error() {
    let body = "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>";
    for date in [None, Some("yesterday")] {
        let mut response = answer(200, body);
        response.headers_mut().remove("date");
        if let Some(date) = date {
            response.headers_mut().insert("date", date.parse().unwrap());
        }
        let (aws, _) = aws(response).await;
        let error = aws.at(&place("123456789012")).describe_volumes(&Query::All, None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Other);
        assert!(cause(&error).contains("Date header"), "{}", cause(&error));
    }
}

#[tokio::test]
async fn an_item_without_its_id_fails_the_page() {
    let body = "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId></item><item/></volumeSet>\
                </DescribeVolumesResponse>";
    let (cloud, _) = ec2(200, body).await;
    let error = cloud.describe_volumes(&Query::All, None).await.unwrap_err();
    assert_eq!(cause(&error), "a volume in the answer has no volumeId");
}

#[tokio::test]
async fn empty_ids_filters_and_keys_never_reach_aws() {
    let (cloud, seen) = ec2(200, "<x/>").await;
    for query in [Query::Ids(vec![]), Query::Filters(vec![])] {
        for error in [
            cloud.describe_instances(&query, None).await.unwrap_err(),
            cloud.describe_volumes(&query, None).await.unwrap_err(),
            cloud.describe_snapshots(&query, None).await.unwrap_err(),
            cloud.describe_images(&query, None).await.unwrap_err(),
            cloud.describe_locked_snapshots(&query, None).await.unwrap_err(),
            cloud.describe_snapshot_tier_status(&query, None).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, ErrorKind::Invalid);
        }
    }
    let snapshots = ["snap-1".into()];
    assert_eq!(cloud.delete_tags(&snapshots, &[]).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(cloud.delete_tags(&[], &["a".into()]).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(cloud.create_tags(&snapshots, &Tags::new()).await.unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(seen.count(), 0);
}

#[tokio::test]
async fn a_bad_endpoint_or_region_is_said_before_anything_is_sent() {
    let http = || InProcess::new(|_| async { panic!("sent") });
    let credentials = || Credentials::new("AKIAEXAMPLE", "topsecret-topsecret", None, None, "test");
    let options = Options { endpoint_url: Some("localhost:5000".to_owned()), ..Options::default() };
    let aws = connect_through(http(), credentials(), options).await;
    let error = aws.identity().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(cause(&error).contains("`localhost:5000` is not an http:// or https:// URL"), "{}", cause(&error));
    let aws = connect_through(http(), credentials(), Options::default()).await;
    let mut place = place("123456789012");
    place.region = "evil.example/".into();
    let error = aws.at(&place).describe_volumes(&Query::All, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn no_secret_is_ever_repeated() {
    let body = "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>The canonical string was \
                x-amz-security-token:thetoken-thetoken topsecret-topsecret</Message></Error></Errors></Response>";
    let (cloud, _) = ec2(403, body).await;
    let error = cloud.describe_volumes(&Query::All, None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Denied);
    for said in [format!("{error:?}"), cause(&error), format!("{cloud:?}")] {
        assert!(!said.contains("thetoken-thetoken") && !said.contains("topsecret-topsecret"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_passes_in_the_runtimes_time() {
    let http = InProcess::new(|_| async {
        tokio::time::sleep(std::time::Duration::from_hours(1)).await;
        answer(200, "<DescribeVolumesResponse><volumeSet/></DescribeVolumesResponse>")
    });
    let credentials = Credentials::new("AKIAEXAMPLE", "topsecret-topsecret", None, None, "test");
    let cloud = connect_through(http, credentials, Options::default()).await.at(&place("123456789012"));
    let before = tokio::time::Instant::now();
    cloud.describe_volumes(&Query::All, None).await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 3_600);
}
