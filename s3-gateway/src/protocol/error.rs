//! S3's error codes, each with its status and what it says by default, in one table; and the answer that an error
//! becomes. Leaves to callers which of their failures is which code. Invariant: an answer to HEAD has no body.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};

use super::xml::Writer;

macro_rules! error_codes {
    ($($name:ident $status:literal $message:literal;)+) => {
        /// An error code of S3. Its name is what clients see and compare.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(#[doc = $message] $name,)+
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as S3 spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)+ };
                StatusCode::from_u16(status).expect("because the table holds statuses between 300 and 599")
            }

            /// What is said when the one who raised it has nothing more precise to say.
            pub fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)+ }
            }
        }
    };
}

error_codes! {
    AccessDenied 403 "Access Denied";
    AuthorizationHeaderMalformed 400 "The authorization header that you provided is not valid.";
    AuthorizationQueryParametersError 400 "The authorization query parameters that you provided are not valid.";
    BadRequest 400 "Bad Request";
    BadDigest 400 "The digest that you specified did not match what was received.";
    BucketAlreadyExists 409 "The requested bucket name is not available. Select a different name and try again.";
    BucketAlreadyOwnedByYou 409 "The bucket that you tried to create already exists, and you own it.";
    BucketNotEmpty 409 "The bucket that you tried to delete is not empty.";
    ConditionalRequestConflict 409 "A conflicting operation occurred during the conditional request. Try again.";
    EntityTooLarge 400 "Your proposed upload exceeds the maximum allowed object size.";
    EntityTooSmall 400 "Your proposed upload is smaller than the minimum allowed size.";
    ExpiredToken 400 "The provided token has expired.";
    ExpiredTokenException 400 "The web identity token has expired. Get a new one.";
    IDPCommunicationError 400 "The identity provider can't be asked for its keys. Try again.";
    IncompleteBody 400 "You did not provide the number of bytes specified by the Content-Length or x-amz-decoded-content-length header.";
    InsufficientStorage 507 "There is no room left to store the object.";
    InternalError 500 "An internal error occurred. Try again.";
    InvalidAccessKeyId 403 "The access key ID that you provided does not exist in our records.";
    InvalidAction 400 "The action is not valid for this endpoint.";
    InvalidArgument 400 "Invalid argument";
    InvalidBucketName 400 "The specified bucket is not valid.";
    InvalidBucketState 409 "The request is not valid with the current state of the bucket.";
    InvalidChunkSizeError 403 "Only the last chunk is allowed to have a size less than 8192 bytes";
    InvalidIdentityToken 400 "The web identity token can't be taken.";
    InvalidDigest 400 "The Content-MD5 or checksum value that you specified is not valid.";
    InvalidEncryptionAlgorithmError 400 "The encryption request that you specified is not valid.";
    InvalidLocationConstraint 400 "The specified location constraint is not valid.";
    InvalidObjectState 403 "The operation is not valid for the current state of the object.";
    InvalidPart 400 "One or more of the specified parts could not be found. The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.";
    InvalidPartNumber 416 "The requested partnumber is not satisfiable.";
    InvalidPartOrder 400 "The list of parts was not in ascending order. Parts must be ordered by part number.";
    InvalidPolicyDocument 400 "The content of the form does not meet the conditions specified in the policy document.";
    InvalidRange 416 "The requested range is not satisfiable";
    InvalidRequest 400 "Invalid Request";
    InvalidStorageClass 400 "The storage class that you specified is not valid.";
    InvalidTag 400 "The tag provided was not a valid tag.";
    InvalidToken 400 "The provided token is malformed or otherwise not valid.";
    InvalidURI 400 "Couldn't parse the specified URI.";
    KeyTooLongError 400 "Your key is too long";
    MalformedPOSTRequest 400 "The body of your POST request is not well-formed multipart/form-data.";
    MalformedTrailerError 400 "The request contained trailing data that was not well-formed or did not conform to our published schema.";
    MalformedXML 400 "The XML that you provided was not well-formed or did not validate against our published schema.";
    MaxMessageLengthExceeded 400 "Your request was too large.";
    MaxPostPreDataLengthExceededError 400 "Your POST request fields preceding the upload file were too large.";
    MetadataTooLarge 400 "Your metadata headers exceed the maximum allowed metadata size.";
    MethodNotAllowed 405 "The specified method is not allowed against this resource.";
    MissingContentLength 411 "You must provide the Content-Length HTTP header.";
    MissingRequestBodyError 400 "Request body is empty.";
    MissingSecurityHeader 400 "Your request is missing a required header.";
    NoSuchBucket 404 "The specified bucket does not exist";
    NoSuchBucketPolicy 404 "The bucket policy does not exist";
    NoSuchCORSConfiguration 404 "The CORS configuration does not exist";
    NoSuchKey 404 "The specified key does not exist.";
    NoSuchLifecycleConfiguration 404 "The lifecycle configuration does not exist";
    NoSuchPublicAccessBlockConfiguration 404 "The public access block configuration was not found";
    NoSuchTagSet 404 "The TagSet does not exist";
    NoSuchUpload 404 "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    NoSuchVersion 404 "The specified version does not exist.";
    NoSuchWebsiteConfiguration 404 "The specified bucket does not have a website configuration";
    NotImplemented 501 "A header or query that you provided implies functionality that is not implemented.";
    NotModified 304 "Not Modified";
    ObjectChanged 409 "The object is not what it was when it was imported.";
    ObjectGone 410 "The object is no longer where it was imported from.";
    ObjectLockConfigurationNotFoundError 404 "Object Lock configuration does not exist for this bucket";
    OperationAborted 409 "A conflicting conditional operation is currently in progress against this resource. Try again.";
    PreconditionFailed 412 "At least one of the pre-conditions you specified did not hold";
    ReplicationConfigurationNotFoundError 404 "The replication configuration was not found";
    RequestHeaderSectionTooLarge 400 "Your request header and query sections exceed the maximum allowed size.";
    RequestTimeout 400 "Your socket connection to the server was not read from or written to within the timeout period.";
    RequestTimeTooSkewed 403 "The difference between the request time and the server's time is too large.";
    ServerSideEncryptionConfigurationNotFoundError 404 "The server side encryption configuration was not found";
    ServiceUnavailable 503 "Service is unable to handle request.";
    SignatureDoesNotMatch 403 "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    SlowDown 503 "Please reduce your request rate.";
    TooManyBuckets 400 "You have attempted to create more buckets than allowed.";
    UnsupportedSignature 400 "The provided request is signed with an unsupported signature version.";
    XAmzContentChecksumMismatch 400 "The checksum that you specified did not match what was received.";
    XAmzContentSHA256Mismatch 400 "The provided 'x-amz-content-sha256' header does not match what was computed.";
}

/// A refusal in S3's terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct S3Error {
    code: ErrorCode,
    message: String,
    /// Further elements of the XML, such as `ArgumentName`.
    details: Vec<(&'static str, String)>,
    /// Further headers of the answer, such as `Content-Range`.
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What an error's answer says about the request.
#[derive(Debug, Clone, Copy)]
pub struct AnswerContext<'a> {
    /// The request's method: HEAD is answered without a body.
    pub method: &'a Method,
    /// The raw path that was asked for.
    pub resource: &'a str,
    /// The request's id.
    pub request_id: &'a str,
}

impl S3Error {
    /// Makes the error with a message of its own, which says what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Refuses something that S3 has and Lakebed lacks, by its name.
    pub fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::NotImplemented, format!("{what} is not implemented."))
            .with_detail("Header", what.to_string())
    }

    /// Refuses the value of a header or query parameter, naming it.
    pub fn invalid_argument(name: &str, value: &str, why: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, why).with_detail("ArgumentName", name).with_detail("ArgumentValue", value)
    }

    /// Refuses a request that contradicts itself.
    pub fn invalid_request(why: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, why)
    }

    /// Adds an element to the XML.
    #[must_use]
    pub fn with_detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a header to the answer. A value that no header can hold is left out.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The `<Error>` document.
    pub fn to_xml(&self, resource: &str, request_id: &str) -> String {
        let mut xml = Writer::document();
        xml.open("Error");
        xml.text("Code", self.code.as_str());
        xml.text("Message", &self.message);
        for (name, value) in &self.details {
            xml.text(name, value);
        }
        xml.text("Resource", resource);
        xml.text("RequestId", request_id);
        xml.text("HostId", request_id);
        xml.close();
        xml.finish()
    }

    /// The whole answer. 304 and answers to HEAD have no body.
    pub fn to_response(&self, context: AnswerContext<'_>) -> Response<Bytes> {
        let bare = context.method == Method::HEAD || self.code == ErrorCode::NotModified;
        let body = if bare { Bytes::new() } else { self.to_xml(context.resource, context.request_id).into() };
        let mut response = Response::new(body);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if !bare {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        }
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Ok(id) = HeaderValue::from_str(context.request_id) {
            headers.insert("x-amz-request-id", id.clone());
            headers.insert("x-amz-id-2", id);
        }
        response
    }
}

impl From<ErrorCode> for S3Error {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_head_has_no_body_and_others_have_xml() {
        let error = S3Error::from(ErrorCode::NoSuchKey);
        let context = AnswerContext { method: &Method::GET, resource: "/b/a&b", request_id: "R1" };
        let answer = error.to_response(context);
        assert_eq!(answer.status(), 404);
        assert_eq!(
            answer.body(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does \
             not exist.</Message><Resource>/b/a&amp;b</Resource><RequestId>R1</RequestId><HostId>R1</HostId></Error>"
        );
        let answer = error.to_response(AnswerContext { method: &Method::HEAD, ..context });
        assert_eq!((answer.status().as_u16(), answer.body().len()), (404, 0));
        assert_eq!(answer.headers()["x-amz-request-id"], "R1");
    }

    #[test]
    fn every_code_has_a_status_and_a_message() {
        for code in ErrorCode::ALL {
            assert!(code.status().as_u16() >= 300, "{code:?}");
            assert!(!code.message().is_empty(), "{code:?}");
        }
        assert_eq!(ErrorCode::PreconditionFailed.status(), 412);
        assert_eq!(ErrorCode::ConditionalRequestConflict.status(), 409);
        assert_eq!(ErrorCode::InvalidRange.status(), 416);
    }
}
