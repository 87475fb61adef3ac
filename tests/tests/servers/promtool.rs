//! promtool reads the files that headcount writes.

use std::collections::BTreeSet;

use crate::support::{Folder, Headcount, Labels, check_config, check_service_discovery, target_list, until};

const RELABELLING: &str = "
    relabel_configs:
      - {source_labels: [__meta_rack], target_label: rack}
      - {source_labels: [role], regex: spare, action: drop}
";

fn config(files: &[String]) -> String {
    format!("scrape_configs:\n  - job_name: node\n    file_sd_configs: [{{files: {files:?}}}]{RELABELLING}")
}

#[test]
fn the_files_that_are_written_hold_the_targets_that_were_read() {
    require!("promtool");
    let folder = Folder::new();
    folder.write(
        "in/a.json",
        r#"[{"targets": ["10.0.0.1:9100", "10.0.0.2:9100"], "labels": {"__meta_rack": "r 1", "role": "büro"}},
            {"targets": ["10.0.0.3:9100"], "labels": {"role": "spare"}}]"#,
    );
    folder.write(
        "in/b.yml",
        "- targets: [10.0.1.1:9100]\n- targets: [10.0.1.2:9100]\n  labels: {x: \"a\\nb\"}\n",
    );
    let input = folder.write(
        "prometheus.yml",
        config(&[folder.text("in/a.json"), folder.text("in/*.yml")]),
    );
    let (out, input_text) = (folder.text("out"), input.to_str().unwrap());
    let headcount = Headcount::start(&folder, &["--config", input_text, "--file-sd-dir", &out]);

    let written = until("the file is written", || {
        let bytes = std::fs::read(folder.path("out/node.json")).map_err(|error| error.to_string())?;
        target_list(&serde_json::from_slice(&bytes).expect("a file is never half there"))
    });
    assert_eq!(written, headcount.list("node").unwrap());

    let output = folder.write("written.yml", config(&[folder.text("out/node.json")]));
    check_config(&output);
    // That a list is in a file of ours now, is all that differs.
    let read = |config| -> BTreeSet<(Labels, Labels)> {
        let targets = check_service_discovery(config, "node").into_iter();
        targets
            .map(|(discovered, kept)| (without_file(discovered), kept))
            .collect()
    };
    let (before, after) = (read(&input), read(&output));
    assert_eq!(before.len(), 5);
    assert_eq!(after, before);
}

fn without_file(mut labels: Labels) -> Labels {
    labels.remove("__meta_filepath");
    labels
}
