//! The way out that programs take, by the environment: proxies, certificates,
//! profiles, endpoints. Each case is a process, since the environment is one's
//! own. The process is `examples/parity`.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is the test's")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

const PAGE: &str = "<DescribeSnapshotsResponse><snapshotSet/></DescribeSnapshotsResponse>";

/// Answers one connection, and tells what came.
fn answer_once(status: &str, body: &str) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!(
        "HTTP/1.1 {status}\r\ndate: Fri, 02 Jan 2026 03:04:05 GMT\r\ncontent-length: {}\r\nconnection: close\r\n\r\n\
         {body}",
        body.len()
    );
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let read = stream.read(&mut piece).unwrap();
            seen.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&seen).to_ascii_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                assert_ne!(read, 0, "cut off in its head: {text}");
                continue;
            };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(seen).unwrap()
    });
    (port, seen)
}

/// Asks the probe to reach AWS in this environment and no other.
fn reach(question: &str, environment: &[(&str, &str)]) -> String {
    let probe: PathBuf = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples/parity");
    assert!(probe.is_file(), "build {} with `cargo build -p ebskeep-aws --examples`", probe.display());
    let mut child = Command::new(&probe)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_REGION", "eu-west-1")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{question}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "secret")];
const REACH: &str = r#"{"do": "reach"}"#;

#[test]
fn an_https_proxy_is_asked_for_a_tunnel_with_its_password() {
    let (port, seen) = answer_once("502 Bad Gateway", "");
    let proxy = format!("http://me:word@127.0.0.1:{port}");
    let said = reach(REACH, &[KEYS[0], KEYS[1], ("HTTPS_PROXY", &proxy)]);
    assert!(said.contains("\"unavailable\""), "nothing was sent, so it can be sent again: {said}");
    let seen = seen.join().unwrap();
    assert!(seen.starts_with("CONNECT ec2.eu-west-1.amazonaws.com:443 HTTP/1.1\r\n"), "{seen}");
    assert!(seen.to_ascii_lowercase().contains("proxy-authorization: basic bwu6d29yza=="), "{seen}");
    assert!(!seen.contains("Action="), "{seen}");
}

#[test]
fn an_http_endpoint_elsewhere_goes_through_the_http_proxy_unless_excepted() {
    let (port, seen) = answer_once("200 OK", PAGE);
    let proxy = format!("http://127.0.0.1:{port}");
    let elsewhere = ("AWS_ENDPOINT_URL_EC2", "http://emulator.invalid:5000");
    let said = reach(REACH, &[KEYS[0], KEYS[1], elsewhere, ("HTTP_PROXY", &proxy)]);
    assert_eq!(said.trim(), r#"{"items":0}"#);
    let seen = seen.join().unwrap();
    assert!(seen.starts_with("POST http://emulator.invalid:5000/ HTTP/1.1\r\n"), "{seen}");

    let nowhere = ("HTTP_PROXY", "http://127.0.0.1:1");
    let said = reach(REACH, &[KEYS[0], KEYS[1], elsewhere, nowhere, ("NO_PROXY", "emulator.invalid")]);
    assert!(said.contains("dns error"), "it was looked up here, not at the proxy: {said}");
}

#[test]
fn an_emulator_on_this_machine_is_reached_past_any_proxy() {
    let (port, seen) = answer_once("200 OK", PAGE);
    let url = format!("http://127.0.0.1:{port}");
    let proxy = ("HTTP_PROXY", "http://127.0.0.1:1");
    let said = reach(REACH, &[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", &url), proxy]);
    assert_eq!(said.trim(), r#"{"items":0}"#);
    let seen = seen.join().unwrap();
    assert!(seen.starts_with("POST / HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("Credential=AKIAENVIRONMENT/"), "{seen}");
    assert!(seen.ends_with("Action=DescribeSnapshots&Version=2016-11-15&Owner.1=self&MaxResults=1000"), "{seen}");
}

#[test]
fn a_named_profile_beats_keys_in_the_environment_and_is_never_replaced() {
    let (port, seen) = answer_once("200 OK", PAGE);
    let dir = std::env::temp_dir().join(format!("ebskeep-profile-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let config = dir.join("config");
    let text = format!(
        "[profile named]\naws_access_key_id = AKIANAMED\naws_secret_access_key = x\nservices = here\n\
         [services here]\nec2 =\n  endpoint_url = http://127.0.0.1:{port}\n"
    );
    std::fs::write(&config, text).unwrap();
    let file = ("AWS_CONFIG_FILE", config.to_str().unwrap());
    let said = reach(r#"{"do": "reach", "profile": "named"}"#, &[KEYS[0], KEYS[1], file]);
    assert_eq!(said.trim(), r#"{"items":0}"#);
    let seen = seen.join().unwrap();
    assert!(seen.contains("Credential=AKIANAMED/"), "{seen}");

    let said = reach(r#"{"do": "reach", "profile": "misspelt"}"#, &[KEYS[0], KEYS[1], file]);
    assert!(said.contains("\"denied\"") && said.contains("profile `misspelt` was not defined"), "{said}");
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_role_is_assumed_at_the_endpoint_of_sts() {
    const SESSION: &str = "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser>\
        <Arn>arn:aws:sts::123456789012:assumed-role/copies/ebskeep</Arn></AssumedRoleUser><Credentials>\
        <AccessKeyId>ASIASESSION</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let (sts_port, sts_saw) = answer_once("200 OK", SESSION);
    let (ec2_port, ec2_saw) = answer_once("200 OK", PAGE);
    let (sts, ec2) = (format!("http://127.0.0.1:{sts_port}"), format!("http://127.0.0.1:{ec2_port}"));
    let said = reach(
        r#"{"do": "reach", "role": "backup/copies"}"#,
        &[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL_STS", &sts), ("AWS_ENDPOINT_URL_EC2", &ec2)],
    );
    assert_eq!(said.trim(), r#"{"items":0}"#);
    let seen = sts_saw.join().unwrap();
    assert!(seen.contains("Credential=AKIAENVIRONMENT/") && seen.contains("/eu-west-1/sts/"), "{seen}");
    assert!(seen.contains("Action=AssumeRole&") && seen.contains("role%2Fbackup%2Fcopies"), "{seen}");
    let seen = ec2_saw.join().unwrap();
    assert!(seen.contains("Credential=ASIASESSION/") && seen.contains("Action=DescribeSnapshots"), "{seen}");
}

#[test]
fn without_credentials_it_says_what_to_do() {
    let said = reach(REACH, &[]);
    assert!(said.contains("\"denied\"") && said.contains("set AWS_PROFILE or --profile"), "{said}");
    let said = reach(r#"{"do": "reach", "role": "copies"}"#, &[]);
    assert!(said.contains("\"denied\"") && said.contains("set AWS_PROFILE or --profile"), "{said}");
    assert!(said.contains("AssumeRole on arn:aws:iam::123456789012:role/copies"), "{said}");
    assert!(!said.contains("trust policy"), "nobody was asked: {said}");
}

#[test]
fn settings_that_cannot_work_are_said_before_any_call() {
    let said = reach(REACH, &[KEYS[0], KEYS[1], ("AWS_CA_BUNDLE", "/nonexistent/ca.pem")]);
    assert!(said.contains("AWS_CA_BUNDLE names /nonexistent/ca.pem, which cannot be read"), "{said}");
    let both = [("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
    let said = reach(REACH, &[KEYS[0], KEYS[1], both[0], both[1]]);
    assert!(said.contains("cannot be combined"), "{said}");
}
