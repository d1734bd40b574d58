//! Questions on a terminal. Owns reading lines of standard input, and hiding what is typed of a secret.
//! Invariant: the terminal shows again what is typed once an answer's future has ended, or was dropped.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::thread;

use anyhow::{Context, Result};
use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use tokio::sync::oneshot;

/// The most bytes that are read of a line: more than any answer has, so what is longer is refused for its length.
const LINE_BYTES_MAX: u64 = 4096;

/// Reads a line; a terminal is asked for it.
pub(crate) async fn ask(what: &str) -> Result<String> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "{what}")?;
    }
    read_line().await
}

/// Does as [`ask`]; a terminal doesn't show what is typed.
pub(crate) async fn ask_secret(what: &str) -> Result<String> {
    let _hidden = Hidden::on_terminal(io::stdin())?;
    ask(what).await
}

/// Reads in a thread of its own, which no end of the command waits for: so a signal can end the question.
async fn read_line() -> Result<String> {
    let (answer, answered) = oneshot::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().take(LINE_BYTES_MAX).read_line(&mut line);
        // Nobody waits any more if a signal came.
        let _ = answer.send(read.map(|_| line));
    });
    let line = answered.await.expect("because the thread always answers").context("can't read standard input")?;
    Ok(line.trim().to_owned())
}

/// A terminal that doesn't show what is typed, but for the end of the line.
struct Hidden<T: AsFd> {
    terminal: T,
    before: Termios,
}

impl<T: AsFd + IsTerminal> Hidden<T> {
    /// Hides what is typed, if it is a terminal.
    fn on_terminal(terminal: T) -> Result<Option<Self>> {
        if !terminal.is_terminal() {
            return Ok(None);
        }
        let before = termios::tcgetattr(&terminal).context("can't read the terminal's settings")?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        termios::tcsetattr(&terminal, OptionalActions::Flush, &hidden).context("can't hide what is typed")?;
        Ok(Some(Self { terminal, before }))
    }
}

impl<T: AsFd> Drop for Hidden<T> {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = termios::tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::pty::{self, OpenptFlags};

    use super::*;

    #[test]
    fn a_terminal_hides_what_is_typed_until_the_answer_has_come() {
        let controller = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&controller).unwrap();
        pty::unlockpt(&controller).unwrap();
        let name = pty::ptsname(&controller, Vec::new()).unwrap();
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let shows = || termios::tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO);
        assert!(shows());
        let hidden = Hidden::on_terminal(terminal.try_clone().unwrap()).unwrap();
        assert!(hidden.is_some() && !shows());
        drop(hidden);
        assert!(shows());
    }

    #[test]
    fn what_is_no_terminal_stays_as_it_is() {
        assert!(Hidden::on_terminal(tempfile::tempfile().unwrap()).unwrap().is_none());
    }
}
