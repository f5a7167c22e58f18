package diagnosis_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
)

// described is the stack as CloudFormation describes it. moto's own CloudFormation supports neither API Gateway's resources
// nor alarms.
type described struct {
	status     string
	parameters map[string]string
	outputs    map[string]string
	resources  []physical
	events     []event // newest first
}

type physical struct{ logical, kind, id string }

type event struct{ logical, kind, status, reason string }

type keyValue struct {
	ParameterKey, ParameterValue string `xml:",omitempty"`
	OutputKey, OutputValue       string `xml:",omitempty"`
}

// answer answers one call of CloudFormation's query protocol.
func (d *described) answer(w http.ResponseWriter, action, name string) {
	w.Header().Set("Content-Type", "text/xml")
	if d == nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "<ErrorResponse><Error><Code>ValidationError</Code><Message>%s does not exist</Message></Error></ErrorResponse>", name)
		return
	}
	type member struct {
		StackName, StackStatus, CreationTime                string     `xml:",omitempty"`
		Parameters                                          []keyValue `xml:"Parameters>member,omitempty"`
		Outputs                                             []keyValue `xml:"Outputs>member,omitempty"`
		LogicalResourceId, PhysicalResourceId, ResourceType string     `xml:",omitempty"`
		ResourceStatus, ResourceStatusReason, EventId       string     `xml:",omitempty"`
		LastUpdatedTimestamp, Timestamp, StackId            string     `xml:",omitempty"`
	}
	const at = "2026-01-02T03:04:05Z"
	var members []member
	list := "Stacks"
	switch action {
	case "DescribeStacks":
		stack := member{StackName: name, StackStatus: d.status, CreationTime: at}
		for key, value := range d.parameters {
			stack.Parameters = append(stack.Parameters, keyValue{ParameterKey: key, ParameterValue: value})
		}
		for key, value := range d.outputs {
			stack.Outputs = append(stack.Outputs, keyValue{OutputKey: key, OutputValue: value})
		}
		members = append(members, stack)
	case "ListStackResources":
		list = "StackResourceSummaries"
		for _, r := range d.resources {
			members = append(members, member{LogicalResourceId: r.logical, PhysicalResourceId: r.id, ResourceType: r.kind,
				ResourceStatus: "CREATE_COMPLETE", LastUpdatedTimestamp: at})
		}
	case "DescribeStackEvents":
		list = "StackEvents"
		for i, e := range d.events {
			members = append(members, member{LogicalResourceId: e.logical, ResourceType: e.kind, ResourceStatus: e.status,
				ResourceStatusReason: e.reason, EventId: fmt.Sprint(i), Timestamp: at, StackName: name, StackId: name})
		}
	}
	encoded, err := xml.Marshal(members)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult><%[2]s>%[3]s</%[2]s></%[1]sResult></%[1]sResponse>", action, list, encoded)
}
