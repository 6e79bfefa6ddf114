//! What is the same around every kind, with a source that does as it is told.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::super::asking::Asking;
use super::super::frame::{Frame, Terms};
use super::super::set::{Definition, Plan};
use super::*;
use crate::facts::FactSource;
use crate::scope::Names;

/// What the source does with the next questions.
#[derive(Clone, Copy)]
enum Does {
    Answer,
    Nothing,
    Fail,
    Hang,
    Panic,
    /// Waits until it is let go, and answers.
    Wait,
}

struct Told {
    does: Mutex<Does>,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
    go: Notify,
}

/// One that is over, answered or dropped.
struct Over<'a>(&'a AtomicUsize);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Source for Arc<Told> {
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            let _over = Over(&self.at_once);
            self.most.fetch_max(now, Ordering::SeqCst);
            let does = *self.does.lock().unwrap();
            match does {
                Does::Answer => Ok(Answer::found(asked.question.texts()[0].clone().into())),
                Does::Nothing => Ok(Answer::nothing()),
                Does::Fail => Err(Failure("HTTP 503".into())),
                Does::Hang => std::future::pending().await,
                Does::Panic => panic!("as a test"),
                Does::Wait => {
                    self.go.notified().await;
                    Ok(Answer::found(json!(1)))
                }
            }
        })
    }
}

const TERMS: Terms = Terms {
    timeout: Duration::from_millis(300),
    cache: Duration::from_secs(60),
    stale_for: Duration::ZERO,
    entries: 100,
    concurrency: 2,
};

/// A lookup by login on these terms, and what its source is told.
fn frame(terms: Terms) -> (Arc<Frame>, Arc<Told>, Metrics) {
    let told = Arc::new(Told {
        does: Mutex::new(Does::Answer),
        asked: AtomicUsize::new(0),
        at_once: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
        go: Notify::new(),
    });
    let spec = catalog::find("validateUser").unwrap();
    let names = Names::new(spec, &SecretFields::default(), &IndexMap::new());
    let mut asking = Asking::new(spec, names);
    let source = Arc::new(Text { name: "t.toml".into(), text: "x = 'user.login'".into() });
    let tree = tree::parse(&source, &mut Diagnostics::default());
    asking.key("match.login".into(), tree.get("x").unwrap(), &mut Diagnostics::default()).unwrap();
    let (set, _) = compile("[[lookup]]\nid = 'hr'\ntype = 'http'\nurl = 'https://hr.example/'");
    let Plan::Http(_) = &set.lookups[0].plan else { panic!("http") };
    let definition = Arc::try_unwrap(set.lookups.into_iter().next().unwrap()).unwrap();
    let definition = Arc::new(Definition { terms, askings: vec![asking], ..definition });
    let metrics = Metrics::new();
    let frame = Frame::new(&definition, Arc::new(told.clone()), None, (&clock(), &metrics));
    (Arc::new(frame), told, metrics)
}

async fn asked(frame: &Arc<Frame>, login: &str) -> Fact {
    frame.ask(&event(&json!({ "login": login })), clock().instant() + Duration::from_secs(2)).await
}

fn tell(told: &Told, does: Does) {
    *told.does.lock().unwrap() = does;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_so_long_and_not_found_is_one() {
    let (frame, told, metrics) = frame(TERMS);
    assert_eq!(asked(&frame, "anna").await.source, FactSource::Fetched);
    tell(&told, Does::Nothing);
    let fact = asked(&frame, " anna ").await;
    assert_eq!((fact.answer, fact.source), (Ok(Answer::found(json!("anna"))), FactSource::Cached));
    assert_eq!(asked(&frame, "bert").await.answer, Ok(Answer::nothing()));
    assert_eq!(asked(&frame, "bert").await.source, FactSource::Cached);
    assert_eq!(told.asked.load(Ordering::SeqCst), 2);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(asked(&frame, "anna").await.answer, Ok(Answer::nothing()));
    assert_eq!(told.asked.load(Ordering::SeqCst), 3);
    assert_eq!(asked(&frame, "  ").await.answer, Ok(Answer::nothing()));
    assert_eq!(told.asked.load(Ordering::SeqCst), 3, "what is empty is not asked for");
    let text = metrics.encode();
    for line in [
        r#"hookreeve_lookups_total{lookup="hr",outcome="cached"} 2"#,
        r#"hookreeve_lookups_total{lookup="hr",outcome="fetched"} 3"#,
        r#"hookreeve_lookups_total{lookup="hr",outcome="empty"} 1"#,
        r#"hookreeve_lookup_seconds_count{lookup="hr"} 6"#,
    ] {
        assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_the_same_wait_for_one_fetch() {
    let (frame, told, _) = frame(TERMS);
    tell(&told, Does::Wait);
    let all = join_all((0..50).map(|_| asked(&frame, "anna")));
    let (facts, ()) = tokio::join!(all, async { told.go.notify_one() });
    assert!(facts.iter().all(|fact| fact.answer == Ok(Answer::found(json!(1)))));
    assert_eq!(told.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_does_not_take_the_answer_from_the_others() {
    let (frame, told, _) = frame(TERMS);
    tell(&told, Does::Wait);
    let event = event(&json!({ "login": "anna" }));
    let now = clock().instant();
    let hasty = frame.ask(&event, now + Duration::from_millis(10));
    let patient = frame.ask(&event, now + Duration::from_millis(200));
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told.go.notify_one();
    };
    let (hasty, patient, ()) = tokio::join!(hasty, patient, later);
    assert_eq!(hasty.answer, Err("there was no time left for it before the deadline".into()));
    assert_eq!(patient.answer, Ok(Answer::found(json!(1))));
    assert_eq!(told.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_asked_at_once_than_may_be_and_waiting_is_part_of_the_time() {
    let (frame, told, _) = frame(TERMS);
    tell(&told, Does::Hang);
    let logins: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    let facts = join_all(logins.iter().map(|login| asked(&frame, login))).await;
    assert!(facts.iter().all(|fact| fact.answer == Err("no answer within 300ms".into())), "{facts:?}");
    assert!(facts.iter().all(|fact| fact.took < Duration::from_millis(310)), "{facts:?}");
    assert_eq!(told.most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_an_error_and_never_kept() {
    let (frame, told, _) = frame(TERMS);
    for (does, why) in
        [(Does::Fail, "HTTP 503"), (Does::Panic, "asking it ended in a panic"), (Does::Hang, "no answer within 300ms")]
    {
        tell(&told, does);
        assert_eq!(asked(&frame, "anna").await.answer, Err(why.into()));
    }
    tell(&told, Does::Answer);
    assert_eq!(asked(&frame, "anna").await.answer, Ok(Answer::found(json!("anna"))));
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_is_given_while_the_source_is_down() {
    let (frame, told, _) = frame(Terms { stale_for: Duration::from_secs(3600), ..TERMS });
    assert_eq!(asked(&frame, "anna").await.source, FactSource::Fetched);
    for does in [Does::Fail, Does::Hang] {
        tell(&told, does);
        tokio::time::advance(Duration::from_secs(1000)).await;
        let fact = asked(&frame, "anna").await;
        assert_eq!((fact.answer, fact.source), (Ok(Answer::found(json!("anna"))), FactSource::Stale));
        assert_eq!(fact.as_of, clock().now(), "of when it was given");
    }
    assert_eq!(asked(&frame, "bert").await.answer, Err("no answer within 300ms".into()));
    tokio::time::advance(Duration::from_secs(2000)).await;
    assert!(asked(&frame, "anna").await.answer.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_down_is_left_alone_while_there_is_an_old_answer() {
    let (frame, told, _) = frame(Terms { stale_for: Duration::from_secs(3600), ..TERMS });
    asked(&frame, "anna").await;
    asked(&frame, "bert").await;
    tokio::time::advance(Duration::from_secs(100)).await;
    tell(&told, Does::Hang);
    let waited = asked(&frame, "anna").await;
    assert_eq!((waited.source, waited.took), (FactSource::Stale, Duration::from_millis(300)));
    for login in ["anna", "bert", "anna"] {
        let fact = asked(&frame, login).await;
        assert_eq!((fact.source, fact.took), (FactSource::Stale, Duration::ZERO), "{login}");
    }
    assert_eq!(told.asked.load(Ordering::SeqCst), 3);
    // Whoever has no old answer asks all the same; and after the moment one asks for all.
    assert!(asked(&frame, "carl").await.answer.is_err());
    tokio::time::advance(Duration::from_secs(1)).await;
    let both = tokio::join!(asked(&frame, "anna"), asked(&frame, "bert"));
    assert_eq!((both.0.took, both.1.took), (Duration::from_millis(300), Duration::ZERO));
    assert_eq!(told.asked.load(Ordering::SeqCst), 5);
    // Once it answers it is asked again.
    tell(&told, Does::Answer);
    tokio::time::advance(Duration::from_secs(1)).await;
    for login in ["anna", "bert"] {
        assert_eq!(asked(&frame, login).await.source, FactSource::Fetched, "{login}");
    }
    // One failure that came at once may be the fault of what was asked.
    tokio::time::advance(Duration::from_secs(100)).await;
    tell(&told, Does::Fail);
    assert_eq!(asked(&frame, "anna").await.source, FactSource::Stale);
    tell(&told, Does::Answer);
    assert_eq!(asked(&frame, "bert").await.source, FactSource::Fetched);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_slower_than_the_deadline_is_left_alone_too() {
    let (frame, told, _) =
        frame(Terms { stale_for: Duration::from_secs(3600), timeout: Duration::from_secs(5), ..TERMS });
    asked(&frame, "anna").await;
    tokio::time::advance(Duration::from_secs(100)).await;
    tell(&told, Does::Hang);
    for took in [Duration::from_secs(2), Duration::ZERO] {
        let fact = asked(&frame, "anna").await;
        assert_eq!((fact.source, fact.took), (FactSource::Stale, took));
    }
}

#[tokio::test(start_paused = true)]
async fn a_parameter_that_errs_is_a_fact_that_says_which() {
    let (frame, told, _) = frame(TERMS);
    let fact = frame.ask(&event(&json!({})), clock().instant() + Duration::from_secs(2)).await;
    assert_eq!(fact.answer, Err("`match.login`: the field `login` is missing".into()));
    assert_eq!(told.asked.load(Ordering::SeqCst), 0);
}
