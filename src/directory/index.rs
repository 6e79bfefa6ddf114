//! Keeping the index of the directory in the forms that the configuration says.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use super::Directory;
use crate::journal::FieldKey;

/// How long to wait before the index is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// How the index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Indexed {
    /// It was not looked at yet.
    Unknown,
    /// It has the forms that are asked for.
    Ready,
    /// It is made anew; so many people are done.
    Making(u64),
    /// It cannot be made.
    Failed(String),
}

/// Why a field cannot be asked about.
pub(super) fn not_of_everybody(name: &str) -> String {
    format!("`{name}` is not known of everybody yet: `hookreeve directory rebuild` or `import`")
}

impl Directory {
    /// Brings the index up to date, again where it fails, until it is.
    pub async fn keep_indexed(&self) {
        loop {
            match self.bring_up_to_date().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(error, "the directory cannot be indexed: its lookups fail until it is");
                    self.indexed.send_replace(Indexed::Failed(error));
                    sleep(AGAIN).await;
                }
            }
        }
    }

    /// Brings the index up to date.
    pub async fn bring_up_to_date(&self) -> Result<(), String> {
        let (fields, told) = (self.plan.fields.clone(), self.indexed.clone());
        let progress = move |done| {
            if matches!(*told.borrow(), Indexed::Unknown | Indexed::Failed(_)) {
                tracing::info!("the directory's fields are compared otherwise now: it is being indexed anew");
            }
            told.send_replace(Indexed::Making(done));
        };
        let anew = {
            let fields = fields.clone();
            Arc::new(move |texts: &_| fields.of_texts(texts))
        };
        let done = self.journal.index_people(fields.forms(), anew, Arc::new(progress)).await;
        let people = done.map_err(|error| error.to_string())?;
        self.learn_what_is_incomplete().await?;
        self.indexed.send_replace(Indexed::Ready);
        // Whoever reads it may ask.
        if people > 0 {
            tracing::info!(people, "the directory is indexed anew");
        }
        Ok(())
    }

    async fn learn_what_is_incomplete(&self) -> Result<(), String> {
        let fields = &self.plan.fields;
        let mut unready = self.journal.unready_people(fields.forms()).await.map_err(|error| error.to_string())?;
        unready.retain(|name| !fields.identifies(name));
        if !unready.is_empty() {
            tracing::warn!(
                fields = unready.join(", "),
                "fields are not known of everybody who is listed: lookups on them fail until `hookreeve directory rebuild` \
                 or `import` has told of them"
            );
        }
        *self.incomplete.lock().unwrap_or_else(PoisonError::into_inner) = unready.into_iter().collect();
        Ok(())
    }

    /// That all of these fields are known of everybody.
    pub(super) fn complete_in(&self, keys: &[FieldKey]) -> Result<(), String> {
        let incomplete = self.incomplete.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.iter().find(|key| incomplete.contains(&key.name)) {
            Some(key) => Err(not_of_everybody(&key.name)),
            None => Ok(()),
        }
    }

    /// Waits until it is known whether the index can be asked.
    pub(super) async fn indexed(&self) -> Result<(), String> {
        let mut state = self.indexed.subscribe();
        let known = state.wait_for(|state| *state != Indexed::Unknown).await;
        match known.as_deref() {
            Ok(Indexed::Ready) => Ok(()),
            Ok(Indexed::Making(done)) => Err(format!("the directory is being indexed anew, {done} people are done")),
            Ok(Indexed::Failed(error)) => Err(format!("the directory cannot be indexed: {error}")),
            Ok(Indexed::Unknown) | Err(_) => Err("the directory is not there any more".to_owned()),
        }
    }
}
