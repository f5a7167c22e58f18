package template_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
	"atriptoken/function"
	"atriptoken/handler"
)

// all has every part of the stack in it.
var all = template.Parameters{"AuthMode": "IAM", "ProbeSchedule": "rate(5 minutes)"}

// A metric that nobody sends never rings.
func TestEveryMetricOfAlarmsAndDashboardIsSentByTheCode(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{})[0], all)
	sent := literals(t, "handler", "probe")
	used := append(alarmMetrics(stack), dashboardMetrics(t, stack)...)
	if len(used) < 25 {
		t.Fatalf("only %d metrics found in the template", len(used))
	}
	for _, metric := range used {
		if !sent[metric] {
			t.Errorf("nothing in handler or probe sends the metric %s", metric)
		}
	}
}

func TestEveryLogFieldOfTheDashboardIsInTheAuditLine(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{})[0], all)
	written := literals(t, "handler")
	query := regexp.MustCompile(`fields (@timestamp, .*?) \|`).FindStringSubmatch(dashboard(stack))
	if query == nil {
		t.Fatal("the dashboard has no log query")
	}
	for _, field := range strings.Split(query[1], ", ") {
		if field != "@timestamp" && !written[field] {
			t.Errorf("the audit line has no field %s", field)
		}
	}
}

func TestDashboardIsJSONAndShowsEveryAlarmOfTheFunction(t *testing.T) {
	t.Parallel()
	transformed := template.Transform(t, template.Parameters{})[0]
	stack := template.NewStack(transformed, template.Parameters{"AuthMode": "IAM"})
	body := dashboard(stack)
	if !json.Valid([]byte(body)) {
		t.Fatalf("not JSON: %s", body)
	}
	for id, resource := range transformed.Resources() {
		if stack.Has(id) && resource.(map[string]any)["Type"] == "AWS::CloudWatch::Alarm" && !strings.Contains(body, "${"+id+".Arn}") {
			t.Errorf("the dashboard does not show %s", id)
		}
	}
}

func TestFunctionGetsEveryVariableThatItReads(t *testing.T) {
	t.Parallel()
	stack := template.NewStack(template.Transform(t, template.Parameters{})[0], all)
	variables := stack.Resource("Function")["Environment"].(map[string]any)["Variables"].(map[string]any)
	var read []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[function.Environment]()) {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		// The others are Lambda's and SAM CLI's own.
		if strings.HasPrefix(name, "ATLAS_") || strings.HasPrefix(name, "ATRIP_") {
			read = append(read, name)
			if _, ok := variables[name]; !ok {
				t.Errorf("the template does not set %s", name)
			}
		}
	}
	for name := range variables {
		if !slices.Contains(read, name) && name != "AWS_ENDPOINT_URL_SECRETS_MANAGER" {
			t.Errorf("the template sets %s, which nothing reads", name)
		}
	}
}

// alarmMetrics returns the metrics of our own namespace that alarms read.
func alarmMetrics(stack *template.Stack) []string {
	var names []string
	for _, id := range stack.Of("AWS::CloudWatch::Alarm") {
		alarm := stack.Resource(id)
		if alarm["Namespace"] == handler.Namespace {
			names = append(names, alarm["MetricName"].(string))
		}
		queries, _ := alarm["Metrics"].([]any)
		for _, query := range queries {
			if statistic, ok := query.(map[string]any)["MetricStat"].(map[string]any); ok {
				names = append(names, statistic["Metric"].(map[string]any)["MetricName"].(string))
			}
		}
	}
	return names
}

func dashboardMetrics(t *testing.T, stack *template.Stack) []string {
	t.Helper()
	var board struct {
		Widgets []struct {
			Properties struct {
				Metrics [][]any `json:"metrics"`
			} `json:"properties"`
		} `json:"widgets"`
	}
	if err := json.Unmarshal([]byte(dashboard(stack)), &board); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, widget := range board.Widgets {
		for _, metric := range widget.Properties.Metrics {
			if metric[0] == handler.Namespace {
				names = append(names, fmt.Sprint(metric[1]))
			}
		}
	}
	return names
}

func dashboard(stack *template.Stack) string {
	return stack.Resource("Dashboard")["DashboardBody"].(map[string]any)["Fn::Sub"].(string)
}

// literals returns every text that stands in the Go code of the project's folders, tests left out.
func literals(t *testing.T, folders ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, folder := range folders {
		packages, err := parser.ParseDir(token.NewFileSet(), filepath.Join(rig.Root(), folder),
			func(file fs.FileInfo) bool { return !strings.HasSuffix(file.Name(), "_test.go") }, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packages {
			ast.Inspect(p, func(node ast.Node) bool {
				if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if text, err := strconv.Unquote(literal.Value); err == nil {
						found[text] = true
					}
				}
				return true
			})
		}
	}
	return found
}
