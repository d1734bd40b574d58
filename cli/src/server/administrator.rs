//! The first administrator. Owns how their keys are shown: once, on standard error, and in the CLI profile.

use anyhow::Result;
use auth::{NewCredentials, SecretBox};
use model::MetaStore;
use secrecy::{ExposeSecret, SecretString};

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
        tell(&keys, endpoint, was_preset)?;
    }
    Ok(())
}

fn tell(keys: &NewCredentials, endpoint: &str, was_preset: bool) -> Result<()> {
    if !was_preset {
        warn(&format!(
            "The administrator's access key, shown this once:\n  access key id      {}\n  secret access key  {}",
            keys.access_key_id,
            keys.secret_access_key.expose_secret()
        ));
    }
    let path = profile::path()?;
    match profile::read(&path) {
        Ok(Some(other)) if other.endpoint != endpoint => {
            warn(&format!("The profile {} is of {}: left as it is.", path.display(), other.endpoint));
        }
        Err(error) => warn(&format!("The profile is left as it is: {error:#}.")),
        Ok(_) => {
            profile::write(
                &path,
                &Profile {
                    endpoint: endpoint.to_owned(),
                    access_key_id: keys.access_key_id.clone(),
                    secret_access_key: keys.secret_access_key.expose_secret().to_owned(),
                },
            )?;
            warn(&format!("`lakebed` commands of this user find it in {}.", path.display()));
        }
    }
    Ok(())
}
