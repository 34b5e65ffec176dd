//! `oic-gateway`, the operators' tool, run as a program.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use harness_build::operator_tool;

/// The tool, which cargo builds first.
pub(crate) fn oic_gateway() -> Command {
    Command::new(operator_tool::program().unwrap())
}

/// Runs `oic-gateway login` with these arguments and gives what it said, and whether it succeeded. `answer` is called
/// once with the code that the user must type in, while the tool waits.
pub(crate) fn login(
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    key: &str,
    mut answer: impl FnMut(&Child, &str),
) -> (bool, String) {
    let mut child = oic_gateway()
        .arg("login")
        .args(arguments)
        .env("OIC_REFRESH_TOKEN_KEY", key)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut said, mut code) = (String::new(), String::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said += &format!("{line}\n");
        if let Some(shown) = line.trim().strip_prefix("enter  ") {
            code = shown.to_owned();
        }
        // Now it listens to Ctrl-C, too.
        if line.starts_with("Waiting") {
            answer(&child, &code);
        }
    }
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().success(), said)
}
