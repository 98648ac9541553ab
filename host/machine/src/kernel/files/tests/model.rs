//! Long random sequences of operations against a model that cannot be wrong in the same way: a map from
//! paths to bytes, with no directories that hold anything, no ids and no lifetimes.

use std::collections::BTreeMap;

use super::*;

/// SplitMix64: any sequence will do, as long as it is always the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("less than a usize")
    }

    /// Up to three steps out of three names, so that paths meet.
    fn path(&mut self) -> String {
        let steps = 1 + self.below(3);
        (0..steps).map(|_| ["a", "b", "c"][self.below(3)]).collect::<Vec<_>>().join("/")
    }
}

/// Everything by its path; `None` is a directory. The root is not in it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model(BTreeMap<String, Option<Vec<u8>>>);

impl Model {
    fn is_file(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Some(_)))
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || matches!(self.0.get(path), Some(None))
    }

    fn has_parent(&self, path: &str) -> bool {
        self.is_directory(path.rsplit_once('/').map_or("", |(parent, _)| parent))
    }

    fn below(&self, path: &str) -> Vec<String> {
        let prefix = format!("{path}/");
        self.0.keys().filter(|key| key.starts_with(&prefix)).cloned().collect()
    }

    fn bytes(&self) -> u64 {
        self.0.values().flatten().map(|bytes| bytes.len() as u64).sum()
    }

    fn write(&mut self, path: &str, offset: usize, new: &[u8], bytes_max: u64) -> bool {
        if self.is_directory(path) || !self.has_parent(path) {
            return false;
        }
        let bytes = self.0.entry(path.into()).or_insert(Some(Vec::new()));
        let bytes = bytes.as_mut().expect("no directory");
        let old = bytes.clone();
        bytes.resize(bytes.len().max(offset + new.len()), 0);
        bytes[offset..offset + new.len()].copy_from_slice(new);
        if self.bytes() > bytes_max {
            self.0.insert(path.into(), Some(old));
            return false;
        }
        true
    }

    fn create_directory(&mut self, path: &str) -> bool {
        let fits = !self.0.contains_key(path) && self.has_parent(path);
        if fits {
            self.0.insert(path.into(), None);
        }
        fits
    }

    fn remove(&mut self, path: &str, directory: bool) -> bool {
        let fits = match directory {
            true => self.is_directory(path) && self.below(path).is_empty(),
            false => self.is_file(path),
        };
        if fits {
            self.0.remove(path);
        }
        fits
    }

    fn rename(&mut self, old: &str, new: &str) -> bool {
        if !self.0.contains_key(old) || !self.has_parent(new) {
            return false;
        }
        if old == new {
            return true;
        }
        let like = self.is_file(old) == self.is_file(new) && self.below(new).is_empty();
        let into_itself = new.starts_with(&format!("{old}/"));
        if into_itself || (self.0.contains_key(new) && !like) {
            return false;
        }
        for from in self.below(old).into_iter().chain([old.to_string()]) {
            let moved = self.0.remove(&from).expect("just listed");
            self.0.insert(format!("{new}{}", &from[old.len()..]), moved);
        }
        true
    }
}

/// All that is below a directory, as the model would have it.
fn tree(system: &mut FileSystem, base: &Descriptor, prefix: &str, into: &mut Model) {
    for DirectoryEntry { kind, name } in system.read_directory(base).expect("a directory") {
        let path = format!("{prefix}{name}");
        if kind == FileKind::Directory {
            let inner = open_dir(system, base, &name);
            tree(system, &inner, &format!("{path}/"), into);
            system.close(inner);
            into.0.insert(path, None);
        } else {
            let bytes = contents(system, base, &name);
            into.0.insert(path, Some(bytes));
        }
    }
}

#[test]
fn random_operations_do_what_a_map_of_paths_would() {
    const BYTES_MAX: u64 = 60;
    let mut done = [0; 5];
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut system = FileSystem::new(limits(BYTES_MAX, 1_000), at(0));
        let root = system.open_root();
        let mut model = Model::default();
        for step in 0..300 {
            let (path, other) = (random.path(), random.path());
            let operation = random.below(5);
            let (real, expected) = match operation {
                0 => {
                    let (offset, new) = (random.below(12), vec![b'x'; 1 + random.below(12)]);
                    let real =
                        system.open_at(&root, &path, CREATE, WRITE, at(step)).and_then(|file| {
                            let written = system.write(&file, offset as u64, &new, at(step));
                            system.close(file);
                            written
                        });
                    (real, model.write(&path, offset, &new, BYTES_MAX))
                }
                1 => (
                    system.create_directory_at(&root, &path, at(step)),
                    model.create_directory(&path),
                ),
                2 => {
                    (system.remove_directory_at(&root, &path, at(step)), model.remove(&path, true))
                }
                3 => (system.unlink_file_at(&root, &path, at(step)), model.remove(&path, false)),
                _ => (
                    system.rename_at(&root, &path, &root, &other, at(step)),
                    model.rename(&path, &other),
                ),
            };
            let what = format!("seed {seed}, step {step}: {operation} {path} {other}: {real:?}");
            assert_eq!(real.is_ok(), expected, "{what}");
            let mut now = Model::default();
            tree(&mut system, &root, "", &mut now);
            assert_eq!(now, model, "{what}");
            assert_eq!(system.nodes.usage(), (model.0.len() + 1, model.bytes()), "{what}");
            done[operation] += usize::from(expected);
        }
    }
    // A sequence in which everything failed would prove nothing.
    assert!(done.iter().all(|count| *count > 50), "{done:?}");
}
