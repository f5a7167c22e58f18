package diagnosis

import (
	"cmp"
	_ "embed"
	"strings"
)

//go:embed policy.json
var policyDocument string

// stackSecret matches the secrets that the template makes: CloudFormation names them after the resource AtlasSecret.
// Partitions other than aws have to give the ARN.
const stackSecret = "arn:aws:secretsmanager:*:*:secret:AtlasSecret-*"

// Policy returns the IAM policy document that a read-only role for the checks needs. secretARN is the secret that may be
// read, "" the one that the stack makes. Without the last statement everything but the secret's value is checked.
func Policy(secretARN string) string {
	return strings.Replace(policyDocument, stackSecret, cmp.Or(secretARN, stackSecret), 1)
}
