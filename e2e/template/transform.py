"""Transforms a SAM template as CloudFormation does at deployment, with AWS's own aws-sam-translator.

    python transform.py TEMPLATE < parameters.jsonl > transformed.jsonl

Each line of standard input is an object of parameter values; each line of standard output is what comes of them.
"""

import copy
import json
import logging
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
logging.disable(logging.WARNING)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class NoManagedPolicies:
    """The template names none, so there is nothing to ask AWS for."""

    def load(self):
        return {}


with open(sys.argv[1]) as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # What `sam deploy` puts there once it has uploaded the artifact.
        resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
for line in sys.stdin:
    print(json.dumps(transform(copy.deepcopy(template), json.loads(line), NoManagedPolicies()), sort_keys=True), flush=True)
