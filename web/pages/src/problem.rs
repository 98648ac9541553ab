//! Pages that say what went wrong: what happened, and what to do about it.

use maud::html;

use crate::site::{Page, Site, Step};

/// A page instead of the one that was asked for.
///
/// `status` is HTTP's; `what` says what happened, as a sentence for people.
pub fn page(site: &Site, status: u16, what: &str) -> String {
    let problem = Problem::of(status);
    let body = html! {
        div.problem {
            p.status { (status) }
            h1 { (problem.title) }
            p { bdi { (loopbox_trace::text::report(what)) } }
            h2 { "What to do" }
            p { (problem.advice) }
            p { a href=(site.runs()) { "To the runs" } }
        }
    };
    let trail = vec![Step { name: problem.title.into(), address: String::new() }];
    site.document(&Page { title: problem.title.into(), trail, body, timeline: false })
}

struct Problem {
    title: &'static str,
    advice: &'static str,
}

impl Problem {
    fn of(status: u16) -> Problem {
        let (title, advice) = match status {
            400 => (
                "This address means nothing",
                "Look for a mistake in the address, or begin again at the list of runs.",
            ),
            403 => (
                "No entry",
                "Open the address that `loopbox view` printed, with its token: it lets in only who has it.",
            ),
            404 => (
                "Nothing is here",
                "The result may have been deleted since the link was made. Run the scenario again, or choose another \
                 run from the list.",
            ),
            405 => ("That cannot be done here", "Use the links and forms of these pages."),
            409 => (
                "Something is there already",
                "Choose another name; nothing that is there is overwritten.",
            ),
            413 => ("Too much was sent", "Use the forms of these pages; they need far less."),
            422 => (
                "That makes no sense here",
                "Correct what is said above and try again. If it is about a result: run the scenario again.",
            ),
            _ => (
                "Something broke",
                "Try again. If it stays broken, the terminal in which `loopbox view` runs says more; please report it.",
            ),
        };
        Problem { title, advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HOSTILE, assert_harmless, server};
    use crate::wellformed;

    #[test]
    fn each_problem_says_what_happened_and_what_to_do() {
        let mut titles = Vec::new();
        for status in [400, 403, 404, 405, 409, 413, 422, 500] {
            let html = page(&server(), status, "It is so.");
            assert_eq!(wellformed::check(&html), Ok(()));
            assert!(html.contains(&format!("<p class=\"status\">{status}</p>")), "{html}");
            assert!(html.contains("<bdi>It is so.</bdi>"), "{html}");
            assert!(html.contains("<a href=\"/T/\">To the runs</a>"), "{html}");
            titles.push(Problem::of(status).title);
        }
        titles.dedup();
        assert_eq!(titles.len(), 8);
    }

    #[test]
    fn hostile_texts_stay_texts() {
        for text in HOSTILE {
            assert_harmless(&page(&server(), 404, text), text);
        }
        assert!(page(&server(), 400, &"x".repeat(1_000_000)).len() < 5_000);
    }
}
