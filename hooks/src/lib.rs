//! Runs the actions that a repository declares and says yes or no.
