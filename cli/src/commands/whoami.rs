//! `lakebed whoami`: whom the server sees.

use anyhow::Result;
use clap::Args;
use lakebed_sdk::Lakebed;
use serde_json::json;

use crate::output::{Output, shown};

#[derive(Args, Debug)]
pub(crate) struct WhoAmI {}

impl WhoAmI {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let who = lakebed.who_am_i().await?;
        let value = json!({ "id": who.user_id, "name": who.user_name, "access_key_id": who.access_key_id });
        output.item(&value, || format!("{} (access key {})", shown(who.user_name.as_str()), who.access_key_id))
    }
}
