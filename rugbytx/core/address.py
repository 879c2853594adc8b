"""Where a system's services are, as its clients have it, and the words for that."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: What stands for AWS's own endpoints of the region that requests are signed for.
AWS = "AWS"
_SUFFIX = r"amazonaws\.com(\.cn)?"


@dataclass(frozen=True, kw_only=True)
class ServiceEndpoints:
    """The endpoints that clients speak to, and the region that they sign for."""

    region: str
    #: The URL of each service, by its name, e.g. ``SQS``.
    endpoints: Mapping[str, str]

    @property
    def place(self) -> str:
        """Return where the services are: in ``AWS``, or at a URL; each by its name where they are not together.

        An endpoint of AWS that belongs to another region, to a VPC or to one of
        AWS's special sets (FIPS, dual stack) is a URL like any other.

        >>> sqs, s3 = "https://sqs.eu-west-1.amazonaws.com", "http://127.0.0.1:4667"
        >>> ServiceEndpoints(region="eu-west-1", endpoints={"SQS": sqs}).place
        'AWS'
        >>> ServiceEndpoints(region="us-east-1", endpoints={"SQS": sqs}).place
        'https://sqs.eu-west-1.amazonaws.com'
        >>> ServiceEndpoints(region="eu-west-1", endpoints={"SQS": sqs, "S3": s3, "DynamoDB": s3}).place
        'SQS at AWS, S3 and DynamoDB at http://127.0.0.1:4667'
        """
        services: dict[str, list[str]] = {}
        for service, url in self.endpoints.items():
            services.setdefault(AWS if self._is_aws(url) else url, []).append(service)
        if len(services) == 1:
            return next(iter(services))
        return ", ".join(f"{_listed(names)} at {place}" for place, names in services.items())

    def _is_aws(self, url: str) -> bool:
        region = re.escape(self.region)
        return bool(re.fullmatch(rf"https://[a-z0-9]+(\.{region})?\.{_SUFFIX}/?", url))


def named(address: ServiceEndpoints, environ: Mapping[str, str]) -> str:
    """Return where the services are, with whose credentials they are asked, and for which region.

    >>> address = ServiceEndpoints(region="eu-west-1", endpoints={"SQS": "https://sqs.eu-west-1.amazonaws.com"})
    >>> named(address, {"AWS_PROFILE": "club"})
    'AWS (profile club, region eu-west-1)'
    """
    # botocore's own order.
    profile = environ.get("AWS_DEFAULT_PROFILE", environ.get("AWS_PROFILE", "default"))
    whose = "credentials of the environment" if "AWS_ACCESS_KEY_ID" in environ else f"profile {profile}"
    return f"{address.place} ({whose}, region {address.region})"


def _listed(names: list[str]) -> str:
    """Return names as a sentence has them.

    >>> _listed(["SQS"]), _listed(["SQS", "S3", "DynamoDB"])
    ('SQS', 'SQS, S3 and DynamoDB')
    """
    head, last = names[:-1], names[-1]
    return f"{', '.join(head)} and {last}" if head else last
