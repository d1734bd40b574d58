//! `lakebed import`: takes objects into a branch where they lie. It is a job of the server: this command shows how far
//! it is, and may be left.

use anyhow::Result;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use lakebed_sdk::{ImportSource, Imported, Lakebed, NewImport, RequestId};

use super::request::{RequestArgs, answer, began};
use super::{parse_pair, to_map};
use crate::exit::usage;
use crate::output::{Output, count};
use crate::uri::RefUri;
use crate::view;

#[derive(Args, Debug)]
pub(crate) struct Import {
    /// lakebed://repository/branch
    branch: RefUri,
    /// What to import: the URL of a folder (s3://bucket/prefix/, gs://…, az://…, file:///folder/) or of an object, in
    /// the server's own object store or in a place of the server's --import-allow (may be given several times)
    #[arg(long, value_name = "URL", required = true)]
    from: Vec<String>,
    /// Where to, one for each --from: a path with a slash at its end (or empty, for the top) is the folder of all that is under
    /// the source, else the path of the one object that the source is
    #[arg(long, value_name = "PATH", required = true)]
    to: Vec<String>,
    /// Why [default: the sources]
    #[arg(long, short, value_parser = NonEmptyStringValueParser::new())]
    message: Option<String>,
    /// Attach NAME=VALUE to the commit (may be given several times)
    #[arg(long, alias = "metadata", value_name = "NAME=VALUE", value_parser = parse_pair)]
    meta: Vec<(String, String)>,
    /// Leave out what can't be imported (keys that are too long, links, Lakebed's own files) instead of failing
    #[arg(long)]
    skip_unusable: bool,
    #[command(flatten)]
    request: RequestArgs,
}

impl Import {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let (repository, branch) = (&self.branch.repository, self.branch.branch()?);
        let id = self.request.id();
        let new = self.new_import(id)?;
        if self.request.is_detached() {
            return began(lakebed.begin_import(repository, &branch, new).await?, repository, output);
        }
        let imported = answer(lakebed, repository, id, async || lakebed.import(repository, &branch, new.clone()).await);
        self.print(&imported.await?, output)
    }

    fn new_import(&self, id: RequestId) -> Result<NewImport> {
        if self.from.len() != self.to.len() {
            usage!("give one --to for each --from, in the same order: --from s3://bucket/prefix/ --to folder/");
        }
        let sources = self.from.iter().cloned().zip(&self.to).map(|(from, to)| {
            if !from.contains("://") {
                usage!(
                    "{from} is no URL: name a folder of the server's disk as file:///folder/; your own files are uploaded with \
                     `lakebed fs upload --recursive`"
                );
            }
            let is_folder = to.is_empty() || to.ends_with('/');
            if is_folder {
                return Ok(ImportSource::Prefix { from, to: to.clone() });
            }
            if from.ends_with('/') {
                usage!("{from} is a folder: end its destination with a slash too, as in --to {to}/");
            }
            Ok(ImportSource::Object { from, to: to.parse()? })
        });
        Ok(NewImport {
            sources: sources.collect::<Result<_>>()?,
            message: self.message.clone().unwrap_or_else(|| format!("Import {}", self.from.join(", "))),
            metadata: to_map(&self.meta),
            skip_unusable: self.skip_unusable,
            request_id: Some(id),
        })
    }

    fn print(&self, imported: &Imported, output: Output) -> Result<()> {
        let Imported { commit, objects, skipped } = imported;
        let mut value = view::commit(commit);
        (value["objects"], value["skipped"]) = ((*objects).into(), (*skipped).into());
        output.item(&value, || {
            let left_out =
                if *skipped == 0 { String::new() } else { format!(", {} left out", count(*skipped, "object")) };
            let id = commit.id.to_string();
            format!("Imported {}{left_out} into {} as {}", count(*objects, "object"), self.branch, view::short(&id))
        })
    }
}
