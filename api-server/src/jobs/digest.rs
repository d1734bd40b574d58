//! The digest of what a request asks for, by which a retry is known for the same request, also after an upgrade. Owns its form: the
//! kind, then the name and value of each field that isn't empty, each with its length before it. Invariant: a digest is for
//! ever. A field that a later version adds is left out where it has its default, so that older requests keep their digests.

use std::collections::BTreeMap;

use model::{JobDigest, JobKind, Timestamp};

pub(super) struct Digest {
    hasher: blake3::Hasher,
}

impl Digest {
    pub(super) fn of(kind: JobKind) -> Self {
        let mut digest = Self { hasher: blake3::Hasher::new() };
        digest.part(kind.as_str());
        digest
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        if !value.is_empty() {
            self.part(name);
            self.part(value);
        }
        self
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.text(name, if value { "true" } else { "" })
    }

    pub(super) fn time(&mut self, name: &str, value: Option<Timestamp>) -> &mut Self {
        self.text(name, &value.map(|time| time.as_millis().to_string()).unwrap_or_default())
    }

    pub(super) fn texts(&mut self, name: &str, values: &BTreeMap<String, String>) -> &mut Self {
        for (key, value) in values {
            self.part(name);
            self.part(key);
            self.part(value);
        }
        self
    }

    pub(super) fn end(&self) -> JobDigest {
        JobDigest::from_bytes(*self.hasher.finalize().as_bytes())
    }

    fn part(&mut self, text: &str) {
        self.hasher.update(&(text.len() as u64).to_le_bytes());
        self.hasher.update(text.as_bytes());
    }
}
