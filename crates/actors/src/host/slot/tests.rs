use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use super::*;
use crate::breaker::{BreakerMachine, BreakerReply};
use crate::host::reply::Reply;

type Machine = BreakerMachine;

/// Counts how often it was woken.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn answer(epoch: u64) -> Answered<BreakerReply> {
    Ok(Reply { reply: BreakerReply::Admitted { epoch, probe: false }, more: None })
}

fn asked(
    lent: &mut Lent<'_, Machine>,
    waker: &Waker,
    waits: bool,
) -> (Asker<Machine>, Option<Used<Machine>>) {
    let asked = lent.asker(waits).unwrap();
    lent.listen(waker);
    asked
}

/// The epoch that it heard of.
fn heard(lent: &mut Lent<'_, Machine>, waker: &Waker) -> Poll<Option<u64>> {
    lent.poll(waker).map(|answer| match answer?.unwrap().reply {
        BreakerReply::Admitted { epoch, .. } => Some(epoch),
        BreakerReply::Refused { .. } => None,
    })
}

#[test]
fn an_answer_for_a_caller_that_left_does_not_reach_the_one_who_has_its_slot_next() {
    let spare = Spare::<Machine>::default();
    let ask = |lent: &mut Lent<'_, Machine>| asked(lent, Waker::noop(), true).0;
    let mut first = spare.lend(None);
    let late = ask(&mut first);
    drop(first);
    let mut second = spare.lend(None);
    assert_eq!(spare.len(), 0, "it is the same slot");
    let in_time = ask(&mut second);
    assert!(late.is_closed() && !in_time.is_closed());
    assert!(late.tell_in_line(Time::ZERO, Time::MAX));
    late.send(answer(1), None);
    assert_eq!((heard(&mut second, Waker::noop()), second.in_line()), (Poll::Pending, None));
    in_time.send(answer(2), None);
    assert_eq!(heard(&mut second, Waker::noop()), Poll::Ready(Some(2)));
}

#[test]
fn a_message_comes_back_with_the_answer_and_is_used_again() {
    let spare = Spare::<Machine>::default();
    let mut lent = spare.lend(None);
    let (mut asker, message) = asked(&mut lent, Waker::noop(), false);
    assert!(message.is_none(), "there was none before");
    asker.give_back(Box::new(Envelope::Taken));
    asker.send(answer(1), None);
    assert!(heard(&mut lent, Waker::noop()).is_ready());
    drop(lent);
    assert!(spare.lend(None).asker(false).unwrap().1.is_some());
}

#[test]
fn who_waits_in_line_hears_how_long_it_stood_there_however_often_it_was_told_to_wait_on() {
    let spare = Spare::<Machine>::default();
    let mut lent = spare.lend(None);
    let asker = asked(&mut lent, Waker::noop(), true).0;
    assert_eq!(lent.in_line(), None);
    for (now, until) in [(3, 10), (10, 20)] {
        assert!(asker.tell_in_line(Time::from_nanos(now), Time::from_nanos(until)));
        assert_eq!(lent.in_line().map(|in_line| in_line.until), Some(Time::from_nanos(until)));
    }
    asker.send(answer(1), Some(Time::from_nanos(15)));
    assert_eq!(lent.in_line().map(InLine::waited), Some(Duration::from_nanos(12)));
}

#[derive(Clone, Debug)]
enum Step {
    /// Another caller comes, once the one before it has left.
    Ask,
    Leave,
    Poll,
    /// One of those who were asked answers, or goes down.
    Answer(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Ask),
        Just(Step::Leave),
        Just(Step::Poll),
        (0..4_usize).prop_map(Step::Answer),
        (0..4_usize).prop_map(Step::Drop),
    ]
}

proptest! {
    #![proptest_config(crate::host::cases(400))]

    /// All that happens to a slot happens under its lock, so the orders of these steps are all that threads can make of it.
    #[test]
    fn a_caller_hears_its_own_answer_once_and_is_woken_for_it(steps in prop::collection::vec(step(), 1..60)) {
        let spare = Spare::<Machine>::default();
        let (mut lent, mut callers) = (None::<(Lent<'_, Machine>, u64)>, 0);
        let mut askers: Vec<(Asker<Machine>, u64)> = Vec::new();
        let counts = Arc::new(Counts::default());
        let waker = Waker::from(Arc::clone(&counts));
        // What the present caller is to hear, and how often callers were to be woken.
        let (mut expected, mut woken) = (Poll::Pending, 0);
        for step in steps {
            match step {
                Step::Ask if lent.is_none() => {
                    callers += 1;
                    let mut mine = spare.lend(None);
                    askers.push((asked(&mut mine, &waker, false).0, callers));
                    (lent, expected) = (Some((mine, callers)), Poll::Pending);
                }
                Step::Ask => {}
                Step::Leave => lent = None,
                Step::Poll => {
                    if let Some((mine, _)) = &mut lent {
                        prop_assert_eq!(heard(mine, &waker), expected);
                        if expected.is_ready() {
                            expected = Poll::Ready(None);
                        }
                    }
                }
                Step::Answer(index) | Step::Drop(index) if index < askers.len() => {
                    let (asker, caller) = askers.remove(index);
                    let reaches = lent.as_ref().is_some_and(|(_, present)| *present == caller);
                    prop_assert_eq!(asker.is_closed(), !reaches);
                    let answers = matches!(step, Step::Answer(_));
                    if answers { asker.send(answer(caller), None) } else { drop(asker) }
                    if reaches {
                        expected = Poll::Ready(answers.then_some(caller));
                        woken += 1;
                    }
                }
                Step::Answer(_) | Step::Drop(_) => {}
            }
            prop_assert_eq!(counts.0.load(Ordering::SeqCst), woken);
        }
    }
}
