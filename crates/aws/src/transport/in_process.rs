//! An HTTP transport that is a function: no socket, no thread, no time of its own.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, BoxError>> + Send>>;
type Answering = dyn Fn(http::Request<Bytes>) -> Answer + Send + Sync;

/// An HTTP client that hands each request to a function and gives back what it
/// answers. The function sees the request whole and signed, as the network
/// would; what it awaits passes in the runtime's time, so it works while that
/// is paused.
#[derive(Clone)]
pub struct InProcess {
    answering: Arc<Answering>,
}

impl InProcess {
    /// A transport that always gets an answer. The function is shared between
    /// tasks (the HTTP traits ask for that), so what it captures is behind an
    /// `Arc`, and it must not hold a lock while it awaits.
    pub fn new<F, A>(answer: F) -> Self
    where
        F: Fn(http::Request<Bytes>) -> A + Send + Sync + 'static,
        A: Future<Output = http::Response<Bytes>> + Send + 'static,
    {
        Self::fallible(move |request| {
            let answer = answer(request);
            async move { Ok(answer.await) }
        })
    }

    /// A transport on which an answer can get lost: an `Err` is a connection
    /// that broke after the request was sent.
    pub fn fallible<F, A>(answer: F) -> Self
    where
        F: Fn(http::Request<Bytes>) -> A + Send + Sync + 'static,
        A: Future<Output = Result<http::Response<Bytes>, BoxError>> + Send + 'static,
    {
        Self { answering: Arc::new(move |request| Box::pin(answer(request))) }
    }

    /// Shared, for who needs one type for several transports.
    pub fn into_client(self) -> SharedHttpConnector {
        SharedHttpConnector::new(self)
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match request.try_into_http1x() {
            Ok(request) => request,
            Err(error) => return HttpConnectorFuture::ready(Err(ConnectorError::user(error.into()))),
        };
        let (parts, body) = request.into_parts();
        let Some(bytes) = body.bytes().map(Bytes::copy_from_slice) else {
            return HttpConnectorFuture::ready(Err(ConnectorError::user("a streaming request body".into())));
        };
        let answer = (self.answering)(http::Request::from_parts(parts, bytes));
        HttpConnectorFuture::new(async move {
            let response = answer.await.map_err(ConnectorError::io)?;
            HttpResponse::try_from(response.map(SdkBody::from))
                .map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
