//! What an event is answered: status, media type, and the documented body.

use super::{Outcome, Reply, Source, Stage, person};
use crate::base::json::{Document, Json, Kind as JsonKind};
use crate::event::{Kind, Spec};

const ANSWERED: Source =
    Source::Documented("an event with the tenant's token is answered, a refusal included, by HTTP 200");
const TAKEN: Source = Source::Reading("no reply is documented (\"NA\"): any 2xx says that the notice was taken");
const JSON: Source = Source::Reading("the documented replies are JSON, and are labelled so");
const CASES: Source =
    Source::Reading("the documents write `policyMap` and `policymap`: names are matched whatever their case");
const SLASH: Source = Source::Reading("a slash behind the name changes nothing");
const PROBE: Source = Source::Reading("the probe is answered whatever its body and its content type");

pub(super) async fn play(stage: &mut Stage<'_>, spec: &'static Spec) {
    let reply = stage.post(spec.name, person::body(spec)).await;
    let notice = spec.kind == Kind::Notice;
    let (what, source) = if notice { ("is taken with a 2xx", TAKEN) } else { ("is answered with 200", ANSWERED) };
    let result = match &reply {
        Ok(reply) => {
            let met = if notice { (200..300).contains(&reply.status) } else { reply.status == 200 };
            Outcome::of(met, || reply.words())
        }
        Err(why) => Outcome::NotMet(why.clone()),
    };
    stage.tell(spec, what, source, result);
    let Ok(reply) = reply else { return };
    if !notice {
        let media_type = reply.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let result = Outcome::of(media_type == "application/json", || format!("content type `{media_type}`"));
        stage.tell(spec, "has a reply of type application/json", JSON, result);
        let (what, source) = expected(spec.kind);
        stage.tell(spec, what, source, Outcome::of(is_shaped(spec.kind, &reply), || reply.words()));
    }
    match spec.kind {
        Kind::Map => other_name(stage, spec, &spec.name.to_lowercase(), CASES).await,
        Kind::Mutate => other_name(stage, spec, &format!("{}/", spec.name), SLASH).await,
        Kind::Probe => {
            let reply = stage.client.send(
                spec.name,
                super::client::Odd {
                    method: "POST",
                    content_type: None,
                    token: stage.part.token.as_deref(),
                    body: Vec::new(),
                },
            );
            let result = match reply.await {
                Ok(reply) => Outcome::of(reply.status == 200, || reply.words()),
                Err(error) => Outcome::NotMet(error.to_string()),
            };
            stage.tell(spec, "is answered without a body", PROBE, result);
        }
        Kind::Verdict | Kind::Decide | Kind::Perform | Kind::Notice => {}
    }
}

async fn other_name(stage: &mut Stage<'_>, spec: &'static Spec, name: &str, source: Source) {
    let result = match stage.post(name, person::body(spec)).await {
        Ok(reply) => Outcome::of(reply.status == 200, || reply.words()),
        Err(why) => Outcome::NotMet(why),
    };
    stage.tell(spec, format!("is answered as `{name}`, too"), source, result);
}

fn expected(kind: Kind) -> (&'static str, Source) {
    match kind {
        Kind::Probe => ("is answered `{\"response\":{…}}`", Source::Documented("the sample reply to `test`")),
        Kind::Mutate => {
            ("is answered `{\"response\":{\"data\":<user>}}`", Source::Documented("the sample replies to pre*User"))
        }
        Kind::Verdict => (
            "is answered with the person, or refused with `error` and a `message`",
            Source::Documented("a refusal as in the sample; else the same or modified body as sent, in whatever shape"),
        ),
        Kind::Map => {
            ("is answered `{\"response\":{\"mappedValue\":…}}`", Source::Documented("the sample reply to `policyMap`"))
        }
        Kind::Decide => (
            "is answered `{\"response\":{\"data\":true or false}}`",
            Source::Documented("the sample reply to `runDeprovision`"),
        ),
        // None of the cloud's events is one that something is performed for.
        Kind::Perform | Kind::Notice => ("is taken", TAKEN),
    }
}

fn is_shaped(kind: Kind, reply: &Reply) -> bool {
    let Ok(document) = Document::parse(reply.body.clone()) else { return false };
    let root = document.root();
    let response = root.get("response").filter(|response| response.is_object());
    let data = response.and_then(|response| response.get("data"));
    match kind {
        Kind::Probe => response.is_some(),
        Kind::Mutate => data.is_some_and(Json::is_object),
        Kind::Verdict => {
            let refused = response.and_then(|response| response.get("error")).and_then(Json::as_bool) == Some(true);
            let message = response
                .and_then(|response| response.get("message"))
                .filter(|message| message.kind() == JsonKind::String && message.raw().len() > 2);
            let is_empty = response.is_some_and(|response| response.members().next().is_none());
            let echoes = root.get("request").is_some_and(Json::is_object);
            if refused { message.is_some() } else { data.is_some_and(Json::is_object) || is_empty || echoes }
        }
        Kind::Map => response.is_some_and(|response| response.get("mappedValue").is_some()),
        Kind::Decide => data.and_then(Json::as_bool).is_some(),
        Kind::Perform | Kind::Notice => true,
    }
}

/// The person in a reply; none where it is a refusal or another shape.
pub(super) fn person_in(document: &Document) -> Option<Json<'_>> {
    let root = document.root();
    let found = root.find(&["response", "data"]).or_else(|| root.find(&["request", "user"]));
    found.filter(|user| user.is_object())
}
