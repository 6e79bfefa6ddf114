//! What no cloud sends, and a receiver meets all the same.

use super::client::Odd;
use super::{Outcome, Source, Stage, person};
use crate::event::Spec;

const REFUSED: Source =
    Source::Reading("what is no event is refused with a 4xx: a 5xx would be the receiver's own trouble");
const AMBIGUOUS: Source = Source::Reading("of two equal keys a rule would judge one and the cloud read the other: 400");
const LABEL: Source = Source::Reading("the documents name no content type: it is not looked at");
const METHOD: Source = Source::Documented("events are posted");
const UNKNOWN: Source =
    Source::Reading("an event that nobody knows is refused with a 4xx, or acknowledged as a notice");

pub(super) async fn play(stage: &mut Stage<'_>, spec: &'static Spec) {
    let deep = format!("{{\"request\":{{\"user\":{}1{}}}}}", "[".repeat(1000), "]".repeat(1000));
    for (what, body, source) in [
        ("with a body that is no JSON", "this is no JSON".to_owned(), REFUSED),
        ("with a body that breaks off", "{\"request\":{\"user\":{\"login\":".to_owned(), REFUSED),
        ("with a body without a request", "{}".to_owned(), REFUSED),
        ("with a list for a body", "[]".to_owned(), REFUSED),
        ("with a body nested a thousand deep", deep, REFUSED),
        (
            "with the same key twice",
            format!("{{\"request\":{{\"user\":{{\"login\":\"{0}\",\"login\":\"{0}\"}}}}}}", person::LOGIN),
            AMBIGUOUS,
        ),
    ] {
        let result = match stage.post(spec.name, body.into_bytes()).await {
            Ok(reply) => Outcome::of((400..500).contains(&reply.status), || reply.words()),
            Err(why) => Outcome::NotMet(why),
        };
        stage.tell(spec, format!("{what} is refused with a 4xx"), source, result);
    }
    let token = stage.part.token.as_deref();
    let labelled = Odd { method: "POST", content_type: Some("text/plain"), token, body: person::body(spec) };
    let result = match stage.client.send(spec.name, labelled).await {
        Ok(reply) => Outcome::of(reply.status < 500, || reply.words()),
        Err(error) => Outcome::NotMet(error.to_string()),
    };
    stage.tell(spec, "of type text/plain is no error of the server", LABEL, result);
    let get = Odd { method: "GET", content_type: None, token, body: Vec::new() };
    let result = match stage.client.send(spec.name, get).await {
        Ok(reply) => Outcome::of((400..500).contains(&reply.status), || reply.words()),
        Err(error) => Outcome::NotMet(error.to_string()),
    };
    stage.tell(spec, "by GET is refused with a 4xx", METHOD, result);
    let result = match stage.post("hookreeveUnknownEvent", person::body(spec)).await {
        Ok(reply) => Outcome::of((400..500).contains(&reply.status) || reply.status == 200, || reply.words()),
        Err(why) => Outcome::NotMet(why),
    };
    stage.tell(spec, "under a name that nobody knows is refused with a 4xx, or acknowledged", UNKNOWN, result);
}
