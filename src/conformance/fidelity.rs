//! What no rule changes comes back: unknown fields, nulls, numbers of any length and form, escapes, the order of keys.

use super::shape::person_in;
use super::{Outcome, Source, Stage, person};
use crate::base::json::{Document, Json, Kind as JsonKind};
use crate::event::{Kind, Spec};

/// Fields of a person that no rule knows, in an order that sorting would change.
const ODD: &str = r#""x-z-text":"é 名 😀","x-decimal":0.10,"x-exponent":1E5,"x-big":12345678901234567890123,"x-small":-1.0e-7,"x-null":null,"x-escapes":"\u0041\/\"\\\n\u00e9","x-empty":{},"x-nested":{"b":[1.0,-0,true],"a":""},"x-a-list":[]"#;

const SAME: Source = Source::Documented("the reply is the same or modified body as sent");
const BYTES: Source =
    Source::Reading("a person is free JSON: the cloud may tell `0.10` from `0.1`, so that each value keeps its bytes");
const ORDER: Source = Source::Reading("a person is free JSON: keys keep their order");
const NEUTRAL: Source = Source::Reading("an attribute that nobody maps has the person's own field, else the default");

pub(super) async fn play(stage: &mut Stage<'_>, spec: &'static Spec) {
    match spec.kind {
        Kind::Mutate | Kind::Verdict => echo(stage, spec).await,
        Kind::Map => neutral(stage, spec).await,
        Kind::Decide | Kind::Perform | Kind::Notice | Kind::Probe => {}
    }
}

async fn echo(stage: &mut Stage<'_>, spec: &'static Spec) {
    let sample = person::sample(spec);
    let known = sample["request"]["user"].to_string();
    let known = known.trim_start_matches('{').trim_end_matches('}');
    let sent = format!("{{{ODD},{known}}}");
    let reply = stage.post(spec.name, person::body_with_user(spec, &sent)).await;
    let document = reply.as_ref().ok().and_then(|reply| Document::parse(reply.body.clone()).ok());
    let back = document.as_ref().and_then(person_in);
    let whole = Document::parse(sent).expect("it is written here");
    let odd: Vec<(String, Json<'_>)> = whole
        .root()
        .members()
        .filter_map(|(key, value)| Some((key.decode().ok()?.into_owned(), value)))
        .filter(|(key, _)| key.starts_with("x-"))
        .collect();
    let told = |test: &dyn Fn(Json<'_>) -> Vec<String>| match (&reply, back) {
        (Err(why), _) => Outcome::NotMet(why.clone()),
        (Ok(_), Some(back)) => {
            let wrong = test(back);
            Outcome::of(wrong.is_empty(), || wrong.join(", "))
        }
        (Ok(reply), None) if spec.kind == Kind::Verdict && reply.status == 200 => {
            Outcome::Untold(format!("the reply has no person: {}", reply.words()))
        }
        (Ok(reply), None) => Outcome::NotMet(format!("the reply has no person: {}", reply.words())),
    };
    let values = told(&|back| {
        let wrong = odd.iter().filter(|(key, value)| !back.get(key).is_some_and(|found| same(*value, found)));
        wrong.map(|(key, _)| differs(key, back)).collect()
    });
    let bytes = told(&|back| {
        let wrong = odd.iter().filter(|(key, value)| back.get(key).is_none_or(|found| found.raw() != value.raw()));
        wrong.map(|(key, _)| differs(key, back)).collect()
    });
    let order = told(&|back| {
        let found: Vec<String> = back
            .members()
            .filter_map(|(key, _)| key.decode().ok().map(std::borrow::Cow::into_owned))
            .filter(|key| key.starts_with("x-"))
            .collect();
        let is_same = found.iter().eq(odd.iter().map(|(key, _)| key));
        if is_same { Vec::new() } else { vec![found.join(" ")] }
    });
    stage.tell(spec, "gives back values that no rule knows", SAME, values);
    stage.tell(spec, "gives them back byte for byte", BYTES, bytes);
    stage.tell(spec, "gives them back in order", ORDER, order);
}

fn differs(key: &str, back: Json<'_>) -> String {
    match back.get(key) {
        Some(found) => format!("`{key}` is {}", found.raw()),
        None => format!("`{key}` is not there"),
    }
}

async fn neutral(stage: &mut Stage<'_>, spec: &'static Spec) {
    for (what, field, expected) in [
        ("has the person's own field where nobody maps", "\"x-own\":\"own \\u0041\",", "\"own \\u0041\""),
        ("has the default where the person has no such field", "", "0.10"),
    ] {
        let body = format!(
            "{{\"request\":{{\"targetAttribute\":\"x-hookreeve\",\"cymmetrifield\":\"x-own\",\"defaultValue\":0.10,\
             \"user\":{{{field}\"login\":\"{}\"}}}}}}",
            person::LOGIN
        );
        let result = match stage.post(spec.name, body.into_bytes()).await {
            Ok(reply) => {
                let document = Document::parse(reply.body.clone()).ok();
                let found = document.as_ref().and_then(|found| found.root().find(&["response", "mappedValue"]));
                Outcome::of(found.is_some_and(|found| found.raw() == expected), || reply.words())
            }
            Err(why) => Outcome::NotMet(why),
        };
        stage.tell(spec, what, NEUTRAL, result);
    }
}

/// Whether two values are the same, however they are written. Numbers are compared digit by digit.
fn same(one: Json<'_>, other: Json<'_>) -> bool {
    match (one.kind(), other.kind()) {
        (JsonKind::Number, JsonKind::Number) => digits(one.raw()) == digits(other.raw()),
        (JsonKind::String, JsonKind::String) => one.as_text() == other.as_text(),
        (JsonKind::Array, JsonKind::Array) => {
            one.items().count() == other.items().count()
                && one.items().zip(other.items()).all(|(one, other)| same(one, other))
        }
        (JsonKind::Object, JsonKind::Object) => {
            one.members().count() == other.members().count()
                && one.members().all(|(key, value)| {
                    key.decode().is_ok_and(|key| other.get(&key).is_some_and(|found| same(value, found)))
                })
        }
        (one, other) => one == other,
    }
}

/// Sign, digits without zeros around them, and the power of ten behind them.
fn digits(raw: &str) -> (bool, String, i64) {
    let (negative, rest) = raw.strip_prefix('-').map_or((false, raw), |rest| (true, rest));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = exponent.parse::<i64>().unwrap_or(i64::MAX).saturating_sub(i64::try_from(fraction.len()).unwrap_or(0));
    let all = format!("{whole}{fraction}");
    let all = all.trim_start_matches('0');
    let significant = all.trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), 0);
    }
    let zeros = i64::try_from(all.len() - significant.len()).unwrap_or(0);
    (negative, significant.to_owned(), power.saturating_add(zeros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for (one, other) in
            [("0.10", "0.1"), ("1E5", "100000"), ("-0", "0.0"), ("1.0e-7", "0.0000001"), ("12", "1.2e1")]
        {
            assert_eq!(digits(one), digits(other), "{one} {other}");
        }
        for (one, other) in [("12345678901234567890123", "1.2345678901234568e22"), ("1", "-1"), ("1", "10")] {
            assert_ne!(digits(one), digits(other), "{one} {other}");
        }
    }
}
