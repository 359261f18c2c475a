//! Whose certificates are believed: the system's, or those of `AWS_CA_BUNDLE`
//! alone, which replaces the system's as it does for the AWS CLI. `ca_bundle`
//! in a profile is not read: the client is needed before the profile is known.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why the certificates that `AWS_CA_BUNDLE` names cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read.
    #[error("AWS_CA_BUNDLE names {}, which cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not a list of certificates.
    #[error("AWS_CA_BUNDLE names {}, in which {what}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The roots that were asked for, checked.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// The system's.
    System,
    /// These, PEM.
    Bundle(Vec<u8>),
}

impl Trust {
    /// As the environment says.
    pub(crate) fn from_env() -> Result<Self, TrustError> {
        match std::env::var_os("AWS_CA_BUNDLE") {
            Some(path) if !path.is_empty() => Self::from_file(Path::new(&path)),
            _ => Ok(Self::System),
        }
    }

    /// Only what is in this file. Checked here, since the HTTP client ends the
    /// process over a certificate that it cannot read.
    fn from_file(path: &Path) -> Result<Self, TrustError> {
        let unusable = |what| TrustError::Unusable { path: path.to_owned(), what };
        let pem = std::fs::read(path).map_err(|source| TrustError::Unreadable { path: path.to_owned(), source })?;
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|_| unusable("something is not PEM"))?;
            roots.add(certificate).map_err(|_| unusable("a certificate cannot be parsed"))?;
        }
        if roots.is_empty() {
            return Err(unusable("there is no certificate"));
        }
        Ok(Self::Bundle(pem))
    }

    /// For the HTTP client.
    pub(super) fn context(&self) -> Result<TlsContext, aws_smithy_http_client::HttpClientError> {
        let store = match self {
            Self::Bundle(pem) => TrustStore::empty().with_pem_certificate(pem.clone()),
            // The client asserts that there are some. A machine without any
            // can still speak http:// to an emulator.
            Self::System if rustls_native_certs::load_native_certs().certs.is_empty() => TrustStore::empty(),
            Self::System => TrustStore::default(),
        };
        TlsContext::builder().with_trust_store(store).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_holds_no_certificates_is_refused_by_name() {
        let dir = std::env::temp_dir().join(format!("ebskeep-trust-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("bundle.pem");
        assert!(Trust::from_file(&path).unwrap_err().to_string().contains("bundle.pem, which cannot be read"));
        for (content, what) in [
            ("", "there is no certificate"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "something is not PEM"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate cannot be parsed"),
        ] {
            std::fs::write(&path, content).unwrap();
            let said = Trust::from_file(&path).unwrap_err().to_string();
            assert!(said.contains(what), "{said}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn the_systems_roots_make_a_context_even_where_there_are_none() {
        Trust::System.context().unwrap();
    }
}
