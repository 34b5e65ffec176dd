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

    let last_refresh = begin.plus(LONG * 8 / 10);
    for (time, is_fresh) in [
        (last_refresh.minus(Duration::from_millis(1)), true),
        (last_refresh, false),
    ] {
        clock.stop_wall_clock(begin.plus(LONG / 2));
        let untyped = instance.untyped();
        untyped.last_look = Some(time);
        untyped.get(time).unwrap();
        assert_eq!(instance.fresh(time).is_some(), is_fresh, "{time}");
    }
    assert_eq!(provider.calls(), 1);

    // In trouble, the directory is left alone.
    let untyped = instance.untyped();
    untyped.trouble = Some(DirectoryError::Full);
    untyped.get(begin).unwrap();
    assert_eq!(instance.fresh(at(50)).map(|value| **value), Some(1));
    // Anything but looking at the value may change it.
    instance.untyped();
    assert_eq!(instance.fresh(at(50)), None);
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
        |many: &SharedMany<TestResource>| -> Vec<u8> { many.cached.iter().map(|(key, _)| key[0]).collect() };
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
