use std::net::SocketAddr;

use super::{DnsAnswer, DnsError, DnsQuestion, DomainName, Found, NameError, ServerFailure, ServerTrouble};

/// How a name without a dot at its end is completed: `search` and `ndots` of resolv.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchList {
    /// The domains below which a name is looked for, in order.
    pub domains: Vec<DomainName>,
    /// A name with at least so many dots is looked for as it is before the domains are tried; else after.
    pub ndots: u32,
}

impl Default for SearchList {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            ndots: 1,
        }
    }
}

impl SearchList {
    /// The names that a name as written may stand for, in the order in which they are asked for; at least one,
    /// and each once. Those that would be too long are left out.
    ///
    /// # Errors
    /// It is not a name in the DNS.
    pub fn complete(&self, written: &str) -> Result<Vec<DomainName>, NameError> {
        let (name, is_complete) = DomainName::parse(written)?;
        if is_complete {
            return Ok(vec![name]);
        }
        let dots = name.labels().count().saturating_sub(1);
        let has_enough_dots = u32::try_from(dots).is_ok_and(|dots| dots >= self.ndots);
        let (first, last) = if has_enough_dots {
            (Some(name.clone()), None)
        } else {
            (None, Some(name.clone()))
        };
        let below = self.domains.iter().filter_map(|domain| name.below(domain).ok());
        let mut names = Vec::new();
        for name in first.into_iter().chain(below).chain(last) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Looks a question up where there is one server, which `ask` asks for one name: completes the name as written,
    /// and asks for each until one is settled.
    ///
    /// # Errors
    /// It is not a name, or the server left open whether one of them exists.
    pub async fn look_up<F>(
        &self,
        question: DnsQuestion,
        server: SocketAddr,
        mut ask: impl FnMut(DomainName) -> F,
    ) -> Result<DnsAnswer, DnsError>
    where
        F: Future<Output = Result<Found, ServerTrouble>>,
    {
        let names = match self.complete(&question.name) {
            Ok(names) => names,
            Err(source) => return Err(DnsError::Name { question, source }),
        };
        let (mut failures, mut denied) = (Vec::new(), None);
        for name in names {
            match ask(name.clone()).await {
                Ok(Found::NoSuchName) => denied = Some(name),
                Ok(found) => return Ok(DnsAnswer { name, server, found }),
                Err(trouble) => failures.push(ServerFailure { server, name, trouble }),
            }
        }
        match denied {
            Some(name) if failures.is_empty() => Ok(DnsAnswer {
                name,
                server,
                found: Found::NoSuchName,
            }),
            _ => Err(DnsError::Unanswered { question, failures }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(ndots: u32, domains: &[&str], written: &str) -> String {
        let domains = domains
            .iter()
            .map(|domain| DomainName::parse(domain).expect("a name").0);
        let list = SearchList {
            domains: domains.collect(),
            ndots,
        };
        let names = list.complete(written).expect("a name");
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_is_completed_as_resolv_conf_says() {
        let search = ["a.test", "b.test."];
        assert_eq!(completed(1, &search, "web."), "web.");
        assert_eq!(completed(1, &search, "web"), "web.a.test. web.b.test. web.");
        assert_eq!(completed(1, &search, "web.x"), "web.x. web.x.a.test. web.x.b.test.");
        assert_eq!(completed(0, &search, "web"), "web. web.a.test. web.b.test.");
        assert_eq!(completed(2, &search, "web.x"), "web.x.a.test. web.x.b.test. web.x.");
        assert_eq!(completed(1, &[], "web"), "web.");
        assert_eq!(completed(1, &[".", "a.test", "A.test"], "web"), "web. web.a.test.");
    }

    #[test]
    fn what_becomes_too_long_is_left_out() {
        let written = ["x".repeat(63), "y".repeat(63), "z".repeat(63)].join(".");
        assert_eq!(
            completed(9, &[&"d".repeat(63), "e"], &written),
            format!("{written}.e. {written}.")
        );
        assert_eq!(SearchList::default().complete("a..b"), Err(NameError::EmptyLabel));
    }
}
