use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::pending;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use super::{BuildError, Runtime};
use crate::ambient::{self, Surrounding};

/// The process's runtime, where one was installed.
static INSTALLED: RwLock<Option<Runtime>> = RwLock::new(None);

/// The number of the one in [`INSTALLED`], and zero for none: read by every call, and without a lock.
static INSTALLED_ID: AtomicU64 = AtomicU64::new(0);

/// How many runtimes have ended: what threads keep of them for their next call is not needed any more.
static ENDED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The default runtime that this thread used last, and the tokio runtime that it is of.
    static DEFAULT: Cell<Option<(tokio::runtime::Id, u64)>> = const { Cell::new(None) };
}

thread_local! {
    static ENTERED: RefCell<Vec<Runtime>> = const { RefCell::new(Vec::new()) };
    /// The number of the last one in there, and zero for none: all that a call looks at.
    static ENTERED_ID: Cell<u64> = const { Cell::new(0) };
}

thread_local! {
    /// The runtime of the task that this thread polls.
    static SCOPED: Cell<Option<Runtime>> = const { Cell::new(None) };
    /// Its number, and zero for none: all that a call looks at.
    static SCOPED_ID: Cell<u64> = const { Cell::new(0) };
}

impl Surrounding for Runtime {
    #[inline]
    fn note(here: Option<&Self>) {
        SCOPED_ID.set(here.map_or(0, Runtime::id));
    }
}

/// Runtimes that nobody installed, by the tokio runtime that they live on. Never iterated.
fn defaults() -> MutexGuard<'static, HashMap<tokio::runtime::Id, Runtime>> {
    static DEFAULTS: OnceLock<Mutex<HashMap<tokio::runtime::Id, Runtime>>> = OnceLock::new();
    DEFAULTS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes `runtime` the process's own.
pub(super) fn install(runtime: &Runtime) -> Result<(), BuildError> {
    let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(present) = installed.as_ref() {
        return Err(BuildError::AlreadyInstalled { name: present.name().to_owned() });
    }
    *installed = Some(runtime.clone());
    INSTALLED_ID.store(runtime.id(), Ordering::Release);
    Ok(())
}

/// Frees the process's place if `id` holds it.
pub(super) fn uninstall(id: u64) {
    let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    // Dropped after the lock: a runtime that goes may want the place itself.
    let gone = installed.take_if(|present| present.id() == id);
    if gone.is_some() {
        INSTALLED_ID.store(0, Ordering::Release);
    }
    ENDED.fetch_add(1, Ordering::Release);
    drop(installed);
    drop(gone);
}

/// How many runtimes have ended so far.
#[inline]
pub(crate) fn ended() -> u64 {
    ENDED.load(Ordering::Acquire)
}

/// The number of the runtime that [`Runtime::current`] gives here, where finding out takes no lock; where it would,
/// or there is none yet, `None`.
#[inline]
pub(crate) fn current_id() -> Option<u64> {
    let entered = ENTERED_ID.get();
    if entered != 0 {
        return Some(entered);
    }
    let scoped = SCOPED_ID.get();
    if scoped != 0 {
        return Some(scoped);
    }
    match INSTALLED_ID.load(Ordering::Acquire) {
        0 => {
            let here = tokio::runtime::Handle::try_current().ok()?.id();
            DEFAULT.get().filter(|(tokio, _)| *tokio == here).map(|(_, id)| id)
        }
        installed => Some(installed),
    }
}

/// Calls `ended` when the tokio runtime of `handle` drops its tasks, which is the last thing that it does.
pub(super) fn when_ended(handle: &tokio::runtime::Handle, ended: impl FnOnce() + Send + 'static) {
    struct OnDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            if let Some(ended) = self.0.take() {
                ended();
            }
        }
    }
    let on_drop = OnDrop(Some(ended));
    handle.spawn(async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    });
}

impl Runtime {
    /// The runtime of annotated calls here: this thread's, else this task's, else the process's, else this tokio
    /// runtime's own.
    ///
    /// # Panics
    /// Outside tokio where no runtime is installed.
    #[must_use]
    pub fn current() -> Runtime {
        if let Some(entered) = ENTERED.with_borrow(|entered| entered.last().cloned()) {
            return entered;
        }
        if let Some(scoped) = ambient::peek(&SCOPED, Clone::clone).flatten() {
            return scoped;
        }
        Runtime::global()
    }

    /// The process's runtime where one was installed, else the one of this tokio runtime, which is made on the first
    /// call and never outlives it: two `#[tokio::test]`s share nothing.
    ///
    /// # Panics
    /// Outside tokio where no runtime is installed.
    #[must_use]
    pub fn global() -> Runtime {
        if let Some(installed) = INSTALLED.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            return installed.clone();
        }
        let handle = tokio::runtime::Handle::try_current().expect(
            "annotated calls outside tokio need a runtime that was built before: Runtime::builder()..build()",
        );
        let id = handle.id();
        let mut defaults = defaults();
        if let Some(present) = defaults.get(&id) {
            DEFAULT.set(Some((id, present.id())));
            return present.clone();
        }
        if handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread {
            tracing::warn!(
                "no runtime is installed, so this tokio runtime gets one of its own; call \
                 Runtime::builder()..build() at the start of main to name, seed and configure it"
            );
        }
        let runtime = Runtime::builder().name("default").make(handle.clone());
        defaults.insert(id, runtime.clone());
        DEFAULT.set(Some((id, runtime.id())));
        drop(defaults);
        when_ended(&handle, move || {
            let gone = self::defaults().remove(&id);
            ENDED.fetch_add(1, Ordering::Release);
            drop(gone);
        });
        runtime
    }

    /// Annotated calls on this thread use this runtime until the guard is dropped. For tests; the guard cannot leave
    /// its thread.
    #[must_use = "the runtime is left when the guard is dropped"]
    pub fn enter(&self) -> Entered {
        ENTERED.with_borrow_mut(|entered| entered.push(self.clone()));
        ENTERED_ID.set(self.id());
        Entered { id: self.id(), not_send: PhantomData }
    }

    /// Runs `future` as the answer to a request from outside, whose caller has so much time `left` if it said so: every
    /// call inside ends at the caller's deadline.
    pub async fn serving<F: Future>(&self, left: Option<std::time::Duration>, future: F) -> F::Output {
        crate::pipeline::Call::serving(self, left).around(self.scope(future)).await
    }

    /// The same for work that blocks a thread.
    pub(crate) fn scope_blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        ambient::inside(&SCOPED, &mut Some(self.clone()), work)
    }

    /// Annotated calls within `future` use this runtime, on whichever thread it is polled.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        ambient::around(&SCOPED, self.clone(), future).await
    }
}

/// Proof that a runtime was entered on this thread, which it cannot leave; see [`Runtime::enter`].
///
/// ```compile_fail,E0277
/// fn is_sent<T: Send>() {}
/// is_sent::<steadfast::runtime::Entered>();
/// ```
#[derive(Debug)]
pub struct Entered {
    id: u64,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        ENTERED.with_borrow_mut(|entered| {
            // Guards may be dropped in any order; each takes its own entry out.
            if let Some(index) = entered.iter().rposition(|runtime| runtime.id() == self.id) {
                entered.remove(index);
            }
            ENTERED_ID.set(entered.last().map_or(0, Runtime::id));
        });
    }
}
