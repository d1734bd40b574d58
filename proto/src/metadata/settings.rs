//! Conversions of what is decided about repositories.

use model::{BranchPattern, Retention, Settings, SettingsChange, SettingsOfRepository};

use super::{DecodeError, Wire, name, needed, optional};
use crate::generated::metadata::{self as pb, change_settings::Change};

impl Wire for Retention {
    type Message = pb::Retention;

    fn to_message(&self) -> pb::Retention {
        pb::Retention {
            default_days: self.default_days,
            branches: self.branches.iter().map(|(branch, days)| (branch.to_string(), *days)).collect(),
        }
    }

    fn from_message(message: pb::Retention) -> Result<Self, DecodeError> {
        let branches = message.branches.into_iter().map(|(branch, days)| Ok((name("retention.branch", branch)?, days)));
        Ok(Self { default_days: message.default_days, branches: branches.collect::<Result<_, DecodeError>>()? })
    }
}

impl Wire for Settings {
    type Message = pb::Settings;

    fn to_message(&self) -> pb::Settings {
        pb::Settings { metadata: self.metadata.clone(), retention: self.retention.as_ref().map(Wire::to_message) }
    }

    fn from_message(message: pb::Settings) -> Result<Self, DecodeError> {
        Ok(Self { metadata: message.metadata, retention: optional(message.retention)? })
    }
}

pub(super) fn change_message(change: &SettingsChange) -> Change {
    match change {
        SettingsChange::Protect { patterns, expected } => Change::Protect(pb::Protect {
            patterns: Some(patterns_message(patterns)),
            expected: expected.as_deref().map(patterns_message),
        }),
        SettingsChange::ReadOnly(read_only) => Change::ReadOnly(*read_only),
        SettingsChange::Metadata { set, remove } => {
            Change::Metadata(pb::ChangeMetadata { set: set.clone(), remove: remove.clone() })
        }
        SettingsChange::Retention(retention) => {
            Change::Retention(pb::ChangeRetention { retention: retention.as_ref().map(Wire::to_message) })
        }
    }
}

pub(super) fn change(message: Option<Change>) -> Result<SettingsChange, DecodeError> {
    Ok(match message.ok_or(DecodeError::Missing("change_settings.change"))? {
        Change::Protect(message) => SettingsChange::Protect {
            patterns: patterns(message.patterns.ok_or(DecodeError::Missing("protect.patterns"))?.patterns)?,
            expected: message.expected.map(|expected| patterns(expected.patterns)).transpose()?,
        },
        Change::ReadOnly(read_only) => SettingsChange::ReadOnly(read_only),
        Change::Metadata(pb::ChangeMetadata { set, remove }) => SettingsChange::Metadata { set, remove },
        Change::Retention(message) => SettingsChange::Retention(optional(message.retention)?),
    })
}

fn patterns_message(patterns: &[BranchPattern]) -> pb::Patterns {
    pb::Patterns { patterns: patterns.iter().map(ToString::to_string).collect() }
}

pub(super) fn patterns(texts: Vec<String>) -> Result<Vec<BranchPattern>, DecodeError> {
    texts.into_iter().map(|text| name("pattern", text)).collect()
}

/// A repository with its settings.
pub(super) fn of_repository(message: pb::SettingsOfRepository) -> Result<Box<SettingsOfRepository>, DecodeError> {
    Ok(Box::new(SettingsOfRepository {
        repository: needed("settings.repository", message.repository)?,
        settings: needed("settings.settings", message.settings)?,
    }))
}
