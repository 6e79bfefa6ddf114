//! Guards, with a clock that stands still.
