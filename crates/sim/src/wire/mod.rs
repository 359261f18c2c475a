//! The wire: EC2 Query 2016-11-15 and STS 2011-06-15, form in, XML out.
//!
//! Owns how things are asked and told; what they mean is [`crate::ec2`]'s and
//! [`crate::sts`]'s.

pub(crate) mod auth;
mod request;
mod respond;
pub(crate) mod xml;

use bytes::Bytes;
use http::{Request, Response};

use crate::refusal::Refusal;
use crate::sts::Caller;
use crate::world::{Asked, Delivery, World};
use auth::Credential;
use xml::{http_date, sts_error};

impl World {
    /// Answers one HTTP request, at once.
    ///
    /// Where a fault breaks the connection the response has a [`Delivery`] among
    /// its extensions, which a transport must heed: with [`Delivery::Lost`] it
    /// must give no answer at all, with [`Delivery::Cut`] it must fail after the
    /// body, which is half of what `Content-Length` says. A transport that does
    /// not heed it shows an empty 500, or XML that breaks off.
    pub fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let (parts, body) = request.into_parts();
        let mut params = request::params(&parts.uri, &body);
        let credential = match auth::credential(&parts.headers, &mut params) {
            Ok(credential) => credential,
            Err(refusal) => return self.told("ec2", "", Err(&refusal), Delivery::Whole),
        };
        let service = credential.service;
        match Self::asked(credential, params) {
            Ok((caller, asked)) => {
                let action = asked.action.clone();
                let reply = self.call(&caller, asked);
                self.told(service, &action, reply.answer.as_ref().map(|a| (a, &caller)), reply.delivery)
            }
            Err(refusal) => self.told(service, "", Err(&refusal), Delivery::Whole),
        }
    }

    /// As [`World::answer`], after as long as a call takes by the rules.
    pub async fn answer_in_time(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.travel().await;
        self.answer(request)
    }

    fn asked(credential: Credential, mut params: crate::params::Params) -> Result<(Caller, Asked), Refusal> {
        let Credential { key, service, region, session_token } = credential;
        let unknown_key = || match service {
            "sts" => Refusal::new("InvalidClientTokenId", "The security token included in the request is invalid."),
            _ => Refusal::new("AuthFailure", "AWS was not able to validate the provided access credentials"),
        };
        if key.starts_with("ASIA") && session_token.is_none() {
            return Err(unknown_key());
        }
        let caller = Caller::new(&key, session_token.as_deref(), region).ok_or_else(unknown_key)?;
        let action = params
            .take("Action")
            .filter(|a| !a.is_empty())
            .ok_or_else(|| Refusal::new("MissingAction", "The request is missing an action or operation parameter"))?;
        let version = params.take("Version").unwrap_or_default();
        let expected = if service == "sts" { "2011-06-15" } else { "2016-11-15" };
        if version != expected {
            return Err(Refusal::new(
                "InvalidAction",
                format!("The version {version} is not served here: {expected} is"),
            ));
        }
        Ok((caller, Asked { service, action, params }))
    }

    fn told(
        &self,
        service: &str,
        action: &str,
        answer: Result<(&crate::world::Answer, &Caller), &Refusal>,
        delivery: Delivery,
    ) -> Response<Bytes> {
        let (now, request_id) = {
            let mut state = self.state();
            (state.now, state.request_ids.request_id())
        };
        let (status, body) = match answer {
            Ok((answer, caller)) => (200, respond::body(action, &request_id, answer, caller)),
            Err(refusal) if service == "sts" => (refusal.status, sts_error(refusal, &request_id)),
            Err(refusal) => (refusal.status, xml::ec2_error(refusal, &request_id)),
        };
        let length = body.len();
        let mut bytes = Bytes::from(body);
        let mut response = Response::builder().status(status);
        match delivery {
            Delivery::Whole => {}
            Delivery::Cut => bytes.truncate(length / 2),
            Delivery::Lost => return broken(),
        }
        let content_type = if service == "sts" { "text/xml" } else { "text/xml;charset=UTF-8" };
        for (name, value) in [
            ("content-type", content_type.to_owned()),
            ("content-length", length.to_string()),
            ("date", http_date(now)),
            ("server", "AmazonEC2".to_owned()),
            ("x-amzn-requestid", request_id),
        ] {
            response = response.header(name, value);
        }
        if delivery != Delivery::Whole {
            response = response.extension(delivery);
        }
        response.body(bytes).unwrap_or_else(|_| broken())
    }
}

/// No answer: for transports that heed it, a broken connection.
fn broken() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(Delivery::Lost);
    response
}
