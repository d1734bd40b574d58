//! Policy documents in lakeFS's form. Owns reading, checking and writing them, and their bounds; leaves judging to
//! `permissions`. Invariant: a document that passed [`PolicyDocument::parse`] can be judged.

use model::{POLICY_BYTES_MAX, Wildcard};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Effect;
use crate::condition::{self, Conditions};
use crate::{Action, Resource};

/// How many statements a policy may have.
pub const STATEMENTS_MAX: usize = 100;
const ACTIONS_MAX: usize = 100;
const RESOURCES_MAX: usize = 100;
const RESOURCE_BYTES_MAX: usize = 2048;

/// A policy: statements, of which prohibitions win over allowances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// What it says.
    pub statement: Vec<Statement>,
}

/// One statement: it counts for an action on a resource if one of its actions, one of its resources and all of its
/// conditions fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// What it does.
    pub effect: Effect,
    /// Names of actions, with wildcards: `fs:ReadObject`, `fs:*`.
    pub action: Vec<String>,
    /// An ARN with wildcards, as `arn:lakefs:fs:::repository/trips/object/in/*`; or a JSON list of such, as text.
    pub resource: String,
    /// When it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Conditions>,
}

/// A document that can't be taken; says what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid policy: {0}")]
pub struct InvalidPolicy(pub(crate) String);

impl PolicyDocument {
    /// Reads a document and checks it.
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(InvalidPolicy(format!("it has {} bytes; the most is {POLICY_BYTES_MAX}", text.len())));
        }
        let document: Self = serde_json::from_str(text).map_err(|error| InvalidPolicy(error.to_string()))?;
        document.check()?;
        Ok(document)
    }

    /// Reads a document that somebody gives now. What it says must be what they can mean: one that was taken before, when
    /// less was refused, goes on to be judged as it was.
    pub fn parse_new(text: &str) -> Result<Self, InvalidPolicy> {
        let document = Self::parse(text)?;
        for (number, statement) in document.statement.iter().enumerate() {
            statement.check_meaning().map_err(|why| InvalidPolicy(format!("statement {}: {why}", number + 1)))?;
        }
        Ok(document)
    }

    /// The document as text, for [`Self::parse`].
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("because maps have texts as keys")
    }

    /// Checks a document that was made or read elsewhere.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        if self.statement.is_empty() || self.statement.len() > STATEMENTS_MAX {
            return Err(InvalidPolicy(format!("it needs 1 to {STATEMENTS_MAX} statements")));
        }
        for (number, statement) in self.statement.iter().enumerate() {
            statement.check().map_err(|why| InvalidPolicy(format!("statement {}: {why}", number + 1)))?;
        }
        match self.to_text().len() {
            bytes if bytes > POLICY_BYTES_MAX => {
                Err(InvalidPolicy(format!("it has {bytes} bytes; the most is {POLICY_BYTES_MAX}")))
            }
            _ => Ok(()),
        }
    }

    /// The policy that allows all that one may do with the objects of a ref under a prefix, or only to read them: for
    /// sessions that are to do no more. To read the branch isn't part of it: its log tells of all paths.
    ///
    /// # Errors
    /// When ref or prefix hold what would be a wildcard.
    pub fn of_prefix(
        repository: &model::RepositoryName,
        reference: Option<&str>,
        prefix: &str,
        read_only: bool,
    ) -> Result<Self, InvalidPolicy> {
        if [reference.unwrap_or_default(), prefix].iter().any(|text| text.contains(['*', '?']) || text.contains("${")) {
            return Err(InvalidPolicy("neither ref nor prefix can hold '*', '?' or '${': write the policy out".into()));
        }
        let like = |pairs: &[(&str, String)]| -> Option<Conditions> {
            let keys = pairs.iter().map(|(key, value)| ((*key).to_owned(), vec![value.clone()]));
            Some(Conditions::from([("StringLike".to_owned(), keys.collect())])).filter(|_| !pairs.is_empty())
        };
        let allow = |actions: &[Action], resource: String, condition| Statement {
            effect: Effect::Allow,
            action: actions.iter().map(ToString::to_string).collect(),
            resource,
            condition,
        };
        let of_ref: Vec<_> = reference.map(|reference| ("Ref", reference.to_owned())).into_iter().collect();
        let listed = [of_ref.clone(), vec![("Prefix", format!("{prefix}*"))]].concat();
        let on_objects: &[Action] = match read_only {
            true => &[Action::ReadObject],
            false => &[Action::ReadObject, Action::WriteObject, Action::DeleteObject],
        };
        let whole = Resource::Repository(repository.clone()).to_string();
        Ok(Self {
            statement: vec![
                allow(on_objects, format!("{whole}/object/{prefix}*"), like(&of_ref)),
                allow(&[Action::ListObjects], whole.clone(), like(&listed)),
                allow(&[Action::ReadRepository], whole, None),
            ],
        })
    }
}

impl Statement {
    fn check(&self) -> Result<(), String> {
        if self.action.is_empty() || self.action.len() > ACTIONS_MAX {
            return Err(format!("it needs 1 to {ACTIONS_MAX} actions"));
        }
        for action in &self.action {
            let named = Wildcard::new(action);
            if !Action::ALL.iter().any(|known| named.matches(known.as_str())) {
                let action: String = action.chars().take(100).collect();
                return Err(format!("{action:?} is no action: use a name like fs:ReadObject, or fs:* for all of fs"));
            }
        }
        for resource in self.resources()? {
            check_resource(&resource)?;
        }
        match &self.condition {
            Some(conditions) => condition::read(conditions, "").map(drop),
            None => Ok(()),
        }
    }

    /// Refuses conditions on what the actions don't have: `StringLike` never holds for them, so that a prohibition would
    /// look as if it counted, and never would.
    fn check_meaning(&self) -> Result<(), String> {
        self.check_ref()?;
        self.check_prefix()
    }

    /// Refuses a condition on `Ref` where no action reaches a ref. Beside one that does, others may be named (`fs:*`).
    fn check_ref(&self) -> Result<(), String> {
        if !self.has_condition_on("Ref") || self.named_actions().any(Action::reaches_refs) {
            return Ok(());
        }
        let actions: Vec<String> = self.action.iter().map(|action| action.chars().take(100).collect()).collect();
        Err(format!(
            "a condition on Ref is about branches, tags and what lies at them, and {} reaches none: leave the condition out, \
             or name actions such as fs:ReadObject",
            actions.join(", ")
        ))
    }

    /// Refuses a condition on `Prefix` of other actions than listings, which have no prefix.
    fn check_prefix(&self) -> Result<(), String> {
        if !self.has_condition_on("Prefix") {
            return Ok(());
        }
        match self.named_actions().find(|action| *action != Action::ListObjects) {
            Some(other) => Err(format!(
                "a condition on Prefix is about listings, and {other} has no prefix: name fs:ListObjects alone, and say of \
                 objects by the resource which are meant, as arn:lakefs:fs:::repository/NAME/object/FOLDER/*, in another \
                 statement"
            )),
            None => Ok(()),
        }
    }

    fn has_condition_on(&self, name: &str) -> bool {
        self.condition.iter().flat_map(Conditions::values).flat_map(|keys| keys.keys()).any(|key| key == name)
    }

    /// All actions that it is about.
    fn named_actions(&self) -> impl Iterator<Item = Action> {
        let named: Vec<_> = self.action.iter().map(|action| Wildcard::new(action)).collect();
        Action::ALL.iter().copied().filter(move |action| named.iter().any(|pattern| pattern.matches(action.as_str())))
    }

    /// The ARNs: one, or those of a JSON list.
    pub(crate) fn resources(&self) -> Result<Vec<String>, String> {
        if !self.resource.trim_start().starts_with('[') {
            return Ok(vec![self.resource.clone()]);
        }
        let list: Vec<String> =
            serde_json::from_str(&self.resource).map_err(|error| format!("its list of resources: {error}"))?;
        match list.len() {
            1..=RESOURCES_MAX => Ok(list),
            _ => Err(format!("it needs 1 to {RESOURCES_MAX} resources")),
        }
    }
}

fn check_resource(resource: &str) -> Result<(), String> {
    if resource.len() > RESOURCE_BYTES_MAX {
        return Err(format!("a resource has at most {RESOURCE_BYTES_MAX} bytes"));
    }
    let mut parts = resource.splitn(6, ':');
    let is_arn = parts.next() == Some("arn") && parts.next() == Some("lakefs") && parts.count() == 4;
    if resource == "*" || is_arn {
        return Ok(());
    }
    let resource: String = resource.chars().take(100).collect();
    Err(format!(
        "{resource:?} is no resource: use * or an ARN like arn:lakefs:fs:::repository/NAME/object/KEY, with wildcards"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(statement: &str) -> Result<PolicyDocument, InvalidPolicy> {
        PolicyDocument::parse(&format!("{{\"statement\": [{statement}]}}"))
    }

    #[test]
    fn lakefs_s_documents_are_read_and_written_back() {
        let text = r#"{"effect": "allow", "action": ["fs:Read*", "auth:CreateUser"],
            "resource": "arn:lakefs:fs:::repository/trips/*",
            "condition": {"IpAddress": {"SourceIp": ["10.0.0.0/8", "::1"]}}}"#;
        let read = document(text).unwrap();
        assert_eq!(read.statement[0].effect, Effect::Allow);
        assert_eq!(PolicyDocument::parse(&read.to_text()), Ok(read));
        let list = r#"{"effect": "deny", "action": ["*"], "resource": "[\"*\", \"arn:lakefs:auth:::user/${user}\"]"}"#;
        assert_eq!(document(list).unwrap().statement[0].resources().unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |statement: &str| document(statement).unwrap_err().to_string();
        assert!(why("").contains("statements"));
        let of = |effect: &str, action: &str, resource: &str| {
            why(&format!(r#"{{"effect": "{effect}", "action": [{action}], "resource": "{resource}"}}"#))
        };
        assert!(of("maybe", r#""fs:*""#, "*").contains("maybe"));
        assert!(of("allow", "", "*").contains("actions"));
        assert!(of("allow", r#""fs:ReadObjcet""#, "*").contains("fs:ReadObjcet"));
        assert!(of("allow", r#""fs:*""#, "repository/x").contains("repository/x"));
        assert!(of("allow", r#""fs:*""#, "arn:aws:s3:::x").contains("arn:aws"));
        assert!(of("allow", r#""fs:*""#, "[1]").contains("list"));
        assert!(
            why(r#"{"effect": "allow", "action": ["fs:*"], "resource": "*", "principal": "x"}"#).contains("principal")
        );
        let many = vec![r#"{"effect": "allow", "action": ["fs:*"], "resource": "*"}"#; 101].join(",");
        assert!(why(&many).contains("100"));
        assert!(PolicyDocument::parse(&" ".repeat(POLICY_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn a_condition_on_a_prefix_is_about_listings_alone() {
        let statement = |actions: &str, operator: &str| {
            let text = format!(
                r#"{{"statement": [{{"effect": "deny", "action": [{actions}], "resource": "*",
                    "condition": {{"{operator}": {{"Prefix": ["hid/*"]}}}}}}]}}"#
            );
            assert!(PolicyDocument::parse(&text).is_ok(), "what is kept already is read: {text}");
            PolicyDocument::parse_new(&text).map_err(|why| why.to_string())
        };
        assert!(statement(r#""fs:ListObjects""#, "StringLike").is_ok());
        for (actions, named) in [
            (r#""fs:ReadObject", "fs:ListObjects""#, "fs:ReadObject"),
            (r#""fs:*""#, "fs:ListRepositories"),
            (r#""fs:List*""#, "fs:ListRepositories"),
            (r#""fs:WriteObject""#, "fs:WriteObject"),
        ] {
            for operator in ["StringLike", "StringNotLike"] {
                let why = statement(actions, operator).unwrap_err();
                assert!(why.contains(&format!("{named} has no prefix")) && why.contains("/object/FOLDER/*"), "{why}");
            }
        }
    }

    #[test]
    fn a_condition_on_a_ref_is_about_what_reaches_one() {
        for operator in ["StringLike", "StringNotLike"] {
            let statement = |actions: &str| {
                let text = format!(
                    r#"{{"statement": [{{"effect": "deny", "action": [{actions}], "resource": "*",
                        "condition": {{"{operator}": {{"Ref": ["main"]}}}}}}]}}"#
                );
                assert!(PolicyDocument::parse(&text).is_ok(), "what is kept already is read: {text}");
                PolicyDocument::parse_new(&text).map_err(|why| why.to_string())
            };
            for reaching in
                [r#""fs:*""#, r#""*""#, r#""fs:ReadObject""#, r#""auth:*", "fs:DeleteBranch""#, r#""fs:List*""#]
            {
                assert!(statement(reaching).is_ok(), "{reaching}");
            }
            for (actions, named) in [
                (r#""auth:*""#, "auth:*"),
                (r#""auth:CreateUser", "auth:ListUsers""#, "auth:CreateUser, auth:ListUsers"),
                (r#""fs:ReadRepository""#, "fs:ReadRepository"),
                (r#""branches:*", "pr:*""#, "branches:*, pr:*"),
            ] {
                let why = statement(actions).unwrap_err();
                assert!(why.contains(&format!("and {named} reaches none")) && why.contains("statement 1"), "{why}");
            }
        }
    }

    #[test]
    fn a_prefix_is_taken_as_it_is_or_refused() {
        let trips = "trips".parse().unwrap();
        assert!(PolicyDocument::of_prefix(&trips, Some("main"), "in/", true).unwrap().check().is_ok());
        assert!(PolicyDocument::of_prefix(&trips, None, "", false).unwrap().check().is_ok());
        for bad in ["a*", "a?", "${user}"] {
            assert!(PolicyDocument::of_prefix(&trips, None, bad, true).is_err(), "{bad}");
        }
    }
}
