//! A short soak, and proof that it finds faults: gateways that are broken on purpose fail it.

use std::time::Duration;

use measure::soak::{Report, Soak};
use serde_json::{Value, json};

/// Long enough for a rotation of the signing key and its consequences.
const LENGTH: Duration = Duration::from_secs(10);

fn soaked(spoilt: &[(&str, Value)]) -> Report {
    Soak::lasting(LENGTH)
        .run_on(Soak::gateway(spoilt).start())
        .unwrap()
}

#[test]
fn the_gateway_passes_and_spoilt_ones_do_not() {
    let table = [
        ("wrong audience", ("audiences", json!(null))),
        ("lacks scope", ("requiredScopes", json!(null))),
        ("good", ("refetchIntervalSeconds", json!(60))),
    ];
    std::thread::scope(|scope| {
        let good = scope.spawn(|| soaked(&[]));
        let runs = table.map(|(fooled, spoilt)| (fooled, scope.spawn(move || soaked(&[spoilt]))));
        let report = good.join().unwrap();
        assert_eq!(report.failures(), Vec::<String>::new(), "{report}");
        assert!(report.figures().requests > 200, "{report}");
        for (fooled, run) in runs {
            let report = run.join().unwrap();
            assert!(report.figures().wrong_answers > 0, "{fooled}: {report}");
            assert!(
                report.to_string().contains(&format!(" s: {fooled} (")),
                "{fooled}: {report}"
            );
            assert!(!report.failures().is_empty(), "{fooled}");
        }
    });
}
