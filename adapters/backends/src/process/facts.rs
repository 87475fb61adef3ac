//! How facts about a process are understood (proc(5), cgroups(7), passwd(5)).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use headcount_discoverer::Env;
use headcount_reader::{MASK, sounds_secret, without_credentials};

/// More than any list of users has.
const LARGEST_LIST: u64 = 16 << 20;
/// How long the number of a container is.
const CONTAINER: usize = 64;

/// The arguments in one line, without what is secret.
pub(super) fn command_line(arguments: &[u8]) -> String {
    let text = String::from_utf8_lossy(arguments);
    let mut line: Vec<Cow<'_, str>> = Vec::new();
    let mut is_secret = false;
    for argument in text.split('\0').filter(|argument| !argument.is_empty()) {
        let was_announced = std::mem::take(&mut is_secret) && !argument.starts_with('-');
        let name = argument.split(['=', ':']).next().unwrap_or_default();
        let is_named = sounds_secret(name.trim_start_matches('-'));
        if was_announced {
            line.push(MASK.into());
        } else if is_named && name.len() < argument.len() {
            let sign = argument
                .get(name.len()..)
                .and_then(|rest| rest.chars().next())
                .unwrap_or('=');
            line.push(format!("{name}{sign}{MASK}").into());
        } else {
            is_secret = is_named && argument.starts_with('-');
            line.push(match argument.contains("://") {
                true => without_credentials(argument),
                false => argument.into(),
            });
        }
    }
    line.join(" ")
}

/// The user who runs the process, of the file `status`; empty if it does not say.
pub(super) fn user(status: &[u8]) -> &str {
    let text = std::str::from_utf8(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:"));
    line.and_then(|line| line.split_whitespace().next()).unwrap_or_default()
}

/// The container of a process, by the first of its control groups that is named for one: the number stands at the end
/// of a step, or before a point, alone or behind a dash. Empty for none.
pub(super) fn container(groups: &str) -> &str {
    groups.lines().find_map(container_of).unwrap_or_default()
}

fn container_of(line: &str) -> Option<&str> {
    let (_, path) = line.trim_end().split_once('/')?;
    let steps = path.split('/').collect::<Vec<_>>();
    let last = steps.len().saturating_sub(1);
    steps.iter().enumerate().rev().find_map(|(at, step)| {
        let starts = std::iter::once(0).chain(step.match_indices('-').map(|(dash, _)| dash.saturating_add(1)));
        starts.into_iter().find_map(|start| {
            let number = step.get(start..start.checked_add(CONTAINER)?)?;
            let is_number = number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let after = step.get(start.checked_add(CONTAINER)?..)?;
            let is_whole = after.starts_with('.') || (after.is_empty() && at == last);
            (is_number && is_whole).then_some(number)
        })
    })
}

/// The users that this machine knows, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Users(BTreeMap<String, String>);

impl Users {
    /// Those of `/etc/passwd`; none if it can't be read.
    pub(super) async fn read(env: &Env) -> Self {
        let contents = env.files.read(Path::new("/etc/passwd"), LARGEST_LIST).await;
        let bytes = contents.map(|contents| contents.bytes).unwrap_or_default();
        let mut users = BTreeMap::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let mut fields = line.split(':');
            if let (Some(name), Some(_), Some(number)) = (fields.next(), fields.next(), fields.next()) {
                // The first one counts, as when it is looked up.
                users.entry(number.to_owned()).or_insert_with(|| name.to_owned());
            }
        }
        Self(users)
    }

    /// The name of a user; empty if it is not known.
    pub(super) fn name(&self, uid: &str) -> &str {
        self.0.get(uid).map(String::as_str).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_shows_no_secret() {
        let line = |arguments: &[&str]| command_line((arguments.join("\0") + "\0").as_bytes());
        assert_eq!(
            line(&["/usr/bin/app", "--port=80", "", "-v", "a b"]),
            "/usr/bin/app --port=80 -v a b"
        );
        assert_eq!(
            line(&["mysql", "--password=hunter2", "--user=u"]),
            "mysql --password=<secret> --user=u"
        );
        assert_eq!(
            line(&["app", "--api-token", "hunter2", "--debug"]),
            "app --api-token <secret> --debug"
        );
        assert_eq!(line(&["app", "--token", "--debug"]), "app --token --debug");
        assert_eq!(
            line(&["env", "DB_PASSWORD=hunter2", "app"]),
            "env DB_PASSWORD=<secret> app"
        );
        assert_eq!(
            line(&["curl", "https://u:hunter2@a.example/"]),
            "curl https://a.example/"
        );
        assert_eq!(line(&[]), "");
    }

    #[test]
    fn a_container_is_known_by_its_control_group() {
        let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        for line in [
            format!("12:pids:/docker/{id}"),
            format!("0::/system.slice/docker-{id}.scope"),
            format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{id}.scope"
            ),
            format!("1:name=systemd:/kubepods/besteffort/pod1/{id} "),
            format!("0::/kubepods.slice/crio-{id}.scope/container"),
            format!("0::/user.slice\n3:cpu:/lxc/{id}\n"),
        ] {
            assert_eq!(container(&line), id, "{line}");
        }
        for none in [
            "0::/".to_owned(),
            String::new(),
            "0::/system.slice/ssh.service".to_owned(),
            format!("0::/docker/{id}/init"),
            format!("0::/docker/x{id}"),
            format!("0::/docker/{id}0"),
            format!("0::/docker/{}", id.to_uppercase()),
        ] {
            assert_eq!(container(&none), "", "{none}");
        }
    }

    #[test]
    fn a_user_is_the_one_who_started_it() {
        assert_eq!(user(b"Name:\tapp\nUid:\t1000\t0\t0\t0\nGid:\t1000\n"), "1000");
        assert_eq!(user(b"Name:\tapp\n"), "");
    }
}
