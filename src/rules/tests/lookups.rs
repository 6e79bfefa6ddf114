//! What rules make of what lookups found, and of what they did not.

use std::time::Duration;

use chrono::DateTime;
use serde_json::json;

use super::*;
use crate::facts::{Answer, Fact, FactSource};

fn fact(lookup: &str, answer: Result<Answer, &str>) -> Fact {
    Fact {
        lookup: lookup.into(),
        answer: answer.map_err(str::to_owned),
        source: FactSource::Given,
        as_of: DateTime::UNIX_EPOCH,
        took: Duration::ZERO,
    }
}

/// What a rule with this condition comes to.
fn outcome(condition: &str, facts: &Facts) -> String {
    let toml =
        format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{condition}'''\ndeny = \"MobileAlreadyExist\"");
    let (rules, findings) = load(&toml);
    assert!(findings.is_empty(), "{}", findings.iter().map(|finding| finding.render(false)).collect::<String>());
    let event = event("validateUser", &user(r#"{"login":"x"}"#));
    let watch = Stopwatch { elapsed: &|| Duration::ZERO, budget: Duration::from_secs(1) };
    outcomes(&rules.decide(&event, facts, &watch)).concat()
}

#[test]
fn rules_see_what_lookups_found() {
    let found = Answer::found(json!({ "login": "anna", "n": 5, "groups": ["a"] }));
    let facts = Facts::from_iter([fact("hr", Ok(found)), fact("same_mobile", Ok(Answer::nothing()))]);
    for condition in [
        "lookup.hr.found && !lookup.same_mobile.found",
        "lookup.same_mobile.value == null",
        r#"lookup.hr.value.login == "anna" && lookup.hr.value.n + 1 == 6 && "a" in lookup.hr.value.groups"#,
        r#"lookup["hr"]["value"]["login"] == "anna" && text(lookup.hr.value.?mail) == """#,
        r#"has(lookup.hr.value.login) && !has(lookup.hr.value.mail) && lookup.hr.?value.?login.orValue("") == "anna""#,
        r#"lookup.hr == {"found": true, "value": {"login": "anna", "n": 5, "groups": ["a"]}}"#,
    ] {
        assert_eq!(outcome(condition, &facts), "a: held", "{condition}");
    }
}

#[test]
fn a_lookup_that_failed_or_was_not_asked_is_the_rules_error_however_it_is_named() {
    let failed = Facts::from_iter([fact("hr", Err("it took longer than 300ms"))]);
    for (facts, why) in [(&failed, "it took longer than 300ms"), (&Facts::default(), "it was not asked")] {
        for condition in [
            "lookup.hr.found",
            "!lookup.hr.found",
            "has(lookup.hr)",
            "!has(lookup.hr.found)",
            "!has(lookup.hr.value.login)",
            "has(lookup.?hr.found)",
            "lookup.?hr.?found.orValue(false)",
            "!lookup.?hr.hasValue()",
            "lookup.?hr == optional.none()",
            r#"text(lookup.hr.value.?login) == """#,
            r#"text(lookup.hr.?value) == """#,
            r#"lookup["hr"].found"#,
            r#"lookup[?"hr"].hasValue() || user.login == "y""#,
            "lookup.hr == {} || lookup.hr.value == null",
            "lookup.hr.value in [null]",
            "[lookup.hr.found].exists(x, x)",
        ] {
            let outcome = outcome(condition, facts);
            assert!(outcome.starts_with(&format!("a: lookup `hr` failed: {why}, in `when`")), "{condition}: {outcome}");
        }
        // As the specification has it: where one side decides the matter, the other cannot be wrong.
        assert_eq!(outcome(r#"lookup.hr.found || user.login == "x""#, facts), "a: held");
        assert_eq!(outcome(r#"lookup.hr.found && user.login == "y""#, facts), "a: not held");
    }
}

#[test]
fn on_error_decides_where_a_lookup_failed() {
    let toml =
        r#"rule = [{ id = "a", on = "validateUser", when = 'lookup.hr.found', deny = "Known", on_error = "deny" }]"#;
    replies(toml, "validateUser", &user("{}"), r#"{"response":{"error":true,"message":"Known"}}"#);
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set.x = 'lookup.hr.value' }, { id = "b", on = "preCreateUser", set.y = '1' }]"#;
    replies(toml, "preCreateUser", &user("{}"), r#"{"response":{"data":{"y":1}}}"#);
}

#[test]
fn the_lookups_of_an_event_are_those_that_its_rules_name() {
    let (rules, _) = load(
        r#"rule = [
          { id = "a", on = ["validateUser", "preCreateUser"], set.x = 'lookup.hr.value' },
          { id = "b", on = "validateUser", when = 'user.login == "x" && lookup["same_mobile"].found', deny = "X", shadow = true },
        ]"#,
    );
    let named = |event: &str| rules.lookups(event).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(named("validateUser"), "same_mobile hr");
    assert_eq!(named("preCreateUser"), "hr");
    assert_eq!(named("policyMap"), "");
}

#[test]
fn names_of_lookups_are_checked_at_load() {
    finds(
        r#"[[rule]]
id = "a"
on = "validateUser"
when = 'lookup.same_mobil.found || lookup.hr.fond || lookup.crm.found'
deny = "A"
[[rule]]
id = "b"
on = "validateUser"
when = 'lookup[user.login].found || has(lookup.nothing) || lookup.hr.found == 5 || lookup.hr.found.x'
deny = "A"
"#,
        expect![[r"
            error[unknown-name]: there is no lookup `same_mobil`
             --> rules.toml:4:9
              |
            4 | when = 'lookup.same_mobil.found || lookup.hr.fond || lookup.crm.found'
              |         ^^^^^^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `same_mobile`?
            error[unknown-name]: `lookup.hr` has no `fond`
             --> rules.toml:4:36
              |
            4 | when = 'lookup.same_mobil.found || lookup.hr.fond || lookup.crm.found'
              |                                    ^^^^^^^^^^^^^^
              |
              = help: did you mean `found`?
            error[unknown-name]: there is no lookup `crm`
             --> rules.toml:4:54
              |
            4 | when = 'lookup.same_mobil.found || lookup.hr.fond || lookup.crm.found'
              |                                                      ^^^^^^^^^^^^^^^^
              |
              = help: there are: same_mobile, hr
            error[unknown-name]: `lookup` is no value itself
             --> rules.toml:9:9
              |
            9 | when = 'lookup[user.login].found || has(lookup.nothing) || lookup.hr.found == 5 || lookup.hr.found.x'
              |         ^^^^^^
              |
              = help: name one of them: `lookup.same_mobile`
            error[unknown-name]: there is no lookup `nothing`
             --> rules.toml:9:41
              |
            9 | when = 'lookup[user.login].found || has(lookup.nothing) || lookup.hr.found == 5 || lookup.hr.found.x'
              |                                         ^^^^^^^^^^^^^^
              |
              = help: there are: same_mobile, hr
            warning[never-equal]: a bool is never equal to an int: `==` never holds here
             --> rules.toml:9:60
              |
            9 | when = 'lookup[user.login].found || has(lookup.nothing) || lookup.hr.found == 5 || lookup.hr.found.x'
              |                                                            ^^^^^^^^^^^^^^^^^^^^
            error[expression-type]: `lookup.hr.found` is a bool and has no fields
             --> rules.toml:9:84
              |
            9 | when = 'lookup[user.login].found || has(lookup.nothing) || lookup.hr.found == 5 || lookup.hr.found.x'
              |                                                                                    ^^^^^^^^^^^^^^^^^"]],
    );
}
