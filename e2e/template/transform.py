"""Transforms a SAM template as CloudFormation does at deployment, with AWS's own aws-sam-translator.

    python transform.py TEMPLATE < parameters.json > transformed.json
"""

import json
import logging
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
logging.disable(logging.WARNING)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402


class NoManagedPolicies:
    """The template names none, so AWS is not asked for them."""

    def load(self):
        return {}


with open(sys.argv[1]) as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function" and not str(resource["Properties"]["CodeUri"]).startswith("s3://"):
        # What `sam deploy` writes there after the upload of the artifact.
        resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
json.dump(transform(template, json.load(sys.stdin), NoManagedPolicies()), sys.stdout)
