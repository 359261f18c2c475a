//! Signature Version 4 on a request that is otherwise ready to go. The
//! algorithm is `aws-sigv4`'s; this says only what is signed.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as signature};
use aws_sigv4::sign::v4;
use bytes::Bytes;

/// Signs in place: adds `x-amz-date`, `x-amz-security-token` if the credentials
/// are temporary, and `authorization`. Everything but the user agent is signed.
pub(crate) fn sign(
    request: &mut http::Request<Bytes>,
    credentials: &Credentials,
    service: &'static str,
    region: &str,
    at: SystemTime,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        headers.push((name.as_str(), value.to_str()?));
    }
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        headers.into_iter(),
        SignableBody::Bytes(request.body()),
    )?;
    let (instructions, _) = signature(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
