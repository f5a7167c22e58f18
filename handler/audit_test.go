package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

func TestAudit_Line(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	r := b.http(sample("http-api-jwt"))
	lines := b.lines("request")
	if len(lines) != 1 || r.StatusCode != 200 {
		t.Fatalf("HTTP %d, %d audit lines", r.StatusCode, len(lines))
	}
	line := lines[0]
	var token struct{ URL string }
	if err := json.Unmarshal([]byte(r.Body), &token); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"level": "INFO", "requestId": requestID, "gatewayRequestId": "JKJaXmPLvHcESHA=", "coldStart": true,
		"caller": "http-api", "door": "api", "principal": `Operator::"00u1a2b3c4d5e6f7g8h9"`,
		"userName": "amelia@example.com", "role": "Customer service", "orderNo": "XPFIW20220209163159425",
		"policies": []any{"operator-as-themselves-in-a-granted-role"}, "outcome": "OK", "atlasStatus": 0.0,
		"secretVersion": "version-1", "secretStage": "AWSCURRENT", "urlSha256": redact.New(token.URL).SHA256(),
		"function": "atriptoken", "version": "7", "Requests": 1.0, "Succeeded": 1.0, "ColdStarts": 1.0, "Attempts": 1.0, "PolicyAgeSeconds": nil,
	} {
		if diff := cmp.Diff(want, line[key]); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	if age, _ := line["SecretAgeSeconds"].(float64); age < 0 {
		t.Errorf("a secret fetched in this call is %v s old", age)
	}
	if b.http(sample("http-api-jwt")); b.audit()["coldStart"] != false {
		t.Error("the second request is a cold start too")
	}
}

// A line has no empty members. Those in upper case are its metrics, which _aws
// describes in the embedded metric format. Failures that need attention are warnings.
func TestAudit_MembersAndMetrics(t *testing.T) {
	t.Parallel()
	open, closed := defaultPolicy(t), `permit(principal is Operator, action, resource);`
	const errs = `@id("errs") permit(principal is Service, action, resource) when { context.none == 1 };
		@id("ok") permit(principal is Service, action, resource);`
	const always = "time level msg requestId coldStart caller door principal outcome ownMs Requests TotalMs function version _aws"
	const called = " userName role orderNo account secretVersion secretStage SecretMs AtlasMs Attempts SecretAgeSeconds"
	now := time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		policy             string
		step               atlastest.Step
		event, level, want string
	}{
		"success":       {open, atlastest.OK(), good, "INFO", called + " policies atlasStatus urlSha256 Succeeded"},
		"policy error":  {errs, atlastest.OK(), good, "INFO", called + " policies policyErrors atlasStatus urlSha256 Succeeded"},
		"invalid":       {open, atlastest.OK(), `{"role":"x"}`, "INFO", " InvalidRequest"},
		"HTTP failure":  {open, atlastest.HTTPStatus(404), good, "WARN", called + " policies cause atlasHttpStatus AtlasFailed"},
		"not permitted": {closed, atlastest.OK(), good, "INFO", " userName role orderNo account NotPermitted"},
		"no reply":      {open, atlastest.CutConnection(), good, "WARN", called + " policies cause WaitMs AtlasFailed"},
		"status 2": {open, atlastest.StatusMessage(2, "a message of Atlas's\r\nERROR forged line"), good, "WARN",
			called + " policies cause atlasStatus atlasHttpStatus WaitMs AtlasFailed"},
	} {
		b := newBroker(t, withPolicy(t, row.policy), func(c *handler.Config) {
			c.Now, c.PolicyModified = func() time.Time { return now }, now.Add(-time.Hour)
		})
		b.plain(`{}`) // the cold start's line has three more
		count := float64(parsed(t, row.policy).Count())
		if cold := b.audit(); cold["ColdStarts"] != 1.0 || cold["Policies"] != count || cold["PolicyAgeSeconds"] != 3600.0 {
			t.Errorf("%s: the cold start's line is %v", name, cold)
		}
		b.atlas.Always(row.step)
		b.plain(row.event)
		line := b.audit()
		if line["level"] != row.level || strings.Contains(b.log.String(), "forged") || strings.Contains(fmt.Sprint(line["cause"]), "type") {
			t.Errorf("%s: the log is %s", name, b.log)
		}
		want := strings.Fields(always + row.want)
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(line))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		aws := line["_aws"].(map[string]any)
		if at := time.UnixMilli(int64(aws["Timestamp"].(float64))); time.Since(at).Abs() > time.Hour {
			t.Errorf("the timestamp is %v", at)
		}
		directives := aws["CloudWatchMetrics"].([]any)
		directive := directives[0].(map[string]any)
		if diff := cmp.Diff([]any{[]any{"function"}}, directive["Dimensions"]); diff != "" || directive["Namespace"] != handler.Namespace {
			t.Errorf("%v %s", directive["Namespace"], diff)
		}
		byVersion := []any{}
		for _, metric := range []string{"Succeeded", "NotPermitted"} {
			if line[metric] != nil {
				byVersion = append(byVersion, map[string]any{"Namespace": handler.Namespace, "Dimensions": []any{[]any{"function", "version"}},
					"Metrics": []any{map[string]any{"Name": metric, "Unit": "Count"}}})
			}
		}
		if diff := cmp.Diff(byVersion, directives[1:]); diff != "" {
			t.Errorf("%s: by version: %s", name, diff)
		}
		var described []string
		for _, m := range directive["Metrics"].([]any) {
			metric := m.(map[string]any)
			described = append(described, metric["Name"].(string))
			if _, ok := line[metric["Name"].(string)].(float64); !ok || metric["Unit"] == "" {
				t.Errorf("%s: the metric %v", name, metric)
			}
		}
		slices.Sort(described)
		metrics := slices.DeleteFunc(want, func(name string) bool { return name[0] < 'A' || name[0] > 'Z' })
		if diff := cmp.Diff(metrics, described); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A layer's zip can have local time, which is read as UTC.
func TestAudit_PolicyOfTheFuture(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) { c.PolicyModified = time.Now().Add(time.Hour) })
	b.plain(good)
	if age := b.audit()["PolicyAgeSeconds"]; age != 0.0 {
		t.Errorf("PolicyAgeSeconds is %v, want 0", age)
	}
}

// A client written for Atlas sends two credential headers. They are noted; no header
// is forwarded.
func TestAudit_CredentialHeaders(t *testing.T) {
	t.Parallel()
	const theirs = "client-sent-MARKED-77aa"
	b := newBroker(t)
	b.http(sample("http-api-jwt"))
	if _, noted := b.audit()["droppedHeaders"]; noted {
		t.Error("headers that were not sent are noted as dropped")
	}
	r := b.http(sample("http-api-jwt", headerSet("X-Atlas-Client-Secret", theirs), headerSet("x-atlas-client-id", theirs),
		headerSet("host", "evil.example"), headerSet("x-forwarded-host", "evil.example"), headerSet("x-a", "1\r\nx-atlas-client-id: MARKED")))
	if diff := cmp.Diff([]any{"x-atlas-client-id", "x-atlas-client-secret"}, b.audit()["droppedHeaders"]); diff != "" || r.StatusCode != 200 {
		t.Errorf("HTTP %d %s", r.StatusCode, diff)
	}
	call := b.atlas.Requests()[1]
	id, key := call.Header.Values("X-Atlas-Client-Id"), call.Header.Values("X-Atlas-Client-Secret")
	if !slices.Equal(id, []string{atlastest.DefaultClientID}) || !slices.Equal(key, []string{clientSecret}) || call.Body != good {
		t.Errorf("Atlas was called as %q with %s", id, call.Body)
	}
	if strings.Contains(b.log.String(), theirs) || strings.Contains(r.Body, theirs) {
		t.Error("the client's credentials are in an output")
	}
}

func TestAudit_NoUncheckedText(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	forged := body(`{"orderNo":"X1\n{\"msg\":\"request\"}","userName":"amelia@example.com","role":"forged-role"}`)
	b.http(sample("http-api-jwt", forged, set("/forged-path", "rawPath"), headerSet("x-forged", "forged-header")))
	b.http(sample("http-api-jwt", forged))
	if log := b.log.String(); strings.Contains(log, "forged") || strings.Contains(log, "X1") || strings.Count(log, "\n") != 2 {
		t.Errorf("the log is %s", log)
	}
}

// Two issuers can use the same sub: the audit line distinguishes the operators, also
// when one is refused as another person.
func TestAudit_IssuerAndOperatorName(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for issuer, outcome := range map[string]string{"https://a.example.com": "OK", "https://b.example.com": "NotPermitted"} {
		victim := map[string]string{"OK": "amelia@example.com", "NotPermitted": "oskar@example.com"}[outcome]
		b.http(sample("http-api-jwt", claim("iss", issuer), body(strings.Replace(good, "amelia@example.com", victim, 1))))
		line := b.audit()
		if line["issuer"] != issuer || line["operatorName"] != "amelia@example.com" || line["userName"] != victim || line["outcome"] != outcome {
			t.Errorf("%v of %v as %v: %v", line["operatorName"], line["issuer"], line["userName"], line["outcome"])
		}
	}
	for _, event := range [][]byte{sample("http-api-iam"), sample("http-api-jwt", claim("email", absent{}))} {
		b.http(event)
		if line := b.audit(); line["issuer"] != nil || line["operatorName"] != nil {
			t.Errorf("%v has the issuer %v and the name %v", line["principal"], line["issuer"], line["operatorName"])
		}
	}
}

// Text of the event in the audit line is bounded.
func TestAudit_FieldsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(t, `permit(principal is Operator, action, resource);`))
	long := strings.Repeat("é", 20_000)
	b.http(sample("http-api-jwt", claim("sub", long), claim("iss", long), set(long, "requestContext", "requestId")))
	for key, value := range b.audit() {
		if text, ok := value.(string); ok && (len(text) > 512 || !utf8.ValidString(text)) {
			t.Errorf("%s has %d bytes", key, len(text))
		}
	}
	if principal, _ := b.audit()["principal"].(string); b.audit()["outcome"] != "OK" || !strings.HasPrefix(principal, `Operator::"éé`) {
		t.Errorf("%v as %s", b.audit()["outcome"], principal)
	}
}

// The marked secret and url pass through every path, also through those that
// fail. Only a success returns the url, and nothing returns the secret.
func TestOutput_NoSecretNoURL(t *testing.T) {
	t.Parallel()
	const markedURL = "https://evil.example/MARKED-url-9b2e"
	for name, step := range map[string]atlastest.Step{
		"success": atlastest.OK(), "bad url": atlastest.BadURL(markedURL), "refused": atlastest.Unauthorized(),
		"message":  atlastest.StatusMessage(2, clientSecret+markedURL),
		"redirect": atlastest.Redirect(markedURL), "cut": atlastest.CutConnection(), "garbage": atlastest.Garbage(),
		"limited": atlastest.RateLimited(1, 429), "header": atlastest.WithHeader("Retry-After", clientSecret, atlastest.HTTPStatus(503)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, func(c *handler.Config) { c.Accounts["default"].Secret.Pause = time.Millisecond })
			b.atlas.Always(step)
			r := b.http(sample("http-api-jwt"))
			out, code, message := b.plain(good)
			outputs := b.log.String() + code + message + fmt.Sprint(r.Headers)
			if success := name == "success"; success != (r.StatusCode == 200) || success != strings.Contains(r.Body, b.atlas.URL) {
				t.Fatalf("HTTP %d %s", r.StatusCode, r.Body)
			} else if !success {
				outputs += r.Body + string(out)
			}
			if strings.Contains(outputs, "MARKED") || strings.Contains(outputs, b.atlas.URL) {
				t.Errorf("the secret or a url is in an output: %s", outputs)
			}
		})
	}
}

// An unknown error, as AWS's with its ARNs and account numbers, is named by its type.
func TestOutput_NoAWSError(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.Accounts["default"].Secret.Fetch = func(context.Context, string) (secret.Credentials, error) {
			return secret.Credentials{}, errors.New("MARKED arn:aws:secretsmanager:eu-west-1:123456789012:secret:x")
		}
	})
	r := b.http(sample("http-api-jwt"))
	_, _, message := b.plain(good)
	for _, text := range []string{r.Body, message, b.log.String()} {
		if strings.Contains(text, "MARKED") || strings.Contains(text, "arn:aws:secretsmanager") {
			t.Errorf("the error is in %s", text)
		}
	}
	line := b.audit()
	if line["outcome"] != "Internal" || line["cause"] != "an error of type *errors.errorString" || len(b.lines(panicMessage)) != 0 {
		t.Errorf("%v by the cause %v, in %s", line["outcome"], line["cause"], b.log)
	}
}
