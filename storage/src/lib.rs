//! The only place that opens an object store.
