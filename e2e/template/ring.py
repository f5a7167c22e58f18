"""Evaluates CloudWatch alarms: on standard input a list of [properties of an alarm, values by metric name], on standard output
whether each is in ALARM. Every period of a window has the same values."""

import json
import operator
import sys

BREACHES = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
}
FUNCTIONS = {"IF": lambda test, yes, no: yes if test else no, "FILL": lambda value, default: default if value is None else value}


def result(alarm, values):
    """The value that is compared, None if it is missing: CloudWatch user guide, "Using math expressions"."""
    if "MetricName" in alarm:
        return values.get(alarm["MetricName"])
    names = dict(FUNCTIONS)
    for query in reversed(alarm["Metrics"]):  # an expression comes before what it uses
        if "MetricStat" in query:
            names[query["Id"]] = values.get(query["MetricStat"]["Metric"]["MetricName"])
            continue
        try:
            names[query["Id"]] = eval(query["Expression"].replace(" AND ", " and "), {}, names)
        except (TypeError, ZeroDivisionError):
            names[query["Id"]] = None
    return names[alarm["Metrics"][0]["Id"]]


def rings(alarm, values):
    value = result(alarm, values)
    if value is None:
        return alarm["TreatMissingData"] == "breaching"
    return BREACHES[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))


json.dump([rings(alarm, values) for alarm, values in json.load(sys.stdin)], sys.stdout)
