//! The command line. `cargo demo` compiles this program first, so it does without a large argument parser.

use std::ffi::OsString;
use std::path::PathBuf;

use harness_build::guests::{Guest, Variant};
use harness_build::tools;
use lexopt::prelude::*;

/// The text of `--help`.
pub(crate) const USAGE: &str = "\
Builds the plugins for Traefik, and runs parts of the tests.

usage: cargo run -p harness-build -- COMMAND

commands:
  build [--out DIR] [--keep-names]       (cargo plugins)
          Build the plugins into DIR/plugins-local/src/oic-gateway/, where a Traefik started in DIR finds them.
          Without --out they go into target/plugins.
          --keep-names keeps the names of functions, for stack traces and profiles.
  e2e [NAME...] [OPTION...]              (cargo e2e)
          Run the end-to-end tests whose names contain one of these. Only the plugins that they register are built.
          Options are those of a test program, such as --nocapture.
  lint                                   (cargo lint)
          Check format and lints, as CI does.
  list    Print the folders of the plugins, one a line.
  prepare PLUGIN...
          Download Traefik and build these plugins (folders below plugins/) into target/, where the demo and the tests
          find them.
  unit [ARGUMENT...]                     (cargo unit)
          Run the tests that need neither Wasm nor Traefik. Arguments are those of cargo test.";

/// The command to run.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Write the plugins to `out`.
    Build {
        /// The folder, which is created if it does not exist.
        out: PathBuf,
        /// The variant to build.
        variant: Variant,
    },
    /// Run end-to-end tests.
    E2e {
        /// Arguments for the test program.
        arguments: Vec<OsString>,
    },
    /// Print [`USAGE`].
    Help,
    /// Check format and lints.
    Lint,
    /// Print the list of plugins.
    List,
    /// Download and build what the demo needs.
    Prepare {
        /// The plugins to build.
        plugins: Vec<Guest>,
    },
    /// Run the tests that need neither Wasm nor Traefik.
    Unit {
        /// Arguments for `cargo test`.
        arguments: Vec<OsString>,
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
        "e2e" => Ok(Command::E2e {
            arguments: parser.raw_args()?.collect(),
        }),
        "lint" => nothing_else(parser, Command::Lint),
        "list" => nothing_else(parser, Command::List),
        "prepare" => prepare(parser),
        "help" => Ok(Command::Help),
        "unit" => Ok(Command::Unit {
            arguments: parser.raw_args()?.collect(),
        }),
        other => Err(format!("there is no command `{other}`; --help lists them").into()),
    }
}

fn build(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut out = tools::target_dir().join("plugins");
    let mut variant = Variant::Plain;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("out") => out = parser.value()?.into(),
            Long("keep-names") => variant = Variant::WithNames,
            Short('h') | Long("help") => return Ok(Command::Help),
            argument => return Err(argument.unexpected()),
        }
    }
    Ok(Command::Build { out, variant })
}

fn nothing_else(mut parser: lexopt::Parser, command: Command) -> Result<Command, lexopt::Error> {
    match parser.next()? {
        None => Ok(command),
        Some(Short('h') | Long("help")) => Ok(Command::Help),
        Some(argument) => Err(argument.unexpected()),
    }
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
    fn what_is_for_cargo_and_its_tests_is_passed_on() {
        let arguments = ["jwt::", "--nocapture"].map(OsString::from).to_vec();
        assert_eq!(parsed("e2e jwt:: --nocapture"), Ok(Command::E2e { arguments }));
        let arguments = ["-p", "jwt"].map(OsString::from).to_vec();
        assert_eq!(parsed("unit -p jwt"), Ok(Command::Unit { arguments }));
    }

    #[test]
    fn a_mistake_is_explained() {
        for (line, expected) in [
            ("", "give a command"),
            ("biuld", "no command `biuld`"),
            ("list all", "all"),
            ("build --out dist --fast", "--fast"),
            ("prepare jtw", "plugins/jtw"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
