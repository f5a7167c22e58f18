package template_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"atriptoken/e2e/template"
)

const (
	secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atrip/atlas-AbCdEf"
	layer  = "arn:aws:lambda:eu-west-1:123456789012:layer:atrip-policy:3"
	key    = "arn:aws:kms:eu-west-1:123456789012:key/0e1f2a3b"
	reader = "arn:aws:iam::123456789012:role/*broker-west-FunctionRole-*"
)

// TestStack_Properties reads a property of a stack that the parameters make. An empty property asks whether the resource exists.
func TestStack_Properties(t *testing.T) {
	t.Parallel()
	type parameters = template.Parameters
	replica := parameters{"AtlasSecretArn": strings.Replace(secret, "eu-west-1", "eu-central-1", 1)}
	accounts := parameters{"AtlasAccounts": `{"b":{"secretArn":"` + secret + `"}}`, "AtlasAccountSecretArns": secret}
	rows := []struct {
		name               string
		parameters         parameters
		resource, property string
		want               string // the property's text; of a map or a list, a part of it
	}{
		// CloudFormation makes a new resource before it removes the old one, and a second route of one key is a conflict.
		{"route for tokens", parameters{"AuthMode": "JWT"}, "Route", "AuthorizationType", "JWT"},
		{"authorizer for tokens", parameters{"AuthMode": "JWT"}, "Route", "AuthorizerId", "map[Ref:Authorizer]"},
		{"route for signatures", parameters{"AuthMode": "IAM"}, "Route", "AuthorizationType", "AWS_IAM"},
		// CodeDeploy starts no deployment while an alarm of its group is in ALARM: AllAtOnce has none, so that it always leads out of
		// a bad version.
		{"no alarms at once", parameters{"DeploymentType": "AllAtOnce"}, "FunctionDeploymentGroup", "AlarmConfiguration", "map[]"},
		{"alarms of a canary", parameters{}, "FunctionDeploymentGroup", "AlarmConfiguration",
			"Alarms:[map[Name:map[Ref:ErrorsAlarm]] map[Name:map[Ref:InternalErrorsAlarm]] map[Name:map[Ref:NotPermittedAlarm]]]"},
		{"no layer", parameters{}, "Function", "Layers", "[]"},
		{"layer of policies", parameters{"PolicyLayerArn": layer}, "Function", "Layers", "[" + layer + "]"},
		{"no VPC", parameters{}, "Function", "VpcConfig", "<nil>"},
		{"own subnets", parameters{"NetworkMode": "existing", "SubnetIds": "subnet-1"}, "Function", "VpcConfig", "SubnetIds:[subnet-1]"},
		{"secret of the stack", parameters{}, "Function", "Environment", "ATLAS_SECRET_ARN:map[Ref:AtlasSecret]"},
		{"secret of the adopter", parameters{"AtlasSecretArn": secret}, "Function", "Environment", "ATLAS_SECRET_ARN:" + secret},
		{"role of the stack's secret", parameters{}, "FunctionRole", "Path", "/"},
		{"role of a secret", parameters{"AtlasSecretArn": secret}, "FunctionRole", "Path", "/atrip/atlas-AbCdEf/"},
		{"key by one service", parameters{"SecretKmsKeyArn": key}, "FunctionRole", "Policies", "kms:ViaService:[secretsmanager."},
		{"second account's secret", accounts, "FunctionRole", "Policies", "Resource:[" + secret + "]"},
		{"flow log", parameters{"NetworkMode": "own"}, "FlowLog", "LogGroupName", "map[Ref:FlowLogs]"},
		{"flow log of the whole VPC", parameters{"NetworkMode": "own"}, "FlowLog", "ResourceId", "map[Ref:Vpc]"},
		{"first Region: secret", parameters{"SecretReaderArns": reader}, "AtlasSecretPolicy", "ResourcePolicy", reader},
		{"first Region: own function", parameters{"SecretReaderArns": reader}, "AtlasSecretPolicy", "ResourcePolicy", "FunctionRole"},
		{"second Region: replica", replica, "FunctionRole", "Policies", replica["AtlasSecretArn"]},
		{"second Region: no own secret", replica, "AtlasSecret", "", "false"},
		{"second Region: dashboard", replica, "Dashboard", "DashboardName", "broker-eu-west-1"}, // dashboards are in no Region
	}
	var all []parameters
	for _, row := range rows {
		all = append(all, row.parameters)
	}
	for i, stack := range template.Make(t, all...) {
		row := rows[i]
		resource, exists := stack.Resources[row.resource]
		got := fmt.Sprint(exists)
		if row.property != "" {
			got = fmt.Sprint(resource.Properties[row.property])
		}
		if text, plain := resource.Properties[row.property].(string); plain && text != row.want || !strings.Contains(got, row.want) {
			t.Errorf("%s: %s %s is %s, want %s", row.name, row.resource, row.property, got, row.want)
		}
	}
}

// Each log group has the retention and the key, each role the boundary that the parameters name.
func TestStack_LogGroupsAndRoles(t *testing.T) {
	t.Parallel()
	const boundary = "arn:aws:iam::123456789012:policy/example"
	stack := template.Make(t, template.Parameters{
		"NetworkMode": "own", "ProbeSchedule": "rate(5 minutes)", "LogRetentionDays": "30", "OperationsKmsKeyArn": key,
		"PermissionsBoundaryArn": boundary,
	})[0]
	found := map[string]int{}
	for id, resource := range stack.Resources {
		found[resource.Type]++
		p := resource.Properties
		if resource.Type == "AWS::Logs::LogGroup" && (fmt.Sprint(p["RetentionInDays"]) != "30" || p["KmsKeyId"] != key) {
			t.Errorf("%s keeps its lines %v days, with the key %v", id, p["RetentionInDays"], p["KmsKeyId"])
		}
		if resource.Type == "AWS::IAM::Role" && p["PermissionsBoundary"] != boundary {
			t.Errorf("%s has the boundary %v", id, p["PermissionsBoundary"])
		}
	}
	if groups, roles := found["AWS::Logs::LogGroup"], found["AWS::IAM::Role"]; groups != 4 || roles != 5 {
		t.Errorf("the stack has %d log groups and %d roles, want 4 and 5", groups, roles)
	}
}

// Other stacks read outputs by {{resolve:ssm:/STACK/NAME}}.
func TestStack_SSMParameters(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{"AuthMode": "IAM"})[0]
	for _, output := range []string{"Url", "ApiAliasArn", "ServiceAliasArn"} {
		parameter := stack.Resources[output+"Parameter"].Properties
		if parameter["Name"] != "/broker/"+output || !reflect.DeepEqual(parameter["Value"], stack.Outputs[output].Value) {
			t.Errorf("the parameter %v is %v, the output %s is %v", parameter["Name"], parameter["Value"], output, stack.Outputs[output].Value)
		}
	}
}

// An outage of one zone must not cut off the other, and Atlas must know both addresses.
func TestStack_EachZoneHasItsGateway(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{"NetworkMode": "own", "VpcZones": "2"})[0]
	zones := map[string]bool{}
	for _, zone := range []string{"A", "B"} {
		public, private := stack.Resources["PublicSubnet"+zone].Properties, stack.Resources["PrivateSubnet"+zone].Properties
		if !reflect.DeepEqual(public["AvailabilityZone"], private["AvailabilityZone"]) {
			t.Errorf("zone %s: the gateway is in %v, the function in %v", zone, public["AvailabilityZone"], private["AvailabilityZone"])
		}
		zones[fmt.Sprint(public["AvailabilityZone"])] = true
		for id, want := range map[string]string{
			"PublicSubnetRoutes*":  "map[RouteTableId:map[Ref:PublicRouteTable] SubnetId:map[Ref:PublicSubnet*]]",
			"NatGateway*":          "map[AllocationId:map[Fn::GetAtt:[EgressIp* AllocationId]] SubnetId:map[Ref:PublicSubnet*]]",
			"PrivateSubnetRoutes*": "map[RouteTableId:map[Ref:PrivateRouteTable*] SubnetId:map[Ref:PrivateSubnet*]]",
			"PrivateRoute*":        "map[DestinationCidrBlock:0.0.0.0/0 NatGatewayId:map[Ref:NatGateway*] RouteTableId:map[Ref:PrivateRouteTable*]]",
		} {
			id, want = strings.ReplaceAll(id, "*", zone), strings.ReplaceAll(want, "*", zone)
			if got := fmt.Sprint(stack.Resources[id].Properties); got != want {
				t.Errorf("%s is %s, want %s", id, got, want)
			}
		}
	}
	if len(zones) != 2 {
		t.Errorf("the subnets are in %v", zones)
	}
	if addresses := stack.Outputs["EgressIps"].Value; addresses != "${EgressIpA},${EgressIpB}" {
		t.Errorf("the output EgressIps is %v", addresses)
	}
}
