package main_test

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

const event = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`

func newBroker(t *testing.T) *lambdatest.Broker {
	t.Helper()
	return lambdatest.NewBroker(t, lambdatest.Bootstrap(t), nil, nil)
}

// waitFor waits until the condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// ask returns the function error's type, or OK, and the reply.
func ask(t *testing.T, f *lambdatest.Broker, event, alias string) (code, payload string) {
	t.Helper()
	reply := f.Call(t, alias, []byte(event))
	return cmp.Or(reply.ErrorType, "OK"), string(reply.Payload)
}

func TestFunction_StartAndCall(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Start(t)
	waitFor(t, "the simulator to count the connection", func() bool { return f.Atlas.Connections() > 0 })
	if n := len(f.Atlas.Requests()); n != 0 || f.Atlas.Connections() != 1 {
		t.Errorf("the start sent Atlas %d requests on %d connections, want none on one", n, f.Atlas.Connections())
	}
	code, payload := ask(t, f, event, "")
	var got struct{ URL string }
	if err := json.Unmarshal([]byte(payload), &got); err != nil || !strings.HasPrefix(got.URL, f.Atlas.URL) {
		t.Fatalf("the answer is not Atlas's but %s: %v", code, err)
	}
	if f.Atlas.Connections() != 1 {
		t.Error("the first call did not use the start's connection")
	}
	f.Stop()
	if out := f.Stdout(); outcomes(t, f)["OK"] != 1 || strings.Contains(out, atlastest.DefaultClientSecret) || strings.Contains(out, got.URL) {
		t.Errorf("the log of a start and a call is %s", out)
	}
}

// A start that cannot succeed ends at once, with one line that says why.
func TestStart_Refused(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "mine.cedar")
	if err := os.WriteFile(bad, []byte("permit (\n  principal,\n  action resource);"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ variable, value, want string }{
		"a bad variable":     {"ATLAS_ATTEMPT_TIMEOUT", "eight", "ATLAS_ATTEMPT_TIMEOUT is not a duration"},
		"a bad AWS variable": {"AWS_RETRY_MODE", "perhaps", "the AWS configuration cannot be loaded"},
		"a policy that is not there": {"ATRIP_POLICY_FILE", "/opt/none.cedar",
			"ATRIP_POLICY_FILE: the policy cannot be read: open /opt/none.cedar: no such file"},
		"a policy that does not parse":   {"ATRIP_POLICY_FILE", bad, "mine.cedar:3:10: expected `,`, found `resource`"},
		"a permit for anonymous callers": {"ATRIP_POLICY_FILE", "policies/local.cedar", "AWS_SAM_LOCAL"},
		"a candidate that is not there":  {"ATRIP_POLICY_CANDIDATE_FILE", "none.cedar", "ATRIP_POLICY_CANDIDATE_FILE: the policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newBroker(t)
			f.Env[row.variable] = row.value
			started, err := lambdatest.Start(t.Context(), f.Program, f.Env)
			if err == nil {
				started.Stop()
				t.Fatal("the function started")
			}
			_, log, _ := strings.Cut(err.Error(), "exit status 1: ")
			lines := checkLog(t, log)
			message, _ := lines[0]["message"].(string)
			if len(lines) != 1 || !strings.HasPrefix(message, "atriptoken cannot start: ") || !strings.Contains(message, row.want) {
				t.Errorf("the log is %v, want one line with %q", lines, row.want)
			}
		})
	}
}

func TestStart_LocalPolicyUnderSAM(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Env["ATRIP_POLICY_FILE"], f.Env["AWS_SAM_LOCAL"] = "policies/local.cedar", "true"
	f.Start(t)
	event := lambdatest.Event("http-api-jwt", lambdatest.Set(lambdatest.Absent{}, "requestContext", "authorizer"))
	if _, reply := ask(t, f, string(event), ""); !strings.Contains(reply, `"statusCode":200`) {
		t.Errorf("an event without an identity got %.200s", reply)
	}
}

func TestStart_IgnoresSharedAWSConfig(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[default]\nretry_mode = perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		f.Env[variable] = file
		f.Start(t)
		if code, _ := ask(t, f, event, ""); code != "OK" {
			t.Errorf("%s: %s", variable, code)
		}
	}
}

// An upstream that never answers delays the start by less than Lambda's 10 s for INIT.
func TestStart_NoAnswer(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Secrets.Always(secrettest.Hang())
	f.Atlas.Always(atlastest.Hang())
	f.Start(t)
	if d := f.InitDuration(); d >= 10*time.Second {
		t.Errorf("the start took %v", d)
	}
}

func TestStart_WithoutSecretOrAtlas(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Secrets.Always(secrettest.NoValue())
	f.Start(t)
	if code, _ := ask(t, f, event, ""); code != "SecretUnavailable" {
		t.Errorf("%s, want SecretUnavailable", code)
	}
	f.Secrets.Clear()
	waitFor(t, "a success without a restart", func() bool {
		code, _ := ask(t, f, event, "")
		if code != "OK" && code != "SecretUnavailable" {
			t.Errorf("%s, want SecretUnavailable until the pause is over", code)
		}
		return code == "OK"
	})
	if f.Stop(); !strings.Contains(f.Stdout(), `"event":"secret_unavailable","reason":"not_found"`) {
		t.Errorf("the log lacks the reason: %s", f.Stdout())
	}
	f.Atlas.Close()
	f.Start(t)
	if code, _ := ask(t, f, event, ""); code != "AtlasUnavailable" {
		t.Errorf("%s, want AtlasUnavailable", code)
	}
}

func TestFunction_Concurrent(t *testing.T) {
	t.Parallel()
	f := newBroker(t)
	f.Env["AWS_LAMBDA_MAX_CONCURRENCY"] = "64"
	f.Start(t)
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 5 {
				ask(t, f, event, "")
			}
		})
	}
	all.Wait()
	f.Stop()
	if outcomes := outcomes(t, f); outcomes["OK"] != 320 {
		t.Errorf("320 calls ended in %v", outcomes)
	}
}
