package template_test

import (
	"reflect"
	"testing"

	"atriptoken/e2e/template"
)

// One zone's outage must not take the other's way out with it.
func TestEachZoneLeavesByItsOwnGateway(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{})[0], template.Parameters{"NetworkMode": "own", "VpcZones": "2"})
	blocks := map[any]bool{}
	for _, zone := range []string{"A", "B"} {
		public, private := stack.Resource("PublicSubnet"+zone), stack.Resource("PrivateSubnet"+zone)
		if !reflect.DeepEqual(public["AvailabilityZone"], private["AvailabilityZone"]) {
			t.Errorf("zone %s: the gateway stands in %v, the function in %v", zone, public["AvailabilityZone"], private["AvailabilityZone"])
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
		t.Errorf("the four subnets share the blocks %v", blocks)
	}
	zone := func(subnet string) any { return stack.Resource(subnet)["AvailabilityZone"] }
	if reflect.DeepEqual(zone("PublicSubnetA"), zone("PublicSubnetB")) {
		t.Error("both zones are the same")
	}
}
