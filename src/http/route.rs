//! From a request's path to the event that it names.

/// The paths under which events come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePaths(Vec<String>);

/// Why a text is no base path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasePathError {
    /// It is relative.
    #[error("a base path starts with `/`")]
    Relative,
    /// It has what a path cannot have.
    #[error("a base path has neither `?`, `#`, `%` nor white space, and no empty segment")]
    Character,
}

impl BasePaths {
    /// Reads base paths: `/webhook`, or `/` for none. The index tells which of them is wrong.
    pub fn parse(paths: &[String]) -> Result<Self, (usize, BasePathError)> {
        let mut bases = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let base = path.trim_end_matches('/');
            if !path.starts_with('/') {
                return Err((index, BasePathError::Relative));
            }
            let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%');
            if !base.bytes().all(allowed) || base.contains("//") {
                return Err((index, BasePathError::Character));
            }
            bases.push(base.to_owned());
        }
        // The longest that fits is the one that is meant.
        bases.sort_by_key(|base| std::cmp::Reverse(base.len()));
        bases.dedup();
        Ok(Self(bases))
    }

    /// What stands behind the longest of them that a path is under, and how long that one is. Slashes in front and one at the
    /// end are gone.
    pub fn below<'a>(&self, path: &'a str) -> Option<(usize, &'a str)> {
        let (length, rest) = self.0.iter().find_map(|base| {
            let rest = path.strip_prefix(base.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some((base.len(), rest))
        })?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        Some((length, rest.strip_suffix('/').unwrap_or(rest)))
    }

    /// Each of them, the longest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// The secret segment in front of the path to an event, where paths have one, and that path.
pub fn split_secret(rest: &str, has_secret: bool) -> (Option<&str>, &str) {
    match rest.split_once('/') {
        Some((secret, path)) if has_secret => (Some(secret), path),
        _ => (None, rest),
    }
}

/// Whether a path is the one of this pattern, whatever the case of its letters. `*` stands for one segment, which is not empty.
pub fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(wanted), Some(found)) if wanted.eq_ignore_ascii_case(found) => {}
            (Some(_) | None, _) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(paths: &[&str]) -> Result<BasePaths, (usize, BasePathError)> {
        BasePaths::parse(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_path_is_below_the_longest_base_that_it_is_under() {
        let both = bases(&["/", "/webhook/"]).expect("base paths");
        assert_eq!(both.below("/webhook/test"), Some((8, "test")));
        assert_eq!(both.below("/webhook/test/"), Some((8, "test")));
        assert_eq!(both.below("/test"), Some((0, "test")));
        assert_eq!(both.below("/webhook"), Some((8, "")));
        assert_eq!(both.below("/webhooks/test"), Some((0, "webhooks/test")));
        assert_eq!(both.below("/webhook//test"), Some((8, "/test")));
        let one = bases(&["/webhook"]).expect("a base path");
        assert_eq!(one.below("/test"), None);
        assert_eq!(one.below("/webhooktest"), None);
    }

    #[test]
    fn a_secret_segment_stands_in_front_where_there_is_one() {
        assert_eq!(split_secret("s3cret/test", true), (Some("s3cret"), "test"));
        assert_eq!(split_secret("s3cret/helpdesk/servicenow", true), (Some("s3cret"), "helpdesk/servicenow"));
        assert_eq!(split_secret("s3cret/test", false), (None, "s3cret/test"));
        assert_eq!(split_secret("test", true), (None, "test"));
        assert_eq!(split_secret("/test", true), (Some(""), "test"));
    }

    #[test]
    fn a_path_fits_its_pattern_and_no_other() {
        assert!(fits("policyMap", "policymap"));
        assert!(fits("provisioning/*/adduser", "provisioning/17/adduser"));
        assert!(fits("", ""));
        for path in ["provisioning/adduser", "provisioning//adduser", "provisioning/1/2/adduser", "provisioning/1", ""]
        {
            assert!(!fits("provisioning/*/adduser", path), "{path}");
        }
        assert!(!fits("test", "test/test") && !fits("test", "/test") && !fits("", "x"));
    }

    #[test]
    fn what_is_no_base_path_is_refused() {
        assert_eq!(bases(&["/a", "b"]), Err((1, BasePathError::Relative)));
        for path in ["/a b", "/a?b", "/a//b", "/%41", "/é"] {
            assert_eq!(bases(&[path]), Err((0, BasePathError::Character)), "{path}");
        }
    }
}
