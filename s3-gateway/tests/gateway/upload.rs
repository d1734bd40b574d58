//! A multipart upload as a client carries it out.

use bytes::Bytes;
use http::Method;
use md5::{Digest as _, Md5};

use crate::client::{Res, md5_e_tag};
use crate::harness::TestGateway;

pub(crate) const MIB: usize = 1 << 20;

pub(crate) struct Upload<'a> {
    s3: &'a TestGateway,
    key: String,
    pub(crate) id: String,
    pub(crate) parts: Vec<(u32, String)>,
}

impl<'a> Upload<'a> {
    pub(crate) async fn begin(s3: &'a TestGateway, key: &str, headers: &[(&str, &str)]) -> Self {
        let mut request = s3.on(Method::POST, key).query(&[("uploads", "")]);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let begun = request.send().await.expect(200);
        assert_eq!((begun.one("Bucket").as_str(), begun.one("Key").as_str()), ("trips", key));
        Self { s3, key: key.into(), id: begun.one("UploadId"), parts: vec![] }
    }

    pub(crate) async fn put(&mut self, number: u32, bytes: &Bytes) {
        let done = self.put_with(number, bytes, &[]).await.expect(200);
        assert_eq!(done.e_tag(), md5_e_tag(bytes));
    }

    pub(crate) async fn put_with(&mut self, number: u32, bytes: &Bytes, headers: &[(&str, String)]) -> Res {
        let (id, n) = (self.id.as_str(), number.to_string());
        let mut request = self.s3.put(&self.key, bytes.clone()).query(&[("partNumber", &n), ("uploadId", id)]);
        for (name, value) in headers {
            request = request.header(name, value.clone());
        }
        let done = request.send().await;
        self.parts.retain(|(known, _)| *known != number);
        self.parts.push((number, done.e_tag().to_owned()));
        self.parts.sort();
        done
    }

    pub(crate) async fn complete(&self) -> Res {
        self.complete_with(&self.parts, &[]).await
    }

    pub(crate) async fn complete_with(&self, parts: &[(u32, String)], headers: &[(&str, &str)]) -> Res {
        let parts: Vec<_> = parts.iter().map(|(number, e_tag)| (*number, format!("<ETag>{e_tag}</ETag>"))).collect();
        self.complete_saying(&parts, headers).await
    }

    /// Completes with parts of which more is said than their ETags.
    pub(crate) async fn complete_saying(&self, parts: &[(u32, String)], headers: &[(&str, &str)]) -> Res {
        let part = |(n, said): &(u32, String)| format!("<Part><PartNumber>{n}</PartNumber>{said}</Part>");
        let parts: String = parts.iter().map(part).collect();
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let mut request = self.s3.on(Method::POST, &self.key).query(&[("uploadId", &self.id)]).body(body);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        request.send().await
    }

    pub(crate) async fn abort(&self) -> Res {
        self.s3.delete(&self.key).query(&[("uploadId", &self.id)]).send().await
    }

    pub(crate) async fn list(&self, pairs: &[(&str, &str)]) -> Res {
        self.s3.get(&self.key).query(&[("uploadId", &self.id)]).query(pairs).send().await
    }
}

pub(crate) fn part(seed: u8, len: usize) -> Bytes {
    (0..len).map(|i| seed.wrapping_add((i % 253) as u8)).collect::<Vec<_>>().into()
}

pub(crate) fn whole_e_tag(parts: &[&Bytes]) -> String {
    let md5s: Vec<u8> = parts.iter().flat_map(Md5::digest).collect();
    format!("\"{}-{}\"", hex::encode(Md5::digest(md5s)), parts.len())
}
