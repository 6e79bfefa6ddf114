//! Which fields of a person the directory keeps, and how each is compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::TELLING;
use super::config::{Config, Missing};
use super::normal::{Form, Kind};
use crate::base::json::{self, Json};
use crate::event::{FieldPath, SecretFields, catalog};
use crate::journal::{FieldForm, FieldKey, PersonField};

/// The fields that are kept in any case: by them it is told whether two are one person.
const IDENTITY: [&str; 2] = ["login", "id"];

/// A field that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its path below the person, as text.
    pub name: Arc<str>,
    path: FieldPath,
    form: Form,
    /// What names the form.
    form_name: Arc<str>,
    identifies: bool,
}

/// The fields that are kept, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    all: Vec<Field>,
    keep_missing: bool,
}

/// A path that must be one below `user`, without that first name.
pub(super) fn below_user(text: &str) -> Result<FieldPath, String> {
    match FieldPath::parse(text).map(|path| path.names().to_vec()) {
        Ok(names) if names.len() > 1 && names[0] == "user" => Ok(FieldPath::of(&names[1..])),
        Ok(_) => Err("a field of the directory starts with `user.`".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The fields of the section that are secret ones, as they are written.
pub fn secret_fields(config: &Config, secrets: &SecretFields) -> Vec<String> {
    let known: Vec<FieldPath> =
        TELLING.iter().filter_map(|name| catalog::find(name)).flat_map(|spec| secrets.of(spec)).collect();
    let is_secret = |path: &&String| {
        FieldPath::parse(path).is_ok_and(|path| known.iter().any(|secret| secret.covers(&path) || path.covers(secret)))
    };
    config.fields.keys().filter(is_secret).cloned().collect()
}

impl Fields {
    /// Those that the section says, those that lookups name (paths below the person), and login and id.
    pub fn new(config: &Config, named: impl IntoIterator<Item = FieldPath>) -> Self {
        let said = config.fields.iter().filter_map(|(path, kind)| Some((below_user(path).ok()?, Some(*kind))));
        let named = named.into_iter().map(|path| (path, None));
        let identity = IDENTITY.iter().filter_map(|name| Some((FieldPath::parse(name).ok()?, None)));
        let mut all: Vec<Field> = Vec::new();
        for (path, kind) in said.chain(named).chain(identity) {
            if all.iter().all(|field| field.path != path) {
                let name = path.to_string();
                let last = path.names().last().map_or("", String::as_str);
                let form = match kind.unwrap_or_else(|| Kind::of_name(last)) {
                    Kind::Mail => Form::Mail,
                    Kind::Phone => {
                        Form::Phone(config.country.clone().map(|code| (code, usize::from(config.national_digits))))
                    }
                    Kind::Text => Form::Text,
                };
                let identifies = IDENTITY.contains(&name.as_str());
                all.push(Field { name: name.into(), path, form_name: form.to_string().into(), form, identifies });
            }
        }
        Self { all, keep_missing: config.missing == Missing::Kept }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Field> {
        self.all.iter()
    }

    /// The field of that name.
    pub fn find(&self, name: &str) -> Option<&Field> {
        self.all.iter().find(|field| &*field.name == name)
    }

    /// What tells who a person is, as a notice says it.
    pub(super) fn identity(&self, user: Json<'_>) -> Vec<FieldKey> {
        let all = self.all.iter().filter(|field| field.identifies);
        all.filter_map(|field| Some(field.key(&field.text(user)?))).filter(|key| !key.normal.is_empty()).collect()
    }

    /// Whether it is a field that is known of whoever is listed at all.
    pub(super) fn identifies(&self, name: &str) -> bool {
        self.find(name).is_some_and(|field| field.identifies)
    }

    /// The forms that the index must have.
    pub fn forms(&self) -> Vec<FieldForm> {
        let form = |field: &Field| FieldForm { name: field.name.clone(), form: field.form_name.clone() };
        self.all.iter().map(form).collect()
    }

    /// What a notice says of a person.
    pub(super) fn of_user(&self, user: Json<'_>) -> Vec<PersonField> {
        let fields = self.all.iter().filter_map(|field| match field.text(user) {
            Some(text) => Some(field.told(&text)),
            None if self.keep_missing || field.identifies => None,
            None => Some(field.told("")),
        });
        fields.collect()
    }

    /// What a list says of a person. What it does not say stays as it was.
    pub fn of_texts(&self, texts: &BTreeMap<String, String>) -> Vec<PersonField> {
        let fields = self.all.iter().filter_map(|field| texts.get(&*field.name).map(|text| field.told(text)));
        fields.collect()
    }
}

impl Field {
    /// The path below the person.
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// What a text is found by.
    pub fn key(&self, text: &str) -> FieldKey {
        FieldKey { name: self.name.clone(), form: self.form_name.clone(), normal: self.form.normal(text) }
    }

    fn told(&self, text: &str) -> PersonField {
        PersonField { key: self.key(text), value: text.trim().to_owned(), identifies: self.identifies }
    }

    /// The person's own, as text; empty where it has something that is no text; none where it is not there.
    fn text(&self, user: Json<'_>) -> Option<String> {
        let mut value = user;
        for name in self.path.names() {
            value = match value.kind() {
                json::Kind::Object => value.get(name)?,
                _ => return Some(String::new()),
            };
        }
        Some(match value.kind() {
            json::Kind::String => value.as_text().and_then(Result::ok).map(Into::into).unwrap_or_default(),
            json::Kind::Number => value.raw().to_owned(),
            _ => String::new(),
        })
    }
}
