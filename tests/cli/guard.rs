//! Guards from the command line: whom they hold, across restarts, until somebody lets them pass or drops them.

use serde_json::{Value, json};

use crate::kept::Kept;
use crate::server::Server;

const LEAVERS: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n\
    [[rule]]\nid = \"leavers\"\non = \"runDeprovision\"\nwhen = 'text(user.?status) == \"INACTIVE\"'\ndeprovision = true\n\
    [[guard]]\nid = \"mass_deprovision\"\non = \"runDeprovision\"\nmax = 25\nper = \"10m\"\n";

/// Whether access is removed.
#[track_caller]
fn removed(kept: &Kept, server: &Server, login: &str) -> bool {
    let body = json!({ "request": { "user": { "login": login, "status": "INACTIVE" } } });
    server.ask("runDeprovision", &kept.token, &body)["response"]["data"].as_bool().expect("a yes or no")
}

fn persons(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(|row| row["person"].as_str().expect("a name")).collect()
}

#[test]
fn mass_deprovision_by_mistake() {
    let kept = Kept::new(200, LEAVERS);
    let mut server = kept.place.serve();
    // Somebody has set everybody inactive.
    let passed = (0..40).filter(|number| removed(&kept, &server, &format!("leaver{number:02}"))).count();
    assert_eq!(passed, 25);
    server.wait_for("a guard has tripped");
    let held = kept.json(&["guard", "list", "--personal"]);
    let expected: Vec<String> = (25..40).map(|number| format!("leaver{number}")).collect();
    assert_eq!(persons(&held), expected);
    let first = &held[0];
    assert_eq!((&first["guard"], &first["event"]), (&json!("mass_deprovision"), &json!("runDeprovision")));
    assert_eq!(
        (&first["outcome"], &first["rule"], &first["calls"]),
        (&json!("deprovision"), &json!("leavers"), &json!(1))
    );
    let masked = kept.run(&["guard", "list"]);
    assert!(!masked.contains("leaver25") && masked.lines().count() == 16, "{masked}");
    let shown = kept.run(&["events", "show", &first["entry"].to_string()]);
    assert!(shown.contains("outcome    kept (guarded)"), "{shown}");
    assert!(
        shown.contains("held       by the guard mass_deprovision; it would have been deprovision, by rule leavers"),
        "{shown}"
    );
    // A restart knows them, and those who were counted.
    assert_eq!(server.stop().code, Some(0));
    let server = kept.place.serve();
    assert_eq!(kept.json(&["guard", "list"]).len(), 15);
    assert!(!removed(&kept, &server, "leaver25") && !removed(&kept, &server, "leaver40"));
    let page = server.metrics();
    assert!(page.contains("hookreeve_guarded_persons{guard=\"mass_deprovision\"} 16"), "{page}");
    // One of them does leave.
    let said = kept.run(&["guard", "release", "--person", "Leaver30", "--reason", "HR says so"]);
    assert!(said.starts_with("1 person: may pass until "), "{said}");
    assert!(said.contains("the cloud: it must call again"), "{said}");
    assert!(removed(&kept, &server, "leaver30"), "the cloud has called again");
    assert!(removed(&kept, &server, "leaver30"), "and once more at once, as after an answer that was lost");
    assert!(!removed(&kept, &server, "leaver31"));
    let timeline = kept.json(&["events", "--person", "leaver30"]);
    let kinds: Vec<_> = timeline.iter().map(|row| (row["kind"].clone(), row["cause"].clone())).collect();
    let event = |cause: &str| (json!("event"), json!(cause));
    assert_eq!(kinds, [event("guarded"), (json!("guard_release"), json!("")), event("released"), event("released")]);
    let act = kept.run(&["events", "show", &timeline[1]["seq"].to_string()]);
    assert!(act.contains("reason     mass_deprovision, runDeprovision: HR says so"), "{act}");
    // The rest was the mistake.
    let said = kept.run(&["guard", "drop", "--guard", "mass_deprovision", "--reason", "the import was wrong"]);
    assert!(said.starts_with("15 persons: no longer listed, without a pass\n"), "{said}");
    kept.refused(&["guard", "drop", "--all", "--reason", "again"], 1, "nobody is held");
    assert!(kept.run(&["journal", "verify"]).contains("entries"), "the chain holds");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn without_a_server_a_release_counts_from_its_start() {
    let kept = Kept::new(200, &LEAVERS.replace("max = 25", "max = 1"));
    let server = kept.place.serve();
    for (login, is) in [("anna", true), ("bob", false), ("carol", false), ("eve", false)] {
        assert_eq!(removed(&kept, &server, login), is);
    }
    assert_eq!(server.stop().code, Some(0));
    let said = kept.run(&["guard", "drop", "--person", "eve", "--reason", "so"]);
    assert!(said.starts_with("1 person: no longer listed, without a pass (no server runs;"), "{said}");
    let told = kept.json(&["guard", "release", "--login", "bob", "--login", "carol", "--reason", "so"]);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|row| row["done"] == true && row["pass_until"].is_string()), "{told:?}");
    assert!(kept.json(&["guard", "list"]).is_empty());
    let passes = kept.json(&["guard", "list", "--passes", "--personal"]);
    assert_eq!(persons(&passes), ["bob", "carol"]);
    let server = kept.place.serve();
    assert!(removed(&kept, &server, "bob"));
    assert_eq!(persons(&kept.json(&["guard", "list", "--passes", "--personal"])), ["carol"]);
    assert!(!removed(&kept, &server, "dora"), "a pass makes no room for others");
    // A person that is forgotten is on no list.
    kept.run(&["forget", "--person", "dora", "--yes"]);
    assert!(kept.json(&["guard", "list"]).is_empty());
}

#[test]
fn what_cannot_be_meant_is_said() {
    let kept = Kept::new(200, &LEAVERS.replace("max = 25", "max = 1"));
    kept.refused(&["guard", "list"], 2, "there is no journal yet");
    let server = kept.place.serve();
    assert!(removed(&kept, &server, "anna") && !removed(&kept, &server, "bob"));
    kept.refused(&["guard", "release", "--reason", "r"], 2, "required");
    kept.refused(&["guard", "release", "--all"], 2, "--reason");
    kept.refused(&["guard", "release", "--all", "--person", "bob", "--reason", "r"], 2, "cannot be used");
    kept.refused(&["guard", "list", "--guard", "mass-deprovision"], 2, "did you mean `mass_deprovision`?");
    kept.refused(&["guard", "drop", "--person", "anna", "--reason", "r"], 1, "anna: nobody of that key is held");
    assert_eq!(kept.run(&["guard", "list", "--guard", "mass_deprovision"]).lines().count(), 2);
}
