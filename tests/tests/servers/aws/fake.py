"""An AWS of the services that moto lacks wholly or in part: Lightsail, ElastiCache, MSK, and STS before them.

Listens on the port of the first argument. What it answers stands here as botocore's models have it and is written by
moto's serialisers. It is as strict as botocore's descriptions allow: each signature is computed anew, each request and
answer checked (`tests/described.py`), and what is wrong is refused with the reason. Who has the keys `AKID` may take on
the role `reader` as `e1` and nothing else; the keys that come with the role may read.
"""

import datetime
import http.server
import pathlib
import re
import sys
import threading
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model

sys.path.append(str(pathlib.Path(__file__).parents[3]))
import described  # noqa: E402

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/reader"
SECRETS = {"AKID": ("hunter2", None), "ASIA": ("borrowed", "t0ken")}
THEN = datetime.datetime(2026, 1, 2, 3, 4, 5)
MODELS = {name: get_service_model(name) for name in ["elasticache", "kafka", "lightsail", "sts"]}
DESCRIBED = {}
CHECKING = threading.Lock()


def cache(kind, name):
    return f"arn:aws:elasticache:{REGION}:1:{kind}:{name}"


def kafka(name):
    return f"arn:aws:kafka:{REGION}:1:cluster/{name}/uuid"


def cluster(name, nodes, **more):
    at = [
        {
            "CacheNodeId": f"{number:04}",
            "CacheNodeStatus": "available",
            "CacheNodeCreateTime": THEN,
            "Endpoint": {"Address": f"{name}-{number}.example", "Port": 6379},
            "ParameterGroupStatus": "in-sync",
            "CustomerAvailabilityZone": "eu-west-1a",
        }
        for number in range(1, nodes + 1)
    ]
    return {
        "ARN": cache("cluster", name),
        "CacheClusterId": name,
        "CacheNodeType": "cache.t3.micro",
        "Engine": "redis",
        "EngineVersion": "7.1.0",
        "CacheClusterStatus": "available",
        "NumCacheNodes": nodes,
        "CacheClusterCreateTime": THEN,
        "CacheNodes": at,
        "AtRestEncryptionEnabled": False,
        "SecurityGroups": [{"SecurityGroupId": "sg-1", "Status": "active"}],
        **more,
    }


def broker(number):
    return {
        "NodeARN": f"arn:node:{number}",
        "NodeType": "BROKER",
        "InstanceType": "kafka.m5.large",
        "AddedToClusterTime": "2026-01-02T03:04:05.678Z",
        "BrokerNodeInfo": {
            "AttachedENIId": f"eni-{number}",
            "BrokerId": float(number),
            "ClientSubnet": "subnet-1",
            "ClientVpcIpAddress": f"10.0.0.{number}",
            "Endpoints": [f"b-{number}.example"],
        },
    }


def pages(asked, name, first, second, mark):
    """The first page, and the second to who asks for it."""
    return {name: second} if asked == mark else {name: first, "Marker": mark}


ANSWERS = {
    "AssumeRole": lambda asked: {
        "Credentials": {
            "AccessKeyId": "ASIA",
            "SecretAccessKey": "borrowed",
            "SessionToken": "t0ken",
            "Expiration": datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1),
        }
    },
    "DescribeCacheClusters": lambda asked: pages(
        asked.get("Marker"),
        "CacheClusters",
        [cluster("rg-001", 2, ReplicationGroupId="rg"), cluster("other", 1)],
        [cluster("alone", 1)],
        "next",
    ),
    "DescribeServerlessCaches": lambda asked: {
        "ServerlessCaches": [
            {
                "ServerlessCacheName": name,
                "ARN": cache("serverlesscache", name),
                "Status": "available",
                "CreateTime": THEN,
                "Engine": "valkey",
                "Endpoint": {"Address": f"{name}.example", "Port": 6379},
                "SubnetIds": ["subnet-1", "subnet-2"],
            }
            for name in ["s1", "s2"]
        ]
    },
    "ListTagsForResource": lambda asked: {"TagList": [{"Key": "of", "Value": asked["ResourceName"].split(":")[-1]}]},
    "DescribeClusterV2": lambda asked: {
        "ClusterInfo": {
            "ClusterArn": kafka("one"),
            "ClusterName": "one",
            "ClusterType": "PROVISIONED",
            "CurrentVersion": "K1",
            "State": "ACTIVE",
            "Tags": {"team x": "data"},
            "Provisioned": {
                "BrokerNodeGroupInfo": {"ClientSubnets": ["subnet-1"], "InstanceType": "kafka.m5.large"},
                "CurrentBrokerSoftwareInfo": {
                    "ConfigurationArn": "arn:config",
                    "ConfigurationRevision": 3,
                    "KafkaVersion": "3.6.0",
                },
                "NumberOfBrokerNodes": 2,
                "OpenMonitoring": {
                    "Prometheus": {"JmxExporter": {"EnabledInBroker": True}, "NodeExporter": {"EnabledInBroker": False}}
                },
            },
        }
    },
    "ListNodes": lambda asked: (
        {"NodeInfoList": [broker(2)]} if asked.get("nextToken") == "a/b" else {"NodeInfoList": [broker(1)], "NextToken": "a/b"}
    ),
    "GetInstances": lambda asked: {
        "instances": [
            {
                "name": "whole",
                "arn": "arn:x",
                "supportCode": "1/i-0",
                "createdAt": THEN,
                "location": {"availabilityZone": "eu-west-1a", "regionName": "eu-west-1"},
                "blueprintId": "debian_12",
                "bundleId": "nano_3_0",
                "privateIpAddress": "10.0.0.1",
                "publicIpAddress": "192.0.2.1",
                "ipv6Addresses": ["fd00::1", "fd00::2"],
                "state": {"code": 16, "name": "running"},
                "tags": [{"key": "team x", "value": "a"}, {"key": "alone"}],
            },
            {"name": "waiting", "state": {"code": 0, "name": "pending"}},
        ]
    },
}


def is_signed(request, body, fields):
    access = fields["Credential"].split("/")[0]
    secret, token = SECRETS.get(access, ("", None))
    if request.headers["X-Amz-Security-Token"] != token:
        return False
    named = fields["SignedHeaders"].split(";")
    url = f"http://{request.headers['Host']}{request.path}"
    signed = AWSRequest(request.command, url, {name: request.headers[name] for name in named}, body)
    signed.context["timestamp"] = request.headers["X-Amz-Date"]
    _, _, region, service, _ = fields["Credential"].split("/")
    auth = SigV4Auth(Credentials(access, secret, token), service, region)
    text = auth.string_to_sign(signed, auth.canonical_request(signed))
    return auth.signature(text, signed) == fields["Signature"]


def action_of(model, request, form):
    """What is asked, as the service's protocol says it."""
    protocol = model.metadata["protocol"]
    if protocol == "query":
        return form.get("Action")
    if protocol == "json":
        return request.headers.get("X-Amz-Target", "").split(".")[-1]
    paths = {"/nodes": "ListNodes", "/uuid": "DescribeClusterV2"}
    path = urllib.parse.unquote(request.path.split("?")[0])
    return next((action for end, action in paths.items() if path.endswith(end)), None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self, status, body, kind="text/xml"):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, reason):
        self.respond(400, f"<R><Errors><Error><Code>{code}</Code><Message>{reason}</Message></Error></Errors></R>")

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/is-there":
            return self.respond(200, "yes")
        fields = dict(re.findall(r"(\w+)=([^,\s]+)", self.headers.get("Authorization", "")))
        if not fields or not is_signed(self, body, fields):
            return self.refuse("SignatureDoesNotMatch", "it is not signed by who it says")
        access, _, region, service, _ = fields["Credential"].split("/")
        form = dict(urllib.parse.parse_qsl(body.decode()))
        is_reader = (form.get("RoleArn"), form.get("ExternalId")) == (ROLE, "e1")
        is_allowed = access == "ASIA" if service != "sts" else access == "AKID" and is_reader
        if region != REGION or service not in MODELS or not is_allowed:
            return self.refuse("AccessDenied", f"{access} may not ask {service} in {region}")
        model = MODELS[service]
        action = action_of(model, self, form)
        if action not in ANSWERS:
            return self.refuse("InvalidAction", f"there is no {action} here")
        asked = form or dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        operation = model.operation_model(action)
        serializer = get_serializer_class(service, model.metadata["protocol"])(operation)
        answer = serializer.serialize(ANSWERS[action](asked))
        text = answer["body"] if isinstance(answer["body"], str) else answer["body"].decode()
        exchange = {
            "method": self.command,
            "url": f"https://{service}.{REGION}.amazonaws.com{self.path}",
            "headers": self.headers.items(),
            "body": body.decode(),
            "answer": text,
        }
        with CHECKING:
            del described.problems[:]
            described.amazon(DESCRIBED, f"{service}.{REGION}.amazonaws.com", exchange)
            problems = list(described.problems)
        if problems:
            return self.refuse("ValidationError", "; ".join(problems))
        self.respond(200, text, answer["headers"].get("Content-Type", "text/xml"))

    do_POST = do_GET

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
