//! The bounds of Graveler's caches, queues and workers. Owns their defaults; the composition root may set them.
//! Invariant: nothing in this crate grows without a bound that is named here.

/// How much memory and work Graveler may use at a time.
#[derive(Debug, Clone)]
pub struct GravelerOptions {
    /// Bytes of parsed indexes, decoded blocks and commits that are kept, together.
    pub cache_bytes: u64,
    /// Commits and merges that are built at a time, each on a thread of its own; others wait. As many threads more,
    /// together, encode and compress the ranges that these cut.
    pub builds_max: usize,
    /// Imports that write ranges at a time, each on a thread of its own, which waits for its listing most of the time;
    /// others wait.
    pub imports_max: usize,
    /// Bytes of ranges that are cut and not stored yet, of all builds together; each build has one range more under way.
    pub build_bytes: u64,
    /// Bytes of virtual merge bases that are held in memory, of all merges and diffs together; what doesn't fit is stored,
    /// and nothing will refer to it.
    pub scratch_bytes: u64,
    /// How many trees are merged for one virtual merge base. What is left then is merged without a base: all that differs
    /// is a conflict.
    pub base_merges_max: usize,
    /// Diffs that are computed at a time, each on a thread of its own; others wait.
    pub scans_max: usize,
    /// Ranges that one commit or merge uploads at a time.
    pub uploads_max: usize,
    /// Writes that may wait for one branch's next batch.
    pub stage_queue_max: usize,
    /// How often a conditional write looks again after the branch moved under it.
    pub stage_retries_max: usize,
    /// For how many milliseconds the reflog remembers a branch's move.
    pub reflog_kept_ms: u64,
    /// The mean size of a data block, in bytes before compression. This and the next two decide where trees are cut, and
    /// so their ids: only tests use other values than the default.
    pub block_bytes: u32,
    /// The mean size of a range, in bytes before compression.
    pub range_bytes: u64,
    /// How many ranges a metarange lists on average, once a tree has more than one metarange.
    pub metarange_ranges: u64,
    /// A commit to a tree without deltas never writes one if the ranges that it touches have no more bytes than this.
    pub rewrite_bytes: u64,
    /// Bytes of a commit's changes that are looked at before it is decided whether they are written as a delta, and held
    /// in memory at a time if they are.
    pub delta_chunk_bytes: usize,
    /// The most deltas that lie over a base: what bounds the layers of a tree.
    pub deltas_max: usize,
    /// Records that a commit looks up at a time under a delta that it writes.
    pub delta_lookups_max: usize,
}

impl Default for GravelerOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            builds_max: std::thread::available_parallelism().map_or(2, usize::from),
            imports_max: 4,
            build_bytes: 48 << 20,
            scratch_bytes: 64 << 20,
            base_merges_max: 1000,
            scans_max: 4 * std::thread::available_parallelism().map_or(2, usize::from),
            uploads_max: 8,
            stage_queue_max: 4096,
            stage_retries_max: 16,
            reflog_kept_ms: model::REFLOG_KEPT_DEFAULT,
            block_bytes: 16 << 10,
            // 16 Ki entries of usual length: about 1.2 MiB as stored.
            range_bytes: 3_584 << 10,
            metarange_ranges: 8 << 10,
            rewrite_bytes: 16 << 20,
            delta_chunk_bytes: 16 << 20,
            deltas_max: 10,
            delta_lookups_max: 32,
        }
    }
}
