//! How a command reaches the server. Owns the order in which endpoint and keys are looked for; `lakebed-sdk` talks.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use lakebed_sdk::{ConnectOptions, Credentials, Lakebed, Reason};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::exit::usage;
use crate::profile::{self, Profile};

const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8000";

/// Options of every command that talks to a server.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct ConnectionArgs {
    /// The server's URL [default: the profile's, else http://127.0.0.1:8000]
    #[arg(long, env = "LAKEBED_ENDPOINT", global = true, value_name = "URL")]
    endpoint: Option<String>,

    /// Which profile of the profile file to use [default: default]
    #[arg(long, env = "LAKEBED_PROFILE", global = true, value_name = "NAME")]
    profile: Option<String>,

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
    Input,
    Token,
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LakebedVariables => "LAKEBED_ACCESS_KEY_ID",
            Self::AwsVariables => "AWS_ACCESS_KEY_ID",
            Self::Profile => "the profile",
            Self::Input => "standard input",
            Self::Token => "the token",
        })
    }
}

/// A server and the keys for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
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
    /// Finds endpoint and keys: of a profile that was named by `--profile` or `LAKEBED_PROFILE`; else the keys in
    /// `LAKEBED_ACCESS_KEY_ID` and `LAKEBED_SECRET_ACCESS_KEY`, the AWS variables, or the profile `default`, in this
    /// order. A profile that can't be read is an error only if it is needed.
    pub(crate) fn target(&self) -> Result<Target> {
        let name = self.profile()?;
        let profile = profile::path().and_then(|path| profile::read(&path, &name));
        let endpoint = self.endpoint(profile.as_ref().ok().and_then(Option::as_ref));
        let of_environment = if self.names_profile() { None } else { keys_of_environment()? };
        let (keys, source) = match of_environment {
            Some(keys) => keys,
            None => match profile? {
                Some(Profile { access_key_id, secret_access_key, session_token, .. }) => {
                    ((access_key_id, secret_access_key, session_token), KeySource::Profile)
                }
                None if self.names_profile() => usage!("no profile {name}: `lakebed login --profile {name}` makes one"),
                None => bail!(
                    "no access key: set LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, say `lakebed login`, or \
                     start a server here with `lakebed run`, which writes a profile"
                ),
            },
        };
        let (access_key_id, secret_access_key, session_token) = keys;
        Ok(Target { endpoint, access_key_id, secret_access_key, session_token, source, ca_cert: self.authorities()? })
    }

    /// The profile's name.
    pub(crate) fn profile(&self) -> Result<String> {
        let name = self.profile.as_deref().filter(|name| !name.is_empty()).unwrap_or(profile::DEFAULT);
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            usage!(
                "{name:?} is no profile's name: use letters, digits, '-' and '_' (LAKEBED_PROFILE_FILE names the file)"
            );
        }
        Ok(name.to_owned())
    }

    fn names_profile(&self) -> bool {
        self.profile.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// The server's URL, given what a profile says.
    pub(crate) fn endpoint(&self, profile: Option<&Profile>) -> String {
        let named = self.endpoint.clone().filter(|endpoint| !endpoint.is_empty());
        let endpoint = named.or_else(|| profile.map(|profile| profile.endpoint.clone()));
        endpoint.unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned())
    }

    /// The certificate authorities to trust, if others than the system's.
    pub(crate) fn authorities(&self) -> Result<Option<Authorities>> {
        let named = self.ca_cert.as_deref().filter(|path| !path.as_os_str().is_empty());
        named.map(Authorities::read).transpose()
    }
}

/// An access key, its secret, and its session's token.
type Keys = (String, String, Option<String>);

fn keys_of_environment() -> Result<Option<(Keys, KeySource)>> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("LAKEBED_ACCESS_KEY_ID"), variable("LAKEBED_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            return Ok(Some(((id, secret, variable("LAKEBED_SESSION_TOKEN")), KeySource::LakebedVariables)));
        }
        (None, None) => {}
        _ => bail!("set both of LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, or neither"),
    }
    let keys = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY"));
    Ok(keys.map(|(id, secret)| ((id, secret, variable("AWS_SESSION_TOKEN")), KeySource::AwsVariables)))
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
        let credentials = match &self.session_token {
            Some(token) => credentials.with_session_token(token.as_str()),
            None => credentials,
        };
        self.connect_with(&credentials)
    }

    /// The same with other credentials.
    pub(crate) fn connect_with(&self, credentials: &Credentials) -> Result<Lakebed> {
        let options = ConnectOptions { ca_certificate_pem: self.ca_cert.as_ref().map(|ca| ca.pem.clone()) };
        Ok(Lakebed::connect_lazy(&self.endpoint, credentials, options)?)
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
