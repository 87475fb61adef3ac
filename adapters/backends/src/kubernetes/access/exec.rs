//! Programs that print credentials (`exec` of a kubeconfig's user), where the operator allows that they are run.

use std::path::Path;
use std::sync::Arc;

use headcount_discoverer::Env;
use headcount_discoverer::env::{ProgramCall, Token, TokenSlot};
use headcount_reader::{Authorization, HttpClientSettings, Secret, SecretSource, TextSource};
use serde::Deserialize;

use crate::time::seconds_since_1970;

/// The field `exec`.
#[derive(Deserialize, Clone, PartialEq, Eq, Hash)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecConfig {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    command: String,
    #[serde(default)]
    args: Option<Vec<String>>,
    #[serde(default)]
    env: Option<Vec<Variable>>,
}

#[derive(Deserialize, Clone, PartialEq, Eq, Hash)]
struct Variable {
    name: String,
    #[serde(default)]
    value: String,
}

/// A program, and where what it printed is kept for all who need it.
pub(super) struct Exec {
    config: ExecConfig,
    command: String,
    kept: Arc<TokenSlot<ExecError>>,
    /// What it printed last, as it was used.
    used: Option<Secret>,
}

/// Why there are no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct ExecError(String);

/// What a program prints.
#[derive(Deserialize)]
struct Printed {
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    expiration_timestamp: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_key_data: Option<String>,
}

impl Exec {
    pub(super) fn new(config: ExecConfig, folder: &Path, env: &Env) -> Self {
        // As in Kubernetes's client: a path starts at the file's folder, a mere name is looked for in `PATH`.
        let is_name = !config.command.contains('/') || config.command.starts_with('/');
        let command = match is_name {
            true => config.command.clone(),
            false => headcount_reader::join(folder, &config.command).display().to_string(),
        };
        Self {
            kept: env.tokens.slot(("kubernetes exec", command.clone(), config.clone())),
            config,
            command,
            used: None,
        }
    }

    /// Adds to the settings what the program says.
    pub(super) async fn authenticate(&mut self, client: &mut HttpClientSettings, env: &Env) -> Result<(), ExecError> {
        let printed = self.kept.get(env.clock.as_ref(), || self.run(env)).await?;
        let status = self.status(printed.reveal().as_bytes())?;
        self.used = Some(printed);
        if let Some(token) = status.token.filter(|token| !token.is_empty()) {
            client.authorization = Some(Authorization {
                scheme: "Bearer".to_owned(),
                credentials: Some(SecretSource::Inline(Secret::new(token))),
            });
        }
        if let (Some(certificate), Some(key)) = (status.client_certificate_data, status.client_key_data) {
            client.tls.cert = Some(TextSource::Inline(certificate));
            client.tls.key = Some(SecretSource::Inline(Secret::new(key)));
        }
        Ok(())
    }

    /// The server does not take what the program said last: it is run again.
    pub(super) fn was_refused(&self) {
        if let Some(used) = &self.used {
            self.kept.forget(used);
        }
    }

    async fn run(&self, env: &Env) -> Result<Token, ExecError> {
        let mut call = ProgramCall::new(self.command.as_str());
        call.arguments = self.config.args.clone().unwrap_or_default();
        let variables = self.config.env.iter().flatten();
        call.variables = variables
            .map(|variable| (variable.name.clone(), variable.value.clone()))
            .collect();
        let version = match self.config.api_version.as_str() {
            "" => "client.authentication.k8s.io/v1",
            version => version,
        };
        let info = serde_json::json!({
            "apiVersion": version,
            "kind": "ExecCredential",
            "spec": {"interactive": false},
        });
        call.variables
            .push(("KUBERNETES_EXEC_INFO".to_owned(), info.to_string()));
        let output = env.programs.run(call).await;
        let output = output.map_err(|error| ExecError(error.to_string()))?;
        if output.code != Some(0) {
            let said = String::from_utf8_lossy(&output.errors);
            let said = said.lines().next().unwrap_or_default().escape_debug().to_string();
            let how = output
                .code
                .map_or_else(|| "by a signal".to_owned(), |code| format!("with {code}"));
            return Err(self.wrong(&format!("it ended {how}: {said}")));
        }
        let status = self.status(&output.output)?;
        let expires = status.expiration_timestamp.as_deref().and_then(seconds_since_1970);
        let lifetime = expires.map(|at| at.saturating_sub(env.clock.unix_time()));
        let text = String::from_utf8(output.output).map_err(|_| self.wrong("it prints no text"))?;
        Ok(Token::new(text, lifetime))
    }

    fn status(&self, printed: &[u8]) -> Result<Status, ExecError> {
        // The parser's message could repeat a secret.
        let printed: Option<Printed> = serde_json::from_slice(printed).ok();
        let status = printed.and_then(|printed| printed.status);
        status.ok_or_else(|| self.wrong("it prints no ExecCredential with a status"))
    }

    fn wrong(&self, what: &str) -> ExecError {
        ExecError(format!("{}: {what}", self.command))
    }
}
