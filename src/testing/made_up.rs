//! Made-up values in place of a person's: the same for the same, whatever the case, of the same length and shape. Nothing of
//! a value goes into what stands for it but that.
//!
//! Words are replaced, not fields: whoever is `Asha Rao` in one field and `asha.rao@…` in another is so afterwards, under
//! another name. What the rules themselves name stays, for it tells nobody more than they do.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate};
use serde_json::Value;

use crate::base::json::{Json, Kind, quote};
use crate::event::Spec;
use crate::event::catalog::Care;
use crate::rules::RuleSet;

/// What tells of a person and is the same for many: rules go by it, and it names nobody.
const SHARED: [&str; 5] = ["user.country", "user.department", "user.designation", "user.startDate", "user.endDate"];

/// The claims of a token that name nobody.
const PLAIN_CLAIMS: [&str; 5] = ["roles", "exp", "iat", "nbf", "firstLogin"];

/// What stands for what.
#[derive(Debug, Default)]
pub struct MadeUp {
    /// Whole texts that stay, in lower case, and numbers as they are written.
    kept: HashSet<String>,
    words: HashMap<String, String>,
    used: HashSet<String>,
    made: usize,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Kept,
    /// Only the year stays.
    Birth,
    Replaced,
}

impl MadeUp {
    /// Nothing made up yet. What the rules on this event name stays.
    pub fn new(rules: &RuleSet, event: &str) -> Self {
        let mut made_up = Self::default();
        for rule in rules.outlines().filter(|rule| rule.event == event) {
            for (_, expression) in &rule.parts {
                expression.constants().iter().for_each(|constant| made_up.keep(constant));
            }
        }
        made_up
    }

    fn keep(&mut self, constant: &Value) {
        match constant {
            Value::String(text) => _ = self.kept.insert(text.trim().to_lowercase()),
            Value::Number(number) => _ = self.kept.insert(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.keep(item)),
            Value::Object(members) => {
                for (key, value) in members {
                    self.kept.insert(key.to_lowercase());
                    self.keep(value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// What stands at `path` of a request, from `request` downwards, as JSON.
    pub fn request(&mut self, spec: &Spec, path: &[&str], json: Json<'_>) -> String {
        let mut names: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        let mut text = String::new();
        self.rewrite(json, &mut names, &|names| treatment(spec, names), &mut text);
        text
    }

    /// A token's claims as JSON.
    pub fn token(&mut self, claims: Json<'_>) -> String {
        let plain = |names: &[String]| match names.first() {
            Some(first) if PLAIN_CLAIMS.contains(&first.as_str()) => Treatment::Kept,
            _ => Treatment::Replaced,
        };
        let mut text = String::new();
        self.rewrite(claims, &mut Vec::new(), &plain, &mut text);
        text
    }

    /// A value of the field at `path` of the request.
    pub fn value(&mut self, spec: &Spec, path: &[&str], value: &Value) -> Value {
        let document = crate::base::json::Document::parse(value.to_string());
        let made = document.map(|document| self.request(spec, path, document.root()));
        made.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null)
    }

    /// A value of which nobody knows what it is.
    pub fn any(&mut self, value: &Value) -> Value {
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => {
                let made = self.number(&number.to_string());
                serde_json::from_str(&made).unwrap_or_else(|_| value.clone())
            }
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => items.iter().map(|item| self.any(item)).collect(),
            Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), self.any(value))).collect(),
        }
    }

    fn rewrite(
        &mut self,
        json: Json<'_>,
        path: &mut Vec<String>,
        treat: &dyn Fn(&[String]) -> Treatment,
        text: &mut String,
    ) {
        match json.kind() {
            Kind::Object => {
                text.push('{');
                for (index, (key, member)) in json.members().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let _ = write!(text, "{comma}{}:", key.raw());
                    path.push(key.decode().map_or_else(|_| key.raw().to_owned(), std::borrow::Cow::into_owned));
                    self.rewrite(member, path, treat, text);
                    path.pop();
                }
                text.push('}');
            }
            Kind::Array => {
                text.push('[');
                for (index, item) in json.items().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    self.rewrite(item, path, treat, text);
                }
                text.push(']');
            }
            Kind::Null | Kind::False | Kind::True => text.push_str(json.raw()),
            Kind::Number => match treat(path) {
                Treatment::Kept => text.push_str(json.raw()),
                Treatment::Birth | Treatment::Replaced => text.push_str(&self.number(json.raw())),
            },
            Kind::String => {
                let decoded = json.as_text().and_then(Result::ok).unwrap_or_default();
                match treat(path) {
                    Treatment::Kept => text.push_str(json.raw()),
                    Treatment::Birth => text.push_str(&quote(&self.birth(&decoded))),
                    Treatment::Replaced => text.push_str(&quote(&self.text(&decoded))),
                }
            }
        }
    }

    /// What stands for a text.
    pub fn text(&mut self, text: &str) -> String {
        if self.kept.contains(&text.trim().to_lowercase()) {
            return text.to_owned();
        }
        // A date stays one.
        if is_date(text) {
            let day = self.birth(text);
            return if text.len() > 10 { format!("{day}T00:00:00Z") } else { day };
        }
        match text.split_once('@') {
            Some((local, domain)) if domain.contains('.') && !domain.contains(['@', ' ']) => {
                format!("{}@{}", self.runs(local), self.domain(domain))
            }
            _ => self.runs(text),
        }
    }

    /// As many labels, under the domain that is nobody's. One that the rules name stays.
    fn domain(&mut self, domain: &str) -> String {
        let lower = domain.to_lowercase();
        let is_named = |kept: &String| {
            let name = kept.trim_start_matches(['@', '.']);
            name.contains('.') && (lower == name || lower.ends_with(&format!(".{name}")))
        };
        if self.kept.iter().any(is_named) || lower.ends_with(".example") {
            return domain.to_owned();
        }
        let labels = self.runs(domain.rsplit_once('.').map_or("", |(labels, _)| labels));
        format!("{labels}.example")
    }

    /// Letters and digits replaced, run by run; all else stays.
    fn runs(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut run = String::new();
        let kind = |character: char| (character.is_alphabetic(), character.is_numeric());
        for character in text.chars() {
            if run.chars().next_back().is_some_and(|last| kind(last) != kind(character)) {
                out.push_str(&self.run(&run));
                run.clear();
            }
            run.push(character);
        }
        out.push_str(&self.run(&run));
        out
    }

    fn run(&mut self, run: &str) -> String {
        match run.chars().next() {
            Some(first) if first.is_alphabetic() => {
                let made = self.word(run);
                let cased = run
                    .chars()
                    .zip(made.chars())
                    .map(|(old, new)| if old.is_uppercase() { new.to_ascii_uppercase() } else { new });
                cased.collect()
            }
            Some(first) if first.is_numeric() => self.digits(run),
            _ => run.to_owned(),
        }
    }

    /// A word that can be spoken, as long as this.
    fn word(&mut self, run: &str) -> String {
        const CONSONANTS: &[u8] = b"bdfgklmnprstv";
        const VOWELS: &[u8] = b"aeiou";
        let length = run.chars().count();
        let speak = |number: usize| {
            let mut rest = number.wrapping_mul(31).wrapping_add(17);
            (0..length)
                .map(|at| {
                    let letters = if at % 2 == 0 { CONSONANTS } else { VOWELS };
                    let letter = letters[rest % letters.len()];
                    rest = rest / letters.len() + at;
                    char::from(letter)
                })
                .collect()
        };
        self.stand_in(&run.to_lowercase(), speak)
    }

    /// As many digits; zeros in front stay, for they tell a national number from an international one.
    fn digits(&mut self, run: &str) -> String {
        let significant = run.trim_start_matches('0');
        let zeros = &run[..run.len() - significant.len()];
        if significant.is_empty() {
            return run.to_owned();
        }
        let length = significant.chars().count();
        let count = |number: usize| {
            let digits = (number % 10_usize.pow(u32::try_from(length.min(9)).unwrap_or(9))).to_string();
            let digits = "0".repeat(length.saturating_sub(digits.len())) + &digits;
            // None begins with a zero, and long ones all with the same.
            let first = if length > 9 { '5' } else { char::from(b"123456789"[number % 9]) };
            std::iter::once(first).chain(digits.chars().skip(1)).collect()
        };
        format!("{zeros}{}", self.stand_in(significant, count))
    }

    fn number(&mut self, raw: &str) -> String {
        if self.kept.contains(raw) {
            return raw.to_owned();
        }
        let (sign, rest) = raw.strip_prefix('-').map_or(("", raw), |rest| ("-", rest));
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let rest_of = match rest[end..].strip_prefix('.') {
            Some(fraction) => {
                let end = fraction.find(|character: char| !character.is_ascii_digit()).unwrap_or(fraction.len());
                format!(".{}{}", self.digits(&fraction[..end]), &fraction[end..])
            }
            None => rest[end..].to_owned(),
        };
        format!("{sign}{}{rest_of}", self.digits(&rest[..end]))
    }

    /// The first of January of the same year, as it is written.
    fn birth(&mut self, text: &str) -> String {
        match (is_date(text), text.get(..4), text.get(10..)) {
            (true, Some(year), Some(_)) => format!("{year}-01-01"),
            _ => self.runs(text),
        }
    }

    /// What stands for this key: found again, or made and never used before.
    fn stand_in(&mut self, key: &str, make: impl Fn(usize) -> String) -> String {
        if let Some(made) = self.words.get(key) {
            return made.clone();
        }
        // A short one may be used up; then two stand for the same.
        let mut made = make(self.made);
        for _ in 0..200 {
            let is_free = made != key && !self.used.contains(&made) && !self.words.contains_key(&made);
            if is_free && !self.kept.contains(&made) {
                break;
            }
            self.made += 1;
            made = make(self.made);
        }
        self.made += 1;
        self.used.insert(made.clone());
        self.words.insert(key.to_owned(), made.clone());
        made
    }
}

/// What becomes of the field at this path, from `request` downwards. One that nobody has listed may hold anything.
fn treatment(spec: &Spec, path: &[String]) -> Treatment {
    let is_at = |field: &str| field.split('.').eq(path.iter().map(String::as_str));
    let is_birth = |name: &String| {
        let name = name.to_lowercase();
        name.contains("birth") || name == "dob"
    };
    if path.last().is_some_and(is_birth) {
        Treatment::Birth
    } else if SHARED.into_iter().any(is_at)
        || spec.fields.iter().any(|field| field.care == Care::Plain && is_at(field.path))
    {
        Treatment::Kept
    } else {
        Treatment::Replaced
    }
}

/// Whether it is a day, or a time of a day, as ISO 8601 writes them.
fn is_date(text: &str) -> bool {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() || DateTime::parse_from_rfc3339(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::Document;
    use crate::event::catalog;

    fn made_up(user: &str) -> Value {
        let spec = catalog::find("validateUser").expect("an event");
        let document = Document::parse(user).expect("JSON");
        let mut made_up = MadeUp::default();
        made_up.keep(&Value::from("@corp.com"));
        serde_json::from_str(&made_up.request(spec, &["user"], document.root())).expect("JSON")
    }

    #[test]
    fn the_same_value_has_the_same_stand_in_in_every_field_and_case() {
        let made = made_up(
            r#"{"firstName":"Asha","lastName":"RAO","displayName":"Asha Rao","login":"asha.rao","email":"Asha.Rao@corp.com",
                "mail":"asha@mail.else.co.in","manager":{"login":"ASHA.RAO"}}"#,
        );
        let text = |path: &str| made.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (first, last) = (text("/firstName"), text("/lastName"));
        assert!(first != "Asha" && first.len() == 4 && first.starts_with(char::is_uppercase), "{made}");
        assert_eq!(last, last.to_uppercase());
        let login = format!("{first}.{last}").to_lowercase();
        assert_eq!(text("/login"), login);
        assert_eq!(text("/manager/login"), login.to_uppercase());
        assert_eq!(text("/email").to_lowercase(), format!("{login}@corp.com"), "a domain that the rules name stays");
        assert_eq!(text("/displayName").to_lowercase(), login.replace('.', " "));
        let other = text("/mail");
        let (local, domain) = other.split_once('@').expect("an address");
        assert_eq!(local, first.to_lowercase());
        assert!(domain.ends_with(".example") && domain.split('.').count() == 4 && !domain.contains("else"), "{other}");
    }

    #[test]
    fn a_run_of_digits_of_any_length_has_its_stand_in() {
        let long = "7".repeat(70_000);
        let made = made_up(&format!("{{\"login\":\"{long}\"}}"));
        let login = made["login"].as_str().expect("a text");
        assert!(login.len() == 70_000 && login != long && login.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn digits_of_every_script_fractions_and_dates_are_a_persons_too() {
        let made =
            made_up(r#"{"mobile":"९८७६५","salary":51234.75,"joined":"2019-07-23","at":"2019-07-23T10:11:12+05:30"}"#);
        let mobile = made["mobile"].as_str().expect("a text");
        assert!(mobile.chars().count() == 5 && !mobile.chars().any(|c| "९८७६५".contains(c)), "{made}");
        let salary = made["salary"].to_string();
        assert!(!salary.ends_with(".75") && !salary.starts_with("51234"), "{made}");
        assert_eq!((&made["joined"], &made["at"]), (&"2019-01-01".into(), &"2019-01-01T00:00:00Z".into()));
    }

    #[test]
    fn what_tells_of_nobody_stays_and_the_rest_keeps_its_shape() {
        let made = made_up(
            r#"{"userType":"Employee","status":"INACTIVE","department":"Finance","assignedGroups":["staff"],"active":true,
                "middleName":null,"mobile":"+91 09876-54321","endDate":"2026-01-31","dateOfBirth":"1985-03-14",
                "costCentre":"CC-120","age":34,"score":-12.50}"#,
        );
        for (field, value) in [
            ("userType", "Employee"),
            ("status", "INACTIVE"),
            ("department", "Finance"),
            ("endDate", "2026-01-31"),
            ("dateOfBirth", "1985-01-01"),
        ] {
            assert_eq!(made[field], value);
        }
        assert_eq!((&made["assignedGroups"][0], &made["active"]), (&"staff".into(), &true.into()));
        assert!(made["middleName"].is_null());
        let shape = |text: &str| -> String {
            text.chars()
                .map(|c| {
                    if c.is_ascii_digit() {
                        '9'
                    } else if c.is_alphabetic() {
                        'a'
                    } else {
                        c
                    }
                })
                .collect()
        };
        let mobile = made["mobile"].as_str().expect("a text");
        assert_eq!(shape(mobile), "+99 99999-99999");
        assert!(mobile != "+91 09876-54321" && mobile[4..].starts_with('0'), "{mobile}");
        assert_eq!(shape(made["costCentre"].as_str().expect("a text")), "aa-999");
        assert_ne!(made["costCentre"], "CC-120");
        assert!(made["age"].as_i64().is_some_and(|age| age != 34 && (10..100).contains(&age)), "{made}");
    }
}
