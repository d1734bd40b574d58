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
use super::path_params::InRepository;

pub(super) fn router() -> OpenApiRouter<Rest> {
    of_repositories().merge(of_the_server())
}

/// Declares operations that answer 501, after the caller has proved who they are and may see the repository.
macro_rules! unsupported {
    ($($name:ident: $method:ident $path:literal [$($parameter:literal)*] $id:literal $tag:literal $summary:literal $why:literal;)*) => {
        fn of_repositories() -> OpenApiRouter<Rest> {
            OpenApiRouter::new()$(.routes(routes!($name)))*
        }
        $(
            #[doc = $summary]
            #[utoipa::path($method, path = $path, operation_id = $id, tag = $tag, params(InRepository, $(($parameter = String, Path)),*),
                responses((status = 501, body = ErrorBody, description = $why), (status = "default", body = ErrorBody)))]
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

/// The same of operations that aren't about a repository.
macro_rules! unsupported_at_all {
    ($($name:ident: $method:ident $path:literal [$($parameter:literal)*] $id:literal $tag:literal $summary:literal $why:literal;)*) => {
        fn of_the_server() -> OpenApiRouter<Rest> {
            OpenApiRouter::new()$(.routes(routes!($name)))*
        }
        $(
            #[doc = $summary]
            #[utoipa::path($method, path = $path, operation_id = $id, tag = $tag, params($(($parameter = String, Path)),*),
                responses((status = 501, body = ErrorBody, description = $why), (status = "default", body = ErrorBody)))]
            async fn $name(Authenticated(caller): Authenticated) -> Result<(), Failure> {
                authorize(&caller, Action::ReadConfig, &Resource::All)?;
                Err(Failure::new(StatusCode::NOT_IMPLEMENTED, $why))
            }
        )*
    };
}

unsupported_at_all! {
    create_user_external_principal: post "/auth/users/{userId}/external/principals" ["userId"]
        "createUserExternalPrincipal" "auth"
        "Let a role of a cloud be a user" "roles of clouds aren't taken as users: use access keys, or an identity provider";
    delete_user_external_principal: delete "/auth/users/{userId}/external/principals" ["userId"]
        "deleteUserExternalPrincipal" "auth"
        "Let a role of a cloud be a user no more" "roles of clouds aren't taken as users: use access keys, or an identity provider";
    list_user_external_principals: get "/auth/users/{userId}/external/principals/ls" ["userId"]
        "listUserExternalPrincipals" "auth"
        "List the roles of clouds that are a user" "roles of clouds aren't taken as users: use access keys, or an identity provider";
    get_external_principal: get "/auth/external/principals" [] "getExternalPrincipal" "auth"
        "Find the user that a role of a cloud is" "roles of clouds aren't taken as users: use access keys, or an identity provider";
    external_principal_login: post "/auth/external/principal/login" [] "externalPrincipalLogin" "auth"
        "Log in as a role of a cloud" "roles of clouds aren't taken as users: use access keys, or an identity provider";
    sts_login: post "/sts/login" [] "stsLogin" "experimental"
        "Log in by another service's code" "codes aren't taken: send an identity provider's token, or POST /sts/session with an access key";
    get_usage_report_summary: get "/usage-report/summary" [] "getUsageReportSummary" "internal"
        "Get how much was used" "usage isn't counted";
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
    prepare_garbage_collection_commits_async: post "/repositories/{repository}/gc/prepare_commits/async" []
        "prepareGarbageCollectionCommitsAsync" "internal"
        "Begin to prepare a collection of garbage by Spark" "garbage isn't collected by Spark jobs here";
    prepare_garbage_collection_commits_status: get "/repositories/{repository}/gc/prepare_commits/status" []
        "prepareGarbageCollectionCommitsStatus" "internal"
        "Ask how far a preparation is" "garbage isn't collected by Spark jobs here";
    stage_object: put "/repositories/{repository}/branches/{branch}/objects" ["branch"] "stageObject" "internal"
        "Stage an address that the server didn't give out" "only addresses of staging/backing are linked; import what lies elsewhere";
    internal_get_branch_protection_rules: get "/repositories/{repository}/branch_protection" []
        "internalGetBranchProtectionRules" "internal"
        "Get which branches are protected, as old clients do" "moved to settings/branch_protection: use a newer client";
    internal_create_branch_protection_rule: post "/repositories/{repository}/branch_protection" []
        "internalCreateBranchProtectionRule" "internal"
        "Protect branches, as old clients do" "moved to settings/branch_protection: use a newer client";
    internal_delete_branch_protection_rule: delete "/repositories/{repository}/branch_protection" []
        "internalDeleteBranchProtectionRule" "internal"
        "Protect branches no more, as old clients do" "moved to settings/branch_protection: use a newer client";
    internal_get_garbage_collection_rules: get "/repositories/{repository}/gc/rules" []
        "internalGetGarbageCollectionRules" "internal"
        "Get how long garbage is kept, as old clients do" "moved to settings/gc_rules: use a newer client";
    internal_set_garbage_collection_rules: post "/repositories/{repository}/gc/rules" []
        "internalSetGarbageCollectionRules" "internal"
        "Decide how long garbage is kept, as old clients do" "moved to settings/gc_rules: use a newer client";
    internal_delete_garbage_collection_rules: delete "/repositories/{repository}/gc/rules" []
        "internalDeleteGarbageCollectionRules" "internal"
        "Take the decision about garbage back, as old clients do" "moved to settings/gc_rules: use a newer client";
}
