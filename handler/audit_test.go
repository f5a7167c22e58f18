package handler_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/handler"
	"atriptoken/internal/redact"
	"atriptoken/secret"
)

func TestAudit_OneLineTellsTheWholeRequest(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	r := b.http(sample(t, "http-api-jwt"))
	lines := b.log.lines(t, "request")
	if len(lines) != 1 || r.StatusCode != 200 {
		t.Fatalf("HTTP %d, %d audit lines", r.StatusCode, len(lines))
	}
	line := lines[0]
	var token struct{ URL string }
	if err := unmarshal(r.Body, &token); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"level": "INFO", "requestId": "c0ffee00-0000-4000-8000-000000000001", "gatewayRequestId": "JKJaXmPLvHcESHA=", "coldStart": true,
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
	if _, noted := line["droppedHeaders"]; noted {
		t.Error("headers that were not sent are noted as dropped")
	}
	if b.http(sample(t, "http-api-jwt")); b.audit()["coldStart"] != false {
		t.Error("the second request is a cold start too")
	}
}

// Every metric that a line describes stands in the line, as the embedded metric
// format wants it.
func TestAudit_MetricsAreInTheLineThatDescribesThem(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.http(sample(t, "http-api-jwt"))
	b.http(sample(t, "http-api-jwt", body("{}")))
	b.atlas.Always(atlastest.SystemError())
	b.plain(good)
	for _, line := range b.log.lines(t, "request") {
		aws := line["_aws"].(map[string]any)
		if at := time.UnixMilli(int64(aws["Timestamp"].(float64))); time.Since(at) > time.Hour || time.Until(at) > time.Hour {
			t.Errorf("the timestamp is %v", at)
		}
		directive := aws["CloudWatchMetrics"].([]any)[0].(map[string]any)
		if diff := cmp.Diff([]any{[]any{"function"}}, directive["Dimensions"]); diff != "" || directive["Namespace"] != handler.Namespace {
			t.Errorf("%v %s", directive["Namespace"], diff)
		}
		seen := map[string]bool{}
		for _, m := range directive["Metrics"].([]any) {
			name := m.(map[string]any)["Name"].(string)
			if _, ok := line[name].(float64); !ok || seen[name] {
				t.Errorf("the metric %s is %v in its line, described twice: %v", name, line[name], seen[name])
			}
			seen[name] = true
		}
		if !seen["Requests"] || !seen["TotalMs"] {
			t.Errorf("the metrics are %v", seen)
		}
	}
}

// Outcomes that somebody has to look at stand out by their level, and the cause
// is told in the broker's own words.
func TestAudit_FailuresAreWarnings(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.atlas.Always(atlastest.StatusMessage(2, "a message of Atlas's\r\nERROR forged line"))
	b.plain(good)
	line := b.audit()
	if line["level"] != "WARN" || line["outcome"] != "AtlasFailed" || line["atlasStatus"] != 2.0 || !strings.Contains(line["cause"].(string), "status 2") {
		t.Errorf("%v", line)
	}
	if strings.Contains(b.log.String(), "forged") {
		t.Error("the log quotes Atlas")
	}
}

// A client written for Atlas sends these two. They are noted and go nowhere.
func TestAudit_CredentialHeadersAreDroppedAndNoted(t *testing.T) {
	t.Parallel()
	const theirs = "client-sent-MARKED-77aa"
	b := newBroker(t)
	r := b.http(sample(t, "http-api-jwt", headerSet("X-Atlas-Client-Secret", theirs), headerSet("x-atlas-client-id", theirs)))
	if r.StatusCode != 200 {
		t.Fatalf("HTTP %d: %s", r.StatusCode, r.Body)
	}
	if diff := cmp.Diff([]any{"x-atlas-client-id", "x-atlas-client-secret"}, b.audit()["droppedHeaders"]); diff != "" {
		t.Error(diff)
	}
	call := b.atlas.Requests()[0]
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

// What a refused request asked for is not in the log until it is known to be
// well-formed.
func TestAudit_UncheckedTextStaysOut(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b.http(sample(t, "http-api-jwt", body(`{"orderNo":"X1\n{\"msg\":\"request\"}","userName":"amelia@example.com","role":"forged-role"}`),
		set("/forged-path", "rawPath"), headerSet("x-forged", "forged-header")))
	b.http(sample(t, "http-api-jwt", body(`{"orderNo":"X1\n{\"msg\":\"request\"}","userName":"amelia@example.com","role":"forged-role"}`)))
	if log := b.log.String(); strings.Contains(log, "forged") || strings.Contains(log, "X1") || strings.Count(log, "\n") != 2 {
		t.Errorf("the log is %s", log)
	}
}

// The marked secret and the minted url go through every path, those that fail
// among them, and come out of the process in one place alone.
func TestOutput_NeverHoldsTheSecretOrTheURL(t *testing.T) {
	t.Parallel()
	const markedURL = "https://evil.example/MARKED-url-9b2e"
	scripts := map[string]atlastest.Step{
		"success": atlastest.OK(), "bad url": atlastest.BadURL(markedURL), "refused": atlastest.Unauthorized(),
		"message":  atlastest.StatusMessage(2, clientSecret+markedURL),
		"redirect": atlastest.Redirect(markedURL), "cut": atlastest.CutConnection(), "garbage": atlastest.Garbage(),
		"limited": atlastest.RateLimited(1, 429), "header": atlastest.WithHeader("Retry-After", clientSecret, atlastest.HTTPStatus(503)),
	}
	for name, step := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t, func(c *handler.Config) { c.Account.Secret.Pause = time.Millisecond })
			b.atlas.Always(step)
			r := b.http(sample(t, "http-api-jwt"))
			out, code, message := b.plain(good)
			var token struct{ URL string }
			if r.StatusCode == 200 {
				if err := unmarshal(r.Body, &token); err != nil || token.URL == "" {
					t.Fatal(err)
				}
			} else if name == "success" {
				t.Fatalf("HTTP %d", r.StatusCode)
			}
			outputs := map[string]string{"log": b.log.String(), "function error": code + message}
			if r.StatusCode != 200 {
				outputs["answer"], outputs["plain answer"] = r.Body+fmt.Sprint(r.Headers), string(out)
			}
			for where, text := range outputs {
				for what, marked := range map[string]string{"secret": clientSecret, "bad url": "MARKED", "minted url": token.URL} {
					if marked != "" && strings.Contains(text, marked) {
						t.Errorf("the %s is in the %s: %s", what, where, text)
					}
				}
			}
		})
	}
}

// An AWS error holds ARNs and account numbers; none of it leaves.
func TestOutput_NeverHoldsAnAWSError(t *testing.T) {
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
			t.Errorf("it is in %s", text)
		}
	}
}

func TestHandler_ServesSeveralAtOnce(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			order := fmt.Sprintf("X%d", i)
			out, code, _ := b.plain(request(quoted(order), `"amelia"`, `"Finance"`))
			if code != "OK" || len(out) == 0 {
				t.Errorf("%s: %s", order, code)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, line := range b.log.lines(t, "request") {
		seen[line["orderNo"].(string)] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d orders are in the audit lines, want 16", len(seen))
	}
}

// Whatever comes in, the process goes on and says what it is.
func TestEvent_OddOnesAreInvalidRequests(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for name, payload := range map[string]string{
		"nothing": "", "null": "null", "not JSON": "hello", "a number": "7", "a string": `"x"`, "an array": "[" + good + "]",
		"an empty object": "{}", "two objects": good + good, "invalid UTF-8": "\xff\xfe", "6 MB": `{"x":"` + strings.Repeat("a", 6<<20) + `"}`,
		"6 MB of brackets":   strings.Repeat("[", 6<<20),
		"an SQS event":       `{"Records":[{"body":` + quoted(good) + `}]}`,
		"a scheduled event":  `{"version":"0","id":"x","detail-type":"Scheduled Event","source":"aws.events","detail":` + good + `}`,
		"a websocket event":  `{"requestContext":{"routeKey":"$connect","connectionId":"x"}}`,
		"a version unknown":  `{"version":"3.0","requestContext":{"http":{"method":"POST"}}}`,
		"a member twice":     `{"version":"2.0","version":"2.0","requestContext":{"http":{"method":"POST"}}}`,
		"a type unexpected":  `{"version":2.0,"requestContext":{"http":{"method":"POST"}}}`,
		"a context as array": `{"version":"2.0","requestContext":[]}`,
	} {
		out, err := b.call("", []byte(payload))
		if code, message := functionError(t, err); code != "InvalidRequest" || out != nil {
			t.Errorf("%s: %s %q %q", name, code, message, out)
		} else if !strings.Contains(message, "strict JSON") && !strings.Contains(message, "no known shape") {
			t.Errorf("%s: %q does not say what is wrong", name, message)
		}
		if got := b.audit()["outcome"]; got != "InvalidRequest" {
			t.Errorf("%s: the audit line's outcome is %v", name, got)
		}
	}
	if _, code, _ := b.plain(good); code != "OK" {
		t.Errorf("after all that: %s", code)
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

// Without a Lambda context there is no door to tell and no id: a local run.
func TestInvoke_WorksOutsideLambda(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	if _, err := b.Invoke(context.Background(), []byte(good)); err != nil {
		t.Fatal(err)
	}
	if line := b.audit(); line["door"] != "unqualified" || line["requestId"] != nil {
		t.Errorf("%v", line)
	}
}

// What is wrong with an event is told by its kind.
func TestEvent_SaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	for payload, want := range map[string]string{
		"hello": "is not strict JSON", `{"role":"a","role":"b"}`: "is not strict JSON",
		`{"version":2}`: "a member has another type", `[]`: "a member has another type",
		`{"a":1}`: "has no known shape. Known are", `{"Details":{},"role":"a"}`: "the shapes of two callers",
	} {
		if _, _, message := b.plain(payload); !strings.Contains(message, want) {
			t.Errorf("%s: %q does not say %q", payload, message, want)
		}
	}
}

// The margin is kept for answering: with none left Atlas is not called.
func TestMargin_IsKeptOfTheDeadline(t *testing.T) {
	t.Parallel()
	b := newBroker(t, func(c *handler.Config) { c.Margin = time.Hour })
	if _, code, _ := b.plain(good); code == "OK" || len(b.atlas.Requests()) != 0 {
		t.Errorf("%s after %d calls", code, len(b.atlas.Requests()))
	}
}

// Without a logger of its own the handler uses the default one.
func TestNew_LogsToTheDefaultLogger(t *testing.T) {
	standard, log := slog.Default(), &logBuffer{}
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, nil)))
	defer slog.SetDefault(standard)
	b := newBroker(t, func(c *handler.Config) { c.Logger = nil })
	b.log = log
	if _, code, _ := b.plain(good); code != "OK" || b.audit()["outcome"] != "OK" {
		t.Errorf("%s %v", code, b.audit())
	}
}

// A line has the metrics of what happened in it, and no other.
func TestAudit_EachLineHasItsOwnMetrics(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	metrics := func() (names []string) {
		directive := b.audit()["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, m := range directive["Metrics"].([]any) {
			names = append(names, m.(map[string]any)["Name"].(string))
		}
		return names
	}
	for _, row := range []struct {
		event []byte
		want  []string
	}{
		{sample(t, "http-api-jwt"), []string{"Requests", "Succeeded", "TotalMs", "ColdStarts", "Policies", "SecretMs", "AtlasMs", "Attempts", "SecretAgeSeconds"}},
		{sample(t, "http-api-jwt"), []string{"Requests", "Succeeded", "TotalMs", "SecretMs", "AtlasMs", "Attempts", "SecretAgeSeconds"}},
		{sample(t, "http-api-jwt", body("{}")), []string{"Requests", "InvalidRequest", "TotalMs"}},
		{sample(t, "http-api-jwt", set("/", "rawPath")), []string{"Requests", "TotalMs"}},
	} {
		_, _ = b.call("api", row.event)
		if diff := cmp.Diff(row.want, metrics()); diff != "" {
			t.Error(diff)
		}
	}
}

// A refusal in one line, for those who take no problem document.
func TestFunctionError_IsOneLineOfEverything(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	const end = " (request c0ffee00-0000-4000-8000-000000000001)"
	for payload, want := range map[string]string{
		`{"orderNo":"","userName":"amelia","role":"Finance"}`: "The request is not valid: The body has faults; errors names each. /orderNo must not be empty." + end,
		`{"orderNo":"X1","userName":"amelia","role":"Finance","` + strings.Repeat("n", 65) + `":1}`: "The request is not valid: The body has faults; errors names each. " +
			"the request is not a member of the request; it takes orderNo, userName and role, spelled like that." + end,
	} {
		if _, _, message := b.plain(payload); message != want {
			t.Errorf("%q, want %q", message, want)
		}
	}
}

// A line holds what there is to tell, and nothing for what there is not.
func TestAudit_LinesHaveNoEmptyMembers(t *testing.T) {
	t.Parallel()
	errs := policyText(t, "errs.cedar", `@id("errs") permit(principal is Service, action, resource) when { context.none == 1 };
		@id("ok") permit(principal is Service, action, resource);`)
	always := "time level msg requestId coldStart caller door principal outcome ownMs Requests TotalMs function _aws"
	called := " userName role orderNo account secretVersion secretStage SecretMs AtlasMs Attempts SecretAgeSeconds"
	for name, row := range map[string]struct {
		broker *broker
		step   atlastest.Step
		event  string
		want   string
	}{
		"a success":          {newBroker(t), atlastest.OK(), good, called + " policies atlasStatus urlSha256 Succeeded"},
		"a policy that errs": {newBroker(t, withPolicy(errs)), atlastest.OK(), good, called + " policies policyErrors atlasStatus urlSha256 Succeeded"},
		"an invalid one":     {newBroker(t), atlastest.OK(), `{"role":"x"}`, " InvalidRequest"},
		"an HTTP failure":    {newBroker(t), atlastest.HTTPStatus(404), good, called + " policies cause atlasHttpStatus AtlasFailed"},
		"a denied one":       {newBroker(t, withPolicy(policyText(t, "no.cedar", `permit(principal is Operator, action, resource);`))), atlastest.OK(), good, " userName role orderNo account NotPermitted"},
	} {
		row.broker.plain(`{}`) // the cold start's line has more
		row.broker.atlas.Always(row.step)
		row.broker.plain(row.event)
		line := row.broker.audit()
		var got []string
		for key := range line {
			got = append(got, key)
		}
		slices.Sort(got)
		want := strings.Fields(always + row.want)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if status, ok := line["atlasHttpStatus"]; ok && status != 404.0 {
			t.Errorf("%s: atlasHttpStatus is %v", name, status)
		}
	}
}
