//! The house rule that no tokio runtime is in the tree, held against cargo's own resolution.

use cargo_metadata::MetadataCommand;

/// Features of tokio that bring a runtime, its I/O driver or its clock.
const RUNTIME: [&str; 4] = ["rt", "rt-multi-thread", "net", "time"];

#[test]
fn no_tokio_runtime_is_in_the_tree() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        .exec()
        .expect("cargo metadata");
    let nodes = metadata.resolve.expect("a resolved tree").nodes;
    assert!(nodes.len() > 100, "the whole tree was looked at");
    for node in nodes {
        let package = metadata.packages.iter().find(|package| package.id == node.id);
        let name = package.expect("every node is a package").name.as_str();
        assert_ne!(name, "wasmtime-wasi", "it brings a tokio runtime");
        let runtime: Vec<_> =
            node.features.iter().filter(|feature| RUNTIME.contains(&feature.as_str())).collect();
        assert!(name != "tokio" || runtime.is_empty(), "tokio with {runtime:?}");
    }
}
