//! Differences over REST.

use std::collections::BTreeMap;

use auth::{Action, HiddenPaths, Resource, authorize};
use axum::Json;
use axum::extract::State;
use graveler::{ChangeKind, DiffItem, DiffKind, DiffPage, DiffRequest};
use model::Entry;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::{Path, Query};
use super::failure::{ErrorBody, Failure};
use super::object_stats::PathType;
use super::paging::{Amount, Pagination};
use super::path_params::{BetweenRefs, OnBranch, flag};

pub(super) fn router() -> OpenApiRouter<Rest> {
    OpenApiRouter::new().routes(routes!(diff_branch)).routes(routes!(diff_refs))
}

/// One difference.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Diff {
    r#type: DiffType,
    path: String,
    path_type: PathType,
    /// Of the object as it is now: 0 if it was removed. Left out of common prefixes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    size_bytes: Option<u64>,
    /// The object on the right, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    right: Option<DiffObjectStat>,
}

/// How a path differs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DiffType {
    Added,
    Removed,
    Changed,
    /// Both refs changed it since their merge base, each in its way; only of a three-dot comparison.
    Conflict,
    PrefixChanged,
}

/// An object of a difference.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffObjectStat {
    checksum: String,
    /// Seconds since 1970.
    mtime: i64,
    content_type: String,
    metadata: BTreeMap<String, String>,
}

/// A page of differences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffList {
    pagination: Pagination,
    results: Vec<Diff>,
}

/// Which part of a comparison.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// Paths after this one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    after: String,
    /// How many; as many as a page may have if it isn't positive.
    #[serde(default)]
    #[param(value_type = Option<i64>, minimum = -1, maximum = 1000)]
    amount: Amount,
    /// Paths that begin so.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    prefix: String,
    /// Paths that hold this after the prefix are shown as one.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    delimiter: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffRefsQuery {
    /// Whether to compare with the left ref, or to tell what a merge into it would bring.
    #[serde(default)]
    #[param(inline, value_type = Option<DiffRefsType>)]
    r#type: DiffRefsType,
    /// Whether to tell the objects on the right.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    include_right_stats: bool,
}

/// What a comparison compares with.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DiffRefsType {
    /// The left ref.
    TwoDot,
    /// The merge base of both refs, as far as the left one doesn't have the same; what both changed, each in its way, is a
    /// conflict.
    #[default]
    ThreeDot,
}

/// Compare a branch with its head: what is uncommitted
#[utoipa::path(get, path = "/repositories/{repository}/branches/{branch}/diff", operation_id = "diffBranch",
    tag = "branches", params(OnBranch, DiffQuery),
    responses((status = 200, body = DiffList), (status = "default", body = ErrorBody)))]
async fn diff_branch(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(OnBranch { repository, branch }): Path<OnBranch>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<DiffList>, Failure> {
    authorize(&caller, Action::ListObjects, &Resource::listing(&repository, &branch, &query.prefix))?;
    let hidden = HiddenPaths::new(&caller, &repository, &branch);
    let shows = move |path: &str| !hidden.has(path);
    let page = rest.graveler.diff_uncommitted_shown(&repository, &branch, &query.into(), Box::new(shows)).await?;
    Ok(Json(DiffList::new(page, false)))
}

/// Compare two refs
#[utoipa::path(get, path = "/repositories/{repository}/refs/{leftRef}/diff/{rightRef}", operation_id = "diffRefs",
    tag = "refs", params(BetweenRefs, DiffQuery, DiffRefsQuery),
    responses((status = 200, body = DiffList), (status = "default", body = ErrorBody)))]
async fn diff_refs(
    State(rest): State<Rest>,
    Authenticated(caller): Authenticated,
    Path(BetweenRefs { repository, left, right }): Path<BetweenRefs>,
    Query(query): Query<DiffQuery>,
    Query(DiffRefsQuery { r#type, include_right_stats }): Query<DiffRefsQuery>,
) -> Result<Json<DiffList>, Failure> {
    for side in [&left, &right] {
        authorize(&caller, Action::ListObjects, &Resource::listing(&repository, side.base(), &query.prefix))?;
    }
    let kind = match r#type {
        DiffRefsType::TwoDot => DiffKind::TwoDot,
        DiffRefsType::ThreeDot => DiffKind::ThreeDot,
    };
    let hidden = [&left, &right].map(|side| HiddenPaths::new(&caller, &repository, side.base()));
    let shows = move |path: &str| !hidden.iter().any(|hidden| hidden.has(path));
    let page = rest.graveler.diff_shown(&repository, &left, &right, kind, &query.into(), Box::new(shows)).await?;
    Ok(Json(DiffList::new(page, include_right_stats)))
}

impl From<DiffQuery> for DiffRequest {
    fn from(query: DiffQuery) -> Self {
        let DiffQuery { after, amount, prefix, delimiter } = query;
        Self { prefix, delimiter: Some(delimiter).filter(|text| !text.is_empty()), after, amount: amount.0 }
    }
}

impl DiffList {
    fn new(page: DiffPage, with_right: bool) -> Self {
        let results: Vec<_> = page.items.into_iter().map(|item| Diff::new(item, with_right)).collect();
        Self { pagination: Pagination::before(page.next, results.len()), results }
    }
}

impl Diff {
    fn new(item: DiffItem, with_right: bool) -> Self {
        let r#type = match item.kind {
            ChangeKind::Added => DiffType::Added,
            ChangeKind::Removed => DiffType::Removed,
            ChangeKind::Changed => DiffType::Changed,
            ChangeKind::Conflict => DiffType::Conflict,
            ChangeKind::PrefixChanged => DiffType::PrefixChanged,
        };
        let path_type = match item.kind {
            ChangeKind::PrefixChanged => PathType::CommonPrefix,
            _ => PathType::Object,
        };
        let size_bytes = match item.kind {
            ChangeKind::Removed => Some(0),
            _ => item.right.as_ref().map(|entry| entry.size),
        };
        let right = item.right.filter(|_| with_right).map(Into::into);
        Self { r#type, path: item.path, path_type, size_bytes, right }
    }
}

impl From<Entry> for DiffObjectStat {
    fn from(entry: Entry) -> Self {
        let mtime = super::seconds(entry.last_modified);
        let Entry { e_tag: checksum, content_type, metadata, .. } = entry;
        Self { checksum, mtime, content_type, metadata }
    }
}
