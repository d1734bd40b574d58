//! When a statement counts: from which address, at what time, through which ref. Owns the operators and keys.
//! Invariant: what a condition asks about and a request doesn't have fits no condition but a negated one, so that an
//! allowance never widens and a prohibition never lapses for want of a fact.
//!
//! | operator | key | value |
//! |---|---|---|
//! | IpAddress, NotIpAddress | SourceIp | an address, or a network as 10.0.0.0/8 |
//! | DateGreaterThan, DateLessThan | CurrentTime | a time as 2026-11-20T09:30:00Z |
//! | StringLike, StringNotLike | Ref | a branch, tag or commit that objects are reached through, with wildcards (ours) |
//! | StringLike, StringNotLike | Prefix | what a listing is asked for, with wildcards (ours) |

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::DateTime;
use model::{Timestamp, Wildcard};

use crate::Resource;
use crate::pattern;

/// How many values all conditions of a statement may have.
const VALUES_MAX: usize = 100;

/// A statement's conditions as a document has them: operator, key, values.
pub type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// One condition, for one caller. It holds if any of its values fits, or if negated, none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    negated: bool,
    values: Values,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    SourceIp(Vec<Network>),
    After(Vec<Timestamp>),
    Before(Vec<Timestamp>),
    Ref(Vec<Wildcard>),
    Prefix(Vec<Wildcard>),
}

/// What conditions are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) address: Option<IpAddr>,
    pub(crate) at: Timestamp,
    pub(crate) resource: &'a Resource,
}

/// Reads a statement's conditions for a caller.
///
/// # Errors
/// What is wrong, for who wrote the policy.
pub(crate) fn read(conditions: &Conditions, user: &str) -> Result<Vec<Condition>, String> {
    let mut read = Vec::new();
    let mut count = 0;
    for (operator, keys) in conditions {
        for (key, values) in keys {
            count += values.len();
            if values.is_empty() || count > VALUES_MAX {
                return Err(format!("a condition needs values, at most {VALUES_MAX} in all of a statement"));
            }
            read.push(Condition::read(operator, key, values, user)?);
        }
    }
    Ok(read)
}

impl Condition {
    fn read(operator: &str, key: &str, values: &[String], user: &str) -> Result<Self, String> {
        let networks = || values.iter().map(|text| Network::read(text)).collect::<Result<_, _>>();
        let times = || values.iter().map(|text| time(text)).collect::<Result<_, _>>();
        let patterns = || values.iter().map(|text| pattern::for_user(text, user)).collect();
        let values = match (operator, key) {
            ("IpAddress" | "NotIpAddress", "SourceIp") => Values::SourceIp(networks()?),
            ("DateGreaterThan", "CurrentTime") => Values::After(times()?),
            ("DateLessThan", "CurrentTime") => Values::Before(times()?),
            ("StringLike" | "StringNotLike", "Ref") => Values::Ref(patterns()),
            ("StringLike" | "StringNotLike", "Prefix") => Values::Prefix(patterns()),
            _ => {
                return Err(format!(
                    "unknown condition {operator:?} on {key:?}: there are IpAddress and NotIpAddress on SourceIp, \
                     DateGreaterThan and DateLessThan on CurrentTime, StringLike and StringNotLike on Ref or Prefix"
                ));
            }
        };
        Ok(Self { negated: matches!(operator, "NotIpAddress" | "StringNotLike"), values })
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, facts: Facts<'_>) -> bool {
        let like = |patterns: &[Wildcard], text: Option<&str>| {
            text.is_some_and(|text| patterns.iter().any(|pattern| pattern.matches(text)))
        };
        let fits = match &self.values {
            Values::SourceIp(networks) => {
                facts.address.is_some_and(|address| networks.iter().any(|network| network.holds(address)))
            }
            Values::After(times) => times.iter().any(|time| facts.at > *time),
            Values::Before(times) => times.iter().any(|time| facts.at < *time),
            Values::Ref(patterns) => like(patterns, facts.resource.reference()),
            Values::Prefix(patterns) => like(patterns, facts.resource.prefix()),
        };
        fits != self.negated
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let time = DateTime::parse_from_rfc3339(text);
    let time = time.map_err(|_| format!("{text:?} isn't a time like 2026-11-20T09:30:00Z"))?;
    Ok(time.to_utc().into())
}

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn read(text: &str) -> Result<Self, String> {
        let invalid = || format!("{text:?} isn't an address or a network like 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(invalid)?,
            None => width,
        };
        Ok(Self { address, bits })
    }

    /// An IPv4 address may come as an IPv6 one that wraps it.
    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Result<Condition, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::read(operator, key, &values, "ann")
    }

    fn holds(operator: &str, key: &str, values: &[&str], address: Option<&str>, at: &str, resource: &Resource) -> bool {
        let facts = Facts { address: address.map(|address| address.parse().unwrap()), at: time(at).unwrap(), resource };
        condition(operator, key, values).unwrap().holds(facts)
    }

    const NOW: &str = "2026-11-21T10:00:00Z";

    #[test]
    fn addresses_lie_in_networks() {
        let within = |networks: &[&str], address| {
            let is = holds("IpAddress", "SourceIp", networks, Some(address), NOW, &Resource::All);
            assert_ne!(is, holds("NotIpAddress", "SourceIp", networks, Some(address), NOW, &Resource::All));
            is
        };
        assert!(within(&["10.0.0.0/8"], "10.255.0.1") && !within(&["10.0.0.0/8"], "11.0.0.1"));
        assert!(within(&["10.0.0.0/8", "::1"], "::1") && within(&["0.0.0.0/0"], "1.2.3.4"));
        assert!(within(&["10.0.0.0/8"], "::ffff:10.0.0.1") && !within(&["::/0"], "10.0.0.1"));
        assert!(within(&["10.1.2.3"], "10.1.2.3") && !within(&["10.1.2.3"], "10.1.2.2"));
    }

    #[test]
    fn an_unknown_fact_fits_only_the_negated() {
        assert!(!holds("IpAddress", "SourceIp", &["0.0.0.0/0"], None, NOW, &Resource::All));
        assert!(holds("NotIpAddress", "SourceIp", &["0.0.0.0/0"], None, NOW, &Resource::All));
        assert!(!holds("StringLike", "Ref", &["*"], None, NOW, &Resource::All));
        assert!(holds("StringNotLike", "Ref", &["*"], None, NOW, &Resource::All));
    }

    #[test]
    fn time_and_ref_are_judged() {
        let trips = "trips".parse().unwrap();
        let object = Resource::object_of(&trips, "dev-ann", &"a".parse().unwrap());
        assert!(holds("DateGreaterThan", "CurrentTime", &["2026-11-21T09:59:59Z"], None, NOW, &object));
        assert!(!holds("DateLessThan", "CurrentTime", &["2026-11-21T11:00:00+02:00"], None, NOW, &object));
        assert!(holds("StringLike", "Ref", &["main", "dev-${user}"], None, NOW, &object));
        assert!(!holds("StringLike", "Ref", &["main"], None, NOW, &object));
        assert!(holds("StringLike", "Prefix", &["in/*"], None, NOW, &Resource::listing(&trips, "main", "in/")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(condition("IpAddress", "SourceIp", &["10.0.0.0/33"]).unwrap_err().contains("10.0.0.0/33"));
        assert!(condition("DateLessThan", "CurrentTime", &["tomorrow"]).unwrap_err().contains("tomorrow"));
        assert!(condition("IpAdress", "SourceIp", &["::1"]).unwrap_err().contains("IpAdress"));
        let empty = Conditions::from([("IpAddress".into(), BTreeMap::from([("SourceIp".into(), vec![])]))]);
        assert!(read(&empty, "ann").is_err());
    }
}
