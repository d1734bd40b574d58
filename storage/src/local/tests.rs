//! What the common suite can't see of a local store: the order of its steps, what a crash leaves, what it refuses.
