//! What every `MetaStore` must pass: each command's effect and refusals, conditions, tokens, pages, retries and races.
//!
//! Owns scenarios as plain assertions; leaves making stores to who calls. Invariant: scenarios use repositories,
//! users and keys of their own, so that all may run on one store.

mod access;
mod commits;
mod conditions;
mod identities;
mod installation;
mod jobs;
mod lake;
mod pages;
mod races;
mod reflog;
mod refs;
mod repositories;
mod reset;
mod retries;
mod settings;
mod staging;
mod uploads;

use std::pin::Pin;
use std::sync::Arc;

use model::MetaStore;

type Scenario = fn(Arc<dyn MetaStore>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($($area:ident::$name:ident,)*) => {
        /// All scenarios, with their names.
        const SCENARIOS: &[(&str, Scenario)] =
            &[$((concat!(stringify!($area), "::", stringify!($name)), |store| Box::pin($area::$name(store))),)*];
    };
}

scenarios! {
    repositories::are_made_found_and_deleted,
    repositories::have_a_namespace_of_their_own,
    repositories::are_claimed_before_they_are_made,
    repositories::that_are_never_made_leave_few_claims,
    repositories::begin_anew_under_an_old_name,
    repositories::are_needed_by_everything_in_them,
    refs::branches_are_made_found_and_deleted,
    refs::tags_are_made_found_and_deleted,
    refs::share_one_space_of_names,
    refs::lookup_answers_all_at_once,
    reflog::tells_each_move,
    reflog::tells_each_commit_that_a_publication_passes,
    reflog::goes_on_where_a_name_is_used_again,
    reflog::brings_a_branch_back_with_what_was_staged,
    reflog::forgets_in_time,
    reflog::is_bounded_for_each_branch,
    reflog::refuses_long_notes,
    staging::newer_tokens_win,
    staging::pages_seek_and_end_at_their_prefix,
    staging::tokens_can_be_chosen,
    staging::branches_are_apart,
    staging::a_page_is_bounded_in_bytes,
    conditions::follow_the_table,
    conditions::are_judged_in_order,
    conditions::permissions_are_used_up_by_what_is_taken,
    conditions::look_under_tombstones_never,
    conditions::tell_entries_with_one_e_tag_apart,
    commits::seal_and_publish,
    commits::an_empty_token_is_not_sealed,
    commits::sealed_tokens_are_bounded,
    commits::publish_is_a_compare_and_swap,
    commits::publish_may_need_a_clean_branch,
    commits::published_tokens_are_gone,
    reset::of_all,
    reset::of_a_prefix,
    reset::of_a_path,
    reset::of_very_many,
    reset::refuses_the_commit_under_way,
    settings::metadata_and_retention_are_kept,
    settings::protected_branches_take_merges_only,
    settings::read_only_repositories_take_nothing,
    uploads::live_from_create_to_complete,
    uploads::are_aborted,
    uploads::complete_on_condition,
    uploads::are_listed_by_path_and_id,
    uploads::outlive_their_branch,
    uploads::are_not_taken_over_by_a_later_branch,
    uploads::are_not_remembered_for_a_later_branch,
    uploads::know_which_parts_are_the_sole_ones_of_their_numbers,
    uploads::are_remembered_when_they_were_completed,
    uploads::of_very_many_parts,
    identities::users_and_keys,
    identities::there_is_one_first_user,
    installation::has_one_id_and_the_store_that_was_noted_first,
    access::a_user_has_their_policies_and_their_groups,
    access::a_session_has_its_groups_policies_besides,
    access::who_is_made_again_gets_nothing_back,
    access::groups_and_policies_made_again_are_empty,
    access::keys_are_listed_and_taken_away,
    access::sessions_end,
    access::very_many_ended_sessions_end_all,
    access::bounds_are_kept,
    access::is_set_up_once,
    pages::of_repositories,
    pages::of_branches_and_tags,
    pages::of_users,
    pages::of_parts,
    retries::get_the_first_answer,
    retries::of_a_refusal_get_it_again,
    retries::of_another_kind_are_requests_of_their_own,
    retries::of_a_publication_move_nothing_again,
    retries::larger_commands_than_any_are_errors,
    jobs::begin_run_and_end,
    jobs::one_id_is_one_job,
    jobs::one_that_failed_for_a_reason_that_may_pass_is_begun_anew,
    jobs::are_taken_up_when_their_lease_lapses,
    jobs::are_cancelled,
    jobs::end_with_what_they_publish,
    jobs::requests_that_were_no_jobs_are_remembered_too,
    jobs::are_listed_newest_first,
    jobs::are_bounded,
    commits::publish_tells_who_holds_a_token,
    commits::publish_sees_a_reset,
    races::one_writer_creates_an_object,
    races::one_commit_is_published,
    races::all_unconditional_writes_land,
}

/// Runs every scenario, each on a store that `make` gives: a new one, or the same again.
///
/// # Panics
/// When a scenario fails; the panic's message and the log name it.
pub async fn suite<F, Made>(make: F)
where
    F: Fn() -> Made,
    Made: Future<Output = Arc<dyn MetaStore>>,
{
    for (name, scenario) in SCENARIOS {
        tracing::info!(name, "conformance");
        let store = make().await;
        let run = tokio::spawn(scenario(store));
        if let Err(error) = run.await {
            panic!("conformance scenario {name} failed: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
