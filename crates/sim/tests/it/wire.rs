//! The wire's own manners: signatures, errors, STS.

use bytes::Bytes;
use http::Request;

use crate::helper::{ask, request, text, told, world};

#[test]
fn an_answer_has_the_worlds_date_and_a_request_id() {
    let response = world().answer(request("ec2", "DescribeRegions", &[]));
    assert_eq!(response.headers()["date"], "Fri, 02 Jan 2026 03:04:05 GMT");
    let id = response.headers()["x-amzn-requestid"].to_str().unwrap().to_owned();
    let (status, body) = told(response);
    assert_eq!((status, text(&body, "requestId")), (200, Some(id)));
}

#[test]
fn an_error_is_told_as_ec2_tells_it() {
    let (status, body) = ask(&world(), "DescribeVolumes", &[("VolumeId.1", "vol-00000000")]);
    assert_eq!(status, 400);
    let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidVolume.NotFound</Code><Message>";
    assert!(body.starts_with(start), "{body}");
    assert!(body.contains("</Message></Error></Errors><RequestID>"), "{body}");
}

#[test]
fn who_does_not_sign_is_not_served() {
    let world = world();
    let plain = Request::post("/").body(Bytes::from_static(b"Action=DescribeVolumes&Version=2016-11-15")).unwrap();
    let (status, body) = told(world.answer(plain));
    assert_eq!((status, text(&body, "Code").as_deref()), (403, Some("MissingAuthenticationToken")));
    let signed = |key: &str, token: Option<&str>| {
        let (mut parts, body) = request("ec2", "DescribeVolumes", &[]).into_parts();
        let header = parts.headers["authorization"].to_str().unwrap().replace("AKIASIM123456789012", key);
        parts.headers.insert("authorization", header.parse().unwrap());
        if let Some(token) = token {
            parts.headers.insert("x-amz-security-token", token.parse().unwrap());
        }
        told(world.answer(Request::from_parts(parts, body))).0
    };
    assert_eq!(signed("AKIAIOSFODNN7EXAMPLE", None), 401, "names no account");
    assert_eq!(signed("ASIASIM123456789012", None), 401, "a role without its session");
    assert_eq!(signed("ASIASIM123456789012", Some("sim-session.00")), 200);
    assert_eq!(world.calls().len(), 1, "only what was let in is a call");
}

#[test]
fn a_presigned_query_is_a_signature_too() {
    let signature = "0".repeat(64);
    let uri = format!(
        "/?Action=DescribeRegions&Version=2016-11-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIASIM123456789012%2F20260102%2Feu-west-1%2Fec2%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    );
    assert_eq!(told(world().answer(Request::get(uri).body(Bytes::new()).unwrap())).0, 200);
}

#[test]
fn versions_and_actions_must_be_known() {
    let world = world();
    let (parts, _) = request("ec2", "DescribeRegions", &[]).into_parts();
    for (body, code) in [
        ("Action=DescribeRegions&Version=2010-01-01", "InvalidAction"),
        ("Version=2016-11-15", "MissingAction"),
        ("Action=Fly&Version=2016-11-15", "InvalidAction"),
    ] {
        let (_, answer) = told(world.answer(Request::from_parts(parts.clone(), Bytes::from_static(body.as_bytes()))));
        assert_eq!(text(&answer, "Code").as_deref(), Some(code), "{body}");
    }
}

#[test]
fn sts_knows_who_calls_and_gives_out_roles() {
    let world = world();
    let (_, body) = told(world.answer(request("sts", "GetCallerIdentity", &[])));
    assert_eq!(text(&body, "Account").as_deref(), Some("123456789012"));
    let role = [("RoleArn", "arn:aws:iam::210987654321:role/path/copy"), ("RoleSessionName", "me")];
    let (_, body) = told(world.answer(request("sts", "AssumeRole", &role)));
    assert_eq!(text(&body, "AccessKeyId").as_deref(), Some("ASIASIM210987654321"));
    assert_eq!(text(&body, "Expiration").as_deref(), Some("2026-01-02T04:04:05.000Z"));
    let (mut parts, form) = request("sts", "GetCallerIdentity", &[]).into_parts();
    let header = parts.headers["authorization"].to_str().unwrap();
    let header = header.replace("AKIASIM123456789012", &text(&body, "AccessKeyId").unwrap());
    parts.headers.insert("authorization", header.parse().unwrap());
    parts.headers.insert("x-amz-security-token", text(&body, "SessionToken").unwrap().parse().unwrap());
    let (_, body) = told(world.answer(Request::from_parts(parts, form)));
    assert_eq!(text(&body, "Arn").as_deref(), Some("arn:aws:sts::210987654321:assumed-role/copy/me"));
    let (status, body) =
        told(world.answer(request("sts", "AssumeRole", &[("RoleArn", "x"), ("RoleSessionName", "me")])));
    assert_eq!((status, text(&body, "Code").as_deref()), (400, Some("ValidationError")));
    assert!(
        body.contains("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>")
    );
}
