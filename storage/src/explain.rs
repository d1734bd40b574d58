//! What a failure of an object store means, in a sentence that says what to do. Owns which words and codes of stores and
//! of `object_store` mean what. Invariant: what the store or the library said comes after the sentence, whole.

use std::error::Error;
use std::fmt;

use object_store::client::HttpErrorKind;

use crate::error::{BodyError, http_error};

/// Codes of S3, Google and Azure for credentials that aren't known, don't fit the signature, or have ended.
const WRONG_CREDENTIALS: [&str; 8] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSecurity",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "AuthenticationFailed",
    "InvalidAuthenticationInfo",
];

/// What is wrong with the way to a store, if that is what it said; `path` is what was asked for, as messages name it.
pub(crate) fn misconfigured(said: &str, path: &str) -> Option<String> {
    let (bucket, at) = (bucket_of(path), at_endpoint(said));
    if has_code(said, "NoSuchBucket") || has_code(said, "ContainerNotFound") {
        let noun = if has_code(said, "NoSuchBucket") { "bucket" } else { "container" };
        return Some(format!("the {noun} {bucket} doesn't exist{at}: make it, or correct its name or the endpoint"));
    }
    let is_elsewhere = has_code(said, "PermanentRedirect")
        || has_code(said, "AuthorizationHeaderMalformed") && said.contains("region")
        || said.contains("Received redirect without LOCATION");
    is_elsewhere.then(|| {
        format!(
            "the bucket {bucket} is in another region than the one it was asked for in{at}: set the region \
             (--object-store-option region=NAME; for a source, --import-allow '{bucket}?region=NAME')"
        )
    })
}

/// Says why a store refuses access to something.
pub(crate) struct Denied<'a>(pub(crate) &'a str, pub(crate) &'a BodyError);

impl fmt::Display for Denied<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, source) = self;
        let said = source.to_string();
        if WRONG_CREDENTIALS.iter().any(|code| has_code(&said, code)) {
            let (bucket, at) = (bucket_of(path), at_endpoint(&said));
            return write!(
                f,
                "the object store doesn't accept the server's credentials for {bucket}{at}: correct the access key and its \
                 secret, or the token: {said}"
            );
        }
        write!(
            f,
            "the object store denied access to {path}: check the credentials and permissions of the server, which must be \
             allowed to read, write and list there: {said}"
        )
    }
}

/// Says why a store didn't do what it was asked.
pub(crate) struct Unavailable<'a>(pub(crate) &'a str, pub(crate) &'a BodyError);

impl fmt::Display for Unavailable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, source) = self;
        let said = source.to_string();
        let at = at_endpoint(&said);
        if is_said(&***source, "URL scheme is not allowed") {
            return write!(
                f,
                "the object store{at} isn't encrypted, and the server may use only https: name an https:// endpoint, or allow \
                 it with --object-store-option allow_http=true (for a source, '?allow_http=true' in --import-allow): {said}"
            );
        }
        match http_error(&***source).map(object_store::client::HttpError::kind) {
            Some(HttpErrorKind::Connect) if is_said(&***source, "dns error") => write!(
                f,
                "the name of the object store's endpoint{at} can't be resolved: correct the endpoint \
                 (--object-store-option endpoint=URL), or the network's DNS, then try {path} again: {said}"
            ),
            Some(HttpErrorKind::Connect) => {
                write!(
                    f,
                    "can't connect to the object store{at}: check that it is up and reachable, then try {path} again: {said}"
                )
            }
            Some(HttpErrorKind::Timeout) => write!(
                f,
                "the object store{at} didn't answer in time: check that it is up and reachable, then try {path} again: {said}"
            ),
            _ => write!(
                f,
                "the object store failed on {path}: {said}; check that it is up and reachable, then try again"
            ),
        }
    }
}

/// Whether an error or one of its causes has these words. Of names without an address, and of http where it isn't allowed,
/// the library tells in words only.
fn is_said(error: &(dyn Error + 'static), words: &str) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains(words) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether a store's answer has an error code. Keys can't look so: XML escapes them.
fn has_code(said: &str, code: &str) -> bool {
    said.contains(&format!("<Code>{code}</Code>"))
}

/// The bucket or container of a URL; all of it where it has none.
fn bucket_of(path: &str) -> &str {
    match path.split_once("://") {
        Some((scheme, rest)) => {
            let bucket = rest.find('/').unwrap_or(rest.len());
            &path[..scheme.len() + "://".len() + bucket]
        }
        None => path,
    }
}

/// Where a request went, as the library tells it: scheme, host and port.
fn at_endpoint(said: &str) -> String {
    let url = said.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"));
    let origin = url.and_then(|url| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?']).next().filter(|host| !host.is_empty())?;
        Some(format!(" at {scheme}://{host}"))
    });
    origin.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "Error performing GET http://127.0.0.1:9000/raw?list-type=2 in 3ms - Server returned";

    #[test]
    fn the_codes_of_a_wrong_place_are_told_as_what_they_mean() {
        let answer = |code: &str| format!("{ASKED} 404: <Error><Code>{code}</Code><Message>m</Message></Error>");
        let told = |code: &str| misconfigured(&answer(code), "s3://raw/x/y");
        let missing = "the bucket s3://raw doesn't exist at http://127.0.0.1:9000: make it";
        assert!(told("NoSuchBucket").unwrap().starts_with(missing));
        assert!(
            misconfigured(&answer("ContainerNotFound"), "az://raw/x").unwrap().starts_with("the container az://raw ")
        );
        assert!(told("PermanentRedirect").unwrap().contains("'s3://raw?region=NAME'"));
        assert_eq!((told("NoSuchKey"), told("AuthorizationHeaderMalformed")), (None, None));
        // A key that looks like a code is none.
        let key =
            answer("NoSuchKey").replace("<Message>m", "<Key>&lt;Code&gt;NoSuchBucket&lt;/Code&gt;</Key><Message>m");
        assert_eq!(misconfigured(&key, "s3://raw/x"), None);
    }

    #[test]
    fn wrong_credentials_are_told_from_missing_rights() {
        let told = |code: &str| {
            let said: BodyError = format!("{ASKED} 403: <Code>{code}</Code>").into();
            Denied("s3://raw/x", &said).to_string()
        };
        for code in WRONG_CREDENTIALS {
            let text = told(code);
            assert!(text.contains("doesn't accept the server's credentials for s3://raw at http"), "{text}");
            assert!(text.ends_with(&format!("<Code>{code}</Code>")), "the cause comes last: {text}");
        }
        assert!(told("AccessDenied").starts_with("the object store denied access to s3://raw/x: "));
    }

    #[test]
    fn an_endpoint_without_tls_is_told_of() {
        let said: BodyError = "builder error for url (http://127.0.0.1:9000/raw): URL scheme is not allowed".into();
        let told = Unavailable("s3://raw/x", &said).to_string();
        assert!(told.contains("--object-store-option allow_http=true"), "{told}");
        let said: BodyError = "503 Service Unavailable".into();
        assert!(!Unavailable("s3://raw/x", &said).to_string().contains("allow_http"));
    }

    #[test]
    fn an_endpoint_is_told_without_path_and_query() {
        for (said, expected) in [
            (ASKED, " at http://127.0.0.1:9000"),
            ("GET https://lake.s3.eu-west-1.amazonaws.com?x=1 in", " at https://lake.s3.eu-west-1.amazonaws.com"),
            ("no URL http:// here", ""),
        ] {
            assert_eq!(at_endpoint(said), expected, "{said}");
        }
        assert_eq!(bucket_of("local://trips/x"), "local://trips");
        assert_eq!(bucket_of("/srv/lake"), "/srv/lake");
    }
}
