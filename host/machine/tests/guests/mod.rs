//! Small guests for tests of the machine, written as the core WebAssembly that matters to the test.
//!
//! A guest is a list of items of a core module, one of them `$run`, which returns 0 if all went well. It
//! calls whatever the seam offers by the last part of its name: `$event-loop.wait`,
//! `$output-stream.write` (a method), `$pollable.drop`. What is called is imported, with the signature
//! that `guest/wit` gives it in the canonical ABI. So these guests need no toolchain, and know WASI only
//! as far as `wit-component` does; that the standard libraries get along with the machine is tested
//! with real programs elsewhere.
//!
//! A guest may also call `$print` (a text in its memory) and `$say` (a number and a newline). They, and
//! what the host hands over through `cabi_realloc`, use memory from 60,000 on; below that is the test's.

use std::sync::{Arc, OnceLock};

use futures_lite::future::block_on;
use loopbox_machine::{Config, Program, Run, Sandbox, Settings};
use loopbox_trace::{Event, EventKind, Nanos, Stream};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, TypeDefKind, WorldId, WorldItem, WorldKey};

/// Memory of two pages; the host's allocations begin at the second and are never freed.
const MEMORY: &str = r#"(memory (export "memory") 2)"#;

const REALLOC: &str = r#"
    (global $heap (mut i32) (i32.const 65536))
    (func (export "cabi_realloc")
      (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and
        (i32.add (global.get $heap) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (global.set $heap (i32.add (local.get $at) (local.get $size)))
      (local.get $at))"#;

const PRINT: &str = r#"
    (func $print (param $at i32) (param $len i32) (local $out i32)
      (local.set $out (call $stdout.get-stdout))
      (call $output-stream.blocking-write-and-flush
        (local.get $out) (local.get $at) (local.get $len) (i32.const 60000))
      (call $output-stream.drop (local.get $out)))
    (func $say (param $number i64) (local $at i32)
      (local.set $at (i32.const 65535))
      (i32.store8 (local.get $at) (i32.const 10))
      (loop $digit
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at)
          (i32.wrap_i64 (i64.add (i64.const 48) (i64.rem_u (local.get $number) (i64.const 10)))))
        (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
        (br_if $digit (i64.ne (local.get $number) (i64.const 0))))
      (call $print (local.get $at) (i32.sub (i32.const 65536) (local.get $at))))"#;

/// The sandbox of all tests in one file, with room for one run in each of the test harness's threads.
pub fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    let settings = Settings { runs_at_once: 64, ..Settings::default() };
    SANDBOX.get_or_init(|| Sandbox::new(&settings).expect("the host can run guests"))
}

/// A `$run` that does this and succeeds.
pub fn main(body: &str) -> String {
    format!("(func $run (result i32) {body} (i32.const 0))")
}

/// Runs a guest with nothing special around it.
pub fn run(items: &str) -> Run {
    run_with(Config::default(), items)
}

/// Runs a guest with seed 0.
pub fn run_with(config: Config, items: &str) -> Run {
    block_on(sandbox().run(&program(items), &Arc::new(config), 0))
}

/// Compiles and links a guest.
pub fn program(items: &str) -> Program {
    sandbox().load(&component(items)).expect("the machine offers what guest/wit says")
}

/// What the guest said.
pub fn said(run: &Run) -> Vec<u64> {
    let output = run.trace.output(Stream::Stdout);
    output.lines().map(|line| line.parse().expect("a number from $say")).collect()
}

/// The events that `wanted` picks, with their times.
pub fn events(run: &Run, wanted: impl Fn(&EventKind) -> bool) -> Vec<(Nanos, EventKind)> {
    let picked = run.trace.events.iter().filter(|Event { kind, .. }| wanted(kind));
    picked.map(|event| (event.at, event.kind)).collect()
}

/// Makes a component of a guest's items.
pub fn component(items: &str) -> Vec<u8> {
    static WIT: OnceLock<(Resolve, WorldId)> = OnceLock::new();
    let (wit, world) = WIT.get_or_init(wit);
    let memory = if items.contains("(memory ") { "" } else { MEMORY };
    let realloc = if items.contains("\"cabi_realloc\"") { "" } else { REALLOC };
    let print = if items.contains("$say") || items.contains("$print") { PRINT } else { "" };
    let items = format!("{memory}{realloc}{print}\n{items}");
    let imports = imports(wit, *world, &items);
    let run = r#"(export "wasi:cli/run@0.2.12#run" (func $run))"#;
    let text = format!("(module {imports} {items} {run})");
    let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"));
    embed_component_metadata(&mut module, wit, *world, StringEncoding::UTF8, false)
        .expect("a module");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .unwrap_or_else(|error| panic!("{error:?}"))
}

/// The machine's world, and the sockets that it refuses.
fn wit() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest/wit");
    resolve.push_dir(path).expect("the seam's WIT is sound");
    let world = r"
        package test:guests;
        world guest {
            include loopbox:sandbox/machine@0.1.0;
            import wasi:sockets/instance-network@0.2.12;
            import wasi:sockets/tcp@0.2.12;
            import wasi:sockets/tcp-create-socket@0.2.12;
        }";
    let package = resolve.push_str("guests.wit", world).expect("sound too");
    let world = resolve.select_world(&[package], Some("guest")).expect("it is in there");
    (resolve, world)
}

/// Imports, as core WebAssembly text, of everything in the world that the guest names.
fn imports(wit: &Resolve, world: WorldId, items: &str) -> String {
    let mut imports = String::new();
    for (key, import) in &wit.worlds[world].imports {
        let WorldItem::Interface { id, .. } = import else { continue };
        let module = wit.name_world_key(key);
        let mut import = |id: &str, name: &str, signature: &str| {
            if names(items, id) {
                imports
                    .push_str(&format!("(import {module:?} {name:?} (func {id} {signature}))\n"));
            }
        };
        for function in wit.interfaces[*id].functions.values() {
            import(&identifier(wit, key, function), &function.name, &signature(wit, function));
        }
        for (name, ty) in &wit.interfaces[*id].types {
            if matches!(wit.types[*ty].kind, TypeDefKind::Resource) {
                import(&format!("${name}.drop"), &format!("[resource-drop]{name}"), "(param i32)");
            }
        }
    }
    imports
}

/// `$interface.function` or `$resource.method`.
fn identifier(wit: &Resolve, interface: &WorldKey, function: &Function) -> String {
    if let Some(method) = function.name.strip_prefix("[method]") {
        return format!("${method}");
    }
    let WorldKey::Interface(id) = interface else { panic!("the world has no inline interfaces") };
    let interface = wit.interfaces[*id].name.as_deref().expect("an interface of a package");
    format!("${interface}.{}", function.name)
}

/// Whether the text has this identifier, and not only a longer one.
fn names(text: &str, id: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
    text.match_indices(id).any(|(at, _)| ends(&text[at + id.len()..]))
}

fn signature(wit: &Resolve, function: &Function) -> String {
    let signature = wit.wasm_signature(AbiVariant::GuestImport, function);
    let list = |what: &str, types: &[WasmType]| {
        let types: Vec<_> = types.iter().map(|ty| core_type(*ty)).collect();
        format!("({what} {})", types.join(" "))
    };
    list("param", &signature.params) + &list("result", &signature.results)
}

fn core_type(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}
