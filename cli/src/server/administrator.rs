//! The first administrator. Owns how their keys are shown: once, on standard error, and in the CLI profile.

use std::path::Path;

use anyhow::Result;
use api_server::Setup;
use auth::{NewCredentials, SecretBox};
use model::MetaStore;
use secrecy::{ExposeSecret, SecretString};

use crate::exit;
use crate::output::warn;
use crate::profile::{self, Kept, Profile};

/// Makes the administrator at the first start and tells the keys; or says that somebody has to come and ask for them.
pub(crate) async fn ensure(
    meta: &dyn MetaStore,
    secrets: &SecretBox,
    preset: Option<(String, SecretString)>,
    setup: Setup,
    endpoint: &str,
) -> Result<()> {
    if setup != Setup::Closed {
        if !api_server::await_first_user(meta).await? {
            let from = if setup == Setup::FromLoopback { "on this machine" } else { "who can reach this server" };
            warn(&format!(
                "WARNING: This installation isn't set up yet: the first caller {from} who posts a username to \
                 {}/api/v1/setup_lakefs becomes its administrator.",
                from_here(endpoint)
            ));
        }
        return Ok(());
    }
    let installation = secrets.installation_id();
    let was_preset = preset.is_some();
    if let Some(keys) = api_server::bootstrap_administrator(meta, secrets, preset).await? {
        tell(&keys, &Server { endpoint, installation: &installation }, was_preset);
    }
    Ok(())
}

/// Which server it is, and where.
struct Server<'a> {
    endpoint: &'a str,
    installation: &'a str,
}

fn tell(keys: &NewCredentials, server: &Server<'_>, was_preset: bool) {
    if !was_preset {
        warn(&format!(
            "The administrator's access key, shown this once:\n  access key id      {}\n  secret access key  {}",
            keys.access_key_id,
            keys.secret_access_key.expose_secret()
        ));
    }
    // A server without a home, in a container perhaps, serves all the same.
    match profile::path().and_then(|path| remember(keys, server, &path)) {
        Ok(told) => warn(&told),
        Err(error) => warn(&format!("No profile was written: {}.", exit::text(&error))),
    }
}

/// Writes a profile of this installation beside those of others; returns what to say about it.
fn remember(keys: &NewCredentials, server: &Server<'_>, path: &Path) -> Result<String> {
    let endpoint = from_here(server.endpoint);
    let profile = Profile {
        endpoint: endpoint.clone(),
        installation: Some(server.installation.to_owned()),
        access_key_id: keys.access_key_id.clone(),
        secret_access_key: keys.secret_access_key.expose_secret().to_owned(),
        session_token: None,
    };
    let (name, kept) = profile::write(path, None, profile)?;
    let mut told = format!("`lakebed` commands of this user find it in {}, as profile {name}", path.display());
    if name != profile::DEFAULT {
        told.push_str(&format!(": with --endpoint {endpoint} or --profile {name}"));
    }
    if let Some(Kept { name, access_key_id }) = kept {
        told.push_str(&format!("; key {access_key_id}, which that held, is now in profile {name}"));
    }
    Ok(told + ".")
}

/// The endpoint as this machine reaches it: a server that listens everywhere has no address of its own in its URL.
fn from_here(endpoint: &str) -> String {
    endpoint.replacen("://0.0.0.0:", "://127.0.0.1:", 1).replacen("://[::]:", "://[::1]:", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str) -> NewCredentials {
        NewCredentials { access_key_id: id.to_owned(), secret_access_key: "secret".into() }
    }

    #[test]
    fn the_profile_names_an_address_that_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        remember(&keys("AK"), &Server { endpoint: "https://0.0.0.0:8000", installation: "one" }, &path).unwrap();
        let profiles = profile::read(&path).unwrap();
        assert_eq!(profiles.named(profile::DEFAULT).unwrap().endpoint, "https://127.0.0.1:8000");
    }

    #[test]
    fn a_second_server_s_first_start_leaves_the_first_one_s_keys_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        let here = |installation| Server { endpoint: "http://127.0.0.1:8000", installation };
        remember(&keys("AK1"), &here("one"), &path).unwrap();
        let told = remember(&keys("AK2"), &here("two"), &path).unwrap();
        assert!(told.contains("--profile server-two"), "{told}");
        let profiles = profile::read(&path).unwrap();
        let key = |name| profiles.named(name).unwrap().access_key_id.as_str();
        assert_eq!((key(profile::DEFAULT), key("server-two")), ("AK1", "AK2"));
    }
}
