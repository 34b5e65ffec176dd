//! Uses of a secret in the state directory.

use super::*;
use crate::single_use::SingleUse;
use crate::test_machine::TestMachine;

const SPAN: Duration = Duration::from_secs(20);

fn single_use(machine: &Rc<TestMachine>) -> SingleUse {
    let identity = ["https://idcs/token", "app"];
    let seal = Seal::secret(&Secret::new("key"), &identity).unwrap();
    let name = seal.name("grant", &identity);
    SingleUse::in_directory(name, seal, Rc::clone(machine) as Rc<dyn Platform>)
}

/// Two instances on a directory that has the secret `one`.
fn stored() -> (tempfile::TempDir, Rc<TestMachine>, SingleUse, SingleUse) {
    let directory = tempfile::tempdir().unwrap();
    let machine = Rc::new(TestMachine::in_directory(directory.path()));
    let (this, other) = (single_use(&machine), single_use(&machine));
    this.put(&Secret::new("one")).unwrap();
    (directory, machine, this, other)
}

/// The number of entries without those that reserve room for a successor.
fn entries(directory: &tempfile::TempDir) -> usize {
    all_entries(directory) - rooms(directory)
}

fn all_entries(directory: &tempfile::TempDir) -> usize {
    std::fs::read_dir(directory.path()).unwrap().count()
}

fn rooms(directory: &tempfile::TempDir) -> usize {
    let entries = std::fs::read_dir(directory.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".room.")).count()
}

fn error(of: &SingleUse) -> UseError {
    of.begin(SPAN).err().unwrap()
}

#[test]
fn there_is_none_until_one_is_put() {
    let directory = tempfile::tempdir().unwrap();
    let machine = Rc::new(TestMachine::in_directory(directory.path()));
    let this = single_use(&machine);
    assert_eq!(error(&this), UseError::Missing);
    this.put(&Secret::new("any: text")).unwrap();
    assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "any: text");
}

#[test]
fn nobody_else_begins_until_the_use_ends_and_then_finds_the_successor() {
    let (directory, _, this, other) = stored();
    let using = this.begin(SPAN).unwrap();
    assert!(matches!(error(&other), UseError::Busy { left } if left > SPAN));
    using.replace(&Secret::new("two")).unwrap();
    let using = other.begin(SPAN).unwrap();
    assert_eq!(using.secret().expose(), "two");
    using.give_back();
    assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
    assert_eq!(entries(&directory), 2, "the secret and the last use");
}

#[test]
fn an_abandoned_use_is_waited_out_and_then_taken_over_by_one() {
    let (directory, machine, this, other) = stored();
    drop(this.begin(SPAN).unwrap());
    for seconds in [0, 19, 24] {
        machine.set_wall_clock_ahead(seconds);
        assert!(matches!(error(&other), UseError::Busy { .. }), "{seconds}");
    }
    machine.set_wall_clock_ahead(26);
    let using = other.begin(SPAN).unwrap();
    assert_eq!(using.secret().expose(), "one");
    assert!(matches!(error(&this), UseError::Busy { .. }));
    assert_eq!(entries(&directory), 2, "what was abandoned is cleared away");
    using.replace(&Secret::new("two")).unwrap();
    assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
}

#[test]
fn an_owner_that_was_asleep_takes_nothing_from_its_successor() {
    let (directory, machine, this, other) = stored();
    let asleep = this.begin(SPAN).unwrap();
    machine.set_wall_clock_ahead(26);
    let using = other.begin(SPAN).unwrap();
    // That is so even if it removes its entry much too late.
    let _ = std::fs::remove_file(directory.path().join(&asleep.claim.mark));
    asleep.give_back();
    assert!(matches!(error(&this), UseError::Busy { .. }));
    using.give_back();
    this.begin(SPAN).unwrap().give_back();
}

#[test]
fn a_successor_that_comes_late_still_counts_unless_there_is_another_secret() {
    let (_directory, machine, this, other) = stored();
    let (late, later) = (this.begin(SPAN).unwrap(), Secret::new("three"));
    machine.set_wall_clock_ahead(26);
    let using = other.begin(SPAN).unwrap();
    assert_eq!(late.replace(&Secret::new("two")), Ok(Replaced::Done));
    assert!(!using.lose().unwrap(), "the refused secret has been replaced");
    assert_eq!(other.begin(SPAN).unwrap().secret().expose(), "two");

    machine.set_wall_clock_ahead(60);
    let old = this.begin(SPAN).unwrap();
    other.put(&later).unwrap();
    assert_eq!(
        old.replace(&Secret::new("of another login")),
        Ok(Replaced::Unwanted)
    );
    assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "three");
}

#[test]
fn what_is_lost_stays_lost_until_another_is_put() {
    let (directory, _, this, other) = stored();
    assert!(this.begin(SPAN).unwrap().lose().unwrap());
    assert_eq!(error(&other), UseError::Lost);
    assert_eq!(entries(&directory), 1);
    other.put(&Secret::new("two")).unwrap();
    assert_eq!(this.begin(SPAN).unwrap().secret().expose(), "two");
}

#[test]
fn a_clock_set_back_does_not_block_it_for_long() {
    let (_directory, machine, this, other) = stored();
    machine.set_wall_clock_ahead(3600);
    drop(this.begin(SPAN).unwrap());
    machine.set_wall_clock_ahead(0);
    other.begin(SPAN).unwrap().give_back();
}

#[test]
fn without_a_directory_that_can_be_written_nothing_begins() {
    let (directory, _, this, _) = stored();
    drop(directory);
    assert!(matches!(error(&this), UseError::Missing | UseError::Place(_)));
}

#[test]
fn without_room_for_a_successor_nothing_begins_and_with_it_the_successor_is_kept_whatever_fills_up() {
    // Both are so long that they take several entries.
    let (secret, successor) = ("1".repeat(2_000), "2".repeat(4_000));
    let directory = tempfile::tempdir().unwrap();
    let machine = Rc::new(TestMachine::in_directory(directory.path()));
    let this = single_use(&machine);
    this.put(&Secret::new(&secret)).unwrap();
    for entries in 1..40 {
        machine.set_room(entries);
        let before = all_entries(&directory);
        let using = match this.begin(SPAN) {
            Ok(using) => using,
            Err(error) => {
                assert_eq!(error, UseError::NoRoom(DirectoryError::Full), "{entries}");
                assert_eq!(
                    all_entries(&directory),
                    before,
                    "{entries}: what was taken is given back"
                );
                assert_eq!(this.check(), Err(DirectoryError::Full.into()), "{entries}");
                continue;
            }
        };
        assert!(entries > 20, "{entries}");
        // From now on there is no other room.
        machine.set_room(0);
        assert_eq!(
            using.replace(&Secret::new(&successor)),
            Ok(Replaced::Done),
            "{entries}"
        );
        machine.set_room(usize::MAX);
        let using = this.begin(SPAN).unwrap();
        assert_eq!(using.secret().expose(), successor);
        using.give_back();
        assert_eq!(this.check(), Ok(()));
        assert_eq!(rooms(&directory), 0, "{entries}");
        return;
    }
    panic!("there was room");
}

#[test]
fn on_a_file_system_that_is_full_nothing_begins_and_what_has_begun_keeps_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mount = |arguments: &[&str]| {
        let mut command = std::process::Command::new(arguments[0]);
        command.args(&arguments[1..]).arg(path).output()
    };
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs"]);
    if !mounted.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: no tmpfs can be mounted here; run as root");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let this = single_use(&Rc::new(TestMachine::in_directory(path)));
        let (secret, successor) = (Secret::new("1".repeat(3_000)), Secret::new("2".repeat(6_000)));
        this.put(&secret).unwrap();
        let fill = || {
            let mut file = std::fs::File::create(path.join("filler")).unwrap();
            while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        };
        fill();
        assert_eq!(error(&this), UseError::NoRoom(DirectoryError::Full));
        assert_eq!(
            error(&this),
            UseError::NoRoom(DirectoryError::Full),
            "nobody has claimed it"
        );
        std::fs::remove_file(path.join("filler")).unwrap();
        let using = this.begin(SPAN).unwrap();
        fill();
        assert_eq!(using.replace(&successor), Ok(Replaced::Done));
        std::fs::remove_file(path.join("filler")).unwrap();
        assert_eq!(*this.begin(SPAN).unwrap().secret(), successor);
    });
    mount(&["umount"]).unwrap();
    outcome.unwrap();
}

#[test]
fn room_that_a_killed_owner_left_is_used_again_and_cleared_away() {
    let (directory, machine, this, other) = stored();
    drop(this.begin(SPAN).unwrap());
    assert!(rooms(&directory) > 20);
    machine.set_wall_clock_ahead(26);
    let using = other.begin(SPAN).unwrap();
    using.replace(&Secret::new("two")).unwrap();
    assert_eq!(all_entries(&directory), 1, "the secret");
}

#[test]
fn garbage_in_the_place_of_a_use_blocks_nobody() {
    let (directory, _, this, other) = stored();
    drop(this.begin(SPAN).unwrap());
    let entry = std::fs::read_dir(directory.path()).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.to_string_lossy().contains(".use-").then_some(path)
    });
    let entry = entry.unwrap();
    std::fs::remove_file(&entry).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &entry).unwrap();
    assert_eq!(other.begin(SPAN).unwrap().secret().expose(), "one");
}

#[test]
fn the_secret_does_not_show() {
    let (directory, _, this, _) = stored();
    this.put(&Secret::new("hunter2")).unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let content = std::fs::read_link(entry.unwrap().path()).unwrap();
        assert!(!content.to_string_lossy().contains("hunter2"));
    }
    let (_directory, machine, _, _) = stored();
    let identity = ["https://idcs/token", "app"];
    let seal = Seal::secret(&Secret::new("another key"), &identity).unwrap();
    let name = seal.name("grant", &identity);
    let stranger = SingleUse::in_directory(name, seal, Rc::clone(&machine) as Rc<dyn Platform>);
    assert_eq!(error(&stranger), UseError::Missing);
}

#[test]
fn many_at_once_never_use_it_together_and_no_successor_is_lost() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let (directory, _, this, _) = stored();
    this.put(&Secret::new("0")).unwrap();
    let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let machine = Rc::new(TestMachine::in_directory(directory.path()));
                let this = single_use(&machine);
                while turns.load(Ordering::SeqCst) < 200 {
                    let Ok(using) = this.begin(SPAN) else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    let number: usize = using.secret().expose().parse().unwrap();
                    assert_eq!(number, turns.fetch_add(1, Ordering::SeqCst));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    using.replace(&Secret::new((number + 1).to_string())).unwrap();
                }
            });
        }
    });
}
