//! Decides whether a caller may do an action on a resource; pure.
