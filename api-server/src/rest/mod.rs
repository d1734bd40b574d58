//! The REST API that lakeFS's clients speak: the room where its resources will live, one file each, over the same flows
//! as gRPC. Owns the answer to paths that are none, which is all paths for now.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Json, Router};
use serde_json::json;

/// Routes `/api/v1`.
pub fn router() -> Router {
    Router::new().fallback(invalid_endpoint)
}

/// What lakeFS answers to a path that its API doesn't have; its clients tell by it that they are too new.
async fn invalid_endpoint() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, Json(json!({ "message": "invalid API endpoint" })))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn unknown_paths_answer_as_lakefs_s_do() {
        let request = Request::get("/api/v1/repositories").body(Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        assert_eq!(&body[..], br#"{"message":"invalid API endpoint"}"#);
    }
}
