//! The one decision: may this caller do this action on this resource? Owns the answer; every operation of every
//! protocol asks here, one question for each resource that it touches. Invariant: what isn't allowed is denied.

use thiserror::Error;

use crate::condition::Facts;
use crate::permissions::{Question, Verdict};
use crate::{Action, Caller, Resource};

/// The answer no. Says what was asked, so that an administrator can grant it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{who} may not {action} on {resource}: {advice}")]
pub struct Denied {
    who: String,
    advice: &'static str,
    action: Action,
    resource: String,
}

impl Denied {
    pub(crate) fn new(caller: &Caller, action: Action, resource: &Resource) -> Self {
        Who::user(caller).denied(action, resource)
    }
}

/// Who may not, and what to do about it.
struct Who {
    who: String,
    advice: &'static str,
}

impl Who {
    fn user(caller: &Caller) -> Self {
        Self { who: format!("user {}", caller.user.name), advice: "ask an administrator to allow it" }
    }

    /// The user may, or an administrator would be asked in vain: the session gets no more rights than it began with.
    fn session(caller: &Caller, what: &str) -> Self {
        let who = format!("{what} of user {}", caller.user.name);
        Self { who, advice: "it can do no more than it was begun for; use the keys that began it, or others" }
    }

    fn denied(self, action: Action, resource: &Resource) -> Denied {
        Denied { who: self.who, advice: self.advice, action, resource: resource.to_string() }
    }
}

/// Decides whether a caller may do an action on a resource: some statement of their policies must allow it and none
/// deny it, and the same must be true of what their session was narrowed to.
pub fn authorize(caller: &Caller, action: Action, resource: &Resource) -> Result<(), Denied> {
    let judged = judge(caller, action, resource);
    if let Some(trail) = &caller.trail {
        trail.decided(caller, action, resource, judged.is_ok());
    }
    judged.map_err(|who| who.denied(action, resource))
}

/// Whether a caller may, for listings that show only what one may see.
pub fn is_allowed(caller: &Caller, action: Action, resource: &Resource) -> bool {
    judge(caller, action, resource).is_ok()
}

/// Whether a statement denies it. What is merely not allowed isn't forbidden.
pub(crate) fn is_forbidden(caller: &Caller, action: Action, resource: &Resource) -> bool {
    let question = question(caller, action, resource);
    caller.all_permissions().any(|permissions| permissions.judge(&question) == Verdict::Forbidden)
}

fn question<'a>(caller: &Caller, action: Action, resource: &'a Resource) -> Question<'a> {
    Question::new(Facts { address: caller.address, at: caller.at, action, resource })
}

/// The error is who may not.
fn judge(caller: &Caller, action: Action, resource: &Resource) -> Result<(), Who> {
    let question = question(caller, action, resource);
    if caller.permissions.judge(&question) != Verdict::Allowed {
        return Err(Who::user(caller));
    }
    match &caller.narrowed {
        // Or it could make itself a key that isn't narrowed.
        Some(_) if action.changes_access() => Err(Who::session(caller, "this narrowed session")),
        Some(narrowed) if narrowed.judge(&question) != Verdict::Allowed => Err(Who::session(caller, "this session")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Timestamp, User, UserId};

    use super::*;
    use crate::{Narrowed, Permissions, PolicyDocument};

    fn document(statements: &str) -> String {
        format!("{{\"statement\": [{statements}]}}")
    }

    fn permissions(statements: &str) -> Arc<Permissions> {
        let document = PolicyDocument::parse(&document(statements)).unwrap();
        Arc::new(Permissions::of_document(&"ann".parse().unwrap(), &document).unwrap())
    }

    fn narrowed(statements: &str) -> Arc<Narrowed> {
        Arc::new(Narrowed::parse(&"ann".parse().unwrap(), &document(statements)).unwrap())
    }

    fn caller(statements: &str, narrowed_to: Option<&str>) -> Caller {
        let user = User {
            id: UserId(1),
            name: "ann".parse().unwrap(),
            created_at: Timestamp::default(),
            sessions_since: None,
        };
        Caller {
            user,
            access_key_id: "AKLB".into(),
            session: None,
            groups: vec![],
            address: None,
            at: Timestamp::default(),
            permissions: permissions(statements),
            narrowed: narrowed_to.map(narrowed),
            trail: None,
        }
    }

    const ALL: &str = r#"{"effect": "allow", "action": ["*"], "resource": "*"}"#;
    const READ: &str = r#"{"effect": "allow", "action": ["fs:Read*"], "resource": "*"}"#;

    #[test]
    fn who_is_allowed_all_may_do_all_and_who_is_allowed_nothing_nothing() {
        let nobody = Caller { permissions: Arc::default(), ..caller(ALL, None) };
        for action in Action::ALL {
            assert_eq!(authorize(&caller(ALL, None), *action, &Resource::All), Ok(()));
            let denied = authorize(&nobody, *action, &Resource::All).unwrap_err();
            assert!(denied.to_string().contains(action.as_str()), "{denied}");
        }
    }

    #[derive(Default)]
    struct Lines(std::sync::Mutex<Vec<String>>);

    impl crate::AuditLog for Lines {
        fn record(&self, line: &crate::AuditLine<'_>) {
            self.0.lock().unwrap().push(serde_json::to_string(line).unwrap());
        }
    }

    #[test]
    fn decisions_and_changes_leave_a_trail() {
        let lines = Arc::new(Lines::default());
        let trail = || Some(crate::Trail::new(Arc::clone(&lines) as Arc<dyn crate::AuditLog>, "s3", "R1"));
        let reader = Caller { trail: trail(), ..caller(READ, None) };
        authorize(&reader, Action::ReadObject, &Resource::All).unwrap();
        authorize(&reader, Action::WriteObject, &Resource::All).unwrap_err();
        reader.trail.as_ref().unwrap().ended(&reader, "PutObject", "AccessDenied");
        let writer = Caller { trail: trail(), ..caller(ALL, None) };
        authorize(&writer, Action::WriteObject, &Resource::All).unwrap();
        is_allowed(&writer, Action::ReadRepository, &Resource::All);
        writer.trail.as_ref().unwrap().ended(&writer, "PutObject", "200");
        let deleter = Caller { trail: trail(), ..caller(ALL, None) };
        let (trips, main): (_, model::BranchName) = ("trips".parse().unwrap(), "main".parse().unwrap());
        for path in ["a", "b", "c"] {
            let object = Resource::object_of(&trips, &main, &path.parse().unwrap());
            authorize(&deleter, Action::DeleteObject, &object).unwrap();
        }
        deleter.trail.as_ref().unwrap().ended(&deleter, "DeleteObjects", "200");
        let lines = lines.0.lock().unwrap();
        let of = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", line["event"].as_str().unwrap(), line["action"].as_str().unwrap(), line["outcome"])
        };
        let told: Vec<_> = lines.iter().map(|line| of(line).replace('"', "")).collect();
        assert_eq!(
            told,
            [
                "decision fs:ReadObject allowed",
                "decision fs:WriteObject denied",
                "decision fs:WriteObject allowed",
                "change PutObject 200",
                "decision fs:DeleteObject allowed",
                "decision fs:DeleteObject allowed",
                "decision fs:DeleteObject allowed",
                "change DeleteObjects 200",
            ]
        );
        let of_batch = r#""resource":"arn:lakefs:fs:::repository/trips/object/a","ref":"main","and_others":2,"#;
        assert!(lines.last().unwrap().contains(of_batch), "{}", lines.last().unwrap());
        assert!(lines[0].contains(r#""user":"ann","user_id":1,"access_key_id":"AKLB""#), "{}", lines[0]);
    }

    #[test]
    fn a_narrowed_session_may_what_both_allow() {
        let may = |caller: &Caller, action| is_allowed(caller, action, &Resource::All);
        let narrowed = caller(ALL, Some(READ));
        assert!(may(&narrowed, Action::ReadObject) && !may(&narrowed, Action::WriteObject));
        let all = caller(ALL, Some(ALL));
        assert!(may(&all, Action::DeleteRepository) && may(&all, Action::ReadUser));
        assert!(!may(&all, Action::CreateCredentials) && !may(&all, Action::AttachPolicy), "no way out");
        let widened = caller(READ, Some(ALL));
        assert!(may(&widened, Action::ReadObject) && !may(&widened, Action::WriteObject), "nothing is won");
        let denied = authorize(&narrowed, Action::WriteObject, &Resource::All).unwrap_err();
        assert!(denied.to_string().contains("session"), "{denied}");
    }
}
