use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::breaker::{BreakerConfig, BreakerInput, BreakerMachine, BreakerReply, BreakerState};
use crate::clock::{Clock, Moment, Time};
use crate::event::{Event, EventSink, Happening};
use crate::gate::{Gate, Noted};
use crate::machine::{Effects, Kind, Machine, Ticket};
use crate::outcome::{Ending, ErrorKind, Outcome};
use crate::settings::Grants;
use crate::snapshot::SnapshotError;

#[derive(Default)]
struct Log(Mutex<Vec<Event>>);

impl EventSink for Log {
    fn record(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

fn breaker(options: HostOptions) -> (Arc<Hosted<BreakerMachine>>, Arc<Log>) {
    let log = Arc::new(Log::default());
    let clock = Arc::new(Clock::system());
    let events = Arc::clone(&log) as Arc<dyn EventSink>;
    let ground = Ground::new(tokio::runtime::Handle::current(), 1, clock, events, options);
    (Hosted::new(ground, Kind::Breaker, "db", BreakerConfig::default()), log)
}

async fn admit(hosted: &Arc<Hosted<BreakerMachine>>) -> Result<(Ticket, u64), AskError> {
    let ticket = hosted.ticket();
    match hosted.ask(ticket, BreakerInput::Admit { patience: None }).await?.reply {
        BreakerReply::Admitted { epoch, .. } => Ok((ticket, epoch)),
        BreakerReply::Refused { .. } => Ok((ticket, 0)),
    }
}

fn failed((ticket, epoch): (Ticket, u64)) -> BreakerInput {
    let outcome = Outcome { ending: Ending::Error(ErrorKind::ServerError), latency: Duration::ZERO };
    BreakerInput::Report { ticket, epoch, outcome }
}

#[tokio::test(start_paused = true)]
async fn what_is_reported_is_published_before_the_report_returns() {
    let (hosted, log) = breaker(HostOptions::default());
    for _ in 0..5 {
        let pass = admit(&hosted).await.unwrap();
        hosted.report(failed(pass)).await;
    }
    assert_eq!(hosted.status().state, BreakerState::Open);
    assert_eq!(hosted.messages(), 10, "each call asks once and reports once");
    assert!(matches!(log.0.lock().unwrap()[0].what, Happening::Transition { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_neither_state_nor_what_was_noted_nor_the_next_message() {
    let (hosted, log) = breaker(HostOptions::default());
    let passes = [admit(&hosted).await, admit(&hosted).await, admit(&hosted).await];
    for pass in passes {
        hosted.report(failed(pass.unwrap())).await;
    }
    let pass = admit(&hosted).await.unwrap();
    hosted.crash().await.unwrap();
    hosted.note(failed(pass));
    let pass = admit(&hosted).await.unwrap();
    hosted.report(failed(pass)).await;
    assert_eq!(hosted.status().state, BreakerState::Open);
    assert_eq!(hosted.restarts(), 1);
    let restarts =
        log.0.lock().unwrap().iter().filter(|event| matches!(event.what, Happening::Restart { .. })).count();
    assert_eq!(restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_restart_limit_a_name_is_left_alone_and_callers_are_told_at_once_until_it_is_tried_again()
{
    let (hosted, _) = breaker(HostOptions::default());
    for _ in 0..6 {
        hosted.crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(hosted.restarts(), 5);
    let before = tokio::time::Instant::from(hosted_now());
    assert!(matches!(admit(&hosted).await, Err(AskError::Failed(_))));
    assert_eq!(tokio::time::Instant::from(hosted_now()), before);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(admit(&hosted).await.is_ok());
}

#[expect(clippy::disallowed_methods, reason = "the test's own clock")]
fn hosted_now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// Counts what it takes, key by key; the key `poison` makes it panic.
struct Counter {
    taken: Vec<String>,
}

impl Machine for Counter {
    type Config = ();
    type Input = String;
    type Change = (Option<Ticket>, String);
    type Reply = usize;
    type Status = Vec<String>;
    type Gate = Desk;

    fn new((): (), _: Moment) -> Self {
        Counter { taken: Vec::new() }
    }

    fn decide(&self, _: Moment, ticket: Option<Ticket>, input: &String) -> Self::Change {
        assert_ne!(input, "poison", "this key is poison");
        (ticket, input.clone())
    }

    fn apply(&mut self, _: Moment, (ticket, input): Self::Change, effects: &mut Effects<usize>) {
        self.taken.push(input);
        // Whoever sends `wait` is put in line for good.
        match ticket {
            Some(ticket) if self.taken.ends_with(&["wait".to_owned()]) => effects.reply_and_hold(ticket, 0),
            Some(ticket) => effects.reply(ticket, self.taken.len()),
            None => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        None
    }

    fn expire(&self, _: Moment) -> Self::Change {
        (None, String::new())
    }

    fn status(&self, _: Time) -> Vec<String> {
        self.taken.clone()
    }

    fn reconfigure(&mut self, _: Moment, (): (), _: &mut Effects<usize>) {}

    fn snapshot(&self, _: Moment) -> Vec<u8> {
        Vec::new()
    }

    fn restore(&mut self, _: Moment, _: &[u8]) -> Result<(), SnapshotError> {
        Ok(())
    }

    fn key(input: &String) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(input))
    }
}

/// What the machine took so far is what it grants, and callers leave their keys here.
#[derive(Default)]
struct Desk {
    granted: Mutex<Option<usize>>,
    left: Mutex<Vec<(Time, String)>>,
}

impl Gate<Counter> for Desk {
    fn new((): &(), _: Grants) -> Self {
        Desk::default()
    }

    fn publish(&self, machine: &mut Counter, _: Time) {
        *self.granted.lock().unwrap() = Some(machine.taken.len());
    }

    fn withdraw(&self) {
        *self.granted.lock().unwrap() = None;
    }

    fn take(&self, noted: &mut Vec<Noted<String>>) {
        let left = std::mem::take(&mut *self.left.lock().unwrap());
        noted.extend(left.into_iter().map(|(until, input)| Noted { until, input }));
    }
}

impl Desk {
    fn leave(&self, key: &str) {
        self.left.lock().unwrap().push((Time::MAX, key.to_owned()));
    }

    fn granted(&self) -> Option<usize> {
        *self.granted.lock().unwrap()
    }
}

fn counter() -> (Arc<Hosted<Counter>>, Arc<Log>) {
    let log = Arc::new(Log::default());
    let clock = Arc::new(Clock::system());
    let events = Arc::clone(&log) as Arc<dyn EventSink>;
    let ground = Ground::new(tokio::runtime::Handle::current(), 1, clock, events, HostOptions::default());
    (Hosted::new(ground, Kind::Limiter, "counter", ()), log)
}

async fn send(hosted: &Arc<Hosted<Counter>>, key: &str) -> Result<usize, AskError> {
    hosted.ask(hosted.ticket(), key.to_owned()).await.map(|answer| answer.reply)
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_behind_a_message_that_panics_is_handled_once_and_in_order() {
    let (hosted, log) = counter();
    send(&hosted, "start").await.unwrap();
    let (first, second, third, fourth, fifth) = tokio::join!(
        send(&hosted, "poison"),
        send(&hosted, "m2"),
        send(&hosted, "m3"),
        send(&hosted, "m4"),
        send(&hosted, "m5"),
    );
    assert_eq!(first, Err(AskError::Quarantined(Duration::from_secs(60))));
    assert_eq!([second, third, fourth, fifth], [Ok(2), Ok(3), Ok(4), Ok(5)]);
    assert_eq!(hosted.status(), ["start", "m2", "m3", "m4", "m5"]);
    assert_eq!(hosted.restarts(), 1);
    let log = log.0.lock().unwrap();
    let Happening::Crash { quarantined, reason } = &log[0].what else { panic!("{log:?}") };
    assert!(reason.contains("this key is poison"), "{reason}");
    assert!(quarantined.as_ref().is_some_and(|key| key.len() == 16 && key != "poison"));
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_key_is_refused_with_the_time_left_and_all_others_are_served() {
    let (hosted, _) = counter();
    for round in 0..20 {
        let left = Duration::from_secs(60 - round);
        assert_eq!(send(&hosted, "poison").await, Err(AskError::Quarantined(left)));
        assert!(send(&hosted, "other").await.is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(hosted.restarts(), 1);
    tokio::time::advance(Duration::from_secs(40)).await;
    assert_eq!(hosted.quarantined("poison"), None);
    assert_eq!(send(&hosted, "poison").await, Err(AskError::Quarantined(Duration::from_secs(60))));
    assert_eq!(hosted.restarts(), 2);
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_poisoned_key_that_are_already_queued_crash_nothing_more() {
    let (hosted, _) = counter();
    let answers = tokio::join!(send(&hosted, "poison"), send(&hosted, "poison"), send(&hosted, "other"));
    assert!(matches!(answers, (Err(AskError::Quarantined(_)), Err(AskError::Quarantined(_)), Ok(1))));
    assert_eq!(hosted.restarts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_quarantined_key_stays_refused_while_its_name_is_left_alone() {
    let (hosted, _) = counter();
    let _ = send(&hosted, "poison").await;
    for _ in 0..6 {
        hosted.crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(matches!(send(&hosted, "other").await, Err(AskError::Failed(_))));
    assert!(matches!(send(&hosted, "poison").await, Err(AskError::Quarantined(_))));
}

#[tokio::test(start_paused = true)]
async fn a_noted_input_that_panics_takes_neither_its_neighbours_nor_the_message_in_hand_with_it() {
    let (hosted, _) = counter();
    send(&hosted, "first").await.unwrap();
    for key in ["before", "poison", "behind"] {
        hosted.note(key.to_owned());
    }
    assert_eq!(send(&hosted, "asked").await, Ok(4));
    assert_eq!(hosted.status(), ["first", "before", "behind", "asked"]);
    assert!(hosted.quarantined("poison").is_some());
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_second_answer_is_told_why_none_comes() {
    for stop in [true, false] {
        let (hosted, _) = counter();
        let more = hosted.ask(hosted.ticket(), "wait".to_owned()).await.unwrap().more.unwrap();
        if stop {
            hosted.stop().await;
        } else {
            for _ in 0..6 {
                hosted.crash().await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let why = more.await.unwrap().unwrap_err();
        assert_eq!(why == AskError::Gone, stop);
        assert_eq!(matches!(why, AskError::Failed(_)), !stop);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_in_a_gate_reaches_the_machine_before_the_next_input_and_in_the_callers_order() {
    let (hosted, _) = counter();
    assert_eq!(hosted.gate().granted(), Some(0));
    hosted.gate().leave("first");
    hosted.note("second".to_owned());
    hosted.gate().leave("third");
    assert_eq!(send(&hosted, "fourth").await, Ok(4));
    assert_eq!(hosted.status(), ["first", "second", "third", "fourth"]);
    assert_eq!(hosted.gate().granted(), Some(4));
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_status_sees_what_is_left_in_the_gate_without_a_message() {
    let (hosted, _) = counter();
    hosted.gate().leave("first");
    assert!(hosted.status().is_empty());
    assert_eq!(hosted.fresh_status(), ["first"]);
    assert_eq!(hosted.gate().granted(), Some(1));
    hosted.gate().leave("second");
    hosted.reconfigure(());
    assert_eq!(hosted.status(), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_note_starts_an_actor_that_nobody_has_asked() {
    let (hosted, _) = counter();
    hosted.gate().leave("first");
    hosted.note("second".to_owned());
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(hosted.status(), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a_gate_outlives_a_crash_and_is_empty_only_while_its_name_is_left_alone() {
    let (hosted, _) = counter();
    for crashes in 0..6 {
        assert_eq!(hosted.gate().granted(), Some(crashes));
        hosted.gate().leave("meanwhile");
        hosted.crash().await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(hosted.gate().granted(), None);
    // Whatever reads or saves the machine meanwhile publishes nothing.
    hosted.gate().leave("later");
    let _ = (hosted.fresh_status(), hosted.snapshot());
    assert_eq!(hosted.gate().granted(), None);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(hosted.gate().granted(), Some(7));
    hosted.stop().await;
    assert_eq!(hosted.gate().granted(), None);
}

#[tokio::test(start_paused = true)]
async fn a_first_report_that_is_dropped_while_the_actor_starts_is_read_all_the_same() {
    let (hosted, _) = breaker(HostOptions::default());
    let mut report = Box::pin(hosted.report(failed((Ticket(1), hosted.status().epoch))));
    let polled = std::future::poll_fn(|context| std::task::Poll::Ready(report.as_mut().poll(context))).await;
    assert!(polled.is_pending(), "its actor is not there yet");
    drop(report);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(hosted.status().counts.failures, 1);
}

#[test]
fn with_the_tokio_runtime_that_it_lived_on_and_its_last_handle_all_of_it_is_gone() {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let hosted = tokio.block_on(async {
        let (hosted, _) = breaker(HostOptions::default());
        let pass = admit(&hosted).await.unwrap();
        hosted.report(failed(pass)).await;
        hosted
    });
    let known = Arc::downgrade(&hosted);
    drop((tokio, hosted));
    assert!(known.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_begins_to_draw_with_other_settings_draws_what_it_would_have_drawn_from_the_start() {
    let settings = |jitter: bool| {
        let settings = crate::settings::Settings::new().with("failure_threshold", 1).with("jitter", jitter);
        Arc::new(BreakerConfig::from_settings(&settings).unwrap())
    };
    let opened_until = async |at_first: bool, then: bool| {
        let clock = Arc::new(Clock::starting_at(crate::clock::WallTime::from_nanos(0)));
        let tokio = tokio::runtime::Handle::current();
        let ground = Ground::new(tokio, 1, clock, Arc::new(Log::default()), HostOptions::default());
        let hosted: Arc<Hosted<crate::breaker::KeyedBreakerMachine>> =
            Hosted::new(ground, Kind::Breaker, "db", settings(at_first));
        hosted.reconfigure(settings(then));
        let outcome = Outcome { ending: Ending::Error(ErrorKind::ServerError), latency: Duration::ZERO };
        let input = BreakerInput::Report { ticket: Ticket(1), epoch: 1, outcome };
        hosted.report(crate::breaker::KeyedInput { key: None, input }).await;
        hosted.status().own.until.unwrap()
    };
    let (plain, drawn) = (opened_until(false, false).await, opened_until(true, true).await);
    assert_ne!(plain, drawn);
    assert_eq!((opened_until(false, true).await, opened_until(true, false).await), (drawn, plain));
}
