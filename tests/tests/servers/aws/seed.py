"""Puts instances, clusters and users into the moto at the URL of the first argument.

Prints the keys that the tests ask with, as JSON: `allowed` may read everything, `other` only take on the role. From then
on moto lets in nobody without good keys.
"""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config

url = sys.argv[1]
options = {
    "endpoint_url": url,
    "region_name": "eu-west-1",
    "aws_access_key_id": "seed",
    "aws_secret_access_key": "seed",
    "config": Config(retries={"max_attempts": 1}),
}


def client(service):
    return boto3.client(service, **options)


def instances(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    # Without it moto can't run tasks.
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = []
    for place, zone in enumerate(["eu-west-1a", "eu-west-1b"]):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{place}.0/24", AvailabilityZone=zone)
        subnets.append(subnet["Subnet"]["SubnetId"])
    found = []
    # Each in a reservation of its own, of which moto counts pages.
    for number in range(12):
        tags = [
            {"Key": "Name", "Value": f"n{number}"},
            {"Key": "env", "Value": "prod" if number % 2 else "dev"},
            {"Key": "prometheus.io/scrape", "Value": "a & b"},
        ]
        run = ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.micro",
            SubnetId=subnets[number % 2],
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        found.append(run["Instances"][0]["InstanceId"])
    ec2.stop_instances(InstanceIds=found[:1])
    ec2.terminate_instances(InstanceIds=found[-1:])
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(InstanceId=found[1], AllocationId=address["AllocationId"])
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    return subnets[0], group


def tasks(ecs, subnet, group):
    ecs.create_cluster(clusterName="web", tags=[{"key": "team", "value": "front"}])
    ecs.create_cluster(clusterName="empty")
    ecs.register_task_definition(
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "c", "image": "x", "cpu": 10, "memory": 100}],
    )
    network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}}
    ecs.run_task(
        cluster="web",
        taskDefinition="web",
        count=2,
        launchType="FARGATE",
        networkConfiguration=network,
        tags=[{"key": "task", "value": "yes"}],
    )


def databases(rds):
    for name in ["c1", "c2"]:
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-mysql",
            MasterUsername="root",
            MasterUserPassword="hunter2hunter2",
            Tags=[{"Key": "team", "Value": "data"}],
        )
        for number in range(2):
            rds.create_db_instance(
                DBInstanceIdentifier=f"{name}-{number}",
                DBClusterIdentifier=name,
                DBInstanceClass="db.t3.medium",
                Engine="aurora-mysql",
            )


def users(iam):
    def allow(actions):
        return json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        )

    everything = ["ec2:*", "ecs:*", "rds:*"]
    keys = {}
    for name, actions in [("allowed", everything), ("other", ["sts:AssumeRole"])]:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow(actions))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=allow(everything))
    return {**keys, "role": role}


def tell(path, body):
    """Tells moto itself something."""
    request = urllib.request.Request(f"{url}/moto-api/{path}", data=body, headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request).read()


# All that is drawn from here on is the same each time: ids, addresses, keys.
tell("seed?a=42", b"")
tasks(client("ecs"), *instances(client("ec2")))
databases(client("rds"))
said = users(client("iam"))
tell("reset-auth", b"0")
print(json.dumps(said))
