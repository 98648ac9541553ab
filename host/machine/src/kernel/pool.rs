//! The worker pool: who works on what, and who waits.
//!
//! A job waits first come, first served, for the idle worker with the lowest number. The pool knows no
//! time of its own: the kernel tells it what happens in order of virtual time, so that a job never starts
//! because of something that happens later.

use std::collections::VecDeque;

use loopbox_trace::JobId;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Given to the pool; no worker has it.
    Waiting,
    /// This worker took it; the guest has not run it yet.
    Taken(u16),
    /// The guest runs it, on this worker's clock.
    Running(u16),
    /// The worker is done with it.
    Finished,
    /// Taken back before a worker took it.
    Cancelled,
}

/// The workers and the jobs.
#[derive(Debug)]
pub(crate) struct Pool {
    /// Whether each worker is busy; grows up to `size` as workers are first needed, as a
    /// ThreadPoolExecutor's threads do.
    busy: Vec<bool>,
    size: u16,
    /// Jobs that arrived and found no idle worker.
    waiting: VecDeque<JobId>,
    /// Every job's state, by id.
    jobs: Vec<JobState>,
}

impl Pool {
    pub(crate) fn new(size: u16) -> Pool {
        Pool { busy: Vec::new(), size, waiting: VecDeque::new(), jobs: Vec::new() }
    }

    /// A new job; it still has to [`arrive`](Pool::arrive).
    pub(crate) fn create(&mut self) -> JobId {
        let id = JobId(u32::try_from(self.jobs.len()).expect("the trace limit is far below 2^32"));
        self.jobs.push(JobState::Waiting);
        id
    }

    /// How many jobs there have been.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(crate) fn state(&self, job: JobId) -> Option<JobState> {
        self.jobs.get(job.0 as usize).copied()
    }

    /// The job reaches the queue: an idle worker takes it at once, and is returned.
    pub(crate) fn arrive(&mut self, job: JobId) -> Option<u16> {
        if self.state(job) != Some(JobState::Waiting) {
            return None;
        }
        match self.idle_worker() {
            Some(worker) => {
                self.take(job, worker);
                Some(worker)
            }
            None => {
                self.waiting.push_back(job);
                None
            }
        }
    }

    /// The guest begins to run a job that a worker took: returns the worker.
    pub(crate) fn begin(&mut self, job: JobId) -> Option<u16> {
        match self.state(job)? {
            JobState::Taken(worker) => {
                self.jobs[job.0 as usize] = JobState::Running(worker);
                Some(worker)
            }
            _ => None,
        }
    }

    /// The guest has run the job; its worker stays busy until [`release`](Pool::release).
    pub(crate) fn finish(&mut self, job: JobId) {
        self.jobs[job.0 as usize] = JobState::Finished;
    }

    /// A worker is free: it takes the job that has waited longest, which is returned.
    pub(crate) fn release(&mut self, worker: u16) -> Option<JobId> {
        self.busy[usize::from(worker)] = false;
        while let Some(job) = self.waiting.pop_front() {
            if self.state(job) == Some(JobState::Waiting) {
                self.take(job, worker);
                return Some(job);
            }
        }
        None
    }

    /// Takes a job back; false if a worker has it or had it.
    pub(crate) fn cancel(&mut self, job: JobId) -> bool {
        match self.jobs.get_mut(job.0 as usize) {
            Some(state @ JobState::Waiting) => {
                *state = JobState::Cancelled;
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, job: JobId, worker: u16) {
        self.busy[usize::from(worker)] = true;
        self.jobs[job.0 as usize] = JobState::Taken(worker);
    }

    fn idle_worker(&mut self) -> Option<u16> {
        if let Some(idle) = self.busy.iter().position(|busy| !busy) {
            return u16::try_from(idle).ok();
        }
        if self.busy.len() < usize::from(self.size) {
            self.busy.push(false);
            return u16::try_from(self.busy.len() - 1).ok();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrive(pool: &mut Pool) -> (JobId, Option<u16>) {
        let job = pool.create();
        (job, pool.arrive(job))
    }

    #[test]
    fn jobs_wait_first_come_first_served() {
        let mut pool = Pool::new(2);
        assert_eq!(arrive(&mut pool).1, Some(0));
        assert_eq!(arrive(&mut pool).1, Some(1));
        let (third, taken) = arrive(&mut pool);
        assert_eq!(taken, None);
        let (fourth, _) = arrive(&mut pool);
        assert_eq!(pool.release(1), Some(third));
        assert_eq!(pool.release(0), Some(fourth));
        assert_eq!(pool.release(0), None);
        assert_eq!(arrive(&mut pool).1, Some(0), "the idle worker with the lowest number");
    }

    #[test]
    fn only_a_waiting_job_can_be_cancelled() {
        let mut pool = Pool::new(1);
        let (first, _) = arrive(&mut pool);
        let (second, _) = arrive(&mut pool);
        let (third, _) = arrive(&mut pool);
        assert!(!pool.cancel(first), "a worker has it");
        assert!(pool.cancel(second));
        assert!(!pool.cancel(second), "once");
        assert!(!pool.cancel(JobId(99)), "no such job");
        assert_eq!(pool.release(0), Some(third), "the cancelled one is passed over");
        assert_eq!(pool.begin(second), None);
    }

    #[test]
    fn a_job_is_begun_once() {
        let mut pool = Pool::new(1);
        let (job, _) = arrive(&mut pool);
        assert_eq!(pool.begin(job), Some(0));
        assert_eq!(pool.begin(job), None);
        pool.finish(job);
        assert_eq!(pool.state(job), Some(JobState::Finished));
    }
}
