//! The peers: each a module with the workloads that it can run. Every function runs its workload once,
//! with a runtime of its own, and fails unless it did what it should.

pub mod madsim;
pub mod tokio_paused;
pub mod turmoil;
