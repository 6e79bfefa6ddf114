//! Why an event was answered so: with the values of then, by the rules of then, and what today's would say.

use serde_json::json;

use crate::kept::Kept;
use crate::program::BASIC;

const RULES: &str = r#"
[[rule]]
id = "company mail"
on = "validateUser"
when = 'user.userType == "Employee" && !lower(text(user.?email)).endsWith("@corp.example")'
deny = "CorporateEmailRequired"
[[rule]]
id = "level"
on = "validateUser"
when = 'user.level > 3'
deny = "TooHigh"
[[rule]]
id = "tried"
on = "validateUser"
shadow = true
when = 'user.city == "Goa"'
deny = "NotThere"
[[rule]]
id = "upper"
on = "preCreateUser"
set.lastName = 'upper(user.login)'
"#;

#[test]
fn each_rule_tells_the_values_that_it_saw_masked_unless_asked() {
    let kept = Kept::new(200, RULES);
    let server = kept.place.serve();
    let user = |email: &str| {
        json!({ "request": { "user": {
        "login": "quinn", "userType": "Employee", "email": email, "city": "Goa", "password": "hunter2",
    } } })
    };
    server.ask("validateUser", &kept.token, &user("q@Else.example"));
    server.ask("validateUser", &kept.token, &user("q@corp.example"));
    server.ask("preCreateUser", &kept.token, &user("q@corp.example"));
    kept.created(&server, "quinn");
    kept.until(&["events", "list"], |events| events.len() == 4);
    // Beside the server and without it.
    for server in [Some(server), None] {
        let text = kept.run(&["explain", "1"]);
        for line in [
            "event      validateUser\n",
            "outcome    refused, as decided, in ",
            "reply      {\"response\":{\"error\":true,\"message\":\"CorporateEmailRequired\"}}\n",
            "   1  company mail: held\n",
            "user.userType                                        \"Employee\"\n",
            "lower(text(user.?email))                             ***\n",
            "          => true\n",
            "   2  level: not reached\n",
            "   3  tried (shadow): held\n",
            "today: the configuration still has these rules\n  they say the same: refused CorporateEmailRequired",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        for secret in ["quinn", "Else", "else.example", "hunter2"] {
            assert!(!text.contains(secret), "{secret} in\n{text}");
        }
        let open = kept.run(&["explain", "1", "--personal"]);
        assert!(open.contains("\"q@else.example\"") && open.contains("person     quinn\n"), "{open}");
        assert!(!open.contains("hunter2"), "{open}");
        let erred = kept.run(&["explain", "2"]);
        assert!(erred.contains("   2  level: erred: the field `level` is missing"), "{erred}");
        let set = kept.run(&["explain", "3", "--personal"]);
        assert!(
            set.contains("   1  upper: held, changed lastName\n        set.lastName = upper(user.login)\n"),
            "{set}"
        );
        assert!(set.contains("          => \"QUINN\"\n") && set.contains("change     lastName = \"QUINN\"\n"), "{set}");
        assert!(kept.run(&["explain", "4"]).contains("no rule can change the answer to this event"));
        let told = &kept.json(&["explain", "1"])[0];
        assert_eq!(told["then"]["rules"][0]["did"], "held");
        assert_eq!(told["then"]["rules"][0]["parts"][0]["key"], "when");
        assert_eq!(told["today"]["same_answer"], true);
        assert_eq!(told["rule_set"].as_str().map(str::len), Some(64));
        kept.refused(&["explain", "99"], 1, "there is no entry 99");
        kept.refused(&["explain", "login"], 2, "names no entry");
        if let Some(server) = server {
            assert_eq!(server.stop().code, Some(0));
        }
    }
}

#[test]
fn the_rules_of_then_are_told_when_the_configuration_has_others() {
    let kept = Kept::new(200, RULES);
    let server = kept.place.serve();
    let body =
        json!({ "request": { "user": { "login": "quinn", "userType": "Employee", "email": "q@else.example" } } });
    server.ask("validateUser", &kept.token, &body);
    assert_eq!(server.stop().code, Some(0));
    let config = crate::program::Place::path(&kept.place, "config/hookreeve.toml");
    let text = std::fs::read_to_string(config).expect("a file");
    assert!(text.starts_with(BASIC));
    kept.place.write("config/hookreeve.toml", &text.replace("@corp.example", "@else.example"));
    let told = kept.run(&["explain", "1"]);
    assert!(told.contains("endsWith(\"@corp.example\")"), "{told}");
    assert!(told.contains("today: the rules have changed since\n  they say otherwise: accepted\n"), "{told}");
    assert!(told.contains("  newly accepted (rule `company mail`)\n"), "{told}");
    assert!(told.contains("endsWith(\"@else.example\")"), "{told}");
    kept.place.write("config/hookreeve.toml", &text.replace("when = 'user.level > 3'\n", ""));
    let told = &kept.json(&["explain", "1"])[0];
    assert_eq!((&told["today"]["same_rules"], &told["today"]["same_answer"]), (&json!(false), &json!(true)));
    kept.run(&["forget", "--person", "quinn", "--yes"]);
    let forgotten = kept.run(&["explain", "1"]);
    assert!(forgotten.contains("values cannot be told for certain: its person was forgotten"), "{forgotten}");
}
