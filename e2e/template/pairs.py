"""Transforms and lints stacks that together have every pair of values of the parameters that the template's rules allow.

    python pairs.py TEMPLATE < {"values": {parameter: [value, ...]}, "others": {parameter: value}} > result.json
"""

import itertools
import json
import random
import re
import sys

import resolve
from cfnlint.api import lint

# The resolver writes what is left of an Fn::Sub as plain text, which these rules refuse. I4010 is left out in template.yaml too.
IGNORED = ["E1029", "E3510", "I3510", "I4010"]


def pairs_of(stack):
    return set(itertools.combinations(sorted(stack.items()), 2))


def cover(values, allowed):
    """Each turn makes 60 random stacks with the first missing pair and takes the one with the most missing pairs."""
    chance, stacks, refused = random.Random(1), [], []
    missing = {pair for a, b in itertools.combinations(sorted(values), 2)
               for pair in itertools.product(itertools.product([a], values[a]), itertools.product([b], values[b]))}
    pairs = len(missing)
    while missing:
        pair = min(missing)
        tried = [{name: chance.choice(choices) for name, choices in values.items()} | dict(pair) for _ in range(60)]
        best = max(filter(allowed, tried), key=lambda stack: len(pairs_of(stack) & missing), default=None)
        if best:
            stacks.append(best)
            missing -= pairs_of(best)
        else:
            refused.append(" ".join(f"{name}={value}" for name, value in pair))
            missing.remove(pair)
    return stacks, refused, pairs


given = json.load(sys.stdin)
template = resolve.load(sys.argv[1])
rules = {"Parameters": template["Parameters"], "Rules": template["Rules"], "Resources": {}}
stacks, refused, pairs = cover(given["values"], lambda stack: not resolve.evaluate(rules, given["others"] | stack)["Broken"])
findings = {}
for parameters in stacks:
    stack = resolve.stack(template, given["others"] | parameters)
    text = json.dumps({"Resources": stack["Resources"], "Outputs": stack["Outputs"]})
    for match in lint(text, config={"regions": ["eu-west-1"], "ignore_checks": IGNORED}):
        findings[f"{match.rule.id} {match.path_string}: {match.message}"] = parameters
read = set(re.findall(r'"Ref": "(\w+)"', json.dumps(template["Conditions"])))
json.dump({"stacks": len(stacks), "pairs": pairs, "refused": refused, "findings": findings,
           "untried": sorted(read - set(given["values"]))}, sys.stdout)
