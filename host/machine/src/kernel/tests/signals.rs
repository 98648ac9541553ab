//! What is reported of signals that a program has a handler for and does not see.

use super::*;

#[test]
fn a_signal_that_no_loop_has_looked_for_is_reported_at_the_end() {
    for (busy, reported) in [(MS(50), true), (MS(5), false)] {
        let signals = vec![signal("SIGTERM", MS(10))];
        let mut kernel = kernel(Config { signals, ..Config::default() });
        kernel.set_signal_handler(TERM, true).expect("can be caught");
        burn(&mut kernel, busy).expect("a handled signal interrupts nothing");
        let reports = exit(kernel).diagnostics;
        let texts: Vec<&str> = reports.iter().map(|report| report.text.as_str()).collect();
        let text =
            "SIGTERM, raised at 10ms, has a handler that never ran: no loop was running to see it";
        assert_eq!(texts, if reported { vec![text] } else { vec![] });
    }
}
