//! `wasi:random`: all of it from the run's seed, the "secure" as well as the insecure.

use wasmtime::Result;

use super::BYTES_PER_CALL;
use crate::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::guest::Guest;
use crate::kernel::Halt;

impl Guest {
    fn random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        if len > BYTES_PER_CALL {
            return Err(Halt::Misuse(format!(
                "asked for {len} random bytes in one call; at most {BYTES_PER_CALL} are given"
            ))
            .into());
        }
        let mut bytes = vec![0; usize::try_from(len)?];
        self.kernel.fill_random(&mut bytes);
        Ok(bytes)
    }

    fn random_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.kernel.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        Ok(self.random_u64())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        Ok(self.random_u64())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64(), self.random_u64()))
    }
}
