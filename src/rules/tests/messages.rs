//! What is said of expressions as people write them who come from JavaScript, SQL or SpEL.
