//! The traps themselves.

use std::cell::RefCell;

/// The text by which one recognises a module with these traps.
const MARKER: &str = "a test asked for this trap";

#[derive(Clone, Copy)]
enum Kind {
    Panic,
    Unreachable,
}

thread_local! {
    static ARMED: RefCell<Option<(String, Kind)>> = const { RefCell::new(None) };
}

/// Finds out whether the new request asks for a trap in `plugin`. `header` reads its header `Trap`.
pub fn arm<H: AsRef<[u8]>>(plugin: &str, header: impl FnOnce() -> Option<H>) {
    let trap = header().and_then(|value| parse(plugin, value.as_ref()));
    ARMED.set(trap);
}

fn parse(plugin: &str, header: &[u8]) -> Option<(String, Kind)> {
    let mut words = std::str::from_utf8(header).ok()?.split(' ');
    if words.next()? != plugin {
        return None;
    }
    let point = words.next()?.to_owned();
    let kind = match words.next()? {
        "panic" => Kind::Panic,
        "unreachable" => Kind::Unreachable,
        _ => return None,
    };
    Some((point, kind))
}

/// Traps, if the request asks for a trap here.
pub fn point(name: &str) {
    let here = ARMED.with_borrow_mut(|armed| armed.take_if(|(point, _)| point == name));
    match here {
        None => {}
        #[allow(clippy::panic)] // what it is for
        Some((_, Kind::Panic)) => panic!("{MARKER}: {name}"),
        Some((_, Kind::Unreachable)) => core::arch::wasm32::unreachable(),
    }
}
