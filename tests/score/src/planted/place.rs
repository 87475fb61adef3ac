//! Where a bug of the adapters is planted: whoever looks for what finds it asks the tests beside it first.

use std::fs;
use std::path::Path;

use headcount_core::planted::bugs::Bug;

/// A place in the adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The crate's folder.
    pub(crate) krate: String,
    /// The modules around it, the outermost first.
    module: Vec<String>,
}

impl Place {
    /// Where a bug is planted, below the folder that this runs in.
    pub(crate) fn of(bug: Bug) -> Result<Self, String> {
        for krate in folders(Path::new("adapters"))? {
            let found = module_with(&krate.join("src"), bug.name())?;
            if let (Some(modules), Some(name)) = (found, krate.file_name()) {
                return Ok(Self {
                    krate: name.to_string_lossy().into_owned(),
                    module: modules,
                });
            }
        }
        Err(format!("{} is planted nowhere in adapters/", bug.name()))
    }

    /// The modules around it, the innermost first, as tests in them are called: `server::pace`, `server`.
    pub(crate) fn modules(&self) -> Vec<String> {
        let lengths = (1..=self.module.len()).rev();
        lengths
            .filter_map(|length| Some(self.module.get(..length)?.join("::")))
            .collect()
    }
}

/// The module below a folder of sources in which a bug is named, from the outermost on.
fn module_with(folder: &Path, name: &str) -> Result<Option<Vec<String>>, String> {
    for path in entries(folder)? {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if let Some(mut inside) = module_with(&path, name)? {
                inside.insert(0, stem);
                return Ok(Some(inside));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| format!("reading {}: {error}", path.display()))?;
            let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.any(|word| word == name) {
                let is_root = ["mod", "lib"].contains(&stem.as_str());
                return Ok(Some(if is_root { Vec::new() } else { vec![stem] }));
            }
        }
    }
    Ok(None)
}

fn folders(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let entries = entries(folder)?;
    Ok(entries.into_iter().filter(|path| path.is_dir()).collect())
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let failed = |error| format!("reading {}: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.sort();
    Ok(paths)
}
