//! The HTTP client for EC2, STS and everything that finds credentials.
//!
//! It is the AWS SDK's own (`aws-smithy-http-client`), built explicitly so that
//! it honours `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, the system's roots or
//! `AWS_CA_BUNDLE`, and timeouts. It retries nothing: the pool below it takes
//! another connection only if an idle one turned out to be closed before the
//! request was begun on it (hyper-util calls that an unstarted request).

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::trust::Trust;

/// How long a connection may take to stand, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an attempt waits for the head of its answer, and for each further
/// piece of it. botocore's default for both.
pub(crate) const READ: Duration = Duration::from_mins(1);

/// How long an idle connection is kept. Shorter than servers keep theirs: a
/// creation written to a connection that is just being closed has an unknown
/// outcome and must be looked up.
const IDLE: Duration = Duration::from_secs(15);

/// Connect and read timeout.
type Timeouts = (Option<Duration>, Option<Duration>);

/// Makes connectors. A clone shares their connections.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    trust: Trust,
    /// By timeouts: the sources of credentials want shorter ones.
    connectors: Arc<Mutex<BTreeMap<Timeouts, SharedHttpConnector>>>,
}

impl Network {
    pub(crate) fn new(trust: Trust) -> Self {
        Self { trust, connectors: Arc::default() }
    }

    /// The connector for EC2 and STS.
    pub(crate) fn connector(&self) -> SharedHttpConnector {
        self.with_timeouts((Some(CONNECT), Some(READ)))
    }

    fn with_timeouts(&self, timeouts: Timeouts) -> SharedHttpConnector {
        let mut all = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(timeouts)
            .or_insert_with(|| SharedHttpConnector::new(Routed::new(self.trust.clone(), timeouts)))
            .clone()
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.with_timeouts((settings.connect_timeout().or(Some(CONNECT)), settings.read_timeout().or(Some(READ))))
    }
}

/// Through the proxy, or past it. Each way is built when it is first taken:
/// reading the system's roots costs more than most calls.
#[derive(Debug)]
struct Routed {
    trust: Trust,
    timeouts: Timeouts,
    outward: OnceLock<Result<Connector, String>>,
    local: OnceLock<Result<Connector, String>>,
}

impl Routed {
    fn new(trust: Trust, timeouts: Timeouts) -> Self {
        Self { trust, timeouts, outward: OnceLock::new(), local: OnceLock::new() }
    }

    fn build(&self, proxy: ProxyConfig) -> Result<Connector, String> {
        let context: TlsContext = self.trust.context().map_err(|error| error.to_string())?;
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(self.timeouts.0).set_read_timeout(self.timeouts.1);
        Ok(Connector::builder()
            .proxy_config(proxy)
            .connector_settings(settings.build())
            .pool_idle_timeout(IDLE)
            .tls_provider(Provider::rustls(CryptoMode::AwsLc))
            .tls_context(context)
            .build())
    }
}

impl HttpConnector for Routed {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let way = if is_local(request.uri()) {
            self.local.get_or_init(|| self.build(ProxyConfig::disabled()))
        } else {
            self.outward.get_or_init(|| self.build(ProxyConfig::from_env()))
        };
        match way {
            Ok(connector) => connector.call(request),
            Err(error) => HttpConnectorFuture::ready(Err(ConnectorError::user(error.clone().into()))),
        }
    }
}

/// Addresses no proxy can reach for us: this machine, and the services that
/// hand out credentials on a link of its own (169.254.0.0/16, fd00:ec2::/32).
fn is_local(uri: &str) -> bool {
    let Ok(uri) = uri.parse::<http::Uri>() else { return false };
    let Some(host) = uri.host() else { return false };
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.segments()[..2] == [0xfd00, 0x0ec2],
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether AWS may have seen the request that ended in this error. Not if no
/// connection stood (refused, unknown host, TLS, proxy, connect timeout).
pub(crate) fn may_have_been_sent(error: &ConnectorError) -> bool {
    if error.is_user() {
        return false;
    }
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return !error.is_connect();
        }
        cause = error.source();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_this_machine_goes_past_the_proxy() {
        for (uri, local) in [
            ("http://127.0.0.1:5000/", true),
            ("http://localhost:5000/", true),
            ("http://[::1]:5000/", true),
            ("http://169.254.169.254/latest", true),
            ("http://[fd00:ec2::254]/latest", true),
            ("https://ec2.eu-west-1.amazonaws.com/", false),
            ("http://10.0.0.1/", false),
            ("http://localhost.example/", false),
        ] {
            assert_eq!(is_local(uri), local, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_never_stood_sent_nothing() {
        let network = Network::new(Trust::System);
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for url in [format!("http://127.0.0.1:{port}/"), "http://nowhere.invalid/".to_owned()] {
            let error = network.connector().call(HttpRequest::get(&url).unwrap()).await.unwrap_err();
            assert!(!may_have_been_sent(&error), "{url}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_broke_may_have_sent_all() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            use std::io::Read as _;
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
        });
        let error = Network::new(Trust::System).connector().call(HttpRequest::get(&url).unwrap()).await.unwrap_err();
        server.join().unwrap();
        assert!(may_have_been_sent(&error), "{error:?}");
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_given_up_on() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let impatient = Network::new(Trust::System).with_timeouts((Some(CONNECT), Some(Duration::from_millis(50))));
        let error = impatient.call(HttpRequest::get(&url).unwrap()).await.unwrap_err();
        assert!(error.is_timeout() && may_have_been_sent(&error), "{error:?}");
    }
}
