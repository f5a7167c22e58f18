package template_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
	"atriptoken/internal/function"
)

func TestDashboard_ShowsEveryAlarm(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{"AuthMode": "IAM"})[0]
	body := stack.Resources["Dashboard"].Properties["DashboardBody"].(string)
	if !json.Valid([]byte(body)) {
		t.Fatalf("not JSON: %s", body)
	}
	for id, resource := range stack.Resources {
		if resource.Type == "AWS::CloudWatch::Alarm" && !strings.Contains(body, "${"+id+".Arn}") {
			t.Errorf("the dashboard does not show %s", id)
		}
	}
}

func TestFunction_Variables(t *testing.T) {
	t.Parallel()
	properties := template.Make(t, template.Parameters{})[0].Resources["Function"].Properties
	variables := properties["Environment"].(map[string]any)["Variables"].(map[string]any)
	var read []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[function.Environment]()) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		// Lambda and SAM CLI set the others.
		if strings.HasPrefix(name, "ATLAS_") || strings.HasPrefix(name, "ATRIP_") {
			read = append(read, name)
			if _, ok := variables[name]; !ok {
				t.Errorf("the template does not set %s", name)
			}
		}
	}
	// The AWS SDK and the Go runtime read these.
	read = append(read, "AWS_ENDPOINT_URL_SECRETS_MANAGER", "GOMAXPROCS")
	for name := range variables {
		if !slices.Contains(read, name) {
			t.Errorf("the template sets %s, which nothing reads", name)
		}
	}
}

// cmd/doctor reads the stack by these names.
func TestDoctor_Names(t *testing.T) {
	t.Parallel()
	stack := template.Make(t, template.Parameters{"ProbeSchedule": "rate(5 minutes)"})[0]
	source := rig.Run(t, "git", "grep", "-h", "", "--", "cmd/doctor/diagnosis/*.go", ":!*_test.go")
	found := regexp.MustCompile(`(parameters|outputs|ids)\["(\w+)"|(compare)\(.+, "(\w+)", [^"]+\)\n|(outputURL) = "(\w+)"`).
		FindAllStringSubmatch(source, -1)
	for _, groups := range found {
		where, name := groups[1]+groups[3]+groups[5], groups[2]+groups[4]+groups[6]
		_, isOutput := stack.Outputs[name]
		_, isResource := stack.Resources[name]
		isParameter := stack.Parameters[name] != nil
		known := map[string]bool{
			"parameters": isParameter, "compare": isParameter, "outputs": isOutput, "outputURL": isOutput, "ids": isResource,
		}
		if !known[where] {
			t.Errorf("doctor reads %s of %s, which template.yaml has not", name, where)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %d names are found", len(found))
	}
}
