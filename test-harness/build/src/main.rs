//! `cargo run -p harness-build -- build --out DIR` builds the plugins as files. `cargo unit`, `cargo e2e` and `cargo
//! lint` also run through this program.

mod arguments;
mod loops;
mod table;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use harness_build::guests::{self, Guest, Variant};
use harness_build::tools;

use self::arguments::Command;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    match arguments::parse(std::env::args_os().skip(1))? {
        Command::Build { out, variant } => build(&out, variant),
        Command::E2e { arguments } => Ok(loops::e2e(&arguments)?),
        Command::Help => {
            println!("{}", arguments::USAGE);
            Ok(())
        }
        Command::Lint => Ok(loops::lint()?),
        Command::List => {
            Guest::ALL.iter().for_each(|guest| println!("{}", guest.folder));
            Ok(())
        }
        Command::Prepare { plugins } => prepare(&plugins),
        Command::Unit { arguments } => Ok(loops::unit(&arguments)?),
    }
}

fn build(out: &Path, variant: Variant) -> Result<(), Box<dyn Error>> {
    guests::show_progress();
    let built = guests::build(out, variant)?;
    print!("{}", table::of(&built.plugins));
    println!("written to {}", out.join("plugins-local/src").display());
    Ok(())
}

fn prepare(plugins: &[Guest]) -> Result<(), Box<dyn Error>> {
    guests::show_progress();
    // Download while compiling, because one needs the network and the other the processors.
    std::thread::scope(|scope| {
        let traefik = scope.spawn(tools::traefik);
        let target = scope.spawn(tools::ensure_wasm_target);
        guests::artifacts_of(plugins)?;
        target.join().map_err(|_| "adding the target panicked")??;
        traefik.join().map_err(|_| "fetching Traefik panicked")??;
        Ok(())
    })
}
