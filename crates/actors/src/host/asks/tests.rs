use std::task::{Poll, Waker};

use proptest::prelude::*;

use super::*;
use crate::breaker::{BreakerMachine, BreakerReply};
use crate::host::slot::Spare;

proptest! {
    #![proptest_config(crate::host::cases(200))]

    #[test]
    fn whoever_is_held_is_answered_by_its_ticket_in_whatever_order_they_come_and_go(
        tickets in prop::collection::btree_set(0..40_u64, 1..30).prop_map(Vec::from_iter).prop_shuffle(),
        mut order in prop::collection::vec(0..40_u64, 0..60),
    ) {
        let spare = Spare::<BreakerMachine>::default();
        let mut waiting = Waiting::default();
        let mut callers = Vec::new();
        for ticket in &tickets {
            let mut lent = spare.lend(None);
            let asker = lent.asker(false).unwrap().0;
            lent.listen(Waker::noop());
            waiting.begin(Some((Ticket(*ticket), asker)));
            callers.push((*ticket, lent));
        }
        order.extend(0..40);
        for ticket in order {
            let reply = BreakerReply::Admitted { epoch: ticket, probe: false };
            waiting.answer(Answer { ticket: Ticket(ticket), reply, more: false, until: None }, Time::ZERO);
            // Exactly its own caller hears it, and once.
            callers.retain_mut(|(caller, lent)| match lent.poll(Waker::noop()) {
                Poll::Ready(answer) => {
                    assert_eq!((*caller, answer.unwrap().unwrap().reply), (ticket, reply));
                    false
                }
                Poll::Pending => *caller != ticket,
            });
            prop_assert!(waiting.take(Ticket(ticket)).is_none());
        }
        prop_assert!(callers.is_empty());
        prop_assert!(waiting.held.is_none_or(|held| held.is_empty() && held.capacity() <= MOST_KEPT));
    }
}
