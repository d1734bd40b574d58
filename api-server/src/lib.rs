//! The public REST and gRPC API, and the home of the flows.
