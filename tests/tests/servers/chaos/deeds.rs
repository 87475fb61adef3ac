//! Troubles that are over at once: restarts, reloads, and lists that are wrong for a moment.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, io, thread};

use super::change_truth;
use super::faults::health;
use super::random::Random;
use super::sources::{Place, list};
use super::world::World;
use crate::support::until;

/// What is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// headcount is killed and started again.
    KillHeadcount,
    /// It reloads what has not changed.
    ReloadSame,
    /// It is told to reload what is wrong.
    ReloadBroken,
    /// It reloads a configuration with one more job, and then without.
    ReloadMore,
    /// A server says once that it has nothing.
    SayNothing(&'static str),
    /// A file is written in place, and in pieces.
    WriteSlowly,
    /// A YAML file has nothing in it for a moment.
    BlankForAMoment,
    /// A file is removed, and made anew a moment later.
    GoneForAMoment,
}

/// All of them; what differs with its place more than once.
pub(super) const DEEDS: [Deed; 10] = [
    Deed::KillHeadcount,
    Deed::ReloadSame,
    Deed::ReloadBroken,
    Deed::ReloadMore,
    Deed::SayNothing("null"),
    Deed::SayNothing("[]"),
    Deed::WriteSlowly,
    Deed::WriteSlowly,
    Deed::BlankForAMoment,
    Deed::GoneForAMoment,
];

/// Pieces that a file is written in.
const PIECES: usize = 8;

/// The time between them, and a quarter of that for which a file is blank or gone: far less than the five seconds after
/// which that is believed.
const PIECE: Duration = Duration::from_millis(150);

impl Deed {
    /// Does it, where something that it needs is well; says whether there was.
    pub(super) fn perform(self, world: &mut World, random: &mut Random) -> bool {
        let mut meant = world.numbers(|place| self.can_befall(place));
        // What a source says first after headcount was started is believed.
        meant.retain(|source| world.judge.is_well(*source));
        match (self, random.pick(&meant)) {
            (Self::KillHeadcount, _) => kill_headcount(world),
            (Self::ReloadSame, _) => reload_same(world, random),
            (Self::ReloadBroken, _) => reload_broken(world, random),
            (Self::ReloadMore, _) => reload_more(world),
            (_, None) => return false,
            (Self::SayNothing(nothing), Some(source)) => say_nothing(world, source, nothing),
            (Self::WriteSlowly, Some(source)) => write_slowly(world, source, random),
            (Self::BlankForAMoment, Some(source)) => be_away(world, source, "blank", |path| fs::write(path, "")),
            (Self::GoneForAMoment, Some(source)) => be_away(world, source, "gone", fs::remove_file),
        }
        true
    }

    /// Whether it can be done at such a source.
    fn can_befall(self, place: &Place) -> bool {
        match (self, place) {
            (Self::SayNothing(_), Place::List(_)) | (Self::WriteSlowly | Self::GoneForAMoment, Place::File(_)) => true,
            (Self::BlankForAMoment, Place::File(path)) => path.ends_with(".yml"),
            _ => false,
        }
    }
}

fn kill_headcount(world: &mut World) {
    world.judge.tell("headcount is killed");
    world.judge.set_up(false);
    world.headcount.kill();
    world.headcount.restart();
    world.judge.set_up(true);
    world.judge.tell("headcount listens again");
}

fn reload_same(world: &World, random: &mut Random) {
    world.judge.tell("headcount reloads the same");
    reload(world, random);
}

/// By signal or by request; waits for the end of it.
fn reload(world: &World, random: &mut Random) {
    if random.below(2) == 0 {
        let answer = world.headcount.reload();
        assert_eq!(answer.status, 200, "{}", answer.text());
        return;
    }
    let count = || world.headcount.log().matches("the configuration was reloaded").count();
    let before = count();
    world.headcount.hang_up();
    until("it has reloaded", || match count() {
        now if now > before => Ok(()),
        now => Err(format!("{now} reloads")),
    });
}

fn reload_broken(world: &World, random: &mut Random) {
    let config = world.config();
    let broken = match random.below(4) {
        // Half written, in the middle of a list.
        0 => config.rsplit_once(']').expect("a list").0.to_owned(),
        1 => config.replace("refresh_interval", "refresh_intervall"),
        // About to be written.
        2 => String::new(),
        _ => String::new() + &config + "scrape_configs: []\n",
    };
    world.judge.tell("headcount is to reload what is wrong");
    world.folder.write("prometheus.yml", broken);
    let answer = world.headcount.reload();
    assert_eq!(answer.status, 500, "{}", answer.text());
    world.folder.write("prometheus.yml", config);
    reload(world, random);
}

fn reload_more(world: &World) {
    let config = world.config();
    let more = "  - job_name: more\n    static_configs: [{targets: ['127.0.0.1:9']}]\n";
    for (config, status) in [(config.clone() + more, 200), (config, 404)] {
        world.judge.tell("headcount reloads with a job more or less");
        world.folder.write("prometheus.yml", config);
        let answer = world.headcount.reload();
        assert_eq!(answer.status, 200, "{}", answer.text());
        until("the job is there, or is not", || {
            match world.headcount.get("/sd/more")?.status {
                now if now == status => Ok(()),
                now => Err(now.to_string()),
            }
        });
    }
}

/// It is put right as soon as it was seen once; the next look is most of an interval away. What is said at two looks in
/// a row is believed, so another one has to see that all is there.
fn say_nothing(world: &mut World, source: usize, nothing: &str) {
    let Place::List(name) = &world.sources[source].place else {
        panic!("{source} is no list");
    };
    let (list, description) = (format!("www/{name}.json"), format!("/{name}.json"));
    world.judge.tell(&format!("{} says {nothing}", world.sources[source]));
    world.judge.set_ill(source, true);
    let failures = |world: &World| health(world, &description).map(|health| health["failures"].as_u64());
    let before = failures(world).ok();
    world.folder.write(&list, nothing);
    until("that was not believed", || match failures(world)? {
        now if now > before.flatten() => Ok(()),
        now => Err(format!("{now:?} failures")),
    });
    world.say_truth(source);
    until("it is well", || match &health(world, &description)?["state"] {
        state if state == "ok" => Ok(()),
        state => Err(state.to_string()),
    });
    world.judge.set_ill(source, false);
}

fn write_slowly(world: &mut World, source: usize, random: &mut Random) {
    change_truth(world, source, random);
    let Place::File(path) = &world.sources[source].place else {
        panic!("{source} is no file");
    };
    world
        .judge
        .tell(&format!("{} is written slowly", world.sources[source]));
    world.judge.set_ill(source, true);
    let whole = list(path, &world.judge.hosts(source));
    let mut file = fs::File::create(world.folder.path(path)).expect("emptying a file");
    for piece in whole.as_bytes().chunks(whole.len() / PIECES + 1) {
        thread::sleep(PIECE);
        file.write_all(piece).expect("writing a piece");
    }
    world.judge.set_ill(source, false);
}

fn be_away(world: &mut World, source: usize, how: &str, take_away: impl Fn(PathBuf) -> io::Result<()>) {
    let Place::File(path) = &world.sources[source].place else {
        panic!("{source} is no file");
    };
    world
        .judge
        .tell(&format!("{} is {how} for a moment", world.sources[source]));
    world.judge.set_ill(source, true);
    take_away(world.folder.path(path)).expect("taking away what is in a file");
    thread::sleep(PIECE * 4);
    world.say_truth(source);
    world.judge.set_ill(source, false);
}
