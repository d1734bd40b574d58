//! The policy of an upload by an HTML form: what a signer lets others upload, and until when. Pure; leaves the form and the
//! signature over the policy to `post_form`. Invariant: a form passes only if each of its fields is one that the policy
//! speaks of, and all that the policy says holds.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::error::{ErrorCode, S3Error};

/// What a signer allows.
#[derive(Debug, PartialEq)]
pub(crate) struct Policy {
    expiration: DateTime<Utc>,
    conditions: Vec<Condition>,
}

/// What must hold of a form. Names are in lower case.
#[derive(Debug, PartialEq)]
enum Condition {
    /// A field has this value.
    Equals { name: String, value: String },
    /// A field's value begins so.
    StartsWith { name: String, prefix: String },
    /// The file has so many bytes.
    Length(RangeInclusive<u64>),
}

/// The fields that no policy needs to speak of: those that sign, and what is signed.
fn is_exempt(name: &str) -> bool {
    matches!(name, "file" | "policy" | "x-amz-signature" | "awsaccesskeyid" | "signature")
        || name.starts_with("x-ignore-")
}

impl Policy {
    /// Reads the JSON of a policy.
    ///
    /// # Errors
    /// InvalidPolicyDocument, for whatever isn't known too.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, S3Error> {
        let document: Map<String, Value> = serde_json::from_slice(json).map_err(|_| invalid("Invalid JSON."))?;
        if let Some(name) = document.keys().find(|name| !matches!(name.as_str(), "expiration" | "conditions")) {
            return Err(invalid(format!("Unexpected: '{name}'.")));
        }
        let expiration = document.get("expiration").ok_or_else(|| invalid("Policy missing expiration."))?;
        let expiration = expiration.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let expiration = expiration
            .ok_or_else(|| invalid("Invalid 'expiration' value: write the time as in 2026-12-01T12:00:00.000Z."))?;
        let conditions = document.get("conditions").ok_or_else(|| invalid("Policy missing conditions."))?;
        let conditions = conditions.as_array().ok_or_else(|| invalid("Invalid 'conditions' value: must be a List."))?;
        let conditions = conditions.iter().map(Condition::parse).collect::<Result<_, _>>()?;
        Ok(Self { expiration: expiration.to_utc(), conditions })
    }

    /// Judges the fields of a form, `bucket` among them. Names are in lower case.
    ///
    /// # Errors
    /// AccessDenied when the policy has expired, a condition doesn't hold, or a field is there that it doesn't speak of.
    pub(crate) fn judge(&self, fields: &BTreeMap<String, String>, now: DateTime<Utc>) -> Result<(), S3Error> {
        if self.expiration < now {
            return Err(denied("Policy expired."));
        }
        if let Some(failed) = self.conditions.iter().find(|condition| !condition.holds(fields)) {
            return Err(denied(format!("Policy Condition failed: {}", failed.shown())));
        }
        let covered: Vec<_> = self.conditions.iter().filter_map(Condition::name).collect();
        let extra = fields.keys().map(String::as_str).filter(|name| !is_exempt(name) && !covered.contains(name));
        match extra.collect::<Vec<_>>() {
            extra if extra.is_empty() => Ok(()),
            extra => Err(denied(format!("Extra input fields: {}", extra.join(",")))),
        }
    }

    /// How many bytes the file may have, within what an upload may have at all.
    pub(crate) fn length(&self, bytes_max: u64) -> RangeInclusive<u64> {
        let ranges = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Length(range) => Some(range),
            _ => None,
        });
        ranges.fold(0..=bytes_max, |all, range| *all.start().max(range.start())..=*all.end().min(range.end()))
    }
}

impl Condition {
    fn parse(value: &Value) -> Result<Self, S3Error> {
        match value {
            Value::Object(pair) => Self::of_pair(pair),
            Value::Array(list) => Self::of_list(list),
            _ => Err(invalid("Invalid Condition: must be a List or an Object.")),
        }
    }

    /// `{"bucket": "trips"}`.
    fn of_pair(pair: &Map<String, Value>) -> Result<Self, S3Error> {
        let mut pairs = pair.iter();
        match (pairs.next(), pairs.next()) {
            (Some((name, Value::String(value))), None) => {
                Ok(Self::Equals { name: name.to_ascii_lowercase(), value: value.clone() })
            }
            (Some(_), None) => Err(invalid("Invalid Simple-Condition: value must be a string.")),
            _ => {
                let why = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
                Err(invalid(why))
            }
        }
    }

    /// `["starts-with", "$key", "main/"]`.
    fn of_list(list: &[Value]) -> Result<Self, S3Error> {
        let [Value::String(operator), first, second] = list else {
            return Err(invalid("Invalid Condition: a List has an operation and two values."));
        };
        if operator.eq_ignore_ascii_case("content-length-range") {
            let bytes =
                |value| bytes_of(value).ok_or_else(|| invalid("Invalid content-length-range: use two numbers."));
            return Ok(Self::Length(bytes(first)?..=bytes(second)?));
        }
        let (Value::String(name), Value::String(value)) = (first, second) else {
            return Err(invalid("Invalid Condition: names and values must be strings."));
        };
        let name = name.strip_prefix('$').ok_or_else(|| {
            invalid(format!("Invalid Condition: the name of a field begins with a dollar sign, unlike {name:?}."))
        })?;
        let (name, value) = (name.to_ascii_lowercase(), value.clone());
        match operator.to_ascii_lowercase().as_str() {
            "eq" => Ok(Self::Equals { name, value }),
            "starts-with" => Ok(Self::StartsWith { name, prefix: value }),
            _ => Err(invalid(format!("Invalid Condition: unknown operation '{operator}'."))),
        }
    }

    /// The field that it speaks of.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Equals { name, .. } | Self::StartsWith { name, .. } => Some(name),
            Self::Length(_) => None,
        }
    }

    /// Whether it holds of a form's fields. The file's length is judged as it comes.
    fn holds(&self, fields: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Equals { name, value } => fields.get(name) == Some(value),
            Self::StartsWith { name, prefix } => fields.get(name).is_some_and(|value| match name.as_str() {
                // A form can name several types: all must do.
                "content-type" => value.split(',').all(|one| one.trim_start().starts_with(prefix)),
                _ => value.starts_with(prefix),
            }),
            Self::Length(_) => true,
        }
    }

    /// It as a policy has it.
    fn shown(&self) -> String {
        let list = match self {
            Self::Equals { name, value } => ["eq".to_owned(), format!("${name}"), value.clone()],
            Self::StartsWith { name, prefix } => ["starts-with".to_owned(), format!("${name}"), prefix.clone()],
            Self::Length(range) => {
                ["content-length-range".to_owned(), range.start().to_string(), range.end().to_string()]
            }
        };
        Value::from(list.to_vec()).to_string()
    }
}

/// A number of bytes; some clients write it as a string.
fn bytes_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn invalid(why: impl std::fmt::Display) -> S3Error {
    S3Error::new(ErrorCode::InvalidPolicyDocument, format!("Invalid Policy: {why}"))
}

fn denied(why: impl std::fmt::Display) -> S3Error {
    S3Error::new(ErrorCode::AccessDenied, format!("Invalid according to Policy: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(conditions: &str) -> Policy {
        let json = format!(r#"{{"expiration": "2026-12-01T12:00:00.000Z", "conditions": [{conditions}]}}"#);
        Policy::parse(json.as_bytes()).unwrap()
    }

    fn judged(conditions: &str, fields: &[(&str, &str)], now: &str) -> Result<(), String> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let now = now.parse().unwrap();
        policy(conditions).judge(&fields, now).map_err(|error| error.message().to_owned())
    }

    const IN_TIME: &str = "2026-12-01T12:00:00Z";

    #[test]
    fn what_is_said_must_hold() {
        let conditions = r#"{"bucket": "trips"}, ["eq", "$Key", "main/a"], ["starts-with", "$Content-Type", "image/"]"#;
        let judged = |fields: &[(&str, &str)]| judged(conditions, fields, IN_TIME);
        let good = [("bucket", "trips"), ("key", "main/a"), ("content-type", "image/png")];
        assert_eq!(judged(&good), Ok(()));
        assert_eq!(judged(&[good[0], good[1], ("content-type", "image/png, image/gif")]), Ok(()));
        for (fields, failed) in [
            ([("bucket", "flights"), good[1], good[2]], r#"["eq","$bucket","trips"]"#),
            ([good[0], ("key", "main/ab"), good[2]], r#"["eq","$key","main/a"]"#),
            (
                [good[0], good[1], ("content-type", "image/png,text/html")],
                r#"["starts-with","$content-type","image/"]"#,
            ),
            ([good[0], good[1], ("x-other", "image/")], r#"["starts-with","$content-type","image/"]"#),
        ] {
            let said = format!("Invalid according to Policy: Policy Condition failed: {failed}");
            assert_eq!(judged(&fields), Err(said));
        }
    }

    #[test]
    fn any_value_is_still_a_value() {
        let any = r#"["starts-with", "$x-amz-meta-tag", ""]"#;
        assert_eq!(judged(any, &[("x-amz-meta-tag", "")], IN_TIME), Ok(()));
        assert!(judged(any, &[], IN_TIME).is_err(), "the field isn't there");
    }

    #[test]
    fn a_field_that_the_policy_doesnt_speak_of_is_refused() {
        let exempt = [("policy", "x"), ("x-amz-signature", "y"), ("file", ""), ("x-ignore-me", "z")];
        assert_eq!(judged("", &exempt, IN_TIME), Ok(()));
        assert_eq!(judged("", &[("awsaccesskeyid", "x"), ("signature", "y")], IN_TIME), Ok(()));
        for name in [
            "bucket",
            "key",
            "tagging",
            "x-amz-date",
            "x-amz-meta-a",
            "x-amz-algorithm",
            "x-amz-security-token",
            "success_action_status",
            "other",
        ] {
            let said = format!("Invalid according to Policy: Extra input fields: {name}");
            assert_eq!(judged("", &[(name, "x")], IN_TIME), Err(said));
        }
    }

    #[test]
    fn a_policy_ends() {
        assert_eq!(judged("", &[], IN_TIME), Ok(()));
        let said = judged("", &[], "2026-12-01T12:00:00.001Z").unwrap_err();
        assert_eq!(said, "Invalid according to Policy: Policy expired.");
    }

    #[test]
    fn lengths_are_the_narrowest_of_all() {
        assert_eq!(policy("").length(100), 0..=100);
        let two = r#"["content-length-range", 1, 50], ["content-length-range", "10", "1000"]"#;
        assert_eq!(policy(two).length(100), 10..=50);
    }

    #[test]
    fn nonsense_is_refused() {
        let whole =
            |conditions: &str| format!(r#"{{"expiration": "2026-12-01T12:00:00Z", "conditions": {conditions}}}"#);
        for bad in [
            String::new(),
            "[]".into(),
            r#"{"conditions": []}"#.into(),
            r#"{"expiration": "2026-12-01T12:00:00Z"}"#.into(),
            r#"{"expiration": "tomorrow", "conditions": []}"#.into(),
            r#"{"expiration": "2026-12-01T12:00:00Z", "conditions": [], "version": 2}"#.into(),
            whole("{}"),
            whole(r#"["eq"]"#),
            whole(r#"[{"a": "1", "b": "2"}]"#),
            whole(r#"[{"a": 1}]"#),
            whole(r#"[{}]"#),
            whole(r#"[["eq", "key", "a"]]"#),
            whole(r#"[["ends-with", "$key", "a"]]"#),
            whole(r#"[["eq", "$key"]]"#),
            whole(r#"[["eq", "$key", 1]]"#),
            whole(r#"[["content-length-range", -1, 5]]"#),
        ] {
            assert_eq!(Policy::parse(bad.as_bytes()).unwrap_err().code(), ErrorCode::InvalidPolicyDocument, "{bad}");
        }
    }
}
