//! What depends on a setting or on what a request holds: the body of a yes, the neutral value of a mapping.

use serde_json::{Value, json};

use super::support::{TestApp, sample, user_of};

const USER: &str = r#"{"login" : "jdoe","n": 0.10}"#;
const CHANGED: &str = r#"{"login":"jdoe","n":0.10,"city":"Pune"}"#;

#[tokio::test]
async fn a_yes_has_the_configured_shape() {
    let body = format!(r#"{{"request":{{ "user" :{USER} , "more":[ 1 ]}}}}"#);
    for (shape, unchanged, changed) in [
        ("data", format!(r#"{{"response":{{"data":{USER}}}}}"#), format!(r#"{{"response":{{"data":{CHANGED}}}}}"#)),
        (
            "data_error_false",
            format!(r#"{{"response":{{"data":{USER},"error":false}}}}"#),
            format!(r#"{{"response":{{"data":{CHANGED},"error":false}}}}"#),
        ),
        ("empty", r#"{"response":{}}"#.to_owned(), r#"{"response":{}}"#.to_owned()),
        ("echo", body.clone(), format!(r#"{{"request":{{"user":{CHANGED},"more":[ 1 ]}}}}"#)),
    ] {
        let rule = "[[rule]]\nid = \"r\"\non = [\"validateUser\", \"preCreateUser\"]\nset.city = '\"Pune\"'\n";
        let app = TestApp::with(&format!("{rule}[cymmetri]\naccept_shape = \"{shape}\"\n")).start().await;
        assert_eq!(app.post("validateUpdateUser", body.as_str()).await.accepted(), unchanged, "{shape}");
        assert_eq!(app.post("validateUser", body.as_str()).await.accepted(), changed, "{shape}");
        // The shape is that of a yes to a validate event, and of no other reply.
        let reply = app.post("preCreateUser", body.as_str()).await;
        assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{CHANGED}}}}}"#), "{shape}");
        let reply = app.post("preUpdateUser", body.as_str()).await;
        assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{USER}}}}}"#), "{shape}");
        let reply = app.post("runDeprovision", body.as_str()).await;
        assert_eq!(reply.accepted(), r#"{"response":{"data":false}}"#, "{shape}");
    }
}

#[tokio::test]
async fn a_refusal_looks_the_same_whatever_a_yes_looks_like() {
    let rule = "[[rule]]\nid = \"r\"\non = \"validateUser\"\ndeny = \"No \\\"quotes\\\" \\u00e9\"\n";
    for shape in ["data", "data_error_false", "empty", "echo"] {
        let app = TestApp::with(&format!("{rule}[cymmetri]\naccept_shape = \"{shape}\"\n")).start().await;
        let reply = app.post("validateUser", sample("validateUser")).await;
        assert_eq!(reply.accepted(), r#"{"response":{"error":true,"message":"No \"quotes\" é"}}"#, "{shape}");
    }
}

#[tokio::test]
async fn a_mapping_without_a_rule_is_the_own_field_else_the_default_else_null() {
    let app = TestApp::start().await;
    for (request, expected) in [
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":"own"}}"#, r#""own""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":""}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":null}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":[]}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":{ }}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":[ 1.0 ]}}"#, "[ 1.0 ]"),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":{"a" :1e400}}}"#, r#"{"a" :1e400}"#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":0}}"#, "0"),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":false}}"#, "false"),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":" "}}"#, r#"" ""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{"email":"\u00e9"}}"#, r#""\u00e9""#),
        (r#"{"cymmetrifield":"\u0065mail","defaultValue":"d","user":{"emai\u006c":"own"}}"#, r#""own""#),
        (r#"{"cymmetrifield":"Email","defaultValue":"d","user":{"email":"own"}}"#, r#""d""#),
        (r#"{"cymmetrifield":"a.b","defaultValue":"d","user":{"a":{"b":1},"a.b":2}}"#, "2"),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":{}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d","user":null}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":"d"}"#, r#""d""#),
        (r#"{"cymmetrifield":"","defaultValue":"d","user":{"":"own"}}"#, r#""own""#),
        (r#"{"cymmetrifield":null,"defaultValue":"d","user":{"email":"own"}}"#, r#""d""#),
        (r#"{"cymmetrifield":7,"defaultValue":"d","user":{"7":"own"}}"#, r#""d""#),
        (r#"{"cymmetrifield":"\ud800","defaultValue":"d","user":{"\ud800":"own"}}"#, r#""d""#),
        (r#"{"defaultValue":"d","user":{"email":"own"}}"#, r#""d""#),
        (r#"{"cymmetrifield":"email","defaultValue":{"a": 0.10},"user":{}}"#, r#"{"a": 0.10}"#),
        (r#"{"cymmetrifield":"email","defaultValue":"","user":{}}"#, r#""""#),
        (r#"{"cymmetrifield":"email","defaultValue":null,"user":{}}"#, "null"),
        (r#"{"cymmetrifield":"email","user":{}}"#, "null"),
        ("{}", "null"),
    ] {
        let reply = app.post("policyMap", format!(r#"{{"request":{request}}}"#)).await;
        assert_eq!(reply.accepted(), format!(r#"{{"response":{{"mappedValue":{expected}}}}}"#), "{request}");
    }
}

#[tokio::test]
async fn a_mapping_rule_may_give_any_value() {
    for (map, expected) in [
        ("'a'", json!("a")),
        ("1", json!(1)),
        ("1.5", json!(1.5)),
        ("true", json!(true)),
        ("null", Value::Null),
        ("['a', 1]", json!(["a", 1])),
        ("{'a': {'b': []}}", json!({ "a": { "b": [] } })),
    ] {
        let rule = format!("[[rule]]\nid = \"r\"\non = \"policyMap\"\nmap = \"{map}\"\n");
        let app = TestApp::with(&rule).start().await;
        let reply = app.post("policyMap", sample("policyMap")).await;
        assert_eq!(reply.accepted(), json!({ "response": { "mappedValue": expected } }).to_string(), "{map}");
    }
}

#[tokio::test]
async fn the_first_rule_that_settles_wins_and_shadows_never_do() {
    let app = TestApp::with(
        r#"
[[rule]]
id = "shadow"
on = ["validateUser", "validateUpdateUser"]
deny = "Shadow"
shadow = true
[[rule]]
id = "not held"
on = "validateUser"
when = 'user.login == "somebody"'
deny = "NotHeld"
[[rule]]
id = "first"
on = "validateUser"
when = 'user.login == "shreyash2"'
deny = "First"
[[rule]]
id = "second"
on = "validateUser"
deny = "Second"
"#,
    )
    .start()
    .await;
    let mut log = app.follow();
    let reply = app.post("validateUser", sample("validateUser")).await;
    assert_eq!(reply.accepted(), r#"{"response":{"error":true,"message":"First"}}"#);
    let logged = log.until("duration_us").await;
    assert!(logged.contains("a shadow rule holds") && logged.contains(r#"rule="first""#), "{logged}");
    let reply = app.post("validateUpdateUser", sample("validateUpdateUser")).await;
    assert_eq!(reply.accepted(), format!(r#"{{"response":{{"data":{}}}}}"#, user_of(sample("validateUpdateUser"))));
}

#[tokio::test]
async fn a_rule_that_errs_lets_pass_or_refuses_as_it_says() {
    let rules = r#"
[[rule]]
id = "errs"
on = "validateUser"
when = 'user.email == "x"'
deny = "Never"
[[rule]]
id = "errs and refuses"
on = "validateUpdateUser"
when = 'user.email == "x"'
deny = "EmailAlreadyExist"
on_error = "deny"
[[rule]]
id = "errs, too"
on = ["preCreateUser", "preUpdateUser"]
set.a = 'user.email'
set.b = '"b"'
[[rule]]
id = "goes on"
on = "preCreateUser"
set.c = '"c"'
"#;
    let app = TestApp::with(rules).start().await;
    let reply = app.post("validateUser", r#"{"request":{"user":{}}}"#).await;
    assert_eq!(reply.accepted(), r#"{"response":{"data":{}}}"#);
    let reply = app.post("validateUpdateUser", r#"{"request":{"user":{}}}"#).await;
    assert_eq!(reply.json()["response"]["error"], true, "{reply:?}");
    let reply = app.post("preCreateUser", r#"{"request":{"user":{}}}"#).await;
    assert_eq!(reply.accepted(), r#"{"response":{"data":{"c":"c"}}}"#);
    let reply = app.post("preUpdateUser", r#"{"request":{"user":{ }}}"#).await;
    assert_eq!(reply.accepted(), r#"{"response":{"data":{ }}}"#);

    let app = TestApp::with(&format!("{rules}[cymmetri]\non_error = \"deny\"\n")).start().await;
    let reply = app.post("validateUser", r#"{"request":{"user":{}}}"#).await;
    assert_eq!(reply.json()["response"]["error"], true, "{reply:?}");
    let reply = app.post("preUpdateUser", r#"{"request":{"user":{ }}}"#).await;
    assert_eq!(reply.accepted(), r#"{"response":{"data":{ }}}"#);
}
