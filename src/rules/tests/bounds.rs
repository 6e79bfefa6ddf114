//! Events that are made to cost much, and what cannot be read in them.

use super::*;

const SPENT: &str = "the rules of this event take more steps than they may";

/// With fields that nobody has listed.
fn judge(toml: &str, name: &str, body: &str) -> (String, Judged) {
    let (rules, findings) = load(toml);
    assert!(!findings.has_errors(), "{}", findings.iter().map(|finding| finding.render(false)).collect::<String>());
    let event = event(name, body);
    let judged = rules.decide(
        &event,
        &Facts::default(),
        &Stopwatch { elapsed: &|| Duration::ZERO, budget: Duration::from_secs(1) },
    );
    let reply = cymmetri::encode(&event, &judged.decision, AcceptShape::Data).expect("changes that can be made");
    (reply.body.into_owned(), judged)
}

#[track_caller]
fn replies(toml: &str, name: &str, body: &str, reply: &str) {
    assert_eq!(judge(toml, name, body).0, reply);
}

fn refuses_when(condition: &str) -> String {
    format!("[[rule]]\nid = \"a\"\non = \"validateUser\"\nwhen = '''{condition}'''\ndeny = \"EmailRequired\"\n")
}

#[test]
fn what_cannot_be_read_in_a_whole_that_a_secret_is_taken_out_of_is_an_error_of_the_rule_that_reads_it() {
    let body = user(r#"{"login":"x","big":1e400,"more":{"half":"\ud800"},"password":"S3cret"}"#);
    // Each names the person as a whole, so that the password is taken out.
    let whole = "type(user) == map &&";
    for condition in [
        "user.login == 'x'",
        "has(user.big) && has(user.more.half) && !has(user.other)",
        "size(user) == 3 && size(user.more) == 1",
        "'big' in user ? false : true",
        "user.big == 1.0 || true",
    ] {
        let condition = format!("{whole} {condition}");
        let expected = if condition.contains("'big' in") { "it names a number" } else { "holds" };
        let (reply, judged) = judge(&refuses_when(&condition), "validateUser", &body);
        let said = outcomes(&judged).concat();
        assert!(reply == REFUSED || said.contains(expected), "{condition}: {reply} {said}");
    }
    for condition in [
        "user == user",
        "user.big > 1.0",
        "user.more == user.more",
        "user.all(k, v, k != '')",
        "'%s'.format([user]) != ''",
    ] {
        let (_, judged) = judge(&refuses_when(&format!("{whole} {condition}")), "validateUser", &body);
        let said = outcomes(&judged);
        assert!(
            said[0].contains("it names a number that is out of range, or a text with half a character"),
            "{condition}: {said:?}"
        );
    }
    let set = r#"rule = [{ id = "a", on = "preCreateUser", set = { all = 'user' } }]"#;
    let (reply, judged) = judge(set, "preCreateUser", &body);
    assert!(!reply.contains("all"), "{reply}");
    assert!(outcomes(&judged)[0].contains("a number is out of range"), "{judged:?}");
}

#[test]
fn a_change_does_not_take_away_what_cannot_be_read() {
    let toml = r#"
        rule = [
            { id = "a", on = "preCreateUser", set = { seen = 'true' } },
            { id = "b", on = "preCreateUser", when = 'has(user.big) && user.seen', set = { there = 'true' } },
            { id = "c", on = "preCreateUser", set = { copy = 'user.big' } },
        ]
    "#;
    let (reply, judged) = judge(toml, "preCreateUser", &user(r#"{"big":1e400}"#));
    assert_eq!(reply, r#"{"response":{"data":{"big":1e400,"seen":true,"there":true}}}"#);
    assert!(outcomes(&judged)[2].contains("out of range"), "{judged:?}");
}

/// A person of about a megabyte, in many members.
fn many_members() -> String {
    let members: Vec<String> = (0..70_000).map(|number| format!(r#""k{number}":"v""#)).collect();
    user(&format!("{{{}}}", members.join(",")))
}

#[test]
fn changing_a_person_of_many_members_is_paid_for() {
    let rule =
        |number| format!("[[rule]]\nid = \"{number}\"\non = \"preCreateUser\"\nset.new{number} = 'user.k{number}'\n");
    let toml = (0..300).map(rule).collect::<Vec<_>>().concat();
    let (_, judged) = judge(&toml, "preCreateUser", &many_members());
    let said = outcomes(&judged);
    assert!(!said[0].contains(SPENT) && said[299].contains(SPENT), "{} {}", said[0], said[299]);
    // For a person of an ordinary size it is nothing much.
    let (reply, _) = judge(&toml, "preCreateUser", &user(r#"{"k0":1,"k299":2}"#));
    assert_eq!(reply, r#"{"response":{"data":{"k0":1,"k299":2,"new0":1,"new299":2}}}"#);
}

#[test]
fn writing_large_values_down_is_paid_for() {
    let list = format!("[{}]", vec!["1"; 400_000].join(","));
    let rule =
        |number| format!("[[rule]]\nid = \"{number}\"\non = \"preCreateUser\"\nset.copy{number} = 'user.list'\n");
    let toml = (0..20).map(rule).collect::<Vec<_>>().concat();
    let (_, judged) = judge(&toml, "preCreateUser", &user(&format!(r#"{{"list":{list}}}"#)));
    let said = outcomes(&judged);
    assert!(!said[0].contains(SPENT) && said[19].contains(SPENT), "{} {}", said[0], said[19]);
}

#[test]
fn a_number_as_long_as_the_body_is_a_number_or_out_of_range() {
    let digits = "7".repeat(1 << 20);
    let body = user(&format!(r#"{{"n":0.{digits},"m":{digits},"l":[0.{digits},1]}}"#));
    replies(&refuses_when("user.n > 0.7 && user.n < 0.8"), "validateUser", &body, REFUSED);
    replies(&refuses_when("user.l.exists(x, x == 1)"), "validateUser", &body, REFUSED);
    let (_, judged) = judge(&refuses_when("user.m > 1.0"), "validateUser", &body);
    assert!(outcomes(&judged)[0].contains("out of range"), "{judged:?}");
    // Going through the list reads the number, and pays for it each time.
    let again = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, \
                 29, 30, 31, 32].all(x, 2 in user.l || x > 0)";
    let (_, judged) = judge(&refuses_when(again), "validateUser", &body);
    assert!(outcomes(&judged)[0].contains(SPENT), "{judged:?}");
}

#[test]
fn keys_with_escapes_are_found_however_long_others_are() {
    let long = r"\u0061".repeat(150_000);
    let body = user(&format!(r#"{{"{long}":1,"\u006cogin":"x","em\u0061il":"y","a\ud800":2}}"#));
    replies(&refuses_when("user.login == 'x' && user.email == 'y' && !has(user.a)"), "validateUser", &body, REFUSED);
    replies(&refuses_when("type(user) == map && user.login == 'x'"), "validateUser", &body, REFUSED);
}

#[test]
fn whether_a_long_list_is_empty_is_seen_at_its_first_item() {
    let body = user(&format!(r#"{{"list":[{}],"none":[]}}"#, vec!["1"; 400_000].join(",")));
    let condition = "optional.ofNonZeroValue(user.list).hasValue() && !optional.ofNonZeroValue(user.none).hasValue()";
    replies(&refuses_when(condition), "validateUser", &body, REFUSED);
}

#[test]
fn what_an_event_can_make_too_costly_is_a_warning_with_its_place() {
    let (_, findings) = load(&refuses_when("user.login == 'x' || re(user.login, '[01]*1[01]{1000}x')"));
    let text: String = findings.iter().map(|finding| finding.render(false)).collect();
    expect![[r"
        warning[cost-unbounded]: an event of 16 KiB can make this take more steps than the rules of an event have
         --> rules.toml:4:32
          |
        4 | when = '''user.login == 'x' || re(user.login, '[01]*1[01]{1000}x')'''
          |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: the rule would err there; `hookreeve check --costs` tells from which size on"]]
    .assert_eq(&text);
}

#[test]
fn costs_are_told_for_each_expression_and_each_event() {
    let text = r#"
        rule = [
            { id = "a", on = ["preCreateUser", "validateUser"], when = 'user.login == "x"', set = { "a.b" = 'true', c.d = 'lower(user.login)' } },
            { id = "b", on = "validateUser", when = '''re(user.login, '[01]*1[01]{1000}x')''', deny = "Refused" },
        ]
    "#;
    let source = Arc::new(Source { name: "rules.toml".into(), text: text.into() });
    let tree = tree::parse(&source, &mut Diagnostics::default());
    let entries = tree.get("rule").and_then(|rules| rules.as_array()).unwrap_or_default().to_vec();
    expect![[r#"
        Costs {
            rules: [
                RuleCost {
                    id: "a",
                    field: "when",
                    steps: [
                        5,
                        5,
                    ],
                    cut_off: None,
                },
                RuleCost {
                    id: "a",
                    field: "set.a.b",
                    steps: [
                        3,
                        3,
                    ],
                    cut_off: None,
                },
                RuleCost {
                    id: "a",
                    field: "set.c.d",
                    steps: [
                        454,
                        7174,
                    ],
                    cut_off: None,
                },
                RuleCost {
                    id: "b",
                    field: "when",
                    steps: [
                        1032174,
                        16484334,
                    ],
                    cut_off: Some(
                        993,
                    ),
                },
            ],
            events: [
                EventCost {
                    event: "preCreateUser",
                    expressions: 3,
                    steps: [
                        462,
                        7182,
                    ],
                },
                EventCost {
                    event: "validateUser",
                    expressions: 4,
                    steps: [
                        1032636,
                        16491516,
                    ],
                },
            ],
        }
    "#]]
    .assert_debug_eq(&costs(&entries, &context(), &[1 << 10, 1 << 14]));
}
