//! Where a backend is known to differ from AWS: the only place where a case may
//! not pass. A skipped case is run all the same: one that passes after all, or
//! fails in another way than it is said to, fails the run.

use crate::backend::Backend;
use crate::stage::ONLY_SIM;

/// One known difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skip {
    pub(crate) backend: Backend,
    pub(crate) case: &'static str,
    /// What the backend does instead.
    pub(crate) reason: &'static str,
    /// Where AWS says what it does.
    pub(crate) document: &'static str,
    /// What the case's failure says.
    pub(crate) shows: &'static str,
}

/// How many cases run and pass on moto. Neither fewer nor more: a case that
/// silently stops to run is no proof, and a new one belongs into this count.
pub(crate) const MOTO_RUNS: usize = 120;

const fn moto(case: &'static str, reason: &'static str, document: &'static str, shows: &'static str) -> Skip {
    Skip { backend: Backend::Moto, case, reason, document, shows }
}

/// A case that turns a knob which only sim has.
const fn knob(case: &'static str, reason: &'static str, document: &'static str) -> Skip {
    moto(case, reason, document, ONLY_SIM)
}

/// A case about locks.
const fn no_lock(case: &'static str) -> Skip {
    moto(case, "knows no locks on snapshots: answers with an HTML page", LOCKS, "answered 500")
}

const DESCRIBE_INSTANCES: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html";
const DESCRIBE_VOLUMES: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html";
const DESCRIBE_SNAPSHOTS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html";
const DESCRIBE_IMAGES: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html";
const DESCRIBE_REGIONS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html";
const PAGINATION: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination";
const ERRORS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html";
const FILTERING: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html";
const TAGS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions";
const THROTTLING: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html";
const CONSISTENCY: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html";
const IDEMPOTENCY: &str = "https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html";
const MULTI_ATTACH: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volumes-multi.html";
const REGISTER_IMAGE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html";
const DEPRECATE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-deprecate.html";
const DELETE_SNAPSHOT: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSnapshot.html";
const CREATE_SNAPSHOT: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshot.html";
const CREATE_SNAPSHOTS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSnapshots.html";
const EXCLUDE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html";
const QUOTAS: &str = "https://docs.aws.amazon.com/general/latest/gr/ebs-service.html";
const LOCKS: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html";
const TIERS: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotTierStatus.html";
const COPY: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html";
const SHARING: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html";
const RECYCLE_BIN: &str = "https://docs.aws.amazon.com/ebs/latest/userguide/recycle-bin.html";
const AWS_BACKUP: &str = "https://docs.aws.amazon.com/aws-backup/latest/devguide/deleting-backups.html";
const IAM: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-iam.html";

/// All known differences.
pub(crate) const SKIPS: &[Skip] = &[
    moto(
        "place::regions_not_opted_in_to_are_not_listed",
        "lists every Region there is, whether opted in to or not",
        DESCRIBE_REGIONS,
        "il-central-1 is not listed",
    ),
    moto(
        "listing::a_page_holds_1000_instances_at_most",
        "counts reservations, not instances",
        DESCRIBE_INSTANCES,
        "[1003]",
    ),
    moto("listing::a_page_holds_1000_volumes_at_most", "gives all volumes on one page", DESCRIBE_VOLUMES, "[1010]"),
    moto(
        "listing::a_page_holds_1000_snapshots_at_most",
        "gives all snapshots on one page",
        DESCRIBE_SNAPSHOTS,
        "no page holds more than 1,000",
    ),
    moto("listing::a_token_nobody_gave_is_refused", "looks at no token", PAGINATION, "it was taken"),
    moto(
        "ids::one_unknown_image_among_known_is_not_found",
        "refuses only if all images are unknown",
        DESCRIBE_IMAGES,
        "it was taken",
    ),
    moto(
        "ids::a_malformed_id_is_invalid",
        "does not look at the form of a snapshot's id",
        ERRORS,
        "InvalidSnapshot.NotFound",
    ),
    moto("filters::an_escaped_star_is_a_star", "does not find what was escaped", FILTERING, "got {}"),
    moto(
        "filters::two_hundred_values_are_taken_and_one_more_is_refused",
        "has no limit on the values of a filter",
        FILTERING,
        "it was taken",
    ),
    moto(
        "filters::instances_by_their_volume",
        "does not know the filter block-device-mapping.volume-id",
        DESCRIBE_INSTANCES,
        "answered 500",
    ),
    moto(
        "filters::images_by_snapshot",
        "does not know the filter block-device-mapping.snapshot-id",
        DESCRIBE_IMAGES,
        "answered 500",
    ),
    moto("filters::an_unknown_filter_is_refused", "answers with an internal error", DESCRIBE_SNAPSHOTS, "answered 500"),
    moto(
        "volumes::every_attachment_of_a_multi_attach_volume_is_told",
        "keeps only the last attachment of a volume",
        MULTI_ATTACH,
        "attachments: got",
    ),
    moto(
        "images::a_registered_image_names_its_snapshot",
        "makes a snapshot of its own for every image",
        REGISTER_IMAGE,
        "snapshots: got",
    ),
    moto(
        "images::a_deprecated_image_is_listed",
        "has no EnableImageDeprecation",
        DEPRECATE,
        "raw call on EnableImageDeprecation",
    ),
    moto(
        "images::the_snapshot_of_a_registered_image_is_in_use",
        "does not know what an image was registered with",
        DELETE_SNAPSHOT,
        "it was taken",
    ),
    moto(
        "images::the_snapshot_of_a_deprecated_image_is_in_use",
        "has no EnableImageDeprecation",
        DEPRECATE,
        "raw call on EnableImageDeprecation",
    ),
    moto(
        "snapshots::fifty_one_tags_begin_nothing",
        "makes the snapshot before it looks at its tags",
        CREATE_SNAPSHOT,
        "snapshots: got",
    ),
    moto("snapshots::a_tag_of_awss_begins_nothing", "takes aws: tags from anybody", TAGS, "it was taken"),
    moto("snapshots::it_is_pending_then_completed", "completes snapshots at once", CREATE_SNAPSHOT, "got Completed"),
    moto("snapshots::one_volume_has_one_in_15_seconds", "has no rate limit for a volume", ERRORS, "it was taken"),
    moto(
        "snapshots::one_volume_has_five_at_once",
        "has no limit on concurrent snapshots of a volume",
        QUOTAS,
        "it was taken",
    ),
    knob("snapshots::one_of_aws_backup_cannot_be_deleted", "has no AWS Backup that marks snapshots of EC2", AWS_BACKUP),
    knob("snapshots::one_in_the_recycle_bin_is_recoverable", "has no Recycle Bin", RECYCLE_BIN),
    knob("snapshots::one_that_failed_says_why", "lets no snapshot fail", DESCRIBE_SNAPSHOTS),
    no_lock("locks::nothing_locked_is_one_empty_page"),
    no_lock("locks::a_lock_is_told_with_its_end"),
    no_lock("locks::a_lock_is_told_as_what_it_is"),
    no_lock("locks::a_cooling_off_period_ends"),
    no_lock("locks::a_lock_that_is_over_is_told_as_expired"),
    no_lock("locks::one_unlocked_is_told_no_more"),
    no_lock("locks::a_pending_snapshots_lock_does_not_run_yet"),
    no_lock("locks::locks_come_to_the_last_page"),
    no_lock("locks::by_state"),
    no_lock("locks::an_unknown_snapshot_is_not_found"),
    no_lock("locks::a_locked_snapshot_cannot_be_deleted"),
    no_lock("locks::one_whose_lock_is_over_can_be_deleted"),
    moto("tiers::an_unknown_filter_is_refused", "takes filters that AWS does not have", TIERS, "it was taken"),
    moto("sets::a_set_may_leave_out_data_volumes", "ignores ExcludeDataVolumeId", EXCLUDE, "of which: got"),
    moto(
        "sets::the_boot_volume_is_no_data_volume_to_leave_out",
        "ignores ExcludeDataVolumeId",
        EXCLUDE,
        "it was taken",
    ),
    moto(
        "sets::fifty_one_tags_begin_none",
        "makes the snapshots before it looks at their tags",
        CREATE_SNAPSHOTS,
        "snapshots: got",
    ),
    moto("sets::a_volume_at_its_rate_limit_stops_the_set", "has no rate limit for a volume", ERRORS, "it was taken"),
    knob("sets::a_member_that_fails_takes_the_others_along", "lets no snapshot fail", CREATE_SNAPSHOTS),
    moto(
        "copies::its_volume_is_none_of_ours",
        "gives a copy the volume of its source",
        COPY,
        "it is not the source's volume",
    ),
    moto("copies::it_is_pending_then_completed", "completes copies at once", COPY, "got Completed"),
    knob("copies::a_key_that_cannot_be_used_fails_the_copy_later", "knows of no key that cannot be used", COPY),
    knob("copies::a_key_of_another_region_fails_the_copy_later", "looks at no key", COPY),
    moto("copies::a_pending_source_begins_no_copy", "completes snapshots at once", COPY, "it was taken"),
    knob("copies::an_archived_source_begins_no_copy", "has no archive", COPY),
    moto("copies::a_region_takes_twenty_at_once", "has no limit on concurrent copies", QUOTAS, "it was taken"),
    moto("copies::fifty_one_tags_begin_no_copy", "makes the copy before it looks at its tags", COPY, "copies: got"),
    moto("sharing::one_under_the_accounts_own_key_cannot_be_shared", "shares every snapshot", SHARING, "it was taken"),
    moto(
        "sharing::one_shared_can_be_copied_through_a_role",
        "does not show a shared snapshot to the account it is shared with",
        SHARING,
        "InvalidSnapshot.NotFound",
    ),
    moto(
        "sharing::one_no_longer_shared_can_no_longer_be_copied",
        "does not show a shared snapshot to the account it is shared with",
        SHARING,
        "InvalidSnapshot.NotFound",
    ),
    knob("sharing::one_under_a_key_is_copied_by_who_may_use_the_key", "knows of no key that cannot be used", SHARING),
    knob("sharing::a_role_that_asks_for_an_external_id_is_told_it", "looks at no external id", IAM),
    knob("sharing::a_role_that_cannot_be_assumed_denies_every_call", "lets every role be assumed", IAM),
    moto("tags::a_key_of_awss_is_refused", "takes aws: tags from anybody", TAGS, "it was taken"),
    moto("tags::a_value_of_257_characters_is_refused", "does not look at the length of values", TAGS, "it was taken"),
    moto("tags::a_key_of_129_characters_is_refused", "does not look at the length of keys", TAGS, "it was taken"),
    knob("failures::what_is_not_permitted_is_denied", "permits everything", IAM),
    moto("failures::a_region_not_enabled_is_denied", "serves every Region", DESCRIBE_REGIONS, "it was taken"),
    knob("failures::a_denied_region_leaves_the_others", "permits everything", IAM),
    moto("failures::an_unknown_key_is_denied", "takes every key", ERRORS, "it was taken"),
    knob("failures::an_empty_bucket_is_throttled", "throttles nothing", THROTTLING),
    knob("failures::a_throttled_call_did_nothing", "throttles nothing", THROTTLING),
    knob("failures::a_full_region_is_a_quota", "has no quotas", QUOTAS),
    knob("failures::an_answer_lost_leaves_a_creation_unknown", "loses no answer", IDEMPOTENCY),
    knob("failures::an_answer_cut_off_leaves_a_creation_unknown", "cuts no answer off", IDEMPOTENCY),
    knob("failures::an_answer_lost_leaves_a_listing_to_be_asked_again", "loses no answer", IDEMPOTENCY),
    knob("failures::an_internal_error_leaves_a_deletion_unknown", "has no internal errors on demand", ERRORS),
    knob("failures::a_request_lost_did_nothing", "loses no request", IDEMPOTENCY),
    knob("failures::a_new_snapshot_may_be_missing_for_a_while", "lists everything at once", CONSISTENCY),
    knob("failures::tags_at_war_are_a_concurrency_limit", "lets everybody write tags at once", ERRORS),
];
