//! Waiting for a job's result, on the loop's thread or in another job.
//!
//! Such a wait blocks its thread. A job that it needs may not have run yet, and the guest has to run that one
//! meanwhile: on top of the one that waits, on the clock of the worker that took it. So while a job waits for
//! a job, the pools go on *ahead of the loop*, which stands still at an earlier time: what the loop does in
//! between finds the pools as they are then. Messages and completions reach the loop at their own times all
//! the same.
//!
//! What stays below on the stack cannot go on before what is above it. If it would have to, the run
//! ends with a report; if nothing could ever go on, that is a deadlock, and the report says who waits for
//! what.

use loopbox_trace::{EventKind, JobId, Label, Nanos, Outcome};

use super::pool::JobState;
use super::queue::Entry;
use super::{Detached, Event, Halt, Kernel, within_bounds};

/// What a wait for a job has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobWait {
    /// The job is done.
    Finished,
    /// The job was taken back.
    Cancelled,
    /// The deadline is here.
    TimedOut,
    /// The guest has to run this job, and then to ask again.
    Run(JobId),
}

/// A thread that waits for a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// `None`: for something that only the loop can do.
    job: Option<JobId>,
    /// The name of the blocking call.
    call: Label,
    since: Nanos,
    until: Nanos,
}

/// What stands still on the stack of jobs, from the one that runs down to the loop.
struct Waiter<'a> {
    /// `None` is the main thread.
    job: Option<&'a Detached>,
    waiting: Waiting,
}

impl Kernel {
    /// Blocks the calling thread until the job is done, or until `until`; without a job, until something that
    /// the loop would have to do. The wait goes on with the next call of the same thread.
    pub(crate) fn wait_for(
        &mut self,
        job: Option<JobId>,
        call: &str,
        until: Nanos,
    ) -> Result<JobWait, Halt> {
        if let Some(job) = job
            && self.pools.state(job).is_none()
        {
            return Err(Halt::Misuse(format!(
                "job {} is waited for, but was never submitted",
                job.0
            )));
        }
        if job.is_some_and(|job| self.is_isolated(job)) {
            return Err(Halt::Misuse(
                "a job of a process pool is waited for by blocking: it has to be awaited".into(),
            ));
        }
        if self.waiting_slot().is_none()
            && let Some(JobState::Finished(at)) = job.and_then(|job| self.pools.state(job))
            && at <= self.now()
        {
            // What is there already blocks nobody.
            return Ok(JobWait::Finished);
        }
        self.begin_waiting(job, call, until);
        let mut set_aside = Vec::new();
        let outcome = self.look_ahead(job, until, &mut set_aside);
        set_aside.into_iter().for_each(|entry| self.queue.put_back(entry));
        let came_to = outcome?;
        match came_to {
            JobWait::Run(_) => {}
            JobWait::Finished => self.end_waiting(Outcome::Done),
            JobWait::Cancelled => self.end_waiting(Outcome::Cancelled),
            JobWait::TimedOut => self.end_waiting(Outcome::Failed),
        }
        Ok(came_to)
    }

    /// The guest knows that the calling thread can never go on, and says why.
    pub(crate) fn stuck_thread(&mut self, waiting: Vec<String>) -> Halt {
        self.stuck_pools = within_bounds(waiting);
        if self.stuck_pools.is_empty() {
            self.stuck_pools.push("a thread waits for what can never come".into());
        }
        Halt::Deadlock
    }

    fn begin_waiting(&mut self, job: Option<JobId>, call: &str, until: Nanos) {
        if self.waiting_slot().is_some_and(|waiting| waiting.job != job) {
            self.end_waiting(Outcome::Cancelled);
        }
        if self.waiting_slot().is_none() {
            let call = self.recorder.intern(call);
            self.record(EventKind::BlockingBegin(call));
            let since = self.now();
            *self.waiting_slot() = Some(Waiting { job, call, since, until });
        }
    }

    fn end_waiting(&mut self, outcome: Outcome) {
        if let Some(Waiting { call, since, .. }) = self.waiting_slot().take() {
            self.record(EventKind::BlockingEnd(call, outcome));
            let name = self.recorder.text(call).unwrap_or_default().to_owned();
            self.report_call(&name, since);
        }
    }

    fn waiting_slot(&mut self) -> &mut Option<Waiting> {
        match &mut self.detached {
            Some(detached) => &mut detached.waiting,
            None => &mut self.main_waiting,
        }
    }

    /// Lets the pools go on until the wait is over or the guest has to run a job.
    fn look_ahead(
        &mut self,
        job: Option<JobId>,
        until: Nanos,
        set_aside: &mut Vec<Entry<Event>>,
    ) -> Result<JobWait, Halt> {
        loop {
            if let Some((next, _)) = self.announced {
                let run = super::Notice::RunJob(next);
                self.ready.retain(|&(_, notice)| notice != run);
                return Ok(JobWait::Run(next));
            }
            match job.and_then(|job| self.pools.state(job)) {
                Some(JobState::Finished(at)) if at <= until => {
                    self.jump_to(at)?;
                    return Ok(JobWait::Finished);
                }
                Some(JobState::Cancelled) => return Ok(JobWait::Cancelled),
                _ => {}
            }
            let Some(entry) = self.queue.pop_entry(until) else { break };
            self.happen_ahead(entry, set_aside);
        }
        if until == Nanos::MAX {
            return Err(self.never_ends(job));
        }
        self.jump_to(until)?;
        Ok(JobWait::TimedOut)
    }

    /// Something happens to a pool, perhaps in the loop's future: what the loop is to learn of it waits in
    /// the queue for the loop to come there.
    fn happen_ahead(&mut self, entry: Entry<Event>, set_aside: &mut Vec<Entry<Event>>) {
        match entry.item {
            // A process starts when the loop comes to that time.
            Event::JobArrives(job) if self.is_isolated(job) => set_aside.push(entry),
            Event::JobArrives(job) => self.job_arrives(entry.at, job),
            Event::JobFinishes { job, worker } => {
                if let Some(next) = self.pools.release(worker, entry.at) {
                    self.announced = Some((next, entry.at));
                }
                if self.pools.is_notified(job) {
                    set_aside.push(entry.with(Event::JobIsSeen(job)));
                }
            }
            Event::JobIsSeen(_)
            | Event::MessageArrives(_)
            | Event::ChildExits(_)
            | Event::IsolatedFinishes { .. } => {
                set_aside.push(entry);
            }
        }
    }

    /// The pools have nothing left to do, and what is waited for has not come.
    fn never_ends(&mut self, job: Option<JobId>) -> Halt {
        if self.detached.is_none() {
            // Nothing but a signal can end this any more.
            if self.edge <= self.config.limits.time
                && let Err(halt) = self.jump_to(self.edge)
            {
                return halt;
            }
        } else if job.is_none() {
            return Halt::Misuse(format!(
                "job {:?} waits for the event loop, which waits for the job: a job runs in one piece here, so it cannot wait for what the loop has to do; await that on the loop, and start a job for the rest",
                self.running_job_name()
            ));
        }
        let could_go_on = self.waiters().iter().skip(1).find_map(|waiter| {
            let over = waiter.waiting.until != Nanos::MAX
                || waiter.waiting.job.is_some_and(|job| {
                    matches!(self.pools.state(job), Some(JobState::Finished(_)))
                });
            over.then(|| self.waiter_name(waiter))
        });
        if let Some(other) = could_go_on {
            return Halt::Misuse(format!(
                "job {:?} waits for what {other} has to do first, which itself waits for a job: the machine runs a job that waits below the one that it waits for, and cannot go on with the lower one first",
                self.running_job_name()
            ));
        }
        self.stuck_pools = self.describe_stuck();
        Halt::Deadlock
    }

    /// Everything that waits for a job, innermost first.
    fn waiters(&self) -> Vec<Waiter<'_>> {
        let jobs = self.detached.iter().chain(self.suspended.iter().rev());
        let jobs = jobs.filter_map(|detached| {
            Some(Waiter { job: Some(detached), waiting: detached.waiting? })
        });
        let main = self.main_waiting.map(|waiting| Waiter { job: None, waiting });
        jobs.chain(main).collect()
    }

    fn waiter_name(&self, waiter: &Waiter<'_>) -> String {
        match waiter.job {
            Some(detached) => format!(
                "job {:?} on {}",
                self.recorder.job_name(detached.job),
                self.pools.worker_name(detached.worker)
            ),
            None => "the event loop's thread".into(),
        }
    }

    /// Who waits for what, when the pools can never go on.
    fn describe_stuck(&self) -> Vec<String> {
        let waiters = self.waiters();
        let mut lines = vec![self.headline(&waiters)];
        for waiter in &waiters {
            let mut line =
                format!("{} is blocked since {}", self.waiter_name(waiter), waiter.waiting.since);
            if let Some(job) = waiter.job {
                line.push_str(&self.submitted_at(job.job));
            }
            let Some(target) = waiter.waiting.job else {
                line.push_str(": it waits for something that the event loop would have to do");
                lines.push(line);
                continue;
            };
            let name = self.recorder.job_name(target);
            line.push_str(&format!(
                ": it waits for the result of job {name:?}{}",
                self.submitted_at(target)
            ));
            lines.push(line);
            if self.pools.state(target) == Some(JobState::Waiting) {
                lines.push(self.describe_queued(target));
            }
        }
        lines
    }

    /// The shape of it, in a word.
    fn headline(&self, waiters: &[Waiter<'_>]) -> String {
        let target = waiters.first().and_then(|waiter| waiter.waiting.job);
        match target {
            None => {
                "DEADLOCK(self): the event loop's thread waits for what only the event loop can do"
                    .into()
            }
            Some(job) => {
                let pool = self.pools.pool(self.pools.pool_of(job)).expect("a job has a pool");
                format!(
                    "DEADLOCK(pool): nothing can ever run job {:?}; all workers of pool {:?} (max_workers={}) wait for jobs",
                    self.recorder.job_name(job),
                    pool.name,
                    pool.size
                )
            }
        }
    }

    fn describe_queued(&self, job: JobId) -> String {
        let id = self.pools.pool_of(job);
        let holders: Vec<String> = self
            .pools
            .workers_of(id)
            .filter_map(|(worker, busy, _)| {
                let held = self.recorder.job_name(busy?);
                Some(format!("{} by job {held:?}", self.pools.worker_name(worker)))
            })
            .collect();
        let pool = self.pools.pool(id).expect("a job has a pool");
        format!(
            "job {:?} is queued in pool {:?}, whose workers are held: {}",
            self.recorder.job_name(job),
            pool.name,
            holders.join(", ")
        )
    }

    fn submitted_at(&self, job: JobId) -> String {
        match self.recorder.job_place(job) {
            Some(place) => format!(" (submitted at {place})"),
            None => String::new(),
        }
    }

    fn running_job_name(&self) -> &str {
        self.detached.as_ref().map_or("?", |detached| self.recorder.job_name(detached.job))
    }
}
