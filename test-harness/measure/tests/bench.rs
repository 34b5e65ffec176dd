//! Runs the bench briefly. Checks that it measures and that its figures have the documented shape, but not their
//! values.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_short_run_gives_figures_of_the_promised_shape() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("figures.json");
    let output = Command::new(env!("CARGO_BIN_EXE_measure"))
        .args([
            "bench",
            "--only",
            "direct,plain,chain_warm,chain_cold",
            "--connections",
            "4",
        ])
        .args(["--rounds", "1", "--seconds-per-round", "0.5", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let figures: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let mut keys: Vec<&String> = figures.as_object().unwrap().keys().collect();
    keys.sort_unstable();
    let promised = [
        "instance_start_us",
        "kib_per_request_in_flight",
        "ready_ms",
        "rows",
        "rs256_us",
    ];
    assert_eq!(keys, promised, "{figures:#}");
    let rows = figures["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["plain", "chain_warm", "chain_cold"]);
    for row in rows {
        assert_eq!(row["connections"], 4);
        for figure in ["rps", "ratio_to_plain", "p50_us", "p99_us"] {
            assert!(row[figure].as_f64().unwrap() > 0.0, "{figure} in {row:#}");
        }
        // A round may be shorter than the resolution of processor time.
        assert!(row["cpu_us_per_request"].as_f64().unwrap() >= 0.0, "{row:#}");
    }
    assert_eq!(rows[0]["ratio_to_plain"], 1.0);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("### 4 connections") && text.contains("| direct "),
        "{text}"
    );
}

#[test]
fn a_row_that_does_not_exist_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_measure"))
        .args(["bench", "--only", "plane"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("`plane`") && said.contains("plain"),
        "{said}"
    );
}
