//! `fuzz`: runs the libFuzzer targets of `test-harness/fuzz` one after the other, for a limited time.
//!
//! Unlike everything else here, the targets need a nightly compiler and cargo-fuzz. The corpus and the findings stay
//! below `target/fuzz`.

use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Args;

use harness_build::tools;

/// Feed hostile input to everything that reads untrusted data
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Time for all targets together, in seconds, without building them
    #[arg(long, value_name = "N", default_value_t = 420, value_parser = clap::value_parser!(u64).range(7..=604_800))]
    seconds: u64,
}

/// Why a fuzz run failed.
#[derive(Debug, thiserror::Error)]
enum FuzzError {
    /// `rustup run nightly cargo fuzz` does not start.
    #[error(
        "fuzzing needs a nightly Rust and cargo-fuzz, and a C++ compiler; get them with\n\
         \x20   rustup toolchain install nightly --profile minimal\n\
         \x20   cargo install cargo-fuzz\n\
         (what was tried: {tried})"
    )]
    ToolsMissing { tried: String },
    /// The targets do not compile.
    #[error("the fuzz targets do not compile:\n{output}")]
    DoesNotCompile { output: String },
    /// The fuzzer found input that fails a check, panics, or takes too much time or memory.
    #[error(
        "{}: run one again with the file named above:\n    \
         cd test-harness/fuzz && cargo +nightly fuzz run --sanitizer none TARGET FILE",
        .0.join(", ")
    )]
    Found(Vec<String>),
    /// A file operation failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

pub(super) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let folder = tools::workspace_root().join("test-harness/fuzz");
    let work = tools::target_dir().join("fuzz");
    let targets = targets(&folder.join("fuzz_targets"))?;
    let cargo_fuzz = CargoFuzz {
        folder: &folder,
        work: &work,
    };
    cargo_fuzz.check_tools()?;
    eprintln!("compiling the fuzz targets (the first time takes minutes) ...");
    cargo_fuzz.build()?;

    let seconds = share(options.seconds, targets.len());
    println!("{:<16} {:>8} {:>12}  outcome", "target", "seconds", "executions");
    let mut found = Vec::new();
    for target in targets {
        let output = cargo_fuzz.run(&target, seconds)?;
        let log = String::from_utf8_lossy(&output.stderr);
        let outcome = if output.status.success() { "clean" } else { "FOUND" };
        println!(
            "{target:<16} {seconds:>8} {:>12}  {outcome}",
            executions(&log).unwrap_or("?")
        );
        if !output.status.success() {
            println!("{}", tools::last_lines(&log, 40));
            found.push(target);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(FuzzError::Found(found).into())
}

/// Lists the targets: one per source file.
fn targets(folder: &Path) -> Result<Vec<String>, FuzzError> {
    let failed = |source| io_error("list", folder, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new("rs"))
            && let Some(name) = path.file_stem().and_then(OsStr::to_str)
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the seconds for each of `count` targets.
fn share(seconds: u64, count: usize) -> u64 {
    (seconds / u64::try_from(count.max(1)).unwrap_or(u64::MAX)).max(1)
}

/// The number of executions that libFuzzer prints with `-print_final_stats`.
fn executions(log: &str) -> Option<&str> {
    log.lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map(str::trim)
}

struct CargoFuzz<'p> {
    /// The crate with the targets.
    folder: &'p Path,
    /// The folder for build output, corpus and findings.
    work: &'p Path,
}

impl CargoFuzz<'_> {
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new("rustup");
        // The cargo that started this process sets these for its own compiler and flags.
        for name in [
            "RUSTUP_TOOLCHAIN",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "LD_LIBRARY_PATH",
        ] {
            command.env_remove(name);
        }
        command
            .args(["run", "nightly", "cargo", "fuzz", subcommand])
            .current_dir(self.folder);
        command
    }

    fn building(&self, subcommand: &str) -> Command {
        let mut command = self.command(subcommand);
        // Our crates forbid unsafe code, so an address sanitizer would only slow the search down.
        command
            .args(["--sanitizer", "none", "--target-dir"])
            .arg(self.work);
        command
    }

    fn check_tools(&self) -> Result<(), FuzzError> {
        let mut command = self.command("--version");
        match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            _ => Err(FuzzError::ToolsMissing {
                tried: tools::command_line(&command),
            }),
        }
    }

    fn build(&self) -> Result<(), FuzzError> {
        let output = self.output(self.building("build"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(FuzzError::DoesNotCompile {
            output: tools::last_lines(&String::from_utf8_lossy(&output.stderr), 60),
        })
    }

    /// Runs one target, starting from its seeds and from what earlier runs learned.
    fn run(&self, target: &str, seconds: u64) -> Result<Output, FuzzError> {
        let corpus = self.work.join("corpus").join(target);
        let findings = self.work.join("findings").join(target);
        for folder in [&corpus, &findings] {
            fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
        }
        let mut command = self.building("run");
        command
            .arg(target)
            .arg(corpus)
            .arg(self.folder.join("seeds").join(target))
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            // Valid input of this size needs less than a hundredth of these limits.
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"]);
        self.output(command)
    }

    fn output(&self, mut command: Command) -> Result<Output, FuzzError> {
        command
            .output()
            .map_err(|source| io_error("start", Path::new(command.get_program()), source))
    }
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> FuzzError {
    FuzzError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_an_entry_in_the_manifest() {
        let folder = tools::workspace_root().join("test-harness/fuzz");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let targets = targets(&folder.join("fuzz_targets")).unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            let seeds = fs::read_dir(folder.join("seeds").join(&target)).unwrap();
            assert_ne!(seeds.count(), 0, "{target}");
        }
    }

    #[test]
    fn the_time_is_shared_and_never_nothing() {
        assert_eq!(share(420, 7), 60);
        assert_eq!(share(3, 7), 1);
    }

    #[test]
    fn executions_are_read_from_the_final_statistics() {
        let log = "INFO: x\nstat::number_of_executed_units: 12345\nstat::average_exec_per_sec:     200\n";
        assert_eq!(executions(log), Some("12345"));
        assert_eq!(executions("INFO: x"), None);
    }
}
