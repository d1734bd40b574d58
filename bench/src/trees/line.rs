//! One line of the trees' table as Markdown: counters, then CPU, then ratios, each against its goal. Invariant: only a
//! counter that falls short fails the run.

use crate::rows::Counter;

const HEAD: &str = "| path | entries | counters | CPU | ratios | goal | verdict |\n|---|---|---|---|---|---|---|";

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// What is done.
    pub(crate) path: String,
    /// To a tree of so many entries.
    pub(crate) entries: u64,
    /// Requests, bytes, files and blocks: these repeat exactly.
    pub(crate) counters: Vec<Counter>,
    /// CPU per operation or entry: this repeats within some percent.
    pub(crate) cpu: Vec<Counter>,
    /// Against a base or another size: this repeats roughly.
    pub(crate) ratios: Vec<Counter>,
    /// What should be reached.
    pub(crate) goal: &'static str,
}

impl Line {
    /// Whether all counters hold.
    pub(crate) fn counters_hold(&self) -> bool {
        self.counters.iter().all(|counter| counter.holds)
    }

    /// As a line of the table.
    pub(crate) fn render(&self) -> String {
        let parts = [&self.counters, &self.cpu, &self.ratios];
        let missed: Vec<&str> = parts.into_iter().flatten().filter(|c| !c.holds).map(|c| c.text.as_str()).collect();
        let verdict = if missed.is_empty() { "reached".to_owned() } else { format!("missed: {}", missed.join(", ")) };
        let [counters, cpu, ratios] = parts.map(|part| shown(part));
        format!(
            "| {} | {} | {counters} | {cpu} | {ratios} | {} | {verdict} |",
            self.path,
            count(self.entries),
            self.goal
        )
    }
}

/// The whole table.
pub(crate) fn table(lines: &[Line]) -> String {
    lines.iter().map(Line::render).fold(HEAD.to_owned(), |table, line| table + "\n" + &line)
}

fn shown(part: &[Counter]) -> String {
    if part.is_empty() {
        return "–".to_owned();
    }
    part.iter().map(|counter| counter.text.as_str()).collect::<Vec<_>>().join(", ")
}

/// A number that nobody judges.
pub(crate) fn told(text: impl Into<String>) -> Counter {
    Counter { text: text.into(), holds: true }
}

/// A number that may be at most so much.
pub(crate) fn at_most(text: impl Into<String>, value: f64, bound: f64) -> Counter {
    Counter { text: text.into(), holds: value <= bound }
}

/// A number that must be at least so much.
pub(crate) fn at_least(text: impl Into<String>, value: f64, bound: f64) -> Counter {
    Counter { text: text.into(), holds: value >= bound }
}

/// A number of entries, shortly.
pub(crate) fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{} k", number / 1000),
        _ => format!("{} M", number / 1_000_000),
    }
}

/// Bytes, shortly.
pub(crate) fn bytes(number: f64) -> String {
    match number {
        ..10_240.0 => format!("{number:.0} B"),
        ..10_485_760.0 => format!("{:.0} KiB", number / 1024.0),
        _ => format!("{:.1} MiB", number / 1_048_576.0),
    }
}
