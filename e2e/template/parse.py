"""Reads parameter_overrides as SAM CLI does: a JSON list on standard input, the parsed values on standard output."""

import json
import sys

from samcli.cli.types import CfnParameterOverridesType

print(json.dumps([CfnParameterOverridesType().convert(overrides, None, None) for overrides in json.load(sys.stdin)]))
