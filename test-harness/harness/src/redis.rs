//! A real Redis server for one test, in its own folder. It is killed when dropped.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::certificates::CertificateAuthority;

/// A running Redis server.
pub struct Redis {
    child: Child,
    port: u16,
    bus_port: u16,
    arguments: Vec<String>,
    folder: tempfile::TempDir,
}

/// The settings of a server. Each method changes one of them.
#[derive(Default)]
pub struct RedisBuilder {
    arguments: Vec<String>,
    configuration: String,
    tls: bool,
    sentinel: bool,
    cluster: bool,
}

/// A user with all permissions. The harness connects as this user through the socket in the server's folder, even if
/// the test restricts other users.
const ADMIN: &str = "admin";

impl Redis {
    /// Starts a server without a password on 127.0.0.1. If `redis-server` is not installed, prints a warning and
    /// returns `None`.
    pub fn start() -> Option<Self> {
        Self::builder().start()
    }

    /// Returns the settings of such a server, to change them before it starts.
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    /// Returns `host:port`.
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns the port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command as the administrator and returns the output of `redis-cli`.
    ///
    /// # Panics
    /// Panics if the server does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        self.try_command(words)
            .unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn try_command(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("redis-cli")
            .arg("-s")
            .arg(self.folder.path().join("socket"))
            .args(["--no-auth-warning", "--user", ADMIN, "--pass", ADMIN])
            .args(words)
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(text.trim_end().to_owned()),
            false => Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Returns the keys of the databases 0 to 3.
    ///
    /// # Panics
    /// See [`Redis::command`].
    pub fn keys(&self) -> Vec<String> {
        let of_database = |number: u8| self.command(&["-n", &number.to_string(), "KEYS", "*"]);
        let mut keys: Vec<String> = (0..4)
            .flat_map(|number| of_database(number).lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|key| !key.is_empty())
            .collect();
        keys.sort();
        keys
    }

    /// Returns all keys with their values as text. The values come from the first database.
    ///
    /// # Panics
    /// See [`Redis::command`].
    pub fn everything(&self) -> String {
        let keys = self.keys();
        keys.into_iter()
            .map(|key| format!("{key}={}\n", self.command(&["GET", &key])))
            .collect()
    }

    /// Joins this node and another one to a cluster.
    ///
    /// # Panics
    /// See [`Redis::command`].
    pub fn meet(&self, other: &Self) {
        let (port, bus_port) = (other.port.to_string(), other.bus_port.to_string());
        self.command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus_port]);
    }

    /// Kills the server.
    ///
    /// # Panics
    /// Panics if that fails.
    pub fn kill(&mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }

    /// Starts the server again after [`Redis::kill`], on the same port and without data.
    ///
    /// # Panics
    /// Panics if it does not start.
    pub fn restart(&mut self) {
        self.child = spawn(&self.arguments).expect("it was there a moment ago");
        assert!(self.waits(), "it starts again");
    }

    /// Pauses the server. Connections to it neither get an answer nor fail.
    ///
    /// # Panics
    /// Panics if that fails.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends [`Redis::freeze`].
    ///
    /// # Panics
    /// Panics if that fails.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child");
    }

    /// Waits until the server answers. Returns false if it has ended.
    fn waits(&mut self) -> bool {
        let begun = Instant::now();
        while !self.try_command(&["PING"]).is_ok_and(|answer| answer == "PONG") {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "redis-server does not answer"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RedisBuilder {
    /// Adds a directive of `redis.conf`, for example `["requirepass", "x"]`.
    pub fn with(mut self, words: &[&str]) -> Self {
        let (name, values) = words.split_first().expect("at least the directive's name");
        self.arguments.push(format!("--{name}"));
        self.arguments
            .extend(values.iter().map(|&value| value.to_owned()));
        self
    }

    /// Sets the text of `redis.conf`. Port, folder and the settings of [`RedisBuilder::tls`] still come from the
    /// harness.
    pub fn configuration(mut self, text: &str) -> Self {
        self.configuration = text.to_owned();
        self
    }

    /// Accepts only TLS, with a certificate from the shared authority for 127.0.0.1.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts a sentinel instead of a server.
    pub fn sentinel(mut self) -> Self {
        self.sentinel = true;
        self
    }

    /// Starts a cluster node, which has no slots yet.
    pub fn cluster(mut self) -> Self {
        self.cluster = true;
        self
    }

    /// Starts the server and waits until it answers. If `redis-server` is not installed, prints a warning and returns
    /// `None`.
    ///
    /// # Panics
    /// Panics if the server is installed and does not start.
    pub fn start(self) -> Option<Redis> {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("the temporary folder can be written");
            let (port, bus_port) = (free_port(), free_port());
            let arguments = self.arguments(folder.path(), port, bus_port);
            let child = spawn(&arguments)?;
            let mut redis = Redis {
                child,
                port,
                bus_port,
                arguments,
                folder,
            };
            // If the server has ended, another process has probably taken the port in the meantime. Try again.
            if redis.waits() {
                return Some(redis);
            }
        }
        panic!("redis-server does not start: {:?}", self.arguments);
    }

    fn arguments(&self, folder: &Path, port: u16, bus_port: u16) -> Vec<String> {
        let text = |path: PathBuf| path.display().to_string();
        // A sentinel rewrites its configuration file, so it needs one.
        let file = folder.join("redis.conf");
        let configuration = format!("{}\nuser {ADMIN} on >{ADMIN} ~* &* +@all\n", self.configuration);
        std::fs::write(&file, configuration).expect("it is our own folder");
        let mut arguments = vec![text(file)];
        let mut set = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        set("dir", text(folder.to_owned()));
        set("unixsocket", text(folder.join("socket")));
        set("bind", "127.0.0.1".to_owned());
        set("save", String::new());
        if self.tls {
            let authority = CertificateAuthority::shared();
            let ca = authority.write_ca_pem(folder).expect("it is our own folder");
            let certificate = authority.issue(&["127.0.0.1", "localhost", "redis.example.com"]);
            let (certificate, key) = certificate.write(folder, "redis").expect("it is our own folder");
            set("port", "0".to_owned());
            set("tls-port", port.to_string());
            set("tls-ca-cert-file", text(ca));
            set("tls-cert-file", text(certificate));
            set("tls-key-file", text(key));
            if self.configuration.is_empty() {
                set("tls-auth-clients", "optional".to_owned());
            }
        } else {
            set("port", port.to_string());
        }
        if self.cluster {
            set("cluster-enabled", "yes".to_owned());
            set("cluster-port", bus_port.to_string());
        }
        arguments.extend(self.arguments.iter().cloned());
        if self.sentinel {
            arguments.push("--sentinel".to_owned());
        }
        arguments
    }
}

/// Starts `redis-server`. Returns `None` if the program is missing.
fn spawn(arguments: &[String]) -> Option<Child> {
    let child = Command::new("redis-server")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match child {
        Ok(child) => Some(child),
        Err(_) => {
            // Writes to stderr directly, so that the test runner does not capture the warning.
            let _ = std::io::stderr().write_all(
                b"\nNOT CHECKED: what needs a real Redis; install redis-server and run the tests again\n\n",
            );
            None
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("127.0.0.1 has free ports")
        .port()
}
