//! How a command reaches the server. Owns the order in which endpoint and keys are looked for; `lakebed-sdk` talks.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use lakebed_sdk::{ConnectOptions, Credentials, Lakebed, Reason};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::profile::{self, Profile};

const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8000";

/// Options of every command that talks to a server.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct ConnectionArgs {
    /// The server's URL [default: the profile's, else http://127.0.0.1:8000]
    #[arg(long, env = "LAKEBED_ENDPOINT", global = true, value_name = "URL")]
    endpoint: Option<String>,

    /// Certificate authorities (PEM) to trust for https, instead of the system's
    #[arg(long, env = "LAKEBED_CA_CERT", global = true, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
}

/// Where the keys were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySource {
    LakebedVariables,
    AwsVariables,
    Profile,
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LakebedVariables => "LAKEBED_ACCESS_KEY_ID",
            Self::AwsVariables => "AWS_ACCESS_KEY_ID",
            Self::Profile => "the profile",
        })
    }
}

/// A server and the keys for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) source: KeySource,
    pub(crate) ca_cert: Option<Authorities>,
}

/// Certificate authorities to trust.
#[derive(Debug, Clone)]
pub(crate) struct Authorities {
    pub(crate) path: PathBuf,
    pem: String,
}

impl ConnectionArgs {
    /// Finds endpoint and keys: the keys in `LAKEBED_ACCESS_KEY_ID` and `LAKEBED_SECRET_ACCESS_KEY`, the AWS
    /// variables, or the profile, in this order. A profile that can't be read is an error only if it is needed.
    pub(crate) fn target(&self) -> Result<Target> {
        let profile = profile::path().and_then(|path| profile::read(&path));
        let endpoint = match (&self.endpoint, &profile) {
            (Some(endpoint), _) if !endpoint.is_empty() => endpoint.clone(),
            (_, Ok(Some(profile))) => profile.endpoint.clone(),
            _ => ENDPOINT_DEFAULT.to_owned(),
        };
        let ((access_key_id, secret_access_key), source) = match keys_of_environment()? {
            Some(keys) => keys,
            None => match profile? {
                Some(Profile { access_key_id, secret_access_key, .. }) => {
                    ((access_key_id, secret_access_key), KeySource::Profile)
                }
                None => bail!(
                    "no access key: set LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, or start a server here \
                     with `lakebed run`, which writes a profile"
                ),
            },
        };
        let ca_cert = self.ca_cert.as_deref().filter(|path| !path.as_os_str().is_empty()).map(Authorities::read);
        Ok(Target { endpoint, access_key_id, secret_access_key, source, ca_cert: ca_cert.transpose()? })
    }
}

/// An access key and its secret.
type Keys = (String, String);

fn keys_of_environment() -> Result<Option<(Keys, KeySource)>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("LAKEBED_ACCESS_KEY_ID"), variable("LAKEBED_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => return Ok(Some(((id, secret), KeySource::LakebedVariables))),
        (None, None) => {}
        _ => bail!("set both of LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, or neither"),
    }
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    Ok(keys.map(|keys| (keys, KeySource::AwsVariables)))
}

impl Authorities {
    fn read(path: &Path) -> Result<Self> {
        let pem = std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        if CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).next().is_none() {
            bail!("{} holds no certificate in PEM", path.display());
        }
        Ok(Self { path: path.to_owned(), pem })
    }
}

impl Target {
    /// Makes a client; it connects with its first call.
    pub(crate) fn connect(&self) -> Result<Lakebed> {
        let credentials = Credentials::new(self.access_key_id.as_str(), self.secret_access_key.as_str());
        let options = ConnectOptions { ca_certificate_pem: self.ca_cert.as_ref().map(|ca| ca.pem.clone()) };
        Ok(Lakebed::connect_lazy(&self.endpoint, &credentials, options)?)
    }

    /// Says of a failed command what only this side knows: whom it asked, and where its keys came from.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let reason = error.chain().find_map(|cause| cause.downcast_ref::<lakebed_sdk::Error>()).map(|e| e.reason);
        match reason {
            Some(Reason::Unreachable) => error.context(format!(
                "no answer from {} (another server: --endpoint or LAKEBED_ENDPOINT; `lakebed doctor` checks)",
                self.endpoint
            )),
            Some(Reason::Unauthenticated) => {
                error.context(format!("{} doesn't take the keys from {}", self.endpoint, self.source))
            }
            Some(Reason::Unknown) => error.context(format!(
                "what answers at {} doesn't speak this command's API (is it the address of `lakebed run` or of the API \
                 server, of no older version?)",
                self.endpoint
            )),
            _ => error,
        }
    }
}
