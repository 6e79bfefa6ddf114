//! The table in which a target keeps the keys of what is done: a key that is there is not done again.

/// The table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Once {
    /// With its schema, if it has one, in quotes.
    name: String,
}

/// The longest name that PostgreSQL keeps whole.
const MAX_NAME_BYTES: usize = 63;

impl Once {
    /// Reads a table's name.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_name = |part: &str| {
            part.len() <= MAX_NAME_BYTES
                && part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let parts: Vec<&str> = text.split('.').collect();
        let fine = parts.len() <= 2 && parts.iter().all(|part| is_name(part));
        fine.then(|| Self { name: parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".") })
    }

    /// Keeps a key: one row, or none where it is there already.
    pub(super) fn insert(&self, sign: char) -> String {
        format!("insert into {} (idempotency_key) values ({sign}1) on conflict do nothing", self.name)
    }

    /// Makes the table, in words that both databases know.
    pub(super) fn create(&self) -> String {
        format!(
            "create table if not exists {} (idempotency_key varchar(255) not null primary key, \
             done_at timestamp not null default current_timestamp)",
            self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_and_nothing_else() {
        for (text, expected) in [
            ("hookreeve_done", Some("\"hookreeve_done\"")),
            ("Audit.done_2", Some("\"Audit\".\"done_2\"")),
            ("", None),
            ("a.b.c", None),
            ("a.", None),
            ("2a", None),
            ("a b", None),
            ("a\"; drop table x; --", None),
            ("é", None),
        ] {
            assert_eq!(Once::parse(text).map(|once| once.name).as_deref(), expected, "{text}");
        }
    }
}
