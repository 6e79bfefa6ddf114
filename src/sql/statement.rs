//! A statement with parameters by name, and the same with parameters by number. It knows of SQL what it takes to tell a
//! parameter from what looks like one in a text, a name, a comment or a cast. Whether it is one, its database tells.

use std::ops::Range;

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pieces: Vec<Piece>,
    /// The parameters, each once, in the order in which they are named first.
    names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Sql(String),
    /// The parameter with this index.
    Parameter(usize),
}

/// What is wrong, and where in the text.
pub type Problem = (Range<usize>, String);

impl Statement {
    /// Reads a statement whose parameters have these names.
    ///
    /// # Errors
    ///
    /// What cannot be read, a parameter for which nothing is given, or a second statement.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut statement = Self { pieces: Vec::new(), names: Vec::new() };
        let bytes = text.as_bytes();
        let (mut at, mut taken) = (0, 0);
        while at < bytes.len() {
            match skip(bytes, at) {
                Skip::To(end) => {
                    at = end;
                    continue;
                }
                Skip::Open => return Err((at..text.len(), "this text, name or comment is not closed".to_owned())),
                Skip::Nothing => {}
            }
            let name = match bytes[at] {
                b':' if bytes.get(at + 1) == Some(&b':') => {
                    at += 2;
                    continue;
                }
                b':' => &text[at + 1..at + 1 + name_length(&bytes[at + 1..])],
                b';' if is_blank(&text[at + 1..]) => break,
                b';' => return Err((at..at + 1, "a text is one statement".to_owned())),
                _ => "",
            };
            if name.is_empty() {
                at += 1;
                continue;
            }
            let place = at..at + 1 + name.len();
            if !known.contains(&name) {
                let why = format!("nothing is given for `:{name}`: params = {{ {name} = 'text(user.?{name})' }}");
                return Err((place, why));
            }
            statement.pieces.push(Piece::Sql(text[taken..at].to_owned()));
            let index = statement.names.iter().position(|known| known == name).unwrap_or_else(|| {
                statement.names.push(name.to_owned());
                statement.names.len() - 1
            });
            statement.pieces.push(Piece::Parameter(index));
            at = place.end;
            taken = at;
        }
        statement.pieces.push(Piece::Sql(text[taken..at.min(text.len())].to_owned()));
        Ok(statement)
    }

    /// The names of its parameters, in the order of their numbers.
    pub fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// The statement with parameters by number, from 1, behind this sign.
    pub fn numbered(&self, sign: char) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Sql(text) => text.clone(),
            Piece::Parameter(index) => format!("{sign}{}", index + 1),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// The word that a statement begins with, in small letters; none where a comment or a bracket stands there.
pub fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    (!word.is_empty()).then(|| word.to_ascii_lowercase())
}

/// Whether nothing but white space and comments stands there.
fn is_blank(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match (bytes[at], skip(bytes, at)) {
            (b'-' | b'/', Skip::To(end)) => end,
            (byte, _) if byte.is_ascii_whitespace() => at + 1,
            _ => return false,
        };
    }
    true
}

fn name_length(bytes: &[u8]) -> usize {
    let starts = bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_');
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if starts { length } else { 0 }
}

/// What begins somewhere in a statement.
enum Skip {
    /// A text, a quoted name or a comment, which is over there.
    To(usize),
    /// One that is not closed.
    Open,
    /// None of them.
    Nothing,
}

impl From<Option<usize>> for Skip {
    fn from(end: Option<usize>) -> Self {
        end.map_or(Self::Open, Self::To)
    }
}

fn skip(bytes: &[u8], at: usize) -> Skip {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'\'', ..] => {
            // PostgreSQL: in E'…' a backslash takes what follows with it.
            let escapes = matches!(bytes.get(at.wrapping_sub(1)), Some(b'e' | b'E'))
                && !at.checked_sub(2).is_some_and(|at| bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_');
            quoted(bytes, at, b'\'', escapes).into()
        }
        [quote @ (b'"' | b'`'), ..] => quoted(bytes, at, *quote, false).into(),
        [b'-', b'-', ..] => Skip::To(rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end)),
        [b'/', b'*', ..] => comment(bytes, at).into(),
        [b'$', tag @ ..] if !word_before => {
            let length = name_length(tag);
            if tag.get(length) != Some(&b'$') {
                return Skip::Nothing;
            }
            let tag = &rest[..length + 2];
            let inner = &rest[tag.len()..];
            let end = inner.windows(tag.len()).position(|window| window == tag);
            end.map(|end| at + end + 2 * tag.len()).into()
        }
        _ => Skip::Nothing,
    }
}

fn quoted(bytes: &[u8], at: usize, quote: u8, escapes: bool) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'\\' if escapes => at += 2,
            byte if *byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Comments may stand in comments.
fn comment(bytes: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at + 2, 1);
    while depth > 0 {
        match bytes.get(at..)? {
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
            }
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [] => return None,
            [_, ..] => at += 1,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match Statement::parse(text, &["a", "b_2"]) {
            Ok(read) => format!("{} [{}]", read.numbered('$'), read.names().join(" ")),
            Err((at, why)) => format!("{}: {why}", &text[at]),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn parameters_are_told_from_what_looks_like_them() {
        check("select 1", "select 1 []");
        check("select :a, :b_2, :a", "select $1, $2, $1 [a b_2]");
        check("select x::text, :a::int, x[1:2]", "select x::text, $1::int, x[1:2] [a]");
        check(
            r#"select ':a', 'it''s :a', ":a", ":""a" where x = :a"#,
            r#"select ':a', 'it''s :a', ":a", ":""a" where x = $1 [a]"#,
        );
        check(r"select E'\':a', 'e\' where :a", r"select E'\':a', 'e\' where $1 [a]");
        check("select 1 -- :a\n, :a /* :b /* :b */ :b */", "select 1 -- :a\n, $1 /* :b /* :b */ :b */ [a]");
        check("select $$ :b $$, $x$ :b $$ $x$, :a, a$1", "select $$ :b $$, $x$ :b $$ $x$, $1, a$1 [a]");
        check(
            "with x as (select :a) select * from x; -- end",
            "with x as (select $1) select * from x []".replace("[]", "[a]").as_str(),
        );
        check("select 'é', :a", "select 'é', $1 [a]");
    }

    #[test]
    fn what_is_no_single_statement_is_refused() {
        check("select :c", ":c: nothing is given for `:c`: params = { c = 'text(user.?c)' }");
        check("select 1; select 2", ";: a text is one statement");
        check("select 'a", "'a: this text, name or comment is not closed");
        check("select /* a", "/* a: this text, name or comment is not closed");
        check("select $a$ a", "$a$ a: this text, name or comment is not closed");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"select ([:;'"$ae/*\-\\` \n]|::|é){0,24}"#) {
            if let Ok(statement) = Statement::parse(&text, &["a", "e"]) {
                let mut back = String::new();
                for piece in &statement.pieces {
                    match piece {
                        Piece::Sql(sql) => back.push_str(sql),
                        Piece::Parameter(index) => back.extend([":", &statement.names[*index]]),
                    }
                }
                assert!(text.starts_with(&back), "{text}");
            }
        }
    }
}
