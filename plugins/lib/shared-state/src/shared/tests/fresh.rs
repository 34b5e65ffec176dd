//! The values that requests use without further ado.

use super::*;

#[test]
fn a_value_is_fresh_until_a_look_or_a_fetch_is_due() {
    let provider = Provider::start(Duration::ZERO);
    let directory = tempfile::tempdir().unwrap();
    let clock = Rc::new(TestMachine::in_directory(directory.path()));
    let begin = UnixTime::from_secs(1_700_000_000);
    let at = |millis| begin.plus(Duration::from_millis(millis));
    clock.stop_wall_clock(begin);
    let mut instance = instance_on(Rc::clone(&clock) as _, &provider.url, LONG);
    assert_eq!(instance.fresh(begin), None, "not fetched");
    instance.now().unwrap();
    assert_eq!(instance.fresh(begin), None, "the first look is due");
    instance.now().unwrap();
    assert_eq!(instance.fresh(begin).map(|value| **value), Some(1));
    assert_eq!(instance.fresh(at(49)).map(|value| **value), Some(1));
    assert_eq!(instance.fresh(at(50)), None, "the next look is due");
    let before = begin.minus(Duration::from_millis(1));
    assert_eq!(instance.fresh(before), None, "the clock was set back");

    for (seconds, is_fresh) in [(2879, true), (2880, false), (3600, false)] {
        clock.stop_wall_clock(begin);
        let time = at(seconds * 1000);
        instance.last_look = Some(time);
        assert_eq!(instance.fresh(time).is_some(), is_fresh, "{seconds}");
    }
    assert_eq!(provider.calls(), 1);

    // In trouble, the directory is left alone.
    instance.last_look = None;
    instance.trouble = Some(DirectoryError::Full);
    assert_eq!(instance.fresh(at(50)).map(|value| **value), Some(1));
}

#[test]
fn a_callers_fresh_value_counts_as_used() {
    let (provider, directory) = (Provider::start(Duration::ZERO), tempfile::tempdir().unwrap());
    let clock = Rc::new(TestMachine::in_directory(directory.path()));
    let now = UnixTime::from_secs(1_700_000_000);
    clock.stop_wall_clock(now);
    let mut many = many_on(Rc::clone(&clock) as _, &provider.url, 3);
    let key = |caller: &str| {
        let mut key = CallerKey::default();
        key[..caller.len()].copy_from_slice(caller.as_bytes());
        key
    };
    let order =
        |many: &SharedMany<Number>| -> Vec<u8> { many.cached.iter().map(|(key, _)| key[0]).collect() };
    for caller in ["1", "2", "3", "1", "2", "3"] {
        many.of(caller, &provider.url).unwrap();
    }
    assert_eq!(order(&many), b"123");
    assert_eq!(many.fresh(&key("1"), now).map(|value| **value), Some(1));
    assert_eq!(order(&many), b"231");
    assert_eq!(many.fresh(&key("4"), now), None);
    assert_eq!(many.fresh(&key("2"), now.plus(LOOK_WHILE_FRESH)), None, "due");
    assert_eq!(order(&many), b"231");
}
