use super::*;

fn site() -> Site {
    let delivery = Delivery::Server { base: "/token/".into() };
    Site { delivery, results: ".loopbox/results".into(), generation: Some(7) }
}

#[test]
fn without_results_the_page_says_how_to_get_some() {
    let page = page(&site(), &[], &Query::default());
    assert!(page.contains("<h1>No results yet</h1>"), "{page}");
    assert!(page.contains("loopbox run scenarios"), "{page}");
    assert!(page.contains(r#"data-changes="/token/changes?since=7""#), "{page}");
}
