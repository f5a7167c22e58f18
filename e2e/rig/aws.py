"""Makes one call of an AWS API and prints what it returns, as JSON.

    python aws.py ENDPOINT SERVICE OPERATION < parameters.json
"""

import json
import sys

import boto3

endpoint, service, operation = sys.argv[1:]
returned = getattr(boto3.client(service, endpoint_url=endpoint), operation)(**json.load(sys.stdin))
returned.pop("ResponseMetadata", None)
json.dump(returned, sys.stdout, default=str)
