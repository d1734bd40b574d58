//! The harness of the black-box tests: real `lakebed` processes on port 0 and in temporary folders, and the real
//! clients that drive them.
//!
//! Owns starting, killing and starting servers again, and running commands against them; the scenarios are in
//! `tests/black_box/`. Invariant: no process outlives the test that started it.

mod clients;
mod faulty_store;
mod issuer;
mod process;
mod s3;
mod server;
mod tls;
mod transcript;

pub use clients::{client, client_with, clients_folder};
pub use faulty_store::{Fault, FaultyStore};
pub use issuer::TestIssuer;
pub use process::ServerProcess;
pub use s3::{s3_client, s3_client_of};
pub use server::{Settings, TestServer, lakebed_binary};
pub use tls::TestAuthority;
pub use transcript::transcript;
