//! A server under measurement: this program, started again. Owns the process by its handle. Invariant: it ends with this
//! one, by the end of its standard input if nothing else.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::client::{Body, Connection, Request};
use crate::serve::{COMMIT_PATH, COUNTS_PATH, Counts, Ready, Side};
use crate::sign::Signer;

/// How long a server may take to be ready, and to end.
const START_TIME_MAX: Duration = Duration::from_secs(60);
const END_TIME_MAX: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Child {
    process: tokio::process::Child,
    pid: u32,
    host: String,
    /// Signs requests to it.
    pub(crate) signer: Signer,
}

impl Child {
    /// Starts a server that keeps everything in a folder, and waits until it is ready.
    pub(crate) async fn start(side: Side, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", side.name(), "--folder"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("can't start a server")?;
        let pid = process.id().context("the server ended at once")?;
        let output = process.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(START_TIME_MAX, lines.next_line()).await;
        let line = line.context("the server isn't ready in time")??.context("the server ended before it was ready")?;
        let ready: Ready = serde_json::from_str(&line).context("the server didn't say how to reach it")?;
        let signer = Signer::new(&ready.host, &ready.access_key_id, &ready.secret_access_key);
        Ok(Self { process, pid, host: ready.host, signer })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Where it listens: `127.0.0.1:port`.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What it has counted so far.
    pub(crate) async fn counts(&self) -> Result<Counts> {
        Ok(serde_json::from_slice(&self.ask(COUNTS_PATH).await?)?)
    }

    /// Commits what is staged on the default branch. → the commit's id
    pub(crate) async fn commit(&self) -> Result<String> {
        Ok(String::from_utf8(self.ask(COMMIT_PATH).await?)?)
    }

    async fn ask(&self, path: &str) -> Result<Vec<u8>> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        Connection::open(&self.host).await?.fetch(&Request { head: head.into(), body: Body::None }).await
    }

    /// Asks the server to end, and waits for it.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        match tokio::time::timeout(END_TIME_MAX, self.process.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(|status| status.success()) => Ok(()),
            Ok(status) => bail!("the server ended with {status:?}"),
            Err(_) => {
                self.process.kill().await?;
                bail!("the server didn't end within {END_TIME_MAX:?}");
            }
        }
    }
}
