//! Client tokens: one request with one token is carried out once.
//!
//! Source: "Ensure idempotency in Amazon EC2 API requests" in the EC2
//! Developer Guide. Tokens are remembered for good.

use smol_str::SmolStr;

use super::Scene;
use crate::params::Params;
use crate::refusal::Refusal;
use crate::seed::fingerprint;

/// A caller's token, and the request it came with.
#[derive(Clone, Debug)]
pub(crate) struct ClientToken {
    action: &'static str,
    token: String,
    request: u64,
}

impl ClientToken {
    /// Takes the token out; must come before anything else is taken.
    pub(crate) fn read(params: &mut Params, action: &'static str) -> Option<Self> {
        let token = params.take("ClientToken")?;
        Some(Self { action, token, request: fingerprint(&format!("{:?}", params.all())) })
    }
}

impl Scene<'_> {
    /// What was made the first time, if this is not it.
    pub(crate) fn made_before(&mut self, token: Option<&ClientToken>) -> Result<Option<Vec<SmolStr>>, Refusal> {
        let Some(ClientToken { action, token, request }) = token else { return Ok(None) };
        match self.site().client_tokens.get(&(*action, token.clone())) {
            None => Ok(None),
            Some((first, made)) if first == request => Ok(Some(made.clone())),
            Some(_) => {
                Err(Refusal::new("IdempotentParameterMismatch", "The client token came with another request before"))
            }
        }
    }

    /// Remembers what was made.
    pub(crate) fn made_once(&mut self, token: Option<ClientToken>, made: Vec<SmolStr>) {
        if let Some(ClientToken { action, token, request }) = token {
            self.site().client_tokens.insert((action, token), (request, made));
        }
    }
}
