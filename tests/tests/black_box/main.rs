//! Black-box tests of the product: real processes, real clients, faults.

mod clients;
mod disk_full;
mod kill;
mod object_store_faults;
mod workspace;
