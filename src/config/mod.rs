//! The configuration: files and environment in, [`Settings`] and findings out.
//!
//! | file | what it does |
//! |---|---|
//! | `files` | finds, reads and merges the files, on a tree that knows the place of everything |
//! | `environment` | the only reader of the process's environment; secrets |
//! | `overrides` | `HOOKREEVE__SECTION__KEY` as settings |
//! | `layers` | the environment over the files |
//! | `sections` | which top-level names there are |
//! | `settings` | the fixed sections, added up from the modules that own them |
//! | `system` | what the sections of all systems have in common |
//! | `shape`, `schema` | what the JSON Schema says of each position, here and for editors |
//! | `paths`, `conceal` | what the schema's marks are for: files to resolve and watch, lines not to show |
//! | `shadow` | the shadow file, of which only what bears on rules counts |
//! | `load` | all of this in one call |
//! | `secrets` | which of the secrets and files that it names are not there |
//! | `watch` | says when to call it again |
//!
//! What a rule or a lookup means is not known here: lists are handed on as they were written.

mod attributes;
mod conceal;
mod environment;
mod files;
mod layers;
mod load;
mod overrides;
mod paths;
mod schema;
mod secrets;
mod sections;
mod settings;
mod shadow;
mod shape;
mod system;
#[cfg(test)]
mod tests;

pub mod cymmetri;
pub mod log;
pub mod lumos;
pub mod metrics;
pub mod optimalcloud;
pub mod paylocity;
pub mod reload;
pub mod server;
pub mod watch;

pub use attributes::AttributeType;
pub use environment::{Environment, Secrets};
pub use load::{Loaded, load};
pub use schema::schema;
pub use settings::Settings;
pub use shadow::Shadow;
