package main_test

import (
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
	code, template, runbook := written(t), read(t, "template.yaml"), read(t, "docs/runbook.md")
	check := func(what string, names []string, known ...map[string]bool) {
		t.Helper()
		for _, name := range names {
			if !slices.ContainsFunc(known, func(all map[string]bool) bool { return all[name] }) {
				t.Errorf("%s uses the name %s, which does not exist", what, name)
			}
		}
	}
	metrics := append(find(template, ` Namespace: AtripToken,?\s+MetricName: (\w+)`), find(template, `\["AtripToken","(\w+)"`)...)
	if len(metrics) < 20 {
		t.Fatalf("the template uses only %d metrics: is the pattern still right?", len(metrics))
	}
	check("template.yaml", metrics, code.metrics, set(find(template, `MetricNamespace: AtripToken\s+MetricName: (\w+)`)))
	accessLog := set(find(template, `"(\w+)":"\$context\.`))
	queries := append(find(template, `"query":"([^"]+)"`), find(runbook, `(?m)^ {4,7}((?:fields|\|) .*)$`)...)
	for _, query := range append(queries, find(runbook, "`((?:filter|stats) [^`]+)`")...) {
		check(query, fields(query), code.fields, code.metrics, accessLog)
	}
	check("the runbook", find(runbook, "event `(\\w+)`"), code.events)
	for event := range code.events {
		if !strings.Contains(runbook, "`"+event+"`") && event != "atlas_unreachable" { // its requests fail too
			t.Errorf("the code writes the event %s, which is not in the runbook", event)
		}
	}
	outcomes := map[string]bool{}
	for outcome := range handler.Codes() {
		outcomes[string(outcome)] = true
	}
	doctor := strings.Fields("aliases alarms atlas authorizer async cors environment function issuer refusals routes secret stack throttling")
	resources := find(template, `(?m)^  (\w+):$`) // and parameters and outputs
	check("the runbook", find(runbook, "`([A-Za-z]+)`"),
		code.metrics, code.fields, code.events, accessLog, outcomes, set(resources), set(doctor))
}

// The runbook has exactly one entry for each alarm.
func TestNames_RunbookEntries(t *testing.T) {
	t.Parallel()
	alarms := find(read(t, "template.yaml"), `(?m)^  (\w+):\n    Type: AWS::CloudWatch::(?:Composite)?Alarm$`)
	entries := find(read(t, "docs/runbook.md"), `(?m)^### (\w+)$`)
	slices.Sort(alarms)
	slices.Sort(entries)
	if !slices.Equal(alarms, entries) || len(alarms) < 10 {
		t.Errorf("the alarms are %q, and the runbook's entries %q", alarms, entries)
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
	text, err := os.ReadFile(filepath.Join(root, name))
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
// that add one and from the table of codes, events from the value of the key
// "event", fields from every literal in a list of arguments or in an index.
func written(t *testing.T) names {
	t.Helper()
	var code strings.Builder
	for _, pattern := range []string{"handler/*.go", "secret/*.go", "internal/function/*.go", "internal/probe/*.go"} {
		for _, name := range glob(t, pattern) {
			if !strings.HasSuffix(name, "_test.go") {
				code.WriteString(read(t, name))
			}
		}
	}
	text := code.String()
	metrics := append(find(text, `\b(?:add|count)\("(\w+)"`), find(text, `: +\{\d{3}, "[^"]+", "(\w+)"\},`)...)
	return names{
		metrics: set(metrics), events: set(find(text, `"event", "(\w+)"`)), fields: set(find(text, `"(\w+)"[,:\]]`)),
	}
}
