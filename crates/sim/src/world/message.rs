use steadfast_actors::outcome::ErrorKind;
use tokio::sync::oneshot;

/// What comes back over a link: a success, degraded or not, or an error.
pub(crate) type Reply = Result<Served, ErrorKind>;

/// A successful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    /// It came from a fallback, or with parts left out.
    pub(crate) degraded: bool,
}

/// Who receives a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callee {
    /// A service, by its place.
    Service(usize),
    /// A handler in another process, by its place.
    Handler(usize),
}

/// One request as its caller sent it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) callee: Callee,
    /// The channel that its answer comes back by.
    pub(crate) back: usize,
    pub(crate) about: About,
    reply: Option<oneshot::Sender<Reply>>,
    /// When the caller gave up; `u64::MAX` while it waits, or once it was answered.
    pub(crate) left_at: u64,
    /// Copies of it, or of its answer, that are still somewhere.
    copies: u32,
}

/// What a request says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// The number of the request from outside that it belongs to.
    pub(crate) request: u64,
    /// Whose it is.
    pub(crate) key: u64,
    /// 0 is the most important class.
    pub(crate) priority: u8,
    /// When its caller gives up, if that was said; else `u64::MAX`.
    pub(crate) deadline: u64,
    /// The pools that calls around it hold permits of, one bit each.
    pub(crate) held: u64,
    /// The handler that the request from outside was sent to.
    pub(crate) entry: u32,
}

impl About {
    /// Of what no load has sent.
    pub(crate) const NO_ENTRY: u32 = u32::MAX;
}

/// A message's place; one that is gone is never mistaken for the one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageId {
    slot: usize,
    generation: u64,
}

/// All messages that somebody still holds or waits for.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    slots: Vec<(u64, Option<Message>)>,
    free: Vec<usize>,
    generations: u64,
}

impl Messages {
    /// Adds a message with one copy under way.
    pub(crate) fn add(
        &mut self,
        callee: Callee,
        back: usize,
        about: About,
        reply: oneshot::Sender<Reply>,
    ) -> MessageId {
        self.generations += 1;
        let generation = self.generations;
        let message = Message { callee, back, about, reply: Some(reply), left_at: u64::MAX, copies: 1 };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = (generation, Some(message));
                slot
            }
            None => {
                self.slots.push((generation, Some(message)));
                self.slots.len() - 1
            }
        };
        MessageId { slot, generation }
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Message> {
        let (generation, message) = self.slots.get(id.slot)?;
        message.as_ref().filter(|_| *generation == id.generation)
    }

    fn get_mut(&mut self, id: MessageId) -> Option<&mut Message> {
        let (generation, message) = self.slots.get_mut(id.slot)?;
        message.as_mut().filter(|_| *generation == id.generation)
    }

    /// One more copy is under way.
    pub(crate) fn copied(&mut self, id: MessageId) {
        if let Some(message) = self.get_mut(id) {
            message.copies += 1;
        }
    }

    /// A copy is gone for good.
    pub(crate) fn lost(&mut self, id: MessageId) {
        if let Some(message) = self.get_mut(id) {
            message.copies = message.copies.saturating_sub(1);
        }
        self.tidy(id);
    }

    /// The answer's copy reached the caller; whether somebody was still there.
    pub(crate) fn answered(&mut self, id: MessageId, reply: Reply) -> bool {
        let sender = self.get_mut(id).and_then(|message| message.reply.take());
        let woke = sender.is_some_and(|sender| sender.send(reply).is_ok());
        self.lost(id);
        woke
    }

    /// The caller gave up.
    pub(crate) fn left(&mut self, id: MessageId, now: u64) {
        if let Some(message) = self.get_mut(id)
            && message.reply.take().is_some()
        {
            message.left_at = now;
        }
        self.tidy(id);
    }

    fn tidy(&mut self, id: MessageId) {
        if self.get(id).is_some_and(|message| message.copies == 0 && message.reply.is_none()) {
            self.slots[id.slot].1 = None;
            self.free.push(id.slot);
        }
    }
}
