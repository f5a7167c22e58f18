package template_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"atriptoken/e2e/template"
)

// CloudFormation makes a new resource before it removes the old one, and a second route of one key is a conflict.
func TestConditions_OneRoute(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})
	for mode, want := range map[string]string{"JWT": "JWT map[Ref:Authorizer]", "IAM": "AWS_IAM <nil>"} {
		route := template.NewStack(transformed, template.Parameters{"AuthMode": mode}).Resource("Route")
		if got := fmt.Sprint(route["AuthorizationType"], " ", route["AuthorizerId"]); got != want {
			t.Errorf("AuthMode %s: the route's authorization is %s, want %s", mode, got, want)
		}
	}
}

// CodeDeploy starts no deployment while an alarm of its group is in ALARM: AllAtOnce has none, so that it always leads out of
// a bad version.
func TestConditions_DeploymentAlarms(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]int{"AllAtOnce": 0, "Canary10Percent5Minutes": 3, "Linear10PercentEvery1Minute": 3} {
		parameters := template.Parameters{"AuthMode": "IAM", "DeploymentType": kind}
		group := template.NewStack(template.Transform(t, parameters), parameters).Resource("FunctionDeploymentGroup")
		alarms, _ := group["AlarmConfiguration"].(map[string]any)["Alarms"].([]any)
		if len(alarms) != want {
			t.Errorf("%s: the deployment group has the alarms %v, want %d", kind, alarms, want)
		}
	}
}

// An outage of one zone must not cut off the other.
func TestConditions_EachZoneHasItsGateway(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{}), template.Parameters{"NetworkMode": "own", "VpcZones": "2"})
	blocks := map[any]bool{}
	for _, zone := range []string{"A", "B"} {
		public, private := stack.Resource("PublicSubnet"+zone), stack.Resource("PrivateSubnet"+zone)
		if !reflect.DeepEqual(public["AvailabilityZone"], private["AvailabilityZone"]) {
			t.Errorf("zone %s: the gateway is in %v, the function in %v", zone, public["AvailabilityZone"], private["AvailabilityZone"])
		}
		blocks[public["CidrBlock"]], blocks[private["CidrBlock"]] = true, true
		for id, want := range map[string]map[string]string{
			"PublicSubnetRoutes" + zone:  {"SubnetId": "PublicSubnet" + zone, "RouteTableId": "PublicRouteTable"},
			"NatGateway" + zone:          {"SubnetId": "PublicSubnet" + zone},
			"PrivateSubnetRoutes" + zone: {"SubnetId": "PrivateSubnet" + zone, "RouteTableId": "PrivateRouteTable" + zone},
			"PrivateRoute" + zone:        {"RouteTableId": "PrivateRouteTable" + zone, "NatGatewayId": "NatGateway" + zone},
		} {
			properties := stack.Resource(id)
			for property, target := range want {
				if got := properties[property]; !reflect.DeepEqual(got, map[string]any{"Ref": target}) {
					t.Errorf("%s: %s is %v, want %s", id, property, got, target)
				}
			}
		}
	}
	if len(blocks) != 4 || !blocks["10.87.0.0/26"] || !blocks["10.87.0.192/26"] {
		t.Errorf("the four subnets have the blocks %v", blocks)
	}
	zone := func(subnet string) any { return stack.Resource(subnet)["AvailabilityZone"] }
	if reflect.DeepEqual(zone("PublicSubnetA"), zone("PublicSubnetB")) {
		t.Error("both zones are the same")
	}
}

const layer = "arn:aws:lambda:eu-west-1:123456789012:layer:atrip-policy:3"

// The function has the layer with the adopter's policies, or none.
func TestConditions_PolicyLayer(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})
	for arn, want := range map[string][]any{"": {}, layer: {layer}} {
		got := template.NewStack(transformed, template.Parameters{"PolicyLayerArn": arn}).Resource("Function")["Layers"]
		if !reflect.DeepEqual(got, want) {
			t.Errorf("PolicyLayerArn %q: the layers are %v", arn, got)
		}
	}
	pattern := transformed["Parameters"].(map[string]any)["PolicyLayerArn"]
	for value, want := range map[string]bool{"": true, layer: true, "atrip-policy": false, strings.TrimSuffix(layer, ":3"): false} {
		if allowed(t, pattern, value) != want {
			t.Errorf("PolicyLayerArn %q: allowed is %v", value, !want)
		}
	}
}
