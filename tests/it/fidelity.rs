//! The bytes that no rule changed are the received ones.

use hookreeve::base::json::Document;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::support::{TestApp, compact};

/// Sets a field that none of the persons here has.
const SET: &str = r#"
[[rule]]
id = "mark"
on = ["preUpdateUser", "validateUpdateUser"]
set.mark = '"m"'
"#;

/// A person in each form that another JSON library would write differently.
fn persons() -> Vec<String> {
    let members = [
        r#""unknown":"kept""#.to_owned(),
        r#""none":null"#.to_owned(),
        r#""z":1,"a":2,"m":3"#.to_owned(),
        r#""n":12345678901234567890"#.to_owned(),
        r#""n":-98765432109876543210"#.to_owned(),
        r#""n":0.10"#.to_owned(),
        r#""n":3.14159265358979323846264338327950288"#.to_owned(),
        r#""n":1E5"#.to_owned(),
        r#""n":1e+05"#.to_owned(),
        r#""n":-0"#.to_owned(),
        r#""n":-0.0e-0"#.to_owned(),
        r#""n":1e400"#.to_owned(),
        r#""n":1E-400"#.to_owned(),
        r#""s":"\u00e9""#.to_owned(),
        r#""s":"\u00E9""#.to_owned(),
        r#""s":"\/""#.to_owned(),
        r#""s":"/""#.to_owned(),
        r#""s":"\ud83d\ude00""#.to_owned(),
        r#""s":"\ud83d""#.to_owned(),
        r#""s":"\ude00\ud83d""#.to_owned(),
        r#""s":"\b\f\n\r\t\"\\\u0000\u007f""#.to_owned(),
        r#""\ud800":1,"\udfff":2"#.to_owned(),
        r#""k\u0065y":1"#.to_owned(),
        r#""":"empty key""#.to_owned(),
        r#""__proto__":{"constructor":1}"#.to_owned(),
        r#""a.b":1,"a":{"b":2}"#.to_owned(),
        "\"firstName\":\"श्रेयश\",\"lastName\":\"Παπαδόπουλος\",\"city\":\"北京\"".to_owned(),
        "\"firstName\":\"Zoë\",\"decomposed\":\"Zoe\u{308}\",\"rtl\":\"\u{202e}שלום\"".to_owned(),
        "\"s\":\"👩‍👩‍👧‍👦😀\u{feff}\u{2028}\u{10ffff}\u{7f}\"".to_owned(),
        " \"s\" : [ 1 ,\t2\r\n, { } , [ ] ]\n".to_owned(),
        r#""securityQuestion":{"q":"secret"},"password":"s\u0065cret""#.to_owned(),
        format!(r#""long":"{}""#, "x".repeat(100_000)),
        // The body, `request` and the person are three levels.
        format!(r#""deep":{}1{}"#, "[".repeat(61), "]".repeat(61)),
        format!(r#""deep":{}1{}"#, r#"{"a":"#.repeat(61), "}".repeat(61)),
        (0..500).map(|n| format!(r#""k{n}":{n}"#)).collect::<Vec<_>>().join(" ,"),
    ];
    members.iter().map(|members| format!("{{{members}}}")).chain(["{}".to_owned(), "{ }".to_owned()]).collect()
}

#[tokio::test]
async fn a_person_comes_back_byte_for_byte() {
    let app = TestApp::with(SET).start().await;
    for person in persons() {
        let body = format!(r#"{{"request":{{"x":1,"user": {person} }}}}"#);
        for event in ["preCreateUser", "validateUser"] {
            let reply = app.post(event, body.as_str()).await;
            assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{person}}}}}"#));
        }
    }
}

#[tokio::test]
async fn a_rule_that_holds_and_changes_nothing_leaves_every_byte() {
    let text = r#"
[[rule]]
id = "same"
on = "preCreateUser"
unset = ["notThere", "n.deeper"]
set.login = 'user.login'
set.maybe = 'user.?alsoNotThere'
[[rule]]
id = "the same number"
on = "preCreateUser"
set.n = '100000.0'
"#;
    let app = TestApp::with(text).start().await;
    let person = r#"{ "login" : "\u006adoe", "n" : 1E5 }"#;
    let reply = app.post("preCreateUser", format!(r#"{{"request":{{"user":{person}}}}}"#)).await;
    assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{person}}}}}"#));
}

#[tokio::test]
async fn only_the_member_that_a_rule_sets_differs() {
    let app = TestApp::with(SET).start().await;
    for person in persons() {
        let expected = with_mark(&person);
        for event in ["preUpdateUser", "validateUpdateUser"] {
            let reply = app.post(event, format!(r#"{{"request":{{"user":{person}}}}}"#)).await;
            assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{expected}}}}}"#));
        }
    }
}

/// The person with one member more; of the rest, only white space around the person's own members may go.
fn with_mark(person: &str) -> String {
    let document = Document::parse(person).unwrap();
    let members = document.root().members().map(|(key, value)| format!("{}:{}", key.raw(), value.raw()));
    let members: Vec<String> = members.chain([r#""mark":"m""#.to_owned()]).collect();
    format!("{{{}}}", members.join(","))
}

#[tokio::test]
async fn a_set_member_keeps_its_place_and_its_key_and_the_rest_their_bytes() {
    let text = r#"
[[rule]]
id = "several"
on = "preCreateUser"
unset = ["gone", "address.gone"]
[rule.set]
displayName = 'user.firstName + " " + user.lastName'
address.city = '"Pune"'
tags = '["a", "b"]'
new.deep.er = '1'
[[rule]]
id = "then"
on = "preCreateUser"
set.seen = 'user.displayName'
"#;
    let app = TestApp::with(text).start().await;
    let body = r#"{"request":{"user":{"n":1.10,"disp\u006cayName":"old","firstName":"Zo\u00eb","lastName":"\ud83d\ude00","gone":1,
        "address":{ "zip" : "0\u0030", "city":null,"gone":[], "geo":{ "lat" : 1E1 } },"tags":[ 1 ]}}}"#;
    let expected = r#"{"response":{"data":{"n":1.10,"disp\u006cayName":"Zoë 😀","firstName":"Zo\u00eb","lastName":"\ud83d\ude00","address":{"zip":"0\u0030","city":"Pune","geo":{ "lat" : 1E1 }},"tags":["a","b"],"new":{"deep":{"er":1}},"seen":"Zoë 😀"}}}"#;
    assert_eq!(app.post("preCreateUser", body).await.accepted(), expected);
}

#[tokio::test]
async fn secrets_come_back_untouched_and_no_rule_sees_them() {
    let secrets = r#""securityQuestion":{"q" : "first\u0020pet"},"password":"hunter2","pin":[ 4711 ]"#;
    let text = r#"
[[rule]]
id = "sees none of them"
on = ["preUpdateUser", "validateUpdateUser"]
when = 'user.exists(key, user[key] != "jdoe") || request.user.exists(key, request.user[key] != "jdoe")'
set.seen = 'true'
[[rule]]
id = "sees how many there are"
on = ["preUpdateUser", "validateUpdateUser"]
set.count = 'size(user)'
[cymmetri]
secret_fields = ["user.pin"]
"#;
    let app = TestApp::with(text).start().await;
    let person = format!(r#"{{"login":"jdoe",{secrets}}}"#);
    let body = format!(r#"{{"request":{{"user":{person}}}}}"#);
    for event in ["preCreateUser", "validateUser"] {
        let reply = app.post(event, body.as_str()).await;
        assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{person}}}}}"#), "{event}");
    }
    for event in ["preUpdateUser", "validateUpdateUser"] {
        let reply = app.post(event, body.as_str()).await;
        let expected = format!(r#"{{"response":{{"data":{{"login":"jdoe",{secrets},"count":1}}}}}}"#);
        assert_eq!(reply.accepted(), expected, "{event}");
    }
    assert!(!app.log.text().contains("hunter2"));
}

#[tokio::test]
async fn a_rule_that_names_a_secret_is_no_rule() {
    for field in ["user.password", "user.securityQuestion.q", "request.user.password", "user.pin"] {
        let text = format!(
            "[[rule]]\nid = \"r\"\non = \"validateUser\"\nwhen = '{field} == \"x\"'\ndeny = \"No\"\n\
             [cymmetri]\nsecret_fields = [\"user.pin\"]\n"
        );
        let said = TestApp::with(&text).refused();
        assert!(said.contains("secret"), "{field}: {said}");
    }
    let text = "[[rule]]\nid = \"r\"\non = \"preCreateUser\"\nset.password = '\"x\"'\n";
    assert!(TestApp::with(text).refused().contains("secret"));
}

/// Any JSON text of a person, written in one of several ways.
fn any_person() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(|n| format!("{n:e}")),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?",
    ];
    let text = || {
        prop_oneof![
            any::<String>().prop_map(|text| Value::from(text).to_string()),
            "\"(\\\\u[0-9a-fA-F]{4}|\\\\[/bfnrt\"\\\\]|[a-zé名]){0,8}\"",
        ]
    };
    let leaf = prop_oneof![Just("null".to_owned()), Just("true".to_owned()), Just("false".to_owned()), number, text()];
    let white = || "[ \t\r\n]{0,2}";
    let value = leaf.prop_recursive(4, 40, 6, move |inner| {
        let list = (prop::collection::vec(inner.clone(), 0..6), white());
        let object = (prop::collection::vec((text(), inner), 0..6), white());
        prop_oneof![
            list.prop_map(|(items, white)| format!("[{white}{}]", items.join(&format!("{white},")))),
            object.prop_map(|(members, white)| write_object(members, &white)),
        ]
    });
    (prop::collection::vec((text(), value), 0..8), white()).prop_map(|(members, white)| write_object(members, &white))
}

/// An object; of members whose keys are the same after unescaping, only the first.
fn write_object(members: Vec<(String, String)>, white: &str) -> String {
    let mut written: Vec<String> = Vec::new();
    for (key, value) in members {
        written.push(format!("{white}{key}{white}:{value}{white}"));
        if Document::parse(format!("{{{}}}", written.join(","))).is_err() {
            written.pop();
        }
    }
    format!("{{{white}{}}}", written.join(","))
}

#[test]
fn whatever_a_person_is_it_comes_back_byte_for_byte() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = runtime.block_on(TestApp::with(SET).start());
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&any_person(), |person| {
        let body = format!(r#"{{"request":{{"user":{person}}}}}"#);
        let reply = runtime.block_on(app.post("preCreateUser", body.as_str()));
        prop_assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{person}}}}}"#));
        let reply = runtime.block_on(app.post("preUpdateUser", body.as_str()));
        prop_assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{}}}}}"#, with_mark(&person)));
        Ok(())
    });
    outcome.unwrap();
}

#[tokio::test]
async fn what_a_reply_holds_is_json_to_everybody() {
    let app = TestApp::with(SET).start().await;
    for person in persons().into_iter().filter(|person| serde_json::from_str::<Value>(person).is_ok()) {
        let reply = app.post("preUpdateUser", format!(r#"{{"request":{{"user":{person}}}}}"#)).await;
        let mut expected: Value = serde_json::from_str(&person).unwrap();
        expected["mark"] = "m".into();
        assert_eq!(compact(reply.accepted()), serde_json::json!({ "response": { "data": expected } }).to_string());
    }
}
