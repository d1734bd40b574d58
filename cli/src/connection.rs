//! How a command reaches the server. Owns the order in which endpoint and keys are looked for; `lakebed-sdk` talks.

use anyhow::{Context, Result};
use clap::Args;
use lakebed_sdk::{ConnectOptions, Credentials, Lakebed};

use crate::profile::{self, Profile};

const ENDPOINT_DEFAULT: &str = "http://127.0.0.1:8000";

/// Options of every command that talks to a server.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct ConnectionArgs {
    /// The server's URL [default: the profile's, else http://127.0.0.1:8000]
    #[arg(long, env = "LAKEBED_ENDPOINT", global = true, value_name = "URL")]
    endpoint: Option<String>,

    /// Certificate authorities (PEM) to trust for https, instead of the system's
    #[arg(long, env = "LAKEBED_CA_CERT", global = true, value_name = "FILE")]
    ca_cert: Option<std::path::PathBuf>,
}

/// Where a setting was found, for `doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySource {
    LakebedVariables,
    AwsVariables,
    Profile,
}

/// A server and the keys for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) source: KeySource,
    pub(crate) ca_cert_pem: Option<String>,
}

impl ConnectionArgs {
    /// Finds endpoint and keys: the keys in `LAKEBED_ACCESS_KEY_ID` and `LAKEBED_SECRET_ACCESS_KEY`, the AWS
    /// variables, or the profile, in this order.
    pub(crate) fn target(&self) -> Result<Target> {
        let profile = profile::read(&profile::path()?)?;
        let pair = |id: &str, secret: &str| {
            let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
            variable(id).zip(variable(secret))
        };
        let ((access_key_id, secret_access_key), source) =
            if let Some(keys) = pair("LAKEBED_ACCESS_KEY_ID", "LAKEBED_SECRET_ACCESS_KEY") {
                (keys, KeySource::LakebedVariables)
            } else if let Some(keys) = pair("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") {
                (keys, KeySource::AwsVariables)
            } else if let Some(Profile { access_key_id, secret_access_key, .. }) = profile.clone() {
                ((access_key_id, secret_access_key), KeySource::Profile)
            } else {
                anyhow::bail!(
                    "no access key: set LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY, or start a server here \
                     with `lakebed run`, which writes a profile"
                );
            };
        let endpoint = self.endpoint.clone().or(profile.map(|profile| profile.endpoint));
        let ca_cert_pem = self
            .ca_cert
            .as_ref()
            .map(|path| std::fs::read_to_string(path).with_context(|| format!("can't read {}", path.display())));
        Ok(Target {
            endpoint: endpoint.unwrap_or_else(|| ENDPOINT_DEFAULT.to_owned()),
            access_key_id,
            secret_access_key,
            source,
            ca_cert_pem: ca_cert_pem.transpose()?,
        })
    }

    /// Makes a client; it connects with its first call.
    pub(crate) fn connect(&self) -> Result<Lakebed> {
        self.target()?.connect()
    }
}

impl Target {
    /// Makes a client; it connects with its first call.
    pub(crate) fn connect(&self) -> Result<Lakebed> {
        let credentials = Credentials::new(self.access_key_id.as_str(), self.secret_access_key.as_str());
        let options = ConnectOptions { ca_certificate_pem: self.ca_cert_pem.clone() };
        Ok(Lakebed::connect_lazy(&self.endpoint, &credentials, options)?)
    }
}
