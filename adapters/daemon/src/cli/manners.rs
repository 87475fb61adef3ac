//! How much is said, and in which colours: flags of every command.

use clap::{ArgAction, Args, ValueEnum};

use super::LogLevel;

/// How a command speaks.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Manners {
    /// Whether `check`, `diff`, `explain` and `status` use colours: where a terminal reads them and NO_COLOR is not set, or
    /// in any case.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto, hide_short_help = true)]
    pub(crate) color: ColorChoice,

    /// Says more: all notes about a configuration, where many alike are one line otherwise; who is waited for, also where
    /// no terminal reads that; and `run` logs messages of the level debug, with -vv of trace.
    #[arg(short, long, global = true, action = ArgAction::Count, hide_short_help = true)]
    pub(crate) verbose: u8,

    /// Says less: no notes about a configuration, and `run` logs what is wrong only.
    #[arg(short, long, global = true, conflicts_with = "verbose", hide_short_help = true)]
    pub(crate) quiet: bool,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl Manners {
    /// What is logged where `--log-level` does not say it.
    pub(crate) fn log_level(self) -> LogLevel {
        match (self.quiet, self.verbose) {
            (true, _) => LogLevel::Warn,
            (false, 0) => LogLevel::Info,
            (false, 1) => LogLevel::Debug,
            (false, _) => LogLevel::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn what_is_logged_is_what_the_level_says_or_else_how_loud_it_is() {
        for (arguments, expected) in [
            (&[][..], LogLevel::Info),
            (&["-v"], LogLevel::Debug),
            (&["-vv"], LogLevel::Trace),
            (&["-q"], LogLevel::Warn),
            (&["-q", "--log-level", "error"], LogLevel::Error),
        ] {
            let cli = Cli::try_parse_from(["headcount", "run"].iter().chain(arguments)).unwrap();
            let Command::Run(options) = cli.command else {
                panic!("it is run")
            };
            let level = options.log_level.unwrap_or(cli.manners.log_level());
            assert_eq!(level, expected, "{arguments:?}");
        }
    }
}
