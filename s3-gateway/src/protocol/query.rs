//! The query of a request, decoded once, for signatures and operations alike. Invariant: both see the same pairs, so
//! nothing is executed that wasn't signed as it was understood.

use std::collections::HashMap;

use percent_encoding::percent_decode;

use super::error::{ErrorCode, S3Error};

/// The decoded pairs of a query, in the order sent. A plus is a space, as in HTML forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Takes a raw query apart.
    ///
    /// # Errors
    /// InvalidURI for what isn't UTF-8 once decoded.
    pub(crate) fn parse(raw: &str) -> Result<Self, S3Error> {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        });
        Ok(Self { pairs: pairs.collect::<Result<_, S3Error>>()? })
    }

    /// Every pair, in the order sent.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of a name; names are compared in their case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Whether a name is there, with or without a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The pairs that are left when others have done their work.
    pub(crate) fn without(&self, is_done: impl Fn(&str) -> bool) -> Self {
        Self { pairs: self.pairs.iter().filter(|(name, _)| !is_done(name)).cloned().collect() }
    }

    /// A name that has several values, if there is one: which of them counts depends on their order, which no signature
    /// covers.
    pub(crate) fn ambiguous(&self) -> Option<&str> {
        let mut first = HashMap::new();
        self.pairs().find(|(name, value)| first.entry(*name).or_insert(*value) != value).map(|(name, _)| name)
    }

    /// Whether a name is there more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.pairs().filter(|(other, _)| *other == name).count() > 1
    }
}

fn decode(text: &str) -> Result<String, S3Error> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes()).decode_utf8().map(|text| text.into_owned()).map_err(|_| {
        S3Error::new(ErrorCode::InvalidURI, "The query isn't UTF-8 once it is percent-decoded. Encode it as UTF-8.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_once() {
        let query = Query::parse("uploads&prefix=a%2Fb+c%2B%2520&x=1=2&&x=").unwrap();
        let pairs: Vec<_> = query.pairs().collect();
        assert_eq!(pairs, [("uploads", ""), ("prefix", "a/b c+%20"), ("x", "1=2"), ("x", "")]);
        assert!(query.has("uploads") && !query.has("Uploads") && query.repeats("x") && !query.repeats("prefix"));
        assert_eq!(query.ambiguous(), Some("x"));
        assert_eq!(Query::parse("a=1&b=2&a=1&c&c=").unwrap().ambiguous(), None);
        assert_eq!(Query::parse("").unwrap(), Query::default());
        assert_eq!(query.without(|name| name == "x"), Query::parse("uploads&prefix=a/b+c%2B%2520").unwrap());
        assert_eq!(Query::parse("a=%ff").unwrap_err().code(), ErrorCode::InvalidURI);
    }
}
