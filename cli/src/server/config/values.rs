//! How settings are read that aren't plain texts or numbers, on the command line and in the TOML file. Invariant: an error
//! says what was expected.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;

use model::GroupName;
use serde::Deserialize;

use crate::server::store_identity::TakeOver;

pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an IP address and a port, like 127.0.0.1:8000 or [::1]:8000".to_owned())
}

pub(super) fn parse_number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "expected a whole number, like 256".to_owned())
}

pub(super) fn parse_take_over(text: &str) -> Result<TakeOver, String> {
    text.parse()
}

pub(super) fn take_over<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<TakeOver>, D::Error> {
    String::deserialize(d)?.parse().map(Some).map_err(serde::de::Error::custom)
}

pub(super) fn parse_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

pub(super) fn parse_group(text: &str) -> Result<(String, GroupName), String> {
    match text.rsplit_once('=') {
        Some((value, group)) if !value.is_empty() => {
            Ok((value.to_owned(), group.parse().map_err(|error: model::InvalidName| error.to_string())?))
        }
        _ => Err("expected VALUE=GROUP, as lake-admins=Admins".to_owned()),
    }
}

/// Reads what may be given several times: a text, or a list of texts.
pub(super) fn one_or_more<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(d)? {
        Texts::One(one) => vec![one],
        Texts::More(more) => more,
    })
}

/// Reads pairs, which are a table: `object_store_option = { region = "eu-west-1" }`.
pub(super) fn table<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Vec<(String, T)>, D::Error> {
    Ok(BTreeMap::<String, T>::deserialize(d)?.into_iter().collect())
}
