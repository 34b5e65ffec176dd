//! A running Traefik process.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::configuration::{MARKER_PATH, MARKER_STATUS, marker, marker_path};
use super::error::{TraefikError, io_error};
use super::http_get::http_get;
use super::layout::{ACCESS_LOG, API, DYNAMIC_DIR, LOG, OUTPUT, WEB};
use crate::process::Process;
use harness_build::tools::last_lines;

/// A running Traefik. When it is dropped, it is killed and its folder is removed. If the test panics, the folder stays
/// and its path is printed.
#[derive(Debug)]
pub struct Traefik {
    dir: TempDir,
    program: Program,
    endpoints: Endpoints,
    /// `None` after it was stopped or killed.
    child: Option<Child>,
    /// The number of dynamic configurations written so far.
    generation: u64,
}

/// How to start the process.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) binary: PathBuf,
    pub(super) config: PathBuf,
    pub(super) env: Vec<(String, String)>,
}

/// The addresses that Traefik listens on.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// The addresses by the name of the entry point.
    pub(super) addresses: BTreeMap<String, SocketAddr>,
    /// The entry point that shows whether a configuration is active.
    pub(super) probed: &'static str,
}

impl Traefik {
    pub(super) fn start_in(
        dir: TempDir,
        program: Program,
        endpoints: Endpoints,
        dynamic: &str,
    ) -> Result<Self, TraefikError> {
        let mut traefik = Self {
            dir,
            program,
            endpoints,
            child: None,
            generation: 0,
        };
        traefik.publish(dynamic)?;
        traefik.restart()?;
        Ok(traefik)
    }

    /// Returns the URL of the entry point `web`, `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        self.base_url(WEB)
    }

    /// Returns the URL of Traefik's API and dashboard, `http://127.0.0.1:port`. The dashboard is at `/dashboard/`.
    pub fn api_url(&self) -> String {
        self.base_url(API)
    }

    /// Returns the address of the entry point with this name, or `None` if it does not exist.
    pub fn address(&self, entry_point: &str) -> Option<SocketAddr> {
        self.endpoints.addresses.get(entry_point).copied()
    }

    /// Returns the working directory of the process.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces the dynamic configuration and waits until it is active. Returns [`TraefikError::NotReady`] if Traefik
    /// cannot read it. If only one router is broken, the rest is active and that router is disabled; see
    /// [`Traefik::api`].
    pub fn write_dynamic(&mut self, yaml: &str) -> Result<(), TraefikError> {
        self.publish(yaml)?;
        self.wait_until_ready()
    }

    /// Sends a request to Traefik's API: `/api/rawdata`, `/api/http/routers`, ...
    pub fn api(&self, path: &str) -> Result<Value, TraefikError> {
        serde_json::from_str(&self.api_text(path)?).map_err(|error| TraefikError::Api {
            path: path.into(),
            reason: error.to_string(),
        })
    }

    /// Requests text from Traefik's API instead of JSON, such as `/debug/pprof/heap?debug=1` with `api.debug`.
    pub fn api_text(&self, path: &str) -> Result<String, TraefikError> {
        let failed = |reason: String| TraefikError::Api {
            path: path.into(),
            reason,
        };
        match http_get(self.known_address(API), path) {
            Ok((200, body)) => Ok(String::from_utf8_lossy(&body).into_owned()),
            Ok((status, _)) => Err(failed(format!("status {status}"))),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Returns Traefik's log so far, one JSON object per line. At level DEBUG it contains whole configurations.
    pub fn log(&self) -> String {
        self.text_of(LOG)
    }

    /// Returns the access log so far, one JSON object per line, without the harness's own requests. It is empty unless
    /// the builder enabled it. Traefik writes a line after it has sent the answer, so poll for it.
    pub fn access_log(&self) -> String {
        let log = self.text_of(ACCESS_LOG);
        log.lines()
            .filter(|line| !line.contains(MARKER_PATH))
            .flat_map(|line| [line, "\n"])
            .collect()
    }

    /// Stops the process with SIGTERM, as an operator does, and waits for it. Requests in flight may finish.
    pub fn stop(&mut self) -> Result<ExitStatus, TraefikError> {
        const GRACE: Duration = Duration::from_secs(20);
        let mut child = self.child.take().ok_or(TraefikError::NotRunning)?;
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // A process that has just ended cannot be signalled. The wait below reports how it ended.
            let _ = kill_process(pid, Signal::TERM);
        }
        let started = Instant::now();
        loop {
            let ended = child
                .try_wait()
                .map_err(|source| io_error("wait for", &self.program.binary, source))?;
            if let Some(status) = ended {
                return Ok(status);
            }
            if started.elapsed() > GRACE {
                end(&mut child);
                return Err(TraefikError::DidNotStop { waited: GRACE });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Kills the process with SIGKILL, so it cannot clean up. Does nothing if it is not running.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// Starts the process again, in the same folder and on the same ports, and waits until it serves. Kills it first if it is
    /// running.
    pub fn restart(&mut self) -> Result<(), TraefikError> {
        self.kill();
        self.child = Some(self.spawn()?);
        self.wait_until_ready()
    }

    /// Returns the process ID.
    pub fn pid(&self) -> Result<u32, TraefikError> {
        self.child.as_ref().map(Child::id).ok_or(TraefikError::NotRunning)
    }

    /// Returns the resident memory in KiB.
    pub fn rss_kib(&self) -> Result<u64, TraefikError> {
        self.look(Process::rss_kib)
    }

    /// Returns the peak resident memory since the process started, in KiB.
    pub fn peak_rss_kib(&self) -> Result<u64, TraefikError> {
        self.look(Process::peak_rss_kib)
    }

    /// Returns the number of open file descriptors, including sockets.
    pub fn open_fds(&self) -> Result<usize, TraefikError> {
        self.look(Process::open_fds)
    }

    /// Reads something about the process from the operating system.
    pub fn look<T>(&self, at: impl FnOnce(Process) -> io::Result<T>) -> Result<T, TraefikError> {
        at(Process(self.pid()?)).map_err(|_| TraefikError::NotRunning)
    }

    fn base_url(&self, entry_point: &str) -> String {
        format!("http://{}", self.known_address(entry_point))
    }

    /// Returns the address of an entry point that the builder always creates ([`WEB`] or [`API`]). Nothing answers at
    /// port 0, the fallback.
    fn known_address(&self, entry_point: &str) -> SocketAddr {
        self.address(entry_point)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Writes the configuration, then the marker. Traefik reads all files at each change, so a configuration with the new
    /// marker also has the new configuration.
    fn publish(&mut self, dynamic: &str) -> Result<(), TraefikError> {
        self.generation += 1;
        self.replace("dynamic.yml", dynamic)?;
        self.replace("marker.yml", &marker(self.generation).to_string())
    }

    /// Replaces a file in one step, so that Traefik never reads half of it.
    fn replace(&self, file: &str, text: &str) -> Result<(), TraefikError> {
        let fresh = self.dir().join(file);
        fs::write(&fresh, text).map_err(|source| io_error("write", &fresh, source))?;
        let path = self.dir().join(DYNAMIC_DIR).join(file);
        fs::rename(&fresh, &path).map_err(|source| io_error("rename to", path, source))
    }

    fn spawn(&self) -> Result<Child, TraefikError> {
        let path = self.dir().join(OUTPUT);
        let failed = |source| io_error("open", &path, source);
        let output: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(failed)?;
        let errors = output.try_clone().map_err(failed)?;
        let mut command = Command::new(&self.program.binary);
        for (name, _) in std::env::vars_os() {
            // Traefik reads variables with the first prefix as static configuration, and uses the others to find the
            // cluster that it runs in.
            let name_text = name.to_string_lossy();
            if ["TRAEFIK_", "KUBERNETES_", "KUBECONFIG"]
                .iter()
                .any(|prefix| name_text.starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command
            .arg("--configFile")
            .arg(&self.program.config)
            .current_dir(self.dir())
            .envs(self.program.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|source| io_error("start", &self.program.binary, source))
    }

    /// Polls until the marker of this generation and the API answer.
    fn wait_until_ready(&mut self) -> Result<(), TraefikError> {
        let started = Instant::now();
        let probed = self.known_address(self.endpoints.probed);
        let api = self.known_address(API);
        let path = marker_path(self.generation);
        loop {
            let child = self.child.as_mut().ok_or(TraefikError::NotRunning)?;
            let ended = child
                .try_wait()
                .map_err(|source| io_error("wait for", &self.program.binary, source))?;
            if let Some(status) = ended {
                self.child = None;
                return Err(TraefikError::EndedEarly {
                    status: status.to_string(),
                    log: self.telling_lines(),
                });
            }
            let answers = |address, path: &str, expected| {
                http_get(address, path).is_ok_and(|(status, _)| status == expected)
            };
            if answers(probed, &path, MARKER_STATUS) && answers(api, "/api/rawdata", 200) {
                return Ok(());
            }
            if started.elapsed() > READY_WITHIN {
                return Err(TraefikError::NotReady {
                    waited: READY_WITHIN,
                    log: self.telling_lines(),
                });
            }
            std::thread::sleep(POLL);
        }
    }

    /// Returns the lines of log and output that explain a failure: errors and warnings, or the last lines if there are
    /// none.
    fn telling_lines(&self) -> String {
        const LINES: usize = 15;
        const WIDTH: usize = 600;
        let log = self.log();
        let is_telling = |line: &&str| {
            ["warn", "error", "fatal", "panic"]
                .iter()
                .any(|level| line.contains(&format!("\"level\":\"{level}\"")))
        };
        let telling: Vec<&str> = log.lines().filter(is_telling).collect();
        let log = if telling.is_empty() {
            log
        } else {
            telling.join("\n")
        };
        let end = format!(
            "{}\n{}",
            last_lines(&log, LINES),
            last_lines(&self.text_of(OUTPUT), LINES)
        );
        end.lines()
            .map(|line| line.chars().take(WIDTH).chain(['\n']).collect::<String>())
            .collect()
    }

    fn text_of(&self, file: &str) -> String {
        let bytes = fs::read(self.dir().join(file)).unwrap_or_default(); // missing until the first write
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Traefik {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.dir.disable_cleanup(true);
            eprintln!(
                "Traefik's folder, with its log, is kept: {}",
                self.dir.path().display()
            );
        }
    }
}

fn end(child: &mut Child) {
    // Both calls fail only if the process has already ended and been waited for.
    let _ = child.kill();
    let _ = child.wait();
}

const POLL: Duration = Duration::from_millis(10);
/// A cold start compiles every plugin, and plugins may fetch keys and tokens before they serve requests.
const READY_WITHIN: Duration = Duration::from_secs(60);
