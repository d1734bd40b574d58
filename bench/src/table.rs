//! The table as Markdown: base, ours, ratio with its interval, CPU of both, counters, goal, verdict. Invariant: a verdict
//! names what was missed, and a counter weighs more than a time.

use crate::interleave::{Measured, Rounds, Slice};
use crate::rows::large::per_gib;
use crate::rows::{CpuGoal, MIB, Measurement, Row};

const HEAD: &str = "| path | base | base's rate | our rate | ratio (of rounds) | CPU/op, base → ours (ratio of rounds) | \
                    client's CPU/op | counters | goal | verdict |\n|---|---|---|---|---|---|---|---|---|---|";

/// The whole table.
pub(crate) fn render(rows: &[Row]) -> String {
    rows.iter().map(line).fold(HEAD.to_owned(), |table, line| table + "\n" + &line)
}

/// One row of it.
pub(crate) fn line(row: &Row) -> String {
    let numbers = match &row.measurement {
        Measurement::Sides { rounds, bytes, .. } => sides(rounds, *bytes),
        Measurement::Counted => "| – | – | – | – | –".to_owned(),
    };
    let counters: Vec<&str> = row.counters.iter().map(|counter| counter.text.as_str()).collect();
    let (path, base, goal, verdict) = (row.path, row.base, row.goal, verdict(row));
    format!("| {path} | {base} {numbers} | {} | {goal} | {verdict} |", counters.join(", "))
}

fn sides(rounds: &Rounds, bytes: Option<u64>) -> String {
    let (base, ours) = (rounds.base(), rounds.ours());
    let (rate, cpu) = (interval(rounds.rate_ratio()), interval(rounds.cpu_ratio()));
    format!(
        "| {} | {} | {rate} | {} → {} ({cpu}) | {}",
        shown_rate(&base, bytes),
        shown_rate(&ours, bytes),
        shown_cpu(base.cpu_each(), bytes),
        shown_cpu(ours.cpu_each(), bytes),
        if ours.client_cpu > 0.0 {
            shown_cpu(ours.client_cpu / ours.operations.max(1) as f64, bytes)
        } else {
            "in it".to_owned()
        }
    )
}

/// A ratio; none when a round took less CPU than the kernel's clock shows.
fn interval(measured: Measured) -> String {
    if !(measured.low.is_finite() && measured.high.is_finite()) {
        return "–".to_owned();
    }
    format!("{:.2} ({:.2}–{:.2})", measured.median, measured.low, measured.high)
}

fn shown_rate(slice: &Slice, bytes: Option<u64>) -> String {
    match bytes {
        None => format!("{:.0}/s", slice.rate()),
        Some(bytes) => format!("{:.0} MiB/s", slice.rate() * bytes as f64 / MIB as f64),
    }
}

fn shown_cpu(each: f64, bytes: Option<u64>) -> String {
    match bytes {
        None => format!("{:.0} µs", each * 1e6),
        Some(bytes) => format!("{:.0} ms/GiB", per_gib(each, bytes) * 1e3),
    }
}

/// What the row came to.
fn verdict(row: &Row) -> String {
    let mut missed: Vec<String> = row.counters.iter().filter(|c| !c.holds).map(|c| format!("**{}**", c.text)).collect();
    if let Measurement::Sides { rounds, bytes, rate_at_least, cpu_at_most } = &row.measurement {
        if rate_at_least.is_some_and(|least| rounds.rate_ratio().median < least) {
            missed.push("rate".into());
        }
        let within = match (cpu_at_most, bytes) {
            (Some(CpuGoal::TimesBase(most)), _) => rounds.cpu_ratio().median <= *most,
            (Some(CpuGoal::Each(most)), _) => rounds.ours().cpu_each() <= *most,
            (Some(CpuGoal::PerGib(most)), Some(bytes)) => per_gib(rounds.ours().cpu_each(), *bytes) <= *most,
            _ => true,
        };
        if !within {
            missed.push("CPU".into());
        }
    }
    if missed.is_empty() { "reached".to_owned() } else { format!("missed: {}", missed.join(", ")) }
}
