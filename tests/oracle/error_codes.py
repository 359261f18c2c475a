"""The error codes that sim may answer with.

Source: "Error codes for the Amazon EC2 API" (EC2 API reference, tables of common
client, client and server error codes), and for the last group "Common errors" of
the STS API reference.
"""

COMMON = {
    "AuthFailure",
    "DryRunOperation",
    "IdempotentParameterMismatch",
    "IncompleteSignature",
    "InvalidAction",
    "InvalidClientTokenId",
    "InvalidParameter",
    "InvalidParameterCombination",
    "InvalidParameterDependency",
    "InvalidParameterValue",
    "InvalidQueryParameter",
    "MalformedQueryString",
    "MissingAction",
    "MissingAuthenticationToken",
    "MissingParameter",
    "OptInRequired",
    "RequestExpired",
    "UnauthorizedOperation",
    "UnknownParameter",
    "UnsupportedOperation",
    "ValidationError",
}

CLIENT = {
    "ConcurrentSnapshotLimitExceeded",
    "ConcurrentTagAccess",
    "FilterLimitExceeded",
    "IncorrectInstanceState",
    "IncorrectState",
    "InvalidAMIID.Malformed",
    "InvalidAMIID.NotFound",
    "InvalidAMIID.Unavailable",
    "InvalidAMIName.Duplicate",
    "InvalidBlockDeviceMapping",
    "InvalidDevice.InUse",
    "InvalidFilter",
    "InvalidID",
    "InvalidInstanceID",
    "InvalidInstanceID.Malformed",
    "InvalidInstanceID.NotFound",
    "InvalidInput",
    "InvalidMaxResults",
    "InvalidNextToken",
    "InvalidPaginationToken",
    "InvalidSnapshot.InUse",
    "InvalidSnapshot.NotFound",
    "InvalidSnapshotID.Malformed",
    "InvalidTagKey.Malformed",
    "InvalidUserID.Malformed",
    "InvalidVolume.NotFound",
    "InvalidVolume.ZoneMismatch",
    "InvalidVolumeID.Malformed",
    "InvalidZone.NotFound",
    "OperationNotPermitted",
    "PendingSnapshotLimitExceeded",
    "RequestLimitExceeded",
    "ResourceLimitExceeded",
    "SnapshotCreationPerVolumeRateExceeded",
    "SnapshotLimitExceeded",
    "TagLimitExceeded",
    "TagPolicyViolation",
    "Unsupported",
    "VolumeInUse",
}

SERVER = {"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"}

STS = {"AccessDenied", "ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "ValidationError"}

DOCUMENTED = COMMON | CLIENT | SERVER | STS
