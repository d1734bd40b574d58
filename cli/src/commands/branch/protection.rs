//! `lakebed branch protect` and `unprotect`: which branches change by merges only. Invariant: what others decide meanwhile stays.

use anyhow::Result;
use lakebed_sdk::{BranchName, BranchPattern, Lakebed, Reason, Repository, TagName};

use crate::exit::NotFound;
use crate::output::{Output, warn};
use crate::uri::RefUri;
use crate::view;

/// How often the protection of branches is decided anew while others change it.
const ATTEMPTS_MAX: u32 = 5;

pub(super) async fn protect(lakebed: &Lakebed, output: Output, branches: &RefUri) -> Result<()> {
    let pattern: BranchPattern = branches.reference.parse()?;
    check_is_branch(lakebed, branches).await?;
    let changed = change_protection(lakebed, branches, |patterns| {
        if !patterns.contains(&pattern) {
            patterns.push(pattern.clone());
        }
        Ok(())
    });
    output.item(&view::repository(&changed.await?), || format!("{branches} changes by merges only"))
}

pub(super) async fn unprotect(lakebed: &Lakebed, output: Output, branches: &RefUri) -> Result<()> {
    let pattern: BranchPattern = branches.reference.parse()?;
    let changed = change_protection(lakebed, branches, |patterns| {
        let Some(at) = patterns.iter().position(|there| *there == pattern) else {
            let protected = listed(patterns);
            let why = format!("nothing is protected by the name or pattern {pattern}: {protected}");
            return Err(NotFound(why).into());
        };
        patterns.remove(at);
        Ok(())
    });
    let changed = changed.await?;
    output.item(&view::repository(&changed), || {
        match pattern.to_string().parse().ok().and_then(|branch| still_protected_by(&changed, &branch)) {
            Some(other) => format!("{branches} still changes by merges only, by the pattern {other}"),
            None => format!("{branches} can be written to"),
        }
    })
}

/// Changes the patterns of protected branches. Decided anew when somebody else changed them meanwhile.
async fn change_protection(
    lakebed: &Lakebed,
    branches: &RefUri,
    decide: impl Fn(&mut Vec<BranchPattern>) -> Result<()>,
) -> Result<Repository> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let before = lakebed.get_repository(&branches.repository).await?.protected;
        let mut wanted = before.clone();
        decide(&mut wanted)?;
        match lakebed.protect_branches(&branches.repository, &wanted, Some(&before)).await {
            Err(error) if error.reason == Reason::SettingsChanged && attempts < ATTEMPTS_MAX => {}
            changed => return Ok(changed?),
        }
    }
}

/// Refuses a tag, and says of a name that no branch has that it protects nothing yet; patterns are of branches to come too.
async fn check_is_branch(lakebed: &Lakebed, branches: &RefUri) -> Result<()> {
    let Ok(name) = branches.reference.parse::<BranchName>() else { return Ok(()) };
    match lakebed.get_branch(&branches.repository, &name).await {
        Err(error) if error.reason == Reason::BranchNotFound => {}
        _ => return Ok(()),
    }
    if let Ok(tag) = branches.reference.parse::<TagName>()
        && lakebed.get_tag(&branches.repository, &tag).await.is_ok()
    {
        return Err(
            NotFound(format!("{tag} is a tag, which doesn't move and needs no protection: name a branch")).into()
        );
    }
    warn(&format!("there is no branch {name} yet; one that is made will be protected"));
    Ok(())
}

fn listed(patterns: &[BranchPattern]) -> String {
    match patterns {
        [] => "no branch is protected".to_owned(),
        some => {
            let names: Vec<_> = some.iter().map(ToString::to_string).collect();
            format!("protected are {}", names.join(", "))
        }
    }
}

fn still_protected_by<'a>(repository: &'a Repository, branch: &BranchName) -> Option<&'a BranchPattern> {
    repository.protected.iter().find(|pattern| pattern.matches(branch))
}
