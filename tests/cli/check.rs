//! `check`: what it says, in which form, and its exit status.

use expect_test::{Expect, expect};

use crate::program::{BASIC, Ended, Place, leave_out};

const RULE: &str = r#"
[[rule]]
id = "mobile"
on = "validateUser"
when = 'user.?mobile.hasValue()'
deny = "MobileAlreadyExist"
"#;

/// Two errors and a warning.
const WRONG: &str = r#"
[server]
lisen = "127.0.0.1:0"
[cymmetri.auth]
jwt = { secret = { env = "HOOKREEVE_JWT_SECRET" } }
[[rule]]
id = "a"
on = "validatUser"
deny = "A"
[[rule]]
id = "b"
on = "validateUser"
deny = "not one word"
"#;

#[track_caller]
fn check(place: &Place, arguments: &[&str], code: i32, expected: &Expect) -> Ended {
    let ended = place.run(&[&["check"], arguments].concat());
    expected.assert_eq(&place.shorten(&ended.out));
    assert_eq!((ended.code, ended.err.as_str()), (Some(code), ""));
    ended
}

#[test]
fn a_configuration_in_which_nothing_is_wrong_ends_with_0() {
    let place = Place::new(&format!("{BASIC}{RULE}"));
    let said = expect![[r"
        config/hookreeve.toml: 0 errors, 0 warnings, 1 rule
    "]];
    check(&place, &[], 0, &said);
    check(&place, &["--deny-warnings", "--secrets"], 0, &said);
    check(&place, &["--config", "config/hookreeve.toml"], 0, &said);
}

#[test]
fn everything_that_is_wrong_is_shown_at_once_with_carets_and_ends_with_1() {
    check(
        &Place::new(WRONG),
        &[],
        1,
        &expect![[r#"
            error[unknown-key]: unknown key `lisen`
             --> config/hookreeve.toml:3:1
              |
            3 | lisen = "127.0.0.1:0"
              | ^^^^^
              |
              = help: did you mean `listen`?

            error[rule-event]: there is no event `validatUser`
             --> config/hookreeve.toml:8:6
              |
            8 | on = "validatUser"
              |      ^^^^^^^^^^^^^
              |
              = help: did you mean `validateUser`?

            warning[deny-message]: the cloud takes the message for a code in its own table
              --> config/hookreeve.toml:13:8
               |
            13 | deny = "not one word"
               |        ^^^^^^^^^^^^^^
               |
               = help: use one word such as `MobileAlreadyExist` or `EmailRequired`

            config/hookreeve.toml: 2 errors, 1 warning, 2 rules
        "#]],
    );
}

#[test]
fn programs_get_the_same_findings_as_one_json_object() {
    let place = Place::new(WRONG);
    let ended = place.run(&["check", "--format", "json"]);
    assert_eq!(ended.code, Some(1));
    let said = ended.json();
    assert_eq!((&said["errors"], &said["warnings"], &said["rules"]), (&2.into(), &1.into(), &2.into()));
    let findings = said["findings"].as_array().expect("a list");
    let places: Vec<String> = findings
        .iter()
        .map(|one| {
            let place = format!("{}:{}:{}", one["file"].as_str().expect("a file"), one["line"], one["column"]);
            format!("{} {} {place}", one["severity"].as_str().expect("text"), one["code"].as_str().expect("text"))
        })
        .collect();
    assert_eq!(
        places,
        [
            "error unknown-key config/hookreeve.toml:3:1",
            "error rule-event config/hookreeve.toml:8:6",
            "warning deny-message config/hookreeve.toml:13:8",
        ]
    );
    let well = Place::new(BASIC).run(&["check", "--format", "json"]);
    assert_eq!(well.json(), serde_json::json!({ "errors": 0, "warnings": 0, "rules": 0, "findings": [] }));
}

#[test]
fn warnings_count_only_where_they_are_denied() {
    let place = Place::new(&format!("{BASIC}{}", RULE.replace("MobileAlreadyExist", "not one word")));
    assert_eq!(place.run(&["check"]).code, Some(0));
    assert_eq!(place.run(&["check", "--deny-warnings"]).code, Some(1));
    assert_eq!(place.run(&["check", "--deny-warnings", "--format", "json"]).code, Some(1));
}

#[test]
fn a_missing_secret_is_a_warning_unless_secrets_are_asked_for() {
    let place = Place::new(BASIC).without_secret();
    let ended = place.run(&["check"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.starts_with("warning[missing-secret]: environment variable HOOKREEVE_JWT_SECRET is not set"));
    let ended = place.run(&["check", "--secrets"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.starts_with("error[missing-secret]: environment variable HOOKREEVE_JWT_SECRET is not set"));
    assert_eq!(place.run(&["check", "--deny-warnings"]).code, Some(1));
}

#[test]
fn what_secrets_keys_and_certificates_hold_is_looked_into_where_they_are_asked_for() {
    let tls = BASIC.replace("[cymmetri.auth]", "tls = { cert = \"cert.pem\", key = \"key.pem\" }\n[cymmetri.auth]");
    let jwt = "jwt = { secret = { env = \"HOOKREEVE_JWT_SECRET\" } }";
    let key = BASIC.replace(jwt, "jwt = { algorithms = [\"RS256\"], key = \"key.pem\" }");
    let path = BASIC.replace(jwt, &format!("{jwt}\npath_secret = {{ file = \"key.pem\" }}"));
    for (config, said) in [
        (tls, "cert.pem holds no certificate"),
        (key, "key.pem is no key file"),
        (path, "holds characters that do not stand in a path"),
    ] {
        let place = Place::new(&config).file("config/cert.pem", "none").file("config/key.pem", "no / key");
        assert_eq!(place.run(&["check", "--deny-warnings"]).code, Some(0), "{said}");
        let ended = place.run(&["check", "--secrets"]);
        assert_eq!(ended.code, Some(1), "{said}: {ended:?}");
        assert!(ended.out.contains(said), "{said}: {ended:?}");
        assert!(!place.path("data").exists(), "looking makes nothing");
        // It is what serve says.
        let served = place.run(&["serve"]);
        assert_eq!(served.code, Some(1));
        assert!(served.err.contains(said), "{said}: {served:?}");
    }
}

#[test]
fn without_a_configuration_to_look_at_it_ends_with_2() {
    let place = Place::new(BASIC);
    check(
        &place,
        &["--config", "none.toml"],
        2,
        &expect![[r"
            error[unreadable-file]: none.toml could not be read: No such file or directory (os error 2)
             |
             = help: name another file by --config FILE

            none.toml: 1 error, 0 warnings, rules not looked at
        "]],
    );
    assert_eq!(place.run(&["check", "--config", "config"]).code, Some(2), "a directory is no configuration");
    // A file that is there and names one that is not, is one to look at.
    let included = Place::new(&format!("include = [\"none.toml\"]\n{BASIC}"));
    assert_eq!(included.run(&["check"]).code, Some(1));
    if std::path::Path::new("/etc/hookreeve/hookreeve.toml").exists() {
        return leave_out("check without any configuration", "this machine has one in /etc/hookreeve");
    }
    let ended = Place::empty().run(&["check"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.out.contains("there is no configuration: neither config/hookreeve.toml nor /etc/"), "{ended:?}");
}

#[test]
fn rules_of_a_file_that_is_no_toml_are_not_counted() {
    let place = Place::new(&format!("{BASIC}{RULE}\n[[rule\n"));
    let ended = place.run(&["check"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.out.ends_with("1 error, 0 warnings, rules not looked at\n"), "{ended:?}");
    assert_eq!(place.run(&["check", "--format", "json"]).json()["rules"], serde_json::Value::Null);
}

#[test]
fn a_field_that_nobody_lists_is_refused_where_warnings_are_denied_until_it_is_declared() {
    let rule = RULE.replace("user.?mobile", "user.?costCentre");
    let place = Place::new(&format!("{BASIC}{rule}"));
    check(
        &place,
        &["--deny-warnings"],
        1,
        &expect![[r#"
        warning[unknown-field]: `user.costCentre` is not a field that is known
          --> config/hookreeve.toml:10:9
           |
        10 | when = 'user.?costCentre.hasValue()'
           |         ^^^^^^^^^^^^^^^^
           |
           = help: declare it under `[attributes]`: "user.costCentre" = "string"

        config/hookreeve.toml: 0 errors, 1 warning, 1 rule
    "#]],
    );
    assert_eq!(place.run(&["check"]).code, Some(0));
    let declared = format!("{BASIC}[attributes]\n\"user.costCentre\" = \"string\"\n{rule}");
    assert_eq!(Place::new(&declared).run(&["check", "--deny-warnings"]).code, Some(0));
}

#[test]
fn the_environment_sets_single_values_over_the_file() {
    let place = Place::new(BASIC).variable("HOOKREEVE__LOG__LEVEL", "debug");
    assert_eq!(place.run(&["check", "--deny-warnings"]).code, Some(0));
}

#[test]
fn what_is_wrong_with_a_variable_names_it_and_never_its_value() {
    for (name, value) in [
        ("HOOKREEVE__SERVER__LISTEN", "hunter2hunter2"),
        ("HOOKREEVE__SERVER__LISEN", "hunter2hunter2"),
        ("HOOKREEVE__SERVER__BODY_LIMIT", "hunter2hunter2"),
        ("HOOKREEVE__SERVER__TRUSTED_PROXIES", "127.0.0.1,hunter2hunter2"),
        ("HOOKREEVE__LOG__LEVEL", "hunter2hunter2"),
        ("HOOKREEVE__LOG__LEVLE", "hunter2hunter2"),
        ("HOOKREEVE__CYMMETRI__AUTH__JWT__SECRET", "hunter2hunter2"),
        ("HOOKREEVE__RULE__DENY", "hunter2hunter2"),
        ("HOOKREEVE__NONE", "hunter2hunter2"),
    ] {
        let place = Place::new(BASIC).variable(name, value);
        for arguments in [&["check"][..], &["check", "--format", "json"], &["serve"], &["token"]] {
            let ended = place.run(arguments);
            let said = format!("{}{}", ended.out, ended.err);
            assert_eq!(ended.code, Some(1), "{name}: {arguments:?}: {said}");
            assert!(said.contains(&format!("environment variable {name}")), "{arguments:?}: {said}");
            assert!(!said.contains("hunter2"), "{arguments:?}: {said}");
        }
    }
}

/// Three expressions, of which a large event makes one too costly.
const COSTS: &str = r#"
[[rule]]
id = "corporate email"
on = ["validateUser", "validateUpdateUser"]
when = 'text(user.?email) != "" && !lower(text(user.?email)).endsWith("@corp.example")'
deny = "CorporateEmailRequired"
[[rule]]
id = "display name"
on = "preCreateUser"
set.displayName = 'fold(user.firstName) + " " + fold(user.lastName)'
[[rule]]
id = "names"
on = "validateUser"
when = '''!re(user.firstName, r'^\w{2,50}( \w{2,50})*$')'''
deny = "NameNotAllowed"
"#;

#[test]
fn costs_are_a_table_for_people() {
    let place = Place::new(&format!("{BASIC}{COSTS}"));
    check(
        &place,
        &["--costs"],
        0,
        &expect![[r"
            rule             field             16KiB       1MiB
            corporate email  when              5,660    360,476
            display name     set.displayName  75,792  4,849,680  beyond the budget from 211KiB on
            names            when             98,323  6,291,475  beyond the budget from 162KiB on

            event               expressions    16KiB       1MiB
            validateUser        2            103,983  6,651,951
            validateUpdateUser  1              5,660    360,476
            preCreateUser       1             75,792  4,849,680

            The most steps on an event of that size. All rules on an event have 1,000,000 together.

            config/hookreeve.toml: 0 errors, 0 warnings, 3 rules
        "]],
    );
}

#[test]
fn a_check_before_reloads_that_could_tell_of_no_event_is_told() {
    let reload = "[reload]\nrefuse_above = \"2%\"\n";
    for (payload, code) in [("masked", 1), ("none", 1), ("full", 0)] {
        let place = Place::new(&format!("{BASIC}{reload}[journal]\npayload = \"{payload}\"\n"));
        let ended = place.run(&["check", "--deny-warnings"]);
        assert_eq!(ended.code, Some(code), "{payload}: {ended:?}");
        assert_eq!(ended.out.contains("warning[reload-payload]"), code == 1, "{payload}: {ended:?}");
    }
}

#[test]
fn costs_of_actions_and_lookups_are_told() {
    let place = Place::new(&format!(
        "{BASIC}{}",
        r#"
[[rule]]
id = "known"
on = "validateUser"
when = '!lookup.hr.found'
deny = "Unknown"
[[lookup]]
id = "hr"
type = "http"
url = "https://hr.example/people/${user.login}?mail=${text(user.?email)}"
[[action]]
id = "tell-crm"
on = ["postCreateUser", "postUpdateUser"]
when = 'user.userType == "Employee"'
type = "http"
url = "https://crm.example/people/${user.login}"
headers = { x-type = "${user.userType}" }
[action.body]
name = 'fold(user.firstName) + " " + fold(user.lastName)'
list = ['user.login']
"#
    ));
    let said = place.run(&["check", "--costs", "--format", "json"]).json();
    let fields = |list: &str, name: &str| -> Vec<(String, String)> {
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let items = said["costs"][list].as_array().expect("a list").iter();
        items.map(|item| (text(&item[name]), text(&item["field"]))).collect()
    };
    let pair = |id: &str, field: &str| (id.to_owned(), field.to_owned());
    assert_eq!(fields("lookups", "lookup"), [pair("hr", "url")]);
    let of_crm = ["when", "url", "headers.x-type", "body.name", "body.list.0"].map(|field| pair("tell-crm", field));
    assert_eq!(fields("actions", "action"), of_crm);
    let name = &said["costs"]["actions"][3];
    assert!(name["beyond_budget_from_bytes"].as_u64() > Some(100_000), "{name}");
    // Both expressions of the address count.
    let one = said["costs"]["actions"][1]["steps"][0].as_u64();
    assert!(said["costs"]["lookups"][0]["steps"][0].as_u64() > one, "{said}");
    let table = place.run(&["check", "--costs"]).out;
    for part in ["\naction    field ", "\nlookup  field", "and so have all conditions of actions"] {
        assert!(table.contains(part), "{part} in\n{table}");
    }
}

#[test]
fn costs_are_numbers_for_programs() {
    let place = Place::new(&format!("{BASIC}{COSTS}"));
    let said = place.run(&["check", "--costs", "--format", "json"]).json();
    assert_eq!(said["costs"]["budget"], 1_000_000);
    assert_eq!(said["costs"]["event_bytes"], serde_json::json!([16384, 1_048_576]));
    let first = &said["costs"]["rules"][0];
    assert_eq!((&first["rule"], &first["field"]), (&"corporate email".into(), &"when".into()));
    assert!(first["steps"][0].as_u64() < first["steps"][1].as_u64());
    assert_eq!(first["beyond_budget_from_bytes"], serde_json::Value::Null);
    assert_eq!(said["costs"]["events"][0]["event"], "validateUser");
    let plain = place.run(&["check", "--format", "json"]).json();
    assert_eq!(plain.get("costs"), None);
}
