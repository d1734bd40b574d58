//! Our side of the rows of REST: the API server's router over a whole Lakebed in one process, with a repository of
//! [`REST_OBJECTS`] objects that were committed. Leaves its composition to `lake`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use api_server::{ApiServer, ApiServerOptions};
use auth::Connection;
use axum::Router;
use axum::body::Body;
use cli::server::Respond;
use http::{Request, Response};
use secrecy::ExposeSecret;
use tower::ServiceExt;

use super::lake::{Lake, repository};
use super::{COUNTS_PATH, Counts, REST_OBJECTS, private};

/// Serves until standard input ends.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let lake = Arc::new(Lake::start(folder).await?);
    lake.create_repository(&repository()).await?;
    lake.stage_many(&repository(), usize::try_from(REST_OBJECTS)?).await?;
    lake.commit(&repository()).await?;
    let keys = (lake.keys.access_key_id.clone(), lake.keys.secret_access_key.expose_secret().to_owned());
    let api = ApiServer::new(lake.graveler.clone(), lake.secrets.clone(), ApiServerOptions::default());
    let counting = lake.clone();
    super::serve(Service { router: api.rest(), counts: Arc::new(move || counting.counts()) }, keys).await?;
    if let Some(lake) = Arc::into_inner(lake) {
        lake.end().await;
    }
    Ok(())
}

/// A router, and what is counted.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) router: Router,
    pub(super) counts: Arc<dyn Fn() -> Counts + Send + Sync>,
}

impl Respond for Service {
    async fn respond(&self, request: Request<Body>) -> Response<Body> {
        // The private paths ask for no proof.
        Connection::is_of_a_caller(request.extensions().get());
        if request.uri().path() == COUNTS_PATH {
            return private(serde_json::to_string(&(self.counts)()).unwrap_or_default());
        }
        match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
}
