//! What Linux tells about a process: its CPU time and memory. Invariant: readings cover all threads of the process, those
//! that have ended too.

use std::fs;

use anyhow::{Context, Result};

/// The unit of the times in `/proc/<pid>/stat`: `USER_HZ`, which is 100 wherever Linux shows times to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of CPU that a process has used, in user and kernel mode, to a hundredth.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name in parentheses may hold anything; what follows it is plain.
    let (_, rest) = stat.rsplit_once(") ").with_context(|| format!("{path} isn't as proc(5) says"))?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).context("a field is missing");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// What a process holds in memory now, and the most it has held since [`reset_peak`]; bytes.
pub(crate) fn memory(pid: u32) -> Result<(u64, u64)> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| path.clone())?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.with_context(|| format!("{path} has no {name}"))
    };
    Ok((kib("VmRSS")? << 10, kib("VmHWM")? << 10))
}

/// Sets the peak to what is held now.
pub(crate) fn reset_peak(pid: u32) -> Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| path)
}
