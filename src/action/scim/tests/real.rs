//! A real SCIM server, where there is one: that of the package scim2-server.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::action::tests::{job_about, ready};
use crate::action::{Action, Answer, Fate};
use crate::outgoing::{Client, Guard, Method, Outlet, Request, TlsFiles};

/// Where `scripts/test` installs it.
const INSTALLED: &str = "target/venv/bin/scim2-server";
const TOKEN: &str = "a-token-for-this-test";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

struct Real {
    child: Child,
    port: u16,
}

impl Real {
    /// None where it is not installed, which is said.
    fn start(what: &str) -> Option<Self> {
        let program = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(INSTALLED)).filter(|path| path.exists());
        let program = program.unwrap_or_else(|| PathBuf::from("scim2-server"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--bearer-token", TOKEN]);
        let Ok(mut child) = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            eprintln!("left out: {what}: there is no scim2-server");
            return None;
        };
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("Serving SCIM"), "{line}");
        Some(Self { child, port })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v2", self.port)
    }

    fn action(&self, more: &str) -> Arc<dyn Action> {
        let toml = format!(
            "on = 'postCreateUser'\ntype = 'scim'\nurl = '{}'\nallow_private = true\n\
             headers = {{ authorization = {{ env = 'T', prefix = 'Bearer ' }} }}\n{more}",
            self.url()
        );
        ready(&toml, &[("T", TOKEN)])
    }

    /// All that the server has of a kind.
    async fn all(&self, kind: &str) -> Vec<Json> {
        let guard = Guard { allow_private: true, allow: Vec::new() };
        let timeout = std::time::Duration::from_secs(10);
        let outlet = Outlet { timeout, guard, proxy: None, tls: TlsFiles::default() };
        let client = Client::try_new(&outlet).unwrap();
        let mut headers = ::http::HeaderMap::new();
        headers.insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        let url = format!("{}/{kind}", self.url()).parse().unwrap();
        let received = client.send(Method::Get, Request { url, headers, body: None }, 1 << 20).await.unwrap();
        let list: Json = serde_json::from_slice(&received.body).unwrap();
        list["Resources"].as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PERSON: &str = "find = { userName = 'user.login' }\n\
    [action.attributes]\n\
    externalId = 'text(user.?id)'\n\
    title = 'text(user.?title)'\n\
    active = 'true'\n\
    name = { givenName = 'user.firstName', familyName = 'user.lastName' }\n\
    emails = [{ value = 'text(user.?email)', type = '\"work\"', primary = 'true' }]\n\
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User' = { department = 'text(user.?department)' }\n";

#[tokio::test]
async fn a_person_is_made_changed_switched_off_and_deleted_at_a_real_server() {
    let Some(real) = Real::start("SCIM at a real server") else { return };
    let upsert = real.action(PERSON);
    let anna = json!({ "login": "anna", "firstName": "Anna", "lastName": "B", "email": "anna@corp.example",
                       "department": "Sales", "title": "Dr" });
    let job = job_about("postCreateUser", &anna);
    assert_eq!(upsert.attempt(&job).await, Answer::done("created, HTTP 201"));
    // An attempt whose answer was lost is made again.
    assert_eq!(upsert.attempt(&job).await, Answer::done("nothing to change"));
    let all = real.all("Users").await;
    let [person] = &all[..] else { panic!("{all:?}") };
    assert_eq!((&person["userName"], &person["active"]), (&json!("anna"), &json!(true)));
    assert_eq!(person["name"], json!({ "givenName": "Anna", "familyName": "B" }));
    assert_eq!((&person["emails"][0]["value"], &person["title"]), (&json!("anna@corp.example"), &json!("Dr")));
    assert_eq!(person[ENTERPRISE]["department"], "Sales");

    let mut married = anna.clone();
    married["lastName"] = "C".into();
    married["email"] = "anna.c@corp.example".into();
    married["department"] = "IT".into();
    married["title"] = "".into();
    let job = job_about("postCreateUser", &married);
    assert_eq!(upsert.attempt(&job).await, Answer::done("4 changed, HTTP 204"));
    assert_eq!(upsert.attempt(&job).await, Answer::done("nothing to change"));
    let person = real.all("Users").await.remove(0);
    assert_eq!(person["name"], json!({ "givenName": "Anna", "familyName": "C" }));
    assert_eq!((&person["emails"][0]["value"], &person["title"]), (&json!("anna.c@corp.example"), &json!(null)));
    assert_eq!(person[ENTERPRISE]["department"], "IT");

    let replace = real.action(&format!("change = 'replace'\n{PERSON}"));
    let job = job_about("postCreateUser", &anna);
    assert_eq!(replace.attempt(&job).await, Answer::done("4 changed, HTTP 200"));
    assert_eq!(replace.attempt(&job).await, Answer::done("nothing to change"));
    assert_eq!(real.all("Users").await[0]["title"], "Dr");

    let create = real.action(&format!("operation = 'create'\n{PERSON}"));
    assert_eq!(create.attempt(&job_about("postCreateUser", &married)).await, Answer::done("it is there"));
    let find = "find = { userName = 'user.login' }";
    let deactivate = real.action(&format!("operation = 'deactivate'\n{find}"));
    assert_eq!(deactivate.attempt(&job).await, Answer::done("1 changed, HTTP 204"));
    assert_eq!(deactivate.attempt(&job).await, Answer::done("nothing to change"));
    assert_eq!(real.all("Users").await[0]["active"], false);
    let delete = real.action(&format!("operation = 'delete'\n{find}"));
    assert_eq!(delete.attempt(&job).await, Answer::done("deleted, HTTP 204"));
    assert_eq!(delete.attempt(&job).await, Answer::done("there is none"));
    assert_eq!(deactivate.attempt(&job).await, Answer::done("there is none"));
    assert_eq!(real.all("Users").await, [Json::Null; 0]);
}

#[tokio::test]
async fn a_real_server_is_not_misled_by_what_a_person_is_called() {
    let Some(real) = Real::start("names with quotes at a real SCIM server") else { return };
    let upsert = real.action("find = { userName = 'user.login' }\nattributes = { displayName = 'user.login' }");
    let names =
        ["o'neill", "a\" or userName pr or userName eq \"b", "back\\slash", "naïve é ü", "a&count=0#x%20+", "b"];
    for name in names {
        let job = job_about("postCreateUser", &json!({ "login": name }));
        assert_eq!(upsert.attempt(&job).await, Answer::done("created, HTTP 201"), "{name}");
        assert_eq!(upsert.attempt(&job).await, Answer::done("nothing to change"), "{name}");
    }
    assert_eq!(real.all("Users").await.len(), names.len());
}

#[tokio::test]
async fn what_a_real_server_refuses_is_told() {
    let Some(real) = Real::start("what a real SCIM server refuses") else { return };
    let anna = job_about("postCreateUser", &json!({ "login": "anna" }));
    let wrong = ready(
        &format!(
            "on = 'postCreateUser'\ntype = 'scim'\nurl = '{}'\nallow_private = true\n\
             headers = {{ authorization = {{ env = 'T', prefix = 'Bearer ' }} }}\n\
             find = {{ userName = 'user.login' }}\nattributes = {{ title = '\"x\"' }}",
            real.url()
        ),
        &[("T", "another")],
    );
    assert_eq!(wrong.attempt(&anna).await.what, "find: HTTP 401");
    for (more, what) in [
        ("find = { shoeSize = '7' }\nattributes = { title = '\"x\"' }", "find: HTTP 400, invalidFilter"),
        (
            "find = { userName = 'user.login' }\nattributes = { active = '\"perhaps\"' }",
            "create: HTTP 400, invalidValue",
        ),
    ] {
        let answer = real.action(more).attempt(&anna).await;
        assert_eq!((answer.fate, answer.what.as_str()), (Fate::Dead, what), "{more}: {answer:?}");
    }
    // By externalId the server finds nobody, and the name is taken.
    let upsert = real.action("find = { externalId = 'user.id' }\nattributes = { userName = '\"anna\"' }");
    for (id, what) in [("1", "created"), ("2", "HTTP 409")] {
        let answer = upsert.attempt(&job_about("postCreateUser", &json!({ "login": "anna", "id": id }))).await;
        assert!(answer.what.starts_with(what), "{answer:?}");
    }
}
