//! `wasi:clocks`: the calling thread's virtual time, and the wall clock that the scenario set.

use loopbox_trace::Nanos;
use wasmtime::Result;
use wasmtime::component::Resource;

use super::io::Pollable;
use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::guest::Guest;

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> Result<u64> {
        Ok(self.kernel.now().0)
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<Pollable>> {
        Ok(self.table.push(Pollable::At(Nanos(when)))?)
    }

    fn subscribe_duration(&mut self, when: u64) -> Result<Resource<Pollable>> {
        let at = self.kernel.now() + Nanos(when);
        Ok(self.table.push(Pollable::At(at))?)
    }
}

impl wall_clock::Host for Guest {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        let now = self.wall_clock().0;
        Ok(wall_clock::Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() })
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1 })
    }
}
