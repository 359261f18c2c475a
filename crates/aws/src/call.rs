//! One attempt at one call: endpoint, credentials, signature, request, answer.

use std::sync::Arc;
use std::time::SystemTime;

use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use ebskeep_core::cloud::{CloudError, ErrorKind, Page};
use ebskeep_core::id::Region;
use http_body_util::BodyExt as _;
use jiff::Timestamp;

use crate::credentials::Remembered;
use crate::endpoint::{self, Service, Variant};
use crate::sign::{presign, sign};
use crate::transport::network::{READ, may_have_been_sent};
use crate::wire::error::{not_aws, refusal};
use crate::wire::request::{Call, encode, percent_encode, presigned_query};
use crate::wire::response::Listed;
use crate::wire::xml::{ReadError, Xml};

/// The largest answer taken. A page of 1,000 instances with everything EC2
/// knows of them is a tenth of it.
const MAX_BODY: usize = 128 << 20;

/// Everything a call needs that is the same for all calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) http: SharedHttpConnector,
    pub(crate) credentials: Arc<Remembered>,
    pub(crate) ec2: Variant,
    pub(crate) sts: Variant,
    pub(crate) user_agent: String,
    pub(crate) clock: SharedTimeSource,
}

/// What AWS answered to a call it took.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Where it came from.
    url: String,
    /// Its `Date`, as it stands.
    date: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Caller {
    /// Sends a call once.
    pub(crate) async fn send(&self, call: &Call, region: &Region) -> Result<Answer, CloudError> {
        let url = endpoint::resolve(call.service, region, self.variant(call))
            .map_err(|error| call.failed(ErrorKind::Invalid, error))?;
        let url = format!("{url}/");
        let now = self.clock.now();
        let credentials = self.credentials.get(now).await.map_err(|error| error.of(call))?;
        let presigned =
            self.presigned(call, region, &credentials, now).map_err(|error| call.failed(ErrorKind::Invalid, error))?;
        let request = self
            .request(call, presigned.as_deref(), region, &url, &credentials, now)
            .map_err(|error| call.failed(ErrorKind::Invalid, error))?;

        let response = self.http.call(request).await.map_err(|error| broken(call, &url, error))?;
        let status = response.status().as_u16();
        let date = response.headers().get("date").map(str::to_owned);
        let body = read_body(call, &url, response.into_body()).await;
        if (200..300).contains(&status) {
            return Ok(Answer { url, date, body: body? });
        }
        // A refusal whose body got lost is still a refusal of that status.
        let body = body.unwrap_or_default();
        let token = credentials.session_token().unwrap_or_default();
        // As it stands in a presigned URL.
        let mut escaped = String::new();
        percent_encode(&mut escaped, token);
        let secrets = [presigned.as_deref().unwrap_or_default(), credentials.secret_access_key(), token, &escaped];
        let error = refusal(call, &url, status, &body, &secrets);
        if error.code.as_deref().is_some_and(|code| code.starts_with("ExpiredToken")) {
            self.credentials.forget().await;
        }
        Err(error)
    }

    fn variant(&self, call: &Call) -> &Variant {
        match call.service {
            Service::Ec2 => &self.ec2,
            Service::Sts => &self.sts,
        }
    }

    /// The URL that goes with the call: the same call, as a GET signed for
    /// another Region and its endpoint.
    fn presigned(
        &self,
        call: &Call,
        region: &Region,
        credentials: &aws_credential_types::Credentials,
        now: SystemTime,
    ) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(source) = &call.presigned_for else { return Ok(None) };
        let url = endpoint::at_source(call.service, source, region, self.variant(call))?;
        let url = format!("{url}/?{}", presigned_query(call));
        presign(&url, credentials, call.service.name(), source.as_str(), now).map(Some)
    }

    fn request(
        &self,
        call: &Call,
        presigned: Option<&str>,
        region: &Region,
        url: &str,
        credentials: &aws_credential_types::Credentials,
        now: SystemTime,
    ) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
        let uri: http::Uri = url.parse()?;
        let host = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
        let mut request = http::Request::post(uri)
            .header("host", host)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("user-agent", &self.user_agent)
            .body(Bytes::from(encode(call, presigned)))?;
        sign(&mut request, credentials, call.service.name(), region.as_str(), now)?;
        Ok(HttpRequest::try_from(request.map(SdkBody::from))?)
    }
}

impl Answer {
    /// Reads what it says.
    pub(crate) fn read<T>(
        &self,
        call: &Call,
        reader: impl FnOnce(&[u8]) -> Result<T, ReadError>,
    ) -> Result<T, CloudError> {
        reader(&self.body).map_err(|error| {
            let kind = match error {
                ReadError::Cut(_) => call.unanswered(),
                _ if call.mutates => ErrorKind::Unknown,
                _ => ErrorKind::Other,
            };
            match Xml::open(&self.body) {
                Err(ReadError::Cut(_)) => call.failed(kind, error),
                Ok((_, root)) if root.ends_with("Response") => call.failed(kind, error),
                _ => call.failed(kind, not_aws(&self.url, 200, &self.body)),
            }
        })
    }

    /// Reads a page, and AWS's clock with it.
    pub(crate) fn page<T>(
        &self,
        call: &Call,
        reader: impl FnOnce(&[u8]) -> Result<Listed<T>, ReadError>,
    ) -> Result<Page<T>, CloudError> {
        let Listed { items, next } = self.read(call, reader)?;
        let at = self.at().map_err(|error| call.failed(ErrorKind::Other, error))?;
        Ok(Page { items, next, at })
    }

    fn at(&self) -> Result<Timestamp, String> {
        let date = self.date.as_deref().ok_or("the answer has no Date header, so AWS's clock is not known")?;
        jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(date)
            .map_err(|_| format!("the answer's Date header `{date}` is not a time"))
    }
}

/// The whole body, if it arrives whole and in time.
async fn read_body(call: &Call, url: &str, mut body: SdkBody) -> Result<Vec<u8>, CloudError> {
    let lost = |what: String| call.failed(call.unanswered(), what);
    // As large as it says that it is, if it does: a page of snapshots has a megabyte,
    // and many are under way at once.
    let said = body.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let mut whole = Vec::with_capacity(said.min(MAX_BODY));
    loop {
        let frame = match tokio::time::timeout(READ, body.frame()).await {
            Err(_) => return Err(lost(format!("the answer of {url} stopped for {} s", READ.as_secs()))),
            Ok(None) => return Ok(whole),
            Ok(Some(Err(error))) => return Err(lost(format!("the answer of {url} broke off: {}", chain(&*error)))),
            Ok(Some(Ok(frame))) => frame,
        };
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > MAX_BODY {
                return Err(lost(format!("the answer of {url} is larger than {} MiB", MAX_BODY >> 20)));
            }
            whole.extend_from_slice(&data);
        }
    }
}

/// No answer.
fn broken(call: &Call, url: &str, error: ConnectorError) -> CloudError {
    if may_have_been_sent(&error) {
        call.failed(call.unanswered(), format!("no answer from {url}: {}", chain(&error)))
    } else {
        call.failed(ErrorKind::Unavailable, format!("{url} could not be reached: {}", chain(&error)))
    }
}

/// An error and its causes on one line: the HTTP client's outer errors say
/// little, and some of the inner ones say the same again.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.iter().any(|known| known.contains(&text)) {
            said.push(text);
        }
        cause = error.source();
    }
    said.join(": ")
}
