//! Bodies that are no event.

use super::*;

#[tokio::test]
async fn a_key_that_stands_twice_is_refused_with_its_path() {
    let app = TestApp::start().await;
    for (body, path) in [
        (r#"{"request":{"user":{"login":"a","login":"b"}}}"#, "request.user.login"),
        (r#"{"request":{"user":{"login":"a","l\u006fgin":"b"}}}"#, "request.user.login"),
        (r#"{"request":{"user":{"\u006cogin":"a","\u006C\u006fgin":"b"}}}"#, "request.user.login"),
        (r#"{"request":{"user":{"a":[{},{"k":1,"k":1}]}}}"#, "request.user.a.1.k"),
        (r#"{"request":{"user":{}},"request":{"user":{}}}"#, "request"),
        (r#"{"request":{"user":{},"user":{}}}"#, "request.user"),
        (r#"{"request":{"user":{}},"x":{"\ud83d\ude00":1,"😀":2}}"#, "x.😀"),
        (r#"{"request":[],"":1,"":2}"#, ""),
    ] {
        for event in ["validateUser", "postCreateUser", "policyMap"] {
            let reply = app.post(event, body).await;
            check(&reply, 400, "duplicate_key", None);
            assert_eq!(reply.json()["error"]["message"], format!("The key {path} stands twice."), "{body}");
        }
    }
    let many: Vec<String> = (0..1_000).map(|n| format!(r#""k{n}":0"#)).collect();
    let body = format!(r#"{{"request":{{"user":{{{},"k\u0036":1}}}}}}"#, many.join(","));
    check(&app.post("validateUser", body).await, 400, "duplicate_key", None);
    // The same key elsewhere is another one.
    let body = r#"{"request":{"user":{"user":{"user":1},"USER":2},"request":3}}"#;
    assert_eq!(app.post("validateUser", body).await.status, 200);
}

#[tokio::test]
async fn depth_utf8_and_syntax_are_told_apart() {
    let app = TestApp::start().await;
    let deep = |depth: usize| {
        format!(r#"{{"request":{{"user":{{"a":{}{}}}}}}}"#, "[".repeat(depth - 3), "]".repeat(depth - 3)).into_bytes()
    };
    for (body, code) in [
        (deep(65), "too_deep"),
        (deep(5_000), "too_deep"),
        (b"{\"request\":{\"user\":{\"a\":\"\xff\"}}}".to_vec(), "invalid_utf8"),
        (b"{\"request\":{\"user\":{\"a\":\"\xed\xa0\x80\"}}}".to_vec(), "invalid_utf8"),
        (b"{\"request\":{\"user\":{\"a\":\"\xc0\x80\"}}}".to_vec(), "invalid_utf8"),
        (b"{\0".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{\"a\":\"\n\"}}}".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{}}} x".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{}}}\0".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{},}}".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{\"a\":NaN}}}".to_vec(), "invalid_json"),
        (b"{\"request\":{\"user\":{\"a\":01}}}".to_vec(), "invalid_json"),
        (b"{'request':{}}".to_vec(), "invalid_json"),
        (b"request=user".to_vec(), "invalid_json"),
        (b"\xff\xfe{\0}\0".to_vec(), "invalid_utf8"),
        (Vec::new(), "invalid_json"),
        (b" \r\n\t".to_vec(), "invalid_json"),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let reply = app.post("preCreateUser", body).await;
        assert_eq!(reply.code(), code, "{shown}");
        check(&reply, 400, code, None);
    }
    assert_eq!(app.post("preCreateUser", deep(64)).await.status, 200);
}

#[tokio::test]
async fn a_body_has_the_shape_that_its_event_needs() {
    let app = TestApp::start().await;
    let persons = ["preCreateUser", "preUpdateUser", "validateUser", "validateUpdateUser", "runDeprovision"];
    let others = ["policyMap", "postCreateUser", "postUpdateUser", "changePassword", "preProvision", "postProvision"];
    // Body; what a reply that is about a person says; what the others say.
    let table = [
        ("[]", Some("at the top"), Some("at the top")),
        (r#""text""#, Some("at the top"), Some("at the top")),
        ("7", Some("at the top"), Some("at the top")),
        ("null", Some("at the top"), Some("at the top")),
        ("{}", Some("request"), Some("request")),
        (r#"{"user":{}}"#, Some("request"), Some("request")),
        (r#"{"Request":{"user":{}}}"#, Some("request"), Some("request")),
        (r#"{"request":null}"#, Some("request"), Some("request")),
        (r#"{"request":[]}"#, Some("request"), Some("request")),
        (r#"{"request":"{}"}"#, Some("request"), Some("request")),
        (r#"{"request":{}}"#, Some("request.user"), None),
        (r#"{"request":{"user":null}}"#, Some("request.user"), None),
        (r#"{"request":{"User":{}}}"#, Some("request.user"), None),
        (r#"{"request":{"user":[]}}"#, Some("request.user"), Some("request.user")),
        (r#"{"request":{"user":"jdoe"}}"#, Some("request.user"), Some("request.user")),
        (r#"{"request":{"user":1}}"#, Some("request.user"), Some("request.user")),
        (r#"{"request":{"user":false}}"#, Some("request.user"), Some("request.user")),
        (r#"{"request":{"user":{}}}"#, None, None),
        (r#"{"request":{"user":{}},"more":[]}"#, None, None),
        (r#"{"requ\u0065st":{"us\u0065r":{}}}"#, None, None),
    ];
    for (body, about_person, other) in table {
        let events = persons.iter().map(|event| (event, about_person)).chain(others.iter().map(|event| (event, other)));
        for (event, expected) in events {
            let reply = app.post(event, body).await;
            let Some(place) = expected else {
                assert_eq!(reply.status, 200, "{event} {body}");
                continue;
            };
            check(&reply, 400, "invalid_shape", None);
            let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(
                message.starts_with("Expected an object") && message.trim_end_matches('.').ends_with(place),
                "{event} {body}: {message}"
            );
        }
    }
}
