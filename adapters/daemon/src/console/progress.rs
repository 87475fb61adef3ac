//! Who is waited for: told on standard error once it lasts longer than a second.
//!
//! **On a terminal it is one line that is gone when the waiting is over**; elsewhere it is told only to who asked for more
//! (`-v`), a line whenever somebody else is waited for. Standard output has answers only.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use headcount_core::{one_line, printable};
use headcount_service::Awaited;

use super::MANNERS;

/// What takes no longer than this is not told, and then it is told anew so often.
const PACE: Duration = Duration::from_secs(1);

/// Back to the line's start; what is too long is cut instead of wrapped, because a second line would stay.
const BEGIN: &str = "\r\u{1b}[?7l";
/// Nothing behind it, and wrapped again.
const END: &str = "\u{1b}[K\u{1b}[?7h";

/// Tells who is waited for until it is dropped.
pub(crate) struct Progress(Option<(Sender<Infallible>, JoinHandle<()>)>);

impl Progress {
    /// `awaited` says who it is.
    pub(crate) fn of(awaited: &Awaited) -> Self {
        let Some(way) = MANNERS.get().and_then(|manners| {
            let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
            let is_terminal = io::stderr().is_terminal() && !is_dumb;
            Way::of(is_terminal, manners.verbose > 0, manners.quiet)
        }) else {
            return Self(None);
        };
        // Nothing is ever sent: closing is the message.
        let (over, ended) = channel::<Infallible>();
        let awaited = awaited.clone();
        let tell = move || {
            let began = Instant::now();
            let mut teller = Teller::new(way);
            while ended.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                write(&teller.tell(awaited.in_words(), began.elapsed()));
            }
            write(&teller.tell(None, began.elapsed()));
        };
        // Without a thread it is waited as well.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(tell);
        Self(thread.ok().map(|thread| (over, thread)))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((over, thread)) = self.0.take() {
            drop(over);
            // What is printed next comes after the line is gone.
            thread.join().ok();
        }
    }
}

/// Nothing is lost when it can't be told.
fn write(text: &str) {
    let mut out = io::stderr().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A line that writes over itself.
    Terminal,
    /// A line for each news.
    Lines,
}

impl Way {
    /// How, if it is told at all.
    fn of(is_terminal: bool, is_verbose: bool, is_quiet: bool) -> Option<Self> {
        match (is_quiet, is_terminal, is_verbose) {
            (true, ..) | (false, false, false) => None,
            (false, true, _) => Some(Self::Terminal),
            (false, false, true) => Some(Self::Lines),
        }
    }
}

struct Teller {
    way: Way,
    /// What was told last; on a terminal it stands there.
    told: Option<String>,
}

impl Teller {
    fn new(way: Way) -> Self {
        Self { way, told: None }
    }

    /// What is to be written when these are waited for now.
    fn tell(&mut self, awaited: Option<String>, elapsed: Duration) -> String {
        let line = awaited.map(|awaited| printable(&one_line(&format!("waiting for {awaited}"))).into_owned());
        let text = match (self.way, &line, &self.told) {
            (Way::Terminal, Some(line), _) => format!("{BEGIN}{}s {line}{END}", elapsed.as_secs()),
            (Way::Terminal, None, Some(_)) => format!("{BEGIN}{END}"),
            (Way::Lines, Some(line), told) if told.as_ref() != Some(line) => format!("headcount: {line}\n"),
            _ => String::new(),
        };
        // Of lines, who is waited for again after nobody is no news.
        if self.way == Way::Terminal || line.is_some() {
            self.told = line;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(way: Way, all: &[(Option<&str>, u64)]) -> Vec<String> {
        let mut teller = Teller::new(way);
        let tell = |(awaited, seconds): &(Option<&str>, u64)| {
            teller.tell(awaited.map(str::to_owned), Duration::from_secs(*seconds))
        };
        all.iter().map(tell).collect()
    }

    #[test]
    fn only_terminals_and_who_wants_more_are_told() {
        for (is_terminal, is_verbose, is_quiet, expected) in [
            (true, false, false, Some(Way::Terminal)),
            (true, true, false, Some(Way::Terminal)),
            (true, false, true, None),
            (false, false, false, None),
            (false, true, false, Some(Way::Lines)),
        ] {
            assert_eq!(Way::of(is_terminal, is_verbose, is_quiet), expected);
        }
    }

    #[test]
    fn a_terminal_has_one_line_which_is_gone_in_the_end() {
        let [first, second, gone, still] = told(
            Way::Terminal,
            &[(Some("http/0"), 1), (Some("http/0"), 2), (None, 3), (None, 4)],
        )
        .try_into()
        .unwrap();
        assert_eq!(first, "\r\u{1b}[?7l1s waiting for http/0\u{1b}[K\u{1b}[?7h");
        assert!(second.contains("2s waiting for http/0"), "{second:?}");
        assert_eq!(gone, "\r\u{1b}[?7l\u{1b}[K\u{1b}[?7h");
        assert_eq!(still, "", "nothing stands there");
        // What was never told needs no clearing.
        assert_eq!(told(Way::Terminal, &[(None, 1)]), [""]);
    }

    #[test]
    fn elsewhere_there_is_a_line_for_each_news() {
        let lines = told(
            Way::Lines,
            &[
                (Some("a, b"), 1),
                (Some("a, b"), 2),
                (Some("b"), 3),
                (None, 4),
                (Some("b"), 5),
            ],
        );
        assert_eq!(
            lines,
            [
                "headcount: waiting for a, b\n",
                "",
                "headcount: waiting for b\n",
                "",
                ""
            ]
        );
    }

    #[test]
    fn names_from_elsewhere_do_not_command_the_terminal() {
        let lines = told(Way::Terminal, &[(Some("a\u{1b}[2J\nb"), 1)]).concat();
        assert!(!lines.contains("[2J\n") && !lines.contains("\u{1b}[2J"), "{lines:?}");
    }
}
