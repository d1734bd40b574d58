//! Conversions of questions about the installation.

use model::GetInstallation;

use super::*;

impl Wire for GetInstallation {
    type Message = pb::GetInstallation;

    fn to_message(&self) -> pb::GetInstallation {
        pb::GetInstallation {}
    }

    fn from_message(pb::GetInstallation {}: pb::GetInstallation) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}
