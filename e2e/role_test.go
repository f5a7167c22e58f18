package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/e2e/template"
)

// platformActions are what the function's role lets Lambda itself do for the function: write its log, place it into a
// VPC, send traces. Secrets Manager decrypts by kms:Decrypt in the caller's name (Secrets Manager user guide, "Secret
// encryption and decryption in AWS Secrets Manager"). None of them is a call of the binary.
var platformActions = []string{
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
	"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	"kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

func TestRolePermitsWhatTheFunctionCallsAndNothingElse(t *testing.T) {
	called := callsOfFunction(t)
	permitted := actionsOfRole(t)
	if !slices.Equal(called, permitted) {
		t.Errorf("the function calls %v, its role permits %v", called, permitted)
	}
}

// callsOfFunction runs the built function under the emulator with every AWS service at one recording endpoint, through
// success, a refusal by Atlas (a fresh secret, then the one before it) and success again.
func callsOfFunction(t *testing.T) []string {
	t.Helper()
	atlas := atlastest.NewServer(&atlastest.Options{ClientSecret: markedSecret})
	t.Cleanup(atlas.Close)
	moto := rig.Moto(t, "127.0.0.1")
	arn := rig.CreateSecret(t, moto, "atrip/atlas", secretValue)
	endpoint, calls := record(t, moto)
	lambda, _ := startRIE(t, "ATLAS_BASE_URL="+atlas.URL, "ATLAS_SECRET_ARN="+arn, "AWS_ENDPOINT_URL="+endpoint)

	for _, step := range []atlastest.Step{atlastest.OK(), atlastest.Unauthorized(), atlastest.OK()} {
		atlas.Script(step)
		if answer, body := send(t, http.MethodPost, lambda, sampleBody); answer.StatusCode != http.StatusOK {
			t.Fatalf("the emulator answered %s: %s", answer.Status, body)
		}
	}
	return calls()
}

// record puts a recorder in front of an AWS endpoint and returns its URL and the actions asked for, sorted, each once.
func record(t *testing.T, endpoint string) (proxy string, actions func() []string) {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var asked []string
	forward := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Like secretsmanager.GetSecretValue; another protocol's request is noted by its method and path.
		action := strings.Replace(r.Header.Get("X-Amz-Target"), ".", ":", 1)
		if action == "" {
			action = r.Method + " " + r.URL.Path
		}
		mu.Lock()
		asked = append(asked, action)
		mu.Unlock()
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Compact(slices.Sorted(slices.Values(asked)))
	}
}

// actionsOfRole returns what the function's role permits with every option of the stack in use, but for platformActions.
func actionsOfRole(t *testing.T) []string {
	t.Helper()
	stack := template.NewStack(template.Transform(t, template.Parameters{})[0], template.Parameters{
		"NetworkMode": "own", "Tracing": "Active", "SecretKmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d",
		"AtlasAccountSecretArns": []string{"arn:aws:secretsmanager:eu-west-1:123456789012:secret:other-AbCdEf"},
	})
	var actions []string
	for _, policy := range stack.Resource("FunctionRole")["Policies"].([]any) {
		document := policy.(map[string]any)["PolicyDocument"].(map[string]any)
		for _, statement := range document["Statement"].([]any) {
			switch action := statement.(map[string]any)["Action"].(type) {
			case string:
				actions = append(actions, action)
			case []any:
				for _, one := range action {
					actions = append(actions, one.(string))
				}
			}
		}
	}
	for _, action := range platformActions {
		if !slices.Contains(actions, action) {
			t.Errorf("the role does not permit %s, which this test takes for needed", action)
		}
	}
	own := slices.DeleteFunc(actions, func(action string) bool { return slices.Contains(platformActions, action) })
	return slices.Compact(slices.Sorted(slices.Values(own)))
}
