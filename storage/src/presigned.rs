//! Requests that `object_store` has no call for, made with signed URLs: a completion whose part numbers have gaps, a part
//! that streams instead of being held in memory, and a listing of any keys. Owns their HTTP; leaves signing to the store's [`Signer`].
//! Invariant: a signed URL is a credential, so no error or log shows one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::Method;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use reqwest::{Body, Client, RequestBuilder, Response, StatusCode};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::completion::CompletionPart;
use crate::explain;
use crate::listed_page::ListedPage;
use crate::segments::Segments;
use crate::upload::UploadError;
use crate::{BodyError, PutError, StorageError};

/// How long a signed URL is good for: as long as a part may take to send.
const EXPIRES_IN: Duration = Duration::from_secs(3600);

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long a completion may take; S3 promises an answer within minutes.
const COMPLETE_TIME_MAX: Duration = Duration::from_secs(300);

/// How long a store may take to answer once it has all of a part.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a page of a listing may take, and how often it is asked for.
const LIST_TIME_MAX: Duration = Duration::from_secs(60);
const LIST_TRIES_MAX: u32 = 4;

/// How long is waited before a page is asked for again; twice as long each time.
const LIST_RETRY_AFTER: Duration = Duration::from_millis(100);

/// The most bytes of a page: 1,000 keys of 1,024 bytes, each of which may be escaped, and what is said of them.
const PAGE_BYTES_MAX: usize = 16 << 20;

/// The most of an error's text that is shown.
const ERROR_TEXT_BYTES_MAX: usize = 500;

/// Makes requests with signed URLs.
pub(crate) struct Presigned {
    signer: Arc<dyn Signer>,
    client: OnceLock<Client>,
}

impl Presigned {
    pub(crate) fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer, client: OnceLock::new() }
    }

    /// Completes an upload with parts under any ascending numbers. Returns the ETag that the store names.
    pub(crate) async fn complete(
        &self,
        path: &Path,
        shown: &str,
        upload: &str,
        parts: &[CompletionPart],
    ) -> Result<Option<String>, StorageError> {
        let query = [("uploadId", upload.to_owned())];
        let request = self.request(Method::POST, path, shown, query).await?;
        let answer = request.timeout(COMPLETE_TIME_MAX).body(completion(parts)).send().await;
        let answer = succeeded(answer, shown).await?;
        let text = answer.text().await.map_err(|e| unavailable(shown, e.without_url()))?;
        // S3 begins to answer before it knows the outcome, so a failure can come with status 200.
        if text.contains("<Error>") {
            return Err(unavailable(shown, cut(&text)));
        }
        Ok(named_e_tag(&text))
    }

    /// Streams a part of a known length; returns its ETag. Bytes beyond the length are an error, as are missing ones.
    pub(crate) async fn put_part(
        &self,
        path: &Path,
        shown: &str,
        upload: &str,
        number: u32,
        segments: &mut Segments,
        length: u64,
    ) -> Result<String, PutError> {
        let query = [("partNumber", number.to_string()), ("uploadId", upload.to_owned())];
        let request = self.request(Method::PUT, path, shown, query).await?;
        let (sender, receiver) = channel(1);
        let request = request.header(http::header::CONTENT_LENGTH, length).body(Body::wrap_stream(received(receiver)));
        let sending = tokio::spawn(request.send());
        let fed = feed(segments, sender, length).await;
        let stop = sending.abort_handle();
        match fed {
            Ok(sent) if sent < length => {
                stop.abort();
                Err(StorageError::Invalid(format!("{length} bytes were announced for {shown}, and {sent} came")).into())
            }
            Ok(_) => Ok(etag(&answered(sending, shown).await?, shown)?),
            // The store hung up first: what it said tells more.
            Err(Feeding::Refused) => Err(match answered(sending, shown).await {
                Ok(_) => unavailable(shown, "it answered before it had the whole part").into(),
                Err(error) => error.into(),
            }),
            Err(Feeding::Failed(error)) => {
                stop.abort();
                Err(error.into_put_error(shown))
            }
            Err(Feeding::TooLong) => {
                stop.abort();
                Err(StorageError::Invalid(format!("{length} bytes were announced for {shown}, and more came")).into())
            }
        }
    }

    /// Reads a page of all objects whose keys begin with a prefix, after a key, whatever the keys are made of.
    pub(crate) async fn list(
        &self,
        shown: &str,
        prefix: &str,
        start_after: &str,
        token: Option<&str>,
    ) -> Result<ListedPage, StorageError> {
        let mut tries = 1;
        loop {
            match self.page(shown, prefix, start_after, token).await {
                Err(StorageError::Unavailable { .. }) if tries < LIST_TRIES_MAX => {
                    tokio::time::sleep(LIST_RETRY_AFTER * (1 << tries)).await;
                    tries += 1;
                }
                page => return page,
            }
        }
    }

    async fn page(
        &self,
        shown: &str,
        prefix: &str,
        start_after: &str,
        token: Option<&str>,
    ) -> Result<ListedPage, StorageError> {
        let mut query = vec![("encoding-type", "url".to_owned()), ("list-type", "2".to_owned())];
        query.push(("prefix", prefix.to_owned()));
        match token {
            Some(token) => query.push(("continuation-token", token.to_owned())),
            None if start_after.is_empty() => {}
            None => query.push(("start-after", start_after.to_owned())),
        }
        let url = self.url(Method::GET, &Path::default(), shown, &query, EXPIRES_IN).await?;
        let answer = self.client(shown)?.get(url).timeout(LIST_TIME_MAX).send().await;
        let mut answer = succeeded(answer, shown).await?;
        let mut document = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|e| unavailable(shown, e.without_url()))? {
            if document.len() + piece.len() > PAGE_BYTES_MAX {
                return Err(unavailable(shown, "a page of its listing is too large"));
            }
            document.extend_from_slice(&piece);
        }
        ListedPage::parse(&document).map_err(|why| unavailable(shown, why))
    }

    async fn request<const N: usize>(
        &self,
        method: Method,
        path: &Path,
        shown: &str,
        query: [(&str, String); N],
    ) -> Result<RequestBuilder, StorageError> {
        let url = self.url(method.clone(), path, shown, &query, EXPIRES_IN).await?;
        Ok(self.client(shown)?.request(method, url))
    }

    /// Signs a request, for the client that gets the URL.
    pub(crate) async fn url(
        &self,
        method: Method,
        path: &Path,
        shown: &str,
        query: &[(&str, String)],
        expires_in: Duration,
    ) -> Result<String, StorageError> {
        let options = SignedUrlOptions::default().with_query(query.iter().map(|(name, value)| (*name, value.clone())));
        let url = self.signer.signed_url_opts(method, path, expires_in, &options).await;
        Ok(url.map_err(|e| StorageError::from_store(e, shown))?.into())
    }

    fn client(&self, shown: &str) -> Result<&Client, StorageError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder().connect_timeout(CONNECT_TIME_MAX).http1_only().build();
        let client = client.map_err(|e| unavailable(shown, e.without_url()))?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// Why not all of a part went to the store.
enum Feeding {
    /// The request ended before the body did.
    Refused,
    TooLong,
    Failed(UploadError),
}

/// Hands a body to a request, segment by segment; returns how many bytes it had.
async fn feed(segments: &mut Segments, sender: Sender<Bytes>, length: u64) -> Result<u64, Feeding> {
    let mut sent = 0;
    while let Some(segment) = segments.next().await.map_err(|e| Feeding::Failed(e.into()))? {
        sent += segment.len() as u64;
        if sent > length {
            return Err(Feeding::TooLong);
        }
        sender.send(segment).await.map_err(|_| Feeding::Refused)?;
    }
    Ok(sent)
}

fn received(receiver: Receiver<Bytes>) -> impl futures::Stream<Item = Result<Bytes, BodyError>> {
    stream::unfold(receiver, |mut receiver| async move { Some((Ok(receiver.recv().await?), receiver)) })
}

type Sent = tokio::task::JoinHandle<reqwest::Result<Response>>;

/// Waits for the answer to a request whose body is all sent.
async fn answered(sending: Sent, shown: &str) -> Result<Response, StorageError> {
    let stop = sending.abort_handle();
    match tokio::time::timeout(ANSWER_TIME_MAX, sending).await {
        Ok(Ok(answer)) => succeeded(answer, shown).await,
        Ok(Err(error)) => Err(unavailable(shown, error)),
        Err(_) => {
            stop.abort();
            Err(unavailable(shown, "it didn't answer in time"))
        }
    }
}

async fn succeeded(answer: reqwest::Result<Response>, shown: &str) -> Result<Response, StorageError> {
    let answer = answer.map_err(|e| unavailable(shown, e.without_url()))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    // Nothing of the URL but this may be told: it is signed.
    let endpoint = answer.url().origin().ascii_serialization();
    let text = answer.text().await.unwrap_or_default();
    let said = format!("{endpoint} answered {status}: {}", cut(&text));
    if let Some(what) = explain::misconfigured(&said, shown) {
        return Err(StorageError::Misconfigured { what, source: said.into() });
    }
    Err(match status {
        StatusCode::NOT_FOUND => StorageError::NotFound { path: shown.to_owned() },
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            StorageError::Denied { path: shown.to_owned(), source: said.into() }
        }
        StatusCode::INSUFFICIENT_STORAGE => StorageError::Full { path: shown.to_owned(), source: said.into() },
        _ => unavailable(shown, said),
    })
}

fn etag(answer: &Response, shown: &str) -> Result<String, StorageError> {
    let etag = answer.headers().get(http::header::ETAG).and_then(|value| value.to_str().ok());
    etag.map(str::to_owned).ok_or_else(|| unavailable(shown, "it took a part and named no ETag"))
}

/// The body of a completion. ETags come from the store, and are escaped all the same.
fn completion(parts: &[CompletionPart]) -> String {
    let mut xml = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for CompletionPart { number, id, .. } in parts {
        let etag = id.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        xml += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    xml + "</CompleteMultipartUpload>"
}

/// The ETag in the answer to a completion.
fn named_e_tag(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<ETag>")?;
    let (e_tag, _) = rest.split_once("</ETag>")?;
    Some(e_tag.replace("&quot;", "\"").replace("&#34;", "\""))
}

fn cut(text: &str) -> String {
    let end = (0..=ERROR_TEXT_BYTES_MAX.min(text.len())).rev().find(|i| text.is_char_boundary(*i));
    text[..end.unwrap_or(0)].to_owned()
}

fn unavailable(shown: &str, source: impl Into<BodyError>) -> StorageError {
    StorageError::Unavailable { path: shown.to_owned(), source: source.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_names_its_parts() {
        let part = |number, id: &str| CompletionPart { number, id: id.into(), content: None };
        let xml = completion(&[part(2, "\"a\""), part(9, "b<c")]);
        assert!(xml.contains("<Part><PartNumber>2</PartNumber><ETag>&quot;a&quot;</ETag></Part>"), "{xml}");
        assert!(xml.contains("<PartNumber>9</PartNumber><ETag>b&lt;c</ETag>"), "{xml}");
    }

    #[test]
    fn the_e_tag_of_an_answer_is_read() {
        for quote in ["\"", "&quot;", "&#34;"] {
            let xml = format!("<X><Key>k</Key><ETag>{quote}ab-2{quote}</ETag></X>");
            assert_eq!(named_e_tag(&xml).as_deref(), Some("\"ab-2\""));
        }
        assert_eq!(named_e_tag("<X/>"), None);
    }

    #[test]
    fn long_errors_are_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(400)).len(), 500);
        assert_eq!(cut("short"), "short");
    }
}
