//! Progress of long transfers: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const STYLE: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const COUNT_STYLE: &str = "{msg} {human_pos} {per_sec}";

/// A bar over bytes, on standard error if that is a terminal.
pub(crate) fn bytes(message: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), target());
    bar.set_style(ProgressStyle::with_template(STYLE).expect("because the template is valid").progress_chars("=> "));
    bar.set_message(message);
    bar
}

/// A counter of things whose number isn't known.
pub(crate) fn count(message: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, target());
    bar.set_style(ProgressStyle::with_template(COUNT_STYLE).expect("because the template is valid"));
    bar.set_message(message);
    bar
}

fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}
