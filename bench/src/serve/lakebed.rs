//! Our side: the S3 gateway over a whole Lakebed in one process. Leaves its composition to `lake`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use auth::Connection;
use axum::body::Body;
use cli::server::Respond;
use http::{Request, Response, StatusCode};
use s3_gateway::{Gateway, GatewayOptions};
use secrecy::ExposeSecret;

use super::lake::{Lake, repository};
use super::{COMMIT_PATH, COUNTS_PATH, private};

/// Serves until standard input ends.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let lake = Arc::new(Lake::start(folder).await?);
    lake.create_repository(&repository()).await?;
    let keys = (lake.keys.access_key_id.clone(), lake.keys.secret_access_key.expose_secret().to_owned());
    let gateway = Gateway::new(lake.graveler.clone(), lake.secrets.clone(), GatewayOptions::default());
    super::serve(Service { gateway, lake: lake.clone() }, keys).await?;
    if let Some(lake) = Arc::into_inner(lake) {
        lake.end().await;
    }
    Ok(())
}

#[derive(Clone)]
struct Service {
    gateway: Gateway,
    lake: Arc<Lake>,
}

impl Respond for Service {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        // The private paths ask for no proof.
        Connection::is_of_a_caller(request.extensions().get());
        match request.uri().path() {
            COUNTS_PATH => private(serde_json::to_string(&self.lake.counts()).unwrap_or_default()),
            COMMIT_PATH => match self.lake.commit(&repository()).await {
                Ok(id) => private(id.to_string()),
                Err(error) => {
                    let mut answer = private(error.to_string());
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    answer
                }
            },
            _ => self.gateway.handle(request).await,
        }
    }
}
