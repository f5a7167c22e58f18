package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	"atriptoken/policy"
	"atriptoken/secret"
)

func TestAudit_Line(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	r := b.http(sample(t, "http-api-jwt"))
	lines := b.log.lines(t, "request")
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
		"function": "atriptoken", "Requests": 1.0, "Succeeded": 1.0, "ColdStarts": 1.0, "Attempts": 1.0,
	} {
		if diff := cmp.Diff(want, line[key]); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	for _, key := range []string{"TotalMs", "AtlasMs", "ownMs", "SecretAgeSeconds"} {
		if _, ok := line[key].(float64); !ok {
			t.Errorf("%s is %v, want a number", key, line[key])
		}
	}
	if b.http(sample(t, "http-api-jwt")); b.audit()["coldStart"] != false {
		t.Error("the second request is a cold start too")
	}
}

// A line has no empty members. Those in upper case are its metrics, which _aws
// describes in the embedded metric format.
func TestAudit_MembersAndMetrics(t *testing.T) {
	t.Parallel()
	errs := policyText(t, "errs.cedar", `@id("errs") permit(principal is Service, action, resource) when { context.none == 1 };
		@id("ok") permit(principal is Service, action, resource);`)
	closed := policyText(t, "no.cedar", `permit(principal is Operator, action, resource);`)
	const always = "time level msg requestId coldStart caller door principal outcome ownMs Requests TotalMs function _aws"
	const called = " userName role orderNo account secretVersion secretStage SecretMs AtlasMs Attempts SecretAgeSeconds"
	for name, row := range map[string]struct {
		policy *policy.Policy
		step   atlastest.Step
		event  string
		want   string
	}{
		"success":       {nil, atlastest.OK(), good, called + " policies atlasStatus urlSha256 Succeeded"},
		"policy error":  {errs, atlastest.OK(), good, called + " policies policyErrors atlasStatus urlSha256 Succeeded"},
		"invalid":       {nil, atlastest.OK(), `{"role":"x"}`, " InvalidRequest"},
		"HTTP failure":  {nil, atlastest.HTTPStatus(404), good, called + " policies cause atlasHttpStatus AtlasFailed"},
		"not permitted": {closed, atlastest.OK(), good, " userName role orderNo account NotPermitted"},
	} {
		b := newBroker(t, func(c *handler.Config) {
			if row.policy != nil {
				c.Policy = row.policy
			}
		})
		b.plain(`{}`) // the cold start's line has two more
		if cold := b.audit(); cold["ColdStarts"] != 1.0 || cold["Policies"] == nil {
			t.Errorf("%s: the cold start's line is %v", name, cold)
		}
		b.atlas.Always(row.step)
		b.plain(row.event)
		line := b.audit()
		want := strings.Fields(always + row.want)
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(line))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		aws := line["_aws"].(map[string]any)
		if at := time.UnixMilli(int64(aws["Timestamp"].(float64))); time.Since(at).Abs() > time.Hour {
			t.Errorf("the timestamp is %v", at)
		}
		directive := aws["CloudWatchMetrics"].([]any)[0].(map[string]any)
		if diff := cmp.Diff([]any{[]any{"function"}}, directive["Dimensions"]); diff != "" || directive["Namespace"] != handler.Namespace {
			t.Errorf("%v %s", directive["Namespace"], diff)
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
		if status, ok := line["atlasHttpStatus"]; ok && status != 404.0 {
			t.Errorf("%s: atlasHttpStatus is %v", name, status)
		}
	}
}

// Failures that need attention are warnings; the cause is in the broker's own words.
func TestAudit_FailuresAreWarnings(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.atlas.Always(atlastest.StatusMessage(2, "a message of Atlas's\r\nERROR forged line"))
	b.plain(good)
	line := b.audit()
	if line["level"] != "WARN" || line["outcome"] != "AtlasFailed" || line["atlasStatus"] != 2.0 ||
		!strings.Contains(line["cause"].(string), "status 2") {
		t.Errorf("%v", line)
	}
	if strings.Contains(b.log.String(), "forged") {
		t.Error("the log quotes Atlas")
	}
}

// A client written for Atlas sends these two headers. They are noted and not forwarded.
func TestAudit_CredentialHeaders(t *testing.T) {
	t.Parallel()
	const theirs = "client-sent-MARKED-77aa"
	b := newBroker(t)
	b.http(sample(t, "http-api-jwt"))
	if _, noted := b.audit()["droppedHeaders"]; noted {
		t.Error("headers that were not sent are noted as dropped")
	}
	r := b.http(sample(t, "http-api-jwt", headerSet("X-Atlas-Client-Secret", theirs), headerSet("x-atlas-client-id", theirs)))
	if diff := cmp.Diff([]any{"x-atlas-client-id", "x-atlas-client-secret"}, b.audit()["droppedHeaders"]); diff != "" || r.StatusCode != 200 {
		t.Errorf("HTTP %d %s", r.StatusCode, diff)
	}
	call := b.atlas.Requests()[1]
	if id := call.Header.Values("X-Atlas-Client-Id"); len(id) != 1 || id[0] != atlastest.DefaultClientID {
		t.Errorf("Atlas was called as %q", id)
	}
	if got, want := call.Header.Get("X-Atlas-Client-Secret"), clientSecret; got != want {
		t.Error("Atlas was called with another secret")
	}
	if strings.Contains(b.log.String(), theirs) || strings.Contains(r.Body, theirs) {
		t.Error("the client's credentials are in an output")
	}
}

func TestAudit_NoUncheckedText(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	forged := body(`{"orderNo":"X1\n{\"msg\":\"request\"}","userName":"amelia@example.com","role":"forged-role"}`)
	b.http(sample(t, "http-api-jwt", forged, set("/forged-path", "rawPath"), headerSet("x-forged", "forged-header")))
	b.http(sample(t, "http-api-jwt", forged))
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
		b.http(sample(t, "http-api-jwt", claim("iss", issuer), body(strings.Replace(good, "amelia@example.com", victim, 1))))
		line := b.audit()
		if line["issuer"] != issuer || line["operatorName"] != "amelia@example.com" || line["userName"] != victim || line["outcome"] != outcome {
			t.Errorf("%v of %v as %v: %v", line["operatorName"], line["issuer"], line["userName"], line["outcome"])
		}
	}
	for _, event := range [][]byte{sample(t, "http-api-iam"), sample(t, "http-api-jwt", claim("email", absent{}))} {
		b.http(event)
		if line := b.audit(); line["issuer"] != nil || line["operatorName"] != nil {
			t.Errorf("%v has the issuer %v and the name %v", line["principal"], line["issuer"], line["operatorName"])
		}
	}
}

// Text of the event in the audit line is bounded.
func TestAudit_FieldsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBroker(t, withPolicy(policyText(t, "any.cedar", `permit(principal is Operator, action, resource);`)))
	long := strings.Repeat("é", 20_000)
	b.http(sample(t, "http-api-jwt", claim("sub", long), claim("iss", long), set(long, "requestContext", "requestId")))
	for key, value := range b.audit() {
		if text, ok := value.(string); ok && (len(text) > 512 || !utf8.ValidString(text)) {
			t.Errorf("%s has %d bytes", key, len(text))
		}
	}
	if principal, _ := b.audit()["principal"].(string); b.audit()["outcome"] != "OK" || !strings.HasPrefix(principal, `Operator::"éé`) {
		t.Errorf("%v as %s", b.audit()["outcome"], principal)
	}
}

func TestAudit_ColdStart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)
	b := newBroker(t, func(c *handler.Config) {
		c.Now = func() time.Time { return now }
		c.PolicyModified = now.Add(-time.Hour)
	})
	b.plain(good)
	if line := b.audit(); line["Policies"] != float64(policyFile(t, "default.cedar").Count()) || line["PolicyAgeSeconds"] != 3600.0 {
		t.Errorf("%v policies, %v s old", line["Policies"], line["PolicyAgeSeconds"])
	}
	b.plain(good)
	if _, ok := b.audit()["Policies"]; ok {
		t.Error("the second request reports the policies again")
	}
	b = newBroker(t)
	b.plain(good)
	if _, ok := b.audit()["PolicyAgeSeconds"]; ok {
		t.Error("an unknown age is reported")
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
			b := newBroker(t, func(c *handler.Config) { c.Account.Secret.Pause = time.Millisecond })
			b.atlas.Always(step)
			r := b.http(sample(t, "http-api-jwt"))
			out, code, message := b.plain(good)
			outputs := b.log.String() + code + message
			var token struct{ URL string }
			if (r.StatusCode == 200) != (name == "success") {
				t.Fatalf("HTTP %d", r.StatusCode)
			}
			if r.StatusCode != 200 {
				outputs += r.Body + fmt.Sprint(r.Headers) + string(out)
			} else if err := json.Unmarshal([]byte(r.Body), &token); err != nil || token.URL == "" {
				t.Fatal(err)
			}
			for what, marked := range map[string]string{"secret": clientSecret, "bad url": "MARKED", "minted url": token.URL} {
				if marked != "" && strings.Contains(outputs, marked) {
					t.Errorf("the %s is in an output: %s", what, outputs)
				}
			}
		})
	}
}

// AWS errors contain ARNs and account numbers.
func TestOutput_NoAWSError(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.Account.Secret.Fetch = func(context.Context, string) (secret.Credentials, error) {
			return secret.Credentials{}, errors.New("MARKED arn:aws:secretsmanager:eu-west-1:123456789012:secret:x")
		}
	})
	r := b.http(sample(t, "http-api-jwt"))
	_, _, message := b.plain(good)
	for _, text := range []string{r.Body, message, b.log.String()} {
		if strings.Contains(text, "MARKED") || strings.Contains(text, "arn:aws:secretsmanager") {
			t.Errorf("the error is in %s", text)
		}
	}
}

// A panic before the event is read is answered and audited too.
func TestAudit_EarlyPanic(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) {
		c.PolicyModified = time.Now()
		c.Now = func() time.Time { panic("early") }
	})
	if _, code, _ := b.plain(good); code != "Internal" || b.audit()["outcome"] != "Internal" {
		t.Errorf("%s, audited as %v", code, b.audit()["outcome"])
	}
}

func TestNew_NamesEveryMissingField(t *testing.T) {
	t.Parallel()
	_, err := handler.New(handler.Config{})
	if err == nil {
		t.Fatal("an empty Config is accepted")
	}
	for _, field := range []string{"Account.Atlas", "Account.Secret", "Policy", "Roles", "NameClaim", "GroupsClaim", "AttemptTimeout"} {
		if !strings.Contains(err.Error(), "Config."+field+" is missing") {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestNew_DefaultLogger(t *testing.T) {
	standard, log := slog.Default(), &logBuffer{}
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, nil)))
	defer slog.SetDefault(standard)
	b := newBroker(t, func(c *handler.Config) { c.Logger = nil })
	b.log = log
	if _, code, _ := b.plain(good); code != "OK" || b.audit()["outcome"] != "OK" {
		t.Errorf("%s %v", code, b.audit())
	}
}

// Without a Lambda context, as in a local run, there is no alias and no id.
func TestInvoke_OutsideLambda(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	if _, err := b.Invoke(context.Background(), []byte(good)); err != nil {
		t.Fatal(err)
	}
	if line := b.audit(); line["door"] != "unqualified" || line["requestId"] != nil {
		t.Errorf("%v", line)
	}
}
