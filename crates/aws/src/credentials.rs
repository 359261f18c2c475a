//! Credentials, asked for once and again shortly before they expire.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use ebskeep_core::cloud::{CloudError, ErrorKind};
use smol_str::SmolStr;
use tokio::sync::Mutex;

use crate::role::Session;
use crate::wire::request::Call;

/// How long before their expiry new ones are asked for. Instance profiles and
/// SSO have new ones five minutes ahead at the latest.
const AHEAD: Duration = Duration::from_mins(2);

/// A source, and what it last gave. The providers of the standard chain do not
/// remember anything themselves.
#[derive(Debug)]
pub(crate) struct Remembered {
    source: Source,
    last: Mutex<Last>,
}

/// What to do where there are none: it depends on where they are looked for.
#[derive(Debug)]
pub(crate) struct Remedy {
    /// Where nobody has any.
    none: &'static str,
    /// Where those that there are cannot be had.
    unusable: &'static str,
}

/// For the standard chain.
pub(crate) const CHAIN: Remedy = Remedy {
    none: "set AWS_PROFILE or --profile to a profile of ~/.aws/config, or AWS_ACCESS_KEY_ID and \
           AWS_SECRET_ACCESS_KEY, or run with an instance or task role",
    unusable: "check the profile (`aws sso login` if it uses SSO) or the role they should come from",
};

/// For a program that has nothing but its environment.
pub(crate) const ENVIRONMENT: Remedy = Remedy {
    none: "Lambda gives a function those of its execution role: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
           AWS_SESSION_TOKEN, or with SnapStart AWS_CONTAINER_CREDENTIALS_FULL_URI; elsewhere set them",
    unusable: "check AWS_CONTAINER_CREDENTIALS_FULL_URI and AWS_CONTAINER_AUTHORIZATION_TOKEN, which Lambda sets",
};

/// Where credentials come from.
#[derive(Debug)]
enum Source {
    /// The standard chain, the environment, or the caller; and what to do.
    Provider(SharedCredentialsProvider, Remedy),
    /// A role of another account.
    Role(Session),
}

/// What a source last gave.
#[derive(Debug, Default)]
struct Last {
    credentials: Option<Credentials>,
    /// Set if it never gave any and never will: the configuration says so, and
    /// is read once. Some providers tell the reason once only.
    never: Option<NoCredentials>,
}

/// Why there are none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct NoCredentials {
    what: String,
    /// Whether trying again may help.
    passing: bool,
    /// The role that should have given them.
    role: Option<Refused>,
}

/// A role that could not be assumed.
#[derive(Clone, Debug)]
struct Refused {
    arn: String,
    code: Option<SmolStr>,
}

impl NoCredentials {
    /// The failure of a call that could not be made for want of them.
    pub(crate) fn of(self, call: &Call) -> CloudError {
        let kind = if self.passing { ErrorKind::Unavailable } else { ErrorKind::Denied };
        match self.role.clone() {
            None => call.failed(kind, self),
            Some(Refused { arn, code }) => CloudError {
                kind,
                operation: crate::role::ASSUME_ROLE,
                resource: Some(arn),
                code,
                source: Some(Box::new(self)),
            },
        }
    }
}

impl Remembered {
    pub(crate) fn new(provider: impl ProvideCredentials + 'static, remedy: Remedy) -> Self {
        Self { source: Source::Provider(SharedCredentialsProvider::new(provider), remedy), last: Mutex::default() }
    }

    /// Those of sessions in a role.
    pub(crate) fn of_role(session: Session) -> Self {
        Self { source: Source::Role(session), last: Mutex::default() }
    }

    /// Credentials good at `now`. Calls made at the same time share one answer.
    pub(crate) async fn get(&self, now: SystemTime) -> Result<Credentials, NoCredentials> {
        let mut last = self.last.lock().await;
        let good_for = |credentials: &Credentials, time| credentials.expiry().is_none_or(|end| end > time);
        if let Some(known) = last.credentials.as_ref().filter(|known| good_for(known, now + AHEAD)) {
            return Ok(known.clone());
        }
        if let Some(never) = &last.never {
            return Err(never.clone());
        }
        let (reason, final_) = match self.source.ask().await {
            Ok(new) => return Ok(last.credentials.insert(new).clone()),
            Err(error) => error,
        };
        match last.credentials.as_ref() {
            // Better the old ones to their end than none.
            Some(known) if good_for(known, now) => Ok(known.clone()),
            Some(_) => Err(reason),
            None => {
                if final_ {
                    last.never = Some(reason.clone());
                }
                Err(reason)
            }
        }
    }

    /// Forgets them: AWS no longer takes them.
    pub(crate) async fn forget(&self) {
        self.last.lock().await.credentials = None;
    }
}

impl Source {
    /// New credentials, or why there are none, and whether that is so for good.
    async fn ask(&self) -> Result<Credentials, (NoCredentials, bool)> {
        match self {
            Self::Provider(provider, remedy) => provider.provide_credentials().await.map_err(|error| {
                use CredentialsError::{CredentialsNotLoaded, InvalidConfiguration};
                (explain(&error, remedy), matches!(error, CredentialsNotLoaded(_) | InvalidConfiguration(_)))
            }),
            // A trust policy can be mended while we run.
            Self::Role(session) => session.begin().await.map_err(|error| (not_assumed(session, error), false)),
        }
    }
}

/// Why there is no session in a role. Nothing was done: a session that began
/// all the same, unheard of, is nobody's.
fn not_assumed(session: &Session, error: CloudError) -> NoCredentials {
    use ErrorKind::{ConcurrencyLimit, Throttled, Unavailable, Unknown};
    let passing = matches!(error.kind, Throttled | ConcurrencyLimit | Unavailable | Unknown);
    let mut what = error.source.as_ref().map_or_else(|| error.kind.to_string(), ToString::to_string);
    // Where it was AWS that refused.
    if !passing && error.code.is_some() {
        what.push_str(
            "; the role must be there, its trust policy must let in who runs this (with the external id, if it asks \
             for one), and who runs this needs sts:AssumeRole on it",
        );
    }
    NoCredentials { what, passing, role: Some(Refused { arn: session.arn().to_owned(), code: error.code }) }
}

fn explain(error: &CredentialsError, remedies: &Remedy) -> NoCredentials {
    let (mut what, remedy) = match error {
        CredentialsError::CredentialsNotLoaded(_) => ("no AWS credentials were found".to_owned(), remedies.none),
        CredentialsError::ProviderTimedOut(_) => {
            ("AWS credentials could not be loaded in time".to_owned(), "try again")
        }
        _ => ("AWS credentials could not be loaded".to_owned(), remedies.unusable),
    };
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(what, ": {error}");
        cause = error.source();
    }
    let _ = write!(what, "; {remedy}");
    NoCredentials { what, passing: matches!(error, CredentialsError::ProviderTimedOut(_)), role: None }
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
        let remembered = Remembered::new(Script(StdMutex::new([until("A", 1_000), until("B", 2_000)].into())), CHAIN);
        for (now, expected) in [(0, "A"), (800, "A"), (900, "B"), (1_500, "B"), (1_999, "B")] {
            assert_eq!(remembered.get(at(now)).await.unwrap().access_key_id(), expected, "{now}");
        }
        let error = remembered.get(at(2_000)).await.unwrap_err();
        assert!(error.to_string().starts_with("no AWS credentials were found"), "{error}");
        assert!(!error.passing);
    }

    #[tokio::test]
    async fn what_aws_rejects_is_asked_for_anew() {
        let forever = |id: &str| Credentials::new(id, "secret", None, None, "test");
        let remembered = Remembered::new(Script(StdMutex::new([forever("A"), forever("B")].into())), CHAIN);
        assert_eq!(remembered.get(at(0)).await.unwrap().access_key_id(), "A");
        remembered.forget().await;
        assert_eq!(remembered.get(at(0)).await.unwrap().access_key_id(), "B");
    }

    #[tokio::test]
    async fn the_reason_for_none_is_told_every_time() {
        /// Tells its reason once, as the profile provider does.
        #[derive(Debug)]
        struct Once(StdMutex<Option<CredentialsError>>);

        impl ProvideCredentials for Once {
            fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
            where
                Self: 'a,
            {
                let reason = self.0.lock().unwrap().take();
                future::ProvideCredentials::ready(Err(reason.unwrap_or_else(|| CredentialsError::unhandled("taken"))))
            }
        }

        let remembered =
            Remembered::new(Once(StdMutex::new(Some(CredentialsError::not_loaded("no profile `x`")))), CHAIN);
        for _ in 0..2 {
            let said = remembered.get(at(0)).await.unwrap_err().to_string();
            assert!(said.starts_with("no AWS credentials were found: no profile `x`; set AWS_PROFILE"), "{said}");
        }
    }
}
