//! What is wrong with the settings that every system has: where its events come in, by when they are answered, who may send.

use std::time::Duration;

use crate::auth;
use crate::base::diagnostic::Problem;
use crate::base::units::Span;
use crate::http::route::BasePaths;

const OTHERS: &str = "path_secret, jwt, bearer, header, api_key, basic, allow_from and client_cert";
const SHORTEST_DEADLINE: Duration = Duration::from_millis(100);
const LONGEST_DEADLINE: Duration = Duration::from_secs(60);

/// A system's section, and a credential as its sender can usually show one, for whoever has named none.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) credential: &'static str,
}

/// Everything that is wrong with them, behind a listener that is open as `exposure` says.
pub(super) fn problems(
    section: &Section,
    base_paths: &[String],
    deadline: Span,
    auth: &auth::Config,
    exposure: auth::Exposure,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err((index, error)) = BasePaths::parse(base_paths) {
        let problem = Problem::error("base-path", &["base_paths", &index.to_string()], error.to_string());
        problems.push(problem.hint("for example \"/webhook\", or \"/\" for none"));
    }
    if base_paths.is_empty() {
        problems.push(Problem::error("base-path", &["base_paths"], "no event could come in without a base path"));
    }
    if deadline.0 < SHORTEST_DEADLINE || deadline.0 > LONGEST_DEADLINE {
        problems.push(Problem::error("deadline", &["deadline"], "a deadline is between 100ms and 60s"));
    }
    problems.extend(auth.problems(exposure).into_iter().map(|mut problem| {
        problem.path.insert(0, "auth".to_owned());
        if problem.code == auth::NO_CREDENTIAL {
            let Section { name, credential } = section;
            return problem.hint(format!("name one, such as `[{name}.auth] {credential}`; the others are {OTHERS}"));
        }
        problem
    }));
    problems
}
