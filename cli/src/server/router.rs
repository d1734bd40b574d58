//! One port for everything: tells whose a request is. Owns that decision and the health check; leaves the answer to
//! the role. Invariant: a request that is AWS-signed is S3's whatever its path, so a bucket may be named `api`.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Response, StatusCode, header};
use proto::api::is_signed_call;
use s3_gateway::Gateway;
use tonic::Status;
use tower::ServiceExt;

use super::listen::Respond;

/// The protocols that this port speaks.
#[derive(Clone)]
pub(crate) struct Services {
    pub(crate) grpc: Option<Router>,
    pub(crate) rest: Option<Router>,
    pub(crate) s3: Option<Gateway>,
}

impl Respond for Services {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        if is_grpc(&request) {
            return match &self.grpc {
                Some(grpc) => through(grpc, request).await,
                None => Status::unimplemented("this is the S3 gateway; commands go to the API server").into_http(),
            };
        }
        if request.uri().path() == "/_health" {
            return Response::new(Body::from("ok\n"));
        }
        let (parts, body) = request.into_parts();
        let is_s3 = self.s3.as_ref().is_some_and(|s3| s3.is_s3(&parts));
        let path = parts.uri.path();
        let is_rest = path.starts_with("/api/v1/") || path == "/openapi.json";
        let request = Request::from_parts(parts, body);
        match (&self.s3, &self.rest) {
            (Some(s3), _) if is_s3 => s3.handle(request).await,
            (_, Some(rest)) if is_rest => through(rest, request).await,
            // Unsigned, and for nobody else: S3's refusal is what S3 clients understand.
            (Some(s3), _) => s3.handle(request).await,
            (None, Some(rest)) => through(rest, request).await,
            (None, None) => not_found(),
        }
    }
}

/// Returns whether a request is a gRPC call. An object may be uploaded as `application/grpc` too: that is signed for S3.
fn is_grpc<B>(request: &Request<B>) -> bool {
    let begins = |name, prefix: &[u8]| request.headers().get(name).is_some_and(|h| h.as_bytes().starts_with(prefix));
    let is_of_aws = || {
        let authorization = request.headers().get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        begins(header::AUTHORIZATION, b"AWS") && !authorization.is_some_and(is_signed_call)
    };
    request.method() == Method::POST && begins(header::CONTENT_TYPE, b"application/grpc") && !is_of_aws()
}

async fn through(router: &Router, request: Request<Body>) -> Response<Body> {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("this port serves gRPC\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(&str, &str)]) -> Request<()> {
        let builder = Request::builder().method(method).uri("/x");
        headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value)).body(()).unwrap()
    }

    #[test]
    fn an_object_of_the_type_of_grpc_is_an_object() {
        let (grpc, aws) = (("content-type", "application/grpc"), ("authorization", "AWS4-HMAC-SHA256 Credential=x"));
        assert!(is_grpc(&request(Method::POST, &[grpc, ("authorization", "Basic x")])));
        let signed = "AWS4-HMAC-SHA256 Credential=AK/20261120/us-east-1/lakebed/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=00";
        assert!(is_grpc(&request(Method::POST, &[grpc, ("authorization", signed)])), "a call of ours");
        let of_s3 = signed.replace("/lakebed/", "/s3/");
        assert!(!is_grpc(&request(Method::POST, &[grpc, ("authorization", &of_s3)])));
        assert!(is_grpc(&request(Method::POST, &[("content-type", "application/grpc+proto")])));
        assert!(!is_grpc(&request(Method::PUT, &[grpc, aws])));
        assert!(!is_grpc(&request(Method::PUT, &[grpc])), "pre-signed");
        assert!(!is_grpc(&request(Method::POST, &[grpc, aws])), "a multipart upload");
        assert!(!is_grpc(&request(Method::POST, &[("content-type", "application/xml")])));
    }
}
