//! `aws-sigv4` signs, we verify: odd paths, queries and headers, signed in the header and in the query; and whatever is
//! changed afterwards is refused.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

pub(super) const NOW: &str = "2026-11-20T09:30:00Z";

pub(super) fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

/// Now, and so many seconds more or less.
pub(super) fn now_offset(seconds: i64) -> SystemTime {
    (now() + chrono::Duration::seconds(seconds)).into()
}

/// A request that is to be signed, or was.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) payload: String,
    pub(super) service: &'static str,
    pub(super) secret: &'static str,
    region: String,
    time: SystemTime,
}

impl Signed {
    pub(super) fn new(method: &str, uri: &str, headers: &[(&str, &str)]) -> Self {
        let mut all = vec![("host".to_owned(), "lake.test:8000".to_owned())];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers: all,
            payload: UNSIGNED.to_owned(),
            service: "s3",
            secret: SECRET,
            region: "us-east-1".to_owned(),
            time: now_offset(0),
        }
    }

    pub(super) fn at(mut self, time: SystemTime) -> Self {
        self.time = time;
        self
    }

    pub(super) fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    pub(super) fn sign(self) -> Self {
        self.signed(SignatureLocation::Headers, None)
    }

    pub(super) fn pre_sign(self, seconds: u64) -> Self {
        self.signed(SignatureLocation::QueryParams, Some(Duration::from_secs(seconds)))
    }

    fn signed(mut self, location: SignatureLocation, expires_in: Option<Duration>) -> Self {
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = match location {
            SignatureLocation::QueryParams => PayloadChecksumKind::NoHeader,
            _ => PayloadChecksumKind::XAmzSha256,
        };
        settings.signature_location = location;
        settings.expires_in = expires_in;
        let identity = Credentials::from_keys(KEY, self.secret, None).into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(self.time)
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = match self.payload.as_str() {
            UNSIGNED => SignableBody::UnsignedPayload,
            other => SignableBody::Precomputed(other.to_owned()),
        };
        let uri = format!("http://lake.test:8000{}", self.uri);
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let request = SignableRequest::new(&self.method, uri, headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let (headers, query) = instructions.into_parts();
        self.headers.extend(headers.iter().map(|header| (header.name().to_owned(), header.value().to_owned())));
        for (name, value) in query {
            let separator = if self.uri.contains('?') { '&' } else { '?' };
            self.uri.push_str(&format!("{separator}{name}={}", utf8_percent_encode(&value, STRICT)));
        }
        self
    }

    pub(super) fn edit_header(&mut self, name: &str, edit: impl Fn(&str) -> String) {
        let (_, value) = self.headers.iter_mut().find(|(other, _)| other == name).unwrap();
        *value = edit(value);
    }

    pub(super) fn parts(&self) -> Parts {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        parts(&self.method, &self.uri, &headers)
    }
}

pub(super) fn receive(signed: &Signed) -> Result<Request, S3Error> {
    super::receive(&signed.parts(), NOW)
}

/// What signatures encode.
const STRICT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &STRICT.remove(b'/');
/// What a sloppier client encodes, which then signs the path as it sends it.
const SLOPPY: &AsciiSet = &PATH.remove(b'@').remove(b'+').remove(b':').remove(b'=').remove(b'!').remove(b'$');

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9/ +%@:=!$&?#;,~_.*'()\"<>\\[\\]{}|^`\\\\-]{1,40}",
        "(\\PC|/|//|\\.\\./|%2F){1,12}",
        prop::collection::vec(any::<char>(), 1..12).prop_map(String::from_iter),
    ]
}

fn request() -> impl Strategy<Value = (Signed, String)> {
    let query = prop::collection::btree_map("q-[a-zA-Z0-9 +/=é~*]{0,8}", "[a-zA-Z0-9 +/=&%~*日-]{0,10}", 0..4);
    let metadata = prop::collection::btree_map("[a-z0-9-]{1,6}", "[!-~é日]([ -~é日]{0,12}[!-~é日])?", 0..4);
    (prop::sample::select(vec!["GET", "PUT", "HEAD", "DELETE"]), key(), any::<bool>(), query, metadata).prop_map(
        |(method, key, sloppy, query, metadata)| {
            let encoded = utf8_percent_encode(&key, if sloppy { SLOPPY } else { PATH }).to_string();
            let encode = |text| utf8_percent_encode(text, STRICT).to_string();
            let query: Vec<_> =
                query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
            let mut uri = format!("/trips/{encoded}");
            if !query.is_empty() {
                uri = format!("{uri}?{}", query.join("&"));
            }
            let metadata: Vec<_> = metadata.iter().map(|(n, value)| (format!("x-amz-meta-{n}"), value)).collect();
            let headers: Vec<_> = metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            (Signed::new(method, &uri, &headers), key)
        },
    )
}

#[derive(Debug, Clone)]
enum Tampering {
    Method,
    Path,
    AddParameter,
    DropLastOfUri,
    HeaderValue(prop::sample::Index),
    DropHeader(prop::sample::Index),
    Authorization(prop::sample::Index),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        Just(Tampering::Method),
        Just(Tampering::Path),
        Just(Tampering::AddParameter),
        Just(Tampering::DropLastOfUri),
        any::<prop::sample::Index>().prop_map(Tampering::HeaderValue),
        any::<prop::sample::Index>().prop_map(Tampering::DropHeader),
        any::<prop::sample::Index>().prop_map(Tampering::Authorization),
    ]
}

/// Changes what was signed; whether it did.
fn tamper(signed: &mut Signed, tampering: &Tampering) -> bool {
    let amz: Vec<usize> = (0..signed.headers.len()).filter(|i| signed.headers[*i].0.starts_with("x-amz-")).collect();
    match tampering {
        Tampering::Method => signed.method = if signed.method == "PUT" { "DELETE" } else { "PUT" }.into(),
        Tampering::Path => signed.uri = signed.uri.replacen("/trips/", "/trips/x", 1),
        Tampering::AddParameter => {
            signed.uri.push(if signed.uri.contains('?') { '&' } else { '?' });
            signed.uri.push_str("q-added");
        }
        Tampering::DropLastOfUri => {
            let last = signed.uri.pop().unwrap();
            // An empty name without a value is no parameter at all.
            return !matches!(last, '=' | '&') && signed.uri.parse::<http::Uri>().is_ok();
        }
        Tampering::HeaderValue(index) if !amz.is_empty() => signed.headers[*index.get(&amz)].1.push('x'),
        Tampering::DropHeader(index) if !amz.is_empty() => {
            signed.headers.remove(*index.get(&amz));
        }
        Tampering::Authorization(index) => {
            let Some((_, value)) = signed.headers.iter_mut().find(|(name, _)| name == "authorization") else {
                return false;
            };
            let at = index.index(value.len());
            let changed = if value.as_bytes()[at] == b'0' { "1" } else { "0" };
            value.replace_range(at..=at, changed);
        }
        Tampering::HeaderValue(_) | Tampering::DropHeader(_) => return false,
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_the_oracle_signs_is_accepted_and_tampering_refused(
        (request, key) in request(),
        pre_signed in any::<bool>(),
        tampering in tampering(),
    ) {
        // Parameters that mean nothing are refused, but only once the signature over them has matched.
        let refused = if request.uri.contains('?') { Some(ErrorCode::NotImplemented) } else { None };
        let mut signed = if pre_signed { request.pre_sign(300) } else { request.sign() };
        match receive(&signed) {
            Ok(received) => prop_assert_eq!((received.address.key, refused), (Some(key), None)),
            Err(error) => prop_assert_eq!(Some(error.code()), refused, "{:?}\n{:?}", error, signed),
        }
        if tamper(&mut signed, &tampering) {
            let received = receive(&signed);
            prop_assert!(received.is_err_and(|e| e.code() != ErrorCode::NotImplemented), "{:?} {:?}", tampering, signed);
        }
    }
}
