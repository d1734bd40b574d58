//! Where S3 is spoken: at the server itself, or at the gateway that it names when roles are apart.

use anyhow::Result;
use clap::Args;
use lakebed_sdk::S3Place;

use crate::connection::Target;
use crate::exit::usage;
use crate::server::checked_s3_endpoint;

/// The option of commands that are about S3.
#[derive(Args, Debug)]
pub(crate) struct S3EndpointArgs {
    /// Where S3 is spoken [default: where the server says: at its own URL, or at its S3 gateway's]
    #[arg(long, env = "LAKEBED_S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,
}

impl S3EndpointArgs {
    /// The URL, if it was named.
    pub(crate) fn named(&self) -> Option<&str> {
        self.s3_endpoint.as_deref().filter(|named| !named.is_empty())
    }

    /// The URL that was named, else the one that the server tells.
    pub(crate) async fn find(&self, target: &Target) -> Result<String> {
        if let Some(named) = self.named() {
            return checked_s3_endpoint(named.to_owned());
        }
        let who = target.connect()?.who_am_i().await.map_err(|error| target.explain(error.into()))?;
        match who.s3 {
            S3Place::Here => Ok(target.server.endpoint.clone()),
            S3Place::At(url) => Ok(url),
            S3Place::Unknown => usage!(
                "{} doesn't speak S3, and doesn't know where its S3 gateway is: name the gateway here with --s3-endpoint, \
                 or start the API server with --s3-endpoint",
                target.server.endpoint
            ),
        }
    }
}
