use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::breaker::{BreakerConfig, BreakerInput, BreakerMachine, BreakerReply, BreakerState};
use crate::clock::Clock;
use crate::event::{Event, EventSink, Happening};
use crate::machine::{Kind, Ticket};
use crate::outcome::{Ending, ErrorKind, Outcome};

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
