//! Credentials, asked for once and again shortly before they expire.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::Mutex;

/// How long before their expiry new ones are asked for. Instance profiles and
/// SSO have new ones five minutes ahead at the latest.
const AHEAD: Duration = Duration::from_mins(2);

/// A provider, and what it last gave. The providers of the standard chain do
/// not remember anything themselves.
#[derive(Debug)]
pub(crate) struct Remembered {
    provider: SharedCredentialsProvider,
    last: Mutex<Option<Credentials>>,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NoCredentials {
    what: String,
    /// Whether trying again may help.
    pub(crate) passing: bool,
}

impl Remembered {
    pub(crate) fn new(provider: impl ProvideCredentials + 'static) -> Self {
        Self { provider: SharedCredentialsProvider::new(provider), last: Mutex::new(None) }
    }

    /// Credentials good at `now`. Calls made at the same time share one answer.
    pub(crate) async fn get(&self, now: SystemTime) -> Result<Credentials, NoCredentials> {
        let mut last = self.last.lock().await;
        let good_for = |credentials: &Credentials, time| credentials.expiry().is_none_or(|end| end > time);
        if let Some(known) = last.as_ref().filter(|known| good_for(known, now + AHEAD)) {
            return Ok(known.clone());
        }
        match self.provider.provide_credentials().await {
            Ok(new) => Ok(last.insert(new).clone()),
            // Better the old ones to their end than none.
            Err(error) => match last.as_ref().filter(|known| good_for(known, now)) {
                Some(known) => Ok(known.clone()),
                None => Err(explain(&error)),
            },
        }
    }

    /// Forgets them: AWS no longer takes them.
    pub(crate) async fn forget(&self) {
        *self.last.lock().await = None;
    }
}

fn explain(error: &CredentialsError) -> NoCredentials {
    let remedy = match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            return NoCredentials {
                what: "no AWS credentials were found; set AWS_PROFILE or --profile to a profile of ~/.aws/config, \
                       or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with an instance or task role"
                    .to_owned(),
                passing: false,
            };
        }
        CredentialsError::InvalidConfiguration(_) => "check the profile in ~/.aws/config",
        CredentialsError::ProviderTimedOut(_) => "the source of credentials did not answer in time",
        _ => "if the profile uses SSO, run `aws sso login`",
    };
    let mut what = format!("AWS credentials could not be loaded ({remedy})");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(what, ": {error}");
        cause = error.source();
    }
    NoCredentials { what, passing: matches!(error, CredentialsError::ProviderTimedOut(_)) }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex as StdMutex;

    use aws_credential_types::provider::future;

    use super::*;

    /// Gives these, one after the other, then none.
    #[derive(Debug)]
    struct Script(StdMutex<VecDeque<Credentials>>);

    impl ProvideCredentials for Script {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let next = self.0.lock().unwrap().pop_front();
            future::ProvideCredentials::ready(next.ok_or_else(CredentialsError::not_loaded_no_source))
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn credentials_are_renewed_ahead_and_used_to_their_end() {
        let until = |id: &str, end| Credentials::new(id, "secret", None, Some(at(end)), "test");
        let remembered = Remembered::new(Script(StdMutex::new([until("A", 1_000), until("B", 2_000)].into())));
        for (now, expected) in [(0, "A"), (800, "A"), (900, "B"), (1_500, "B"), (1_999, "B")] {
            assert_eq!(remembered.get(at(now)).await.unwrap().access_key_id(), expected, "{now}");
        }
        let error = remembered.get(at(2_000)).await.unwrap_err();
        assert!(error.to_string().starts_with("no AWS credentials were found; set AWS_PROFILE"), "{error}");
        assert!(!error.passing);
    }

    #[tokio::test]
    async fn what_aws_rejects_is_asked_for_anew() {
        let forever = |id: &str| Credentials::new(id, "secret", None, None, "test");
        let remembered = Remembered::new(Script(StdMutex::new([forever("A"), forever("B")].into())));
        assert_eq!(remembered.get(at(0)).await.unwrap().access_key_id(), "A");
        remembered.forget().await;
        assert_eq!(remembered.get(at(0)).await.unwrap().access_key_id(), "B");
    }
}
