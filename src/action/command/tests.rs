//! Programs that are really run.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::action::tests::{job, job_about, job_on, ready};
use crate::action::{Fate, Granted, Trouble};
use crate::base::secret::Secret;

const PLAIN: Fate = Fate::Retry { after: None, trouble: Trouble::Plain };

/// What becomes of a script.
async fn attempt(script: &str, more: &str) -> Answer {
    sh(script, more).attempt(&job("postCreateUser")).await
}

fn sh(script: &str, more: &str) -> Arc<dyn Action> {
    ready(&format!("on = 'postCreateUser'\ntype = 'command'\nargv = ['/bin/sh', '-c', '''{script}''']\n{more}"), &[])
}

/// The lines of a file that a script is to write, once they are there.
async fn lines_of(path: &Path, count: usize) -> Vec<String> {
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.ends_with('\n') && text.lines().count() >= count {
            return text.lines().map(str::to_owned).collect();
        }
        tokio::task::yield_now().await;
    }
}

/// What becomes of a script whose time is up once it has written so many lines to a file; and the lines.
async fn time_out(script: &str, written: &Path, lines: usize) -> (Answer, Vec<String>) {
    let action = sh(script, "timeout = '1m'");
    let job = job("postCreateUser");
    tokio::time::pause();
    tokio::join!(action.attempt(&job), async {
        let lines = lines_of(written, lines).await;
        tokio::time::advance(Duration::from_secs(60)).await;
        tokio::time::resume();
        lines
    })
}

/// Whether nothing runs under this number: it is gone, or only waits to be counted by whoever is its parent now.
fn is_gone(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.map_or(true, |line| line.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

#[tokio::test]
async fn every_way_to_end_has_its_fate() {
    for (script, more, fate, what, detail) in [
        ("exit 0", "", Fate::Done, "exit code 0", None),
        ("echo said; echo wrong >&2; exit 75", "", PLAIN, "exit code 75", Some("wrong")),
        ("echo said; exit 1", "", PLAIN, "exit code 1", Some("said")),
        ("exit 3", "done = [3]", Fate::Done, "exit code 3", None),
        ("exit 65", "dead = [65]", Fate::Dead, "exit code 65", None),
        ("kill -9 $$", "", PLAIN, "ended by signal 9", None),
        ("exec 0<&-; exit 0", "", Fate::Done, "exit code 0", None),
    ] {
        let answer = attempt(script, more).await;
        let found = (answer.fate, answer.what.as_str(), answer.detail.as_deref());
        assert_eq!(found, (fate, what, detail), "{script}");
    }
}

#[tokio::test]
async fn what_cannot_be_started_is_somebodys_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain");
    std::fs::write(&plain, "x").unwrap();
    for (argv, more) in [
        ("/nowhere/x".to_owned(), ""),
        ("no-such-program".to_owned(), ""),
        (plain.display().to_string(), ""),
        ("/bin/true".to_owned(), "dir = '/nowhere'"),
    ] {
        let action = ready(&format!("on = 'postCreateUser'\ntype = 'command'\nargv = ['{argv}']\n{more}"), &[]);
        let answer = action.attempt(&job("postCreateUser")).await;
        assert_eq!(answer.fate, Fate::Retry { after: None, trouble: Trouble::Target }, "{argv}: {answer}");
    }
    let action = ready("on = 'postCreateUser'\ntype = 'command'\nargv = ['true']", &[]);
    assert_eq!(action.attempt(&job("postCreateUser")).await.fate, Fate::Done);
}

#[tokio::test]
async fn a_program_sees_the_event_and_nothing_else_of_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let script = "cat > input; env | sort > env; pwd > pwd";
    let action = sh(script, &format!("env = ['SHOWN', 'NOT_SET', 'PATH']\ndir = '{}'", dir.path().display()));
    let job = job_on("postCreateUser", r#"{"request":{"user":{"login":"x","password":"hunter2","n":1.50}}}"#);
    assert_eq!(action.attempt(&job).await.fate, Fate::Done);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(read("input").ends_with("\"request\":{\"user\":{\"login\":\"x\",\"n\":1.50}}}\n"), "{}", read("input"));
    let env = read("env");
    // What a shell adds by itself.
    let own = ["PWD=", "OLDPWD=", "SHLVL=", "_="];
    let seen: Vec<&str> = env.lines().filter(|line| !own.iter().any(|own| line.starts_with(own))).collect();
    assert_eq!(
        seen,
        [
            "HOOKREEVE_ATTEMPT=1",
            "HOOKREEVE_ENTRY_ID=018f0000-0000-7000-8000-000000000001",
            "HOOKREEVE_EVENT=postCreateUser",
            "HOOKREEVE_IDEMPOTENCY_KEY=018f0000-0000-7000-8000-000000000001_a",
            "SHOWN=shown",
        ]
    );
}

#[tokio::test]
async fn granted_secret_fields_come_with_the_event_and_output_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let toml = format!(
        "on = 'changePassword'\ntype = 'command'\nargv = ['/bin/sh', '-c', 'cat > input; cat input; exit 1']\n\
         dir = '{}'\nsecrets = ['passwordText', 'user.pin']",
        dir.path().display()
    );
    let mut job = job_about("changePassword", &json!({ "login": "x" }));
    let granted = |field: &str, json: &str| Granted { field: field.into(), json: Secret::new(json) };
    job.secrets = vec![granted("passwordText", r#""hunter2""#), granted("user.pin", "1")];
    assert_eq!(ready(&toml, &[]).attempt(&job).await, Answer::retry("exit code 1"));
    let input: Value = serde_json::from_str(&std::fs::read_to_string(dir.path().join("input")).unwrap()).unwrap();
    assert_eq!(input["secrets"], json!({ "passwordText": "hunter2", "user": { "pin": 1 } }));
}

#[tokio::test]
async fn output_without_end_is_read_and_cut() {
    let answer = attempt("head -c 5000000 /dev/zero | tr '\\0' x; head -c 5000000 /dev/zero >&2; exit 1", "").await;
    assert_eq!((answer.fate, answer.detail), (PLAIN, None), "controls are left out");
    let answer = attempt("yes | head -c 5000000; exit 1", "").await;
    assert_eq!(answer.detail.map(|detail| detail.len() > 1000), Some(true));
}

#[tokio::test]
async fn input_that_is_not_read_holds_nothing_up() {
    let user = json!({ "login": "x", "much": "x".repeat(500_000) });
    let action = sh("exit 0", "");
    assert_eq!(action.attempt(&job_about("postCreateUser", &user)).await.fate, Fate::Done);
}

#[tokio::test]
async fn a_time_out_ends_all_that_was_started() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    // Neither the shell nor what it starts ends when told to.
    let script = format!(
        "trap '' TERM; (trap '' TERM; sh -c 'echo $$ >> {0}; sleep 1000' & wait) & echo $$ >> {0}; sleep 1000; sleep 1000",
        pids.display()
    );
    let (answer, pids) = time_out(&script, &pids, 2).await;
    assert_eq!(answer, Answer::retry("not done within 1m: it was ended"));
    for pid in pids {
        while !is_gone(&pid) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_that_ends_when_told_to_says_its_last_words() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready");
    let script = format!("trap 'echo bye; exit 0' TERM; echo > {}; while :; do :; done", ready.display());
    let (answer, _) = time_out(&script, &ready, 1).await;
    assert_eq!(answer.detail.as_deref(), Some("bye"), "{answer}");
    assert_eq!(answer.fate, PLAIN);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let script = format!("sleep 1000 & echo $! > {}; exit 0", pids.display());
    assert_eq!(attempt(&script, "timeout = '60s'").await.fate, Fate::Done);
    let pid = lines_of(&pids, 1).await.remove(0);
    while !is_gone(&pid) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_dropped_attempt_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let action = sh(&format!("echo $$ > {0}; sleep 1000 & echo $! >> {0}; wait", pids.display()), "timeout = '60s'");
    let job = job("postCreateUser");
    let pids = tokio::select! {
        answer = action.attempt(&job) => panic!("{answer}"),
        pids = lines_of(&pids, 2) => pids,
    };
    let gone = async {
        for pid in pids {
            while !is_gone(&pid) {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it is gone");
}
