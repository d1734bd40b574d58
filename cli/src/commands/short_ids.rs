//! Names of branches and tags that a commit's id begins with. A ref goes before a commit whose id is shortened so, as in git,
//! which warns that the name is ambiguous; here the caller who makes the ref is told. Whole ids are no names.

use lakebed_sdk::{CommitId, Lakebed, Reason};

use crate::output::warn;
use crate::uri::RefUri;

/// The shortest text that a server takes for the beginning of a commit's id.
const DIGITS_MIN: usize = 4;

/// What a name means before there is a ref of the name.
pub(super) enum Hidden {
    Nothing,
    Commit(CommitId),
    Commits,
}

/// Asks what a name means before there is a ref of the name. Why that can't be told is left to the call that makes the ref.
pub(super) async fn hidden_commit(lakebed: &Lakebed, name: &RefUri) -> Hidden {
    if !may_be_short_id(&name.reference) {
        return Hidden::Nothing;
    }
    match lakebed.get_commit(&name.repository, &name.reference).await {
        Ok(commit) if commit.id.to_string().starts_with(&name.reference) => Hidden::Commit(commit.id),
        Err(error) if error.reason == Reason::RefAmbiguous => Hidden::Commits,
        // There is such a ref already, or nothing.
        Ok(_) | Err(_) => Hidden::Nothing,
    }
}

/// Says what a name means from now on.
pub(super) fn tell_of_hidden(name: &RefUri, hidden: &Hidden) {
    let short = &name.reference;
    let commits = match hidden {
        Hidden::Nothing => return,
        Hidden::Commit(id) => format!("the id of commit {id} begins"),
        Hidden::Commits => "the ids of several commits begin".to_owned(),
    };
    warn(&format!(
        "WARNING: {commits} with {short} too: {short} means the new ref from now on; give more digits of a commit's id"
    ));
}

fn may_be_short_id(name: &str) -> bool {
    name.len() >= DIGITS_MIN && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_would_take_for_an_id_is_asked_about() {
        for name in ["beef", "20261201", "0123456789ab"] {
            assert!(may_be_short_id(name), "{name}");
        }
        for name in ["bee", "main", "v1.0", "BEEF", "feature-beef"] {
            assert!(!may_be_short_id(name), "{name}");
        }
    }
}
