//! Checksums between `protocol`, which knows nothing of Lakebed, and `model`. Invariant: both ways are exhaustive, so a
//! new algorithm doesn't compile until it is here.

use model::{ChecksumAlgorithm as Kept, ChecksumKind as KeptKind};

use crate::protocol::{Checksum, ChecksumAlgorithm, ChecksumKind};

/// The algorithm as entries keep it.
pub(crate) fn kept_algorithm(algorithm: ChecksumAlgorithm) -> Kept {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Kept::Crc32,
        ChecksumAlgorithm::Crc32c => Kept::Crc32c,
        ChecksumAlgorithm::Crc64Nvme => Kept::Crc64Nvme,
        ChecksumAlgorithm::Sha1 => Kept::Sha1,
        ChecksumAlgorithm::Sha256 => Kept::Sha256,
        ChecksumAlgorithm::Sha512 => Kept::Sha512,
        ChecksumAlgorithm::Md5 => Kept::Md5,
        ChecksumAlgorithm::Xxhash64 => Kept::Xxhash64,
        ChecksumAlgorithm::Xxhash3 => Kept::Xxhash3,
        ChecksumAlgorithm::Xxhash128 => Kept::Xxhash128,
    }
}

/// The algorithm as S3 names it.
pub(crate) fn shown_algorithm(algorithm: Kept) -> ChecksumAlgorithm {
    match algorithm {
        Kept::Crc32 => ChecksumAlgorithm::Crc32,
        Kept::Crc32c => ChecksumAlgorithm::Crc32c,
        Kept::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
        Kept::Sha1 => ChecksumAlgorithm::Sha1,
        Kept::Sha256 => ChecksumAlgorithm::Sha256,
        Kept::Sha512 => ChecksumAlgorithm::Sha512,
        Kept::Md5 => ChecksumAlgorithm::Md5,
        Kept::Xxhash64 => ChecksumAlgorithm::Xxhash64,
        Kept::Xxhash3 => ChecksumAlgorithm::Xxhash3,
        Kept::Xxhash128 => ChecksumAlgorithm::Xxhash128,
    }
}

/// What a checksum covers, as entries keep it.
pub(crate) fn kept_kind(kind: ChecksumKind) -> KeptKind {
    match kind {
        ChecksumKind::FullObject => KeptKind::FullObject,
        ChecksumKind::Composite => KeptKind::Composite,
    }
}

/// What a checksum covers, as S3 names it.
pub(crate) fn shown_kind(kind: KeptKind) -> ChecksumKind {
    match kind {
        KeptKind::FullObject => ChecksumKind::FullObject,
        KeptKind::Composite => ChecksumKind::Composite,
    }
}

/// A verified checksum as entries keep it.
pub(crate) fn kept(checksum: &Checksum, kind: ChecksumKind) -> model::Checksum {
    let Checksum { algorithm, value } = checksum;
    model::Checksum { algorithm: kept_algorithm(*algorithm), kind: kept_kind(kind), value: value.clone() }
}

/// A kept checksum as S3 shows it.
pub(crate) fn shown(checksum: &model::Checksum) -> (Checksum, ChecksumKind) {
    let model::Checksum { algorithm, kind, value } = checksum;
    (Checksum { algorithm: shown_algorithm(*algorithm), value: value.clone() }, shown_kind(*kind))
}
