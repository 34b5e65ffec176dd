//! C compilers for Wasm and for static Linux programs. `ring` has parts in C, and few machines have a compiler for
//! either.
//!
//! Zig contains a clang of a known version, so the same sources give the same bytes on every machine. The `cc` crate
//! calls it through two small scripts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{ToolError, io_error};
use super::folders::{lock, tools_dir};
use super::pypi::Package;

/// The programs that compile and archive C for [`WASM_TARGET`](super::wasm_target::WASM_TARGET).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CCompiler {
    /// The compiler, for `CC_wasm32_wasip1`.
    pub cc: PathBuf,
    /// The archiver, for `AR_wasm32_wasip1`. With `None`, the `cc` crate chooses one.
    pub ar: Option<PathBuf>,
}

/// Returns the compiler that [`CC_FOR_WASM`] names, or else the pinned one.
pub fn c_compiler_for_wasm() -> Result<CCompiler, ToolError> {
    if let Some(cc) = std::env::var_os(CC_FOR_WASM) {
        return Ok(CCompiler {
            cc: cc.into(),
            ar: std::env::var_os(AR_FOR_WASM).map(PathBuf::from),
        });
    }
    let zig = PACKAGE.provide()?;
    let home = tools_dir().join(format!("wasm-cc-{}", PACKAGE.version));
    let _lock = lock(&tools_dir(), "wasm-cc")?;
    fs::create_dir_all(&home).map_err(|source| io_error("create", &home, source))?;
    let compiler = CCompiler {
        cc: home.join("cc"),
        ar: Some(home.join("ar")),
    };
    script(&compiler.cc, &cc_script(&zig, &home, "wasm32-wasi"))?;
    script(&home.join("ar"), &ar_script(&zig, &home))?;
    Ok(compiler)
}

/// Returns the pinned compiler for a static Linux program on this processor, such as `aarch64`.
pub(crate) fn c_compiler_for_static_linux(processor: &str) -> Result<CCompiler, ToolError> {
    let zig = PACKAGE.provide()?;
    let home = tools_dir().join(format!("musl-cc-{}", PACKAGE.version));
    let _lock = lock(&tools_dir(), "musl-cc")?;
    fs::create_dir_all(&home).map_err(|source| io_error("create", &home, source))?;
    let (cc, ar) = (home.join(format!("cc-{processor}")), home.join("ar"));
    script(&cc, &cc_script(&zig, &home, &format!("{processor}-linux-musl")))?;
    script(&ar, &ar_script(&zig, &home))?;
    Ok(CCompiler { cc, ar: Some(ar) })
}

/// The environment variable from which the `cc` crate reads the C compiler for Wasm.
pub const CC_FOR_WASM: &str = "CC_wasm32_wasip1";

/// The environment variable from which the `cc` crate reads the archiver for Wasm.
pub const AR_FOR_WASM: &str = "AR_wasm32_wasip1";

/// The script drops `--target=...`, because zig has its own spelling. It also switches off the traps for undefined
/// behaviour that `zig cc` adds by itself, because ring's authors do not test with them.
fn cc_script(zig: &Path, home: &Path, target: &str) -> String {
    format!(
        r#"#!/bin/sh
{}
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    count=$((count - 1))
    case $argument in
        --target=*) ;;
        *) set -- "$@" "$argument" ;;
    esac
done
exec {} cc -target {target} -fno-sanitize=undefined "$@"
"#,
        caches(home),
        quoted(zig),
    )
}

fn ar_script(zig: &Path, home: &Path) -> String {
    format!("#!/bin/sh\n{}\nexec {} ar \"$@\"\n", caches(home), quoted(zig))
}

/// Keeps zig's caches next to the scripts, not in the user's home.
fn caches(home: &Path) -> String {
    let cache = quoted(&home.join("cache"));
    format!("export ZIG_GLOBAL_CACHE_DIR={cache} ZIG_LOCAL_CACHE_DIR={cache}")
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Writes an executable script, unless it already has this content: another process may be running it, and a new
/// modification time would cause a recompilation.
fn script(path: &Path, text: &str) -> Result<(), ToolError> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text).map_err(|source| io_error("write", &fresh, source))?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))
        .map_err(|source| io_error("make executable", &fresh, source))?;
    fs::rename(&fresh, path).map_err(|source| io_error("rename to", path, source))
}

const PACKAGE: Package = Package {
    program: "zig (a C compiler for Wasm)",
    name: "ziglang",
    version: "0.17.1",
    sha256_linux_x86_64: "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
    file: "ziglang/zig",
    variable: CC_FOR_WASM,
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Runs the script with a stand-in for zig that prints its arguments, one per line.
    fn arguments_that_reach_zig(arguments: &[&str]) -> Vec<String> {
        let folder = tempfile::Builder::new().prefix("it's zig ").tempdir().unwrap();
        let zig = folder.path().join("zig");
        script(&zig, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
        let cc = folder.path().join("cc");
        script(&cc, &cc_script(&zig, folder.path(), "wasm32-wasi")).unwrap();
        let output = Command::new(&cc).args(arguments).output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_target_is_spelled_as_zig_wants_it_and_the_rest_passes_unchanged() {
        let seen =
            arguments_that_reach_zig(&["-Os", "--target=wasm32-wasip1", "-I", "a b", "-o", "x.o", "x.c"]);
        assert_eq!(
            seen,
            [
                "cc",
                "-target",
                "wasm32-wasi",
                "-fno-sanitize=undefined",
                "-Os",
                "-I",
                "a b",
                "-o",
                "x.o",
                "x.c"
            ]
        );
    }
}
