//! Signature Version 4 on a request that is otherwise ready to go, or in a URL
//! that is one. The algorithm is `aws-sigv4`'s; this says only what is signed.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as signature};
use aws_sigv4::sign::v4;
use bytes::Bytes;

use crate::wire::request::percent_encode;

/// How long a presigned URL can be used. AWS's tools give it an hour.
const USABLE: Duration = Duration::from_hours(1);

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

/// The URL of a GET that whoever has it can make for an hour, in our name: the
/// given one, whose query is not empty and encoded, with the signature's
/// parameters behind it.
pub(crate) fn presign(
    url: &str,
    credentials: &Credentials,
    service: &'static str,
    region: &str,
    at: SystemTime,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let identity = credentials.clone().into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(USABLE);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(settings)
        .build()?
        .into();
    let signable = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::Bytes(&[]))?;
    let (instructions, _) = signature(signable, &params)?.into_parts();
    let mut signed = url.to_owned();
    for (name, value) in instructions.params() {
        signed.push('&');
        percent_encode(&mut signed, name);
        signed.push('=');
        percent_encode(&mut signed, value);
    }
    Ok(signed)
}
