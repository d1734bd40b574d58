//! One port for everything: tells whose a request is. Owns that decision and the health check; leaves the answer to
//! the role. Invariant: a request that is AWS-signed is S3's whatever its path, so a bucket may be named `api`.

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use s3_gateway::Gateway;
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
    async fn respond(&self, request: Request<Incoming>) -> Response<Body> {
        let is_grpc =
            request.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/grpc"));
        let path = request.uri().path();
        if let (true, Some(grpc)) = (is_grpc, &self.grpc) {
            return through(grpc, request).await;
        }
        if path == "/_health" {
            return Response::new(Body::from("ok\n"));
        }
        let (parts, body) = request.into_parts();
        let is_s3 = self.s3.as_ref().is_some_and(|s3| s3.is_s3(&parts));
        let is_rest = parts.uri.path().starts_with("/api/v1/");
        let request = Request::from_parts(parts, body);
        match (&self.s3, &self.rest) {
            (Some(s3), _) if is_s3 => s3.handle(request.map(Body::new)).await,
            (_, Some(rest)) if is_rest => through(rest, request).await,
            // Unsigned, and for nobody else: S3's refusal is what S3 clients understand.
            (Some(s3), _) => s3.handle(request.map(Body::new)).await,
            (None, Some(rest)) => through(rest, request).await,
            (None, None) => not_found(),
        }
    }
}

async fn through(router: &Router, request: Request<Incoming>) -> Response<Body> {
    match router.clone().oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn not_found() -> Response<Body> {
    let mut response = Response::new(Body::from("this port serves gRPC\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
