package template_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// unknownToMoto are the resource types that moto's CloudFormation (5.2.5) does not make, and the gateway's permission, which is
// on an alias.
var unknownToMoto = []string{
	"AWS::ApiGatewayV2::", "AWS::ApplicationAutoScaling::", "AWS::CloudWatch::Alarm", "AWS::CodeDeploy::",
	"AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission",
	"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SecretsManager::",
}

const secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atrip/atlas-AbCdEf"

func TestStack_EgressIPs(t *testing.T) {
	t.Parallel()
	moto := rig.Moto(t, "127.0.0.1")
	outputs := createStack(t, moto, template.Parameters{"AuthMode": "IAM", "NetworkMode": "own", "VpcZones": "2"})

	addresses := strings.Split(outputs["EgressIps"], ",")
	gateways := list(rig.AWS(t, moto, "ec2", "describe_nat_gateways", nil), "NatGateways")
	if len(gateways) != 2 || len(addresses) != 2 {
		t.Fatalf("%d NAT gateways and the addresses %v, want 2 of each", len(gateways), addresses)
	}
	for _, gateway := range gateways {
		address := list(gateway, "NatGatewayAddresses")[0]["PublicIp"].(string)
		if !slices.Contains(addresses, address) {
			t.Errorf("a NAT gateway has the address %s, the output says %v", address, addresses)
		}
	}
}

func TestStack_Parameters(t *testing.T) {
	t.Parallel()
	moto := rig.Moto(t, "127.0.0.1")
	outputs := createStack(t, moto, template.Parameters{
		"AuthMode": "IAM", "AtlasBaseUrl": "https://atlas.example.com/api", "AtlasSecretArn": secret, "LogRetentionDays": "30",
	})
	function := rig.AWS(t, moto, "lambda", "get_function_configuration", map[string]any{"FunctionName": outputs["FunctionArn"]})
	variables := function["Environment"].(map[string]any)["Variables"].(map[string]any)
	for name, want := range map[string]string{
		"ATLAS_BASE_URL": "https://atlas.example.com/api", "ATLAS_SECRET_ARN": secret,
		"ATLAS_ROLES": "Customer service,Finance,Developer,Admin", "ATRIP_POLICY_FILE": "policies/default.cedar",
	} {
		if variables[name] != want {
			t.Errorf("%s is %v, want %s", name, variables[name], want)
		}
	}
	if network, ok := function["VpcConfig"].(map[string]any); ok && len(list(network, "SubnetIds")) > 0 {
		t.Errorf("the function is in a VPC: %v", network)
	}
	for _, group := range list(rig.AWS(t, moto, "logs", "describe_log_groups", nil), "logGroups") {
		if fmt.Sprint(group["retentionInDays"]) != "30" {
			t.Errorf("%v keeps its lines %v days, want 30", group["logGroupName"], group["retentionInDays"])
		}
	}
	if outputs["SecretArn"] != secret || !strings.Contains(outputs["EgressIps"], "none fixed") {
		t.Errorf("outputs %v", outputs)
	}
}

// createStack makes the stack in moto, without the resources that moto does not know, and returns its outputs.
func createStack(t *testing.T, moto string, parameters template.Parameters) map[string]string {
	t.Helper()
	known := template.Transform(t, template.Parameters{})
	decided(known, template.NewStack(known, parameters))
	withoutUnknown(known)
	body, err := json.Marshal(known)
	if err != nil {
		t.Fatal(err)
	}
	rig.AWS(t, moto, "s3", "create_bucket", map[string]any{
		"Bucket": "artifacts", "CreateBucketConfiguration": map[string]any{"LocationConstraint": rig.Region},
	})
	emptyZip := "PK\x05\x06" + strings.Repeat("\x00", 18)
	rig.AWS(t, moto, "s3", "put_object", map[string]any{"Bucket": "artifacts", "Key": "function.zip", "Body": emptyZip})
	var values []any
	for name, value := range parameters {
		values = append(values, map[string]any{"ParameterKey": name, "ParameterValue": value})
	}
	rig.AWS(t, moto, "cloudformation", "create_stack", map[string]any{
		"StackName": "broker", "TemplateBody": string(body), "Parameters": values, "Capabilities": []string{"CAPABILITY_IAM"},
	})
	stack := list(rig.AWS(t, moto, "cloudformation", "describe_stacks", map[string]any{"StackName": "broker"}), "Stacks")[0]
	if stack["StackStatus"] != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %v: %v", stack["StackStatus"], stack["StackStatusReason"])
	}
	outputs := map[string]string{}
	for _, output := range list(stack, "Outputs") {
		outputs[output["OutputKey"].(string)] = output["OutputValue"].(string)
	}
	return outputs
}

// decided replaces conditions and parameters in the template's resources: moto keeps a null for !Ref AWS::NoValue in a list.
func decided(t template.Template, stack *template.Stack) {
	for id, resource := range t.Resources() {
		if stack.Has(id) {
			properties := stack.Resource(id)
			for _, name := range []string{"MemorySize", "RetentionInDays"} { // CloudFormation converts them to numbers, moto does not
				if text, ok := properties[name].(string); ok {
					properties[name] = json.Number(text)
				}
			}
			resource.(map[string]any)["Properties"] = properties
		} else {
			delete(t.Resources(), id)
		}
	}
}

// withoutUnknown removes what moto does not know and replaces references to it by texts.
func withoutUnknown(t template.Template) {
	gone := map[string]bool{}
	for id, resource := range t.Resources() {
		kind := resource.(map[string]any)["Type"].(string)
		if slices.ContainsFunc(unknownToMoto, func(prefix string) bool { return strings.HasPrefix(kind, prefix) }) {
			gone[id] = true
			delete(t.Resources(), id)
		}
	}
	for _, resource := range t.Resources() {
		delete(resource.(map[string]any), "DependsOn")
	}
	var replace func(any) any
	replace = func(value any) any {
		switch v := value.(type) {
		case []any:
			for i := range v {
				v[i] = replace(v[i])
			}
		case map[string]any:
			if id, _ := v["Ref"].(string); gone[id] {
				return id
			}
			if attribute, ok := v["Fn::GetAtt"].([]any); ok && gone[attribute[0].(string)] {
				return "arn:aws:unknown:::" + attribute[0].(string)
			}
			for key := range v {
				v[key] = replace(v[key])
			}
		case string:
			for id := range gone {
				v = strings.ReplaceAll(strings.ReplaceAll(v, "${"+id+"}", id), "${"+id+".", "${AWS::StackName}."+id+".${AWS::Region}")
			}
			return v
		}
		return value
	}
	for _, section := range []string{"Resources", "Outputs"} {
		t[section] = replace(t[section])
	}
	// It refers to alarms, which are gone.
	delete(t.Resources(), "Dashboard")
	delete(t["Outputs"].(map[string]any), "DashboardUrl")
}

// list returns the objects of a list in an API's result.
func list(result map[string]any, name string) []map[string]any {
	var objects []map[string]any
	elements, _ := result[name].([]any)
	for _, element := range elements {
		if object, ok := element.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}
