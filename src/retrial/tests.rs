//! Kept events judged again.
