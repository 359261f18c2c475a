//! A transport that answers what it is told, and remembers what it was asked.

#![expect(clippy::unwrap_used, reason = "helpers of tests; a failure here is the test's")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ebskeep_aws::transport::InProcess;
use ebskeep_aws::{Aws, Credentials, Ec2, Options, StaticTimeSource, connect_through};
use ebskeep_core::cloud::Clouds;
use ebskeep_core::id::Place;

/// The `Date` of every answer.
pub(crate) const DATE: &str = "Fri, 02 Jan 2026 03:04:05 GMT";

/// Requests as they arrived.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<http::Request<Bytes>>>>);

impl Seen {
    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// A header of the last one.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let all = self.0.lock().unwrap();
        all.last()?.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    /// The action of each.
    pub(crate) fn actions(&self) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let action = |request: &http::Request<Bytes>| {
            let body = String::from_utf8_lossy(request.body());
            body.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap_or_default().to_owned()
        };
        all.iter().map(action).collect()
    }

    /// The last one's address and body.
    pub(crate) fn last(&self) -> (String, String) {
        let all = self.0.lock().unwrap();
        let request = all.last().unwrap();
        (request.uri().to_string(), String::from_utf8(request.body().to_vec()).unwrap())
    }
}

/// An answer with a date.
pub(crate) fn answer(status: u16, body: &str) -> http::Response<Bytes> {
    http::Response::builder().status(status).header("date", DATE).body(Bytes::from(body.to_owned())).unwrap()
}

/// AWS that always answers this.
pub(crate) async fn aws(response: http::Response<Bytes>) -> (Aws, Seen) {
    aws_with(response, Options { region: Some("eu-west-1".into()), ..Options::default() }).await
}

/// The same, with options.
pub(crate) async fn aws_with(response: http::Response<Bytes>, options: Options) -> (Aws, Seen) {
    let (aws, seen) = answering(move |_| response.clone(), options).await;
    let clock = StaticTimeSource::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045));
    (aws.signing_at(clock), seen)
}

/// AWS that answers by the body it is sent.
pub(crate) async fn answering(
    answer: impl Fn(&str) -> http::Response<Bytes> + Send + Sync + 'static,
    options: Options,
) -> (Aws, Seen) {
    let seen = Seen::default();
    let all = seen.clone();
    let http = InProcess::new(move |request| {
        let response = answer(std::str::from_utf8(request.body()).unwrap());
        all.0.lock().unwrap().push(request);
        async move { response }
    });
    let credentials =
        Credentials::new("AKIAEXAMPLE", "topsecret-topsecret", Some("thetoken-thetoken".to_owned()), None, "test");
    (connect_through(http, credentials, options).await, seen)
}

/// EC2 that always answers this.
pub(crate) async fn ec2(status: u16, body: &str) -> (Ec2, Seen) {
    let (aws, seen) = aws(answer(status, body)).await;
    (aws.at(&place("123456789012")), seen)
}

/// A Place in eu-west-1.
pub(crate) fn place(account: &str) -> Place {
    Place { account: account.into(), region: "eu-west-1".into() }
}
