//! `lakebed job …`: requests that go on at the server.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{Job as Found, JobAnswer, JobState, Lakebed, MergeOutcome, RequestId};

use super::merge;
use super::request::show;
use crate::output::{Output, count, shown_line, warn};
use crate::uri::RepositoryUri;
use crate::{exit, progress, view};

#[derive(Subcommand, Debug)]
pub(crate) enum Job {
    /// List a repository's jobs, newest first: those under way, and for a day those that ended
    List {
        /// lakebed://repository
        repository: RepositoryUri,
    },
    /// Show a job
    Show {
        /// lakebed://repository
        repository: RepositoryUri,
        /// The job's id, as `job list` and --detach print it
        id: RequestId,
    },
    /// Wait until a job has ended; the exit code is that of the command that began the job
    Wait {
        /// lakebed://repository
        repository: RepositoryUri,
        /// The job's id, as `job list` and --detach print it
        id: RequestId,
    },
    /// Ask a job to end; a job that isn't done yet changes nothing
    Cancel {
        /// lakebed://repository
        repository: RepositoryUri,
        /// The job's id, as `job list` and --detach print it
        id: RequestId,
    },
}

impl Job {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<ExitCode> {
        match self {
            Self::List { repository } => {
                let mut jobs = lakebed.jobs(&repository.repository);
                while let Some(job) = jobs.try_next().await? {
                    output.item(&view::job(&job), || line(&job))?;
                }
            }
            Self::Show { repository, id } => {
                let job = lakebed.job(&repository.repository, *id).await?;
                output.item(&view::job(&job), || lines(&job))?;
            }
            Self::Wait { repository, id } => return wait(lakebed, repository, *id, output).await,
            Self::Cancel { repository, id } => {
                let job = lakebed.cancel_job(&repository.repository, *id).await?;
                output.item(&view::job(&job), || match job.state {
                    JobState::Cancelling => format!("Job {id} will end soon"),
                    JobState::Cancelled => format!("Job {id} is cancelled; nothing was changed"),
                    _ => format!("Job {id} had ended: {}", outcome(&job)),
                })?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn wait(lakebed: &Lakebed, repository: &RepositoryUri, id: RequestId, output: Output) -> Result<ExitCode> {
    let bar = progress::count("waiting");
    let mut told = lakebed.wait_job(&repository.repository, id).await?;
    let mut last = None;
    while let Some(job) = told.try_next().await? {
        show(&bar, &job);
        last = Some(job);
    }
    bar.finish_and_clear();
    let Some(job) = last.filter(|job| job.state.is_ended()) else {
        bail!("the server ended the call before the job had ended: wait again");
    };
    output.item(&view::job(&job), || outcome(&job))?;
    match job.state {
        JobState::Failed(error) => Err(error.into()),
        JobState::Cancelled => bail!("job {id} was cancelled"),
        JobState::Done(JobAnswer::Merge(merge)) if matches!(*merge, MergeOutcome::Conflicts(_)) => {
            warn("nothing was changed: see the conflicts with lakebed merge --dry-run");
            Ok(ExitCode::from(exit::CONFLICTS))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn line(job: &Found) -> String {
    format!("{}  {}  {:<6}  {:<10}  {}", job.created_at, job.id, job.kind.as_str(), job.state.as_str(), outcome(job))
}

fn lines(job: &Found) -> String {
    let mut lines = vec![
        format!("job      {}", job.id),
        format!("kind     {}", job.kind.as_str()),
        format!("state    {}", job.state.as_str()),
        format!("began    {}", job.created_at),
    ];
    lines.extend(job.ended_at.map(|ended| format!("ended    {ended}")));
    lines.push(format!("taken up {}", count(job.attempts.into(), "time")));
    lines.push(format!("outcome  {}", outcome(job)));
    lines.join("\n")
}

/// What a job came to, or how far it is, in one line.
fn outcome(job: &Found) -> String {
    match &job.state {
        JobState::Waiting => "nobody carries it out yet".to_owned(),
        JobState::Running | JobState::Cancelling => {
            format!("{}: {}, {} written", job.stage, count(job.objects, "object"), indicatif::HumanBytes(job.bytes))
        }
        JobState::Failed(error) => shown_line(&error.message).into_owned(),
        JobState::Cancelled => "nothing was changed".to_owned(),
        JobState::Done(JobAnswer::Commit(done)) => format!("committed {}", view::short(&done.commit.id.to_string())),
        JobState::Done(JobAnswer::Merge(done)) => match &**done {
            MergeOutcome::Merged { commit, .. } => format!("merged as {}", view::short(&commit.id.to_string())),
            MergeOutcome::UpToDate { .. } => "there was nothing to merge".to_owned(),
            MergeOutcome::Conflicts(page) => {
                let mut found = merge::Found::default();
                found.add(page);
                if page.next_after.is_some() { format!("more than {found}") } else { found.to_string() }
            }
            MergeOutcome::Preview(_) => "previewed".to_owned(),
        },
        JobState::Done(JobAnswer::Import(done)) => {
            let id = done.commit.id.to_string();
            format!("imported {} as {}", count(done.objects, "object"), view::short(&id))
        }
        JobState::Done(JobAnswer::DumpRefs(_)) => "dumped".to_owned(),
        JobState::Done(JobAnswer::RestoreRefs(done)) => {
            format!("restored {} over {}", count(done.branches + done.tags, "ref"), count(done.commits, "commit"))
        }
        JobState::Done(JobAnswer::Unknown) => "done".to_owned(),
    }
}
