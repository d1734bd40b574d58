//! Tests of `checksum`.

use http::HeaderMap;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// The check values of the CRC catalogue over `123456789`; over `abc` the test vectors of FIPS 180 and RFC 1321, and what
/// `xxhsum` prints.
#[test]
fn known_vectors() {
    let crc = |algorithm| hex::encode(of_bytes(algorithm, b"123456789").digest().unwrap());
    assert_eq!(crc(ChecksumAlgorithm::Crc32), "cbf43926");
    assert_eq!(crc(ChecksumAlgorithm::Crc32c), "e3069283");
    assert_eq!(crc(ChecksumAlgorithm::Crc64Nvme), "ae8b14860a799888");
    let sha = |algorithm| hex::encode(of_bytes(algorithm, b"abc").digest().unwrap());
    assert_eq!(sha(ChecksumAlgorithm::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha(ChecksumAlgorithm::Sha256), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let of_abc = [
        (
            ChecksumAlgorithm::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
        (ChecksumAlgorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
        (ChecksumAlgorithm::Xxhash64, "44bc2cf5ad770999"),
        (ChecksumAlgorithm::Xxhash3, "78af5f94892f3950"),
        (ChecksumAlgorithm::Xxhash128, "06b05ab6733a618578af5f94892f3950"),
    ];
    for (algorithm, digest) in of_abc {
        assert_eq!(sha(algorithm), digest, "{algorithm:?}");
    }
    assert_eq!(of_bytes(ChecksumAlgorithm::Crc32, b"hello world").value, "DUoRhQ==");
}

#[test]
fn names_round_trip() {
    for algorithm in ChecksumAlgorithm::ALL {
        assert_eq!(ChecksumAlgorithm::parse(&algorithm.as_str().to_lowercase()), Some(algorithm));
        assert_eq!(ChecksumAlgorithm::of_header(algorithm.header()), Some(algorithm));
        assert!(algorithm.element().ends_with(algorithm.as_str()));
    }
    assert_eq!(ChecksumAlgorithm::parse("MD4"), None);
}

#[test]
fn one_checksum_header_is_read_and_two_are_refused() {
    assert_eq!(from_headers(&headers(&[("x-amz-checksum-mode", "ENABLED")])).unwrap(), None);
    let one = from_headers(&headers(&[("x-amz-checksum-crc32", "DUoRhQ==")])).unwrap().unwrap();
    assert_eq!((one.algorithm, one.value.as_str()), (ChecksumAlgorithm::Crc32, "DUoRhQ=="));
    let composite = from_headers(&headers(&[("x-amz-checksum-crc32", "DUoRhQ==-3")])).unwrap().unwrap();
    assert_eq!(composite.value, "DUoRhQ==-3");
    for wrong in [
        &[("x-amz-checksum-crc32", "DUoRhQ=="), ("x-amz-checksum-crc32c", "DUoRhQ==")][..],
        &[("x-amz-checksum-crc32", "DUoRhQ==DUoR")],
        &[("x-amz-checksum-crc32", "not base64")],
        &[("x-amz-checksum-crc64nvme", "DUoRhQ==")],
        &[("x-amz-checksum-xyz", "DUoRhQ==")],
    ] {
        assert_eq!(from_headers(&headers(wrong)).unwrap_err().code(), ErrorCode::InvalidRequest, "{wrong:?}");
    }
}

#[test]
fn uploads_get_the_kinds_that_exist() {
    use ChecksumKind::{Composite, FullObject};
    let wanted = |algorithm: &'static str, kind: Option<&'static str>| {
        let mut map = headers(&[("x-amz-checksum-algorithm", algorithm)]);
        if let Some(kind) = kind {
            map.insert("x-amz-checksum-type", kind.parse().unwrap());
        }
        wanted_of_upload(&map)
    };
    assert_eq!(wanted("CRC32", None).unwrap(), Some((ChecksumAlgorithm::Crc32, Composite)));
    assert_eq!(wanted("CRC32", Some("FULL_OBJECT")).unwrap(), Some((ChecksumAlgorithm::Crc32, FullObject)));
    assert_eq!(wanted("CRC64NVME", None).unwrap(), Some((ChecksumAlgorithm::Crc64Nvme, FullObject)));
    assert!(wanted("CRC64NVME", Some("COMPOSITE")).is_err());
    assert!(wanted("SHA256", Some("FULL_OBJECT")).is_err());
    for hash in ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"] {
        let algorithm = ChecksumAlgorithm::parse(hash).unwrap();
        assert_eq!(wanted(hash, None).unwrap(), Some((algorithm, Composite)));
        assert!(wanted(hash, Some("FULL_OBJECT")).is_err());
    }
    assert!(wanted("MD4", None).is_err());
    assert!(wanted_of_upload(&headers(&[("x-amz-checksum-type", "COMPOSITE")])).is_err());
    assert_eq!(wanted_of_upload(&HeaderMap::new()).unwrap(), None);
}
