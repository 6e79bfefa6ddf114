//! Each file of `config/examples` does for real events what its comments say.

use serde_json::{Value, json};

use crate::postgres::Server as Postgres;
use crate::program::{Place, leave_out, read, sample};
use crate::server::Server;

/// A server with an example's rules.
struct Example {
    server: Server,
    token: String,
    place: Place,
}

impl Example {
    fn start(name: &str) -> Self {
        Self::with(name, |place| place)
    }

    /// The same in a place with something more.
    fn with(name: &str, more: impl FnOnce(Place) -> Place) -> Self {
        let config = read(&format!("config/examples/{name}.toml"));
        let place = Place::new(&config).with_secrets_of(&config);
        let place = place.file("config/no-rehire.csv", &read("config/examples/no-rehire.csv"));
        let place = more(place.variable("HOOKREEVE__SERVER__LISTEN", "127.0.0.1:0"));
        Self { server: place.serve(), token: place.token(), place }
    }

    /// The reply to the documented sample with these fields of its request set; null takes a field away.
    #[track_caller]
    fn ask(&self, event: &str, request: Value) -> Value {
        let mut body = sample(event, "request");
        merge(&mut body["request"], request);
        self.server.ask(event, &self.token, &body)["response"].take()
    }

    #[track_caller]
    fn ask_about(&self, event: &str, user: &Value) -> Value {
        self.ask(event, json!({ "user": user }))
    }

    /// What is said to a person who is to be created or changed; none is a yes with the person as sent.
    #[track_caller]
    fn refusal(&self, user: &Value) -> Option<String> {
        let said = ["validateUser", "validateUpdateUser"].map(|event| {
            let response = self.ask_about(event, user);
            let message = response["message"].as_str().map(str::to_owned);
            assert_eq!(message.is_some(), response["error"] == true, "{response}");
            message
        });
        assert_eq!(said[0], said[1]);
        said.into_iter().next().expect("two")
    }

    #[track_caller]
    fn mapped(&self, target: &str, user: &Value) -> Value {
        let request = json!({ "targetAttribute": target, "cymmetrifield": "title", "user": user });
        self.ask("policyMap", request)["mappedValue"].take()
    }

    #[track_caller]
    fn leaves(&self, user: &Value) -> bool {
        self.ask_about("runDeprovision", user)["data"].as_bool().expect("yes or no")
    }
}

fn merge(target: &mut Value, with: Value) {
    match with {
        Value::Object(members) => {
            for (name, value) in members {
                if value.is_null() {
                    target.as_object_mut().expect("an object").remove(&name);
                } else {
                    merge(&mut target[name.as_str()], value);
                }
            }
        }
        other => *target = other,
    }
}

#[test]
fn corporate_email_refuses_the_wrong_addresses_and_keeps_the_right_ones_in_one_form() {
    let mut example = Example::start("corporate-email");
    for (email, said) in [
        ("anna@corp.example", None),
        (" Anna@CORP.example ", None),
        ("anna@corp-india.example", None),
        ("anna@else.example", Some("CorporateEmailRequired")),
        ("anna@notcorp.example", Some("CorporateEmailRequired")),
        ("anna@corp.example.else.example", Some("CorporateEmailRequired")),
        ("", None),
    ] {
        assert_eq!(example.refusal(&json!({ "email": email })).as_deref(), said, "{email}");
    }
    assert_eq!(example.refusal(&json!({})), None, "the sample has no address");
    for (email, said) in [
        ("anna@else.example", None),
        ("anna@throwaway.example", Some("EmailProviderNotAllowed")),
        ("anna@mail.TenMinutes.example", Some("EmailProviderNotAllowed")),
        ("anna@notthrowaway.example", None),
    ] {
        let user = json!({ "email": email, "userType": "Contractor" });
        assert_eq!(example.refusal(&user).as_deref(), said, "{email}");
    }
    for event in ["preCreateUser", "preUpdateUser"] {
        let changed = example.ask_about(event, &json!({ "email": " Anna@CORP.example" }));
        assert_eq!(changed["data"]["email"], "anna@corp.example");
        let user = sample(event, "request")["request"]["user"].clone();
        assert_eq!(example.ask_about(event, &json!({})), json!({ "data": user }));
    }
    // What the comment of the shadow rule says is in the log.
    let line = example.server.wait_for("a shadow rule holds");
    assert!(line.contains("email-required"), "{line}");
}

#[test]
fn attribute_mapping_gives_each_attribute_its_value_and_the_default_to_the_rest() {
    let example = Example::start("attribute-mapping");
    for (department, code) in [
        ("Finance", "F100"),
        (" FINANCE ", "F100"),
        ("Résearch and Development", "R300"),
        ("Gardening", "X000"),
        ("", "example@gmail.com"),
    ] {
        assert_eq!(example.mapped("departmentNumber", &json!({ "department": department })), code, "{department}");
    }
    for (user, name) in [
        (json!({ "displayName": "Anna B." }), "Anna B."),
        (json!({ "displayName": " " }), "Shreyash2 Pande2"),
        (json!({}), "Shreyash2 Pande2"),
        (json!({ "firstName": null }), "Pande2"),
    ] {
        assert_eq!(example.mapped("displayName", &user), name, "{user}");
    }
    for (user, mail) in [
        (json!({}), "shreyash2@corp.example"),
        (json!({ "login": "Anna@Else.example" }), "anna@else.example"),
        (json!({ "email": "anna@corp.example", "title": "Dr" }), "Dr"),
    ] {
        assert_eq!(example.mapped("email", &user), mail, "{user}");
    }
    let groups = json!({ "assignedGroups": ["crm-sales", "staff", 7, "crm-india"] });
    assert_eq!(example.mapped("crmGroups", &groups), json!(["sales", "india"]));
    // No rule: the field that it is mapped from, else the mapping's default.
    assert_eq!(example.mapped("title", &json!({ "title": "Dr" })), "Dr");
    assert_eq!(example.mapped("title", &json!({})), "example@gmail.com");
    // A rule that cannot be evaluated: the same.
    assert_eq!(example.mapped("departmentNumber", &json!({ "department": ["Finance"] })), "example@gmail.com");
    assert_eq!(
        example.ask("policyMap", json!({ "targetAttribute": "title", "defaultValue": null })),
        json!({ "mappedValue": null })
    );
}

#[test]
fn leavers_by_date_says_yes_only_when_the_last_day_is_over() {
    let mut example = Example::start("leavers-by-date");
    let [almost_a_day_ago, a_day_ago] = [23, 25].map(|hours| {
        let now = hookreeve::base::clock::Clock::system().now();
        (now - chrono::TimeDelta::hours(hours)).to_rfc3339()
    });
    for (user, leaves) in [
        (json!({}), false),
        (json!({ "endDate": "2001-01-31" }), true),
        (json!({ "endDate": "2001-01-31T17:00:00+05:30" }), true),
        (json!({ "endDate": "2999-12-31" }), false),
        (json!({ "endDate": almost_a_day_ago }), false),
        (json!({ "endDate": a_day_ago }), true),
        (json!({ "endDate": "soon" }), false),
        (json!({ "endDate": 980_899_200_000_i64 }), false),
        (json!({ "endDate": "2001-01-31", "login": "Admin" }), false),
        (json!({ "endDate": "2001-01-31", "assignedGroups": ["staff", "grp-admins"] }), false),
        (json!({ "endDate": "2001-01-31", "assignedGroups": ["staff"] }), true),
        // Where the exemption cannot be told, nobody is removed.
        (json!({ "endDate": "2001-01-31", "assignedGroups": "grp-admins" }), false),
        (json!({ "endDate": "2001-01-31", "login": ["admin"] }), false),
        // The shadow rule removes nobody.
        (json!({ "status": "INACTIVE" }), false),
    ] {
        assert_eq!(example.leaves(&user), leaves, "{user}");
    }
    example.server.wait_for("a rule erred");
    let line = example.server.wait_for("a shadow rule holds");
    assert!(line.contains("inactive-without-a-date"), "{line}");
}

#[test]
fn observe_first_changes_nothing_for_anybody_and_says_what_it_would_have_done() {
    let mut example = Example::start("observe-first");
    let user = json!({ "email": "anna@else.example", "status": "INACTIVE", "userType": "Employee" });
    for token in [None, Some("none".to_owned()), Some(example.token.clone())] {
        for event in hookreeve::event::catalog::names_of("cymmetri") {
            let mut body = sample(event, "request");
            if body["request"].is_object() {
                merge(&mut body["request"], json!({ "user": user }));
            }
            let reply = example.server.post(&format!("/webhook/{event}"), token.as_deref(), &body.to_string());
            let expected = match event {
                "preCreateUser" | "preUpdateUser" | "validateUser" | "validateUpdateUser" => {
                    json!({ "data": body["request"]["user"] })
                }
                "policyMap" => json!({ "mappedValue": "anna@else.example" }),
                "runDeprovision" => json!({ "data": false }),
                _ => json!({}),
            };
            assert_eq!((reply.status, &reply.json()["response"]), (200, &expected), "{event}");
        }
    }
    for (event, id) in [("preCreateUser", "display-name"), ("validateUser", "corporate-email")] {
        let line = example.server.wait_for("a shadow rule holds");
        assert!(line.contains(event) && line.contains(id), "{line}");
    }
    let log = example.server.stop().err;
    assert_eq!(log.matches("not verified, only observed").count(), 24, "{log}");
    assert!(log.contains("leavers") && !log.contains("shreyash2"), "{log}");
}

#[test]
fn unique_mobile_and_email_refuses_what_somebody_else_has() {
    let example = Example::start("unique-mobile-and-email");
    let tell = |example: &Example, event: &str, user: &Value| {
        assert_eq!(example.ask_about(event, user), json!({}), "{user}");
    };
    let anna = json!({ "login": "anna", "mobile": "+91 98200 12345", "email": "Anna@Corp.example" });
    assert_eq!(example.refusal(&anna), None);
    tell(&example, "postCreateUser", &anna);
    for (user, said) in [
        (json!({ "login": "bob", "mobile": "098200-12345" }), Some("MobileAlreadyExist")),
        (json!({ "login": "bob", "mobile": 9_820_012_345_u64 }), Some("MobileAlreadyExist")),
        (json!({ "login": "bob", "email": " anna@corp.EXAMPLE " }), Some("EmailAlreadyExist")),
        (json!({ "login": "bob", "mobile": "9820012346", "email": "bob@corp.example" }), None),
        (json!({ "login": "bob", "mobile": "", "email": null }), None),
        // Herself.
        (json!({ "login": " ANNA", "mobile": "9820012345", "email": "anna@corp.example" }), None),
        (json!({}), None),
    ] {
        assert_eq!(example.refusal(&user).as_deref(), said, "{user}");
    }
    // What a crash finds on disk counts as before.
    example.server.signal("KILL");
    let Example { server, token, place } = example;
    server.end();
    let example = Example { server: place.serve(), token, place };
    let carl = json!({ "login": "carl", "mobile": "9820012345" });
    assert_eq!(example.refusal(&carl).as_deref(), Some("MobileAlreadyExist"));
    // She has another number, then she leaves.
    let changed = json!({ "login": "anna", "mobile": "9820099999", "email": "anna@corp.example" });
    tell(&example, "postUpdateUser", &changed);
    assert_eq!(example.refusal(&carl), None);
    let carl = json!({ "login": "carl", "mobile": "9820099999" });
    assert_eq!(example.refusal(&carl).as_deref(), Some("MobileAlreadyExist"));
    let left = json!({ "login": "anna", "mobile": "9820099999", "email": "anna@corp.example", "status": "INACTIVE" });
    tell(&example, "postUpdateUser", &left);
    assert_eq!(example.refusal(&carl), None);
    let dora = json!({ "login": "dora", "mobile": "9820099999" });
    assert_eq!(example.refusal(&dora).as_deref(), Some("MobileAlreadyExist"), "carl is on his way");
}

#[test]
fn lookups_refuse_whom_the_file_names_and_nobody_because_a_source_is_away() {
    let mut example = Example::start("lookups");
    let refusal = |number: &str, mobile: &str| {
        let user = json!({ "employeeId": number, "mobile": mobile });
        example.ask_about("validateUser", &user)["message"].as_str().map(str::to_owned)
    };
    assert_eq!(refusal(" E-00666 ", "").as_deref(), Some("RehireNotAllowed"));
    assert_eq!(refusal("E-00667", ""), None);
    assert_eq!(refusal("", ""), None);
    // There is no such database, and no such HR system.
    assert_eq!(refusal("E-00667", "+91 20 5550 0100"), None);
    let line = example.server.wait_for("lookup `same_mobile` failed");
    assert!(line.contains("mobile-unique"), "{line}");
    let request = json!({ "targetAttribute": "costCentre", "cymmetrifield": "title", "user": { "employeeId": "E-1", "title": "CEO" } });
    assert_eq!(example.ask("policyMap", request)["mappedValue"], "CEO");
    example.server.wait_for("lookup `hr` failed");
}

/// Looks again, a little apart, until a database says so.
#[track_caller]
fn until(postgres: &Postgres, query: &str, expected: &str) {
    let mut said = String::new();
    for _ in 0..600 {
        said = postgres.query(query);
        if said == expected {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    panic!("{query}: {said}, and not {expected}")
}

#[test]
fn password_to_sql_sets_each_password_once_and_keeps_none() {
    let Some(postgres) = Postgres::start() else {
        leave_out("config/examples/password-to-sql.toml", "there is no PostgreSQL that can be started here");
        return;
    };
    postgres.execute(
        "create table accounts (login text primary key, hash bytea, changes int default 0);
         create table password_changes (login text, at timestamptz);
         insert into accounts values ('asha'), ('bert');
         create function set_password(who text, password text) returns void language sql as
         $$ update accounts set hash = sha256(convert_to(password, 'UTF8')), changes = changes + 1 where login = who $$;",
    );
    let example = Example::with("password-to-sql", |place| place.variable("ACCOUNTS_DATABASE", &postgres.url()));
    let change = |example: &Example, login: &str, password: &str| {
        let request = json!({ "passwordText": password, "user": { "login": login } });
        assert_eq!(example.ask("changePassword", request), json!({}));
    };
    change(&example, " Asha", "o'n:e \"$1\"");
    let hash = "select changes, hash = sha256(convert_to('o''n:e \"$1\"', 'UTF8')) from accounts where login = 'asha'";
    until(&postgres, hash, "1|t");
    assert_eq!(postgres.query("select login, count(*) from password_changes group by 1"), "asha|1");
    assert_eq!(postgres.query("select count(*) from hookreeve_done"), "1");
    // The database goes away, and so does the server; the password waits, sealed, and is set once.
    postgres.stop("immediate");
    change(&example, "bert", "hunter2-of-bert");
    example.server.signal("KILL");
    let Example { server, token, place } = example;
    server.end();
    for entry in walk(&place.path("data")) {
        let bytes = std::fs::read(&entry).expect("readable");
        assert!(!bytes.windows(15).any(|window| window == b"hunter2-of-bert"), "{}", entry.display());
    }
    assert!(postgres.start_again());
    let example = Example { server: place.serve(), token, place };
    until(&postgres, "select changes from accounts where login = 'bert'", "1");
    let log = example.server.stop().err;
    assert!(!log.contains("hunter2"), "{log}");
}

/// The files under a directory.
fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_file()).collect()
}
