//! The metadata service as a request with `force` sees it: a read-only repository takes its writes. lakeFS lets a request say
//! so, to mend a mirror for instance; protected branches and rights stay what they are. Invariant: only requests with `force`
//! go through here, so all others are judged as ever.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Answer, Command, MetaError, MetaStore, Outcome, Query};

/// A view of the service.
pub(super) struct Forced(pub(super) Arc<dyn MetaStore>);

#[async_trait]
impl MetaStore for Forced {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.0.write(Command::Forced(Box::new(command))).await
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        let mut answer = self.0.read(query).await?;
        match &mut answer {
            Answer::Repository(repository) => repository.read_only = false,
            Answer::Lookup(found) => found.repository.read_only = false,
            Answer::Settings(found) => found.repository.read_only = false,
            _ => {}
        }
        Ok(answer)
    }
}
