//! The future that a trait object can hand out.

use std::pin::Pin;

/// A future that is sent between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
