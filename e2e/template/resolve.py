"""Resolves a SAM template as CloudFormation does at deployment, with AWS's own aws-sam-translator and SAM CLI's resolver of functions.

    python resolve.py TEMPLATE < list-of-parameters.json > list-of-stacks.json
"""

import copy
import json
import logging
import os
import sys
import types

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
logging.disable(logging.WARNING)

from samcli.lib.cfn_language_extensions import api, models  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

PSEUDO = models.PseudoParameterValues(region="eu-west-1", account_id="123456789012", stack_name="broker",
                                      stack_id="arn:aws:cloudformation:eu-west-1:123456789012:stack/broker/0e1f2a3b")
# The template names no managed policy, so AWS is not asked for them.
NO_POLICIES = types.SimpleNamespace(load=dict)


def load(path):
    with open(path) as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function" and not str(resource["Properties"]["CodeUri"]).startswith("s3://"):
            # What `sam deploy` writes there after the upload of the artifact.
            resource["Properties"]["CodeUri"] = "s3://artifacts/function.zip"
    return template


def stack(template, parameters):
    return evaluate(transform(copy.deepcopy(template), parameters, NO_POLICIES), parameters)


def evaluate(template, parameters):
    """Replaces parameters and conditions by their values; "Broken" are the texts of the rules that the parameters break."""
    values = {}
    for name, declared in template["Parameters"].items():
        value = parameters.get(name, declared["Default"])
        values[name] = value.split(",") if declared["Type"] == "CommaDelimitedList" else value
    assertions = [(rule["RuleCondition"], a) for rule in template.get("Rules", {}).values() for a in rule["Assertions"]]
    broken = {f"Rule{i}": {"Fn::And": as_conditions([applies, {"Fn::Not": [a["Assert"]]}])} for i, (applies, a) in enumerate(assertions)}
    template = {**copy.deepcopy(template), "Conditions": {**template.get("Conditions", {}), **broken}}
    context = models.TemplateProcessingContext(fragment=template, parameter_values=values, pseudo_parameters=PSEUDO)
    resolved = api.create_default_pipeline(context).process_template(context)
    holds = context.resolved_conditions
    for section in ("Resources", "Outputs"):
        parts = resolved.get(section, {})
        resolved[section] = {name: part for name, part in parts.items() if holds.get(part.pop("Condition", ""), True)}
    resolved["Broken"] = [a["AssertDescription"] for i, (_, a) in enumerate(assertions) if holds[f"Rule{i}"]]
    return resolved


def as_conditions(rule):
    """The functions of a rule as a condition's, which has no Fn::EachMemberEquals. The rules compare with "" only."""
    if isinstance(rule, dict) and "Fn::EachMemberEquals" in rule:
        return {"Fn::Equals": [{"Fn::Join": ["", rule["Fn::EachMemberEquals"][0]]}, ""]}
    if isinstance(rule, dict):
        return {name: as_conditions(value) for name, value in rule.items()}
    return [as_conditions(value) for value in rule] if isinstance(rule, list) else rule


if __name__ == "__main__":
    source = load(sys.argv[1])
    json.dump([stack(source, parameters) for parameters in json.load(sys.stdin)], sys.stdout)
