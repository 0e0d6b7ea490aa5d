//! Threads that yield to everything else on the machine. What is built beside the rows that serve is read and folded on
//! them: it takes what nobody needs, and lists and commands do not wait for it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// How much less of the processor these threads get when others want it, as a nice value: about a tenth.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// One takes what the broker sends, the other decodes it.
const THREADS: usize = 2;

/// The threads, made when they are first needed. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Background(Arc<Threads>);

#[derive(Debug, Default)]
struct Threads(Mutex<Option<Runtime>>);

impl Background {
    /// Where to spawn. Without threads of its own, which a machine may refuse, it is where the caller runs.
    pub(crate) fn handle(&self) -> Handle {
        let mut threads = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = threads.as_ref() {
            return runtime.handle().clone();
        }
        match made() {
            Ok(runtime) => threads.insert(runtime).handle().clone(),
            Err(error) => {
                tracing::warn!(%error, "what is built has no threads of its own: lists and commands may wait for it");
                Handle::current()
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever drops it may not wait for what still runs there.
        runtime.into_iter().for_each(Runtime::shutdown_background);
    }
}

fn made() -> std::io::Result<Runtime> {
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(THREADS).thread_name("background").enable_all();
    #[cfg(target_os = "linux")]
    threads.on_thread_start(|| {
        // Without a process this is the calling thread (setpriority(2)); whoever may not has no other place to say so.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "a thread that should yield to others does not");
        }
    });
    threads.build()
}
