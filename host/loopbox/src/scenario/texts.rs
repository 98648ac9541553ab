//! The values of a scenario that are texts in the end: paths, arguments, what to look for in an output.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::{Text, Written};

/// A path of a file beside the scenario.
#[derive(Clone, Debug)]
pub(super) struct HostPath(pub(super) PathBuf);

impl Written for HostPath {
    const EXPECTED: &'static str = "the path of a file, relative to this one";
    fn read(text: &str) -> Result<HostPath, String> {
        if text.is_empty() || text.ends_with('/') {
            return Err(format!("`{text}` is not the path of a file"));
        }
        // On every host alike: what is absolute on one is odd on another.
        if Path::new(text).has_root() {
            return Err(format!("`{text}` is absolute: write it relative to this file"));
        }
        Ok(HostPath(text.into()))
    }
}

/// A path of a file in the machine.
#[derive(Clone, Debug)]
pub(super) struct GuestPath(pub(super) String);

impl Written for GuestPath {
    const EXPECTED: &'static str = "an absolute path in the machine such as \"/etc/app.conf\"";
    fn read(text: &str) -> Result<GuestPath, String> {
        /// The machine's, which are Linux's.
        const NAME_BYTES_MAX: usize = 255;
        const PATH_BYTES_MAX: usize = 4096;
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("`{text}` is not absolute: write `/{text}`"));
        };
        if text.len() > PATH_BYTES_MAX {
            return Err(format!("a path has at most {PATH_BYTES_MAX} bytes, not {}", text.len()));
        }
        for part in rest.split('/') {
            match part {
                ".." | "." => {
                    return Err(format!("`{text}` has a `{part}`: write the path itself"));
                }
                "" => {
                    return Err(format!("`{text}` has an empty part: write a name after each `/`"));
                }
                part if part.len() > NAME_BYTES_MAX => {
                    return Err(format!(
                        "a name has at most {NAME_BYTES_MAX} bytes, not {}",
                        part.len()
                    ));
                }
                part if part.contains('\0') => return Err("a path has no zero byte in it".into()),
                _ => {}
            }
        }
        Ok(GuestPath(text.into()))
    }
}

/// An argument, or the value of an environment variable.
impl Written for String {
    const EXPECTED: &'static str = "a string";
    fn read(text: &str) -> Result<String, String> {
        // C's strings, and so every argument list, end at the first zero.
        if text.contains('\0') {
            return Err("a zero byte cannot be passed to a program".into());
        }
        Ok(text.into())
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EnvName(pub(super) String);

impl Written for EnvName {
    const EXPECTED: &'static str = "the name of an environment variable";
    fn read(text: &str) -> Result<EnvName, String> {
        if text.is_empty() || text.contains('=') {
            return Err(format!("`{text}` is not the name of an environment variable"));
        }
        String::read(text).map(EnvName)
    }
}

/// One text, or a list of texts. None of them is empty: every output contains that.
#[derive(Clone, Debug, Default)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                let text = Needle::read(text).map_err(E::custom)?;
                Ok(OneOrMany(vec![text.0]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(Needle(text))) = list.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_any(ListVisitor)
    }
}

/// A text to look for.
struct Needle(String);

impl Written for Needle {
    const EXPECTED: &'static str = "a string";
    fn read(text: &str) -> Result<Needle, String> {
        if text.is_empty() {
            return Err("an empty text is in every output: say what to look for".into());
        }
        Ok(Needle(text.into()))
    }
}
