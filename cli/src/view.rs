//! How things are shown: as JSON for programs, as text for people. Owns the names of JSON fields, which scripts rely on.

use lakebed_sdk::{
    Branch, Change, Commit, DiffItem, Job, JobAnswer, JobState, MergeOutcome, Object, ReflogEntry, RefsDump,
    Repository, Restored, Tag, Uncommitted,
};
use serde_json::{Value, json};

use crate::output::{shown, shown_line};

pub(crate) fn repository(repository: &Repository) -> Value {
    json!({
        "name": repository.name,
        "storage_namespace": repository.namespace,
        "default_branch": repository.default_branch,
        "created_at": repository.created_at,
        "read_only": repository.read_only,
        "protected_branches": repository.protected,
    })
}

pub(crate) fn branch(branch: &Branch) -> Value {
    json!({ "name": branch.name, "commit": branch.commit, "created_at": branch.created_at, "hidden": branch.hidden })
}

pub(crate) fn reflog_entry(moved: &ReflogEntry) -> Value {
    json!({
        "branch": moved.branch,
        "number": moved.number,
        "old": moved.old,
        "new": moved.new,
        "who": moved.who,
        "why": moved.why,
        "at": moved.at,
        "expires": moved.expires,
        "uncommitted": moved.uncommitted.as_ref().map(uncommitted),
    })
}

pub(crate) fn uncommitted(uncommitted: &Uncommitted) -> Value {
    match uncommitted {
        Uncommitted::Absent => json!({ "state": "absent" }),
        Uncommitted::Kept(until) => json!({ "state": "kept", "until": until }),
        Uncommitted::Gone => json!({ "state": "gone" }),
    }
}

pub(crate) fn tag(tag: &Tag) -> Value {
    json!({ "name": tag.name, "commit": tag.commit, "created_at": tag.created_at })
}

pub(crate) fn commit(commit: &Commit) -> Value {
    json!({
        "id": commit.id,
        "parents": commit.parents,
        "generation": commit.generation,
        "committer": commit.committer,
        "message": commit.message,
        "created_at": commit.created_at,
        "metadata": commit.metadata,
    })
}

pub(crate) fn job(job: &Job) -> Value {
    let mut value = json!({
        "id": job.id.to_string(),
        "kind": job.kind.as_str(),
        "state": job.state.as_str(),
        "created_at": job.created_at,
        "ended_at": job.ended_at,
        "attempts": job.attempts,
        "stage": job.stage,
        "objects": job.objects,
        "bytes": job.bytes,
    });
    match &job.state {
        JobState::Failed(error) => {
            value["error"] = json!({ "reason": error.reason.as_str(), "message": error.message });
        }
        JobState::Done(JobAnswer::Commit(done)) => {
            value["commit"] = commit(&done.commit);
            value["changes"] = done.changes.into();
        }
        JobState::Done(JobAnswer::Merge(done)) => match &**done {
            MergeOutcome::Merged { commit: merged, .. } => value["merged"] = commit(merged),
            MergeOutcome::UpToDate { head } => value["up_to_date"] = json!(head),
            MergeOutcome::Conflicts(found) => {
                value["conflicts"] = found.items.iter().map(|conflict| conflict.path.to_string()).collect();
                value["unnamed_conflicts"] = found.unnamed.into();
                value["more_conflicts"] = found.next_after.is_some().into();
            }
            MergeOutcome::Preview(_) => {}
        },
        JobState::Done(JobAnswer::Import(done)) => {
            value["commit"] = commit(&done.commit);
            value["skipped"] = done.skipped.into();
        }
        JobState::Done(JobAnswer::DumpRefs(dump)) => value["refs"] = refs_dump(dump),
        JobState::Done(JobAnswer::RestoreRefs(done)) => value["restored"] = restored(done),
        _ => {}
    }
    value
}

/// A dump as lakeFS's clients write it.
pub(crate) fn refs_dump(dump: &RefsDump) -> Value {
    json!({
        "commits_meta_range_id": dump.commits,
        "tags_meta_range_id": dump.tags,
        "branches_meta_range_id": dump.branches,
    })
}

pub(crate) fn restored(done: &Restored) -> Value {
    json!({ "commits": done.commits, "branches": done.branches, "tags": done.tags })
}

pub(crate) fn object(object: &Object) -> Value {
    json!({
        "path": object.path,
        "size": object.size,
        "etag": object.e_tag,
        "content_type": object.content_type,
        "last_modified": object.last_modified,
        "metadata": object.metadata,
        "physical_address": object.physical_address,
    })
}

pub(crate) fn diff_item(item: &DiffItem) -> Value {
    json!({
        "path": item.path,
        "change": change(item.change),
        "left": item.left.as_ref().map(object),
        "right": item.right.as_ref().map(object),
    })
}

/// One line of a difference: a sign and the path.
pub(crate) fn diff_line(item: &DiffItem) -> String {
    let sign = match item.change {
        Change::Added => '+',
        Change::Removed => '-',
        Change::Changed => '~',
        Change::Conflict => '!',
        Change::Prefix => '*',
    };
    format!("{sign} {}", shown(&item.path))
}

fn change(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
        Change::Conflict => "conflict",
        Change::Prefix => "prefix_changed",
    }
}

/// A commit as `log` and `show` print it, like git.
pub(crate) fn commit_lines(commit: &Commit) -> Vec<String> {
    let mut lines = vec![format!("commit {}", commit.id)];
    if commit.parents.len() > 1 {
        let parents: Vec<_> = commit.parents.iter().map(|id| short(&id.to_string()).to_owned()).collect();
        lines.push(format!("Merge:  {}", parents.join(" ")));
    }
    lines.push(format!("Author: {}", shown(&commit.committer)));
    lines.push(format!("Date:   {}", commit.created_at));
    lines.extend(commit.metadata.iter().map(|(name, value)| format!("Meta:   {} = {}", shown(name), shown(value))));
    lines.push(String::new());
    lines.extend(commit.message.lines().map(|line| format!("    {}", shown_line(line)).trim_end().to_owned()));
    lines.push(String::new());
    lines
}

/// The beginning of a commit id that people read.
pub(crate) fn short(id: &str) -> &str {
    &id[..id.len().min(12)]
}
