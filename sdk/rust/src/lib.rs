//! A typed client of Lakebed's public gRPC API.
