//! From a request's path to the event that it names.

/// The paths under which events come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePaths(Vec<String>);

/// What a path under a base path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The segment before the event's name, where there is exactly one.
    pub secret: Option<&'a str>,
    /// The event's name as written; empty where the path ends at its base.
    pub event: &'a str,
    /// Whether there are more segments than a path to an event can have.
    pub too_long: bool,
}

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

    /// What a path says, if it is under one of them.
    pub fn route<'a>(&self, path: &'a str) -> Option<Route<'a>> {
        let rest = self.0.iter().find_map(|base| {
            let rest = path.strip_prefix(base.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        })?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (above, event) = rest.rsplit_once('/').map_or((None, rest), |(above, event)| (Some(above), event));
        let too_long = above.is_some_and(|above| above.contains('/') || above.is_empty());
        Some(Route { secret: above.filter(|_| !too_long), event, too_long })
    }

    /// Each of them, the longest first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bases(paths: &[&str]) -> Result<BasePaths, (usize, BasePathError)> {
        BasePaths::parse(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_path_names_an_event_below_a_base() {
        let both = bases(&["/", "/webhook/"]).expect("base paths");
        let route = |secret, event, too_long| Some(Route { secret, event, too_long });
        assert_eq!(both.route("/webhook/test"), route(None, "test", false));
        assert_eq!(both.route("/webhook/test/"), route(None, "test", false));
        assert_eq!(both.route("/test"), route(None, "test", false));
        assert_eq!(both.route("/webhook/s3cret/test"), route(Some("s3cret"), "test", false));
        assert_eq!(both.route("/webhook"), route(None, "", false));
        assert_eq!(both.route("/webhooks/test"), route(Some("webhooks"), "test", false));
        assert_eq!(both.route("/webhook/a/b/test"), route(None, "test", true));
        assert_eq!(both.route("/webhook//test"), route(None, "test", true));
        let one = bases(&["/webhook"]).expect("a base path");
        assert_eq!(one.route("/test"), None);
        assert_eq!(one.route("/webhooktest"), None);
    }

    #[test]
    fn what_is_no_base_path_is_refused() {
        assert_eq!(bases(&["/a", "b"]), Err((1, BasePathError::Relative)));
        for path in ["/a b", "/a?b", "/a//b", "/%41", "/é"] {
            assert_eq!(bases(&[path]), Err((0, BasePathError::Character)), "{path}");
        }
    }
}
