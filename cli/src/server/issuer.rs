//! Documents of an identity provider over HTTP. Owns their bounds; leaves what they say to `auth`. Invariant: nothing is
//! fetched in the open but from this machine itself, and no redirect is followed: a provider names its own places.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use auth::Documents;
use reqwest::{Client, Url, redirect};

use crate::exit::usage;

/// How long a document may take, from the name's look-up to the last byte.
const TIME_MAX: Duration = Duration::from_secs(10);

/// The largest document that is read.
const BYTES_MAX: usize = 1 << 20;

/// Gets an identity provider's documents.
pub(super) struct ProviderDocuments {
    client: Client,
}

impl ProviderDocuments {
    pub(super) fn new() -> Result<Self> {
        let client = Client::builder().timeout(TIME_MAX).redirect(redirect::Policy::none());
        Ok(Self { client: client.build().context("can't make a client for the identity provider")? })
    }
}

#[async_trait]
impl Documents for ProviderDocuments {
    async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        check(url)?;
        let failed = |error: reqwest::Error| format!("can't get {url}: {}", chain(&error));
        let mut answer = self.client.get(url).send().await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("{url} answers {}", answer.status()));
        }
        let mut document = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if document.len() + piece.len() > BYTES_MAX {
                return Err(format!("{url} has more than {BYTES_MAX} bytes"));
            }
            document.extend_from_slice(&piece);
        }
        Ok(document)
    }
}

/// Checks an identity provider's URL before a server starts with it.
pub(super) fn checked_url(url: String) -> Result<String> {
    if let Err(why) = check(&url) {
        usage!("oidc_issuer: {why}");
    }
    Ok(url)
}

fn check(url: &str) -> Result<(), String> {
    let parsed = Url::parse(url).map_err(|error| format!("{url:?} isn't a URL: {error}"))?;
    let host = parsed.host_str().unwrap_or_default();
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    match parsed.scheme() {
        "https" if !host.is_empty() => Ok(()),
        "http" if is_here => Ok(()),
        _ => Err(format!("{url} must begin with https://: keys that come in the open could be anybody's")),
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
