//! Profiles Traefik with Go's own profiler.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::error::BenchError;
use harness::client::Client;
use harness::traefik::Traefik;

/// Writes a CPU profile (pprof format) taken while `load` runs, which takes about `length`. Traefik must have been
/// started with `api.debug`.
pub(super) fn take(
    traefik: &Traefik,
    length: Duration,
    file: &Path,
    load: impl FnOnce() -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    // The profiler takes whole seconds, at least one.
    let seconds = length.as_secs().max(1);
    let url = format!("{}/debug/pprof/profile?seconds={seconds}", traefik.api_url());
    let client = Client::with(|builder| builder.timeout(length + Duration::from_secs(30)));
    thread::scope(|scope| {
        let profiler = scope.spawn(|| client.get(&url).send());
        load()?;
        let answer = profiler
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match answer {
            Ok(answer) if answer.status == 200 => {
                if let Some(folder) = file.parent() {
                    fs::create_dir_all(folder)?;
                }
                Ok(fs::write(file, &answer.body)?)
            }
            Ok(answer) => Err(BenchError::Misbehaves {
                what: format!("Traefik's profiler answered {}", answer.status),
            }),
            Err(error) => Err(BenchError::Misbehaves {
                what: format!("Traefik's profiler: {error}"),
            }),
        }
    })
}
