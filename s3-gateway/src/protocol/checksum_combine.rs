//! The checksum of an object from those of its parts. Pure arithmetic; leaves where part checksums are kept to others.
//! Invariant: a full-object CRC of parts equals the CRC of their bytes one after the other.

use super::checksum::{Checksum, ChecksumAlgorithm, Hasher, crc_bytes};

/// The composite checksum: the digest of the parts' digests, with `-N` after it. None when a part's value is of
/// another algorithm or isn't well-formed.
pub fn composite(algorithm: ChecksumAlgorithm, parts: &[Checksum]) -> Option<Checksum> {
    let mut hasher = Hasher::new(algorithm);
    for part in parts {
        hasher.update(&digest_of(algorithm, part)?);
    }
    let mut checksum = hasher.finish();
    checksum.value = format!("{}-{}", checksum.value, parts.len());
    Some(checksum)
}

/// The checksum of the whole object from CRCs of its parts and their sizes in bytes. None for SHA-1 and SHA-256, which
/// don't combine, and for values that aren't well-formed.
pub fn full_object(algorithm: ChecksumAlgorithm, parts: &[(Checksum, u64)]) -> Option<Checksum> {
    let crc = algorithm.crc()?;
    let mut whole = crc_fast::checksum(crc, b"");
    for (part, size) in parts {
        let part = from_be(&digest_of(algorithm, part)?);
        whole = crc_fast::checksum_combine(crc, whole, part, *size);
    }
    Some(Checksum::of_digest(algorithm, &crc_bytes(algorithm, whole)))
}

fn digest_of(algorithm: ChecksumAlgorithm, part: &Checksum) -> Option<Vec<u8>> {
    (part.algorithm == algorithm).then(|| part.digest())?
}

fn from_be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksum::of_bytes;
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn crcs_of_parts_make_the_crc_of_the_whole(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        ) {
            for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme] {
                let sums: Vec<_> = parts.iter().map(|p| (of_bytes(algorithm, p), p.len() as u64)).collect();
                prop_assert_eq!(full_object(algorithm, &sums), Some(of_bytes(algorithm, &parts.concat())));
            }
        }

        #[test]
        fn a_composite_is_the_digest_of_the_digests(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..5),
        ) {
            for algorithm in ChecksumAlgorithm::ALL {
                let sums: Vec<_> = parts.iter().map(|part| of_bytes(algorithm, part)).collect();
                let digests: Vec<u8> = sums.iter().flat_map(|sum| sum.digest().unwrap()).collect();
                let expected = format!("{}-{}", of_bytes(algorithm, &digests).value, parts.len());
                prop_assert_eq!(composite(algorithm, &sums).unwrap().value, expected);
            }
        }
    }

    #[test]
    fn what_does_not_combine_is_refused() {
        let sha = of_bytes(ChecksumAlgorithm::Sha256, b"a");
        assert_eq!(full_object(ChecksumAlgorithm::Sha256, &[(sha.clone(), 1)]), None);
        assert_eq!(full_object(ChecksumAlgorithm::Crc32, &[(sha.clone(), 1)]), None);
        assert_eq!(composite(ChecksumAlgorithm::Sha1, &[sha]), None);
        let torn = Checksum { algorithm: ChecksumAlgorithm::Crc32, value: "AAA".into() };
        assert_eq!(composite(ChecksumAlgorithm::Crc32, &[torn]), None);
    }
}
