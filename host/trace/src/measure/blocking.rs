//! What blocks a thread, by the name of the call.
//!
//! The machine names the calls of the standard library and of its own primitives; every other name is the
//! program's.

use crate::text::one_line;

/// The names of the machine's own, with what they mean: the rest of the name is whatever it is about.
const KINDS: [(&str, &str); 11] = [
    ("file.open:", "opening of file"),
    ("file.stat:", "look at file"),
    ("file.list:", "listing of folder"),
    ("file.read:", "read of file"),
    ("file.write:", "write of file"),
    ("pipe.read:", "read of pipe"),
    ("pipe.write:", "write of pipe"),
    ("waitpid:", "wait for the end of process"),
    ("job.result:", "wait for the result of job"),
    ("lock:", "wait for lock"),
    ("queue.get:", "wait for an item of queue"),
];

/// A blocking call in words: `sleep`, `read of file "/a"`, `wait for lock "db"`, `blocking call "db.query"`.
pub fn describe_call(name: &str) -> String {
    match name {
        "sleep" => "sleep".into(),
        "poll" => "wait for a pollable".into(),
        "stdin.read" => "read of standard input".into(),
        _ => {
            let known =
                KINDS.iter().find_map(|(prefix, words)| Some((words, name.strip_prefix(prefix)?)));
            let (words, what) = known.unwrap_or((&"blocking call", name));
            // Only a lock says who has it: `lock:cache held by job "export"`.
            if name.starts_with("lock:")
                && let Some((lock, holder)) = what.split_once(" held by ")
            {
                return format!("{words} \"{}\" held by {}", one_line(lock), one_line(holder));
            }
            format!("{words} \"{}\"", one_line(what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_their_names() {
        for (name, words) in [
            ("sleep", "sleep"),
            ("stdin.read", "read of standard input"),
            ("file.read:/etc/app.conf", "read of file \"/etc/app.conf\""),
            ("lock:cache", "wait for lock \"cache\""),
            ("lock:cache held by job \"export\"", "wait for lock \"cache\" held by job \"export\""),
            ("pipe.read:cat[2].stdout", "read of pipe \"cat[2].stdout\""),
            ("waitpid:cat", "wait for the end of process \"cat\""),
            ("job.result:hash", "wait for the result of job \"hash\""),
            ("db.query", "blocking call \"db.query\""),
            ("sleepy\n", "blocking call \"sleepy\\n\""),
        ] {
            assert_eq!(describe_call(name), words);
        }
    }
}
