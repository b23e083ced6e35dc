"""What the calculation takes a deployment for is what is deployed."""

from __future__ import annotations

from infra.costs.workload import DataEvents, Stage
from tests.infra.synthesized import of_type, templates


def test_the_default_stage_is_prod() -> None:
    ((_, task),) = of_type(templates(), "AWS::ECS::TaskDefinition")
    ((_, scaled),) = of_type(templates(), "AWS::ApplicationAutoScaling::ScalableTarget")
    ((_, firewall),) = of_type(templates(), "AWS::WAFv2::WebACL")
    ((_, trail),) = of_type(templates(), "AWS::CloudTrail::Trail")
    endpoints = [
        endpoint["Properties"]
        for _, endpoint in of_type(templates(), "AWS::EC2::VPCEndpoint")
        if endpoint["Properties"]["VpcEndpointType"] == "Interface"
    ]
    (recorded,) = trail["Properties"]["EventSelectors"]
    assert {resource["Type"] for resource in recorded["DataResources"]} == {"AWS::S3::Object"}
    deployed = Stage(
        tasks=scaled["Properties"]["MinCapacity"],
        task_vcpu=int(task["Properties"]["Cpu"]) / 1024,
        task_memory_gb=int(task["Properties"]["Memory"]) / 1024,
        zones=len(endpoints[0]["SubnetIds"]),
        interface_endpoints=len(endpoints),
        load_balancer=len(list(of_type(templates(), "AWS::ElasticLoadBalancingV2::LoadBalancer"))) == 1,
        waf_rules=len(firewall["Properties"]["Rules"]),
        kms_keys=len(list(of_type(templates(), "AWS::KMS::Key"))),
        data_events=DataEvents.S3,
        alarms=len(list(of_type(templates(), "AWS::CloudWatch::Alarm"))),
        secrets=len(list(of_type(templates(), "AWS::SecretsManager::Secret"))),
        backup=all(
            replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
            for _, table in of_type(templates(), "AWS::DynamoDB::GlobalTable")
            for replica in table["Properties"]["Replicas"]
        ),
        intelligent_tiering="INTELLIGENT_TIERING" in str(templates()["data"]),
    )
    assert deployed == Stage()
