//! A MetaStore over gRPC that finds the leader.
