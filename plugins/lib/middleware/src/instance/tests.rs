//! A middleware whose only secret is in a file that the tests change.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::*;
use crate::test_doubles::request::Request;
use crate::{Edits, FileError};

/// The file, the clock, and what is seen of the instance.
#[derive(Default)]
struct World {
    file: RefCell<String>,
    /// The content of the file when it was last read. `None` if the configuration names no file.
    read: RefCell<Option<String>>,
    busy: Cell<bool>,
    millis: Cell<u64>,
    looks: Cell<u32>,
    builds: RefCell<Vec<bool>>,
    log: RefCell<Vec<String>>,
    /// What the provider accepts.
    accepted: RefCell<String>,
    inherited: RefCell<Vec<String>>,
}

struct Client {
    secret: String,
    world: Rc<World>,
}

impl Middleware for Client {
    const NAME: &'static str = "client";
    type Services = Rc<World>;

    fn new(_: &[u8], world: Rc<World>) -> Result<Self, ConfigError> {
        let secret = world.file.borrow().clone();
        *world.read.borrow_mut() = Some(secret.clone());
        if world.busy.get() {
            return Err(ConfigError::of_file("clientSecret", "/s", &FileError::Busy));
        }
        match secret.as_str() {
            "" => Err(ConfigError::new("clientSecret", "is empty")),
            _ => Ok(Self { secret, world }),
        }
    }

    fn on_request(&mut self, _: &dyn RequestHead, _: UnixTime) -> Decision {
        let status = match self.secret == *self.world.accepted.borrow() {
            true => return Decision::Forward(Edits::none()),
            false if self.secret == "caller's fault" => 401,
            false => 502,
        };
        let mut reply = crate::Reply::from(Problem::new(Reason::IdentityProviderRefused));
        reply.status = status;
        Decision::Reply(reply)
    }

    fn take_over(&mut self, before: Self) {
        self.world.inherited.borrow_mut().push(before.secret);
    }
}

impl Surroundings<Client> for Rc<World> {
    fn build(&self, hurry: bool) -> Result<Client, ConfigError> {
        self.builds.borrow_mut().push(hurry);
        Client::new(b"", Rc::clone(self))
    }

    fn has_files(&self) -> bool {
        self.read.borrow().is_some()
    }

    fn files_have_changed(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.read.borrow().as_ref() != Some(&self.file.borrow())
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_millis(1_000_000 + self.millis.get())
    }

    fn log(&self, event: &Event) {
        self.log.borrow_mut().push(event.line().to_owned());
    }
}

struct Test {
    world: Rc<World>,
    instance: Instance<Client>,
}

impl Test {
    fn new() -> Self {
        let world = Rc::new(World::default());
        world.file.replace("old".to_owned());
        world.accepted.replace("old".to_owned());
        let instance = Instance::new(&world);
        Self { world, instance }
    }

    /// Sends a request this many milliseconds after the previous one. Returns its status, which is 200 if it is
    /// forwarded.
    fn request_after(&mut self, millis: u64) -> u16 {
        self.world.millis.set(self.world.millis.get() + millis);
        match self.instance.on_request(&Request::get("/"), &self.world) {
            Decision::Forward(_) => 200,
            Decision::Reply(reply) => reply.status,
        }
    }

    fn write(&self, secret: &str) {
        self.world.file.replace(secret.to_owned());
    }

    fn accept(&self, secret: &str) {
        self.world.accepted.replace(secret.to_owned());
    }

    fn logged(&self, code: &str) -> usize {
        let log = self.world.log.borrow();
        log.iter().filter(|line| line.contains(code)).count()
    }
}

#[test]
fn a_changed_file_is_read_within_a_second_and_looked_at_no_more_often() {
    let mut test = Test::new();
    for _ in 0..100 {
        assert_eq!(test.request_after(10), 200);
    }
    // The first request looks at the file. The last one comes just before the next look.
    assert_eq!(test.world.looks.get(), 1);
    test.write("new");
    test.accept("new");
    // The provider refuses the old secret, but the request is not lost.
    assert_eq!(test.request_after(10), 200);
    assert_eq!(*test.world.builds.borrow(), [false, true]);
    assert_eq!(*test.world.inherited.borrow(), ["old"]);
    assert_eq!(test.logged("configuration.reread"), 1);

    test.write("newer");
    assert_eq!(test.request_after(10), 200, "it is not time to look yet");
    test.accept("newer");
    assert_eq!(test.request_after(1000), 200);
    assert_eq!(test.world.builds.borrow().len(), 3);
}

#[test]
fn without_files_nobody_looks() {
    let mut test = Test::new();
    test.world.read.replace(None);
    test.accept("other");
    for _ in 0..3 {
        assert_eq!(test.request_after(2000), 502);
    }
    assert_eq!(test.world.looks.get(), 0);
}

#[test]
fn refusals_cause_looks_at_a_bounded_rate_where_callers_may_cause_them() {
    let mut test = Test::new();
    test.write("caller's fault");
    assert_eq!(test.request_after(1000), 401);
    test.world.looks.set(0);
    for _ in 0..100 {
        assert_eq!(test.request_after(1), 401);
    }
    assert!(test.world.looks.get() <= 2, "{}", test.world.looks.get());
    assert_eq!(test.world.builds.borrow().len(), 2);
}

#[test]
fn what_cannot_be_used_leaves_the_old_in_place_for_a_while() {
    let mut test = Test::new();
    test.write("");
    for _ in 0..29 {
        assert_eq!(test.request_after(1000), 200);
    }
    assert_eq!(test.logged("configuration.not_reread"), 1);
    assert_eq!(test.logged("configuration.refused"), 0);
    assert_eq!(test.request_after(1000), 200);
    assert_eq!(test.request_after(1000), 500, "grace is over");
    assert_eq!(test.logged("configuration.refused"), 1);
    test.write("old");
    assert_eq!(test.request_after(1000), 500);
    assert_eq!(test.request_after(4000), 200);
}

#[test]
fn what_can_be_used_again_in_time_costs_nothing() {
    let mut test = Test::new();
    test.write("");
    for round in 0..3 {
        assert_eq!(test.request_after(20_000), 200, "{round}");
        test.write("old");
        assert_eq!(test.request_after(20_000), 200, "{round}");
        test.write("");
    }
    assert_eq!(test.logged("configuration.refused"), 0);
}

#[test]
fn a_busy_host_never_ends_the_old_ones_time() {
    let mut test = Test::new();
    test.write("new");
    test.world.busy.set(true);
    for _ in 0..60 {
        assert_eq!(test.request_after(2000), 200);
    }
    assert_eq!(test.logged("not_reread"), 0);
    test.accept("new");
    assert_eq!(test.request_after(50), 502, "not more often than every 100 ms");
    test.world.busy.set(false);
    assert_eq!(test.request_after(100), 200);
}

#[test]
fn a_clock_that_was_set_back_stops_nothing() {
    let mut test = Test::new();
    test.world.millis.set(900_000);
    assert_eq!(test.request_after(0), 200);
    test.world.millis.set(0);
    test.write("new");
    test.accept("new");
    assert_eq!(test.request_after(0), 200);
}
