//! Logs: levels, and text or JSON lines on standard error.
//!
//! The one rule: **an entry is one line, and commands no terminal**, whatever a backend has a message say.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use headcount_core::{one_line, printable};
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::prelude::*;

use crate::cli::{LogFormat, LogLevel};

/// Starts logging. A second call does nothing.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The targets of all our crates begin so. What libraries say matters when it is bad.
    let filter = Targets::new()
        .with_target("headcount", level)
        .with_default(level.min(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_target(false);
    let lines = match format {
        LogFormat::Text => lines
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal())
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .boxed(),
        LogFormat::Json => lines
            .with_writer(|| PrintableStderr)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    };
    // An error means that logging was started before.
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init()
        .ok();
}

fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let shown = format!("{value:?}");
    let shown = one_line(&shown);
    match field.name().trim_start_matches("r#") {
        "message" => writer.write_str(&shown),
        // In italics, and dimmed.
        name if writer.has_ansi_escapes() => write!(writer, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{shown}"),
        name => write!(writer, "{name}={shown}"),
    }
}

/// Standard error for lines of JSON, each written at once. What JSON escapes only if it must is escaped here, too.
struct PrintableStderr;

impl Write for PrintableStderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(printable(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
