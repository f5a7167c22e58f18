package main_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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

const (
	event        = `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`
	clientSecret = "MARKED-client-secret-77aa"
)

var (
	bootstrap string
	// build runs in the first test and not in TestMain: the cache of go test knows only
	// the files that tests read.
	build = sync.OnceValue(func() error {
		_, err := lambdatest.BuildFunction(context.Background(), filepath.Dir(bootstrap))
		return err
	})
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambda")
	if err != nil {
		panic(err)
	}
	bootstrap = filepath.Join(dir, "bootstrap")
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// upstreams returns the two simulators and an environment for them.
func upstreams(t *testing.T) (*atlastest.Server, *secrettest.Server, map[string]string) {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: clientSecret})
	t.Cleanup(atlas.Close)
	value := fmt.Sprintf(`{"clientId":%q,"clientSecret":%q}`, atlastest.DefaultClientID, clientSecret)
	secrets := secrettest.NewServer(&secrettest.Options{Value: value})
	t.Cleanup(secrets.Close)
	return atlas, secrets, map[string]string{
		"ATLAS_BASE_URL": atlas.URL, "ATLAS_SECRET_ARN": secrets.ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets.URL,
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "example", "AWS_SECRET_ACCESS_KEY": "example",
		"LAMBDA_TASK_ROOT": filepath.Dir(bootstrap),
	}
}

func start(t *testing.T, env map[string]string) *lambdatest.Function {
	t.Helper()
	f, err := run(t, env)
	if err != nil {
		t.Fatal(err)
	}
	return f
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

func run(t *testing.T, env map[string]string) (*lambdatest.Function, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	f, err := lambdatest.Start(ctx, bootstrap, env)
	if err == nil {
		t.Cleanup(f.Stop)
	}
	return f, err
}

// ask invokes the function through an alias, or without one if alias is "". It
// returns the function error's type, or OK, and the reply.
func ask(t *testing.T, f *lambdatest.Function, event, alias string) (code, payload string) {
	t.Helper()
	arn := strings.TrimSuffix(lambdatest.DefaultFunctionARN+":"+alias, ":")
	reply, err := f.Invoke(t.Context(), []byte(event), &lambdatest.InvokeOptions{FunctionARN: arn})
	if err != nil {
		t.Error(err)
	}
	return cmp.Or(reply.ErrorType, "OK"), string(reply.Payload)
}

func TestFunction_StartAndCall(t *testing.T) {
	t.Parallel()
	atlas, _, env := upstreams(t)
	f := start(t, env)
	waitFor(t, "the simulator to count the connection", func() bool { return atlas.Connections() > 0 })
	if n := len(atlas.Requests()); n != 0 || atlas.Connections() != 1 {
		t.Errorf("the start sent Atlas %d requests on %d connections, want none on one", n, atlas.Connections())
	}
	code, payload := ask(t, f, event, "")
	var got struct{ URL string }
	if err := json.Unmarshal([]byte(payload), &got); err != nil || !strings.HasPrefix(got.URL, atlas.URL) {
		t.Fatalf("the answer is not Atlas's but %s: %v", code, err)
	}
	if atlas.Connections() != 1 {
		t.Error("the first call did not use the start's connection")
	}
	f.Stop()
	if out := f.Stdout(); outcomes(t, f)["OK"] != 1 || strings.Contains(out, clientSecret) || strings.Contains(out, got.URL) {
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
			_, _, env := upstreams(t)
			env[row.variable] = row.value
			_, err := run(t, env)
			if err == nil {
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
	_, _, env := upstreams(t)
	env["ATRIP_POLICY_FILE"], env["AWS_SAM_LOCAL"] = "policies/local.cedar", "true"
	event := lambdatest.Event("http-api-jwt", lambdatest.Set(lambdatest.Absent{}, "requestContext", "authorizer"))
	if _, reply := ask(t, start(t, env), string(event), ""); !strings.Contains(reply, `"statusCode":200`) {
		t.Errorf("an event without an identity got %.200s", reply)
	}
}

func TestStart_IgnoresSharedAWSConfig(t *testing.T) {
	t.Parallel()
	_, _, env := upstreams(t)
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[default]\nretry_mode = perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		env[variable] = file
		if code, _ := ask(t, start(t, env), event, ""); code != "OK" {
			t.Errorf("%s: %s", variable, code)
		}
	}
}

// An upstream that never answers delays the start by less than Lambda's 10 s for INIT.
func TestStart_NoAnswer(t *testing.T) {
	t.Parallel()
	atlas, secrets, env := upstreams(t)
	secrets.Always(secrettest.Hang())
	atlas.Always(atlastest.Hang())
	f := start(t, env)
	if d := f.InitDuration(); d >= 10*time.Second {
		t.Errorf("the start took %v", d)
	}
}

func TestStart_WithoutSecretOrAtlas(t *testing.T) {
	t.Parallel()
	atlas, secrets, env := upstreams(t)
	secrets.Always(secrettest.NoValue())
	f := start(t, env)
	if code, _ := ask(t, f, event, ""); code != "SecretUnavailable" {
		t.Errorf("%s, want SecretUnavailable", code)
	}
	secrets.Clear()
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
	atlas.Close()
	if code, _ := ask(t, start(t, env), event, ""); code != "AtlasUnavailable" {
		t.Errorf("%s, want AtlasUnavailable", code)
	}
}

func TestFunction_Concurrent(t *testing.T) {
	t.Parallel()
	_, _, env := upstreams(t)
	env["AWS_LAMBDA_MAX_CONCURRENCY"] = "64"
	f := start(t, env)
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
