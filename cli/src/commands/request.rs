//! Requests that go on at the server: what commits and merges share. Owns waiting for one, on a terminal with its
//! progress, and asking again when the connection breaks. Invariant: one command is one request id, so that it is
//! carried out once however often it asks.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{Error, Job, Lakebed, Reason, RepositoryName, RequestId, new_request};
use serde_json::json;

use crate::output::{Output, warn};
use crate::progress;

/// How often a request whose connection broke is asked for again, and how long it takes to do so.
const ASKED_MAX: u32 = 10;
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// After so long a request is worth a line on the terminal.
const SHOWN_AFTER: Duration = Duration::from_millis(1500);

#[derive(Args, Debug)]
pub(crate) struct RequestArgs {
    /// Don't wait: print the job's id and leave; see lakebed job
    #[arg(long)]
    detach: bool,
    /// The request's id (32 hex digits); a request that is asked for again under its id isn't carried out twice [default: a
    /// new one]
    #[arg(long, value_name = "ID")]
    request_id: Option<RequestId>,
}

impl RequestArgs {
    /// The request's id: the same whenever this command asks.
    pub(crate) fn id(&self) -> RequestId {
        self.request_id.unwrap_or_else(new_request)
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detach
    }
}

/// Prints the id of a job that goes on by itself: nothing else, so that scripts can take it as it is.
pub(crate) fn began(id: RequestId, repository: &RepositoryName, output: Output) -> Result<()> {
    output.item(&json!({ "job": id.to_string() }), || id.to_string())?;
    warn(&format!("wait for it with: lakebed job wait lakebed://{repository} {id}"));
    Ok(())
}

/// Waits for a request's answer; shows its progress if it takes a while.
pub(crate) async fn answer<T>(
    lakebed: &Lakebed,
    repository: &RepositoryName,
    id: RequestId,
    ask: impl AsyncFn() -> Result<T, Error>,
) -> Result<T> {
    tokio::select! {
        answer = ask_until_answered(ask, id) => Ok(answer?),
        () = show_progress(lakebed, repository, id) => unreachable!("because progress is shown for ever"),
    }
}

async fn ask_until_answered<T>(ask: impl AsyncFn() -> Result<T, Error>, id: RequestId) -> Result<T, Error> {
    let mut asked = 1;
    loop {
        match ask().await {
            Err(error) if asked < ASKED_MAX && is_broken(&error) => {
                if asked == 1 {
                    warn(&format!("{error}; asking again for request {id}"));
                }
                asked += 1;
                tokio::time::sleep(ASK_AGAIN_AFTER).await;
            }
            // The first call has shown that there is a server at all.
            answer => return answer,
        }
    }
}

/// Whether the request may go on although its caller was cut off.
fn is_broken(error: &Error) -> bool {
    error.reason == Reason::OutcomeUnknown
}

async fn show_progress(lakebed: &Lakebed, repository: &RepositoryName, id: RequestId) {
    tokio::time::sleep(SHOWN_AFTER).await;
    let bar = progress::count("waiting");
    loop {
        if let Ok(jobs) = lakebed.wait_job(repository, id).await {
            let _ = jobs
                .try_for_each(async |job| {
                    show(&bar, &job);
                    Ok(())
                })
                .await;
        }
        tokio::time::sleep(SHOWN_AFTER).await;
    }
}

/// Shows how far a job is.
pub(super) fn show(bar: &indicatif::ProgressBar, job: &Job) {
    if !job.state.is_ended() {
        bar.set_message(format!("{} ({} written)", job.stage, indicatif::HumanBytes(job.bytes)));
        bar.set_position(job.objects);
    }
}
