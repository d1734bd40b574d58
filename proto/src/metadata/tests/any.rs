//! Any command, question, outcome and answer of `model`, for property tests. Leaves what they are made of to `nouns`.

mod nouns;

use model::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) use nouns::time;
use nouns::*;

fn access_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (user_name(), text())
            .prop_map(|(user, access_key_id)| Command::DeleteCredential(DeleteCredential { user, access_key_id })),
        user_name().prop_map(|name| Command::DeleteUser(DeleteUser { name })),
        (user_id(), session(), time()).prop_map(|(user, session, until)| Command::EndSession(EndSession {
            user,
            session,
            until
        })),
        user_name().prop_map(|user| Command::EndSessions(EndSessions { user })),
        (request(), group_name()).prop_map(|(request, name)| Command::CreateGroup(CreateGroup { request, name })),
        group_name().prop_map(|name| Command::DeleteGroup(DeleteGroup { name })),
        (group_name(), user_name()).prop_map(|(group, user)| Command::AddMember(AddMember { group, user })),
        (group_name(), user_name()).prop_map(|(group, user)| Command::RemoveMember(RemoveMember { group, user })),
        (request(), policy_name(), text()).prop_map(|(request, name, document)| Command::CreatePolicy(CreatePolicy {
            request,
            name,
            document
        })),
        (policy_name(), text()).prop_map(|(name, document)| Command::UpdatePolicy(UpdatePolicy { name, document })),
        policy_name().prop_map(|name| Command::DeletePolicy(DeletePolicy { name })),
        (policy_name(), holder()).prop_map(|(policy, holder)| Command::AttachPolicy(AttachPolicy { policy, holder })),
        (policy_name(), holder()).prop_map(|(policy, holder)| Command::DetachPolicy(DetachPolicy { policy, holder })),
        (
            vec((policy_name(), text()), 0..3),
            vec((group_name(), vec(policy_name(), 0..3)), 0..3),
            vec((group_name(), user_name()), 0..3)
        )
            .prop_map(|(policies, groups, members)| Command::SetUpAccess(SetUpAccess {
                policies,
                groups,
                members
            })),
    ]
}

fn page_request() -> impl Strategy<Value = PageRequest> {
    (text(), text(), 0..5000_usize).prop_map(|(prefix, after, amount)| PageRequest { prefix, after, amount })
}

fn access_query() -> impl Strategy<Value = Query> {
    prop_oneof![
        user_id().prop_map(|id| GetUser { id }.into()),
        user_name().prop_map(|name| GetUserByName { name }.into()),
        page_request().prop_map(|page| ListUsers { page }.into()),
        text().prop_map(|access_key_id| GetCredential { access_key_id }.into()),
        (user_name(), page_request()).prop_map(|(user, page)| ListCredentials { user, page }.into()),
        group_name().prop_map(|name| GetGroup { name }.into()),
        (option::of(user_name()), page_request()).prop_map(|(of, page)| ListGroups { of, page }.into()),
        (group_name(), page_request()).prop_map(|(group, page)| ListMembers { group, page }.into()),
        policy_name().prop_map(|name| GetPolicy { name }.into()),
        (option::of(holder()), any::<bool>(), page_request()).prop_map(|(of, effective, page)| ListPolicies {
            of,
            effective,
            page
        }
        .into()),
        access_by().prop_map(|by| GetAccess { by }.into()),
        Just(GetInstallation.into()),
    ]
}

fn job_command() -> impl Strategy<Value = Command> {
    let first = option::of((runner(), any::<u32>()));
    prop_oneof![
        (request(), repository_name(), job_kind(), user_id(), option::of(job_caller()), job_spec(), first).prop_map(
            |(request, repository, kind, user, caller, spec, runner)| Command::BeginJob(BeginJob {
                request,
                repository,
                kind,
                user,
                caller,
                spec,
                runner
            })
        ),
        (request(), runner(), any::<u32>()).prop_map(|(job, runner, lease_ms)| Command::ClaimJob(ClaimJob {
            job,
            runner,
            lease_ms
        })),
        (request(), runner(), any::<u32>(), progress(), option::of(bytes())).prop_map(
            |(job, runner, lease_ms, progress, checkpoint)| Command::ReportJob(ReportJob {
                job,
                runner,
                lease_ms,
                progress,
                checkpoint
            })
        ),
        request().prop_map(|job| Command::CancelJob(CancelJob { job })),
        (repository_name(), runner(), ended())
            .prop_map(|(repository, runner, ended)| Command::EndRequest(EndRequest { repository, runner, ended })),
    ]
}

fn publish() -> impl Strategy<Value = Command> {
    let moved = (option::of(request()), repository_name(), branch_name(), commit_id(), commit_id(), any::<bool>());
    let tokens = (vec(token(), 0..4), vec(option::of(commit_id()), 0..4), option::of(any::<u64>().prop_map(Version)));
    let told = (vec(ended(), 0..3), vec((commit_id(), note()), 0..3), note());
    (moved, tokens, told).prop_map(
        |(
            (request, repository, branch, expected, head, require_clean),
            (consumed, held_by, read_at),
            (ended, passed, note),
        )| {
            Command::Publish(Publish {
                request,
                repository,
                branch,
                expected,
                head,
                consumed,
                held_by,
                read_at,
                require_clean,
                ended,
                passed,
                note,
            })
        },
    )
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        20 => plain_command(),
        1 => plain_command().prop_map(|command| Command::Forced(Box::new(command))),
    ]
}

fn plain_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (request(), repository_name(), namespace()).prop_map(|(request, name, namespace)| Command::ClaimNamespace(
            ClaimNamespace { request, name, namespace }
        )),
        (
            (request(), repository_name(), namespace(), branch_name()),
            option::of(commit_id()),
            option::of(request()),
            note()
        )
            .prop_map(|((request, name, namespace, default_branch), commit, claim, note)| {
                Command::CreateRepository(CreateRepository {
                    request,
                    name,
                    namespace,
                    default_branch,
                    commit,
                    claim,
                    note,
                })
            }),
        repository_name().prop_map(|name| Command::DeleteRepository(DeleteRepository { name })),
        (repository_name(), settings_change())
            .prop_map(|(repository, change)| Command::ChangeSettings(ChangeSettings { repository, change })),
        (request(), repository_name(), branch_name(), commit_id(), any::<bool>(), note()).prop_map(
            |(request, repository, branch, commit, hidden, note)| Command::CreateBranch(CreateBranch {
                request,
                repository,
                branch,
                commit,
                hidden,
                note
            })
        ),
        (repository_name(), branch_name(), note())
            .prop_map(|(repository, branch, note)| Command::DeleteBranch(DeleteBranch { repository, branch, note })),
        (request(), repository_name(), branch_name(), note()).prop_map(|(request, repository, branch, note)| {
            Command::UndeleteBranch(UndeleteBranch { request, repository, branch, note })
        }),
        (request(), repository_name(), tag_name(), commit_id()).prop_map(|(request, repository, tag, commit)| {
            Command::CreateTag(CreateTag { request, repository, tag, commit })
        }),
        (repository_name(), tag_name()).prop_map(|(repository, tag)| Command::DeleteTag(DeleteTag { repository, tag })),
        (repository_name(), option::of(any::<u64>().prop_map(RepositoryUid)), branch_name(), vec(change(), 0..4))
            .prop_map(|(repository, uid, branch, changes)| Command::Stage(Stage { repository, uid, branch, changes })),
        (repository_name(), branch_name(), scope()).prop_map(|(repository, branch, scope)| Command::Unstage(Unstage {
            repository,
            branch,
            scope
        })),
        (repository_name(), branch_name()).prop_map(|(repository, branch)| Command::Seal(Seal { repository, branch })),
        publish(),
        (request(), repository_name(), new_upload()).prop_map(|(request, repository, upload)| Command::CreateUpload(
            CreateUpload { request, repository, upload }
        )),
        (repository_name(), upload_id(), part()).prop_map(|(repository, upload, part)| Command::PutPart(PutPart {
            repository,
            upload,
            part
        })),
        (repository_name(), upload_id(), entry(), option::of(condition()), option::of(completion_digest())).prop_map(
            |(repository, upload, entry, condition, request)| Command::CompleteUpload(CompleteUpload {
                repository,
                upload,
                entry,
                condition,
                request
            })
        ),
        (repository_name(), upload_id())
            .prop_map(|(repository, upload)| Command::AbortUpload(AbortUpload { repository, upload })),
        (request(), user_name(), option::of((text(), secret())), vec(group_name(), 0..3), any::<bool>()).prop_map(
            |(request, name, first_key, groups, only_first)| Command::CreateUser(CreateUser {
                request,
                name,
                first_key,
                groups,
                only_first
            })
        ),
        (request(), user_id(), text(), secret()).prop_map(|(request, user, access_key_id, secret)| {
            Command::CreateCredential(CreateCredential { request, user, access_key_id, secret })
        }),
        job_command(),
        access_command(),
        (installation_id(), option::of(store_id()), option::of(store_id()))
            .prop_map(|(installation, store, replaces)| Command::Identify(Identify { installation, store, replaces })),
    ]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        repository_name().prop_map(Refusal::RepositoryNotFound),
        repository_name().prop_map(Refusal::RepositoryExists),
        namespace().prop_map(Refusal::NamespaceTaken),
        branch_name().prop_map(Refusal::BranchNotFound),
        branch_name().prop_map(Refusal::TagIsNoBranch),
        tag_name().prop_map(Refusal::BranchIsNoTag),
        branch_name().prop_map(Refusal::DeletionNotFound),
        text().prop_map(Refusal::RefExists),
        branch_name().prop_map(Refusal::DefaultBranch),
        tag_name().prop_map(Refusal::TagNotFound),
        (branch_name(), commit_id()).prop_map(|(branch, head)| Refusal::HeadMoved { branch, head }),
        branch_name().prop_map(Refusal::DirtyBranch),
        branch_name().prop_map(Refusal::ProtectedBranch),
        repository_name().prop_map(Refusal::ReadOnly),
        repository_name().prop_map(Refusal::SettingsChanged),
        repository_name().prop_map(Refusal::SettingsTooLarge),
        branch_name().prop_map(Refusal::TooManySealed),
        upload_id().prop_map(Refusal::UploadNotFound),
        user_name().prop_map(Refusal::UserExists),
        option::of(user_name()).prop_map(Refusal::UserNotFound),
        text().prop_map(Refusal::CredentialExists),
        text().prop_map(Refusal::CredentialNotFound),
        request().prop_map(Refusal::JobNotFound),
        request().prop_map(Refusal::JobTaken),
        request().prop_map(Refusal::RequestAnswered),
        request().prop_map(Refusal::RequestReused),
        Just(Refusal::TooManyJobs),
        group_name().prop_map(Refusal::GroupExists),
        group_name().prop_map(Refusal::GroupNotFound),
        policy_name().prop_map(Refusal::PolicyExists),
        policy_name().prop_map(Refusal::PolicyNotFound),
        Just(Refusal::SessionEnded),
        Just(Refusal::AlreadySetUp),
        (text(), any::<u64>()).prop_map(|(what, max)| Refusal::TooMany { what, max }),
    ]
}

pub(crate) fn outcome() -> impl Strategy<Value = Outcome> {
    use StageOutcome::*;
    let stage = prop::sample::select(vec![Staged, ConditionFailed, NotFound, HeadMoved, Spent]);
    prop_oneof![
        Just(Outcome::Done),
        request().prop_map(Outcome::Claimed),
        refusal().prop_map(Outcome::Refused),
        repository().prop_map(Outcome::Repository),
        branch().prop_map(Outcome::Branch),
        (branch(), uncommitted())
            .prop_map(|(branch, uncommitted)| Outcome::Undeleted(Undeleted { branch, uncommitted })),
        tag().prop_map(Outcome::Tag),
        vec(stage, 0..6).prop_map(Outcome::Staged),
        upload().prop_map(Outcome::Upload),
        user().prop_map(Outcome::User),
        credential().prop_map(Outcome::Credential),
        job().prop_map(|job| Outcome::Job(Box::new(job))),
        group().prop_map(Outcome::Group),
        policy().prop_map(Outcome::Policy),
        installation().prop_map(Outcome::Installation),
    ]
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    let amount = || 0..5000_usize;
    let upload = || (repository_name(), upload_id());
    prop_oneof![
        repository_name().prop_map(|name| GetRepository { name }.into()),
        repository_name().prop_map(|repository| GetSettings { repository }.into()),
        page_request().prop_map(|page| ListRepositories { page }.into()),
        (repository_name(), ref_name(), option::of(path())).prop_map(|(repository, reference, path)| ResolveRef {
            repository,
            reference,
            path
        }
        .into()),
        (repository_name(), page_request()).prop_map(|(repository, page)| ListBranches { repository, page }.into()),
        (repository_name(), page_request())
            .prop_map(|(repository, page)| ListDeletedBranches { repository, page }.into()),
        (repository_name(), branch_name(), option::of(any::<u64>()), amount())
            .prop_map(|(repository, branch, before, amount)| ReadReflog { repository, branch, before, amount }.into()),
        (repository_name(), page_request()).prop_map(|(repository, page)| ListTags { repository, page }.into()),
        (repository_name(), branch_name(), token()).prop_map(|(repository, branch, token)| FindCommitOfToken {
            repository,
            branch,
            token
        }
        .into()),
        (repository_name(), branch_name(), option::of(vec(token(), 0..4)), text(), text(), amount()).prop_map(
            |(repository, branch, tokens, prefix, from, amount)| {
                ListStaged { repository, branch, tokens, prefix, from, amount }.into()
            }
        ),
        upload().prop_map(|(repository, upload)| GetUpload { repository, upload }.into()),
        upload().prop_map(|(repository, upload)| GetCompletedUpload { repository, upload }.into()),
        (repository_name(), branch_name(), text(), option::of((path(), upload_id())), amount()).prop_map(
            |(repository, branch, prefix, after, amount)| {
                ListUploads { repository, branch, prefix, after, amount }.into()
            }
        ),
        (upload(), any::<u32>(), amount()).prop_map(|((repository, upload), after, amount)| ListParts {
            repository,
            upload,
            after,
            amount
        }
        .into()),
        request().prop_map(|id| GetJob { id }.into()),
        (repository_name(), option::of(request()), amount()).prop_map(|(repository, after, amount)| ListJobs {
            repository,
            after,
            amount
        }
        .into()),
        (option::of(request()), amount()).prop_map(|(after, amount)| ListOpenJobs { after, amount }.into()),
        access_query(),
    ]
}

fn page<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Page<T>> {
    (vec(item, 0..4), any::<bool>()).prop_map(|(items, more)| Page { items, more })
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let target =
        prop_oneof![branch().prop_map(RefTarget::Branch), tag().prop_map(RefTarget::Tag), Just(RefTarget::Unknown)];
    prop_oneof![
        refusal().prop_map(Answer::Refused),
        repository().prop_map(Answer::Repository),
        (repository(), settings()).prop_map(|(repository, settings)| Answer::Settings(Box::new(
            SettingsOfRepository { repository, settings }
        ))),
        page(repository()).prop_map(Answer::Repositories),
        (repository(), target, option::of(staged_value()))
            .prop_map(|(repository, target, staged)| Answer::Lookup(Box::new(Lookup { repository, target, staged }))),
        page(branch()).prop_map(Answer::Branches),
        page(reflog_entry()).prop_map(Answer::Moves),
        page(tag()).prop_map(Answer::Tags),
        (branch(), page((path(), staged_value())))
            .prop_map(|(branch, page)| Answer::Staged(StagedPage { branch, page })),
        upload().prop_map(Answer::Upload),
        completed_upload().prop_map(Answer::CompletedUpload),
        page(upload()).prop_map(Answer::Uploads),
        page(part()).prop_map(Answer::Parts),
        (credential(), user()).prop_map(|(credential, user)| Answer::Credential(CredentialOfUser { credential, user })),
        user().prop_map(Answer::User),
        page(user()).prop_map(Answer::Users),
        option::of(commit_id()).prop_map(Answer::CommitOfToken),
        job().prop_map(|job| Answer::Job(Box::new(job))),
        page(job()).prop_map(Answer::Jobs),
        page(credential()).prop_map(Answer::Credentials),
        group().prop_map(Answer::Group),
        page(group()).prop_map(Answer::Groups),
        policy().prop_map(Answer::Policy),
        page(policy()).prop_map(Answer::Policies),
        (user(), option::of(credential()), vec(policy(), 0..3)).prop_map(|(user, credential, policies)| {
            Answer::Access(Box::new(Access { user, credential, policies }))
        }),
    ]
}
