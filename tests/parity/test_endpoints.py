"""Our endpoints are botocore's, for every Region it knows and every variant."""

import itertools

import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import create_loader

LOADER = create_loader()
PARTITIONS = LOADER.load_data("partitions")
SERVICES = ("ec2", "sts")
# What botocore sets for a service that has more parameters than all have.
PARAMETERS = {"ec2": {}, "sts": {"UseGlobalEndpoint": False}}

REGIONS = {region: partition["id"] for partition in PARTITIONS["partitions"] for region in partition["regions"]}
# Names that belong to a partition by their pattern alone: Regions newer than
# the release of botocore, and names of no partition at all.
UNLISTED = ["eu-west-99", "us-gov-north-7", "cn-east-9", "us-iso-north-1", "eusc-de-west-2", "mars-olympus-1"]

# (service, region) in which we differ on purpose, and why.
NOT_A_REGION = "a partition's global endpoint, which has no snapshots: never a Place of ours"
AGREED = {
    **{("ec2", region): NOT_A_REGION for region in REGIONS if region.endswith("-global") and region != "aws-global"},
    **{("sts", region): NOT_A_REGION for region in REGIONS if region.endswith("-global")},
}


def theirs(provider: EndpointProvider, service: str, region: str, fips: bool, dual_stack: bool) -> str | None:
    try:
        return provider.resolve_endpoint(
            Region=region, UseFIPS=fips, UseDualStack=dual_stack, **PARAMETERS[service]
        ).url
    except EndpointProviderError:
        return None


@pytest.mark.parametrize("service", SERVICES)
def test_every_region_and_variant_has_botocores_endpoint(probe, service):
    provider = EndpointProvider(LOADER.load_service_model(service, "endpoint-rule-set-1"), PARTITIONS)
    compared, different = 0, {}
    for region in [*REGIONS, *UNLISTED]:
        for fips, dual_stack in itertools.product((False, True), repeat=2):
            expected = theirs(provider, service, region, fips, dual_stack)
            answer = probe.ask("endpoint", service=service, region=region, fips=fips, dualstack=dual_stack)
            assert ("url" in answer) != ("error" in answer), answer
            compared += 1
            if answer.get("url") != expected:
                different.setdefault((service, region), []).append((fips, dual_stack, answer, expected))
    assert compared >= 4 * (50 + len(UNLISTED)), "botocore knows 50 Regions and more"
    agreed = {case for case in AGREED if case[0] == service}
    assert {case: how for case, how in different.items() if case not in agreed} == {}
    assert sorted(agreed - set(different)) == [], "no longer different: take it out of AGREED"


# What would become part of a host name must look like one. botocore checks the
# same before it asks its rules (botocore.utils.validate_region_name).
@pytest.mark.parametrize("region", ["", "eu-west-1/", "eu-west-1.evil.example", "-eu", "eu west 1", "é", "a" * 64])
def test_what_is_no_host_label_is_no_region(probe, region):
    answer = probe.ask("endpoint", service="ec2", region=region, fips=False, dualstack=False)
    assert "error" in answer and "url" not in answer
