//! The wire format of model, and nothing else.
