//! The room for other nodes: how Raft's messages reach them. This release runs one voter, so nothing is ever sent;
//! each call says so instead of pretending. More nodes come with gRPC here and heartbeats on their own channel.

use std::future::Future;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::impls::BasicNode;
use openraft::network::RPCOption;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};

use super::snapshot::SnapshotFolder;
use super::types::{TypeConfig, Vote};

/// Makes connections to other nodes, of which there are none.
pub(crate) struct NoNetwork;

/// A connection that can't be made.
pub(crate) struct NoConnection {
    target: u64,
}

impl NoConnection {
    fn unreachable(&self) -> Unreachable<TypeConfig> {
        let target = self.target;
        Unreachable::from_string(format!(
            "node {target} can't be reached: this release runs one voter and has no network"
        ))
    }
}

impl RaftNetworkFactory<TypeConfig> for NoNetwork {
    type Network = NoConnection;

    async fn new_client(&mut self, target: u64, _node: &BasicNode) -> NoConnection {
        NoConnection { target }
    }
}

impl RaftNetworkV2<TypeConfig> for NoConnection {
    type SnapshotData = SnapshotFolder;

    async fn append_entries(
        &mut self,
        _rpc: AppendEntriesRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(self.unreachable().into())
    }

    async fn vote(
        &mut self,
        _rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(self.unreachable().into())
    }

    async fn pre_vote(
        &mut self,
        _rpc: VoteRequest<TypeConfig>,
        _option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        Err(self.unreachable().into())
    }

    async fn full_snapshot(
        &mut self,
        _vote: Vote,
        _snapshot: openraft::type_config::alias::SnapshotOf<TypeConfig, SnapshotFolder>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        Err(self.unreachable().into())
    }
}
