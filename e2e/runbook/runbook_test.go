// Package runbook_test runs the AWS commands of the runbook against moto.
package runbook_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
)

var (
	indented = regexp.MustCompile(`(?m)^ {4,6}(aws (?:.*\\\n)*.*)$`)
	inline   = regexp.MustCompile("`(aws [^`]+)`")
)

// The commands run in the page's order, which is also an order of events: the key
// is scheduled for deletion, the secret is deleted, a version is lost.
func TestRunbook_Commands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(rig.Root(), "docs/runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands := append(indented.FindAllStringSubmatchIndex(string(text), -1), inline.FindAllStringSubmatchIndex(string(text), -1)...)
	if len(commands) < 12 {
		t.Fatalf("only %d commands found", len(commands))
	}
	slices.SortFunc(commands, func(a, b []int) int { return a[2] - b[2] })

	moto := rig.Moto(t, "127.0.0.1")
	values := strings.NewReplacer(world(t, moto)...)
	for _, at := range commands {
		command := string(text[at[2]:at[3]])
		if !strings.Contains(command, "\\\n") { // broken by the paragraph
			command = strings.ReplaceAll(command, "\n", " ")
		}
		t.Run(strings.Join(strings.Fields(command)[:3], " "), func(t *testing.T) {
			run := exec.CommandContext(t.Context(), "bash", "-ec", values.Replace(command))
			run.Dir = t.TempDir()
			run.Env = rig.Environ("AWS_ENDPOINT_URL="+moto, "AWS_PAGER=", "PATH="+filepath.Dir(rig.Tool(t, "aws"))+":"+os.Getenv("PATH"))
			if err := os.WriteFile(filepath.Join(run.Dir, "record.json"), []byte(record), 0o600); err != nil {
				t.Fatal(err)
			}
			output, err := run.CombinedOutput()
			unknown := strings.Contains(string(output), "usage:") || strings.Contains(string(output), "Unknown options")
			if err != nil && (!strings.HasSuffix(command, "# not run") || unknown) {
				t.Errorf("%s\n%v: %s", command, err, output)
			}
		})
	}
}

const record = `{"Changes": [{"Action": "UPSERT", "ResourceRecordSet": {
  "Name": "atrip.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "d-1.execute-api.eu-central-1.amazonaws.com"}]}}]}`

// world makes what the commands name, and returns pairs of the runbook's
// placeholder and the value.
func world(t *testing.T, moto string) []string {
	t.Helper()
	type object = map[string]any
	aws := func(service, operation string, parameters object) object {
		return rig.AWS(t, moto, service, operation, parameters)
	}
	key := aws("kms", "create_key", nil)["KeyMetadata"].(object)["KeyId"].(string)
	aws("kms", "schedule_key_deletion", object{"KeyId": key})

	secret := aws("secretsmanager", "create_secret", object{"Name": "atrip/atlas", "SecretString": "first"})["ARN"].(string)
	put := object{"SecretId": secret, "SecretString": "second"}
	good := aws("secretsmanager", "put_secret_value", put)["VersionId"].(string)
	bad := aws("secretsmanager", "put_secret_value", put)["VersionId"].(string)

	zone := aws("route53", "create_hosted_zone", object{"Name": "example.com", "CallerReference": "1"})["HostedZone"].(object)["Id"].(string)
	api := aws("apigatewayv2", "create_api", object{"Name": "broker", "ProtocolType": "HTTP"})["ApiId"].(string)
	aws("apigatewayv2", "create_stage", object{"ApiId": api, "StageName": "$default"})

	trust := `{"Version": "2012-10-17",
	  "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}`
	role := aws("iam", "create_role", object{"RoleName": "function", "AssumeRolePolicyDocument": trust})["Role"].(object)["Arn"]
	aws("lambda", "create_function", object{
		"FunctionName": "broker", "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": role, "Publish": true,
		"Code": object{"ZipFile": "PK\x05\x06" + strings.Repeat("\x00", 18)},
	})
	aws("lambda", "create_alias", object{"FunctionName": "broker", "Name": "api", "FunctionVersion": "1"})

	template := `{"Parameters": {"Rate": {"Type": "String", "Default": "50"}}, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`
	aws("cloudformation", "create_stack", object{"StackName": "broker", "TemplateBody": template})
	aws("cloudformation", "create_change_set", object{"StackName": "broker", "ChangeSetName": "revert", "TemplateBody": template})
	return []string{
		"SECRET", secret, "GOOD", good, "BAD", bad, "KEY", key, "ZONE", zone, "FUNCTION", "broker", "STACK", "broker", "API", api,
	}
}
