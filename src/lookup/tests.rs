//! Lookups, and the files that they look into.
