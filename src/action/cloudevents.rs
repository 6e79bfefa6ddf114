//! CloudEvents 1.0: the attributes of an event, as members of one JSON object or as headers beside the data.
//!
//! Source: the CloudEvents specification 1.0.2, its JSON event format and its HTTP protocol binding.

use std::fmt::Write as _;

use super::{Job, envelope};
use crate::base::json::quote;

/// The attributes of an event. Nobody's data is in them: headers end up in the logs of whatever they pass through.
#[derive(Debug)]
pub(super) struct Attributes {
    id: String,
    source: String,
    kind: String,
    time: String,
}

/// What a structured event is, as a content type.
pub(super) const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";

const SPEC_VERSION: &str = "1.0";

impl Attributes {
    /// Those of a job's event: the same at each attempt, and for each action.
    pub(super) fn of(job: &Job) -> Self {
        let person = job.event.person();
        let mut source = format!("/hookreeve/{}", person.system);
        if !person.tenant.is_empty() {
            source.push('/');
            encode(&person.tenant, &mut source, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        }
        Self {
            id: job.entry_id.clone(),
            source,
            kind: format!("hookreeve.{}.{}", person.system, job.event.name()),
            time: envelope::time(&job.event),
        }
    }

    /// The event as one JSON object; `data` is JSON.
    pub(super) fn structured(&self, data: &str) -> String {
        let mut text = String::from("{");
        for (name, value) in self.each() {
            let _ = write!(text, "{}:{},", quote(name), quote(value));
        }
        let _ = write!(text, "\"datacontenttype\":\"application/json\",\"data\":{data}}}");
        text
    }

    /// The attributes as headers.
    pub(super) fn headers(&self) -> impl Iterator<Item = (String, String)> {
        self.each().into_iter().map(|(name, value)| (format!("ce-{name}"), header_value(value)))
    }

    fn each(&self) -> [(&'static str, &str); 5] {
        [
            ("specversion", SPEC_VERSION),
            ("id", &self.id),
            ("source", &self.source),
            ("type", &self.kind),
            ("time", &self.time),
        ]
    }
}

/// An attribute's value as a header's: what is no printable ASCII, spaces, quotes and per cent signs are percent-encoded.
fn header_value(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    encode(value, &mut text, |byte| byte.is_ascii_graphic() && !b"\"%".contains(&byte));
    text
}

fn encode(value: &str, text: &mut String, is_plain: impl Fn(u8) -> bool) {
    for byte in value.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::tests::job;

    #[test]
    fn the_attributes_stand_beside_the_data() {
        let text = Attributes::of(&job("postCreateUser")).structured("{\"a\":1.50}");
        assert_eq!(
            text,
            "{\"specversion\":\"1.0\",\"id\":\"018f0000-0000-7000-8000-000000000001\",\
             \"source\":\"/hookreeve/cymmetri/as%20100\",\"type\":\"hookreeve.cymmetri.postCreateUser\",\
             \"time\":\"2026-11-21T08:30:00.000Z\",\"datacontenttype\":\"application/json\",\"data\":{\"a\":1.50}}"
        );
    }

    #[test]
    fn headers_are_encoded_as_the_binding_says() {
        // The example of the HTTP protocol binding, section 3.1.3.2.
        assert_eq!(header_value("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
        assert_eq!(header_value("a\"b%c\r\n/~"), "a%22b%25c%0D%0A/~");
        let names: Vec<String> = Attributes::of(&job("postCreateUser")).headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"]);
    }
}
