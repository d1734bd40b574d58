//! The allocator of every role, and of the benches, which serve through this crate. Owns the choice and nothing else.

/// Jemalloc: a request makes and drops hundreds of small buffers, often on another thread than the one that made them, and
/// glibc's allocator spends an eighth of the CPU of a small GET on that (docs/benchmarks.md). Its background thread
/// gives freed memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
