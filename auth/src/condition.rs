//! When a statement counts: from which address, at what time, through which ref. Owns the operators and keys.
//! Invariant: where a fact is unknown, an allowance doesn't count and a prohibition does, so that the former never widens
//! and the latter never lapses for want of a fact.
//!
//! | operator | key | value |
//! |---|---|---|
//! | IpAddress, NotIpAddress | SourceIp | an address, or a network as 10.0.0.0/8 |
//! | DateGreaterThan, DateLessThan | CurrentTime | a time as 2026-11-20T09:30:00Z |
//! | StringLike, StringNotLike | Ref | a branch, tag or commit that objects are reached through, with wildcards (ours) |
//! | StringLike, StringNotLike | Prefix | what a listing is asked for, with wildcards (ours) |
//!
//! - A ref is unknown where something is reached by a commit's id, for no policy knows which refs lead to it: such an id
//!   fits a pattern only if that is `*` or the id itself. It is unknown too for what concerns all refs of a repository.
//! - A list of refs is asked about twice: before, where each condition on `Ref` is taken to be in the caller's favour, and
//!   for each ref that it would show.
//! - An action that reaches no refs (such as fs:ReadRepository) has no ref; no value fits that, as in AWS's policies.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::DateTime;
use model::{Timestamp, Wildcard};

use crate::effect::Effect;
use crate::pattern;
use crate::resource::Through;
use crate::{Action, Resource};

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

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    /// It asks for a fact that isn't known.
    Unknown,
    /// It asks for a ref, and each ref is asked about later by itself.
    Later,
}

impl Holds {
    /// Whether a statement with this effect counts, as far as this condition goes.
    pub(crate) fn counts_for(self, effect: Effect) -> bool {
        match self {
            Self::Yes => true,
            Self::No => false,
            Self::Unknown => effect == Effect::Deny,
            Self::Later => effect == Effect::Allow,
        }
    }

    fn unknown_if(is_unknown: bool) -> Self {
        if is_unknown { Self::Unknown } else { Self::No }
    }

    fn negated(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            other => other,
        }
    }
}

impl From<bool> for Holds {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    SourceIp(Vec<Network>),
    After(Vec<Timestamp>),
    Before(Vec<Timestamp>),
    Ref(Vec<RefPattern>),
    Prefix(Vec<Wildcard>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct RefPattern {
    pattern: Wildcard,
    /// Whether it fits one text alone.
    is_plain: bool,
}

/// What conditions are asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) address: Option<IpAddr>,
    pub(crate) at: Timestamp,
    pub(crate) action: Action,
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
            ("StringLike" | "StringNotLike", "Ref") => {
                Values::Ref(values.iter().map(|text| RefPattern::new(text, user)).collect())
            }
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
    pub(crate) fn holds(&self, facts: Facts<'_>) -> Holds {
        let fits = match &self.values {
            Values::SourceIp(networks) => facts
                .address
                .map_or(Holds::Unknown, |address| networks.iter().any(|network| network.holds(address)).into()),
            Values::After(times) => times.iter().any(|time| facts.at > *time).into(),
            Values::Before(times) => times.iter().any(|time| facts.at < *time).into(),
            Values::Ref(patterns) => match facts.resource.through() {
                Some(through) => fits_ref(patterns, &through),
                None => Holds::unknown_if(facts.action.reaches_refs()),
            },
            Values::Prefix(patterns) => match facts.resource.prefix() {
                Some(prefix) => patterns.iter().any(|pattern| pattern.matches(prefix)).into(),
                None => Holds::unknown_if(facts.action == Action::ListObjects),
            },
        };
        if self.negated { fits.negated() } else { fits }
    }

    /// Whether it asks that a listing be of some prefix: then what a wider listing shows has to be looked at.
    pub(crate) fn is_on_prefix(&self) -> bool {
        !self.negated && matches!(self.values, Values::Prefix(_))
    }
}

fn fits_ref(patterns: &[RefPattern], through: &Through) -> Holds {
    let text = match through {
        Through::EachRef => return Holds::Later,
        Through::Ref(text) | Through::Expression(text) => text,
    };
    let may_be_id = through.may_be_id();
    match patterns.iter().any(|pattern| pattern.fits(text, may_be_id)) {
        true => Holds::Yes,
        false => Holds::unknown_if(may_be_id),
    }
}

impl RefPattern {
    fn new(text: &str, user: &str) -> Self {
        Self { pattern: pattern::for_user(text, user), is_plain: !text.contains(['*', '?']) }
    }

    /// That an id begins as the names of some branches says nothing.
    fn fits(&self, text: &str, may_be_id: bool) -> bool {
        (!may_be_id || self.is_plain || self.pattern.is_everything()) && self.pattern.matches(text)
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
    use model::{BranchName, RefName, RepositoryName};

    use super::*;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Result<Condition, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::read(operator, key, &values, "ann")
    }

    fn holds(operator: &str, key: &str, values: &[&str], address: Option<&str>, at: &str, resource: &Resource) -> bool {
        let held = asked(operator, key, values, address, at, Action::ReadObject, resource);
        assert!(matches!(held, Holds::Yes | Holds::No), "{held:?}");
        held == Holds::Yes
    }

    fn asked(
        operator: &str,
        key: &str,
        values: &[&str],
        address: Option<&str>,
        at: &str,
        action: Action,
        resource: &Resource,
    ) -> Holds {
        let address = address.map(|address| address.parse().unwrap());
        condition(operator, key, values).unwrap().holds(Facts { address, at: time(at).unwrap(), action, resource })
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

    /// Whether a condition on `Ref` and its negation hold.
    fn of_ref(pattern: &str, action: Action, resource: &Resource) -> [Holds; 2] {
        ["StringLike", "StringNotLike"].map(|operator| asked(operator, "Ref", &[pattern], None, NOW, action, resource))
    }

    const UNKNOWN: [Holds; 2] = [Holds::Unknown; 2];
    const YES: [Holds; 2] = [Holds::Yes, Holds::No];
    const NO: [Holds; 2] = [Holds::No, Holds::Yes];

    #[test]
    fn an_unknown_fact_counts_for_prohibitions_alone() {
        for operator in ["IpAddress", "NotIpAddress"] {
            let held = asked(operator, "SourceIp", &["0.0.0.0/0"], None, NOW, Action::ReadObject, &Resource::All);
            assert_eq!(held, Holds::Unknown);
        }
        let of = |holds: Holds| [Effect::Allow, Effect::Deny].map(|effect| holds.counts_for(effect));
        assert_eq!(of(Holds::Unknown), [false, true]);
        assert_eq!(of(Holds::Later), [true, false]);
        assert_eq!((of(Holds::Yes), of(Holds::No)), ([true; 2], [false; 2]));
    }

    #[test]
    fn what_concerns_all_refs_has_an_unknown_one() {
        let trips: RepositoryName = "trips".parse().unwrap();
        let whole = Resource::Repository(trips.clone());
        for action in [Action::ListCommits, Action::ListObjects, Action::CreateBranch, Action::DeleteRepository] {
            assert_eq!(of_ref("main", action, &whole), UNKNOWN, "{action}");
        }
        for action in [Action::ReadRepository, Action::ListRepositories, Action::UpdateRepository, Action::ReadUser] {
            assert_eq!(of_ref("main", action, &whole), NO, "{action}");
        }
        let listed = asked("StringLike", "Prefix", &["in/*"], None, NOW, Action::ListObjects, &whole);
        assert_eq!(listed, Holds::Unknown);
        assert_eq!(of_ref("main", Action::ListBranches, &Resource::at_each_ref(&trips)), [Holds::Later; 2]);
    }

    #[test]
    fn a_commit_s_id_fits_no_name() {
        let trips: RepositoryName = "trips".parse().unwrap();
        let id = "abcd".repeat(16);
        let at = |text: &str| Resource::at_ref(&trips, &text.parse::<RefName>().unwrap());
        let read = |pattern: &str, text: &str| of_ref(pattern, Action::ReadCommit, &at(text));
        for text in [id.as_str(), "abcd"] {
            assert_eq!(read("main", text), UNKNOWN);
            assert_eq!(read("ab*", text), UNKNOWN);
            assert_eq!(read("*", text), YES);
            assert_eq!(read(text, text), YES);
        }
        assert_eq!((read("main", "main"), read("main", "v1.0")), (YES, NO));
        let branch = Resource::branch(&trips, &"abcd".parse::<BranchName>().unwrap());
        assert_eq!(of_ref("ab*", Action::CreateCommit, &branch), YES);
        assert_eq!(of_ref("main", Action::CreateCommit, &branch), NO);
    }

    #[test]
    fn time_and_ref_are_judged() {
        let trips = "trips".parse().unwrap();
        let branch = |name: &str| name.parse::<BranchName>().unwrap();
        let object = Resource::object_of(&trips, &branch("dev-ann"), &"a".parse().unwrap());
        assert!(holds("DateGreaterThan", "CurrentTime", &["2026-11-21T09:59:59Z"], None, NOW, &object));
        assert!(!holds("DateLessThan", "CurrentTime", &["2026-11-21T11:00:00+02:00"], None, NOW, &object));
        assert!(holds("StringLike", "Ref", &["main", "dev-${user}"], None, NOW, &object));
        assert!(!holds("StringLike", "Ref", &["main"], None, NOW, &object));
        let listing = Resource::listing(&trips, &branch("main"), "in/");
        assert!(holds("StringLike", "Prefix", &["in/*"], None, NOW, &listing));
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
