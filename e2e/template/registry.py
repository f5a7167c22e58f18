"""Prints what CloudFormation's registry, which cfn-lint ships, says of each resource type of the JSON list on standard input: the
properties whose change replaces the resource, and the permissions that its handlers need."""

import json
import sys

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

answer = {}
for kind in json.load(sys.stdin):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    answer[kind] = {
        "createOnly": [path.split("/")[2] for path in schema.get("createOnlyProperties", [])],
        "permissions": [action for name in ("create", "read", "update", "delete")
                        for action in schema.get("handlers", {}).get(name, {}).get("permissions", [])],
    }
print(json.dumps(answer))
