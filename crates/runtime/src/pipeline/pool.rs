use std::fmt;

use steadfast_actors::bulkhead::{Acquire, BulkheadHandle, BulkheadPermit, PoolKind, Priority};
use steadfast_actors::rejection::Rejection;

use super::call::Call;
use super::inputs::Inputs;

/// A bulkhead, or a throttle, as one site passes it.
#[derive(Clone, Debug)]
pub(crate) struct PoolGate {
    pub(crate) handle: BulkheadHandle,
    pub(crate) priority: Priority,
    /// Whether its calls may take the permits of lower classes.
    pub(crate) preempts: bool,
    /// Whether the site says what its calls take.
    pub(crate) weighs: bool,
}

impl PoolGate {
    pub(crate) async fn admit(
        &self,
        call: &Call,
        inputs: &Inputs,
    ) -> Result<(BulkheadPermit, PoolKind), Rejection> {
        let kind = self.handle.config().kind();
        let acquire = Acquire {
            priority: self.priority,
            weight: self.weight(kind, inputs)?,
            deadline: call.deadline().time(),
            preempts: self.preempts,
        };
        Ok((self.handle.acquire_as(acquire).await?, kind))
    }

    /// What the call takes: what its site says, else the bytes of its message where bytes are counted, else one permit.
    fn weight(&self, kind: PoolKind, inputs: &Inputs) -> Result<u64, Rejection> {
        let is_weighed = self.weighs || kind == PoolKind::Memory;
        if !is_weighed {
            return Ok(1);
        }
        let said = inputs.weight_in(self.handle.name()).or_else(|| inputs.body_length());
        said.map(|weight| weight.max(1)).ok_or_else(|| {
            let problem = "nobody says how much of it this call takes: it has no message; write a cost, as in \
                           cost = \"arg:x\" or the path of a function";
            Rejection::misconfigured(self.handle.name(), problem)
        })
    }
}

impl fmt::Display for PoolGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pool, class) = (&self.handle, self.priority.as_str());
        write!(f, "{:?} {}; its calls are {class}", pool.name(), pool.config())?;
        if self.preempts { f.write_str(", and take the permits of lower ones") } else { Ok(()) }
    }
}
