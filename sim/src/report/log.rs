//! The short log of a run: one line for each change of state, in fixed columns.

use crate::{Covered, Happening, Input, Span, TraceEvent, Traced};

/// What the columns and signs of [`short_log`] mean; lines that begin with `#`.
pub const LEGEND: &str = "\
# time since the start | sign | who | what
#   T+ T- T~  the truth: a host is up, is gone, is another
#   F[ F] F!  a fault: a window opens, shuts, a call is hit
#   P+ P-     a provider is started, stopped
#   P~ P! P?  its update changed something, its poll failed, it reported although it was stopped
#   G[ G]     the guard holds targets of it that are gone, lets them go
#   C         the configuration, a process or the receiver is touched
#   S         a snapshot is handed over
#   *         something was seen for the first time
#   X         a rule is broken
";

/// The event as a line of the short log; none, if it changes no state.
///
/// ```
/// use headcount_sim::{LEGEND, Shipped, Simulation, short_log};
///
/// let scenario = Shipped::named("zone-loss").expect("it comes with the simulator").scenario()?;
/// let mut simulation = Simulation::new(&scenario, 1)?;
/// simulation.listen(true);
/// while simulation.step() {}
/// let lines: Vec<String> = simulation.take_events().iter().filter_map(short_log).collect();
/// assert!(lines[0].starts_with("00:00:00.00"), "{}", lines[0]);
/// assert!(LEGEND.lines().all(|line| line.starts_with('#')));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn short_log(traced: &Traced) -> Option<String> {
    let (sign, who, what) = columns(&traced.event)?;
    Some(
        format!("{}  {sign:<2}  {who:<7}  {what}", clock(traced.at))
            .trim_end()
            .to_owned(),
    )
}

fn columns(event: &TraceEvent) -> Option<(&'static str, String, String)> {
    let nobody = String::new;
    Some(match event {
        TraceEvent::Truth { host, version, up } => {
            let sign = match (up, version) {
                (false, _) => "T-",
                (true, 1) => "T+",
                (true, _) => "T~",
            };
            (sign, host.to_string(), format!("version {version}"))
        }
        TraceEvent::Input { input } => return decided(input),
        TraceEvent::WindowShut { kind, fault } => ("F]", nobody(), format!("{} (fault {fault})", kind.word())),
        TraceEvent::Started { provider, discoverer } => ("P+", discoverer.to_string(), provider.to_string()),
        TraceEvent::Stopped { provider, discoverer } => ("P-", discoverer.to_string(), provider.to_string()),
        TraceEvent::Update {
            discoverer,
            update,
            added,
            changed,
            removed,
            ..
        } if added + changed + removed > 0 => (
            "P~",
            discoverer.to_string(),
            format!("update {update}: {added} added, {changed} changed, {removed} removed"),
        ),
        TraceEvent::Held { discoverer, held, .. } => match held {
            0 => ("G]", discoverer.to_string(), nobody()),
            _ => ("G[", discoverer.to_string(), format!("{held} targets held")),
        },
        TraceEvent::Failure { discoverer, .. } => ("P!", discoverer.to_string(), nobody()),
        TraceEvent::Ignored { provider } => ("P?", nobody(), provider.to_string()),
        TraceEvent::Emission {
            version,
            targets,
            groups,
            bytes,
        } => (
            "S",
            format!("#{version}"),
            format!("{targets} targets; {groups} groups differ, {bytes} bytes"),
        ),
        TraceEvent::Restored { bytes } => ("C", nobody(), format!("{bytes} bytes of saved state are read")),
        TraceEvent::Refused { reason } => ("C", nobody(), format!("the saved state is refused: {reason}")),
        TraceEvent::Mark { mark } => ("*", nobody(), mark.word().replace('_', " ")),
        TraceEvent::Violation { violation } => ("X", violation.rule.to_string(), violation.to_string()),
        TraceEvent::Update { .. }
        | TraceEvent::Shown { .. }
        | TraceEvent::Call { .. }
        | TraceEvent::Answer { .. }
        | TraceEvent::Learned { .. }
        | TraceEvent::Taken => return None,
    })
}

/// Hosts are left out: the truth says what became of them.
fn decided(input: &Input) -> Option<(&'static str, String, String)> {
    let what = match &input.what {
        Happening::Up { .. } | Happening::Down { .. } => return None,
        Happening::Hit { discoverer, kind, .. } => {
            return Some(("F!", discoverer.to_string(), kind.word().to_owned()));
        }
        Happening::Window {
            kind,
            covers,
            rate,
            lasts,
            fault,
        } => {
            let covered = match covers {
                Covered::Everyone => "everyone".to_owned(),
                Covered::These(one) if one.len() == 1 => one[0].to_string(),
                Covered::These(these) => format!("{} of them", these.len()),
                Covered::Replica { of, replica } => format!("{} at replica {replica}", of.len()),
            };
            let what = format!("{} (fault {fault}) for {lasts}, {rate} of the calls", kind.word());
            return Some(("F[", covered, what));
        }
        other => other.says()?,
    };
    Some(("C", String::new(), what))
}

/// A moment as `hours:minutes:seconds.microseconds`.
fn clock(at: Span) -> String {
    let micros = at.as_nanos() / 1_000;
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    format!(
        "{:02}:{:02}:{:02}.{micros:06}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}
