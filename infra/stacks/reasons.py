"""Why some findings of cdk-nag stand: every acknowledged rule, with its reason, in one place."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

REASONS: dict[str, dict[str, str]] = {
    "stack": {
        "HIPAA.Security-IAMNoInlinePolicy": (
            "Each policy belongs to one role and one function; a managed policy could be attached to others."
        ),
    },
    "secret": {
        "AwsSolutions-SMG4": "Passwords are kept as hashes that only a person can renew; certificates come from the "
        "hospital's own authority. docs/operations.md tells how both are renewed.",
        "HIPAA.Security-SecretsManagerRotationEnabled": "As AwsSolutions-SMG4.",
    },
    "log bucket": {
        "AwsSolutions-S1": "It holds the access logs of the others; its own would log themselves.",
        "HIPAA.Security-S3BucketLoggingEnabled": "As AwsSolutions-S1.",
        "HIPAA.Security-S3DefaultEncryptionKMS": "S3 writes access logs only into buckets with its own keys (S3 user "
        "guide, 'Logging requests with server access logging'). They hold keys made of digests, no patient data.",
        "HIPAA.Security-S3BucketReplicationEnabled": "Access logs are no records of patients.",
    },
    "no replica": {
        "HIPAA.Security-S3BucketReplicationEnabled": "S3 keeps every object in three zones, and versions bring back "
        "what was removed; `replica_region` of the stage adds a copy of the files in another region.",
    },
    "copied": {
        "AwsSolutions-IAM5[Resource::<{bucket}.Arn>/*]": "S3 copies every object.",
        "AwsSolutions-IAM5[Resource::{copy}/*]": "S3 copies every object.",
        "AwsSolutions-IAM5[Action::kms:GenerateDataKey*]": "The forms of one right, on one key.",
        "AwsSolutions-IAM5[Action::kms:ReEncrypt*]": "The forms of one right, on one key.",
    },
    "replica bucket": {
        "AwsSolutions-S1": "Only S3 itself writes here, and CloudTrail tells of readers.",
        "HIPAA.Security-S3BucketLoggingEnabled": "As AwsSolutions-S1.",
        "HIPAA.Security-S3BucketReplicationEnabled": "It is the copy.",
    },
    "objects": {
        "AwsSolutions-IAM5[Resource::{objects}]": "Objects of the store's two buckets: keys hold random parts, so "
        "that none can be named. tests/infra compares every right with the calls that are made.",
    },
    "network interfaces": {
        "AwsSolutions-IAM5[Resource::*]": "Lambda asks for its rights on network interfaces on every resource before "
        "it puts a function into a VPC. The code of the function is denied them.",
    },
    "function": {
        "AwsSolutions-L1": "Python 3.13 is the runtime that the package is built for and tested with.",
        "HIPAA.Security-LambdaConcurrency": "What queues call is limited by max_concurrency. The API takes what the "
        "account has: a fixed limit would refuse requests before the account must.",
        "HIPAA.Security-LambdaDLQ": "Queues have dead-letter queues of their own, API Gateway waits for its answer, "
        "and a sweep that fails is made up for by the next one.",
    },
    "API": {
        "AwsSolutions-APIG2": "Bodies are DICOM files or JSON as Orthanc takes it; the application checks them.",
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
        "AmazonAPIGatewayPushToCloudWatchLogs]": "The policy that API Gateway asks for to write logs.",
        "HIPAA.Security-APIGWCacheEnabledAndEncrypted": "What was uploaded must be seen by the next read: no cache.",
        "HIPAA.Security-APIGWSSLEnabled": "There is no server behind it that a certificate could be shown to, only "
        "Lambda, which API Gateway calls with IAM.",
        "HIPAA.Security-APIGWXrayEnabled": "Traces cost 339 ms of a cold start; logs and metrics carry request IDs.",
    },
    "load balancer": {
        "AwsSolutions-ELB2": "A network load balancer logs TLS connections that it ends itself, and it ends none. "
        "The flow logs of the VPC and the listener's own log have every connection.",
        "HIPAA.Security-ELBLoggingEnabled": "As AwsSolutions-ELB2.",
        "HIPAA.Security-ELBv2ACMCertificateRequired": "DICOM TLS ends in the container, which checks the certificate "
        "of the modality. Plain DICOM is for the hospital's own network (VPN, Direct Connect) and can be left out.",
    },
    "unprotected": {
        "HIPAA.Security-ELBDeletionProtectionEnabled": "A stage for trying things out, which may be removed.",
    },
    "public subnets": {
        "HIPAA.Security-VPCNoUnrestrictedRouteToIGW": "The stage asks for the internet (`internet_access`). Only NAT "
        "gateways, and a load balancer for DICOM TLS if the stage asks for one, are in these subnets.",
    },
    "task": {
        "AwsSolutions-ECS2": "The variables are names of AWS resources and options. Secrets come from Secrets Manager.",
        "AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken is for all or nothing (service "
        "authorization reference).",
    },
    "network": {
        "HIPAA.Security-VPCDefaultSecurityGroupClosed": "Nothing uses the default group, which cannot be closed by "
        "CloudFormation alone; docs/deployment.md has the commands that do.",
    },
}
"""Subject, rule, reason."""


def acknowledge(construct: IConstruct, subject: str, **names: str) -> None:
    """Let the findings of a subject stand on a construct and what is in it; `names` fill in those of the rules."""
    for rule, reason in REASONS[subject].items():
        named = rule.format_map(names) if names else rule
        Validations.of(construct).acknowledge(Acknowledgment(id=named, reason=reason))
