//! `man`: manual pages.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command};

/// Writes a manual page for the tool and one for each of its commands
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder to write to, such as /usr/local/share/man/man1; it is created if it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(options: &Options, command: Command) -> io::Result<()> {
    fs::create_dir_all(&options.out)?;
    clap_mangen::generate_to(command, &options.out)
}
