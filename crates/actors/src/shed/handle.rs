use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Shed, ShedInput, ShedMachine, ShedReply, ShedStatus};
use crate::bulkhead::Priority;
use crate::clock::Time;
use crate::host::Hosted;
use crate::rejection::Rejection;
use crate::settings::{Mode, OnUnavailable};

/// One shedder, for code that uses it without a macro. Cheap to clone; all clones are the same shedder.
///
/// # Example
/// ```no_run
/// # use steadfast_actors::{bulkhead::{BulkheadHandle, Priority}, rejection::Rejection, shed::ShedHandle};
/// # async fn search() {}
/// # async fn example(shed: ShedHandle, pool: BulkheadHandle) -> Result<(), Rejection> {
/// let pass = shed.admit(Priority::Low).await?;
/// let permit = pool.acquire(Priority::Low).await?;
/// pass.began();
/// search().await;
/// drop(permit);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct ShedHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hosted: Arc<Hosted<ShedMachine>>,
    config: Shed,
    /// Calls that observe mode would have refused.
    would_refuse: AtomicU64,
}

impl ShedHandle {
    /// The handle of a hosted shedder.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<ShedMachine>>, config: Shed) -> Self {
        ShedHandle { shared: Arc::new(Shared { hosted, config, would_refuse: AtomicU64::new(0) }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.shared.hosted.name()
    }

    /// What it turns away, as last published.
    #[must_use]
    pub fn status(&self) -> ShedStatus {
        self.shared.hosted.status()
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &Shed {
        &self.shared.config
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<ShedMachine>> {
        &self.shared.hosted
    }

    /// How many calls observe mode let pass that it would have refused.
    #[must_use]
    pub fn would_refuse(&self) -> u64 {
        self.shared.would_refuse.load(Ordering::Relaxed)
    }

    /// Passes, or is turned away. While it is calm nobody is asked.
    ///
    /// # Errors
    /// [`Rejection::Shed`] where too many wait already, [`Rejection::Unavailable`] where its actor cannot decide and it
    /// is declared to reject then.
    ///
    /// # Cancel safety
    /// It holds nothing; a dropped call counts as one that came.
    pub async fn admit(&self, priority: Priority) -> Result<ShedPass, Rejection> {
        let Shared { hosted, config, would_refuse } = &*self.shared;
        let told = config.mode == Mode::Off;
        let pass = ShedPass { handle: self.clone(), priority, since: hosted.now(), told };
        if config.mode == Mode::Off {
            return Ok(pass);
        }
        if self.status().is_calm() {
            hosted.learn(ShedInput::Came { priority });
            return Ok(pass);
        }
        let rejection = match hosted.ask(hosted.ticket(), ShedInput::Admit { priority }).await {
            Ok(answer) if answer.reply == ShedReply::Admitted => return Ok(pass),
            Ok(_) => Rejection::shed(hosted.name_kept(), Some(config.interval)),
            Err(_) if config.on_unavailable == OnUnavailable::Allow => return Ok(pass),
            Err(error) => error.rejection(hosted.kind(), hosted.name_kept()),
        };
        pass.forget();
        if config.mode == Mode::Observe {
            would_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(ShedPass { handle: self.clone(), priority, since: hosted.now(), told: false });
        }
        Err(rejection)
    }
}

/// A call that was let in. It says how long it waited then: when it [`began`](ShedPass::began), or when it gave up.
#[derive(Debug)]
#[must_use = "it tells how long the call waited; dropped at once, it waited not at all"]
pub struct ShedPass {
    handle: ShedHandle,
    priority: Priority,
    since: Time,
    told: bool,
}

impl ShedPass {
    /// The call has what it waited for.
    pub fn began(mut self) {
        self.tell();
    }

    fn forget(mut self) {
        self.told = true;
    }

    fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            let hosted = &self.handle.shared.hosted;
            let (priority, delay) = (self.priority, hosted.now().since(self.since));
            hosted.learn(ShedInput::Waited { priority, delay });
        }
    }
}

impl Drop for ShedPass {
    fn drop(&mut self) {
        // Refused at once by a full line it has not waited, which says the opposite of a short delay.
        if self.handle.shared.hosted.now() > self.since {
            self.tell();
        }
    }
}
