package reliability

import (
	"fmt"
	"strings"
	"testing"

	"atriptoken/internal/lambdatest"
)

// TestMemory_LargestEvents sends events of Lambda's largest size, 6 MB, through
// every alias. The template gives the function 256 MB.
func TestMemory_LargestEvents(t *testing.T) {
	t.Parallel()
	const size = 6 << 20
	fill := func(unit string) string { return strings.TrimSuffix(strings.Repeat(unit, size/len(unit)), ",") }
	var members strings.Builder
	for i := 0; members.Len() < size; i++ {
		fmt.Fprintf(&members, `"m%d":0,`, i)
	}
	object := "{" + strings.TrimSuffix(members.String(), ",") + "}"
	// with puts a value in place of a string member of a sample.
	with := func(sample, value string, path ...string) string {
		event := string(lambdatest.Event(sample, lambdatest.Set("REPLACED", path...)))
		return strings.Replace(event, `"REPLACED"`, value, 1)
	}
	claims := []string{"requestContext", "authorizer", "jwt", "claims"}
	events := map[string]string{
		"empty arrays":   "[" + fill("[],") + "]",
		"nested arrays":  fill("["),
		"plain, numbers": with("plain", "["+fill("0,")+"]", "orderNo"),
		"plain, escapes": with("plain", `"`+fill(`\u0000`)+`"`, "orderNo"),
		"plain, members": object,
		"HTTP, body":     with("http-api-jwt", `"`+fill("x")+`"`, "body"),
		"HTTP, claims":   with("http-api-jwt", object, claims...),
		"HTTP, groups":   with("http-api-jwt", "["+fill(`"",`)+"]", append(claims, "groups")...),
		"HTTP, headers":  with("http-api-jwt", strings.ReplaceAll(object, ":0", `:""`), "headers"),
		"REST, claims":   with("rest-api-cognito", object, "requestContext", "authorizer", "claims"),
		"AppSync":        with("appsync-oidc", object, "identity", "claims"),
		"Connect":        with("connect", object, "Details", "Parameters"),
		"load balancer":  with("load-balancer-multi-value", object, "multiValueHeaders"),
	}
	s := newSystem(t)
	s.env["GOMAXPROCS"] = "1" // as in the template
	s.start()
	for name, text := range events {
		for _, alias := range []string{"", ":api", ":service", ":other"} {
			o := &lambdatest.InvokeOptions{FunctionARN: lambdatest.DefaultFunctionARN + alias}
			reply, err := s.function.Invoke(t.Context(), []byte(text), o)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			payload := string(reply.Payload)
			if !reply.Failed() && !strings.Contains(payload, `"code":`) && !strings.Contains(payload, `\"code\":`) {
				t.Errorf("%s through the alias %q: answered %.200s, want an error", name, alias, payload)
			}
			if name == "HTTP, body" && alias == ":api" && !strings.Contains(payload, `"statusCode":413`) {
				t.Errorf("a body of 6 MB: answered %.200s, want 413", payload)
			}
		}
	}
	peak := memoryKB(t, s.function.PID(), "VmHWM") >> 10
	t.Logf("at most %d MB resident", peak)
	if peak > 64 {
		t.Errorf("%d MB resident, want at most 64", peak)
	}
}
