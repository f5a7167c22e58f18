package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"atriptoken/handler"
)

// The metrics, log fields and events of the alarms, the dashboard and the runbook
// are those that the code writes.
func TestNames_Operations(t *testing.T) {
	t.Parallel()
	code := written(t)
	template, runbook := read(t, "template.yaml"), read(t, "docs/runbook.md")

	used := find(template, `Namespace: AtripToken\s+MetricName: (\w+)`)
	used = append(used, find(template, `\["AtripToken","(\w+)"`)...)
	if len(used) < 20 {
		t.Fatalf("the template uses only %d metrics: is the pattern still right?", len(used))
	}
	for _, name := range used {
		if !code.metrics[name] {
			t.Errorf("template.yaml uses the metric %s, which the code does not write", name)
		}
	}
	queries := find(template, `"query":"([^"]+)"`)
	queries = append(queries, find(runbook, `(?m)^ {4,7}((?:fields|\|) .*)$`)...)
	queries = append(queries, find(runbook, "`((?:filter|stats) [^`]+)`")...)
	for _, query := range queries {
		for _, field := range fields(query) {
			if !code.fields[field] && !code.metrics[field] && !accessLog(template)[field] {
				t.Errorf("the query %q uses the field %s, which the code does not write", query, field)
			}
		}
	}
	for _, event := range find(runbook, "event `(\\w+)`") {
		if !code.events[event] {
			t.Errorf("the runbook names the event %s, which the code does not write", event)
		}
	}
	for event := range code.events {
		if !strings.Contains(runbook, "`"+event+"`") && event != "atlas_unreachable" { // its requests fail too
			t.Errorf("the code writes the event %s, which is not in the runbook", event)
		}
	}
	known := known(code, template)
	for _, name := range find(runbook, "`([A-Za-z]+)`") {
		if !known[name] {
			t.Errorf("the runbook names %s, which is not a metric, field, outcome, event, parameter, output or resource", name)
		}
	}
}

// The runbook has exactly one entry for each alarm.
func TestNames_RunbookEntries(t *testing.T) {
	t.Parallel()
	alarms := find(read(t, "template.yaml"), `(?m)^  (\w+):\n    Type: AWS::CloudWatch::(?:Composite)?Alarm$`)
	entries := find(read(t, "docs/runbook.md"), `(?m)^### (\w+)$`)
	if len(alarms) < 10 {
		t.Fatalf("the template has only %d alarms: is the pattern still right?", len(alarms))
	}
	for _, alarm := range alarms {
		if !slices.Contains(entries, alarm) {
			t.Errorf("the runbook has no entry for %s", alarm)
		}
	}
	for _, entry := range entries {
		if !slices.Contains(alarms, entry) {
			t.Errorf("the runbook has an entry for %s, which is not an alarm", entry)
		}
	}
}

// With one invocation at a time, a second thread costs more than it gains: only the
// template sets this (docs/architecture.md).
func TestTemplate_GOMAXPROCS(t *testing.T) {
	t.Parallel()
	function := find(read(t, "template.yaml"), `(?s)\n  Function:\n(.*?)\n  \w`)
	if len(function) != 1 || !strings.Contains(function[0], `GOMAXPROCS: "1"`) {
		t.Error("template.yaml does not set GOMAXPROCS to 1 for the function")
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// find returns the first group of every match.
func find(text, pattern string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// fields returns the fields that a Logs Insights query names.
func fields(query string) []string {
	query = regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(query, "")
	words := strings.Fields("SOURCE fields filter sort limit stats count by desc asc and or not ispresent")
	var found []string
	for _, word := range find(query, `(@?[A-Za-z]\w*)`) {
		if !slices.Contains(words, word) && !strings.HasPrefix(word, "@") {
			found = append(found, word)
		}
	}
	return found
}

// accessLog returns the fields of the API's access log.
func accessLog(template string) map[string]bool {
	return set(find(template, `"(\w+)":"\$context\.`))
}

// known returns every name that a runbook may use.
func known(code names, template string) map[string]bool {
	all := accessLog(template)
	for _, more := range []map[string]bool{code.metrics, code.fields, code.events} {
		maps.Copy(all, more)
	}
	for outcome := range handler.Codes() {
		all[string(outcome)] = true
	}
	for _, name := range find(template, `(?m)^  (\w+):$`) { // parameters, resources, outputs
		all[name] = true
	}
	for _, check := range strings.Fields("aliases alarms authorizer async cors environment function issuer routes secret stack throttling") {
		all[check] = true // of doctor
	}
	return all
}

func set(names []string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// names are what the code writes into the log.
type names struct{ metrics, fields, events map[string]bool }

// written reads the names from the code's string literals: metrics from the calls
// that add one and from the table of outcomes, events from the value of the key
// "event", fields from every literal in a list of arguments or in an index.
func written(t *testing.T) names {
	t.Helper()
	var code strings.Builder
	for _, folder := range []string{"handler", "secret", "internal/function", "internal/probe"} {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if !strings.HasSuffix(name, "_test.go") {
				code.WriteString(read(t, strings.TrimPrefix(name, "../../")))
			}
		}
	}
	text := code.String()
	_, outcomes, _ := strings.Cut(text, "var outcomeMetrics = ")
	outcomes, _, _ = strings.Cut(outcomes, "\n}")
	metrics := append(find(text, `\b(?:add|count|milliseconds|age)\("(\w+)"`), find(outcomes, `: +"(\w+)"`)...)
	return names{
		metrics: set(metrics), events: set(find(text, `"event", "(\w+)"`)), fields: set(find(text, `"(\w+)"[,:\]]`)),
	}
}
