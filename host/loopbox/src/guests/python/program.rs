//! What a Python program consists of: its files, which of them is started, and what it requires.
//!
//! Read within bounds, so that a folder that was named by mistake (a home folder, a disk) is told as such.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::{DirEntry, WalkDir};

use super::super::BuildError;

/// More files, or more bytes in them, are hardly one program.
const FILES_MAX: usize = 5_000;
const BYTES_MAX: u64 = 64 << 20;

/// What is started in a folder, in this order.
const MAINS: [&str; 2] = ["__main__.py", "main.py"];
/// What names other packages in a folder.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// A Python program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// As the scenario names it, for messages.
    pub shown: String,
    /// What is started unless the scenario says it, if there is such a file: its path in the program's folder, with `/`
    /// between its parts.
    pub main: Option<String>,
    /// Its own name: `argv[0]`, and by which it is started as a child.
    pub name: String,
    /// Contents by path, with `/` between the parts.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its file of requirements, if there is anything in it.
    pub requirements: Option<PathBuf>,
}

/// The file that is started, for a program at this path, if the scenario does not say it.
///
/// # Errors
/// There is none; the words say why.
pub fn main_file(path: &Path) -> Result<PathBuf, String> {
    default_main(path)?.ok_or_else(|| {
        let shown = path.display();
        format!("there is neither `{}` nor `{}` in the folder `{shown}`", MAINS[0], MAINS[1])
    })
}

/// The same; none if it is a folder that has neither.
fn default_main(path: &Path) -> Result<Option<PathBuf>, String> {
    let shown = path.display();
    let metadata = path.metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no `{shown}`"),
        _ => format!("cannot read `{shown}`: {error}"),
    })?;
    if metadata.is_file() {
        return match path.extension() {
            Some(kind) if kind == "py" => Ok(Some(path.to_owned())),
            _ => Err(format!("`{shown}` is not a Python file (*.py)")),
        };
    }
    if !metadata.is_dir() {
        return Err(format!("`{shown}` is neither a file nor a folder"));
    }
    Ok(MAINS.iter().map(|name| path.join(name)).find(|main| main.is_file()))
}

/// Whether a scenario may have this file of a program's folder started.
///
/// # Errors
/// It may not; the words say why.
pub fn check_main(path: &Path, main: &str) -> Result<(), String> {
    let shown = path.display();
    if !path.is_dir() {
        return Err(format!("`{shown}` is no folder, of which a file could be chosen"));
    }
    let is_part = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !is_module(main) || !main.split('/').all(is_part) {
        return Err(format!("`{main}` is not the path of a Python file (*.py) in a folder"));
    }
    let file = path.join(main);
    if file.is_file() { Ok(()) } else { Err(format!("there is no `{}`", file.display())) }
}

/// The name by which a program at this path knows itself: that of the file or the folder.
pub fn name(path: &Path) -> String {
    // The folder in which a scenario stands may be called `.`.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = if path.is_dir() { absolute.file_name() } else { absolute.file_stem() };
    name.unwrap_or(OsStr::new("program")).to_string_lossy().into_owned()
}

impl Program {
    /// Reads a program. Blocks.
    ///
    /// # Errors
    /// There is no program, it is too large to be one, or it has native code in it.
    pub fn read(path: &Path) -> Result<Program, BuildError> {
        let main = default_main(path).map_err(BuildError::NotBuilt)?;
        let shown = path.to_string_lossy().into_owned();
        let file_name =
            |main: &PathBuf| main.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut program = Program {
            shown,
            main: main.as_ref().map(file_name),
            name: name(path),
            files: BTreeMap::new(),
            requirements: None,
        };
        let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
            BuildError::NotBuilt(format!("cannot read `{}`: {error}", path.display()))
        };
        if let Some(file) = main.filter(|main| main == path) {
            let text = fs::read(path).map_err(|error| unreadable(path, &error))?;
            program.files.insert(file_name(&file), text);
            return Ok(program);
        }
        let mut bytes_left = BYTES_MAX;
        let walk = WalkDir::new(path).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(|entry| entry.depth() == 0 || belongs(entry)) {
            let entry = entry.map_err(|error| {
                // Its own words begin with the path.
                BuildError::NotBuilt(format!("cannot read the program: {error}"))
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            let name = relative(path, entry.path());
            if is_native(entry.path()) {
                return Err(native(&name));
            }
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            let contents = bytes_left.checked_sub(size).filter(|_| program.files.len() < FILES_MAX);
            let Some(left) = contents else {
                let limit = format!("{FILES_MAX} files and {} MiB", BYTES_MAX >> 20);
                let text = format!("`{}` has more than {limit} in it", path.display());
                let help = "name the folder that has the program, and nothing else, in it";
                return Err(BuildError::NotBuilt(format!("{text}: {help}")));
            };
            bytes_left = left;
            let text = fs::read(entry.path()).map_err(|error| unreadable(entry.path(), &error))?;
            program.files.insert(name, text);
        }
        let requires = program.files.get(REQUIREMENTS).is_some_and(|text| names_something(text));
        program.requirements = requires.then(|| path.join(REQUIREMENTS));
        Ok(program)
    }
}

/// Whether something in a folder is a part of the program. What is hidden is not, nor what Python and its tools
/// leave behind, nor the scenarios that may stand beside it, with their goldens.
fn belongs(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let kind = Path::new(&*name).extension().unwrap_or_default();
    if name.starts_with('.') {
        return false;
    }
    if entry.file_type().is_dir() {
        return name != "__pycache__" && !entry.path().join("pyvenv.cfg").is_file();
    }
    !["pyc", "toml", "trace"].iter().any(|other| kind == *other)
}

/// The path in a folder, with `/` between its parts.
pub(super) fn relative(folder: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    let parts = inside.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// Whether this is a module in native code, by its name.
pub(super) fn is_native(path: &Path) -> bool {
    let kind = path.extension().unwrap_or_default();
    ["so", "pyd", "dylib", "dll"].iter().any(|native| kind == *native)
}

impl Program {
    /// The program and the modules that it requires, as the runtime takes them (`guest/python/loopbox/_programs.py`).
    pub(super) fn sources(&self, required: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Header<'p> {
            main: Option<&'p str>,
            /// Path, length in bytes, whether it is of a requirement.
            files: Vec<(&'p str, usize, bool)>,
        }
        let own = self.files.iter().filter(|(path, _)| is_module(path));
        let of_requirements = required.iter().map(|(path, text)| (path, text, true));
        let files: Vec<_> =
            own.map(|(path, text)| (path, text, false)).chain(of_requirements).collect();
        let header = Header {
            main: self.main.as_deref(),
            files: files.iter().map(|&(path, text, of)| (path.as_str(), text.len(), of)).collect(),
        };
        let mut bytes = serde_json::to_vec(&header).expect("texts can be written as JSON");
        bytes.push(b'\n');
        files.iter().for_each(|(_, text, _)| bytes.extend_from_slice(text));
        bytes
    }
}

/// Whether Python can import a file of this name, if the name is an identifier.
pub(super) fn is_module(path: &str) -> bool {
    path.ends_with(".py")
}

/// A program, or something that it requires, has native code in this file.
pub(super) fn native(file: &str) -> BuildError {
    let package = file.split('/').next().unwrap_or(file).split('.').next().unwrap_or(file);
    BuildError::NotBuilt(format!(
        "C extension: {package} cannot be loaded in a guest, which runs pure Python only (it is \
         `{file}`)"
    ))
}

/// Whether a file of requirements has more in it than comments.
fn names_something(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, format!("# {name}\n")).expect("written");
        }
        folder
    }

    fn reason(path: &Path) -> String {
        match Program::read(path) {
            Err(BuildError::NotBuilt(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_is_a_program_of_one_file() {
        let folder = folder_of(&["app.py", "other.py", "requirements.txt"]);
        let program = Program::read(&folder.path().join("app.py")).expect("a program");
        assert_eq!((program.main.as_deref(), program.name.as_str()), (Some("app.py"), "app"));
        assert_eq!(program.files.keys().collect::<Vec<_>>(), ["app.py"]);
        assert_eq!(program.requirements, None);
    }

    #[test]
    fn a_folder_is_a_program_without_what_is_not_a_part_of_it() {
        let folder = folder_of(&[
            "shop/main.py",
            "shop/orders/__init__.py",
            "shop/data/prices.json",
            "shop/__pycache__/main.cpython-314.pyc",
            "shop/old.pyc",
            "shop/.git/config",
            "shop/.env",
            "shop/venv/pyvenv.cfg",
            "shop/venv/lib/site.py",
            "shop/scenarios/a.toml",
            "shop/scenarios/a.trace",
        ]);
        let program = Program::read(&folder.path().join("shop")).expect("a program");
        assert_eq!((program.main.as_deref(), program.name.as_str()), (Some("main.py"), "shop"));
        let files: Vec<&str> = program.files.keys().map(String::as_str).collect();
        assert_eq!(files, ["data/prices.json", "main.py", "orders/__init__.py"]);
    }

    #[test]
    fn sources_are_modules_and_say_where_each_begins() {
        let folder = folder_of(&["shop/main.py", "shop/data/prices.json", "shop/a/b.py"]);
        let program = Program::read(&folder.path().join("shop")).expect("a program");
        let required = BTreeMap::from([("idna/core.py".to_owned(), b"x".to_vec())]);
        let bytes = program.sources(&required);
        let text = String::from_utf8(bytes).expect("text");
        let (header, contents) = text.split_once('\n').expect("a header");
        let files = r#"[["a/b.py",14,false],["main.py",15,false],["idna/core.py",1,true]]"#;
        assert_eq!(header, format!(r#"{{"main":"main.py","files":{files}}}"#));
        assert_eq!(contents, "# shop/a/b.py\n# shop/main.py\nx");
    }

    #[test]
    fn a_main_of_a_package_comes_first() {
        let folder = folder_of(&["shop/main.py", "shop/__main__.py"]);
        let program = Program::read(&folder.path().join("shop")).expect("a program");
        assert_eq!(program.main.as_deref(), Some("__main__.py"));
    }

    #[test]
    fn requirements_are_those_of_the_folder_if_it_names_any() {
        let folder = folder_of(&["shop/main.py", "shop/requirements.txt"]);
        let shop = folder.path().join("shop");
        let requirements = || Program::read(&shop).expect("a program").requirements;
        assert_eq!(requirements(), None, "it has a comment in it");
        fs::write(shop.join(REQUIREMENTS), "# what we need\n\nidna==3.10\n").expect("written");
        assert_eq!(requirements(), Some(shop.join(REQUIREMENTS)));
    }

    #[test]
    fn what_is_no_program_is_told_why() {
        let folder = folder_of(&["notes.txt", "empty/x/y.py"]);
        let at = |name: &str| reason(&folder.path().join(name));
        assert!(at("missing.py").starts_with("there is no `"), "{}", at("missing.py"));
        assert!(at("notes.txt").ends_with("notes.txt` is not a Python file (*.py)"));
        let said = main_file(&folder.path().join("empty")).expect_err("no main file");
        assert!(said.starts_with("there is neither `__main__.py` nor `main.py` in the folder `"));
    }

    #[test]
    fn a_file_of_a_folder_can_be_chosen() {
        let folder = folder_of(&["tools/a.py", "tools/more/b.py", "tools/notes.txt"]);
        let tools = folder.path().join("tools");
        assert_eq!(Program::read(&tools).expect("a program").main, None);
        assert_eq!(check_main(&tools, "a.py"), Ok(()));
        assert_eq!(check_main(&tools, "more/b.py"), Ok(()));
        for (path, main, why) in [
            (tools.clone(), "c.py", "there is no `"),
            (tools.clone(), "notes.txt", "`notes.txt` is not the path of a Python file (*.py)"),
            (tools.clone(), "../tools/a.py", "`../tools/a.py` is not the path of a Python file"),
            (tools.join("a.py"), "a.py", "`"),
        ] {
            let said = check_main(&path, main).expect_err(main);
            assert!(said.starts_with(why), "{said}");
        }
    }

    #[test]
    fn native_code_in_a_program_is_named() {
        let folder = folder_of(&["shop/main.py", "shop/fast/_speed.cpython-314-x86_64.so"]);
        let said = reason(&folder.path().join("shop"));
        assert!(said.starts_with("C extension: fast cannot be loaded in a guest"), "{said}");
        assert!(said.contains("fast/_speed.cpython-314-x86_64.so"), "{said}");
    }

    #[test]
    fn a_folder_with_too_much_in_it_is_no_program() {
        let folder = folder_of(&["shop/main.py"]);
        for index in 0..FILES_MAX {
            fs::write(folder.path().join(format!("shop/{index}.txt")), "").expect("written");
        }
        let said = reason(&folder.path().join("shop"));
        assert!(said.contains("has more than 5000 files and 64 MiB in it"), "{said}");
    }
}
