//! Replicates small facts with Raft and answers questions about them.
