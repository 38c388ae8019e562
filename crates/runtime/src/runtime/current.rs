use std::cell::RefCell;
use std::collections::HashMap;
use std::future::pending;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use super::{BuildError, Runtime};

/// The process's runtime, where one was installed.
static INSTALLED: RwLock<Option<Runtime>> = RwLock::new(None);

thread_local! {
    static ENTERED: RefCell<Vec<Runtime>> = const { RefCell::new(Vec::new()) };
}

tokio::task_local! {
    static SCOPED: Runtime;
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
    Ok(())
}

/// Frees the process's place if `id` holds it.
pub(super) fn uninstall(id: u64) {
    let mut installed = INSTALLED.write().unwrap_or_else(PoisonError::into_inner);
    // Dropped after the lock: a runtime that goes may want the place itself.
    let gone = installed.take_if(|present| present.id() == id);
    drop(installed);
    drop(gone);
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
        if let Ok(scoped) = SCOPED.try_with(Clone::clone) {
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
        let handle = tokio::runtime::Handle::current();
        let id = handle.id();
        let mut defaults = defaults();
        if let Some(present) = defaults.get(&id) {
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
        drop(defaults);
        when_ended(&handle, move || {
            let gone = self::defaults().remove(&id);
            drop(gone);
        });
        runtime
    }

    /// Annotated calls on this thread use this runtime until the guard is dropped. For tests; the guard cannot leave
    /// its thread.
    #[must_use = "the runtime is left when the guard is dropped"]
    pub fn enter(&self) -> Entered {
        ENTERED.with_borrow_mut(|entered| entered.push(self.clone()));
        Entered { id: self.id(), not_send: PhantomData }
    }

    /// Runs `future` as the answer to a request from outside, whose caller has so much time `left` if it said so: every
    /// call inside ends at the caller's deadline.
    pub async fn serving<F: Future>(&self, left: Option<std::time::Duration>, future: F) -> F::Output {
        crate::pipeline::Call::serving(self, left).around(self.scope(future)).await
    }

    /// The same for work that blocks a thread.
    pub(crate) fn scope_blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        SCOPED.sync_scope(self.clone(), work)
    }

    /// Annotated calls within `future` use this runtime, on whichever thread it is polled.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        SCOPED.scope(self.clone(), future).await
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
        });
    }
}
