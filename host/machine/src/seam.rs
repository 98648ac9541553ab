//! `loopbox:sandbox`: what an event loop needs and WASI lacks, on the kernel.
//!
//! The meaning of every call is documented in `guest/wit/sandbox.wit`; this only translates. Keep the
//! functions that a loop calls every turn short: they are the machine's hot path.

mod isolated;
mod processes;

use loopbox_trace::{Diagnostic, EventKind, JobId, Level, Nanos, Outcome, PoolId};
use wasmtime::Result;

use crate::bindings::loopbox::sandbox::{blocking, event_loop, jobs, signals, tracing};
use crate::guest::Guest;
use crate::kernel::{Halt, JobWait, Notice, SignalError, Wake};

/// Set in what `wait` returns if there are notices.
const HAS_NOTICES: u64 = 1 << 63;

fn encode(wake: Wake) -> u64 {
    let notices = if wake.notices { HAS_NOTICES } else { 0 };
    wake.now.0 | notices
}

impl event_loop::Host for Guest {
    fn wait(&mut self, until: u64) -> Result<u64> {
        Ok(encode(self.kernel.wait(Nanos(until))?))
    }

    async fn park(&mut self) -> Result<u64> {
        if !self.kernel.is_in_company() {
            return Err(Halt::Misuse("no wait was answered with \"park\"".into()).into());
        }
        loop {
            self.parked().await?;
            let wake = self.kernel.wait_on()?;
            if wake != Wake::PARK {
                return Ok(encode(wake));
            }
        }
    }

    fn next_notice(&mut self) -> Result<Option<event_loop::Notice>> {
        let Some((at, notice)) = self.kernel.next_notice()? else {
            return Ok(None);
        };
        use event_loop::NoticeKind;
        let (kind, id) = match notice {
            Notice::Signal(signal) => (NoticeKind::Signal, u32::from(signal.number())),
            Notice::RunJob(job) => (NoticeKind::RunJob, job.0),
            Notice::JobFinished(job) => (NoticeKind::JobFinished, job.0),
            Notice::Message(message) => (NoticeKind::Message, message),
            Notice::Readable(fd) => (NoticeKind::Readable, fd),
            Notice::Writable(fd) => (NoticeKind::Writable, fd),
            Notice::ChildExited(pid) => (NoticeKind::ChildExited, pid.0),
        };
        Ok(Some(event_loop::Notice { kind, id, at: at.0 }))
    }

    fn stop(&mut self) -> Result<()> {
        self.kernel.stop();
        Ok(())
    }

    fn deadlock(&mut self, waiting: Vec<String>) -> Result<()> {
        Err(self.kernel.deadlock(waiting).into())
    }
}

impl signals::Host for Guest {
    async fn add_handler(&mut self, signal: u8) -> Result<Result<(), signals::SignalError>> {
        self.own_turn().await?;
        let set = self.kernel.set_signal_handler(signal, true);
        Ok(set.map(|_replaced| ()).map_err(Into::into))
    }

    async fn add_handler_once(&mut self, signal: u8) -> Result<Result<(), signals::SignalError>> {
        self.own_turn().await?;
        let set = self.kernel.set_signal_handler_once(signal);
        Ok(set.map(|_replaced| ()).map_err(Into::into))
    }

    async fn remove_handler(&mut self, signal: u8) -> Result<Result<bool, signals::SignalError>> {
        self.own_turn().await?;
        Ok(self.kernel.set_signal_handler(signal, false).map_err(Into::into))
    }

    fn handled(&mut self, signal: u8) -> Result<()> {
        Ok(self.kernel.signal_handled(signal)?)
    }

    fn raise(&mut self, signal: u8) -> Result<Result<(), signals::SignalError>> {
        Ok(self.kernel.raise(signal)?.map_err(Into::into))
    }
}

impl From<SignalError> for signals::SignalError {
    fn from(error: SignalError) -> signals::SignalError {
        match error {
            SignalError::Unknown => signals::SignalError::Unknown,
            SignalError::Uncatchable => signals::SignalError::Uncatchable,
            SignalError::NotMainThread => signals::SignalError::NotMainThread,
        }
    }
}

impl blocking::Host for Guest {
    async fn call(&mut self, name: String, _payload: Vec<u8>) -> Result<Result<Vec<u8>, String>> {
        self.others_first().await?;
        Ok(self.kernel.blocking_call(&name)?)
    }

    fn wait_until(&mut self, name: String, until: u64) -> Result<()> {
        Ok(self.kernel.block_until(&name, Nanos(until), Outcome::Done)?)
    }

    fn compute(&mut self, duration: u64) -> Result<()> {
        Ok(self.kernel.compute(Nanos(duration))?)
    }
}

impl jobs::Host for Guest {
    fn create_pool(&mut self, name: String, workers: u32) -> Result<u32> {
        Ok(self.kernel.add_pool(&name, workers)?.0.into())
    }

    fn submit(&mut self, pool: u32, name: String, place: String, notify: bool) -> Result<u32> {
        let pool = PoolId(u16::try_from(pool).unwrap_or(u16::MAX));
        Ok(self.kernel.submit(pool, &name, &place, notify)?.0)
    }

    fn cancel(&mut self, job: u32) -> Result<bool> {
        Ok(self.kernel.cancel_job(JobId(job)))
    }

    fn begin(&mut self, job: u32) -> Result<()> {
        Ok(self.kernel.begin_job(JobId(job))?)
    }

    fn end(&mut self, job: u32, ok: bool) -> Result<()> {
        let outcome = if ok { Outcome::Done } else { Outcome::Failed };
        Ok(self.kernel.end_job(JobId(job), outcome)?)
    }

    fn wait_for(&mut self, job: Option<u32>, call: String, until: u64) -> Result<jobs::Waited> {
        let waited = self.kernel.wait_for(job.map(JobId), &call, Nanos(until))?;
        Ok(match waited {
            JobWait::Finished => jobs::Waited::Finished,
            JobWait::Cancelled => jobs::Waited::Cancelled,
            JobWait::TimedOut => jobs::Waited::TimedOut,
            JobWait::Run(job) => jobs::Waited::Run(job.0),
        })
    }

    fn deadlock(&mut self, waiting: Vec<String>) -> Result<()> {
        Err(self.kernel.stuck_thread(waiting).into())
    }

    fn post(&mut self) -> Result<u32> {
        Ok(self.kernel.post())
    }
}

impl tracing::Host for Guest {
    fn enabled(&mut self) -> Result<bool> {
        Ok(self.kernel.config().traced)
    }

    fn debug(&mut self) -> Result<bool> {
        Ok(self.kernel.config().debug)
    }

    fn wants(&mut self, code: String) -> Result<bool> {
        Ok(self.kernel.config().wants(&code))
    }

    fn intern(&mut self, text: String) -> Result<u32> {
        Ok(self.kernel.intern(&text).0)
    }

    fn task_spawned(&mut self, name: u32, place: u32) -> Result<u32> {
        let (name, place) = (self.kernel.label(name)?, self.kernel.label(place)?);
        let place = self.kernel.place(place);
        Ok(self.kernel.spawn_task(name, place).0)
    }

    fn task_cancelled(&mut self, task: u32) -> Result<()> {
        if self.kernel.config().traced {
            let task = self.kernel.task(task)?;
            self.kernel.record(EventKind::TaskCancelled(task));
        }
        Ok(())
    }

    fn step_begin(&mut self, task: u32) -> Result<()> {
        if self.kernel.config().traced {
            let task = self.kernel.task(task)?;
            self.kernel.begin_step(task);
        }
        Ok(())
    }

    fn step_end(&mut self, task: u32, outcome: tracing::Outcome) -> Result<()> {
        let outcome = match outcome {
            tracing::Outcome::Done => Outcome::Done,
            tracing::Outcome::Pending => Outcome::Pending,
            tracing::Outcome::Failed => Outcome::Failed,
            tracing::Outcome::Cancelled => Outcome::Cancelled,
        };
        if self.kernel.config().traced {
            self.kernel.task(task)?;
            self.kernel.end_step(outcome);
        }
        Ok(())
    }

    fn callback_begin(&mut self, name: u32) -> Result<()> {
        let name = self.kernel.label(name)?;
        self.kernel.begin_callback(name);
        Ok(())
    }

    fn callback_end(&mut self, name: u32) -> Result<()> {
        let name = self.kernel.label(name)?;
        self.kernel.end_callback(name);
        Ok(())
    }

    fn timer_fired(&mut self, name: u32, due: u64) -> Result<()> {
        let name = self.kernel.label(name)?;
        self.kernel.record(EventKind::TimerFired { name, due: Nanos(due) });
        Ok(())
    }

    fn log(&mut self, level: tracing::Level, logger: u32, text: String) -> Result<()> {
        let logger = self.kernel.label(logger)?;
        self.kernel.log(level.into(), logger, text);
        Ok(())
    }

    fn handler_begin(&mut self, handler: u32, logger: u32) -> Result<()> {
        let (handler, logger) = (self.kernel.label(handler)?, self.kernel.label(logger)?);
        self.kernel.begin_handler(handler, logger);
        Ok(())
    }

    fn handler_end(&mut self) -> Result<()> {
        Ok(self.kernel.end_handler()?)
    }

    fn slow_callback_duration(&mut self, duration: u64) -> Result<()> {
        self.kernel.set_slow_callback_duration(Nanos(duration));
        Ok(())
    }

    fn diagnostic(&mut self, report: tracing::Report) -> Result<()> {
        self.kernel.diagnostic(Diagnostic {
            code: report.code,
            level: report.level.into(),
            logger: report.logger,
            text: report.text,
            created: report.created,
            died: report.died,
        });
        Ok(())
    }
}

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Level {
        match level {
            tracing::Level::Debug => Level::Debug,
            tracing::Level::Info => Level::Info,
            tracing::Level::Warning => Level::Warning,
            tracing::Level::Error => Level::Error,
            tracing::Level::Critical => Level::Critical,
        }
    }
}
