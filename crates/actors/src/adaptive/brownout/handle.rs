use std::sync::Arc;
use std::time::Duration;

use super::{BrownoutInput, BrownoutMachine, BrownoutStatus, DegradeGracefully, MOST_PARTS};
use crate::host::Hosted;

/// The brown-out controller of one site. Cheap to clone; all clones are the same one.
///
/// # Example
/// ```no_run
/// # use steadfast_actors::adaptive::brownout::BrownoutHandle;
/// # fn example(brownout: BrownoutHandle, call: u64) {
/// if brownout.allows(1, "reviews", call) {
///     // fetch the reviews
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BrownoutHandle {
    hosted: Arc<Hosted<BrownoutMachine>>,
    config: DegradeGracefully,
}

impl BrownoutHandle {
    /// The handle of a hosted controller.
    #[must_use]
    pub fn new(hosted: Arc<Hosted<BrownoutMachine>>, config: DegradeGracefully) -> Self {
        BrownoutHandle { hosted, config }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.hosted.name()
    }

    /// Its dimmer and the parts that it knows, as last published.
    #[must_use]
    pub fn status(&self) -> BrownoutStatus {
        self.hosted.status()
    }

    /// Its checked settings.
    #[must_use]
    pub fn config(&self) -> &DegradeGracefully {
        &self.config
    }

    /// The hosted machine, for who watches actors.
    #[must_use]
    pub fn hosted(&self) -> &Arc<Hosted<BrownoutMachine>> {
        &self.hosted
    }

    /// Whether the part `name` is on for the call of that number. Under stress parts of a higher `order` are left out
    /// first. Whoever asks makes the part known; beyond [`MOST_PARTS`] further ones stand behind all that are.
    #[must_use]
    pub fn allows(&self, order: u32, name: &str, call: u64) -> bool {
        let status = self.status();
        if status.parts.len() < MOST_PARTS && !status.parts.contains(&(order, name.to_owned())) {
            self.hosted.learn(BrownoutInput::Part { order, name: name.to_owned() });
        }
        status.allows(order, name, call)
    }

    /// Notes how long a call of the site took.
    pub fn took(&self, latency: Duration) {
        self.hosted.learn(BrownoutInput::Took { latency });
    }
}
