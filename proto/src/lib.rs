//! The wire format of `model`, and nothing else.
//!
//! Owns the `.proto` files, the code made of them, and the conversions between both worlds: [`api`] for the public API,
//! [`metadata`] for what the metadata service logs, keeps and sends. Leaves it to servers and clients to send them.
//! Invariant: what a conversion accepts is valid by `model`'s rules.

pub mod api;
pub mod metadata;

/// The generated code, one module a package.
pub mod generated {
    /// Package `lakebed.api.v1`: messages, and a client and a server module for each service.
    #[expect(unused_qualifications, clippy::allow_attributes, reason = "generated")]
    pub mod api {
        tonic::include_proto!("lakebed.api.v1");
    }

    /// Package `lakebed.metadata.v1`: messages, `meta_service_client` and `meta_service_server`.
    #[expect(unused_qualifications, clippy::allow_attributes, reason = "generated")]
    pub mod metadata {
        tonic::include_proto!("lakebed.metadata.v1");
    }
}
