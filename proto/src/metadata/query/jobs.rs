//! Conversions of questions about jobs.

use model::{GetJob, ListJobs, ListOpenJobs};

use super::*;

impl Wire for GetJob {
    type Message = pb::GetJob;

    fn to_message(&self) -> pb::GetJob {
        let Self { id } = self;
        pb::GetJob { id: request_bytes(*id) }
    }

    fn from_message(m: pb::GetJob) -> Result<Self, DecodeError> {
        Ok(Self { id: request(&m.id)? })
    }
}

impl Wire for ListJobs {
    type Message = pb::ListJobs;

    fn to_message(&self) -> pb::ListJobs {
        let Self { repository, after, amount } = self;
        pb::ListJobs {
            repository: repository.to_string(),
            after: after.map(request_bytes),
            amount: wire_amount(*amount),
        }
    }

    fn from_message(m: pb::ListJobs) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            after: m.after.map(|id| request(&id)).transpose()?,
            amount: amount(m.amount),
        })
    }
}

impl Wire for ListOpenJobs {
    type Message = pb::ListOpenJobs;

    fn to_message(&self) -> pb::ListOpenJobs {
        let Self { after, amount } = self;
        pb::ListOpenJobs { after: after.map(request_bytes), amount: wire_amount(*amount) }
    }

    fn from_message(m: pb::ListOpenJobs) -> Result<Self, DecodeError> {
        Ok(Self { after: m.after.map(|id| request(&id)).transpose()?, amount: amount(m.amount) })
    }
}
