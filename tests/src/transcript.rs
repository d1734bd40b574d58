//! Transcripts: files of commands and what they print, run against a real server and compared. Owns their form.
//!
//! A line `$ …` is run by bash; the lines up to the next one are what it printed, standard error included, and `[3]`
//! last if its exit code was 3. Lines that begin with `#` say why. Ids of commits are told apart and numbered, times
//! and addresses of objects are blotted out. `UPDATE_GOLDEN=1` writes what was printed into the file.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{TestServer, lakebed_binary};

/// Runs a transcript.
///
/// # Panics
/// When a command prints something else than the transcript says; shows both.
pub fn transcript(server: &TestServer, path: &Path) {
    let expected = std::fs::read_to_string(path).expect("the transcript is there");
    let mut ids = Ids::default();
    let mut printed = String::new();
    for line in expected.lines().filter(|line| is_kept(line)) {
        writeln!(printed, "{line}").expect("writing to a String");
        if let Some(command) = line.strip_prefix("$ ") {
            printed.push_str(&ids.blot(&run(server, command)));
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &printed).expect("a writable transcript");
    }
    let first = expected.lines().zip(printed.lines()).find(|(expected, printed)| expected != printed);
    assert!(
        expected == printed || std::env::var_os("UPDATE_GOLDEN").is_some(),
        "{} isn't what was printed (UPDATE_GOLDEN=1 takes it over). First difference: {first:#?}\nall:\n{printed}",
        path.display()
    );
}

/// What is the author's, not a command's.
fn is_kept(line: &str) -> bool {
    line.starts_with("$ ") || line.starts_with('#')
}

fn run(server: &TestServer, command: &str) -> String {
    let folder = lakebed_binary().parent().expect("a binary lies in a folder").to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &format!("{{ {command}\n}} 2>&1")])
        .env_clear()
        .envs(server.client_environment())
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .current_dir(server.folder())
        .stdin(Stdio::null())
        .output()
        .expect("bash starts");
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if !output.status.success() {
        let code = output.status.code().map_or("a signal".to_owned(), |code| code.to_string());
        writeln!(text, "[{code}]").expect("writing to a String");
    }
    text.replace(server.endpoint(), "{server}")
}

/// The ids seen, by their first digits, in order.
#[derive(Default)]
struct Ids(Vec<String>);

/// How much of a commit's id the command prints for people.
const SHORT: usize = 12;

impl Ids {
    /// Replaces what differs from run to run.
    fn blot(&mut self, text: &str) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_:./".contains(c);
        let mut blotted = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            blotted.push_str(&self.blot_word(piece));
            rest = after;
        }
        blotted
    }

    fn blot_word(&mut self, word: &str) -> String {
        let hex = |text: &str| text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
        let is_time = word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
        if is_time {
            "{time}".to_owned()
        } else if word.starts_with("data/") && word.len() > 40 {
            "{address}".to_owned()
        } else if hex(word) && [SHORT, 64].contains(&word.len()) {
            let short = &word[..SHORT];
            let known = self.0.iter().position(|id| id == short);
            let number = known.unwrap_or_else(|| {
                self.0.push(short.to_owned());
                self.0.len() - 1
            });
            let length = if word.len() == SHORT { "" } else { " in full" };
            format!("{{commit {}{length}}}", number + 1)
        } else {
            word.to_owned()
        }
    }
}
