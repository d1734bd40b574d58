//! One question about many resources whose names begin alike, such as the paths of an import. Owns what can be said of all
//! of them at once, and their judgement one by one by the few statements that are left. Invariant: each of them gets the
//! answer that [`crate::authorize`] would give.

use std::fmt;

use model::Wildcard;

use crate::condition::Facts;
use crate::effect::Effect;
use crate::{Action, Caller, Denied, Resource};

/// What a caller may do to the resources whose names begin so.
pub struct PrefixRights {
    /// What stands before their names in their ARNs.
    base: String,
    /// The statements that count for some of them: of the caller's policies, and of what their session was narrowed to.
    sets: Vec<Vec<(Effect, Vec<Wildcard>)>>,
    /// The answer for all of them, if it is the same.
    all: Option<bool>,
}

/// Asks whether a caller may do something to at least some of the resources that [`Resource::ObjectsUnder`] or
/// [`Resource::SourcesUnder`] stands for. To which of them, the answer says of each.
///
/// # Panics
/// When the resource is another: those stand for themselves.
pub fn authorize_some_under(caller: &Caller, action: Action, resource: &Resource) -> Result<PrefixRights, Denied> {
    let judged = PrefixRights::new(caller, action, resource);
    decided(caller, action, resource, judged.all != Some(false))?;
    Ok(judged)
}

/// As [`authorize_some_under`], of all of them.
pub fn authorize_all_under(caller: &Caller, action: Action, resource: &Resource) -> Result<(), Denied> {
    decided(caller, action, resource, PrefixRights::new(caller, action, resource).all == Some(true))
}

fn decided(caller: &Caller, action: Action, resource: &Resource, is_allowed: bool) -> Result<(), Denied> {
    if let Some(trail) = &caller.trail {
        trail.decided(caller, action, resource, is_allowed);
    }
    if is_allowed { Ok(()) } else { Err(Denied::new(caller, action, resource)) }
}

impl PrefixRights {
    /// Looks at what a caller may do, without asking for anything.
    ///
    /// # Panics
    /// As for [`authorize_some_under`].
    pub fn new(caller: &Caller, action: Action, resource: &Resource) -> Self {
        let arn = resource.to_string();
        let (base, prefix) = match resource {
            Resource::ObjectsUnder(_, _, prefix) | Resource::SourcesUnder(prefix) => {
                let end = arn.len() - prefix.len() - "*".len();
                (arn[..end].to_owned(), prefix)
            }
            _ => panic!("{resource} stands for itself"),
        };
        let facts = Facts { address: caller.address, at: caller.at, action, resource };
        let sets = caller.all_permissions().map(|permissions| permissions.counting_for_some(facts));
        let sets: Vec<_> = sets.collect();
        let answers: Vec<_> = sets.iter().map(|set| of_all(set, &format!("{base}{prefix}"))).collect();
        let all = if answers.contains(&Some(false)) {
            Some(false)
        } else if answers.contains(&None) {
            None
        } else {
            Some(true)
        };
        Self { base, sets, all }
    }

    /// Whether the caller may, of one of them: of an object by its whole path, of a source by its whole URL.
    pub fn allows(&self, name: &str) -> bool {
        self.all.unwrap_or_else(|| {
            let arn = format!("{}{name}", self.base);
            self.sets.iter().all(|set| !has(set, Effect::Deny, &arn) && has(set, Effect::Allow, &arn))
        })
    }

    /// Whether a statement denies it, of one of them.
    pub fn forbids(&self, name: &str) -> bool {
        self.all != Some(true) && {
            let arn = format!("{}{name}", self.base);
            self.sets.iter().any(|set| has(set, Effect::Deny, &arn))
        }
    }
}

/// The answer for all names that begin so, if it is sure to be the same.
fn of_all(set: &[(Effect, Vec<Wildcard>)], prefix: &str) -> Option<bool> {
    let any = |effect, matches: &dyn Fn(&Wildcard) -> bool| {
        set.iter().filter(|(of, _)| *of == effect).any(|(_, patterns)| patterns.iter().any(matches))
    };
    let some = |pattern: &Wildcard| pattern.matches_some_under(prefix);
    let all = |pattern: &Wildcard| pattern.matches_all_under(prefix);
    if any(Effect::Deny, &all) || !any(Effect::Allow, &some) {
        Some(false)
    } else if any(Effect::Allow, &all) && !any(Effect::Deny, &some) {
        Some(true)
    } else {
        None
    }
}

fn has(set: &[(Effect, Vec<Wildcard>)], effect: Effect, arn: &str) -> bool {
    set.iter().any(|(of, patterns)| *of == effect && patterns.iter().any(|pattern| pattern.matches(arn)))
}

impl fmt::Debug for PrefixRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrefixRights({}…, {:?})", self.base, self.all)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{BranchName, ObjectPath, RepositoryName, Timestamp, User, UserId, UserName};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::resource::Through;
    use crate::{Narrowed, Permissions, PolicyDocument, is_allowed};

    const OBJECTS: [&str; 6] = ["*", "in/*", "in/a", "in/a*", "*/a", "in/?/b"];
    const PATHS: [&str; 6] = ["in/a", "in/b", "in/ab", "in/a/b", "out/a", "a"];

    fn statement() -> impl Strategy<Value = String> {
        let condition = select(vec![
            "",
            r#", "condition": {"StringLike": {"Ref": ["main"]}}"#,
            r#", "condition": {"StringNotLike": {"Ref": ["main"]}}"#,
            r#", "condition": {"StringLike": {"Ref": ["dev"]}}"#,
        ]);
        let effect = select(vec!["allow", "allow", "deny"]);
        (effect, select(&OBJECTS[..]), condition).prop_map(|(effect, object, condition)| {
            let resource = format!("arn:lakefs:fs:::repository/trips/object/{object}");
            format!(r#"{{"effect": "{effect}", "action": ["fs:*"], "resource": "{resource}"{condition}}}"#)
        })
    }

    fn document(statements: &[String]) -> String {
        format!("{{\"statement\": [{}]}}", statements.join(","))
    }

    fn caller(statements: &[String], narrowed: Option<&[String]>) -> Caller {
        let (id, name): (_, UserName) = (UserId(1), "ann".parse().unwrap());
        let policy = PolicyDocument::parse(&document(statements)).unwrap();
        let permissions = Arc::new(Permissions::of_document(&name, &policy).unwrap());
        Caller {
            user: User { id, name: name.clone(), created_at: Timestamp::default(), sessions_since: None },
            access_key_id: "AKLB".into(),
            session: None,
            groups: vec![],
            address: None,
            at: Timestamp::default(),
            permissions,
            narrowed: narrowed.map(|statements| Arc::new(Narrowed::parse(&name, &document(statements)).unwrap())),
            trail: None,
        }
    }

    fn under(prefix: &str) -> Resource {
        let main: BranchName = "main".parse().unwrap();
        Resource::ObjectsUnder("trips".parse().unwrap(), Some(Through::from(&main)), prefix.to_owned())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn each_gets_the_answer_that_it_gets_alone(
            statements in prop::collection::vec(statement(), 1..5),
            narrowed in prop::option::of(prop::collection::vec(statement(), 1..3)),
            prefix in select(vec!["", "in/", "in/a"]),
        ) {
            let caller = caller(&statements, narrowed.as_deref());
            let judged = PrefixRights::new(&caller, Action::WriteObject, &under(prefix));
            let (trips, main): (RepositoryName, BranchName) = ("trips".parse().unwrap(), "main".parse().unwrap());
            for path in PATHS.into_iter().filter(|path| path.starts_with(prefix)) {
                let object = Resource::object_of(&trips, &main, &path.parse::<ObjectPath>().unwrap());
                let alone = is_allowed(&caller, Action::WriteObject, &object);
                prop_assert_eq!(judged.allows(path), alone, "{} {:?}", path, judged);
                prop_assert!(!alone || !judged.forbids(path));
            }
        }
    }

    fn objects(effect: &str, object: &str) -> String {
        let resource = format!("arn:lakefs:fs:::repository/trips/object/{object}");
        format!(r#"{{"effect": "{effect}", "action": ["fs:*"], "resource": "{resource}"}}"#)
    }

    #[test]
    fn all_are_decided_at_once_where_the_policies_do() {
        let all = |statements: &[String], prefix: &str| {
            PrefixRights::new(&caller(statements, None), Action::WriteObject, &under(prefix)).all
        };
        let (everything, secret) = (objects("allow", "*"), objects("deny", "in/secret/*"));
        assert_eq!(all(std::slice::from_ref(&everything), "in/"), Some(true));
        assert_eq!(all(&[everything.clone(), secret.clone()], "out/"), Some(true));
        assert_eq!(all(&[everything.clone(), secret.clone()], "in/"), None);
        assert_eq!(all(&[everything, secret.clone()], "in/secret/x/"), Some(false));
        assert_eq!(all(&[objects("allow", "in/a"), secret], "out/"), Some(false));
    }

    #[test]
    fn what_any_ref_may_have_needs_a_right_on_all_refs() {
        let of_main = objects("allow", "*").replace('}', r#", "condition": {"StringLike": {"Ref": ["main"]}}}"#);
        let but_main = objects("deny", "x").replace('}', r#", "condition": {"StringLike": {"Ref": ["main"]}}}"#);
        let whole = Resource::ObjectsUnder("trips".parse().unwrap(), None, String::new());
        let may =
            |statements: &[String]| authorize_all_under(&caller(statements, None), Action::ReadObject, &whole).is_ok();
        assert!(may(&[objects("allow", "*")]));
        assert!(!may(&[of_main]) && !may(&[objects("allow", "*"), but_main]));
    }
}
