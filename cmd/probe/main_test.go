package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

const version = "arn:aws:lambda:eu-west-1:123456789012:function:broker:7"

// aws simulates the calls to AWS: a version that answers forged events with forged, and CodeDeploy.
func aws(t *testing.T, forged string, status int) *string {
	t.Helper()
	reported := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("X-Amz-Target") == "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus":
			reported = string(body)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "{}")
		case !strings.HasSuffix(r.URL.Path, "/functions/"+version+"/invocations"):
			t.Errorf("an unexpected call: %s", r.URL.Path)
		case bytes.Contains(body, []byte("requestContext")):
			_, _ = io.WriteString(w, `{"errorType":"`+forged+`"}`)
		default:
			_, _ = io.WriteString(w, `{"errorType":"InvalidRequest"}`)
		}
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "example",
		"AWS_SECRET_ACCESS_KEY": "example", "AWS_CONFIG_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1", "PROBE_VERSION_ARN": version} {
		t.Setenv(name, value)
	}
	return &reported
}

func TestRun_Hook(t *testing.T) {
	const event = `{"DeploymentId":"d-1","LifecycleEventHookExecutionId":"x"}`
	const ids = `{"deploymentId":"d-1","lifecycleEventHookExecutionId":"x",`
	for rule, row := range map[string]struct {
		event, forged string
		status        int
		reported      string
		fails         bool
	}{
		"a version that refuses forged events gets traffic": {event, "NotPermitted", 200, ids + `"status":"Succeeded"}`, false},
		"a version that lets them in gets none":             {event, "InvalidRequest", 200, ids + `"status":"Failed"}`, false},
		"a result that cannot be reported is an error":      {event, "NotPermitted", 403, ids + `"status":"Succeeded"}`, true},
		"an event of the schedule is not reported":          {`{"source":"aws.events"}`, "NotPermitted", 200, "", false},
	} {
		reported := aws(t, row.forged, row.status)
		p, err := configured(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var in hook
		if err := json.Unmarshal([]byte(row.event), &in); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		if err := run(t.Context(), p, in, &log); (err != nil) != row.fails || *reported != row.reported {
			t.Errorf("%s: %v, reported %s; want an error: %v, %s", rule, err, *reported, row.fails, row.reported)
		}
		if !strings.Contains(log.String(), `"ProbeRun":1`) {
			t.Errorf("%s: the log line is %s", rule, &log)
		}
	}
}

func TestConfigured_Missing(t *testing.T) {
	for rule, env := range map[string][2]string{"no URL": {"", version}, "no alias": {"https://atrip.example.com", ""}} {
		t.Setenv("PROBE_URL", env[0])
		t.Setenv("PROBE_SERVICE_ARN", env[1])
		if _, err := configured(t.Context()); err == nil {
			t.Errorf("%s: the probe starts", rule)
		}
	}
}
