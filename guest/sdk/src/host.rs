//! The machine outside: `loopbox:sandbox` and the one WASI call that the loop makes itself, its clock.
//!
//! Nothing else in the crate knows where these functions come from. On wasm they are the imports that
//! wit-bindgen makes of `guest/wit`; elsewhere they are a stand-in for unit tests.

// The generated glue is the one place with unsafe code: it passes pointers to the host. (Lints do not look
// into what an external macro writes.)
#[cfg(target_family = "wasm")]
mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package loopbox:sdk;

            world sdk {
                include loopbox:sandbox/guest@0.1.0;
                import wasi:clocks/monotonic-clock@0.2.12;
            }
        ",
        world: "loopbox:sdk/sdk",
        generate_all,
    });
}

#[cfg(target_family = "wasm")]
pub(crate) use bindings::{
    loopbox::sandbox::{blocking, event_loop, isolated, jobs, pipes, process, signals, tracing},
    wasi::clocks::monotonic_clock as clock,
};

#[cfg(not(target_family = "wasm"))]
mod stand_in;

#[cfg(not(target_family = "wasm"))]
pub(crate) use stand_in::{
    blocking, clock, event_loop, isolated, jobs, pipes, process, signals, tracing,
};

#[cfg(all(test, not(target_family = "wasm")))]
pub(crate) use stand_in::take_lines;
