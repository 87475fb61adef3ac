//! Programs, with real processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headcount_discoverer::env::{ProgramCall, ProgramError, Programs, Variables};
use headcount_runtime::{SharedRuntime, SystemPrograms, SystemVariables};

use crate::harness::until;

on_each_runtime!(
    a_program_is_run_with_what_it_was_given,
    how_it_ended_is_told,
    what_was_not_allowed_is_not_run,
    what_takes_too_long_or_prints_too_much_is_killed_with_its_children,
    what_can_not_be_started_is_an_error,
);

fn shell(script: &str) -> ProgramCall {
    ProgramCall {
        arguments: vec!["-c".to_owned(), script.to_owned()],
        ..ProgramCall::new("sh")
    }
}

fn programs(runtime: SharedRuntime) -> SystemPrograms {
    SystemPrograms::new(runtime, ["sh".to_owned(), "/no/such/program".to_owned()])
}

async fn a_program_is_run_with_what_it_was_given(runtime: SharedRuntime) {
    let call = ProgramCall {
        variables: vec![("HEADCOUNT_TEST".to_owned(), "a b".to_owned())],
        input: vec![b'x'; 1 << 20],
        ..shell("printf '%s,' \"$HEADCOUNT_TEST\" \"$PATH\"; wc -c")
    };
    let output = programs(runtime).run(call).await.unwrap();
    let path = SystemVariables.get("PATH").unwrap();
    assert_eq!(String::from_utf8_lossy(&output.output), format!("a b,{path},1048576\n"));
    assert_eq!(SystemVariables.get("HEADCOUNT_TEST"), None);
}

async fn how_it_ended_is_told(runtime: SharedRuntime) {
    let programs = programs(runtime);
    let noisy = "echo why >&2; head -c 100000 /dev/zero >&2; exit 3";
    let output = programs.run(shell(noisy)).await.unwrap();
    assert_eq!(
        (output.code, output.output.len(), output.errors.len()),
        (Some(3), 0, 4096)
    );
    assert!(output.errors.starts_with(b"why\n"));
    let output = programs.run(shell("kill -9 $$")).await.unwrap();
    assert_eq!(output.code, None);
    let input = vec![b'x'; 1 << 20];
    let output = programs
        .run(ProgramCall {
            input,
            ..shell("exit 0")
        })
        .await
        .unwrap();
    assert_eq!(output.code, Some(0), "what it does not read is no failure");
}

async fn what_was_not_allowed_is_not_run(runtime: SharedRuntime) {
    for program in ["/bin/sh", "./sh", "cat", ""] {
        let error = programs(runtime.clone())
            .run(ProgramCall::new(program))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ProgramError::NotAllowed { program: it } if it == program),
            "{error}"
        );
    }
    let env = headcount_runtime::env(&runtime);
    let error = env.programs.run(shell("exit 0")).await.unwrap_err();
    assert!(matches!(error, ProgramError::NotAllowed { .. }), "{error}");
}

/// Whether a process is there.
fn is_running(pid: &str) -> bool {
    // One that ended, but has not been waited for, has no memory.
    let status = fs::read_to_string(PathBuf::from("/proc").join(pid.trim()).join("status"));
    status.is_ok_and(|status| status.contains("VmSize"))
}

async fn what_takes_too_long_or_prints_too_much_is_killed_with_its_children(runtime: SharedRuntime) {
    let folder = tempfile::tempdir().unwrap();
    let started = |name: &str| -> PathBuf { folder.path().join(name) };
    let script = |path: &Path, then: &str| {
        let path = path.display();
        format!("sleep 1000 & echo $! > {path}.new; mv {path}.new {path}; {then}")
    };
    let slow = started("slow");
    let call = ProgramCall {
        within: Duration::from_millis(500),
        ..shell(&script(&slow, "wait"))
    };
    let error = programs(runtime.clone()).run(call).await.unwrap_err();
    assert!(matches!(error, ProgramError::Timeout { .. }), "{error}");

    let noisy = started("noisy");
    let call = ProgramCall {
        output_limit: 10,
        ..shell(&script(&noisy, "cat /dev/zero"))
    };
    let error = programs(runtime.clone()).run(call).await.unwrap_err();
    assert!(
        matches!(error, ProgramError::TooMuchOutput { limit: 10, .. }),
        "{error}"
    );

    for path in [slow, noisy] {
        let pid = fs::read_to_string(&path).unwrap();
        until(&runtime, || !is_running(&pid)).await;
    }
}

async fn what_can_not_be_started_is_an_error(runtime: SharedRuntime) {
    let error = programs(runtime)
        .run(ProgramCall::new("/no/such/program"))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("running /no/such/program: No such file"),
        "{error}"
    );
}
