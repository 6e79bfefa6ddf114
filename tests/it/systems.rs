//! The systems beside Cymmetri, as they post and want to be answered: credentials, paths, statuses, texts.

use hookreeve::auth::hash_password;
use hookreeve::event::catalog;

use crate::support::{Reply, Request, TestApp};

const LUMOS: &str = r#"
[lumos]
auth.header = { name = "X-Lumos-Secret", value = [{ env = "LUMOS_OLD" }, { env = "LUMOS_NEW" }] }
"#;

const OPTIMALCLOUD: &str = r#"
[optimalcloud]
[optimalcloud.auth]
api_key = { env = "HELPDESK_KEY" }
basic = [{ user = "svc@corp.example", password_hash = { env = "HELPDESK_HASH" } }]
"#;

const HELPDESK: &str = "/v5.0/mgmt/api/v1.0/webhooks/helpdesk";
const PEOPLE: &str = "/v5.0/mgmt/api/v1.0/webhooks/provisioning/7";
const NO_ACTION: &str = r#"{"response":"NO_PROVISIONING_ACTION"}"#;

async fn lumos(text: &str) -> TestApp {
    let app =
        TestApp::with(&format!("{LUMOS}{text}")).env("LUMOS_OLD", "an old secret").env("LUMOS_NEW", "a new secret");
    app.start().await
}

async fn optimalcloud(text: &str) -> TestApp {
    let hash = hash_password(b"a password").expect("a hash");
    let app = TestApp::with(&format!("{OPTIMALCLOUD}{text}")).env("HELPDESK_KEY", "a key").env("HELPDESK_HASH", &hash);
    app.start().await
}

fn sample(event: &str) -> &'static str {
    catalog::find(event).expect("an event").sample
}

fn post(app: &TestApp, path: &str) -> Request {
    Request::post(app.address, path)
}

fn basic(user: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user))
}

#[track_caller]
fn text(reply: &Reply) -> (u16, &str) {
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"), "{reply:?}");
    (reply.status, &reply.body)
}

#[tokio::test]
async fn lumos_is_let_in_by_either_of_two_live_secrets_and_nobody_else_is() {
    let app = lumos("").await;
    for secret in ["an old secret", "a new secret"] {
        let request = post(&app, "/lumos/provision").header("x-lumos-secret", secret).body(sample("lumos.provision"));
        assert_eq!(request.send().await.accepted(), NO_ACTION);
    }
    for (name, value) in [
        ("x-lumos-secret", "a secret"),
        ("x-lumos-secret", ""),
        ("x-other", "a new secret"),
        ("authorization", "Bearer a new secret"),
    ] {
        let request = post(&app, "/lumos/provision").header(name, value).body(sample("lumos.provision"));
        assert_eq!(request.send().await.status, 401, "{name}");
    }
    // What lets one system in lets no other in.
    assert_eq!(app.request("/lumos/provision").body(sample("lumos.provision")).send().await.status, 401);
    let cymmetri = post(&app, "/webhook/test").header("x-lumos-secret", "a new secret").send().await;
    assert_eq!(cymmetri.status, 401);
}

#[tokio::test]
async fn lumos_is_told_no_where_nothing_was_done() {
    let app = lumos("").await;
    for (path, body, status) in [
        ("provision", r#"{"target_user":{"email":"a@corp.example"},"permissions":[]}"#, 200),
        ("provision", r#"{"target_user":{"email":"a@corp.example"},"permissions":null,"custom_fields":null}"#, 200),
        ("deprovision", r#"{"user":{"email":"a@corp.example"}}"#, 200),
        ("Provision/", r#"{"target_user":{}}"#, 200),
        ("provision", "{}", 400),
        ("provision", r#"{"request":{"user":{"login":"a"}}}"#, 400),
        ("provision", "[1]", 400),
        ("provision", r#"{"target_user":{},"target_user":{}}"#, 400),
        ("provision", "<html>", 400),
        ("reprovision", "{}", 404),
        ("", "{}", 404),
    ] {
        let request = post(&app, &format!("/lumos/{path}")).header("x-lumos-secret", "a new secret").body(body);
        let reply = request.send().await;
        assert_eq!(reply.status, status, "{path} {body}: {reply:?}");
        if status == 200 {
            assert_eq!(reply.accepted(), NO_ACTION, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn a_word_may_stand_in_output() {
    let app = lumos("response = \"output\"\n[lumos.trial]\napps = []\nusers = []\n").await;
    let request =
        post(&app, "/lumos/provision").header("x-lumos-secret", "a new secret").body(sample("lumos.provision"));
    assert_eq!(request.send().await.accepted(), r#"{"output":{"response":"NO_PROVISIONING_ACTION"}}"#);
}

#[tokio::test]
async fn a_help_desk_is_let_in_by_key_or_password_and_learns_nothing_else() {
    let app = optimalcloud("").await;
    let path = format!("{HELPDESK}/createticket");
    let body = sample("optimalcloud.createticket");
    let password = basic("SVC@corp.example:a password");
    for credential in ["a key", "Bearer a key", "ApiKey a key", "apikey  a key", &password, &password] {
        let reply = post(&app, &path).header("authorization", credential).body(body).send().await;
        assert_eq!(reply.status, 201, "{credential}: {reply:?}");
    }
    let wrong =
        [basic("svc@corp.example:a key"), basic("a key"), "Digest a key".into(), "another".into(), String::new()];
    for credential in &wrong {
        let reply = post(&app, &path).header("authorization", credential).body("no JSON").send().await;
        assert_eq!(text(&reply), (401, "ERROR"), "{credential}");
    }
    assert_eq!(text(&post(&app, &path).body(body).send().await), (401, "ERROR"));
    let twice = post(&app, &path).header("authorization", "a key").header("authorization", "a key").body(body);
    assert_eq!(text(&twice.send().await), (401, "ERROR"));
}

#[tokio::test]
async fn every_ticket_without_a_number_gets_one_of_its_own() {
    let app = optimalcloud("").await;
    let mut numbers = Vec::new();
    for (route, title) in [("createticket", "one"), ("servicenow", "two"), ("createticket", "three")] {
        let body = format!(
            r#"{{"title":"{title}","description":"d","short_description":"{title}","requester_email":"a@corp.example"}}"#
        );
        let request = post(&app, &format!("{HELPDESK}/{route}")).header("authorization", "a key").body(body);
        let reply = request.send().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        numbers.push(reply.json()["ticket"].as_i64().expect("a number"));
    }
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test]
async fn what_a_ticket_or_an_employee_lacks_is_told_in_the_documented_words() {
    let app = optimalcloud("").await;
    for (path, body, expected) in [
        ("helpdesk/servicenow", "{}", "requester_email is a required field"),
        ("helpdesk/createticket", r#"{"title":" "}"#, "title is a required field"),
        ("provisioning/7/adduser", r#"{"employee_id":"1","first_name":"J"}"#, "last_name is a required field"),
        ("provisioning/7/modifyuser", r#"{"email":"j"}"#, "employee_id is a required field"),
        ("provisioning/7/deleteuser", r#"{"employee_id":null}"#, "employee_id is a required field"),
        ("helpdesk/servicenow", "[]", "Expected an object at the top."),
    ] {
        let path = format!("/v5.0/mgmt/api/v1.0/webhooks/{path}");
        let reply = post(&app, &path).header("authorization", "a key").body(body).send().await;
        assert_eq!(text(&reply), (400, expected), "{path}");
    }
    let broken =
        post(&app, &format!("{HELPDESK}/servicenow")).header("authorization", "a key").body("{,}").send().await;
    assert_eq!(text(&broken).0, 400);
}

#[tokio::test]
async fn employees_are_taken_with_the_documented_comma_too_many() {
    let app = optimalcloud("").await;
    for route in ["adduser", "modifyuser", "deleteuser"] {
        let request = post(&app, &format!("{PEOPLE}/{route}")).header("authorization", "a key");
        let reply = request.body(sample("optimalcloud.adduser")).send().await;
        assert_eq!(reply.accepted(), r#"{"status":"ok","employee_id":"1111"}"#, "{route}");
    }
    for path in ["/v5.0/mgmt/api/v1.0/webhooks/provisioning/adduser", &format!("{PEOPLE}/7/adduser")] {
        let reply = post(&app, path).header("authorization", "a key").body(sample("optimalcloud.adduser")).send().await;
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_rule_can_refuse_a_ticket_in_words_of_its_own() {
    let rule = r#"
        [[rule]]
        id = "no tickets by night"
        on = "optimalcloud.createticket"
        when = 'request.title == "night"'
        deny = "Call the night desk"
        [[rule]]
        id = "nobody is hired by night"
        on = "optimalcloud.adduser"
        when = 'user.email == "night"'
        deny = "Call the night desk"
    "#;
    let app = optimalcloud(rule).await;
    let ticket = r#"{"title":"night","description":"d","requester_email":"a@corp.example"}"#;
    let reply =
        post(&app, &format!("{HELPDESK}/createticket")).header("authorization", "a key").body(ticket).send().await;
    assert_eq!(text(&reply), (400, "Call the night desk"));
    let person = r#"{"employee_id":1,"first_name":"J","last_name":"D","email":"night"}"#;
    let reply = post(&app, &format!("{PEOPLE}/adduser")).header("authorization", "a key").body(person).send().await;
    assert_eq!(text(&reply), (400, "Call the night desk"));
}

#[tokio::test]
async fn errors_may_be_json_strings() {
    let configured = OPTIMALCLOUD.replace("[optimalcloud]\n", "[optimalcloud]\nerror_format = \"json_string\"\n");
    let hash = hash_password(b"a password").expect("a hash");
    let app = TestApp::with(&configured).env("HELPDESK_KEY", "a key").env("HELPDESK_HASH", &hash).start().await;
    let reply = post(&app, &format!("{HELPDESK}/createticket")).body("{}").send().await;
    assert_eq!((reply.status, reply.body.as_str()), (401, "\"ERROR\""));
}

#[tokio::test]
async fn paylocity_posts_people_and_notices_to_one_path() {
    let hash = hash_password(b"a password").expect("a hash");
    let text = r#"
        [paylocity]
        auth.basic = [{ user = "paylocity", password_hash = { env = "HASH" } }]
        [[rule]]
        id = "no robots"
        on = "optimalcloud.adduser"
        when = 'user.first_name == "Robot"'
        deny = "No robots"
    "#;
    let app = TestApp::with(text).env("HASH", &hash).start().await;
    let credential = basic("paylocity:a password");
    let person = |first: &str| {
        format!(
            r#"{{"companyId":"8","employeeId":"11","employeeFirstName":"{first}","employeeLastName":"D","employeeWorkEMailAddress":"j@corp.example"}}"#
        )
    };
    let request = |body: String| {
        let request = post(&app, "/paylocity").header("authorization", &credential).header("expect", "100-continue");
        request.body(body)
    };
    assert_eq!(request(person("John")).send().await.accepted(), r#"{"status":"ok","employee_id":"11"}"#);
    let refused = request(person("Robot")).send().await;
    assert_eq!((refused.status, refused.body.as_str()), (400, "No robots"));
    let notice = request(r#"{"companyid":"8","employeeid":"11"}"#.to_owned()).send().await;
    assert_eq!(notice.accepted(), "{}");
    let missing = request(r#"{"employeeId":"11","employeeFirstName":"J"}"#.to_owned()).send().await;
    assert_eq!((missing.status, missing.body.as_str()), (400, "employeeLastName is a required field"));
    let denied =
        post(&app, "/paylocity").header("authorization", &basic("paylocity:x")).body(person("John")).send().await;
    assert_eq!((denied.status, denied.body.as_str()), (401, "ERROR"));
}

#[tokio::test]
async fn a_system_that_the_configuration_does_not_name_is_not_there() {
    let app = TestApp::start().await;
    for path in ["/lumos/provision", "/paylocity", &format!("{HELPDESK}/createticket")] {
        assert_eq!(app.request(path).body("{}").send().await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn systems_need_credentials_and_paths_of_their_own() {
    let refused = TestApp::with("[lumos]\nbase_paths = [\"/webhook\"]\n").refused();
    assert!(refused.contains("this is the path of `[cymmetri]`, too"), "{refused}");
    assert!(refused.contains("no credential is named"), "{refused}");
}
