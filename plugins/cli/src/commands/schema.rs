//! `schema`: JSON schemas of the options, for editors.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::schema::schemas;

/// Writes the plugins' options as JSON Schema, for editors that complete and check YAML
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder to write to; it is created if it does not exist
    #[arg(long, value_name = "DIR", default_value = "schemas")]
    out: PathBuf,
}

pub(super) fn run(options: &Options) -> io::Result<()> {
    fs::create_dir_all(&options.out)?;
    for (name, schema) in schemas() {
        let path = options.out.join(format!("{name}.schema.json"));
        fs::write(&path, format!("{schema:#}\n"))?;
        anstream::println!("{}", path.display());
    }
    Ok(())
}
