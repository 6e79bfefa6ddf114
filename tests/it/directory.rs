//! Lookups in the directory over HTTP: who is found, who holds a value, and what a reload changes.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::support::TestApp;

const RULES: &str = r#"
[directory]
[[lookup]]
id = "same_mobile"
type = "directory"
match = { mobile = 'text(user.?mobile)' }
reserve = "30s"
return = ["login"]
[[rule]]
id = "mobile-unique"
on = ["validateUser", "validateUpdateUser"]
when = 'lookup.same_mobile.found'
deny = "MobileAlreadyExist"
"#;

fn user(login: &str, mobile: &str) -> String {
    json!({ "request": { "user": { "login": login, "mobile": mobile } } }).to_string()
}

async fn refused(app: &TestApp, login: &str, mobile: &str) -> Option<String> {
    let reply: Value = app.post("validateUser", user(login, mobile)).await.json();
    reply["response"]["message"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creations_in_flight_exactly_one_passes() {
    let app = std::sync::Arc::new(TestApp::with(RULES).start().await);
    let mut creations = JoinSet::new();
    for number in 0..40 {
        let app = app.clone();
        creations.spawn(async move { (number, refused(&app, &format!("p{number}"), "+1 555 0100").await) });
    }
    let outcomes = creations.join_all().await;
    let passed: Vec<i32> = outcomes.iter().filter(|(_, said)| said.is_none()).map(|(number, _)| *number).collect();
    let [passed] = passed.as_slice() else { panic!("{outcomes:?}") };
    // Whoever passed is asked about again, and is created; all others are still refused.
    let login = format!("p{passed}");
    assert_eq!(refused(&app, &login, "15550100").await, None);
    assert_eq!(app.post("postCreateUser", user(&login, "+1 555 0100")).await.status, 200);
    assert_eq!(refused(&app, "another", "+1 555 0100").await.as_deref(), Some("MobileAlreadyExist"));
    let app = std::sync::Arc::into_inner(app).expect("all have ended");
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_gives_back_what_was_held() {
    let also = "[[rule]]\nid = \"no\"\non = \"validateUser\"\nwhen = 'user.login == \"eve\"'\ndeny = \"No\"\n";
    let app = TestApp::with(&format!("{RULES}{also}")).start().await;
    assert_eq!(refused(&app, "eve", "1").await.as_deref(), Some("No"));
    assert_eq!(refused(&app, "ada", "1").await, None);
    assert_eq!(refused(&app, "bob", "1").await.as_deref(), Some("MobileAlreadyExist"));
    app.stop().await;
}

#[tokio::test]
async fn what_is_reserved_outlives_a_reload_and_the_index_follows_it() {
    let app = TestApp::with(RULES).start().await;
    let mut log = app.follow();
    assert_eq!(app.post("postCreateUser", user("ada", "+91 9820012345")).await.status, 200);
    assert_eq!(refused(&app, "bob", "9820012345").await, None);
    app.configure(&RULES.replace("[directory]", "[directory]\ncountry = \"91\""));
    log.until("the directory is indexed anew").await;
    assert_eq!(refused(&app, "carl", "098200 12345").await.as_deref(), Some("MobileAlreadyExist"));
    assert_eq!(refused(&app, "carl", "7").await, None);
    let more = "[[rule]]\nid = \"no\"\non = \"validateUser\"\nwhen = 'user.login == \"eve\"'\ndeny = \"No\"\n";
    app.configure(&format!("{}{more}", RULES.replace("[directory]", "[directory]\ncountry = \"91\"")));
    log.until("rules=2").await;
    assert_eq!(refused(&app, "dora", "7").await.as_deref(), Some("MobileAlreadyExist"));
    app.stop().await;
}

#[tokio::test]
async fn a_directory_that_nobody_asks_for_is_not_kept() {
    let app = TestApp::with("").start().await;
    assert_eq!(app.post("postCreateUser", user("ada", "1")).await.status, 200);
    app.configure(RULES);
    app.follow().until("the configuration is in force").await;
    assert_eq!(refused(&app, "bob", "1").await, None);
    app.stop().await;
}

#[test]
fn what_is_wrong_with_a_lookup_of_the_directory_is_said() {
    let said = TestApp::with(
        r#"
[directory]
leave_out = 'text(user.?status)'
country = "+91"
[directory.fields]
"mobile" = "phone"
"user.password" = "text"
[[lookup]]
id = "nothing"
type = "directory"
match = { "user..x" = 'text(user.?mobile)', password = '"x"' }
except = { login = 'user.lgoin +' }
reserve = "0s"
cache = "60s"
return = ["securityQuestion"]
[[rule]]
id = "r"
on = "validateUser"
when = 'lookup.nothing.found'
deny = "No"
"#,
    )
    .refused();
    for words in [
        "a field of the directory starts with `user.`",
        "a country's code is 1 to 3 digits",
        "`user.password` is a secret field, which the directory cannot keep",
        "a name is missing in the path",
        "`password` is a secret field, which the directory cannot keep",
        "`securityQuestion` is a secret field, which the directory cannot keep",
        "what is reserved is held for some time",
        "`cache` changes nothing",
    ] {
        assert!(said.contains(words), "{words}\n{said}");
    }
}
