//! The first administrator. Owns how their keys are shown: once, on standard error, and in the CLI profile.

use std::path::Path;

use anyhow::Result;
use auth::{NewCredentials, SecretBox};
use model::MetaStore;
use secrecy::{ExposeSecret, SecretString};

use crate::exit;
use crate::output::warn;
use crate::profile::{self, Profile};

/// Makes the administrator at the first start and tells the keys.
pub(crate) async fn ensure(
    meta: &dyn MetaStore,
    secrets: &SecretBox,
    preset: Option<(String, SecretString)>,
    endpoint: &str,
) -> Result<()> {
    let was_preset = preset.is_some();
    if let Some(keys) = api_server::bootstrap_administrator(meta, secrets, preset).await? {
        tell(&keys, endpoint, was_preset);
    }
    Ok(())
}

fn tell(keys: &NewCredentials, endpoint: &str, was_preset: bool) {
    if !was_preset {
        warn(&format!(
            "The administrator's access key, shown this once:\n  access key id      {}\n  secret access key  {}",
            keys.access_key_id,
            keys.secret_access_key.expose_secret()
        ));
    }
    // A server without a home, in a container perhaps, serves all the same.
    match profile::path().and_then(|path| remember(keys, endpoint, &path)) {
        Ok(told) => warn(&told),
        Err(error) => warn(&format!("No profile was written: {}.", exit::text(&error))),
    }
}

/// Writes the profile, unless there is one of another server; returns what to say about it.
fn remember(keys: &NewCredentials, endpoint: &str, path: &Path) -> Result<String> {
    let endpoint = from_here(endpoint);
    if let Some(other) = profile::read(path, profile::DEFAULT)?.filter(|other| other.endpoint != endpoint) {
        return Ok(format!(
            "The profile {} is of {} and stays as it is: `lakebed` commands find this server by LAKEBED_ENDPOINT={endpoint}, \
             LAKEBED_ACCESS_KEY_ID and LAKEBED_SECRET_ACCESS_KEY.",
            path.display(),
            other.endpoint
        ));
    }
    let profile = Profile {
        endpoint,
        access_key_id: keys.access_key_id.clone(),
        secret_access_key: keys.secret_access_key.expose_secret().to_owned(),
        session_token: None,
    };
    profile::write(path, profile::DEFAULT, &profile)?;
    Ok(format!("`lakebed` commands of this user find it in {}.", path.display()))
}

/// The endpoint as this machine reaches it: a server that listens everywhere has no address of its own in its URL.
fn from_here(endpoint: &str) -> String {
    endpoint.replacen("://0.0.0.0:", "://127.0.0.1:", 1).replacen("://[::]:", "://[::1]:", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> NewCredentials {
        NewCredentials { access_key_id: "AK".to_owned(), secret_access_key: "secret".into() }
    }

    #[test]
    fn the_profile_names_an_address_that_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        remember(&keys(), "https://0.0.0.0:8000", &path).unwrap();
        assert_eq!(profile::read(&path, profile::DEFAULT).unwrap().unwrap().endpoint, "https://127.0.0.1:8000");
    }

    #[test]
    fn a_profile_of_another_server_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        remember(&keys(), "http://one:1", &path).unwrap();
        let told = remember(&keys(), "http://two:2", &path).unwrap();
        assert!(told.contains("LAKEBED_ENDPOINT=http://two:2"), "{told}");
        assert_eq!(profile::read(&path, profile::DEFAULT).unwrap().unwrap().endpoint, "http://one:1");
    }
}
