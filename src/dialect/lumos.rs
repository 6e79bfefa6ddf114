//! Lumos' words. Contract: the vendor's help pages. Whoever is not told that access was given gets a task for a human made of
//! it, so that nothing is lost; hence any doubt is a no.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DecodeError, Dialect, Reply, require_object, whole};
use crate::base::json::{EditError, Json};
use crate::event::{Arrival, Decision, Event, Performance, Spec};

/// Where the word stands in a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResponseShape {
    /// `{"response":"…"}`
    #[default]
    Response,
    /// `{"output":{"response":"…"}}`, which is read first.
    Output,
}

/// What tells that somebody only tries the connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "LumosTrial")]
pub struct Trial {
    /// Applications, by `app_id`, for which nothing is ever done. Default: that of the documented sample, `demo_app`.
    pub apps: Vec<String>,
    /// Persons, by mail address, for whom nothing is ever done. Default: that of the documented sample.
    pub users: Vec<String>,
}

/// Lumos, as it is configured.
#[derive(Clone, Debug, Default)]
pub struct Lumos {
    /// Where the word stands in a reply.
    pub response: ResponseShape,
    /// What tells that somebody only tries the connection.
    pub trial: Trial,
}

const NO_ACTION: &str = "NO_PROVISIONING_ACTION";

impl Default for Trial {
    fn default() -> Self {
        Self { apps: vec!["demo_app".to_owned()], users: vec!["peterparker@lumos.com".to_owned()] }
    }
}

impl Dialect for Lumos {
    fn decode(&self, spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError> {
        let event = whole(spec, body, arrival)?;
        require_object(event.user(), "target_user", "expected an object")?;
        Ok(event)
    }

    fn encode(&self, event: &Event, decision: &Decision, performance: &Performance) -> Result<Reply, EditError> {
        let done = matches!(decision, Decision::Perform(_)) && performance.is_done();
        let word = match (done, event.name()) {
            (false, _) => NO_ACTION,
            (true, "lumos.deprovision") => "DEPROVISIONED_USER",
            (true, _) => "PROVISIONED_USER",
        };
        Ok(Reply::json(
            200,
            match self.response {
                ResponseShape::Response => format!("{{\"response\":\"{word}\"}}"),
                ResponseShape::Output => format!("{{\"output\":{{\"response\":\"{word}\"}}}}"),
            },
        ))
    }

    fn is_trial(&self, event: &Event) -> bool {
        let app = event.request().and_then(|request| text(request.get("application")?.get("app_id")?));
        let email = event.user().and_then(|user| text(user.get("email")?));
        let named = |names: &[String], found: Option<String>| {
            found.is_some_and(|found| names.iter().any(|name| name.eq_ignore_ascii_case(found.trim())))
        };
        named(&self.trial.apps, app) || named(&self.trial.users, email)
    }

    /// The request's id where its task names one, else what is asked for whom.
    fn idempotency_key(&self, event: &Event) -> Option<String> {
        let request = event.request()?;
        if let Some(id) = request.get("request_task_url").and_then(text).as_deref().and_then(request_id) {
            return Some(format!("{}\n{id}", event.name()));
        }
        let part = |value: Option<Json<'_>>| value.map_or("null", Json::raw).to_owned();
        let application = request.get("application");
        let of_application = |name: &str| part(application.and_then(|application| application.get(name)));
        let mut permissions: Vec<String> =
            request.get("permissions").into_iter().flat_map(Json::items).map(|one| one.raw().to_owned()).collect();
        permissions.sort_unstable();
        let email = event.user().and_then(|user| text(user.get("email")?))?.trim().to_lowercase();
        let (app, instance) = (of_application("app_id"), of_application("instance_id"));
        let parts = [event.name().to_owned(), app, instance, email, part(request.get("access_length"))];
        Some([parts.as_slice(), &permissions].concat().join("\n"))
    }
}

fn text(value: Json<'_>) -> Option<String> {
    value.as_text()?.ok().map(std::borrow::Cow::into_owned).filter(|text| !text.trim().is_empty())
}

/// The value of `requestId` in a task's address.
fn request_id(url: &str) -> Option<&str> {
    let (_, query) = url.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, value)| *name == "requestId" && !value.is_empty()).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::ids::RequestId;
    use crate::event::{Performed, catalog};

    fn event(name: &str, body: &str) -> Result<Event, DecodeError> {
        let arrival =
            Arrival { token: None, received_at: chrono::DateTime::UNIX_EPOCH, request_id: RequestId::random() };
        Lumos::default().decode(catalog::find(name).expect("an event"), body.into(), arrival)
    }

    fn reply(name: &str, decision: &Decision, performed: Vec<Performed>, lumos: &Lumos) -> String {
        let event = event(name, r#"{"user":{"email":"a@corp.example"}}"#).expect("an event");
        let actions = performed.into_iter().map(|performed| ("a".into(), performed)).collect();
        let reply = lumos.encode(&event, decision, &Performance { actions, number: None }).expect("a reply");
        assert_eq!((reply.status, reply.content_type), (200, "application/json"));
        reply.body.into_owned()
    }

    #[test]
    fn only_what_is_wholly_done_is_said_to_be_done() {
        let lumos = Lumos::default();
        let perform = Decision::Perform(vec![Arc::from("a")]);
        let no = r#"{"response":"NO_PROVISIONING_ACTION"}"#;
        let done = || Performed::Done(None);
        assert_eq!(
            reply("lumos.provision", &perform, vec![done(), done()], &lumos),
            r#"{"response":"PROVISIONED_USER"}"#
        );
        assert_eq!(reply("lumos.deprovision", &perform, vec![done()], &lumos), r#"{"response":"DEPROVISIONED_USER"}"#);
        for other in [Performed::Rejected, Performed::Failed, Performed::Late] {
            assert_eq!(reply("lumos.provision", &perform, vec![done(), other], &lumos), no);
        }
        assert_eq!(reply("lumos.provision", &Decision::Perform(Vec::new()), Vec::new(), &lumos), no);
        assert_eq!(reply("lumos.provision", &Decision::Refuse("No".into()), Vec::new(), &lumos), no);
        let output = Lumos { response: ResponseShape::Output, ..lumos };
        let said = reply("lumos.provision", &perform, vec![done()], &output);
        assert_eq!(said, r#"{"output":{"response":"PROVISIONED_USER"}}"#);
    }

    #[test]
    fn a_request_is_known_again_by_its_id_or_by_what_it_asks() {
        let key = |name: &str, body: &str| Lumos::default().idempotency_key(&event(name, body).expect("an event"));
        let sample = catalog::find("lumos.provision").expect("an event").sample;
        assert_eq!(key("lumos.provision", sample).as_deref(), Some("lumos.provision\n12898293343"));
        assert_ne!(key("lumos.provision", sample), key("lumos.deprovision", sample));
        let asks = |permissions: &str, email: &str| {
            let body = format!(
                r#"{{"application":{{"app_id":"crm"}},"permissions":[{permissions}],"user":{{"email":"{email}"}}}}"#
            );
            key("lumos.provision", &body)
        };
        assert_eq!(
            asks(r#"{"value":"a"},{"value":"b"}"#, "X@corp.example "),
            asks(r#"{"value":"b"},{"value":"a"}"#, "x@corp.example")
        );
        assert_ne!(asks(r#"{"value":"a"}"#, "x@corp.example"), asks("", "x@corp.example"));
        assert_eq!(key("lumos.provision", r#"{"user":{}}"#), None);
    }

    #[test]
    fn the_documented_sample_is_a_trial() {
        let lumos = Lumos::default();
        let sample = catalog::find("lumos.provision").expect("an event").sample;
        assert!(lumos.is_trial(&event("lumos.provision", sample).expect("an event")));
        let real = sample.replace("demo_app", "crm").replace("peterparker@lumos.com", "asha@corp.example");
        assert!(!lumos.is_trial(&event("lumos.provision", &real).expect("an event")));
    }

    #[test]
    fn a_body_without_a_person_is_no_event() {
        let code = |body: &str| event("lumos.provision", body).map_err(|error| error.code()).err();
        assert_eq!(code("[]"), Some("invalid_shape"));
        assert_eq!(code("{}"), Some("invalid_shape"));
        assert_eq!(code(r#"{"target_user":"a@corp.example"}"#), Some("invalid_shape"));
        assert_eq!(code(r#"{"target_user":{},"permissions":null,"custom_fields":null}"#), None);
        assert_eq!(code(r#"{"target_user":null,"user":{}}"#), None);
    }
}
