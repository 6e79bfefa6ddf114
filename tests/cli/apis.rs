//! The examples that call other systems' APIs, run from the outside: against servers that do what these systems' documents
//! say, and against a real SCIM server where there is one.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, Asked};
use crate::kept::lines;
use crate::program::{Place, leave_out, read, repository};
use crate::server::Server;

/// A server with an example's configuration, whose systems are on this machine.
struct Example {
    place: Place,
    server: Server,
    token: String,
}

impl Example {
    /// `hosts` are addresses in the example, and ports that stand for them.
    fn start(name: &str, hosts: &[(&str, u16)]) -> Self {
        let mut text = read(&format!("config/examples/{name}.toml"));
        for (host, port) in hosts {
            assert!(text.contains(host), "{host}");
            text = text.replace(host, &format!("http://127.0.0.1:{port}"));
        }
        for kind in ["idhub", "optimalcloud", "scim"] {
            let soon = "retry = { first = \"10ms\", max_delay = \"50ms\" }";
            let here = format!("type = \"{kind}\"\nallow_private = true\n{soon}");
            text = text.replace("retry = { for = \"1d\" }\n", "").replace(&format!("type = \"{kind}\""), &here);
        }
        let place = ["IDHUB_SECRET", "OPTIMALCLOUD_KEY", "SCIM_TOKEN"]
            .into_iter()
            .fold(Place::new(&text), |place, name| place.variable(name, "a-secret-of-this-test"));
        let place = place.variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0");
        let tested = place.run(&["test"]);
        assert_eq!(tested.code, Some(0), "{tested:?}");
        Self { server: place.serve(), token: place.token(), place }
    }

    fn tell(&self, event: &str, user: &Value) -> Value {
        self.server.ask(event, &self.token, &json!({ "request": { "user": user } }))
    }

    /// Waits until the latest event's deliveries are done.
    #[track_caller]
    fn wait_until_done(&self, event: &str) -> Value {
        for _ in 0..2000 {
            let ended = self.place.run(&["events", "list", "--format", "json"]);
            let latest = lines(&ended.out).into_iter().next().unwrap_or_default();
            let done = latest["deliveries"]
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(|delivery| delivery["state"] == "done"));
            if latest["event"] == event && done {
                return latest;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("it is not delivered: {:?}", self.place.run(&["events", "show", "1"]));
    }
}

/// IDHub, as far as it is documented: ids and lists as it likes, and a first submission that fails.
fn idhub() -> Api {
    let failed = AtomicBool::new(false);
    Api::start(move |asked: &Asked| {
        if asked.path == "/realms/acme/protocol/openid-connect/token" {
            let right = asked.body == "grant_type=client_credentials"
                && asked.headers.iter().any(|line| line.starts_with("authorization: basic "));
            let token = r#"{"access_token":"t0k","token_type":"Bearer","expires_in":60}"#;
            return if right { (200, token.to_owned()) } else { (401, "{}".to_owned()) };
        }
        if !asked.has("authorization: bearer t0k") || !asked.has("x-tenant: acme") {
            return (401, String::new());
        }
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/api/esearch/catalog?searchText=Employee") => {
                (200, r#"{"_id":{"$oid":"63af258b93ccdf675ccab0da"},"name":"Employee"}"#.to_owned())
            }
            ("POST", "/replace/with/your/path/of/carts") => (201, read("tests/data/idhub/create-cart.response.json")),
            ("PUT", "/replace/with/your/path/of/carts/657820f1171a9761e416ee25/submit") => {
                if failed.swap(true, Ordering::SeqCst) { (204, String::new()) } else { (503, String::new()) }
            }
            _ => (404, String::new()),
        }
    })
}

#[test]
fn a_created_person_gets_an_access_request_whose_cart_is_made_once() {
    let idhub = idhub();
    let hosts = [("https://idhub.example", idhub.port), ("https://login.example", idhub.port)];
    let example = Example::start("postcreate-to-idhub", &hosts);
    let user = json!({ "login": "jerome", "userType": "Employee", "firstName": "Jerome", "lastName": "Fern" });
    assert_eq!(example.tell("postCreateUser", &user), json!({ "response": {} }));
    example.wait_until_done("postCreateUser");
    let asked = idhub.asked();
    let words: Vec<&str> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(words, ["POST", "GET", "POST", "PUT", "GET", "PUT"], "a token, then one cart that is submitted twice");
    // What is sent has the shape of the documented request.
    let documented: Value = serde_json::from_str(&read("tests/data/idhub/create-cart.request.json")).expect("JSON");
    let cart = asked[2].json();
    for (name, value) in cart.as_object().expect("an object") {
        assert!(documented.get(name).is_some(), "{name}: {value}");
    }
    let item = &cart["cartItems"][0];
    assert_eq!((&item["entityId"], &item["entityType"]), (&json!("63af258b93ccdf675ccab0da"), &json!("Role")));
    assert_eq!(item["beneficiaries"]["form"]["First Name"], "Jerome");
    let submitted = asked.iter().filter(|asked| asked.method == "PUT");
    let keys: Vec<&String> =
        submitted.flat_map(|asked| asked.headers.iter().filter(|line| line.starts_with("idempotency-key"))).collect();
    assert!(keys.len() == 2 && keys[0] == keys[1] && keys[0].ends_with("-submit_cart"), "{keys:?}");
}

#[test]
fn a_leaver_makes_a_ticket_whose_number_is_told() {
    let failed = AtomicBool::new(false);
    let cloud = Api::start(move |asked: &Asked| {
        if asked.method != "POST" || asked.path != "/v5.0/mgmt/api/v1.0/webhooks/helpdesk/createticket" {
            return (404, String::new());
        }
        if !asked.has("authorization: apikey a-secret-of-this-test") {
            return (401, "ERROR".to_owned());
        }
        let body = asked.json();
        for name in ["title", "description", "requester_email"] {
            if body[name].as_str().is_none_or(|text| text.trim().is_empty()) {
                return (400, format!("{name} is a required field"));
            }
        }
        if !failed.swap(true, Ordering::SeqCst) {
            return (400, "Failed to create the new ticket in Zendesk".to_owned());
        }
        (201, "{\"ticket\":7001}".to_owned())
    });
    let example = Example::start("deprovision-to-ticket", &[("https://acme.theoptimalcloud.com", cloud.port)]);
    let user = json!({ "login": "anna", "firstName": "Anna", "lastName": "B", "status": "INACTIVE" });
    assert_eq!(example.tell("runDeprovision", &user), json!({ "response": { "data": true } }));
    example.wait_until_done("runDeprovision");
    assert_eq!(cloud.asked().len(), 2);
    assert_eq!(cloud.asked()[1].json()["title"], "Leaver: anna");
    let shown = example.place.run(&["events", "show", "1"]);
    assert!(shown.out.contains("HTTP 201, ticket 7001"), "{shown:?}");
    assert_eq!(example.tell("runDeprovision", &json!({ "login": "bob" })), json!({ "response": { "data": false } }));
}

/// A real SCIM server, where `scripts/test` has installed one.
struct Scim {
    child: Child,
    port: u16,
}

impl Scim {
    fn start(what: &str) -> Option<Self> {
        let installed = repository("target/venv/bin/scim2-server");
        let program = if installed.exists() { installed } else { "scim2-server".into() };
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bearer-token", "a-secret-of-this-test"]);
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            leave_out(what, "there is no scim2-server");
            return None;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("Serving SCIM"), "{line}");
        Some(Self { child, port })
    }

    fn people(&self) -> Vec<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it is there");
        let request = "GET /v2/Users HTTP/1.0\r\nAuthorization: Bearer a-secret-of-this-test\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("written");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let (_, body) = text.split_once("\r\n\r\n").expect("a head");
        let list: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"));
        list["Resources"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Scim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn people_are_made_changed_and_switched_off_at_a_real_scim_server() {
    let Some(scim) = Scim::start("the example people-to-scim before a real SCIM server") else { return };
    // Its base is /v2.
    let example = Example::start("people-to-scim", &[("https://app.example/scim", scim.port)]);
    let anna = json!({ "login": "anna", "userType": "Employee", "firstName": "Anna", "lastName": "B",
                       "email": "anna@corp.example", "country": "India" });
    example.tell("postCreateUser", &anna);
    example.wait_until_done("postCreateUser");
    let people = scim.people();
    let [person] = &people[..] else { panic!("{people:?}") };
    assert_eq!((&person["userName"], &person["displayName"]), (&json!("anna"), &json!("Anna B")));
    assert_eq!((&person["active"], &person["addresses"][0]["country"]), (&json!(true), &json!("India")));
    let mut married = anna.clone();
    married["lastName"] = "C".into();
    example.tell("postUpdateUser", &married);
    example.wait_until_done("postUpdateUser");
    assert_eq!(scim.people()[0]["name"], json!({ "givenName": "Anna", "familyName": "C" }));
    example.tell("runDeprovision", &json!({ "login": "anna", "status": "INACTIVE" }));
    example.wait_until_done("runDeprovision");
    assert_eq!((scim.people().len(), &scim.people()[0]["active"]), (1, &json!(false)));
}
