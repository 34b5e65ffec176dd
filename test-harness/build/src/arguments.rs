//! What the command line asks for. `cargo demo` compiles this program first, so it has no large argument parser.

use std::ffi::OsString;
use std::path::PathBuf;

use harness_build::guests::{Guest, Variant};
use lexopt::prelude::*;

/// What `--help` prints.
pub(crate) const USAGE: &str = "\
Builds the plugins for Traefik.

usage: cargo run -p harness-build -- COMMAND

commands:
  build --out DIR [--keep-names]
          Build the plugins into DIR/plugins-local/src/oic-gateway/, where a Traefik started in DIR finds them.
          --keep-names keeps the names of functions, for stack traces and profiles.
  prepare PLUGIN...
          Download Traefik and build these plugins (folders below plugins/) into target/, where the demo and the tests
          find them.";

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Write the plugins to `out`.
    Build {
        /// The folder, which is created if it does not exist.
        out: PathBuf,
        /// How they are built.
        variant: Variant,
    },
    /// Print [`USAGE`].
    Help,
    /// Get what the demo needs.
    Prepare {
        /// The plugins to build.
        plugins: Vec<Guest>,
    },
}

/// Reads the arguments after the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(argument) => return Err(argument.unexpected()),
        None => return Err("give a command; --help lists them".into()),
    };
    match command.as_str() {
        "build" => build(parser),
        "prepare" => prepare(parser),
        "help" => Ok(Command::Help),
        other => Err(format!("there is no command `{other}`; --help lists them").into()),
    }
}

fn build(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut out = None;
    let mut variant = Variant::Plain;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("out") => out = Some(parser.value()?.into()),
            Long("keep-names") => variant = Variant::WithNames,
            Short('h') | Long("help") => return Ok(Command::Help),
            argument => return Err(argument.unexpected()),
        }
    }
    let out = out.ok_or("say where the plugins go: build --out DIR")?;
    Ok(Command::Build { out, variant })
}

fn prepare(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut plugins = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Value(folder) => plugins.push(plugin(&folder.string()?)?),
            Short('h') | Long("help") => return Ok(Command::Help),
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Prepare { plugins })
}

fn plugin(folder: &str) -> Result<Guest, lexopt::Error> {
    Guest::in_folder(folder).ok_or_else(|| format!("there is no plugin in plugins/{folder}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn build_takes_a_folder_and_an_option() {
        let build = |variant| {
            Ok(Command::Build {
                out: "dist".into(),
                variant,
            })
        };
        assert_eq!(parsed("build --out dist"), build(Variant::Plain));
        assert_eq!(parsed("build --out=dist --keep-names"), build(Variant::WithNames));
    }

    #[test]
    fn prepare_takes_the_folders_of_plugins() {
        let plugins = vec![Guest::JWT, Guest::PATH_REWRITE];
        assert_eq!(
            parsed("prepare jwt path-rewrite"),
            Ok(Command::Prepare { plugins })
        );
    }

    #[test]
    fn a_mistake_is_explained() {
        for (line, expected) in [
            ("", "give a command"),
            ("biuld", "no command `biuld`"),
            ("build", "--out DIR"),
            ("build --out dist --fast", "--fast"),
            ("prepare jtw", "plugins/jtw"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
