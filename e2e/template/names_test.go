package template_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"atriptoken/e2e/template"
	"atriptoken/internal/function"
)

func TestDashboard_ShowsEveryAlarm(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})
	stack := template.NewStack(transformed, template.Parameters{"AuthMode": "IAM"})
	body := stack.Resource("Dashboard")["DashboardBody"].(map[string]any)["Fn::Sub"].(string)
	if !json.Valid([]byte(body)) {
		t.Fatalf("not JSON: %s", body)
	}
	for id, resource := range transformed.Resources() {
		if stack.Has(id) && resource.(map[string]any)["Type"] == "AWS::CloudWatch::Alarm" && !strings.Contains(body, "${"+id+".Arn}") {
			t.Errorf("the dashboard does not show %s", id)
		}
	}
}

func TestFunction_Variables(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{}), template.Parameters{"AuthMode": "IAM"})
	variables := stack.Resource("Function")["Environment"].(map[string]any)["Variables"].(map[string]any)
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
