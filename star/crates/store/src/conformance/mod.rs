//! What every store has to do, whatever holds its index: one suite, run on each.
//!
//! A case is an async function of a [`Subject`]; [`suite!`] makes a test of it for each index.
//! Cases speak through the port only, so that a store on another database runs the same ones.

mod batches;
mod bounds;
mod checkpoints;
mod consumers;
mod events;
mod lifetime;
mod model;
mod preconditions;
mod ranges;
mod reads;
mod subject;

use self::subject::Subject;

macro_rules! suite {
    ($($group:ident: $($case:ident),+ $(,)?;)+) => {
        mod on_memory {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::super::$group::$case(super::super::Subject::on_memory()).await;
                })+
            })+
        }
        mod on_redb {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::super::$group::$case(super::super::Subject::on_redb()).await;
                })+
            })+
        }
        mod on_sled {
            $(mod $group {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::super::$group::$case(super::super::Subject::on_sled()).await;
                })+
            })+
        }
    };
}

suite! {
    reads:
        a_key_that_was_never_written_has_no_value,
        a_value_carries_the_revisions_of_its_making_and_last_writing,
        rewriting_keeps_the_revision_of_making,
        a_key_made_again_after_removal_is_made_anew,
        keys_are_answered_in_the_order_asked,
        the_same_key_may_be_asked_for_twice,
        no_keys_give_no_values,
        the_empty_key_and_the_empty_value_are_stored,
        any_bytes_are_stored,
        the_longest_key_and_value_are_stored,
        a_batch_is_seen_whole_or_not_at_all;
    ranges:
        a_scan_is_in_the_order_of_bytes,
        a_scan_starts_at_its_start_and_ends_before_its_end,
        a_prefix_covers_its_keys_and_no_others,
        a_prefix_of_the_last_byte_goes_to_the_end,
        a_range_without_end_goes_to_the_last_key,
        a_range_that_ends_before_it_begins_is_empty,
        pages_join_without_gap_or_repetition,
        a_page_that_ends_with_the_range_names_no_next,
        a_page_holds_at_most_a_thousand_rows,
        a_page_ends_at_a_megabyte,
        a_limit_of_zero_still_goes_forward,
        removing_a_range_removes_its_keys_and_no_others,
        removing_an_empty_range_changes_nothing,
        removing_a_range_to_the_end_leaves_what_is_before;
    batches:
        revisions_of_a_shard_are_gapless,
        each_shard_counts_for_itself,
        positions_are_gapless_over_all_shards,
        a_batch_of_nothing_takes_a_revision,
        operations_happen_in_order,
        a_value_put_and_removed_in_one_batch_is_not_there,
        a_removed_key_put_again_in_one_batch_is_there,
        removing_what_is_not_there_is_no_error,
        a_batch_may_write_beside_its_shard,
        the_same_id_happens_once,
        the_same_id_sent_at_once_happens_once,
        an_id_that_was_refused_is_judged_again,
        a_batch_at_every_limit_is_taken,
        too_many_operations_are_refused,
        too_many_preconditions_are_refused,
        too_many_events_are_refused,
        too_long_a_key_is_refused_wherever_it_stands,
        too_long_a_value_is_refused,
        too_many_bytes_are_refused,
        a_refused_batch_changes_nothing,
        many_committers_lose_nothing,
        the_limits_are_those_of_the_port;
    preconditions:
        absent_holds_where_nothing_is,
        absent_fails_with_the_revision_found,
        present_holds_where_a_value_is,
        present_fails_where_nothing_is,
        modified_at_holds_for_the_last_writing_only,
        modified_at_fails_where_nothing_is,
        modified_at_fails_for_another_shards_revision,
        the_first_that_fails_is_named,
        a_conflict_changes_nothing,
        of_many_who_make_one_key_one_wins,
        a_counter_under_compare_and_set_counts_right,
        an_unchanged_range_holds,
        a_write_in_the_range_is_seen,
        a_removal_in_the_range_is_seen,
        a_removal_of_a_range_is_seen_where_it_overlaps,
        a_change_outside_the_range_is_not_seen,
        a_change_up_to_the_revision_is_not_seen,
        a_write_of_another_shard_in_the_range_counts_as_change,
        an_empty_range_is_never_changed,
        of_many_who_saw_the_same_range_one_wins,
        a_range_is_judged_after_a_restart;
    events:
        an_empty_log_has_no_events,
        an_event_carries_all_that_was_committed,
        events_of_a_batch_are_numbered,
        events_come_in_the_order_of_the_log,
        batches_without_events_move_the_cursor,
        a_page_has_at_most_so_many_batches,
        pages_follow_each_other_to_the_end,
        a_cursor_beyond_the_end_waits_there,
        a_conflict_leaves_no_event,
        the_head_shows_a_commit_before_it_is_answered,
        the_head_wakes_who_waits,
        events_are_read_from_disk_after_a_restart,
        a_cursor_far_back_is_served_from_disk,
        large_events_end_a_page;
    lifetime:
        everything_acknowledged_is_there_after_a_restart,
        revisions_and_positions_go_on_after_a_restart,
        an_id_is_remembered_over_a_restart,
        a_store_dropped_without_closing_has_lost_nothing,
        a_closed_store_takes_nothing_and_reads_nothing,
        closing_twice_is_closing_once,
        what_was_sent_before_closing_is_finished,
        a_checkpoint_answers,
        the_status_counts;
    bounds:
        a_zero_byte_sorts_before_everything_longer,
        a_byte_of_ones_sorts_behind_everything,
        a_range_ends_before_its_end_at_a_zero_byte,
        a_prefix_that_ends_in_ones_has_an_end,
        the_empty_key_is_the_first,
        a_range_of_one_key_is_that_key,
        a_range_with_the_same_start_and_end_is_empty,
        removing_a_range_and_putting_in_it_leaves_what_was_put,
        putting_in_a_range_and_removing_it_leaves_nothing,
        removing_everything_leaves_an_empty_store_that_counts_on,
        overlapping_removals_remove_both_ranges,
        the_last_of_two_puts_of_a_batch_wins,
        a_key_removed_and_made_in_one_batch_is_made_anew,
        a_key_removed_twice_is_removed,
        a_value_of_every_byte_is_read_back,
        a_value_may_shrink_and_grow,
        a_page_of_one_row_goes_on,
        a_scan_from_a_key_that_was_removed_goes_on_behind_it,
        many_keys_are_read_at_once,
        two_preconditions_on_one_key_both_hold,
        contradicting_preconditions_name_the_second,
        a_precondition_does_not_see_its_own_batch,
        a_removed_key_is_absent_and_not_present,
        modified_at_a_former_writing_fails,
        a_range_of_everything_is_changed_by_anything,
        a_range_is_not_changed_by_a_batch_without_operations,
        a_range_is_changed_by_removing_what_was_not_there,
        a_range_before_the_first_revision_is_changed_by_all_of_them,
        a_removal_by_another_shard_does_not_count_for_this_one,
        the_same_id_with_other_contents_is_the_first_batch,
        the_same_id_on_another_shard_is_the_first_batch,
        the_first_and_the_last_shard_are_shards,
        a_key_written_by_two_shards_has_the_revisions_of_each,
        events_of_two_shards_are_one_log,
        an_event_without_a_body_is_an_event,
        an_empty_leaf_is_not_none,
        a_page_of_no_batches_still_goes_forward,
        a_repeated_batch_tells_its_events_once;
    checkpoints:
        an_empty_store_has_no_checkpoint,
        a_checkpoint_is_of_the_position_reached,
        a_checkpoint_of_the_same_position_is_one,
        a_checkpoint_is_known_after_a_restart,
        a_checkpoint_changes_nothing_that_is_read,
        the_revisions_of_rows_survive_checkpoint_and_restart,
        shards_go_on_counting_after_checkpoint_and_restart,
        an_id_is_remembered_over_checkpoint_and_restart,
        removals_are_remembered_over_checkpoint_and_restart,
        events_before_a_checkpoint_are_still_read,
        what_a_checkpoint_covers_may_be_removed_behind_it;
    consumers:
        at_first_there_is_none,
        a_consumer_begins_where_it_says,
        registering_again_finds_the_first,
        a_consumer_advances,
        a_consumer_never_goes_back,
        nobody_advances_beyond_the_end,
        who_is_not_registered_does_not_advance,
        a_dropped_consumer_is_gone,
        a_dropped_consumer_may_begin_anew,
        consumers_are_listed_by_name,
        consumers_do_not_move_each_other,
        consumers_are_there_after_a_restart,
        consumers_are_there_after_a_store_was_dropped,
        a_name_without_letters_or_too_many_is_refused,
        advancing_writes_nothing_into_the_log;
}
