use super::*;

const US: &str = "the role or user that runs ebskeep";

fn denied(operation: &'static str, code: &str, message: &str) -> CloudError {
    CloudError {
        kind: ErrorKind::Denied,
        operation,
        resource: None,
        code: Some(code.into()),
        source: Some(message.to_owned().into()),
    }
}

fn refused(operation: &'static str, message: &str) -> String {
    for_refusal(&denied(operation, "UnauthorizedOperation", message), US).unwrap()
}

const USER: &str = "You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/backup/x \
                    is not authorized to perform:";

#[test]
fn the_action_that_aws_names_is_the_one_to_allow() {
    let _proof = ebskeep_proofs::proves(&["6.110"]);
    for (operation, rest, remedy) in [
        (
            "CreateSnapshot",
            "ec2:CreateTags on resource: arn:aws:ec2:us-east-1::snapshot/* because no identity-based policy allows the \
             ec2:CreateTags action. Encoded authorization failure message: AbCd",
            "allow ec2:CreateTags to the role or user that runs ebskeep",
        ),
        (
            "CreateSnapshot",
            "iam:PassRole on resource: arn:aws:iam::1:role/r",
            "allow iam:PassRole to the role or user that runs ebskeep",
        ),
        (
            "CopySnapshot",
            "kms:CreateGrant on resource: arn:aws:kms:us-east-1:1:key/k because no resource-based policy allows the \
             kms:CreateGrant action",
            "allow kms:CreateGrant to the role or user that runs ebskeep in the policy of the key",
        ),
        (
            "DeleteSnapshot",
            "ec2:DeleteSnapshot on resource: arn because no service control policy allows the ec2:DeleteSnapshot action",
            "allow ec2:DeleteSnapshot to the role or user that runs ebskeep in a service control policy",
        ),
        (
            "AssumeRole",
            "sts:AssumeRole on resource: arn:aws:iam::1:role/ebskeep-copy",
            "allow sts:AssumeRole to the role or user that runs ebskeep, and name it in the trust policy of that role",
        ),
    ] {
        assert_eq!(refused(operation, &format!("{USER} {rest}")), remedy);
    }
}

#[test]
fn without_a_named_action_the_call_is_the_one_and_the_encoded_part_says_more() {
    assert_eq!(refused("CopySnapshot", "You are not authorized."), format!("allow ec2:CopySnapshot to {US}"));
    assert_eq!(refused("GetCallerIdentity", "no"), format!("allow sts:GetCallerIdentity to {US}"));
    let encoded = refused("CreateSnapshot", "You are not authorized. Encoded authorization failure message: Qx");
    assert!(encoded.starts_with("allow ec2:CreateSnapshot to") && encoded.contains("decode-authorization-message"));
    // What is not the name of an action is not advice.
    for odd in [
        "authorized to perform: this",
        "authorized to perform: ec2:",
        "authorized to perform: a:b:c",
        "authorized to perform: ",
    ] {
        assert_eq!(refused("CreateTags", odd), format!("allow ec2:CreateTags to {US}"), "{odd}");
    }
}

#[test]
fn nothing_is_allowed_against_an_explicit_deny() {
    let _proof = ebskeep_proofs::proves(&["6.111"]);
    for (policy, named) in [
        ("in a service control policy", "a service control policy"),
        (
            "in a service control policy: arn:aws:organizations::1:policy/o-1/service_control_policy/p-1",
            "a service control policy",
        ),
        ("in an identity-based policy. Encoded authorization failure message: Qq", "an identity-based policy"),
        ("in a permissions boundary", "a permissions boundary"),
        ("in a resource control policy", "a resource control policy"),
        ("in a VPC endpoint policy", "a VPC endpoint policy"),
        ("", "a policy"),
        ("in something that is not known", "a policy"),
    ] {
        for (operation, action) in [
            ("CreateSnapshot", "ec2:CreateTags"),
            ("DeleteSnapshot", "ec2:DeleteSnapshot"),
            ("CopySnapshot", "kms:CreateGrant"),
            ("AssumeRole", "sts:AssumeRole"),
        ] {
            let told =
                refused(operation, &format!("{USER} {action} on resource: arn:x with an explicit deny {policy}"));
            assert_eq!(told, format!("an explicit deny in {named} forbids {action}; only changing that policy helps"));
            assert!(!told.contains("allow"), "{told}");
        }
    }
}

#[test]
fn a_denial_behind_ec2_is_known_by_its_words_under_any_code() {
    let _proof = ebskeep_proofs::proves(&["6.110"]);
    let message = format!("{USER} kms:GenerateDataKeyWithoutPlaintext on this key");
    for kind in [ErrorKind::Invalid, ErrorKind::Other] {
        let error = CloudError { kind, ..denied("CreateSnapshot", "KmsKeyNotUsable", &message) };
        assert_eq!(for_refusal(&error, US).unwrap(), format!("allow kms:GenerateDataKeyWithoutPlaintext to {US}"));
    }
    // A lost answer is not a denial, whatever its words.
    let lost = CloudError { kind: ErrorKind::Unknown, ..denied("CreateSnapshot", "InternalError", &message) };
    assert_eq!(for_refusal(&lost, US), None);
}

#[test]
fn what_ended_a_listing_decides_what_to_do_about_it() {
    let _proof = ebskeep_proofs::proves(&["4.40"]);
    let error = |kind, code: Option<&str>, message: &str| CloudError {
        kind,
        operation: "DescribeSnapshots",
        resource: None,
        code: code.map(Into::into),
        source: Some(message.to_owned().into()),
    };
    for (kind, code, message, has, hasnt) in [
        (ErrorKind::Throttled, Some("RequestLimitExceeded"), "Request limit exceeded.", "run again later", "allow"),
        (ErrorKind::Denied, Some("UnauthorizedOperation"), "no", "allow ec2:DescribeSnapshots to", "later"),
        (ErrorKind::Denied, Some("ExpiredToken"), "expired", "renew the credentials", "allow"),
        (ErrorKind::Denied, Some("AuthFailure"), "not valid", "check the credentials", "allow"),
        (ErrorKind::Denied, Some("OptInRequired"), "not subscribed", "enable this Region", "allow"),
        (ErrorKind::Denied, Some("Blocked"), "blocked", "AWS Support", "allow"),
        (ErrorKind::Denied, None, "a proxy answered 403", "the message", "allow"),
        (ErrorKind::Unavailable, None, "connection refused", "the network", "allow"),
        (ErrorKind::Unavailable, Some("InternalError"), "sorry", "run again later", "network"),
        (ErrorKind::Invalid, Some("InvalidParameterValue"), "x", "report it", "allow"),
    ] {
        let told = for_listing(&error(kind, code, message));
        assert!(told.contains(has) && !told.contains(hasnt), "{kind:?} {code:?}: {told}");
    }
    let denied = error(
        ErrorKind::Denied,
        Some("UnauthorizedOperation"),
        &format!("{USER} ec2:DescribeSnapshots with an explicit deny in a service control policy"),
    );
    assert!(for_listing(&denied).starts_with("an explicit deny in a service control policy"));
}
