#!/usr/bin/env bash
# Asks the broker for a link in a stack whose AuthMode is IAM, signed by curl (7.75 or later) with AWS credentials that
# allow execute-api:Invoke.
#
#   sigv4.sh https://API.execute-api.eu-west-1.amazonaws.com/getAtripToken.do ORDER USER ROLE
set -euo pipefail
[ $# = 4 ] || { echo "usage: sigv4.sh ENDPOINT ORDER USER ROLE" >&2; exit 2; }
endpoint=$1 order=$2 user=$3 role=$4
: "${AWS_REGION:?is the region of the API}" "${AWS_ACCESS_KEY_ID:?is missing}" "${AWS_SECRET_ACCESS_KEY:?is missing}"

# quoted VALUE writes a JSON string.
quoted() { local s=${1//\\/\\\\}; printf '"%s"' "${s//\"/\\\"}"; }

# The credentials are passed by a file descriptor: every user of the machine can read a command line.
answer=$(curl --silent --show-error --fail-with-body --max-time 30 \
  --config <(printf 'user = "%s:%s"\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY"
    [ -z "${AWS_SESSION_TOKEN:-}" ] || printf 'header = "x-amz-security-token: %s"\n' "$AWS_SESSION_TOKEN") \
  --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" \
  --header 'Content-Type: application/json' \
  --data "{\"orderNo\":$(quoted "$order"),\"userName\":$(quoted "$user"),\"role\":$(quoted "$role")}" \
  "$endpoint") || { echo "$answer"; exit 1; }
[[ $answer =~ \"url\":\"https?:// ]] || { echo "the answer has no link to a web page" >&2; exit 1; }
echo "$answer"
