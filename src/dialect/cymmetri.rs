//! Cymmetri's words. Contract: the vendor's webhook guide; where it is silent or contradicts itself, a setting.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DecodeError, Dialect, Reply, require_object};
use crate::base::json::{Document, EditError, Json, Kind as JsonKind};
use crate::event::{Arrival, Changes, Decision, Event, Kind, Mapped, Performance, Spec};

/// The body that a `yes` to a validate event has. The vendor's documents do not show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcceptShape {
    /// `{"response":{"data":<user>}}`
    #[default]
    Data,
    /// `{"response":{"data":<user>,"error":false}}`
    DataErrorFalse,
    /// `{"response":{}}`
    Empty,
    /// `{"request":{…}}`, as received, with the person as decided.
    Echo,
}

/// Cymmetri, as it is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cymmetri {
    /// The body of a yes to a validate event.
    pub accept_shape: AcceptShape,
}

impl Dialect for Cymmetri {
    fn decode(&self, spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError> {
        decode(spec, body, arrival)
    }

    fn encode(&self, event: &Event, decision: &Decision, _: &Performance) -> Result<Reply, EditError> {
        encode(event, decision, self.accept_shape)
    }

    fn acknowledgement(&self) -> Reply {
        acknowledgement()
    }
}

/// Reads the body of an event.
pub fn decode(spec: &'static Spec, body: Vec<u8>, arrival: Arrival) -> Result<Event, DecodeError> {
    if spec.kind == Kind::Probe {
        // The probe's body says nothing, so that nothing in it can be wrong.
        let document = Document::parse("{}").expect("an empty object is JSON");
        return Ok(Event::new(spec, document, None, arrival));
    }
    let document = Document::parse(body)?;
    let root = document.root();
    require_object(Some(root), "the top", "expected an object with a `request`")?;
    let request = root.get("request");
    let request = require_object(request, "request", "expected an object")?;
    match request.get("user").filter(|user| !user.is_null()) {
        // A notice or a mapping can do without; a reply that is the person cannot.
        None if matches!(spec.kind, Kind::Notice | Kind::Map) => {}
        user => _ = require_object(user, "request.user", "expected an object")?,
    }
    let request = request.slot();
    Ok(Event::new(spec, document, Some(request), arrival))
}

/// The reply to an event: 200 and the documented body.
///
/// # Errors
///
/// A change that cannot be made to the person as received; `judge` has made sure that there is none.
pub fn encode(event: &Event, decision: &Decision, shape: AcceptShape) -> Result<Reply, EditError> {
    let body = match decision {
        Decision::Accept(changes) => accept(event, changes, shape)?,
        Decision::Refuse(message) => {
            format!("{{\"response\":{{\"error\":true,\"message\":{}}}}}", crate::base::json::quote(message))
        }
        Decision::Map(Mapped::Neutral) => mapped(neutral_mapping(event)),
        Decision::Map(Mapped::Value(value)) => mapped(&value.to_string()),
        Decision::Deprovision(true) => return Ok(Reply::json(200, "{\"response\":{\"data\":true}}")),
        Decision::Deprovision(false) => return Ok(Reply::json(200, "{\"response\":{\"data\":false}}")),
        // None of its events has anything performed.
        Decision::Perform(_) | Decision::Acknowledge => return Ok(acknowledgement()),
    };
    Ok(Reply::json(200, body))
}

/// The reply to a notice, to a probe, and, if so configured, to an event that nobody knows.
pub fn acknowledgement() -> Reply {
    Reply::json(200, "{\"response\":{}}")
}

fn accept(event: &Event, changes: &Changes, shape: AcceptShape) -> Result<String, EditError> {
    let Some(user) = event.user() else { return Ok("{\"response\":{}}".to_owned()) };
    let mut body = String::with_capacity(user.raw().len() + 64);
    let write_user = |body: &mut String| -> Result<(), EditError> {
        if changes.is_empty() {
            body.push_str(user.raw());
        } else {
            changes.apply(user)?.write(body);
        }
        Ok(())
    };
    let shape = if event.spec().kind == Kind::Verdict { shape } else { AcceptShape::Data };
    match shape {
        AcceptShape::Data => {
            body.push_str("{\"response\":{\"data\":");
            write_user(&mut body)?;
            body.push_str("}}");
        }
        AcceptShape::DataErrorFalse => {
            body.push_str("{\"response\":{\"data\":");
            write_user(&mut body)?;
            body.push_str(",\"error\":false}}");
        }
        AcceptShape::Empty => body.push_str("{\"response\":{}}"),
        AcceptShape::Echo if changes.is_empty() => {
            body.push_str("{\"request\":");
            body.push_str(event.request().map_or("{}", Json::raw));
            body.push('}');
        }
        AcceptShape::Echo => {
            body.push_str("{\"request\":{");
            for (index, (key, value)) in event.request().into_iter().flat_map(Json::members).enumerate() {
                if index > 0 {
                    body.push(',');
                }
                body.push_str(key.raw());
                body.push(':');
                if key.is("user") { write_user(&mut body)? } else { body.push_str(value.raw()) }
            }
            body.push_str("}}");
        }
    }
    Ok(body)
}

fn mapped(value: &str) -> String {
    format!("{{\"response\":{{\"mappedValue\":{value}}}}}")
}

/// The person's own field that `cymmetrifield` names, if it is there and not empty, else `defaultValue`, else `null`.
fn neutral_mapping(event: &Event) -> &str {
    let request = event.request();
    let field = request.and_then(|request| request.get("cymmetrifield")).and_then(Json::as_text);
    let own = field.and_then(Result::ok).and_then(|name| event.user()?.get(&name)).filter(|value| !is_empty(*value));
    own.or_else(|| request?.get("defaultValue")).map_or("null", Json::raw)
}

fn is_empty(value: Json<'_>) -> bool {
    match value.kind() {
        JsonKind::Null => true,
        JsonKind::String => value.raw().len() == 2,
        JsonKind::Array => value.items().next().is_none(),
        JsonKind::Object => value.members().next().is_none(),
        JsonKind::False | JsonKind::True | JsonKind::Number => false,
    }
}
