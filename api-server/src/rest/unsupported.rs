//! Operations of lakeFS's API that this server doesn't have. Invariant: each says why, and what does the same here if
//! something does.

use auth::{Action, Resource, authorize};
use axum::extract::State;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Rest;
use super::authentication::Authenticated;
use super::extract::Path;
use super::failure::{ErrorBody, Failure};
use super::places::InRepository;

/// Declares operations that answer 501, after the caller has proved who they are and may see the repository.
macro_rules! unsupported {
    ($($name:ident: $method:ident $path:literal [$($parameter:literal)*] $id:literal $tag:literal $summary:literal $why:literal;)*) => {
        pub(super) fn router() -> OpenApiRouter<Rest> {
            OpenApiRouter::new()$(.routes(routes!($name)))*
        }
        $(
            #[doc = $summary]
            #[utoipa::path($method, path = $path, operation_id = $id, tag = $tag, params(InRepository, $(($parameter = String, Path)),*),
                responses((status = 501, body = ErrorBody), (status = "default", body = ErrorBody)))]
            async fn $name(
                State(rest): State<Rest>,
                Authenticated(caller): Authenticated,
                Path(InRepository { repository }): Path<InRepository>,
            ) -> Result<(), Failure> {
                authorize(&caller, Action::ReadRepository, &Resource::Repository(repository.clone()))?;
                rest.graveler.meta().repository(&repository).await?;
                Err(Failure::new(StatusCode::NOT_IMPLEMENTED, $why))
            }
        )*
    };
}

unsupported! {
    list_repository_runs: get "/repositories/{repository}/actions/runs" [] "listRepositoryRuns" "actions"
        "List the runs of actions" "actions aren't run by this version";
    get_run: get "/repositories/{repository}/actions/runs/{run_id}" ["run_id"] "getRun" "actions"
        "Get a run of actions" "actions aren't run by this version";
    list_run_hooks: get "/repositories/{repository}/actions/runs/{run_id}/hooks" ["run_id"] "listRunHooks" "actions"
        "List the hooks of a run" "actions aren't run by this version";
    get_run_hook_output: get "/repositories/{repository}/actions/runs/{run_id}/hooks/{hook_run_id}/output" ["run_id" "hook_run_id"]
        "getRunHookOutput" "actions"
        "Get what a hook printed" "actions aren't run by this version";
    list_pull_requests: get "/repositories/{repository}/pulls" [] "listPullRequests" "pulls"
        "List pull requests" "this version has no pull requests: merge the branches";
    create_pull_request: post "/repositories/{repository}/pulls" [] "createPullRequest" "pulls"
        "Make a pull request" "this version has no pull requests: merge the branches";
    get_pull_request: get "/repositories/{repository}/pulls/{pull_request}" ["pull_request"] "getPullRequest" "pulls"
        "Get a pull request" "this version has no pull requests: merge the branches";
    update_pull_request: patch "/repositories/{repository}/pulls/{pull_request}" ["pull_request"] "updatePullRequest" "pulls"
        "Change a pull request" "this version has no pull requests: merge the branches";
    merge_pull_request: put "/repositories/{repository}/pulls/{pull_request}/merge" ["pull_request"] "mergePullRequest" "pulls"
        "Merge a pull request" "this version has no pull requests: merge the branches";
    create_commit_record: post "/repositories/{repository}/commits" [] "createCommitRecord" "internal"
        "Make the record of a commit" "commits are made by committing a branch";
    create_symlink_file: post "/repositories/{repository}/refs/{branch}/symlink" ["branch"] "createSymlinkFile" "internal"
        "Write a symlink manifest" "symlink manifests aren't written: read the branch through S3";
    prepare_garbage_collection_commits: post "/repositories/{repository}/gc/prepare_commits" []
        "prepareGarbageCollectionCommits" "internal"
        "Prepare a collection of garbage by Spark" "garbage isn't collected by Spark jobs here";
    prepare_garbage_collection_uncommitted: post "/repositories/{repository}/gc/prepare_uncommited" []
        "prepareGarbageCollectionUncommitted" "internal"
        "Prepare a collection of uncommitted garbage by Spark" "garbage isn't collected by Spark jobs here";
    upload_part_copy: put
        "/repositories/{repository}/branches/{branch}/staging/pmpu/{uploadId}/parts/{partNumber}/copy" ["branch" "uploadId" "partNumber"]
        "uploadPartCopy" "experimental"
        "Copy a part from another object" "parts aren't copied in pre-signed uploads: use S3's UploadPartCopy";
}
