//! `PUT` and `DELETE /_faults/{backend}`, and `GET /_calls/{backend}`: what goes wrong, and what arrived.

use steadfast::prelude::*;

use crate::backends::fault::Fault;
use crate::backends::{Backend, Backends};

fn backend(msg: &Message) -> Result<(String, &'static Backend), String> {
    let name = msg.get_path_param("backend")?;
    let known = Backends::installed();
    match known.and_then(|backends| backends.get(&name)) {
        Some(backend) => Ok((name, backend)),
        None => {
            let names: Vec<_> = known.into_iter().flat_map(Backends::names).collect();
            Err(format!("not found: no backend {name:?}; the backends are {}", names.join(", ")))
        }
    }
}

#[service_method("PUT /_faults/:backend")]
pub async fn set_fault(msg: Message) -> Result<RpcResponse, String> {
    let (name, backend) = backend(&msg)?;
    let fault: Fault = msg.deserialize_payload()?;
    backend.injector.set(fault);
    Ok(RpcResponse::success(&json!({ "backend": name, "fault": backend.injector.fault() }), 0)?)
}

#[service_method("DELETE /_faults/:backend")]
pub async fn clear_fault(msg: Message) -> Result<RpcResponse, String> {
    let (name, backend) = backend(&msg)?;
    backend.injector.set(Fault::default());
    Ok(RpcResponse::success(&json!({ "backend": name, "fault": null }), 0)?)
}

#[service_method("GET /_calls/:backend")]
pub async fn calls(msg: Message) -> Result<RpcResponse, String> {
    let (name, backend) = backend(&msg)?;
    Ok(RpcResponse::success(&json!({ "backend": name, "calls": backend.injector.calls() }), 0)?)
}
