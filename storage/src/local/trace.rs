//! The order of the steps that make a write durable, for tests: each step names itself before it is taken, and a test
//! can make one fail. Does nothing outside of tests.

use std::io;

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests a step can fail")]
pub(super) fn step(_name: impl FnOnce() -> String) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) fn step(name: impl FnOnce() -> String) -> io::Result<()> {
    recorder::record(name())
}

#[cfg(test)]
pub(super) mod recorder {
    use std::cell::RefCell;
    use std::io;

    use rustix::io::Errno;

    thread_local! {
        static STEPS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
        static FAILURE: RefCell<Option<(String, Errno)>> = const { RefCell::new(None) };
    }

    /// Takes the steps of this thread since the last call.
    pub(in crate::local) fn take() -> Vec<String> {
        STEPS.with_borrow_mut(std::mem::take)
    }

    /// Makes the next step of this thread that begins with `name` fail.
    pub(in crate::local) fn fail(name: &str, errno: Errno) {
        FAILURE.set(Some((name.to_owned(), errno)));
    }

    pub(super) fn record(name: String) -> io::Result<()> {
        let hit = FAILURE.with_borrow_mut(|failure| failure.take_if(|(prefix, _)| name.starts_with(prefix.as_str())));
        STEPS.with_borrow_mut(|steps| steps.push(name));
        hit.map_or(Ok(()), |(_, errno)| Err(errno.into()))
    }
}
