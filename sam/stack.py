"""Deploys, follows and removes the stack of one environment of samconfig.toml, with SAM CLI, and prints its outputs.

    python stack.py deploy|outputs|logs|destroy ENVIRONMENT

`make deploy`, `make outputs`, `make logs` and `make destroy` run it with the Python of .tools/aws, which has boto3; SAM CLI
is installed into .tools/venv when it is needed. What is wrong is said in one line, on standard error, with exit code 1.
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import tomllib

import boto3
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILT = ROOT / ".aws-sam" / "build"
SAM = ROOT / ".tools" / "venv" / "bin" / "sam"


class Refusal(Exception):
    """Something that the user can mend; the text says how."""


def settings(environment):
    """Returns the deploy parameters of an environment of samconfig.toml."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    known = [name for name, value in config.items() if isinstance(value, dict) and "deploy" in value]
    if environment not in known:
        raise Refusal(f"samconfig.toml knows no environment {environment!r} to deploy to; it knows {', '.join(known)}")
    return config[environment]["deploy"]["parameters"]


def identity():
    """Returns the ARN of who is calling. Refuses when there is no Region, or AWS does not know who is calling."""
    try:
        session = boto3.session.Session()
        missing = []
        if not session.region_name:
            missing.append("no AWS Region is set (AWS_REGION)")
        if not session.get_credentials():
            missing.append("there are no AWS credentials (aws sso login)")
        if missing:
            raise Refusal(f"{' and '.join(missing)}; a profile chosen by AWS_PROFILE can have both")
        return session.client("sts").get_caller_identity()["Arn"]
    except botocore.exceptions.ClientError as error:
        code = error.response["Error"]["Code"]
        what = "have expired" if "Expired" in code else "are not accepted"
        raise Refusal(f"the AWS credentials {what} ({code}); sign in again")
    except botocore.exceptions.BotoCoreError as error:
        raise Refusal(f"AWS cannot be asked who is calling: {' '.join(str(error).split())}")


def outputs(stack):
    """Returns the stack's outputs by name."""
    try:
        stacks = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except botocore.exceptions.ClientError as error:
        raise Refusal(f"there is no stack {stack} in this account and Region: {error.response['Error']['Message']}")
    return {o["OutputKey"]: o["OutputValue"] for o in stacks[0].get("Outputs", [])}


def sam(*arguments):
    """Runs SAM CLI in the project's root, installing it before if need be, and refuses when it fails: it says why itself."""
    if subprocess.run([ROOT / "e2e" / "tools.sh", "sam"]).returncode != 0:
        raise Refusal("SAM CLI could not be installed; the lines above say why")
    if subprocess.run([SAM, *arguments], cwd=ROOT).returncode != 0:
        raise Refusal(f"sam {arguments[0]} failed; its last lines say why")


def publish_on_change(template, fingerprint):
    """Makes the built template publish a new version of the function whenever the fingerprint changes.

    SAM decides from the code whether a version is new, and takes no notice of a parameter's value: an alias would go on
    with the old settings (aws/serverless-application-model, issue 3820).
    """
    line = "      AutoPublishAlias: api\n"
    text = template.read_text()
    if text.count(line) != 1:
        raise Refusal(f"{template} does not have the one line {line.strip()!r}")
    template.write_text(text.replace(line, f"{line}      AutoPublishCodeSha256: {fingerprint}\n"))


def fingerprint(parameters):
    """Returns the SHA-256 of what was built and of the parameters."""
    digest = hashlib.sha256(repr(parameters).encode())
    for file in sorted(path for path in BUILT.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(BUILT)} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def deploy(environment):
    parameters = settings(environment)
    overrides = parameters.get("parameter_overrides", [])
    examples = [value for value in overrides if "example.com" in value]
    if examples:
        raise Refusal(f"samconfig.toml still has example values for {environment}: {', '.join(examples)}")
    print(f"as {identity()}")
    build = ["build", "--config-env", environment]
    sam(*build, *(["--parameter-overrides", *overrides] if overrides else []))
    publish_on_change(BUILT / "template.yaml", fingerprint(overrides))
    sam("deploy", "--config-env", environment)


def show_outputs(environment):
    stack = settings(environment)["stack_name"]
    identity()
    for name, value in sorted(outputs(stack).items()):
        print(f"{name:<20} {value}")


def logs(environment):
    stack = settings(environment)["stack_name"]
    print(f"as {identity()}")
    sam("logs", "--cw-log-group", outputs(stack)["LogGroup"], "--tail")


def destroy(environment):
    stack = settings(environment)["stack_name"]
    print(f"as {identity()}")
    secret = outputs(stack).get("SecretArn")
    print(f"This removes the stack {stack}. Its fixed addresses, if it has any, are lost and must be whitelisted anew.")
    print(f"What stays: the secret {secret}, and the logs.")
    if input("Type the stack's name to go on: ").strip() != stack:
        raise Refusal("nothing was removed")
    sam("delete", "--stack-name", stack, "--no-prompts")


def main(arguments):
    # The AWS CLI and the SDK for Go look at AWS_REGION first; boto3 and SAM CLI know AWS_DEFAULT_REGION alone.
    if region := os.environ.get("AWS_REGION"):
        os.environ["AWS_DEFAULT_REGION"] = region
    jobs = {"deploy": deploy, "outputs": show_outputs, "logs": logs, "destroy": destroy}
    if len(arguments) != 2 or arguments[0] not in jobs:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        jobs[arguments[0]](arguments[1])
    except Refusal as refusal:
        print(f"make {arguments[0]}: {refusal}", file=sys.stderr)
        return 1
    except (EOFError, KeyboardInterrupt):
        print(f"\nmake {arguments[0]}: stopped", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
