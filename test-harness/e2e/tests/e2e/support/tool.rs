//! Runs `oic-gateway`, the tool for operators.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use harness_build::operator_tool;

/// Returns the command of the tool. Cargo builds it first.
pub(crate) fn oic_gateway() -> Command {
    Command::new(operator_tool::program().unwrap())
}

/// Runs `oic-gateway login` with these arguments. Returns whether it succeeded, and its output. While the tool waits,
/// `answer` is called once with the code that the user must type in.
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
        // From here on, the tool also reacts to Ctrl-C.
        if line.starts_with("Waiting") {
            answer(&child, &code);
        }
    }
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().success(), said)
}
