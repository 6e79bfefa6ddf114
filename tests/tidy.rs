//! The house rules that a machine can see: floors, headers, sizes, and who may do what. Only the shipped files count.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// `docs/architecture.md`: a module uses itself and modules of the floors below it.
const FLOORS: [(u8, &[&str]); 10] = [
    (9, &["cli"]),
    (8, &["app"]),
    (7, &["config"]),
    (6, &["http"]),
    (5, &["judge", "delivery", "retrial"]),
    (4, &["record", "directory", "testing", "conformance"]),
    (3, &["rules", "dialect", "auth", "lookup", "journal", "action"]),
    (2, &["scope", "sql"]),
    (1, &["event", "expr", "facts", "outgoing", "telemetry"]),
    (0, &["base"]),
];

/// How long a file may be before its tests.
const MAX_LINES: usize = 400;

/// Files that make requests, in production.
const REQUESTS: [&str; 5] = [
    "src/outgoing/client.rs",
    "src/auth/source.rs",
    "src/cli/health.rs",
    "src/cli/send.rs",
    "src/conformance/client.rs",
];

/// A text file of the repository, by its path from the root.
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|extension| extension == "rs")
    }

    /// Whether it is only compiled for tests.
    fn is_test(&self) -> bool {
        !self.path.starts_with("src/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The module right under `src`.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        Some(path.split('/').next()?.trim_end_matches(".rs"))
    }

    /// Its lines by number, without what is only for tests.
    fn production(&self) -> Vec<(usize, &str)> {
        let mut lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let mut kept = Vec::new();
        while let Some((number, line)) = lines.next() {
            if line.trim() != "#[cfg(test)]" {
                kept.push((number, line));
                continue;
            }
            // The item under it: a line, or down to the bracket that stands as far to the right.
            let indent = &line[..line.len() - line.trim_start().len()];
            let mut lines = lines.by_ref().map(|(_, line)| line).skip_while(|line| line.trim_start().starts_with("#["));
            if lines.next().is_some_and(|line| !line.ends_with(';')) {
                lines.find(|line| line.strip_prefix(indent).is_some_and(|rest| rest.starts_with('}')));
            }
        }
        kept
    }

    /// The same without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.production().into_iter().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every text file of the repository, but for what is built and what is another's.
fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("under the root").to_str().expect("UTF-8").to_owned();
            let skipped = [
                ".git",
                "target",
                "data",
                "proptest-regressions",
                "benches/floor/target",
                "fuzz/target",
                "fuzz/corpus",
            ];
            if skipped.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push(File { path: name, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository is here");
    found
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The complaint about each line of production code in which `forbidden` finds something.
fn complaints<'a>(files: impl Iterator<Item = &'a File>, forbidden: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.code() {
            complaints.extend(forbidden(line).map(|what| format!("{}:{number}: {what}", file.path)));
        }
    }
    complaints
}

/// The names that follow `crate::` in a text: one, or those of a group.
fn used(text: &str) -> Vec<&str> {
    let word = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut names = Vec::new();
    for (at, found) in text.match_indices("crate::") {
        let rest = &text[at + found.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(&rest[..word(rest)]);
            continue;
        };
        let mut depth = 1;
        let mut start = true;
        for (index, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && start && character.is_alphabetic() {
                names.push(&group[index..index + word(&group[index..])]);
            }
            start = depth == 1 && (character == ',' || (start && character.is_whitespace()));
        }
    }
    names
}

#[test]
fn the_names_of_a_group_are_found() {
    assert_eq!(
        used("use crate::base::{a, b};\nuse crate::{event::{Event, x}, rules, cli::main};\nlet x = crate::http::x();"),
        ["base", "event", "rules", "cli", "http"]
    );
}

#[test]
fn what_is_only_for_tests_is_left_out() {
    let text = "a\n#[cfg(test)]\nmod tests;\nb\n    #[cfg(test)]\n    fn c() {\n        d;\n    }\ne\n#[cfg(test)]\nmod tests {\n    f\n}\n";
    let file = File { path: "src/x.rs".into(), text: text.into() };
    assert_eq!(file.production(), [(1, "a"), (4, "b"), (9, "e")]);
}

#[test]
fn a_module_uses_only_the_floors_below_it() {
    let floors: BTreeMap<&str, u8> =
        FLOORS.iter().flat_map(|(floor, modules)| modules.iter().map(|module| (*module, *floor))).collect();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.is_rust() && !file.is_test()) {
        let module = file.module().expect("under src");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(own) = floors.get(module) else {
            wrong.push(format!("{}: `{module}` has no floor: see docs/architecture.md", file.path));
            continue;
        };
        let code: Vec<&str> = file.code().map(|(_, line)| line).collect();
        for name in used(&code.join("\n")) {
            let fine = name == module || floors.get(name).is_some_and(|floor| floor < own);
            if !fine {
                wrong.push(format!("{}: `{module}` on floor {own} uses `{name}`", file.path));
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_file_says_first_what_it_is() {
    let folders = ["src/", "tests/", "benches/", "examples/"];
    let files = files();
    let rust = files.iter().filter(|file| file.is_rust() && folders.iter().any(|folder| file.path.starts_with(folder)));
    none(&rust.filter(|file| !file.text.starts_with("//! ")).map(|file| file.path.clone()).collect::<Vec<_>>());
}

#[test]
fn a_file_is_one_idea() {
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| file.is_rust() && !file.is_test()) {
        let lines = file.production().len();
        if lines > MAX_LINES {
            wrong.push(format!("{}: {lines} lines without tests, more than {MAX_LINES}: two ideas?", file.path));
        }
    }
    none(&wrong);
}

#[test]
fn only_named_files_know_the_web_framework_the_environment_and_the_client() {
    let files = files();
    let production = |but: &'static [&'static str]| {
        let mut files: Vec<&File> = files.iter().filter(|file| file.is_rust() && !file.is_test()).collect();
        files.retain(|file| !but.iter().any(|path| file.path.starts_with(path)));
        files.into_iter()
    };
    let has = |words: &'static [&'static str], what: &'static str| {
        move |line: &str| words.iter().any(|word| line.contains(word)).then(|| what.to_owned())
    };
    none(&complaints(production(&["src/http/"]), has(&["axum::"], "only http/ knows axum")));
    let environment = ["env::var", "env::set_var", "env::remove_var"];
    none(&complaints(production(&["src/config/environment.rs"]), |line| {
        environment.iter().any(|word| line.contains(word)).then(|| "only config/environment.rs reads it".into())
    }));
    // Its type of an address alone asks nobody.
    let asks = |line: &str| line.contains("reqwest::") && line != "use reqwest::Url;";
    none(&complaints(production(&REQUESTS), |line| asks(line).then(|| "this file makes no requests".into())));
    none(&complaints(
        production(&["src/journal/", "src/sql/", "src/lookup/sql", "src/action/sql"]),
        has(&["rusqlite", "tokio_postgres"], "only journal/, sql/ and the SQL lookup and action know SQL"),
    ));
    none(&complaints(
        production(&["src/cli/", "src/app.rs", "src/app/", "src/main.rs"]),
        has(&["anyhow"], "anyhow is for cli/ and app.rs"),
    ));
}

#[test]
fn nothing_is_left_for_later_and_every_exception_has_a_reason() {
    let files = files();
    let rust = || files.iter().filter(|file| file.is_rust());
    // In parts, so that this file does not name them itself.
    let words = [["to", "do!"], ["unimple", "mented!"], ["db", "g!("], ["FIX", "ME"], ["XX", "X"], ["TO", "DO"]];
    let mut wrong = Vec::new();
    for file in rust() {
        for (index, line) in file.text.lines().enumerate() {
            let found = words.iter().map(|word| word.concat()).find(|word| line.contains(word));
            wrong.extend(found.map(|word| format!("{}:{}: {word}", file.path, index + 1)));
            let keyword =
                ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"].iter().find(|word| line.contains(*word));
            if keyword.is_some() && file.path != "tests/tidy.rs" {
                wrong.push(format!("{}:{}: unsafe", file.path, index + 1));
            }
        }
        for opening in ["#[allow(", "#[expect(", "#![allow(", "#![expect("] {
            for (at, _) in file.text.match_indices(opening) {
                let attribute = &file.text[at..at + file.text[at..].find(")]").unwrap_or(0)];
                let line = file.text[..at].lines().count() + 1;
                if !attribute.contains("reason = \"") && file.path != "tests/tidy.rs" {
                    wrong.push(format!("{}:{line}: {opening}…)] without a reason", file.path));
                }
            }
        }
    }
    none(&wrong);
}

/// The links of a Markdown text: where to, and the line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        links.extend(targets.map(|target| (index + 1, target)));
    }
    links
}

/// The names by which headings are linked to.
fn anchors(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = heading.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        anchors.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
    }
    anchors
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let files = files();
    let mut wrong = Vec::new();
    for file in files.iter().filter(|file| Path::new(&file.path).extension().is_some_and(|extension| extension == "md"))
    {
        for (line, target) in links(&file.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let folder = Path::new(&file.path).parent().expect("a folder");
            let mut there = folder.to_owned();
            for part in Path::new(path).components() {
                match part {
                    std::path::Component::ParentDir => _ = there.pop(),
                    std::path::Component::CurDir => {}
                    other => there.push(other),
                }
            }
            let there = if path.is_empty() { file.path.clone() } else { there.to_str().expect("UTF-8").to_owned() };
            let exists = Path::new(env!("CARGO_MANIFEST_DIR")).join(&there).exists();
            let text = files.iter().find(|file| file.path == there).map_or("", |file| &file.text);
            if !exists {
                wrong.push(format!("{}:{line}: there is no {there}", file.path));
            } else if anchor.is_some_and(|anchor| !anchors(text).iter().any(|known| known == anchor)) {
                wrong.push(format!("{}:{line}: {there} has no heading for #{}", file.path, anchor.unwrap_or_default()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_changelog_speaks_of_this_version() {
    let files = files();
    let changelog = files.iter().find(|file| file.path == "CHANGELOG.md").expect("a changelog");
    let heading = concat!("## ", env!("CARGO_PKG_VERSION"));
    assert!(changelog.text.lines().any(|line| line.starts_with(heading)), "no heading that begins with {heading}");
}

#[test]
fn no_file_names_the_host_of_a_package_registry() {
    // Where packages come from is the matter of whoever builds; a lock file has to name it.
    let hosts = [["crates", ".io"], ["py", "pi.org"], ["npm", "js.org"], ["npm", "js.com"], ["proxy.go", "lang.org"]];
    let hosts: Vec<String> = hosts.iter().map(|parts| parts.concat()).collect();
    let mut wrong = Vec::new();
    for file in files().iter().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (index, line) in file.text.lines().enumerate() {
            let found = hosts.iter().find(|host| line.contains(*host));
            wrong.extend(found.map(|host| format!("{}:{}: {host}", file.path, index + 1)));
        }
    }
    none(&wrong);
}
