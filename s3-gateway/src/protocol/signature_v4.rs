//! AWS Signature Version 4 of whole requests, in the `Authorization` header or in the query (pre-signed). Leaves
//! canonical forms, keys and bodies to their own files. Invariant: every `x-amz-*` header that is there is signed, and
//! the date holds, before a signature counts.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use http::HeaderMap;
use http::request::Parts;
use object_http::parse_http_date;

use super::canonical::{CanonicalRequest, SIGNATURE_PARAMETER, candidate_paths};
use super::error::{ErrorCode, S3Error};
use super::headers::single;
use super::payload::UNSIGNED;
use super::query::Query;
use super::signing_key::SigningKey;

/// The only algorithm.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far a request's date may be off, in minutes.
pub(crate) const SKEW_MINUTES_MAX: i64 = 15;

/// The longest life of a pre-signed URL, in seconds: seven days.
pub(crate) const EXPIRES_SECONDS_MAX: i64 = 604_800;

pub(crate) const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// What a request is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    S3,
    Sts,
}

impl Service {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }
}

/// What a request says of its signature; nothing of it is proven yet, but its dates hold.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    pub(crate) day: String,
    pub(crate) region: String,
    /// `20261120T093000Z`.
    pub(crate) timestamp: String,
    service: Service,
    signed_headers: Vec<String>,
    pub(crate) signature: String,
    /// What stands for the payload in the canonical request.
    pub(crate) payload: String,
}

impl Claim {
    /// Reads the `Authorization` header. The payload is given where no header speaks of it.
    ///
    /// # Errors
    /// AuthorizationHeaderMalformed, RequestTimeTooSkewed, AccessDenied for headers that aren't signed.
    pub(crate) fn of_header(
        authorization: &str,
        headers: &HeaderMap,
        now: DateTime<Utc>,
        service: Service,
        payload: Option<String>,
    ) -> Result<Self, S3Error> {
        let fields = authorization.strip_prefix(ALGORITHM).unwrap_or_default();
        let field = |name: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
            match (found.next(), found.next()) {
                (Some(value), None) => Ok(value),
                _ => Err(malformed_header(format!("it must have exactly one {name}"))),
            }
        };
        let scope = Scope::parse(field("Credential")?, service).map_err(malformed_header)?;
        let time = header_time(headers)?;
        check_skew(time, now)?;
        if scope.day != time.format("%Y%m%d").to_string() {
            return Err(malformed_header(format!("its day {} isn't the day of the request's date", scope.day)));
        }
        let declared = single(headers, "x-amz-content-sha256")?.map(str::to_owned);
        let payload = payload.or(declared).ok_or_else(|| {
            S3Error::invalid_request("Missing required header for this request: x-amz-content-sha256")
        })?;
        let claim = Self {
            access_key_id: scope.access_key_id.to_owned(),
            day: scope.day.to_owned(),
            region: scope.region.to_owned(),
            timestamp: time.format(DATE_FORMAT).to_string(),
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?.to_owned(),
            service,
            payload,
        };
        claim.check_signed_headers(headers)?;
        Ok(claim)
    }

    /// Reads the query of a pre-signed URL.
    ///
    /// # Errors
    /// AuthorizationQueryParametersError; AccessDenied when it has expired, isn't valid yet, or headers aren't signed.
    pub(crate) fn of_query(query: &Query, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Self, S3Error> {
        let parameter = |name: &str| match query.get(name) {
            Some(value) if !query.repeats(name) => Ok(value),
            _ => Err(malformed_query(format!("Query-string authentication requires exactly one {name}."))),
        };
        if parameter("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed_query("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"".to_owned()));
        }
        let scope = Scope::parse(parameter("X-Amz-Credential")?, Service::S3)
            .map_err(|why| malformed_query(format!("Error parsing the X-Amz-Credential parameter; {why}.")))?;
        let timestamp = parameter("X-Amz-Date")?;
        let time = parse_timestamp(timestamp).ok_or_else(|| {
            malformed_query("X-Amz-Date must be in the ISO8601 format \"yyyyMMdd'T'HHmmss'Z'\"".into())
        })?;
        if scope.day != time.format("%Y%m%d").to_string() {
            return Err(malformed_query(format!(
                "The day {} of X-Amz-Credential isn't that of X-Amz-Date.",
                scope.day
            )));
        }
        check_expiry(time, parameter("X-Amz-Expires")?, now)?;
        let payload = match query.get("X-Amz-Content-Sha256") {
            Some(payload) => Some(payload),
            None => single(headers, "x-amz-content-sha256")?,
        };
        let claim = Self {
            access_key_id: scope.access_key_id.to_owned(),
            day: scope.day.to_owned(),
            region: scope.region.to_owned(),
            timestamp: timestamp.to_owned(),
            signed_headers: parameter("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: parameter(SIGNATURE_PARAMETER)?.to_owned(),
            service: Service::S3,
            payload: payload.unwrap_or(UNSIGNED).to_owned(),
        };
        claim.check_signed_headers(headers)?;
        Ok(claim)
    }

    /// The scope as strings to sign have it.
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.day, self.region, self.service.as_str())
    }

    /// Verifies the signature with the key that the secret gives.
    ///
    /// # Errors
    /// SignatureDoesNotMatch, with what was signed here so that a client's author can compare.
    pub(crate) fn verify(
        &self,
        parts: &Parts,
        query: &Query,
        headers: &HeaderMap,
        key: &SigningKey,
    ) -> Result<(), S3Error> {
        let names: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let paths = candidate_paths(parts.uri.path());
        let canonical = |path| CanonicalRequest {
            method: &parts.method,
            path,
            query,
            headers,
            signed_headers: &names,
            payload: &self.payload,
        };
        let string_to_sign =
            |path| format!("{ALGORITHM}\n{}\n{}\n{}", self.timestamp, self.scope(), canonical(path).digest());
        if paths.iter().any(|path| key.verifies(&string_to_sign(path), &self.signature)) {
            return Ok(());
        }
        Err(S3Error::from(ErrorCode::SignatureDoesNotMatch)
            .with_detail("AWSAccessKeyId", &self.access_key_id)
            .with_detail("StringToSign", string_to_sign(&paths[0]))
            .with_detail("SignatureProvided", &self.signature)
            .with_detail("CanonicalRequest", String::from_utf8_lossy(&canonical(&paths[0]).to_bytes())))
    }

    /// Checks that `host` and every `x-amz-*` header are signed: an unsigned one could have been added by anybody.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), S3Error> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        let mut missing: Vec<&str> =
            headers.keys().map(|name| name.as_str()).filter(|n| n.starts_with("x-amz-") && !is_signed(n)).collect();
        if !is_signed("host") {
            missing.push("host");
        }
        match missing.is_empty() {
            true => Ok(()),
            false => {
                let why = "There were headers present in the request which were not signed";
                Err(S3Error::new(ErrorCode::AccessDenied, why).with_detail("HeadersNotSigned", missing.join(", ")))
            }
        }
    }
}

/// The credential: `KEY/20261120/us-east-1/s3/aws4_request`.
pub(super) struct Scope<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) day: &'a str,
    pub(super) region: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn parse(text: &'a str, wanted: Service) -> Result<Self, String> {
        let mut fields = text.rsplitn(5, '/');
        let mut next = || fields.next().filter(|field| !field.is_empty()).ok_or("the Credential has too few fields");
        let (terminal, service, region, day) = (next()?, next()?, next()?, next()?);
        let access_key_id = next()?;
        if terminal != "aws4_request" {
            return Err(format!("incorrect terminal \"{terminal}\". This endpoint uses \"aws4_request\""));
        }
        if service != wanted.as_str() {
            let wanted = wanted.as_str();
            return Err(format!("incorrect service \"{service}\". This endpoint belongs to \"{wanted}\""));
        }
        Ok(Self { access_key_id, day, region })
    }
}

pub(super) fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    // The format alone would take fewer digits.
    let time = NaiveDateTime::parse_from_str(text, DATE_FORMAT).ok()?.and_utc();
    (time.format(DATE_FORMAT).to_string() == text).then_some(time)
}

/// The date of a request that is signed in its header: `x-amz-date`, else `Date`.
fn header_time(headers: &HeaderMap) -> Result<DateTime<Utc>, S3Error> {
    let refused = || {
        let why = "AWS authentication requires a valid Date or x-amz-date header";
        S3Error::new(ErrorCode::AccessDenied, why)
    };
    match single(headers, "x-amz-date")? {
        Some(date) => parse_timestamp(date).ok_or_else(refused),
        None => {
            let date = single(headers, "date")?.ok_or_else(refused)?;
            parse_timestamp(date).or_else(|| parse_http_date(date)).ok_or_else(refused)
        }
    }
}

pub(super) fn check_skew(time: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), S3Error> {
    let skew_max = Duration::minutes(SKEW_MINUTES_MAX);
    match (now - time).abs() > skew_max {
        false => Ok(()),
        true => Err(S3Error::from(ErrorCode::RequestTimeTooSkewed)
            .with_detail("RequestTime", time.format(DATE_FORMAT).to_string())
            .with_detail("ServerTime", now.format("%Y-%m-%dT%H:%M:%SZ").to_string())
            .with_detail("MaxAllowedSkewMilliseconds", skew_max.num_milliseconds().to_string())),
    }
}

fn check_expiry(time: DateTime<Utc>, expires: &str, now: DateTime<Utc>) -> Result<(), S3Error> {
    let is_number = expires.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = expires
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or_else(|| malformed_query("X-Amz-Expires should be a number".to_owned()))?;
    if !(1..=EXPIRES_SECONDS_MAX).contains(&seconds) {
        return Err(malformed_query(
            "X-Amz-Expires must be at least 1 and less than a week (in seconds); that is, the given X-Amz-Expires must \
             be at most 604800 seconds"
                .to_owned(),
        ));
    }
    if time > now + Duration::minutes(SKEW_MINUTES_MAX) {
        return Err(S3Error::new(ErrorCode::AccessDenied, "Request is not yet valid"));
    }
    let end = time + Duration::seconds(seconds);
    match end < now {
        true => Err(expired(end, now).with_detail("X-Amz-Expires", expires)),
        false => Ok(()),
    }
}

/// Refuses a pre-signed URL whose time is over.
pub(crate) fn expired(end: DateTime<Utc>, now: DateTime<Utc>) -> S3Error {
    S3Error::new(ErrorCode::AccessDenied, "Request has expired")
        .with_detail("Expires", end.format("%Y-%m-%dT%H:%M:%SZ").to_string())
        .with_detail("ServerTime", now.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn malformed_header(why: impl std::fmt::Display) -> S3Error {
    let message = format!("The authorization header is malformed; {why}.");
    S3Error::new(ErrorCode::AuthorizationHeaderMalformed, message)
}

fn malformed_query(why: String) -> S3Error {
    S3Error::new(ErrorCode::AuthorizationQueryParametersError, why)
}
