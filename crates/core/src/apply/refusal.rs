//! What AWS's refusals mean to the executor, and what to do about them.

use crate::advice;
use crate::cloud::{CloudError, ErrorKind};
use crate::report::{Outcome, words};

/// How an action ended whose deciding call failed with this.
pub(super) fn outcome(error: &CloudError) -> Outcome {
    match error.kind {
        ErrorKind::InUse => Outcome::InUse,
        ErrorKind::Denied => Outcome::Denied,
        ErrorKind::Unknown => Outcome::Unknown,
        ErrorKind::Stopped => Outcome::NotStarted,
        ErrorKind::NotFound
        | ErrorKind::Throttled
        | ErrorKind::PerVolumeRate
        | ErrorKind::ConcurrencyLimit
        | ErrorKind::Quota
        | ErrorKind::Invalid
        | ErrorKind::Unavailable
        | ErrorKind::Other => Outcome::Failed,
    }
}

/// How an action ended that never came to its deciding call, because a call
/// before it failed with this: whatever that one did, the action was not done.
pub(super) fn outcome_before(error: &CloudError) -> Outcome {
    match outcome(error) {
        Outcome::Unknown | Outcome::InUse => Outcome::Failed,
        other => other,
    }
}

/// What to do where a snapshot cannot be shared for its key.
pub(super) const KEY_REMEDY: &str = "a snapshot under the account's own aws/ebs key cannot be shared: copy it, or make \
                                     the volume anew, under a customer managed key that the other account may use";

/// What AWS said, and the remedy where there is one.
pub(super) fn told(error: &CloudError) -> String {
    told_of(error, "the role or user that runs ebskeep")
}

/// The same of a call that `caller` made.
pub(super) fn told_of(error: &CloudError, caller: &str) -> String {
    match remedy(error, caller) {
        Some(remedy) => format!("{}; {remedy}", words(error)),
        None => words(error),
    }
}

fn remedy(error: &CloudError, caller: &str) -> Option<String> {
    let by_code = match error.code.as_deref() {
        Some("SnapshotLimitExceeded") => Some("delete snapshots, or ask AWS to raise this quota"),
        Some("TagLimitExceeded") => Some("remove a tag: a resource can have 50"),
        // Its other meaning, a lock, comes from DeleteSnapshot.
        Some("OperationNotPermitted") if error.operation == "ModifySnapshotAttribute" => Some(KEY_REMEDY),
        _ => None,
    };
    if let Some(remedy) = by_code {
        return Some(remedy.to_owned());
    }
    if let Some(refused) = advice::for_refusal(error, caller) {
        return Some(refused);
    }
    match error.kind {
        ErrorKind::InUse => Some("deregister the image that uses it, and a later run deletes it".to_owned()),
        ErrorKind::Throttled => {
            Some("something else in this account calls EC2 a lot; the next run tries again".to_owned())
        }
        ErrorKind::PerVolumeRate | ErrorKind::ConcurrencyLimit | ErrorKind::Unavailable => {
            Some("the next run tries again".to_owned())
        }
        ErrorKind::Unknown => Some("the next run looks what became of it".to_owned()),
        ErrorKind::Denied
        | ErrorKind::NotFound
        | ErrorKind::Quota
        | ErrorKind::Invalid
        | ErrorKind::Stopped
        | ErrorKind::Other => None,
    }
}

/// Whether AWS refused a creation for the tags that came with it, so that fewer
/// tags may pass. Where AWS has no code of its own for it, its words tell.
pub(super) fn because_of_tags(error: &CloudError) -> bool {
    /// Codes that are about tags and nothing else.
    const CODES: &[&str] =
        &["TagLimitExceeded", "InvalidTagKey.Malformed", "TagPolicyViolation", "InvalidTag", "ReservedTag"];
    /// Words beside a general code, such as `InvalidParameterValue`.
    const WORDS: &[&str] = &["tag key", "tag value", "tag polic", "tagspecification", "duplicate tag", "tags "];
    /// What a denial names when it is the tags that are not permitted.
    const DENIED: &str = "ec2:createtags";

    if error.code.as_deref().is_some_and(|code| CODES.contains(&code)) {
        return true;
    }
    let said = words(error).to_lowercase();
    match error.kind {
        ErrorKind::Invalid | ErrorKind::Quota | ErrorKind::Other => WORDS.iter().any(|word| said.contains(word)),
        ErrorKind::Denied => said.contains(DENIED),
        ErrorKind::NotFound
        | ErrorKind::InUse
        | ErrorKind::Throttled
        | ErrorKind::PerVolumeRate
        | ErrorKind::ConcurrencyLimit
        | ErrorKind::Unavailable
        | ErrorKind::Unknown
        | ErrorKind::Stopped => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, code: &str, message: &'static str) -> CloudError {
        CloudError {
            kind,
            operation: "CreateSnapshot",
            resource: Some("vol-1".into()),
            code: Some(code.into()),
            source: Some(message.into()),
        }
    }

    #[test]
    fn refusals_because_of_tags_are_told_from_others() {
        let yes = [
            error(ErrorKind::Quota, "TagLimitExceeded", "The maximum number of Tags has been reached."),
            error(
                ErrorKind::Invalid,
                "InvalidParameterValue",
                "Tag value exceeds the maximum length of 256 characters",
            ),
            error(ErrorKind::Invalid, "InvalidParameterValue", "Tag keys starting with 'aws:' are reserved"),
            error(ErrorKind::Denied, "UnauthorizedOperation", "not authorized to perform: ec2:CreateTags on resource"),
        ];
        let no = [
            error(ErrorKind::Quota, "SnapshotLimitExceeded", "The maximum permitted snapshots"),
            error(ErrorKind::Invalid, "InvalidParameterValue", "Value (x) for parameter volumeId is invalid"),
            error(ErrorKind::Denied, "UnauthorizedOperation", "not authorized to perform: ec2:CreateSnapshot"),
            error(ErrorKind::Unknown, "InternalError", "tag key"),
        ];
        assert!(yes.iter().all(because_of_tags));
        assert!(!no.iter().any(because_of_tags));
    }

    #[test]
    fn a_key_that_cannot_be_shared_is_no_missing_permission() {
        let refused = CloudError {
            operation: "ModifySnapshotAttribute",
            ..error(ErrorKind::Denied, "OperationNotPermitted", "Encrypted snapshots cannot be shared")
        };
        let told = told(&refused);
        assert!(told.ends_with(KEY_REMEDY) && !told.contains("allow"), "{told}");
    }

    #[test]
    fn a_creation_refused_for_its_tags_by_an_explicit_deny_is_not_to_be_allowed() {
        let _proof = ebskeep_proofs::proves(&["6.110", "6.111", "6.112"]);
        let encoded = "Q".repeat(1_500);
        let said = format!(
            "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/backup/b is \
             not authorized to perform: ec2:CreateTags on resource: arn:aws:ec2:us-east-1::snapshot/* with an explicit \
             deny in a service control policy. Encoded authorization failure message: {encoded}"
        );
        let refused =
            CloudError { source: Some(said.clone().into()), ..error(ErrorKind::Denied, "UnauthorizedOperation", "") };
        let told = told(&refused);
        assert_eq!(
            told,
            format!(
                "CreateSnapshot on vol-1: UnauthorizedOperation: {said}; an explicit deny in a service control policy \
                 forbids ec2:CreateTags; only changing that policy helps"
            )
        );
    }

    #[test]
    fn what_aws_said_is_told_once_with_the_remedy() {
        let told = told(&error(ErrorKind::Denied, "UnauthorizedOperation", "You are not authorized."));
        assert_eq!(
            told,
            "CreateSnapshot on vol-1: UnauthorizedOperation: You are not authorized.; \
             allow ec2:CreateSnapshot to the role or user that runs ebskeep"
        );
    }
}
