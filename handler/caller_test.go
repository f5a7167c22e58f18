package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/lambdatest"
)

const targetGroup = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/atrip-token-broker/6d0ecf831eec9f09"

// loadBalancerPolicy permits one target group.
const loadBalancerPolicy = `@id("internal-load-balancer") permit(principal == LoadBalancer::"` + targetGroup + `", action, resource);`

// Each sample in events/ opens the portal through its own alias only.
func TestCaller_Samples(t *testing.T) {
	t.Parallel()
	const (
		arn     = `AwsPrincipal::"arn:aws:sts::123456789012:assumed-role/back-office/backoffice"`
		amelia  = `Operator::"00u1a2b3c4d5e6f7g8h9"`
		cognito = `Operator::"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"`
		target  = `LoadBalancer::"` + targetGroup + `"`
	)
	rows := map[string]struct{ caller, door, principal string }{
		"http-api-jwt":              {"http-api", "api", amelia},
		"http-api-jwt-groups":       {"http-api", "api", amelia},
		"http-api-base64":           {"http-api", "api", amelia},
		"http-api-iam":              {"http-api", "api", arn},
		"http-api-lambda":           {"http-api", "api", amelia},
		"function-url-iam":          {"function-url", "api", arn},
		"rest-api-cognito":          {"rest-api", "api", cognito},
		"rest-api-iam":              {"rest-api", "api", arn},
		"rest-api-lambda":           {"rest-api", "api", amelia},
		"load-balancer":             {"load-balancer", "api", target},
		"load-balancer-multi-value": {"load-balancer", "api", target},
		"appsync-cognito":           {"appsync", "api", cognito},
		"appsync-oidc":              {"appsync", "api", amelia},
		"appsync-iam":               {"appsync", "api", arn},
		"connect":                   {"connect", "service", `Service::"service"`},
		"plain":                     {"plain", "service", `Service::"service"`},
	}
	if samples := len(lambdatest.EventNames()); samples != len(rows) {
		t.Errorf("%d rows for %d samples", len(rows), samples)
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claim := "groups"
			if strings.HasSuffix(name, "-cognito") {
				claim = "cognito:groups"
			}
			b := newBroker(t, withPolicy(t, defaultPolicy(t)+loadBalancerPolicy), groupsClaim(claim))
			out, err := b.call(row.door, sample(name))
			line := b.audit()
			if err != nil || line["outcome"] != "OK" || !strings.Contains(string(out), b.atlas.URL) {
				t.Fatalf("%v %s %v", err, out, line)
			}
			if line["caller"] != row.caller || line["door"] != row.door || line["principal"] != row.principal {
				t.Errorf("caller %v, door %v, principal %v", line["caller"], line["door"], line["principal"])
			}
			if sent := b.atlas.Requests()[0].Body; sent != good {
				t.Errorf("Atlas received %s", sent)
			}
			unqualified := []string{"", "$LATEST", "7"} // for plain events only
			for _, door := range append(unqualified, "api", "service", "canary", "API") {
				want := "NotPermitted"
				if door == row.door || row.door == "service" && slices.Contains(unqualified, door) {
					want = "OK"
				}
				if _, _ = b.call(door, sample(name)); b.audit()["outcome"] != want {
					t.Errorf("through %q: %v, want %s", door, b.audit()["outcome"], want)
				}
			}
		})
	}
}

// Only SAM's local gateway sends events with an identity to the unqualified function.
func TestDoor_UnqualifiedTakesPlainEventsOnly(t *testing.T) {
	t.Parallel()
	local := newBroker(t, func(c *handler.Config) { c.SAMLocal = true })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for arn, want := range map[string]string{
		functionARN: "OK", functionARN + ":$LATEST": "OK", functionARN + ":7": "OK",
		functionARN + ":api:x": "NotPermitted", "": "NotPermitted", "x": "NotPermitted",
	} {
		_, _ = local.Invoke(lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{InvokedFunctionArn: arn}), sample("http-api-jwt"))
		if got := local.audit(); got["outcome"] != want {
			t.Errorf("%q: %v through %v, want %s", arn, got["outcome"], got["door"], want)
		}
	}
	// Outside Lambda there is no ARN.
	b := newBroker(t)
	_, _ = b.Invoke(ctx, []byte(good))
	if line := b.audit(); line["outcome"] != "NotPermitted" || line["door"] != "unknown" || line["requestId"] != nil {
		t.Errorf("outside Lambda: %v", line)
	}
}

// The principal's id and context.door are the door, so that a policy can close one.
func TestDoor_ReachesThePolicy(t *testing.T) {
	t.Parallel()
	for door, id := range map[string]string{"service": "service", "": "unqualified", "7": "unqualified"} {
		for _, name := range []string{"plain", "connect"} {
			b := newBroker(t, withPolicy(t, fmt.Sprintf(`permit(principal is Service, action, resource) when { context.door == %q };
				forbid(principal == Service::%q, action, resource) when { context.role == "Finance" };`, id, id)))
			_, _ = b.call(door, sample(name))
			if line := b.audit(); line["outcome"] != "OK" || line["principal"] != `Service::"`+id+`"` || line["door"] != id {
				t.Errorf("%s through %q: %v as %v by %v", name, door, line["outcome"], line["principal"], line["door"])
			}
			if _, _ = b.call(door, []byte(strings.Replace(good, "Customer service", "Finance", 1))); b.audit()["outcome"] != "NotPermitted" {
				t.Errorf("through %q the forbid has no effect", door)
			}
		}
	}
}

// The default policy permits a load balancer nothing.
func TestLoadBalancer_HeaderForms(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for name, headers := range map[string]string{
		"load-balancer": `"headers":{"Cache-Control":"no-store","Content-Type":"application/problem+json","X-Content-Type-Options":"nosniff"}`,
		"load-balancer-multi-value": `"multiValueHeaders":{"Cache-Control":["no-store"],"Content-Type":["application/problem+json"],` +
			`"X-Content-Type-Options":["nosniff"]}`,
	} {
		out, err := b.call("api", sample(name))
		want := `{"statusCode":403,"statusDescription":"403 Forbidden",` + headers + `,"body":"{\"type\":\"urn:atriptoken:problem:NotPermitted\"`
		if err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("%s: %v %s, want %s", name, err, out, want)
		}
	}
}

// Function URLs and load balancers have no stage and no route, so that the path
// is exactly the broker's.
func TestPath_AfterTheStage(t *testing.T) {
	t.Parallel()
	stage, anyRoute := set("prod", "requestContext", "stage"), set("$default", "routeKey")
	b := newBroker(t, withPolicy(t, defaultPolicy(t)+loadBalancerPolicy))
	for _, row := range []struct {
		sample, path string
		edits        []lambdatest.Edit
		want         string
	}{
		{"http-api-jwt", "/getAtripToken.do", nil, "OK"},
		{"http-api-jwt", "/prod/getAtripToken.do", []lambdatest.Edit{stage}, "OK"},
		{"http-api-jwt", "/prod/getAtripToken.do", []lambdatest.Edit{stage, anyRoute}, "OK"},
		{"http-api-jwt", "/test/getAtripToken.do", []lambdatest.Edit{stage, anyRoute}, "NotFound"},
		{"http-api-jwt", "/tools/v1/getAtripToken.do", nil, "OK"}, // a custom domain's base path: the route has matched
		{"http-api-jwt", "/tools/v1/getAtripToken.do", []lambdatest.Edit{anyRoute}, "NotFound"},
		{"http-api-jwt", "/a/b/c/d/e/f/g/getAtripToken.do", nil, "NotFound"},
		{"http-api-jwt", "//getAtripToken.do", nil, "NotFound"},
		{"http-api-jwt", "/getatriptoken.do", nil, "NotFound"},
		{"http-api-jwt", "/getAtripToken%2edo", nil, "NotFound"},
		{"http-api-jwt", "/x/../getAtripToken.do", nil, "NotFound"},
		{"http-api-jwt", "", nil, "NotFound"},
		{"function-url-iam", "/getAtripToken.do", nil, "OK"},
		{"function-url-iam", "/prod/getAtripToken.do", nil, "NotFound"},
		{"rest-api-iam", "/getAtripToken.do", nil, "OK"},
		{"rest-api-iam", "/v1/getAtripToken.do", nil, "OK"},
		{"rest-api-iam", "/v1/getAtripToken.do", []lambdatest.Edit{set("/{proxy+}", "resource")}, "NotFound"},
		{"load-balancer", "/getAtripToken.do", nil, "OK"},
		{"load-balancer", "/x/getAtripToken.do", nil, "NotFound"},
		{"load-balancer", "//getAtripToken.do", nil, "NotFound"},
	} {
		event := sample(row.sample, append(row.edits, set(row.path, "path"), set(row.path, "rawPath"))...)
		if got := b.http(event).code(t); got != row.want {
			t.Errorf("%s %q: %s, want %s", row.sample, row.path, got, row.want)
		}
	}
}

func TestConnect_FlatMap(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	link := b.atlas.URL + "/x"
	var whole any
	if err := json.Unmarshal([]byte(good), &whole); err != nil {
		t.Fatal(err)
	}
	type answer = map[string]string
	for name, row := range map[string]struct {
		parameters any
		reply      string // Atlas's
		want       answer
	}{
		"success":       {whole, `{"url":"` + link + `","status":0}`, answer{"code": "OK", "url": link, "status": "0", "msg": ""}},
		"a message":     {whole, `{"url":"` + link + `","status":0,"msg":"m"}`, answer{"code": "OK", "url": link, "status": "0", "msg": "m"}},
		"a failure":     {whole, `{"status":901}`, answer{"code": "AtlasFailed", "message": "could not be used. (request c0ffee00"}},
		"bad members":   {map[string]any{"orderNo": "X1"}, "", answer{"code": "InvalidRequest", "message": "/role is required."}},
		"no parameters": {absent{}, "", answer{"code": "InvalidRequest", "message": "the request is not strict JSON"}},
	} {
		b.atlas.Always(atlastest.HTTPReply(200, "application/json", row.reply))
		out, err := b.call("service", sample("connect", set(row.parameters, "Details", "Parameters")))
		var got answer
		if err := errors.Join(err, json.Unmarshal(out, &got)); err != nil {
			t.Fatalf("%s: not a flat map of strings: %v: %s", name, err, out)
		}
		if message, ok := got["message"]; ok && strings.Contains(message, row.want["message"]) {
			got["message"] = row.want["message"]
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if log := b.log.String(); strings.Contains(log, "+1555") || strings.Contains(log, "4a573372") {
		t.Error("the log contains the contact")
	}
}

// A flow gives up after 8 s; the function may run for longer.
func TestConnect_Timeout(t *testing.T) {
	inBubble(t, func(t *testing.T, b *broker) {
		b.atlas.Always(atlastest.Hang())
		began := time.Now()
		out, err := b.call("service", sample("connect"))
		if took := time.Since(began); err != nil || !strings.Contains(string(out), `"AtlasTimeout"`) || took != 6500*time.Millisecond {
			t.Errorf("%s (%v) after %v, want AtlasTimeout after 7 s less the margin", out, err, took)
		}
	}, attemptTimeout(time.Minute))
}

func TestAgent_ClientContext(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	tool := map[string]string{"bedrockAgentCoreToolName": "atrip___open_atrip", "bedrockAgentCoreGatewayId": "g-1"}
	for _, row := range []struct {
		door, payload string
		custom        map[string]string
		outcome       string
		caller        any
	}{
		{"service", good, tool, "OK", "agent"},
		{"service", good, map[string]string{"bedrockagentcoreToolName": "open_atrip"}, "OK", "agent"},
		{"service", good, map[string]string{"other": "x"}, "OK", "plain"},
		{"service", `{"orderNo":"X1","userName":"amelia","role":"Finance","reason":"asked"}`, tool, "InvalidRequest", "agent"},
		{"service", `{}`, tool, "InvalidRequest", nil},
		{"api", good, tool, "NotPermitted", "agent"},
		// A tool's name does not change how an HTTP event is read.
		{"service", string(sample("http-api-jwt")), tool, "NotPermitted", "http-api"},
	} {
		ctx, cancel := context.WithTimeout(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
			InvokedFunctionArn: functionARN + ":" + row.door, ClientContext: lambdacontext.ClientContext{Custom: row.custom},
		}), time.Minute)
		out, err := b.Invoke(ctx, []byte(row.payload))
		cancel()
		line := b.audit()
		if line["outcome"] != row.outcome || line["caller"] != row.caller {
			t.Errorf("%s %v through %s: %v as %v, want %s as %v", row.payload, row.custom, row.door,
				line["outcome"], line["caller"], row.outcome, row.caller)
		}
		if httpAnswer := row.caller == "http-api"; (out != nil) != (httpAnswer || row.outcome == "OK") || (err == nil) != (out != nil) {
			t.Errorf("%s %v through %s: the answer is %s, %v", row.payload, row.custom, row.door, out, err)
		}
	}
}

// REST APIs send payload 1.0 without a version.
func TestRESTAPI_Version(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for version, want := range map[any]string{"1.0": "OK", "": "OK", nil: "OK", "2.0": "InvalidRequest", "3.0": "InvalidRequest"} {
		_, _ = b.call("api", sample("rest-api-iam", set(version, "version")))
		if got := b.audit()["outcome"]; got != want {
			t.Errorf("version %v: %v, want %s", version, got, want)
		}
	}
}
