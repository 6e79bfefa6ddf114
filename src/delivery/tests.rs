//! Workers over a real journal and targets that a test plays.
