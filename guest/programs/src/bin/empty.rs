//! Nothing: what a sandbox costs that has nothing in it.

fn main() {}
