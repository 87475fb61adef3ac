//! Troubles that last: what breaks, how it is seen that headcount has noticed, and how it is put right.
//!
//! A trouble is put right only when headcount has met it, so that none passes by unnoticed. What ends by itself or at
//! once is in [`deeds`](super::deeds).

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::random::Random;
use super::sources::{INTERVAL, Place, folder_of, list};
use super::world::World;
use crate::support::Knot;

/// What can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// nginx answers so to who asks for a list.
    Answer(Answer),
    /// A list file is so.
    File(Damage),
    /// A folder of list files is away.
    FolderAway,
    /// A server and all that it serves.
    Server(Server, Trouble),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status500,
    Blank,
    Torn,
    Garbage,
    LoginPage,
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Blank,
    Torn,
    Garbage,
    LinkToNothing,
    LinkToItself,
    Folder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Nginx,
    Consul,
    Knot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It was killed.
    Killed,
    /// It keeps its connections, takes new ones, and says nothing.
    Paused,
}

/// All of them.
pub(super) const FAULTS: [Fault; 19] = [
    Fault::Answer(Answer::Status500),
    Fault::Answer(Answer::Blank),
    Fault::Answer(Answer::Torn),
    Fault::Answer(Answer::Garbage),
    Fault::Answer(Answer::LoginPage),
    Fault::Answer(Answer::Slow),
    Fault::File(Damage::Blank),
    Fault::File(Damage::Torn),
    Fault::File(Damage::Garbage),
    Fault::File(Damage::LinkToNothing),
    Fault::File(Damage::LinkToItself),
    Fault::File(Damage::Folder),
    Fault::FolderAway,
    Fault::Server(Server::Nginx, Trouble::Killed),
    Fault::Server(Server::Nginx, Trouble::Paused),
    Fault::Server(Server::Consul, Trouble::Killed),
    Fault::Server(Server::Consul, Trouble::Paused),
    Fault::Server(Server::Knot, Trouble::Killed),
    Fault::Server(Server::Knot, Trouble::Paused),
];

/// A fault that goes on.
pub(super) struct Ongoing {
    fault: Fault,
    /// Of the sources that it makes ill, the one that it was meant for.
    source: usize,
    sources: Vec<usize>,
    began: Instant,
    sign: Sign,
}

/// What shows that headcount has met a fault.
enum Sign {
    /// The provider that is described so has failed more often than this, at last with an error that has this in it,
    /// or lacks something for such a reason.
    Failure {
        description: String,
        failures: u64,
        error: String,
    },
    /// Nothing does, but that long it asks at least once.
    Lasting(Duration),
}

impl Ongoing {
    /// Begins a fault at a source that is well; `None` if there is none whose others are well, too.
    pub(super) fn begin(fault: Fault, world: &mut World, random: &mut Random) -> Option<Self> {
        let all = world.numbers(|place| fault.can_befall(place));
        let is_free =
            |source: &usize| (fault.befalls(*source, world).iter()).all(|source| !world.judge.is_ill(*source));
        let free: Vec<_> = all.into_iter().filter(is_free).collect();
        let source = random.pick(&free)?;
        let sources = fault.befalls(source, world);
        let sign = sign(fault, source, world);
        let meant = match fault {
            Fault::Server(..) => String::new(),
            _ => format!(" at {}", world.sources[source]),
        };
        world.judge.tell(&format!("{fault:?}{meant} begins"));
        sources.iter().for_each(|source| world.judge.set_ill(*source, true));
        strike(fault, source, world);
        Some(Self {
            fault,
            source,
            sources,
            began: Instant::now(),
            sign,
        })
    }

    /// Whether headcount has met it.
    pub(super) fn was_met(&self, world: &World) -> Result<(), String> {
        match &self.sign {
            Sign::Lasting(time) if self.began.elapsed() < *time => Err("it has not lasted long enough".to_owned()),
            Sign::Lasting(_) => Ok(()),
            Sign::Failure {
                description,
                failures,
                error,
            } => {
                let health = health(world, description)?;
                let says_it = |field: &str| health[field].as_str().is_some_and(|said| said.contains(error));
                let failed = health["failures"].as_u64().is_some_and(|now| now > *failures);
                let fails = health["state"] == "failing" && failed && says_it("lastError");
                if fails || says_it("missing") {
                    Ok(())
                } else {
                    Err(format!("{:?} at {description}: {health}", self.fault))
                }
            }
        }
    }

    /// Puts it right, and has its sources say what is true now.
    pub(super) fn end(self, world: &mut World) {
        world.judge.tell(&format!(
            "{:?} at {} ends after {:.1?}",
            self.fault,
            world.sources[self.source],
            self.began.elapsed()
        ));
        mend(self.fault, self.source, world);
        self.sources.iter().for_each(|source| world.say_truth(*source));
        self.sources
            .iter()
            .for_each(|source| world.judge.set_ill(*source, false));
    }
}

impl Fault {
    /// Whether it can be begun at such a place.
    fn can_befall(self, place: &Place) -> bool {
        match (self, place) {
            // A rack's list takes seconds at the rate of slow answers, the fleet's takes minutes.
            (Self::Answer(Answer::Slow), Place::List(name)) => name.starts_with("rack"),
            (Self::Answer(_), Place::List(_)) | (Self::FolderAway, Place::File(_)) => true,
            // YAML that is blank or torn for more than seconds is a list like others: `docs/faults.md`.
            (Self::File(_), Place::File(path)) => path.ends_with(".json"),
            (Self::Server(server, _), place) => server.serves(place),
            _ => false,
        }
    }

    /// All sources that it makes ill when it is begun at this one.
    fn befalls(self, source: usize, world: &World) -> Vec<usize> {
        match (self, &world.sources[source].place) {
            (Self::Server(server, _), _) => world.numbers(|place| server.serves(place)),
            (Self::FolderAway, Place::File(path)) => {
                let folder = folder_of(path);
                world.numbers(|place| matches!(place, Place::File(path) if folder_of(path) == folder))
            }
            _ => vec![source],
        }
    }
}

impl Server {
    fn serves(self, place: &Place) -> bool {
        match self {
            Self::Nginx => matches!(place, Place::List(_)),
            Self::Consul => matches!(place, Place::Service(_)),
            Self::Knot => matches!(place, Place::Name(_)),
        }
    }
}

/// What will show that headcount has met a fault at a source.
fn sign(fault: Fault, source: usize, world: &World) -> Sign {
    let (description, error) = match (&world.sources[source].place, fault) {
        (_, Fault::Server(_, Trouble::Paused) | Fault::Answer(Answer::Slow)) => return Sign::Lasting(INTERVAL * 2),
        (Place::List(name), Fault::Answer(Answer::Status500)) => (format!("/{name}.json"), "500"),
        (Place::List(name), Fault::Answer(Answer::LoginPage)) => (format!("/{name}.json"), "text/html"),
        (Place::List(name), Fault::Server(..)) => (format!("/{name}.json"), "refused"),
        (Place::List(name), _) => (format!("/{name}.json"), "line "),
        (Place::File(path), Fault::FolderAway) => (format!("/{}/", folder_of(path)), folder_of(path)),
        (Place::File(path), _) => (format!("/{}/", folder_of(path)), path.as_str()),
        (Place::Service(_), _) => (world.consul.address().to_string(), "refused"),
        (Place::Name(_), _) => ("A records".to_owned(), "refused"),
    };
    let health = health(world, &description).unwrap_or_default();
    Sign::Failure {
        description,
        failures: health["failures"].as_u64().unwrap_or_default(),
        error: error.to_owned(),
    }
}

/// How the provider fares that is described so.
pub(super) fn health(world: &World, description: &str) -> Result<Value, String> {
    let answer = world.headcount.get("/api/v1/providers")?.json()?;
    let providers = answer["data"]["providers"].as_array().ok_or("no providers")?;
    let is_meant = |provider: &&Value| {
        let said = provider["description"].as_str();
        said.is_some_and(|said| said.contains(description))
    };
    let found = providers.iter().find(is_meant);
    let found = found.ok_or_else(|| format!("no provider {description}"))?;
    Ok(found["health"].clone())
}

fn strike(fault: Fault, source: usize, world: &mut World) {
    match (fault, world.sources[source].place.clone()) {
        (Fault::Answer(answer), Place::List(name)) => {
            let whole = list(&name, &world.judge.hosts(source));
            let replace = |content: &[u8]| drop(world.folder.write(&format!("www/{name}.json"), content));
            match answer {
                Answer::Status500 => drop(world.folder.write(&format!("www/{name}.failing"), "")),
                Answer::LoginPage => drop(world.folder.write(&format!("www/{name}.login"), "")),
                Answer::Slow => drop(world.folder.write(&format!("www/{name}.slow"), "")),
                Answer::Blank => replace(b""),
                Answer::Torn => replace(&whole.as_bytes()[..whole.len() / 2]),
                Answer::Garbage => replace(GARBAGE),
            }
        }
        (Fault::File(damage), Place::File(path)) => {
            let whole = list(&path, &world.judge.hosts(source));
            let place = world.folder.path(&path);
            let replace = |content: &[u8]| drop(world.folder.write(&path, content));
            match damage {
                Damage::Blank => replace(b""),
                Damage::Torn => replace(&whole.as_bytes()[..whole.len() / 2]),
                Damage::Garbage => replace(GARBAGE),
                Damage::LinkToNothing | Damage::LinkToItself | Damage::Folder => {
                    fs::remove_file(&place).expect("removing a list");
                    match damage {
                        Damage::LinkToNothing => symlink("nothing.json", &place).expect("a link"),
                        Damage::LinkToItself => symlink(&place, &place).expect("a link"),
                        _ => fs::create_dir(&place).expect("a folder"),
                    }
                }
            }
        }
        (Fault::FolderAway, Place::File(path)) => {
            let folder = world.folder.path(folder_of(&path));
            fs::rename(&folder, folder.with_extension("away")).expect("moving a folder away");
        }
        (Fault::Server(Server::Nginx, Trouble::Killed), _) => world.nginx.kill(),
        (Fault::Server(Server::Nginx, Trouble::Paused), _) => world.nginx.hang(),
        (Fault::Server(Server::Consul, Trouble::Killed), _) => world.consul.kill(),
        (Fault::Server(Server::Consul, Trouble::Paused), _) => world.consul.hang(),
        (Fault::Server(Server::Knot, Trouble::Killed), _) => world.knot.take().into_iter().for_each(Knot::kill),
        (Fault::Server(Server::Knot, Trouble::Paused), _) => world.knot.iter().for_each(Knot::hang),
        (fault, place) => panic!("{fault:?} can't befall {place:?}"),
    }
}

/// Undoes what [`strike`] did, but for lists, which are written anew after it.
fn mend(fault: Fault, source: usize, world: &mut World) {
    match (fault, world.sources[source].place.clone()) {
        (Fault::Answer(Answer::Status500), Place::List(name)) => world.folder.remove(&format!("www/{name}.failing")),
        (Fault::Answer(Answer::LoginPage), Place::List(name)) => world.folder.remove(&format!("www/{name}.login")),
        (Fault::Answer(Answer::Slow), Place::List(name)) => world.folder.remove(&format!("www/{name}.slow")),
        (Fault::File(Damage::Folder), Place::File(path)) => {
            fs::remove_dir(world.folder.path(&path)).expect("removing a folder");
        }
        (Fault::FolderAway, Place::File(path)) => {
            let folder = world.folder.path(folder_of(&path));
            fs::rename(folder.with_extension("away"), &folder).expect("moving a folder back");
        }
        (Fault::Server(Server::Nginx, Trouble::Killed), _) => world.nginx.restart(),
        (Fault::Server(Server::Nginx, Trouble::Paused), _) => world.nginx.go_on(),
        (Fault::Server(Server::Consul, Trouble::Killed), _) => world.consul.restart(),
        (Fault::Server(Server::Consul, Trouble::Paused), _) => world.consul.go_on(),
        (Fault::Server(Server::Knot, Trouble::Killed), _) => world.restart_knot(),
        (Fault::Server(Server::Knot, Trouble::Paused), _) => world.knot.iter().for_each(Knot::go_on),
        _ => {}
    }
}

/// A compressed file that was cut, or anything else.
const GARBAGE: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\xff\xfe{{]]";
