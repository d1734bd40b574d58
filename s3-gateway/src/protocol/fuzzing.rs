//! What the fuzz targets of the protocol under `fuzz/` run: one function for each form in which strangers' bytes come, and
//! what must hold of those that are taken. Owns these promises; `seeds` has what fuzzing begins with, `fuzz/` the fuzzer's
//! entry points alone, and this crate's tests run the same functions.
//!
//! Invariant: none of these panics, whatever it is given. What is taken as signed means what was signed; what is taken
//! apart is the same however it arrives, and is read back as it is written.

mod seeds;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::LazyLock;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use http::request::Parts;
use secrecy::SecretString;

use super::canonical::header_value;
use super::chunked::{BUFFERED_BYTES_MAX, Decoder};
use super::error::S3Error;
use super::receive::{KeyLookup, Receiver, Request};
use super::xml::read::{OBJECTS_MAX, complete_multipart_upload, create_bucket, delete_objects, tagging};
use super::xml::{CompletedPart, DeleteRequest, Writer, write_properties};

pub use seeds::seeds;
pub(crate) use seeds::{FORMS, Form, chunk_signer, fields, frame};

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, by the names of their files under `fuzz/fuzz_targets/`.
pub const TARGETS: [(&str, Target); 3] = [("signature", signature), ("chunked", chunked), ("xml", xml)];

/// The head of a request: what is accepted means what some seed does, since nobody else has the secret.
pub fn signature(head: &[u8]) {
    static SIGNED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let seeds = seeds().into_iter().filter(|seed| seed.target == "signature");
        seeds.filter_map(|seed| Some(meaning(&receive(&parts(&seed.bytes)?).ok()?))).collect()
    });
    if let Some(Ok(request)) = parts(head).map(|parts| receive(&parts)) {
        let meaning = meaning(&request);
        assert!(SIGNED.contains(&meaning), "nobody signed {meaning}");
    }
}

/// A chunked body: a byte that chooses its form and the length of the pieces in which it arrives, and the body.
pub fn chunked(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let choice = usize::from(*choice);
    let (form, length) = (FORMS[choice % FORMS.len()], 1 + choice / FORMS.len());
    let whole = unframe([Bytes::copy_from_slice(body)], form);
    let in_pieces = unframe(body.chunks(length).map(Bytes::copy_from_slice), form);
    assert_eq!(whole.as_ref().ok(), in_pieces.as_ref().ok(), "pieces of {length} bytes");
    let Ok((data, fields)) = whole else { return };
    if form.signed {
        assert!(seeds::bodies().iter().any(|chunks| chunks.concat() == data), "nobody signed {data:?}");
        assert_eq!(fields, self::fields(form));
    } else {
        let again = frame(std::slice::from_ref(&data), form, &fields);
        assert_eq!(unframe([Bytes::from(again)], form).ok(), Some((data, fields)));
    }
}

/// An XML body, as each of the documents that clients send.
pub fn xml(document: &[u8]) {
    if let Ok(request) = delete_objects(document) {
        assert!((1..=OBJECTS_MAX).contains(&request.objects.len()));
        assert_eq!(delete_objects(delete_document(&request).as_bytes()).as_ref(), Ok(&request));
    }
    if let Ok(parts) = complete_multipart_upload(document) {
        assert!(parts.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(complete_multipart_upload(parts_document(&parts).as_bytes()).as_ref(), Ok(&parts));
    }
    if let Ok(tags) = tagging(document) {
        let pairs = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        assert_eq!(tagging(write_properties::tagging(pairs).as_bytes()), Ok(tags));
    }
    drop(create_bucket(document));
}

/// A request's head as HTTP/1.1 has it, if it can be one.
fn parts(head: &[u8]) -> Option<Parts> {
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = http::Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    Some(request.body(()).ok()?.into_parts().0)
}

/// The one key, without or with its session token.
struct Keys;

#[async_trait]
impl KeyLookup for Keys {
    async fn secret(&self, access_key_id: &str, token: Option<&str>) -> Result<Option<SecretString>, S3Error> {
        let is_ours = access_key_id == seeds::KEY && token.is_none_or(|token| token == seeds::TOKEN);
        Ok(is_ours.then(|| seeds::SECRET.into()))
    }
}

fn receive(parts: &Parts) -> Result<Request, S3Error> {
    let receiver = Receiver::new(vec![seeds::DOMAIN.to_owned()]);
    let received = receiver.receive(parts, &Keys, seeds::now()).now_or_never();
    received.expect("because these keys are there at once")
}

/// What a request asks for, and everything that can change it.
fn meaning(request: &Request) -> String {
    let mut headers: Vec<_> =
        request.headers.keys().map(|name| name.as_str()).filter(|n| n.starts_with("x-amz-")).collect();
    headers.sort_unstable();
    let header = |name| format!("{name}: {}", header_value(&request.headers, name).escape_ascii());
    let headers: Vec<_> = headers.into_iter().map(header).collect();
    format!("{:?} {:?} {headers:?}", request.authenticated.access_key_id(), request.operation)
}

/// A body's data and its trailer.
pub(super) type Unframed = (Vec<u8>, Vec<(String, String)>);

/// Decodes a body's pieces; the data and the trailer, if all is well.
pub(super) fn unframe(pieces: impl IntoIterator<Item = Bytes>, form: Form) -> Result<Unframed, S3Error> {
    let mut decoder = Decoder::new(form.signed.then(chunk_signer), form.trailer);
    let mut data = Vec::new();
    for mut piece in pieces {
        while let Some(decoded) = decoder.decode(&mut piece)? {
            assert!(!decoded.is_empty());
            data.extend_from_slice(&decoded);
            assert!(decoder.buffered() <= BUFFERED_BYTES_MAX);
        }
        assert!(piece.is_empty());
    }
    Ok((data, decoder.finish()?))
}

fn delete_document(request: &DeleteRequest) -> String {
    let mut xml = Writer::document();
    xml.open_root("Delete");
    xml.value("Quiet", request.quiet);
    for object in &request.objects {
        xml.open("Object");
        xml.text("Key", &object.key);
        if let Some(version_id) = &object.version_id {
            xml.text("VersionId", version_id);
        }
        if let Some(e_tag) = &object.e_tag {
            xml.text("ETag", &format!("\"{e_tag}\""));
        }
        if let Some(condition) = object.unjudged {
            xml.text(condition, "1");
        }
        xml.close();
    }
    xml.close();
    xml.finish()
}

fn parts_document(parts: &[CompletedPart]) -> String {
    let mut xml = Writer::document();
    xml.open_root("CompleteMultipartUpload");
    for part in parts {
        xml.open("Part");
        xml.value("PartNumber", part.number);
        xml.text("ETag", &format!("\"{}\"", part.e_tag));
        if let Some(checksum) = &part.checksum {
            xml.text(checksum.algorithm.element(), &checksum.value);
        }
        xml.close();
    }
    xml.close();
    xml.finish()
}
