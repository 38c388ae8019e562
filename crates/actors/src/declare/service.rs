use crate::settings::{Problem, Reader, Settings};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// `#[service_method("GET /orders/:id")]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceMethod {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The path as written, with `:name` for a parameter.
    pub path: String,
}

impl ServiceMethod {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let route = reader.text("route");
        if !reader.is_written("route") {
            reader.problem("route", "write a method and a path, as in \"GET /orders/:id\"");
        }
        let parsed = route.and_then(|route| match parse(&route) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                reader.problem("route", message);
                None
            }
        });
        reader.finish()?;
        Ok(parsed.unwrap_or(ServiceMethod { method: String::new(), path: String::new() }))
    }
}

fn parse(route: &str) -> Result<ServiceMethod, String> {
    let Some((method, path)) = route.split_once(' ') else {
        return Err(format!("{route:?} is no route; write a method and a path, as in \"GET /orders/:id\""));
    };
    if !METHODS.contains(&method) {
        return Err(format!("{method:?} is no method; it can be {}", METHODS.join(", ")));
    }
    if !path.starts_with('/') || path.contains(char::is_whitespace) {
        return Err(format!("{path:?} is no path; a path begins with / and has no spaces"));
    }
    let mut seen: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        let Some(parameter) = segment.strip_prefix(':') else { continue };
        if parameter.is_empty() || !parameter.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("{segment:?} is no parameter; write :name"));
        }
        if seen.contains(&parameter) {
            return Err(format!("the parameter :{parameter} stands twice in the path"));
        }
        seen.push(parameter);
    }
    Ok(ServiceMethod { method: method.to_owned(), path: path.to_owned() })
}

/// What a call gets while the audit trail cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditOnFull {
    /// 503: nothing happens that is not on record.
    #[default]
    Reject,
    /// It runs, and the loss is counted.
    Continue,
}

/// `#[audit_log]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditLog {
    /// What a call gets while the trail cannot be written.
    pub on_full: AuditOnFull,
}

impl AuditLog {
    /// Checks settings.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn from_settings(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(settings);
        let choices = [("reject", AuditOnFull::Reject), ("continue", AuditOnFull::Continue)];
        let on_full = reader.choice("on_full", &choices).unwrap_or_default();
        reader.finish()?;
        Ok(AuditLog { on_full })
    }
}
