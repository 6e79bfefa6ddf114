//! A field's path as rules write it: names joined by dots, `\.` for a dot in a name.

use std::fmt;

/// The way from an object to one of its fields. It has at least one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath(Vec<String>);

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A name is missing: at an end, or between two dots.
    #[error("a name is missing in the path")]
    EmptyName,
}

impl FieldPath {
    /// Reads `address.city`.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let mut names = vec![String::new()];
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let last = names.last_mut().expect("there is a first name");
            match character {
                '\\' if characters.peek() == Some(&'.') => last.extend(characters.next()),
                '.' => names.push(String::new()),
                other => last.push(other),
            }
        }
        if names.iter().any(String::is_empty) { Err(PathError::EmptyName) } else { Ok(Self(names)) }
    }

    /// The path of these names; there must be one at least.
    pub(crate) fn of(names: &[String]) -> Self {
        debug_assert!(!names.is_empty());
        Self(names.to_vec())
    }

    /// The path that goes on with `other`.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// Its names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether `other` is this path or a field somewhere under it.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            f.write_str(&name.replace('.', "\\."))?;
        }
        Ok(())
    }
}

impl serde::Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_back_as_it_prints() {
        for text in ["a", "address.city", r"a\.b.c", "naïve.名"] {
            assert_eq!(FieldPath::parse(text).map(|path| path.to_string()), Ok(text.to_owned()));
        }
        for text in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(FieldPath::parse(text), Err(PathError::EmptyName), "{text}");
        }
    }

    #[test]
    fn a_path_covers_itself_and_what_is_under_it() {
        let path = |text| FieldPath::parse(text).expect("a path");
        assert!(path("a.b").covers(&path("a.b")) && path("a.b").covers(&path("a.b.c")));
        assert!(!path("a.b").covers(&path("a")) && !path("a.b").covers(&path("a.bc")));
    }
}
