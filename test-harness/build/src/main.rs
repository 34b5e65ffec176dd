//! `harness-build FOLDER...`: fetches Traefik, and builds the plugins of these folders into `target`, where the demo and
//! the tests find them.

use std::error::Error;
use std::process::ExitCode;

use harness_build::guests::{self, Guest};
use harness_build::tools;

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folders: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let known =
        |folder: String| Guest::in_folder(&folder).ok_or(format!("there is no plugin in plugins/{folder}"));
    let chosen: Vec<Guest> = folders.map(known).collect::<Result<_, _>>()?;
    guests::show_progress();
    // What is fetched takes the network, what is compiled the processors.
    std::thread::scope(|scope| {
        let traefik = scope.spawn(tools::traefik);
        let target = scope.spawn(tools::ensure_wasm_target);
        guests::artifacts_of(&chosen)?;
        target.join().map_err(|_| "adding the target panicked")??;
        traefik.join().map_err(|_| "fetching Traefik panicked")??;
        Ok(())
    })
}
