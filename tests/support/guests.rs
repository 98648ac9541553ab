//! Small guests: components of WebAssembly text that know just enough of the seam for the tests.
//!
//! A guest is the body of its start function, which leaves 0 for success. It may call:
//!
//! - `$db.open`, `$db.query`, `$db.close`: blocking calls of these names;
//! - `$hello`: writes the line `hello` to standard output;
//! - `$recurse`: calls itself without end; `$fail`: traps.

/// What a guest's start function does.
pub const SUCCEED: &str = "(i32.const 0)";
pub const FAIL: &str = "(i32.const 1)";
pub const TRAP: &str = "(call $fail) (i32.const 0)";
pub const SPIN: &str = "(loop $again (br $again)) (i32.const 0)";
pub const RECURSE: &str = "(call $recurse) (i32.const 0)";
pub const PRINT_WITHOUT_END: &str = "(loop $again (call $hello) (br $again)) (i32.const 0)";
/// A program that is out of memory gives up, as a Rust program does.
pub const ALLOCATE_WITHOUT_END: &str = "
    (loop $again (br_if $again (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0))))
    (call $fail) (i32.const 0)";
pub const USE_DB: &str = "(call $db.open) (call $db.query) (call $db.close) (i32.const 0)";

/// Imports of the component, in the words of `guest/wit`.
const WORLD: &str = r#"
    (import "loopbox:sandbox/blocking@0.1.0" (instance $blocking
      (export "call" (func (param "name" string) (param "payload" (list u8))
        (result (result (list u8) (error string)))))))
    (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
    (alias export $io-error "error" (type $error))
    (import "wasi:io/streams@0.2.0" (instance $streams
      (alias outer 1 $error (type $error))
      (export "output-stream" (type $output-stream (sub resource)))
      (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
      (export "stream-error" (type $stream-error (eq $failure)))
      (export "[method]output-stream.blocking-write-and-flush" (func
        (param "self" (borrow $output-stream)) (param "contents" (list u8))
        (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $output-stream))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
      (alias outer 1 $output-stream (type $output-stream))
      (export "get-stdout" (func (result (own $output-stream))))))
    (core module $libc
      (memory (export "memory") 1)
      ;; What comes back is small and not looked at: it may all go to the same place.
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 32768)))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (alias core export $libc "realloc" (core func $realloc))
    (core func $call
      (canon lower (func $blocking "call") (memory $memory) (realloc $realloc)))
    (core func $write (canon lower
      (func $streams "[method]output-stream.blocking-write-and-flush") (memory $memory)))
    (core func $get-stdout (canon lower (func $stdout "get-stdout")))
    (core func $drop (canon resource.drop $output-stream))
    (core instance $host
      (export "call" (func $call))
      (export "write" (func $write))
      (export "get-stdout" (func $get-stdout))
      (export "drop" (func $drop)))"#;

/// The core module's own part; the host writes results to 16384.
const LIBRARY: &str = r#"
    (import "libc" "memory" (memory 1))
    (import "host" "call" (func $host.call (param i32 i32 i32 i32 i32)))
    (import "host" "write" (func $host.write (param i32 i32 i32 i32)))
    (import "host" "get-stdout" (func $host.get-stdout (result i32)))
    (import "host" "drop" (func $host.drop (param i32)))
    (data (i32.const 0) "db.open")
    (data (i32.const 8) "db.query")
    (data (i32.const 16) "db.close")
    (data (i32.const 24) "hello\n")
    (func $call (param $name i32) (param $len i32)
      (call $host.call (local.get $name) (local.get $len)
        (i32.const 0) (i32.const 0) (i32.const 16384)))
    (func $db.open (call $call (i32.const 0) (i32.const 7)))
    (func $db.query (call $call (i32.const 8) (i32.const 8)))
    (func $db.close (call $call (i32.const 16) (i32.const 8)))
    (func $hello (local $stdout i32)
      (local.set $stdout (call $host.get-stdout))
      (call $host.write
        (local.get $stdout) (i32.const 24) (i32.const 6) (i32.const 16384))
      (call $host.drop (local.get $stdout)))
    (func $recurse (call $recurse) (call $recurse))
    (func $fail (unreachable))"#;

/// A component that exports `wasi:cli/run`, whose start function has this body; with these imports before
/// those that every guest here has.
pub fn component(imports: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
             {imports}
             {WORLD}
             (core module $main
               {LIBRARY}
               (func $run (export "run") (result i32) {body}))
             (core instance $main (instantiate $main
               (with "libc" (instance $libc)) (with "host" (instance $host))))
             (func $run (result (result)) (canon lift (core func $main "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    );
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}
