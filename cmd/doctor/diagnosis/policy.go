package diagnosis

import (
	"cmp"
	"encoding/json"
)

// readStack are the IAM actions that the checks need, apart from those on the secret. A test compares them with the calls
// that the checks make. sts:GetCallerIdentity needs no permission.
var readStack = []string{
	"apigateway:GET",
	"cloudformation:DescribeStackEvents",
	"cloudformation:DescribeStacks",
	"cloudformation:ListStackResources",
	"cloudwatch:DescribeAlarms",
	"cloudwatch:GetMetricData",
	"lambda:GetAccountSettings",
	"lambda:GetAlias",
	"lambda:GetFunction",
	"lambda:GetFunctionConcurrency",
	"lambda:GetFunctionConfiguration",
	"lambda:GetFunctionEventInvokeConfig",
	"lambda:GetLayerVersion",
	"lambda:GetPolicy",
	"lambda:ListFunctionUrlConfigs",
	"logs:DescribeLogGroups",
	"sns:GetTopicAttributes",
}

// stackSecret matches the secrets that the template makes: CloudFormation names them after the resource AtlasSecret.
// Partitions other than aws have to give the ARN.
const stackSecret = "arn:aws:secretsmanager:*:*:secret:AtlasSecret-*"

// Policy returns the IAM policy document, indented JSON, that a read-only role for the checks needs. secretARN is the
// secret that may be read, "" the one that the stack makes. Without the last statement everything but the secret's value
// is checked.
func Policy(secretARN string) []byte {
	type statement struct {
		Sid, Effect string
		Action      []string
		Resource    string
	}
	readSecret := []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"}
	document := struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{
		{"ReadTheStack", "Allow", readStack, "*"},
		{"ReadTheAtlasSecret", "Allow", readSecret, cmp.Or(secretARN, stackSecret)},
	}}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		panic(err) // strings always encode
	}
	return append(text, '\n')
}
