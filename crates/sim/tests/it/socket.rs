//! Over a loopback socket, in real time.

use std::time::Duration;

use ebskeep_sim::{Fault, ServeOptions, What, When, World, serve};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::helper::{request, world};

/// Serves a world while a test uses its address.
async fn with<F: Future<Output = ()>>(
    world: World,
    options: ServeOptions,
    test: impl FnOnce(std::net::SocketAddr) -> F,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, world, options, async { drop(stopped.await) }));
    test(address).await;
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap().unwrap();
}

/// Sends a request on a line of its own and reads whatever comes.
async fn talk<B: AsRef<[u8]>>(address: std::net::SocketAddr, request: Request<B>) -> String {
    let (parts, body) = request.into_parts();
    let headers: String =
        parts.headers.iter().flat_map(|(name, value)| [name.as_str(), ": ", value.to_str().unwrap(), "\r\n"]).collect();
    let text = format!(
        "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        parts.method,
        parts.uri.path(),
        body.as_ref().len()
    );
    let mut line = TcpStream::connect(address).await.unwrap();
    line.write_all(text.as_bytes()).await.unwrap();
    line.write_all(body.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that breaks ends the answer too.
    let _ = line.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn control(method: &str, path: &str, body: &str) -> Request<String> {
    Request::builder().method(method).uri(format!("/_sim/{path}")).body(body.to_owned()).unwrap()
}

#[tokio::test]
async fn time_goes_on_and_can_be_moved() {
    with(world(), ServeOptions::default(), async |address| {
        let moved = talk(address, control("POST", "clock", r#"{"advance":"36h"}"#)).await;
        assert!(moved.contains(r#"{"now":"2026-01-03T15:04:0"#), "{moved}");
        let answer = talk(address, request("ec2", "DescribeRegions", &[])).await;
        assert!(answer.contains("date: Sat, 03 Jan 2026 15:04:0"), "{answer}");
        let rules = talk(address, control("GET", "rules", "")).await;
        assert!(rules.contains(r#""buckets":true"#), "AWS's limits to begin with: {rules}");
        let rules = talk(address, control("POST", "rules", r#"{"buckets":false,"completes-after":"2m"}"#)).await;
        assert!(rules.contains(r#""buckets":false"#) && rules.contains(r#""completes-after":"2m""#), "{rules}");
        for (path, body) in
            [("rules", r#"{"bucket":false}"#), ("act", r#"{"act":"fly"}"#), ("clock", "x"), ("fault", "{}")]
        {
            let refused = talk(address, control("POST", path, body)).await;
            assert!(refused.starts_with("HTTP/1.1 400"), "{path}: {refused}");
        }
        assert!(talk(address, control("GET", "nothing", "")).await.starts_with("HTTP/1.1 404"));
    })
    .await;
}

#[tokio::test]
async fn acts_calls_and_history_are_there() {
    with(world(), ServeOptions::default(), async |address| {
        let act = r#"{"account":"123456789012","region":"eu-west-1","act":"put-snapshot","volume":"vol-00000000","started":"2025-01-01T00:00:00Z"}"#;
        assert!(talk(address, control("POST", "act", act)).await.contains(r#""id":"snap-0"#));
        assert!(talk(address, request("ec2", "DescribeSnapshots", &[])).await.contains("vol-00000000"));
        assert!(talk(address, control("GET", "calls", "")).await.contains(r#""action":"DescribeSnapshots""#));
        assert!(talk(address, control("GET", "history", "")).await.contains(r#""volume":"vol-00000000""#));
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_no_answer_and_a_cut_one_is_half() {
    let world = world();
    world.fault(Fault { when: When::next("DescribeRegions"), what: What::LostBefore });
    with(world.clone(), ServeOptions::default(), async |address| {
        assert_eq!(talk(address, request("ec2", "DescribeRegions", &[])).await, "");
        world.fault(Fault { when: When::next("DescribeRegions"), what: What::LostAfter });
        assert_eq!(talk(address, request("ec2", "DescribeRegions", &[])).await, "");
        world.fault(Fault { when: When::next("DescribeRegions"), what: What::CutBody });
        let cut = talk(address, request("ec2", "DescribeRegions", &[])).await;
        assert!(cut.starts_with("HTTP/1.1 200") && !cut.contains("</DescribeRegionsResponse>"), "{cut}");
        let whole = talk(address, request("ec2", "DescribeRegions", &[])).await;
        assert!(whole.ends_with("</DescribeRegionsResponse>"), "{whole}");
    })
    .await;
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let Ok(listener) = TcpListener::bind("0.0.0.0:0").await else { return };
    let refused = serve(listener, world(), ServeOptions::default(), async {}).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}
