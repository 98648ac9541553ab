//! `wasi:sockets`: refused. The machine has no network.
//!
//! A program that is linked against sockets imports some fifty functions, whether it uses them or not.
//! They are defined one by one from the component's own imports, and answer `not-supported` where WASI
//! has an error to answer with; so `TcpStream::connect` fails with an ordinary error. The few that have
//! none work on handles that no guest can get.

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, Linker, ResourceType, Val};
use wasmtime::{Engine, Result};

use crate::guest::Guest;
use crate::kernel::Halt;
use crate::wasi::io::{InputStream, IoError, OutputStream, Pollable};

/// A handle to something of the network: made by `instance-network`, good for nothing.
pub(crate) struct Refused;

/// Whether an import belongs to what is refused here.
pub(crate) fn is_refused(import: &str) -> bool {
    import.starts_with("wasi:sockets/")
}

/// Defines every import of `component` that is refused.
pub(crate) fn refuse(
    linker: &mut Linker<Guest>,
    component: &Component,
    engine: &Engine,
) -> Result<()> {
    for (name, item) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            continue;
        };
        if !is_refused(name) {
            continue;
        }
        let mut instance = linker.instance(name)?;
        for (export, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => {
                    instance.resource(export, resource(export), |_, _| Ok(()))?;
                }
                ComponentItem::ComponentFunc(_) if export == "instance-network" => {
                    instance.func_wrap(
                        export,
                        |mut store: wasmtime::StoreContextMut<'_, Guest>, (): ()| {
                            Ok((store.data_mut().table.push(Refused)?,))
                        },
                    )?;
                }
                ComponentItem::ComponentFunc(_) => {
                    let what = format!("{name}#{export}");
                    instance.func_new_async(export, move |mut store, ty, params, results| {
                        let what = what.clone();
                        Box::new(async move {
                            // A handle that was lent has to be given back.
                            for param in params {
                                if let Val::Resource(handle) = param {
                                    handle.resource_drop_async(&mut store).await?;
                                }
                            }
                            answer(&what, &ty, results)
                        })
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Refuses a call: with an error, if it can have one.
fn answer(what: &str, ty: &ComponentFunc, results: &mut [Val]) -> Result<()> {
    match (ty.results().next(), results.first_mut()) {
        (Some(Type::Result(ty)), Some(result)) if ty.err().is_some() => {
            let code = Val::Enum("not-supported".into());
            *result = Val::Result(Err(Some(Box::new(code))));
            Ok(())
        }
        _ => Err(Halt::Misuse(format!("called {what} without a socket")).into()),
    }
}

/// The type behind a resource that an interface of sockets has or uses: those of `wasi:io` are the machine's own.
fn resource(name: &str) -> ResourceType {
    match name {
        "pollable" => ResourceType::host::<Pollable>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "error" => ResourceType::host::<IoError>(),
        _ => ResourceType::host::<Refused>(),
    }
}
