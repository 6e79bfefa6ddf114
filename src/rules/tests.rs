//! What rules do, as their authors would see it.

mod bounds;

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use expect_test::{Expect, expect};

use super::*;
use crate::base::diagnostic::{Diagnostics, Source};
use crate::base::ids::RequestId;
use crate::base::tree;
use crate::dialect::cymmetri::{self, AcceptShape};
use crate::event::SecretFields;
use crate::event::{Arrival, Event, catalog};
use crate::expr::Type;
use crate::facts::Facts;

mod fields;
mod lookups;
mod messages;

fn context() -> Context {
    Context {
        on_error: OnError::Allow,
        error_message: "ValidationUnavailable".into(),
        secrets: SecretFields::parse(&["user.pin"]).expect("a path"),
        attributes: indexmap::IndexMap::new(),
        lookups: ["same_mobile", "hr"].map(Into::into).into(),
    }
}

/// The tenant's own fields in tests of what rules do.
const OWN_FIELDS: [&str; 26] = [
    "a",
    "all",
    "b",
    "big",
    "c",
    "d",
    "dotted\\.name",
    "e",
    "f",
    "groups",
    "half",
    "inner",
    "keys",
    "l",
    "m",
    "n",
    "none",
    "nothing",
    "ok",
    "req",
    "s",
    "seen",
    "x",
    "y",
    "z",
    "zero",
];

fn load(toml: &str) -> (RuleSet, Diagnostics) {
    load_with(toml, &[])
}

fn load_with(toml: &str, own_fields: &[&str]) -> (RuleSet, Diagnostics) {
    let source = Arc::new(Source { name: "rules.toml".into(), text: toml.into() });
    let mut findings = Diagnostics::default();
    let tree = tree::parse(&source, &mut findings);
    let entries = tree.get("rule").and_then(|rules| rules.as_array()).unwrap_or_default().to_vec();
    let mut context = context();
    context.attributes.extend(own_fields.iter().map(|name| (format!("user.{name}"), Type::Dyn)));
    for (path, entry) in tree.get("attributes").and_then(|attributes| attributes.as_table()).into_iter().flatten() {
        let kind = match entry.node.as_str() {
            Some("string") => Type::String,
            Some("int") => Type::Int,
            Some("list") => Type::List,
            Some("map") => Type::Map,
            _ => Type::Dyn,
        };
        context.attributes.insert(path.clone(), kind);
    }
    let rules = compile(&entries, &context, &mut findings);
    (rules, findings)
}

fn event(name: &str, body: &str) -> Event {
    let arrival = Arrival {
        token: Some(serde_json::json!({"sub": "admin", "tenantId": "as100", "roles": ["ORG_ADMIN"]}).into()),
        received_at: Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).single().expect("a time"),
        request_id: RequestId::parse("r-1").expect("an id"),
    };
    cymmetri::decode(catalog::find(name).expect("an event"), body.into(), arrival).expect("an event's body")
}

fn judge(toml: &str, name: &str, body: &str) -> (String, Judged) {
    let (rules, findings) = load_with(toml, &OWN_FIELDS);
    assert!(
        findings.iter().all(|finding| finding.code == "unreachable-rule"),
        "{}",
        findings.iter().map(|finding| finding.render(false)).collect::<String>()
    );
    let event = event(name, body);
    let judged = rules.decide(
        &event,
        &Facts::default(),
        &Stopwatch { elapsed: &|| Duration::ZERO, budget: Duration::from_secs(1) },
    );
    let reply = cymmetri::encode(&event, &judged.decision, AcceptShape::Data).expect("changes that can be made");
    (reply.body.into_owned(), judged)
}

fn user(fields: &str) -> String {
    format!(r#"{{"request":{{"user":{fields}}}}}"#)
}

#[track_caller]
fn replies(toml: &str, name: &str, body: &str, reply: &str) {
    assert_eq!(judge(toml, name, body).0, reply);
}

fn outcomes(judged: &Judged) -> Vec<String> {
    let word = |rule: &RuleTrace<'_>| match rule.outcome {
        RuleOutcome::Held { changed } if changed.is_empty() => "held".to_owned(),
        RuleOutcome::Held { changed } => {
            format!("changed {}", changed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
        RuleOutcome::NotHeld => "not held".to_owned(),
        RuleOutcome::Erred(error) => error.to_string(),
        RuleOutcome::NotReached => "not reached".to_owned(),
        RuleOutcome::OutOfTime => "out of time".to_owned(),
    };
    judged.trace.rules().map(|rule| format!("{}: {}", rule.id, word(&rule))).collect()
}

const REFUSED: &str = r#"{"response":{"error":true,"message":"EmailRequired"}}"#;

#[test]
fn the_first_refusal_wins_and_enforced_rules_behind_it_are_not_reached() {
    let toml = r#"
        rule = [
          { id = "a", on = "validateUser", when = 'user.login == "x"', deny = "EmailRequired" },
          { id = "b", on = "validateUser", deny = "Other" },
          { id = "c", on = "validateUser", deny = "Third", shadow = true },
        ]"#;
    let (reply, judged) = judge(toml, "validateUser", &user(r#"{"login":"x"}"#));
    assert_eq!(reply, REFUSED);
    assert_eq!(judged.rule.as_deref(), Some("a"));
    assert_eq!(outcomes(&judged), ["a: held", "b: not reached", "c: held"]);
}

#[test]
fn a_shadow_rule_changes_nothing() {
    let toml = r#"
        rule = [
          { id = "a", on = "validateUser", deny = "EmailRequired", shadow = true },
          { id = "b", on = "validateUser", set.x = '1', shadow = true },
        ]"#;
    let (reply, judged) = judge(toml, "validateUser", &user(r#"{ "login" : "x" }"#));
    assert_eq!(reply, r#"{"response":{"data":{ "login" : "x" }}}"#);
    assert_eq!(outcomes(&judged), ["a: held", "b: changed x"]);
}

#[test]
fn a_missing_field_is_the_rules_error_never_silently_false() {
    let body = user(r#"{"login":"x"}"#);
    let rule = |more: &str| {
        format!(
            r#"rule = [{{ id = "a", on = "validateUser", when = '!user.email.endsWith("@c")', deny = "EmailRequired"{more} }}]"#
        )
    };
    let (reply, judged) = judge(&rule(""), "validateUser", &body);
    assert_eq!(reply, r#"{"response":{"data":{"login":"x"}}}"#);
    assert_eq!(outcomes(&judged), ["a: the field `email` is missing, in `when` at byte 1: `user.email`"]);
    replies(&rule(", on_error = \"deny\""), "validateUser", &body, REFUSED);
}

#[test]
fn a_failing_set_on_a_validate_event_refuses_in_the_sections_words() {
    let toml = r#"rule = [{ id = "a", on = "validateUser", set.x = 'user.none', on_error = "deny" }]"#;
    let refused = r#"{"response":{"error":true,"message":"ValidationUnavailable"}}"#;
    replies(toml, "validateUser", &user("{}"), refused);
}

#[test]
fn later_rules_see_what_earlier_ones_set_and_only_that_changes() {
    let toml = r#"
        [[rule]]
        id = "a"
        on = ["preCreateUser", "validateUser"]
        unset = ["nickName"]
        [rule.set]
        displayName = 'user.firstName + " " + user.lastName'
        address.city = '"Pune"'
        "dotted\\.name" = '1'

        [[rule]]
        id = "b"
        on = ["preCreateUser", "validateUser"]
        when = 'user.displayName == "Ä B" && !has(user.nickName) && user.address.city == "Pune"'
        set = { seen = 'request.user.?displayName.orValue("none")' }
    "#;
    let body = user(r#"{"firstName":"\u00c4","lastName":"B","nickName":null,"n": 0.10,"address":{ "zip" : 1E2 }}"#);
    let changed = r#"{"response":{"data":{"firstName":"\u00c4","lastName":"B","n":0.10,"address":{"zip":1E2,"city":"Pune"},"displayName":"Ä B","dotted.name":1,"seen":"none"}}}"#;
    replies(toml, "preCreateUser", &body, changed);
    replies(toml, "validateUser", &body, changed);
}

#[test]
fn expressions_of_one_rule_see_the_state_before_it_and_apply_together_or_not_at_all() {
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set = { a = 'user.b', b = 'user.a' } }]"#;
    replies(toml, "preCreateUser", &user(r#"{"a":1,"b":2}"#), r#"{"response":{"data":{"a":2,"b":1}}}"#);
    let (reply, judged) = judge(toml, "preCreateUser", &user(r#"{"a":1}"#));
    assert_eq!(reply, r#"{"response":{"data":{"a":1}}}"#);
    assert_eq!(outcomes(&judged), ["a: the field `b` is missing, in `set.a`"]);
}

#[test]
fn a_parent_that_is_no_object_is_the_rules_error_and_an_empty_optional_leaves_the_key_alone() {
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set = { ok = '1', address.city = '"x"' } }]"#;
    let (reply, judged) = judge(toml, "preCreateUser", &user(r#"{"address":null}"#));
    assert_eq!(reply, r#"{"response":{"data":{"address":null}}}"#);
    assert_eq!(outcomes(&judged), ["a: `address` is there and is no object, in `set.address.city`"]);
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set = { a = 'optional.none()', b = 'user.?c' } }]"#;
    replies(toml, "preCreateUser", &user(r#"{"a":1,"c":[2]}"#), r#"{"response":{"data":{"a":1,"c":[2],"b":[2]}}}"#);
}

#[test]
fn setting_what_is_there_already_keeps_the_received_bytes() {
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set = { n = '0.1', s = '"é"' } }]"#;
    let (reply, judged) = judge(toml, "preCreateUser", &user(r#"{ "n": 0.10, "s": "\u00e9" }"#));
    assert_eq!(reply, r#"{"response":{"data":{ "n": 0.10, "s": "\u00e9" }}}"#);
    assert_eq!(outcomes(&judged), ["a: held"]);
}

#[test]
fn the_first_map_rule_that_holds_wins_and_a_failing_one_is_passed_over() {
    let toml = r#"
        rule = [
          { id = "a", on = "policyMap", map = 'user.nothing' },
          { id = "b", on = "policyMap", when = 'request.targetAttribute == "email"', map = 'lower(user.login) + "@c.example"' },
          { id = "c", on = "policyMap", map = '{"list": [1, 2.0, null, now, duration("90s"), b"x"]}' },
        ]"#;
    let body = |target: &str| {
        format!(
            r#"{{"request":{{"targetAttribute":"{target}","cymmetrifield":"email","defaultValue":"d","user":{{"login":"Ünal"}}}}}}"#
        )
    };
    let (reply, judged) = judge(toml, "policyMap", &body("email"));
    assert_eq!(reply, r#"{"response":{"mappedValue":"ünal@c.example"}}"#);
    assert_eq!(outcomes(&judged), ["a: the field `nothing` is missing, in `map`", "b: held", "c: not reached"]);
    let json = r#"{"response":{"mappedValue":{"list":[1,2.0,null,"2026-11-21T12:00:00Z","90s","eA=="]}}}"#;
    replies(toml, "policyMap", &body("other"), json);
}

#[test]
fn without_a_rule_a_mapping_is_the_persons_field_then_the_default_then_null() {
    let body =
        |user: &str, default: &str| format!(r#"{{"request":{{"cymmetrifield":"email"{default},"user":{user}}}}}"#);
    for (user, default, value) in [
        (r#"{"email":"\u0061@b"}"#, r#","defaultValue":"d""#, r#""\u0061@b""#),
        (r#"{"email":""}"#, r#","defaultValue":"d""#, r#""d""#),
        (r#"{"email":null}"#, r#","defaultValue":1.50"#, "1.50"),
        (r#"{"email":[]}"#, "", "null"),
        ("{}", "", "null"),
        ("null", "", "null"),
    ] {
        replies("", "policyMap", &body(user, default), &format!(r#"{{"response":{{"mappedValue":{value}}}}}"#));
    }
}

#[test]
fn only_a_rule_says_that_access_is_removed() {
    let toml = r#"
        rule = [
          { id = "not admins", on = "runDeprovision", when = '"ADMIN" in user.assignedGroups', deprovision = false },
          { id = "leavers", on = "runDeprovision", when = 'text(user.?status) == "INACTIVE"', deprovision = true },
        ]"#;
    for (fields, data) in [
        (r#"{"status":"INACTIVE","assignedGroups":[]}"#, true),
        (r#"{"status":"INACTIVE","assignedGroups":["ADMIN"]}"#, false),
        (r#"{"status":"ACTIVE"}"#, false),
        (r#"{"status":null}"#, false),
    ] {
        replies(toml, "runDeprovision", &user(fields), &format!(r#"{{"response":{{"data":{data}}}}}"#));
    }
}

#[test]
fn rules_see_event_token_and_now() {
    let toml = r#"rule = [{ id = "a", on = "validateUser", when = 'event == "validateUser" && "ORG_ADMIN" in token.roles && now > date("2026-11-20") && now.getFullYear() == 2026', deny = "EmailRequired" }]"#;
    replies(toml, "validateUser", &user("{}"), REFUSED);
}

#[test]
fn our_functions_do_what_their_table_says() {
    for (condition, fields) in [
        (
            r#"text(user.?a) == "" && text(user.b) == "" && text(user.c) == "x" && text(user.d) == "1.5" && text(user.e) == "true" && text(user.f) == "7""#,
            r#"{"b":null,"c":"x","d":1.50,"e":true,"f":7}"#,
        ),
        (
            r#"lower("ÀÉ") == "àé" && upper("ß") == "SS" && trim("  x ") == "x" && fold("Ｅ́cole") == fold("ECOLE")"#,
            "{}",
        ),
        (r#"re(user.m, '^\\+?[0-9 ]+$') && user.m.matches('[0-9]{2}') && !re(user.m, "x")"#, r#"{"m":"+91 20"}"#),
        (
            r#"date(user.d, '%d-%b-%Y') == date("2026-03-01") && date("2026-03-01T05:30:00+05:30") == date("2026-03-01")"#,
            r#"{"d":"01-Mar-2026"}"#,
        ),
        (
            r#"user.groups.all(g, g.startsWith("a")) && size(user.groups) == 2 && user.n + 1 == 6 && user.big > 1e19"#,
            r#"{"groups":["a1","a2"],"n":5,"big":12345678901234567890}"#,
        ),
    ] {
        let toml =
            format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{condition}'''\ndeny = \"EmailRequired\"");
        let (reply, judged) = judge(&toml, "validateUser", &user(fields));
        assert_eq!(reply, REFUSED, "{condition}: {:?}", outcomes(&judged));
    }
}

#[test]
fn errors_of_rules_hold_no_value_of_the_event() {
    for condition in [
        r"user.s > 5",
        r"int(user.s) == 1",
        r"timestamp(user.s) == now",
        r"user.s + 1 == 2",
        r"user[user.s] == 1",
        r#"duration(user.s) == duration("1s")"#,
        r"date(user.s) == now",
        r"user.s.x == 1",
        r#"text(user.l) == """#,
        r"user.l[user.n] == 1",
        r"user.n * 9223372036854775807 > 0",
        r"user.n / 0 == 1",
        r#"user.s.format([user.l]) == "%d""#,
        r"user.s",
        r"user.s && true",
        r"re(user.n, 'x')",
        r#"lower(user.n) == "x""#,
        r#"user.s.charAt(user.n) == "x""#,
    ] {
        let toml =
            format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{condition}'''\ndeny = \"EmailRequired\"");
        let (reply, judged) = judge(&toml, "validateUser", &user(r#"{"s":"PRIVATE %d","l":["PRIVATE"],"n":31337}"#));
        assert!(reply.starts_with(r#"{"response":{"data""#), "{condition}");
        let outcome = outcomes(&judged).concat();
        assert!(judged.trace.errors().next().is_some(), "{condition}: {outcome}");
        assert!(!outcome.contains("PRIVATE") && !outcome.contains("31337"), "{condition}: {outcome}");
    }
}

#[test]
fn numbers_and_texts_that_cel_cannot_hold_are_errors_of_the_rule_that_reads_them() {
    let body = user(r#"{"big":1e400,"half":"\ud800","ok":"x","inner":{"deep":["\udc00"]}}"#);
    let rule = |condition: &str| {
        format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{condition}'''\ndeny = \"EmailRequired\"")
    };
    replies(&rule(r#"user.ok == "x""#), "validateUser", &body, REFUSED);
    for condition in
        ["user.big > 1.0", "user.half == \"x\"", "user.inner.deep.exists(d, d == \"x\")", "string(user.half) == \"x\""]
    {
        let (_, judged) = judge(&rule(condition), "validateUser", &body);
        assert!(judged.trace.errors().next().is_some(), "{condition}");
    }
}

#[test]
fn secrets_are_not_there_for_rules_and_come_back_untouched() {
    let body = user(r#"{"login":"x","password":"S3cret","pin":1,"securityQuestion":{"q":1}}"#);
    let toml = r#"rule = [{ id = "a", on = "preCreateUser", set = { keys = 'user.map(k, k).join(",").size() > 0', all = 'user', req = 'request.user' } }]"#;
    let (reply, _) = judge(toml, "preCreateUser", &body);
    let only = r#"{"login":"x"}"#;
    assert_eq!(
        reply,
        format!(
            r#"{{"response":{{"data":{{"login":"x","password":"S3cret","pin":1,"securityQuestion":{{"q":1}},"keys":true,"all":{only},"req":{only}}}}}}}"#
        )
    );
}

#[test]
fn a_macro_goes_through_a_thousand_elements_and_no_more() {
    let toml = r#"rule = [{ id = "a", on = "validateUser", when = 'user.l.all(x, x == 0)', deny = "EmailRequired" }]"#;
    let list = |length: usize| user(&format!(r#"{{"l":[{}]}}"#, vec!["0"; length].join(",")));
    replies(toml, "validateUser", &list(1000), REFUSED);
    let (_, judged) = judge(toml, "validateUser", &list(1001));
    assert_eq!(outcomes(&judged), ["a: `a macro`: more elements than it may go through (1000), in `when`"]);
}

#[test]
fn when_time_is_up_no_further_rule_is_begun() {
    let (rules, _) = load(
        r#"rule = [
          { id = "a", on = "validateUser", set.x = 'size(user.l.filter(x, x == 0))' },
          { id = "b", on = "validateUser", when = 'false', deny = "EmailRequired", on_error = "deny" },
          { id = "c", on = "validateUser", deny = "Other" },
        ]"#,
    );
    let calls = std::cell::Cell::new(0);
    let elapsed = || {
        calls.set(calls.get() + 1);
        Duration::from_millis(calls.get() * 100)
    };
    let event = event("validateUser", &user(&format!(r#"{{"l":[{}]}}"#, vec!["0"; 1000].join(","))));
    let judged =
        rules.decide(&event, &Facts::default(), &Stopwatch { elapsed: &elapsed, budget: Duration::from_millis(150) });
    assert_eq!(judged.decision, crate::event::Decision::Refuse("EmailRequired".into()));
    assert_eq!(outcomes(&judged), ["a: changed x", "b: out of time", "c: not reached"]);
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the cases read better without an ampersand")]
fn finds(toml: &str, expected: Expect) {
    let (_, findings) = load(toml);
    let text: Vec<String> = findings.iter().map(|finding| finding.render(false)).collect();
    expected.assert_eq(&text.join("\n"));
}

#[test]
fn syntax_names_and_types_are_found_at_load_with_their_places() {
    finds(
        r#"[[rule]]
id = "a"
on = "validateUser"
when = '"é" == "é" && user.login = "x"'
deny = "A"
[[rule]]
id = "b"
on = "validateUser"
when = 'usr.login == lowr("x") || user.login'
deny = "A"
[[rule]]
id = "c"
on = "validateUser"
when = 'user.emial == "é" && user.login == 5 && re(user.login, "(") && user.?email.endsWith("x")'
deny = "A"
"#,
        expect![[r#"
            error[expression-syntax]: `=` does not belong here
             --> rules.toml:4:34
              |
            4 | when = '"é" == "é" && user.login = "x"'
              |                                  ^
              |
              = help: `==` compares
            error[unknown-name]: unknown name `usr`
             --> rules.toml:9:9
              |
            9 | when = 'usr.login == lowr("x") || user.login'
              |         ^^^
              |
              = help: did you mean `user`?
            error[unknown-function]: unknown function `lowr`
             --> rules.toml:9:22
              |
            9 | when = 'usr.login == lowr("x") || user.login'
              |                      ^^^^
              |
              = help: did you mean `lower`?
            error[expression-type]: `||` wants a bool here, and this is a string
             --> rules.toml:9:35
              |
            9 | when = 'usr.login == lowr("x") || user.login'
              |                                   ^^^^^^^^^^
              |
              = help: compare it: `!= ""` asks whether a text is not empty
            warning[unknown-field]: `user.emial` is not a field that is known
              --> rules.toml:14:9
               |
            14 | when = 'user.emial == "é" && user.login == 5 && re(user.login, "(") && user.?email.endsWith("x")'
               |         ^^^^^^^^^^
               |
               = help: did you mean `user.email`? If not, declare it under `[attributes]`: "user.emial" = "string"
            warning[never-equal]: a string is never equal to an int: `==` never holds here
              --> rules.toml:14:30
               |
            14 | when = 'user.emial == "é" && user.login == 5 && re(user.login, "(") && user.?email.endsWith("x")'
               |                              ^^^^^^^^^^^^^^^
               |
               = help: write "5" in quotes
            error[regex]: not a regular expression: unclosed group
              --> rules.toml:14:64
               |
            14 | when = 'user.emial == "é" && user.login == 5 && re(user.login, "(") && user.?email.endsWith("x")'
               |                                                                ^^^
            error[expression-type]: `optional.endsWith(string)` does not fit
              --> rules.toml:14:84
               |
            14 | when = 'user.emial == "é" && user.login == 5 && re(user.login, "(") && user.?email.endsWith("x")'
               |                                                                                    ^^^^^^^^
               |
               = help: it can be called as string.endsWith(string); `text(…)` or `.orValue(…)` makes a plain value of an optional"#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "the lines are cases")]
fn effects_ids_events_and_secrets_are_found_at_load_with_their_places() {
    finds(
        r#"[[rule]]
id = "a"
on = ["postCreateUser", "validatUser"]
deny = "not one word"
[[rule]]
id = "a"
on = "policyMap"
map = '"x"'
deny = "X"
[[rule]]
id = "c"
on = "preCreateUser"
whn = 'true'
deny = 5
[[rule]]
id = "c2"
on = "preCreateUser"
unset = ["address"]
set = { active = true, password = '"x"', "a..b" = '1', address.city = '1' }
[[rule]]
id = "d"
on = "changePassword"
[[rule]]
id = "e"
on = "policyMap"
when = 'user.pin == 1 || request.user["password"] == ""'
map = '1'
on_error = "deny"
[[rule]]
id = "f"
on = "policyMap"
map = '1'
[[rule]]
id = "g"
on = "policyMap"
map = 'request.targetAttribute'
"#,
        expect![[r#"
            error[rule-event]: there is no event `validatUser`
             --> rules.toml:3:25
              |
            3 | on = ["postCreateUser", "validatUser"]
              |                         ^^^^^^^^^^^^^
              |
              = help: did you mean `validateUser`?
            error[rule-effect]: `deny` is no effect of postCreateUser
             --> rules.toml:4:1
              |
            4 | deny = "not one word"
              | ^^^^
              |
              = help: postCreateUser wants no answer, so that no rule can change it
            warning[deny-message]: the cloud takes the message for a code in its own table
             --> rules.toml:4:8
              |
            4 | deny = "not one word"
              |        ^^^^^^^^^^^^^^
              |
              = help: use one word such as `MobileAlreadyExist` or `EmailRequired`
            error[rule-id]: the id `a` is another rule's (rules.toml:2)
             --> rules.toml:6:6
              |
            6 | id = "a"
              |      ^^^
              |
              = help: ids are unique across all files
            error[rule-effect]: rule `a` has more than one effect: `deny` and `map`
             --> rules.toml:8:1
              |
            8 | map = '"x"'
              | ^^^
              |
              = help: write a rule for each
            error[unknown-key]: unknown key `whn`
              --> rules.toml:13:1
               |
            13 | whn = 'true'
               | ^^^
               |
               = help: did you mean `when`?
            error[invalid-value]: `deny`: expected text, found an integer
              --> rules.toml:14:8
               |
            14 | deny = 5
               |        ^
               |
               = help: put it in quotes
            error[set-path]: `address` and `address.city` are changed by the same rule
              --> rules.toml:18:10
               |
            18 | unset = ["address"]
               |          ^^^^^^^^^
               |
               = help: one of them lies in the other
            error[set-value]: the value of `active` must be a text with an expression, and is true or false
              --> rules.toml:19:18
               |
            19 | set = { active = true, password = '"x"', "a..b" = '1', address.city = '1' }
               |                  ^^^^
               |
               = help: write it as an expression: 'true'
            error[secret-field]: `user.password` is a secret and cannot be changed by a rule
              --> rules.toml:19:24
               |
            19 | set = { active = true, password = '"x"', "a..b" = '1', address.city = '1' }
               |                        ^^^^^^^^
            error[set-path]: a name is missing in the path
              --> rules.toml:19:42
               |
            19 | set = { active = true, password = '"x"', "a..b" = '1', address.city = '1' }
               |                                          ^^^^^^
            error[rule-effect]: rule `d` has no effect
              --> rules.toml:21:6
               |
            21 | id = "d"
               |      ^^^
               |
               = help: exactly one of: deny, set with unset, map, deprovision, perform
            error[rule-effect]: `on_error` is for validate events only
              --> rules.toml:28:1
               |
            28 | on_error = "deny"
               | ^^^^^^^^
               |
               = help: elsewhere a rule that errs does nothing, and the next one runs
            error[secret-field]: `user.pin` is a secret and cannot be named by a rule
              --> rules.toml:26:9
               |
            26 | when = 'user.pin == 1 || request.user["password"] == ""'
               |         ^^^^^^^^
            error[secret-field]: `request.user.password` is a secret and cannot be named by a rule
              --> rules.toml:26:26
               |
            26 | when = 'user.pin == 1 || request.user["password"] == ""'
               |                          ^^^^^^^^^^^^^^^^^^^^^^^^
            warning[unreachable-rule]: rule `g` is never reached on policyMap: rule `f` before it always settles the matter
              --> rules.toml:34:6
               |
            34 | id = "g"
               |      ^^^"#]],
    );
}

#[test]
fn cost_is_bounded_at_load() {
    let rule = |when: &str| format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{when}'''\ndeny = \"A\"\n");
    for (when, word) in [
        (format!("user.a == \"{}\"", "x".repeat(2048)), "longer than 2048 bytes"),
        (vec!["1"; 300].join("+") + " == 1", "more than 200 nodes"),
        (vec!["1"; 1000].join("+"), "more than 200 nodes"),
        ("(".repeat(1000), "more than 64 deep"),
        ("[".repeat(1024) + &"]".repeat(1024), ""),
        ("user.a.all(x, x.all(y, y))".to_owned(), "within another"),
        (format!("re(user.a, '{}')", "(a{1000}){1000}"), "more than 4 MiB"),
        ("user.a.matches(user.b)".to_owned(), "must be a literal"),
        (String::new(), "empty"),
        ("math.abs(1) == 1".to_owned(), "not supported"),
    ] {
        let (_, findings) = load(&rule(&when));
        let text: String = findings.iter().map(|finding| finding.message.clone() + "\n").collect();
        assert!(findings.has_errors() && text.contains(word), "{}…: {text}", &when[..when.len().min(40)]);
    }
    let (_, findings) = load(&rule("user.assignedGroups.filter(x, x > 1).map(x, x + 1).exists(x, x == 2)"));
    assert!(findings.is_empty(), "{findings:?}");
}
