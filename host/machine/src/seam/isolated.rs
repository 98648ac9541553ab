//! `loopbox:sandbox/isolated`: pools of processes, on the kernel.

use loopbox_trace::{JobId, PoolId};
use wasmtime::Result;

use crate::bindings::loopbox::sandbox::isolated::{self, Outcome};
use crate::guest::Guest;
use crate::kernel::{Call, IsolatedOutcome};

impl isolated::Host for Guest {
    fn create_pool(&mut self, name: String, workers: u32) -> Result<u32> {
        Ok(self.kernel.add_process_pool(&name, workers)?.0.into())
    }

    fn submit(&mut self, pool: u32, call: isolated::Call, place: String) -> Result<Option<u32>> {
        let pool = PoolId(u16::try_from(pool).unwrap_or(u16::MAX));
        let isolated::Call { function, argument } = call;
        let job = self.kernel.submit_call(pool, Call { function, argument }, &place)?;
        Ok(job.map(|job| job.0))
    }

    fn take_outcome(&mut self, job: u32) -> Result<Option<Outcome>> {
        Ok(self.kernel.take_outcome(JobId(job)).map(|outcome| match outcome {
            IsolatedOutcome::Returned { ok: true, bytes } => Outcome::Returned(bytes),
            IsolatedOutcome::Returned { ok: false, bytes } => Outcome::Failed(bytes),
            IsolatedOutcome::Refused(why) => Outcome::Refused(why),
            IsolatedOutcome::Died | IsolatedOutcome::Broken => Outcome::Broken,
        }))
    }

    fn task(&mut self) -> Result<Option<isolated::Call>> {
        let task = self.kernel.isolated_task();
        Ok(task.map(|Call { function, argument }| isolated::Call { function, argument }))
    }

    fn finish(&mut self, outcome: Outcome) -> Result<()> {
        let result = match outcome {
            Outcome::Returned(bytes) => IsolatedOutcome::Returned { ok: true, bytes },
            Outcome::Failed(bytes) => IsolatedOutcome::Returned { ok: false, bytes },
            Outcome::Refused(why) => IsolatedOutcome::Refused(why),
            Outcome::Broken => IsolatedOutcome::Died,
        };
        Err(self.kernel.set_result(result).into())
    }
}
