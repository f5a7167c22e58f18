package diagnosis

import (
	"encoding/json"
	"slices"
	"strings"
)

// actions are the IAM actions that the checks need. sts:GetCallerIdentity is
// not among them: it needs no permission. A test compares the list with the
// calls that the checks make.
var actions = []string{
	"apigateway:GET",
	"cloudformation:DescribeStackEvents",
	"cloudformation:DescribeStacks",
	"cloudformation:ListStackResources",
	"cloudwatch:DescribeAlarms",
	"cloudwatch:GetMetricData",
	"lambda:GetAccountSettings",
	"lambda:GetAlias",
	"lambda:GetFunctionConfiguration",
	"lambda:GetFunctionEventInvokeConfig",
	"lambda:GetPolicy",
	"lambda:ListFunctionUrlConfigs",
	"logs:DescribeLogGroups",
	"secretsmanager:DescribeSecret",
	"secretsmanager:GetSecretValue",
	"sns:GetTopicAttributes",
}

// stackSecret matches the secrets that the template makes: CloudFormation
// names them after the resource AtlasSecret. Partitions other than aws have to
// give the ARN.
const stackSecret = "arn:aws:secretsmanager:*:*:secret:AtlasSecret-*"

// Policy returns the IAM policy document, indented JSON, that a read-only role
// for the checks needs. secretARN is the secret that may be read, "" the one
// that the stack makes. Without the last statement everything but the secret's
// value is checked.
func Policy(secretARN string) []byte {
	type statement struct {
		Sid, Effect string
		Action      []string
		Resource    string
	}
	var read, secrets []string
	for _, action := range actions {
		if strings.HasPrefix(action, "secretsmanager:") {
			secrets = append(secrets, action)
		} else {
			read = append(read, action)
		}
	}
	document := struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{
		{"ReadTheStack", "Allow", slices.Clone(read), "*"},
		{"ReadTheAtlasSecret", "Allow", secrets, or(secretARN, stackSecret)},
	}}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // strings always encode
	}
	return append(text, '\n')
}
