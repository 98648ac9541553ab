//! The seam in Rust's types, generated from `guest/wit`.
//!
//! Every import may end the run, so all of them are trappable. WASI's error codes come back through error
//! types of our own ([`crate::wasi`]), which can also carry the end of the run.

#![allow(missing_docs, clippy::all, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "../../guest/wit",
    world: "machine",
    imports: {
        // What may have to let other processes run first.
        "loopbox:sandbox/event-loop.park": async | trappable,
        "loopbox:sandbox/signals.add-handler": async | trappable,
        "loopbox:sandbox/signals.add-handler-once": async | trappable,
        "loopbox:sandbox/signals.remove-handler": async | trappable,
        "loopbox:sandbox/blocking.call": async | trappable,
        "loopbox:sandbox/pipes.create": async | trappable,
        "loopbox:sandbox/pipes.read": async | trappable,
        "loopbox:sandbox/pipes.read-blocking": async | trappable,
        "loopbox:sandbox/pipes.write": async | trappable,
        "loopbox:sandbox/pipes.write-blocking": async | trappable,
        "loopbox:sandbox/pipes.close": async | trappable,
        "loopbox:sandbox/pipes.watch": async | trappable,
        "loopbox:sandbox/pipes.poll": async | trappable,
        "loopbox:sandbox/process.spawn": async | trappable,
        "loopbox:sandbox/process.try-wait": async | trappable,
        "loopbox:sandbox/process.wait": async | trappable,
        "loopbox:sandbox/process.kill": async | trappable,
        "wasi:io/poll.poll": async | trappable,
        "wasi:io/poll.[method]pollable.ready": async | trappable,
        "wasi:io/poll.[method]pollable.block": async | trappable,
        "wasi:io/streams.[method]input-stream.read": async | trappable,
        "wasi:io/streams.[method]input-stream.blocking-read": async | trappable,
        "wasi:io/streams.[method]input-stream.skip": async | trappable,
        "wasi:io/streams.[method]input-stream.blocking-skip": async | trappable,
        "wasi:io/streams.[method]output-stream.check-write": async | trappable,
        "wasi:io/streams.[method]output-stream.write": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-write-and-flush": async | trappable,
        "wasi:io/streams.[method]output-stream.write-zeroes": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-write-zeroes-and-flush": async | trappable,
        "wasi:io/streams.[method]output-stream.splice": async | trappable,
        "wasi:io/streams.[method]output-stream.blocking-splice": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    require_store_data_send: true,
    with: {
        "wasi:io/error.error": crate::wasi::io::IoError,
        "wasi:io/poll.pollable": crate::wasi::io::Pollable,
        "wasi:io/streams.input-stream": crate::wasi::io::InputStream,
        "wasi:io/streams.output-stream": crate::wasi::io::OutputStream,
        "wasi:filesystem/types.descriptor": crate::wasi::filesystem::Descriptor,
        "wasi:filesystem/types.directory-entry-stream": crate::wasi::filesystem::DirectoryEntries,
        "wasi:cli/terminal-input.terminal-input": crate::wasi::cli::Terminal,
        "wasi:cli/terminal-output.terminal-output": crate::wasi::cli::Terminal,
    },
    trappable_error_type: {
        "wasi:io/streams.stream-error" => crate::wasi::io::StreamFailure,
        "wasi:filesystem/types.error-code" => crate::wasi::filesystem::FileFailure,
    },
});
