//! In time, the same each time, over one connection, and with large bodies.

use std::time::Duration;

use super::{Outcome, Source, Stage, person};
use crate::event::Spec;

const TIME: Source =
    Source::Reading("the cloud waits for the reply, and nobody says how long: the deadline is the tenant's");
const REPEAT: Source = Source::Reading("the same event can come twice (retries, imports): it is answered alike");
const ALIVE: Source = Source::Reading("HTTP/1.1: a connection is kept for the next request");
const LARGE: Source = Source::Reading("a body up to the limit that the receiver sets is taken; by default 1 MiB");
const TOO_LARGE: Source = Source::Reading("a larger one is refused with a 4xx, not with an error of the server");

pub(super) async fn play(stage: &mut Stage<'_>, spec: &'static Spec) {
    let first = stage.post(spec.name, person::body(spec)).await;
    let second = stage.post(spec.name, person::body(spec)).await;
    let result = match (&first, &second) {
        (Ok(first), Ok(second)) => {
            let alike = first.status == second.status && first.body == second.body;
            Outcome::of(alike, || format!("{}, then {}", first.words(), second.words()))
        }
        (Err(why), _) | (_, Err(why)) => Outcome::NotMet(why.clone()),
    };
    stage.tell(spec, "is answered alike when it comes twice", REPEAT, result);
    let (calls, deadline) = (stage.part.calls, stage.part.deadline);
    let mut times: Vec<Duration> = Vec::with_capacity(calls);
    for _ in 0..calls {
        match stage.post(spec.name, person::body(spec)).await {
            Ok(reply) => times.push(reply.took),
            Err(why) => {
                stage.tell(spec, format!("is answered within {deadline:?}"), TIME, Outcome::NotMet(why));
                return;
            }
        }
    }
    times.sort_unstable();
    let (Some(middle), Some(longest)) = (times.get(times.len() / 2), times.last()) else { return };
    let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
    let measured = format!("half within {:.1} ms, the longest {:.1} ms", ms(middle), ms(longest));
    let result = Outcome::of(*longest <= deadline, || measured.clone());
    stage.tell_measured(spec, format!("is answered within {deadline:?}"), TIME, result, Some(measured));
}

/// What the connection and the size of a body are about.
pub(super) async fn play_connection(stage: &mut Stage<'_>, spec: &'static Spec) {
    let first = stage.post(spec.name, person::body(spec)).await;
    let second = stage.post(spec.name, person::body(spec)).await;
    let result = match (first.map(|reply| reply.local), second.map(|reply| reply.local)) {
        (Ok(Some(first)), Ok(Some(second))) => Outcome::of(first == second, || "it was closed".to_owned()),
        (Err(why), _) | (_, Err(why)) => Outcome::NotMet(why),
        _ => Outcome::Untold("the connection does not say where it begins".to_owned()),
    };
    stage.tell(spec, "keeps the connection", ALIVE, result);
    let (limit, configured) = stage.part.body_limit;
    let result = match stage.post(spec.name, padded(spec, limit)).await {
        Ok(reply) => Outcome::of(reply.status == 200, || reply.words()),
        Err(why) => Outcome::NotMet(why),
    };
    stage.tell(spec, format!("is answered with a body of {limit} bytes"), LARGE, result);
    let result = if configured {
        match stage.post(spec.name, padded(spec, limit + 1)).await {
            Ok(reply) => Outcome::of((400..500).contains(&reply.status), || reply.words()),
            // Whoever answers before the body is there may end the connection.
            Err(why) => Outcome::Untold(why),
        }
    } else {
        Outcome::Untold("the receiver's limit is not known here".to_owned())
    };
    stage.tell(spec, "with a larger body is refused with a 4xx", TOO_LARGE, result);
}

/// A body of just so many bytes.
fn padded(spec: &Spec, bytes: usize) -> Vec<u8> {
    let mut body = person::sample(spec);
    body["request"]["x-padding"] = "".into();
    let missing = bytes.saturating_sub(body.to_string().len());
    body["request"]["x-padding"] = "x".repeat(missing).into();
    body.to_string().into_bytes()
}
