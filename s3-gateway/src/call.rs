//! What an operation works with: who calls, what was asked, and the ways from S3's names to repositories and branches.
//! Leaves the operations to `ops/`. Invariant: an operation authorizes before it looks anything up.

use auth::{Action, Caller, Resource, Through};
use axum::body::Body;
use graveler::{Found, Graveler, RefExpr};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response};
use model::{BranchName, ObjectPath, RefTarget, Repository, RepositoryName, RequestId, Require};
use object_http::{InvalidCondition, WriteCondition};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::GatewayOptions;
use crate::error_table::Failure;
use crate::key;
use crate::protocol::xml::write::Owner;
use crate::protocol::{ErrorCode, Request, S3Error, headers};
use crate::request_body::RequestBody;

/// One verified request on its way.
pub(crate) struct Call<'a> {
    /// Repositories.
    pub(crate) graveler: &'a Graveler,
    /// How the gateway presents itself.
    pub(crate) options: &'a GatewayOptions,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// What was asked.
    pub(crate) request: &'a Request,
    /// The raw body, unread.
    pub(crate) body: &'a RequestBody,
    /// Whether the connection is encrypted.
    pub(crate) encrypted: bool,
}

/// What a path in a URL needn't escape.
const URL_ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Call<'_> {
    /// The request's headers, as its signer meant them.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// The URL of an object, at the host and in the style that the client used.
    pub(crate) fn url(&self, bucket: &str, key: &str) -> String {
        let key = utf8_percent_encode(key, URL_ESCAPES);
        let path = if self.request.address.virtual_host { format!("/{key}") } else { format!("/{bucket}/{key}") };
        match self.headers().get(header::HOST).and_then(|host| host.to_str().ok()) {
            Some(host) => format!("{}://{host}{path}", if self.encrypted { "https" } else { "http" }),
            None => path,
        }
    }

    /// Asks whether the caller may.
    pub(crate) fn authorize(&self, action: Action, resource: &Resource) -> Result<(), Failure> {
        Ok(auth::authorize(self.caller, action, resource)?)
    }

    /// Whom listings show as the owner of everything: the caller, since Lakebed's objects have no owners.
    pub(crate) fn owner(&self) -> Owner {
        Owner { id: self.caller.user.id.to_string(), display_name: self.caller.user.name.to_string() }
    }

    /// Refuses a request that expects its buckets to be another's than listings say.
    pub(crate) fn check_expected_owners(&self) -> Result<(), S3Error> {
        let owner = self.caller.user.id.to_string();
        for name in ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"] {
            if headers::single(self.headers(), name)?.is_some_and(|expected| expected != owner) {
                let why =
                    format!("The bucket isn't of the owner in {name}: its owner is {owner}, the id of the caller");
                return Err(S3Error::new(ErrorCode::AccessDenied, why));
            }
        }
        Ok(())
    }

    /// Finds an object; `None` if the repository is there and the ref or the object isn't.
    pub(crate) async fn find(
        &self,
        repository: &RepositoryName,
        reference: &str,
        path: &ObjectPath,
    ) -> Result<Option<Found>, Failure> {
        let Some(expr) = self.expression(repository, reference).await? else { return Ok(None) };
        match self.graveler.stat(repository, &expr, path).await.map_err(Failure::from) {
            Err(failure) if failure.is_unknown_ref() => Ok(None),
            found => found,
        }
    }

    /// Takes a ref's text as an expression; `None` if it can't be one, once it is clear that the repository is there.
    pub(crate) async fn expression(
        &self,
        repository: &RepositoryName,
        reference: &str,
    ) -> Result<Option<RefExpr>, Failure> {
        if let Ok(expr) = reference.parse() {
            return Ok(Some(expr));
        }
        self.graveler.meta().repository(repository).await?;
        Ok(None)
    }

    /// Finds the branch that a write goes to. Says of a tag or commit that it can't be written to.
    pub(crate) async fn branch_to_write(
        &self,
        repository: &RepositoryName,
        reference: &str,
    ) -> Result<(Repository, BranchName), Failure> {
        let branch = key::branch_to_write(reference)?;
        let lookup = self.graveler.meta().lookup(repository, &(&branch).into(), None).await?;
        match lookup.target {
            RefTarget::Branch(_) => Ok((lookup.repository, branch)),
            RefTarget::Tag(_) => Err(key::not_a_branch(reference).into()),
            RefTarget::Unknown => match self.graveler.resolve(repository, &(&branch).into()).await {
                Ok(_) => Err(key::not_a_branch(reference).into()),
                Err(error) => {
                    let failure = Failure::from(error);
                    Err(if failure.is_unknown_ref() { key::no_such_branch(reference).into() } else { failure })
                }
            },
        }
    }

    /// Reads the condition of a write.
    pub(crate) fn write_condition(&self) -> Result<Option<WriteCondition>, S3Error> {
        object_http::of_write(self.headers()).map_err(|invalid| match invalid {
            InvalidCondition::NoneMatchOfTag | InvalidCondition::SeveralTags => S3Error::not_implemented(&invalid),
            InvalidCondition::Both | InvalidCondition::Unreadable(_) => S3Error::invalid_request(invalid.to_string()),
        })
    }

    /// Judges a write's condition before any byte is sent, so that what must fail fails early. The write judges again.
    pub(crate) async fn judge_early(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        path: &ObjectPath,
        condition: &WriteCondition,
    ) -> Result<(), Failure> {
        let found = self.graveler.stat(repository, &branch.into(), path).await?;
        match (condition, found) {
            (WriteCondition::Absent, None) => Ok(()),
            (WriteCondition::Absent, Some(_)) => Err(ErrorCode::PreconditionFailed.into()),
            (WriteCondition::Matches(_), None) => Err(ErrorCode::NoSuchKey.into()),
            (WriteCondition::Matches(wanted), Some(found)) if wanted == "*" || *wanted == found.entry.e_tag => Ok(()),
            (WriteCondition::Matches(_), Some(_)) => Err(ErrorCode::PreconditionFailed.into()),
        }
    }
}

/// Takes a bucket's name as a repository's. Says of one that can't be, such as S3's names with dots, why.
pub(crate) fn repository_name(bucket: &str) -> Result<RepositoryName, S3Error> {
    bucket.parse().map_err(|invalid: model::InvalidName| {
        let why = format!("A bucket is a repository here, and none can have this name: {invalid}");
        S3Error::new(ErrorCode::InvalidBucketName, why).with_detail("BucketName", bucket)
    })
}

/// An object that is read, as policies see it.
pub(crate) fn object(repository: &RepositoryName, reference: &str, path: &ObjectPath) -> Resource {
    Resource::object_of(repository, through(reference), path)
}

/// An object that is written or deleted, as policies see it: on a branch, for nothing else is written to.
pub(crate) fn object_on_branch(repository: &RepositoryName, reference: &str, path: &ObjectPath) -> Resource {
    Resource::object_of(repository, Through::Ref(reference.to_owned()), path)
}

/// What policies know of the ref in a key; of an expression such as `main~2` its base.
pub(crate) fn through(reference: &str) -> Through {
    let base = |expr: RefExpr| expr.base().into();
    reference.parse().map_or_else(|_| Through::Expression(reference.to_owned()), base)
}

/// The condition as the metadata service judges it.
pub(crate) fn require(condition: &WriteCondition) -> Require {
    match condition {
        WriteCondition::Absent => Require::Absent,
        WriteCondition::Matches(e_tag) if e_tag == "*" => Require::Present(None),
        WriteCondition::Matches(e_tag) => Require::Present(Some(e_tag.clone())),
    }
}

/// An id for a command that must not be carried out twice.
pub(crate) fn command_id() -> RequestId {
    RequestId(rand::random())
}

/// An answer without a body.
pub(crate) fn empty() -> Response<Body> {
    Response::new(Body::empty())
}

/// An answer of XML.
pub(crate) fn xml(document: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(document));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    answer
}
