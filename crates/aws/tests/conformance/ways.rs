//! How the client's requests travel to each emulator: a function for sim, HTTP
//! for moto.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use ebskeep_aws::transport::InProcess;
use ebskeep_core::id::AccountId;
use ebskeep_sim::{Delivery, World};

use crate::check::Failure;

/// sim's wire without a socket. A connection that breaks, breaks.
pub(crate) fn to_sim(world: &World) -> SharedHttpConnector {
    let world = world.clone();
    let way = InProcess::fallible(move |request| {
        let response = world.answer(request);
        async move {
            match response.extensions().get::<Delivery>() {
                Some(Delivery::Lost) => Err("the connection broke".into()),
                _ => Ok(response),
            }
        }
    });
    way.into_client()
}

/// HTTP to moto, as one of its accounts. Counts what it sends.
#[derive(Debug)]
pub(crate) struct ToMoto {
    http: Connector,
    account: AccountId,
    sent: Arc<AtomicUsize>,
}

impl ToMoto {
    pub(crate) fn new(account: AccountId, sent: Arc<AtomicUsize>) -> Result<Self, Failure> {
        // moto speaks plain HTTP: no roots are needed, and reading the system's
        // takes longer than a case.
        let no_roots = TlsContext::builder().with_trust_store(TrustStore::empty()).build();
        let http = Connector::builder()
            .proxy_config(ProxyConfig::disabled())
            .tls_provider(Provider::rustls(CryptoMode::AwsLc))
            .tls_context(no_roots.map_err(|error| Failure::new(error.to_string()))?)
            .build();
        Ok(Self { http, account, sent })
    }
}

impl HttpConnector for ToMoto {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        self.sent.fetch_add(1, Ordering::Relaxed);
        // moto finds the account by this header before it looks at the key; it
        // verifies no signature. It is how one server keeps cases apart. The keys
        // of sessions are its own, and it knows whose they are.
        let signed = request.headers().get("authorization").unwrap_or_default();
        if !signed.contains("Credential=ASIA") {
            request.headers_mut().insert("x-moto-account-id", self.account.to_string());
        }
        self.http.call(request)
    }
}
