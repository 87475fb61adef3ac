//! `headcount adopt`: the prometheus.yml to use once headcount discovers.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use headcount_questions::adopt::{self, Adopted, Reader};
use headcount_reader::Machine;
use url::Url;

use crate::cli::{AdoptOptions, Whose};
use crate::console;

pub(super) fn adopt(options: &AdoptOptions) -> anyhow::Result<ExitCode> {
    let url = Url::parse(&options.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.fragment().is_none());
    let Some(url) = url else {
        bail!(
            "--url {:?} is not where headcount can be reached; write something like http://headcount:9099",
            options.url
        );
    };
    let (bytes, origin) = read(&options.file)?;
    // What the settings say is headcount's alone, so they are not read.
    let reader = Reader::from(options.reader);
    if reader == Reader::Vmagent && options.taken.whose != Whose::Vmagent {
        bail!("what vmagent reads is read as vmagent does; add --dialect vmagent");
    }
    let loaders = (options.taken.loader_with(None), options.taken.for_prometheus());
    let as_it_is = |bytes: &[u8]| loaders.0.parse(bytes, origin, &Machine);
    let by_prometheus = |bytes: &[u8]| loaders.1.parse(bytes, origin, &Machine);
    let is_other = options.taken.whose == Whose::Vmagent && reader != Reader::Vmagent;
    let as_it_is_read: Option<&dyn Fn(&[u8]) -> _> = match is_other {
        true => Some(&by_prometheus),
        false => None,
    };
    let adopted = adopt::adopt(&bytes, origin, &url, reader, as_it_is, as_it_is_read)?;
    for note in notes(&adopted) {
        console::complain(&note);
    }
    console::print(&adopted.text)?;
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> anyhow::Result<(Vec<u8>, &Path)> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("reading standard input")?;
        return Ok((bytes, Path::new("prometheus.yml")));
    }
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok((bytes, file))
}

/// What who reads the result has to know.
fn notes(adopted: &Adopted) -> Vec<String> {
    let jobs = match adopted.jobs.len() {
        1 => "1 job".to_owned(),
        count => format!("{count} jobs"),
    };
    let relabelled = adopted.jobs.iter().filter(|job| job.relabelled.is_some()).count();
    let mut notes = vec![match relabelled {
        0 => format!("headcount discovers {jobs}, relabelled where that was done before"),
        _ => format!("headcount discovers {jobs}, and relabels {relabelled} of them; comments say why"),
    }];
    let refilled = adopted
        .jobs
        .iter()
        .filter_map(|job| Some((&job.name, job.refilled.as_ref()?)));
    notes.extend(refilled.map(|(job, (rule, label))| {
        format!(
            "job {job:?}: relabel_configs[{rule}] may remove {label}, which Prometheus fills in again; have the rule set it, or \
             remove it by a rule of your own"
        )
    }));
    let included = adopted.included.iter();
    notes.extend(included.map(|file| format!("the jobs of {0} are not changed: adopt that file, too", file.display())));
    notes
}
