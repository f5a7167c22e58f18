package probe_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"atriptoken/handler"
	"atriptoken/internal/probe"
)

// answer is what the simulated API Gateway or Lambda sends back.
type answer struct {
	status      int
	contentType string
	body        string
}

func gateway(status int, message string) answer {
	return answer{status, "application/json", `{"message":"` + message + `"}`}
}

func problem(status int, code string) answer {
	return answer{status, "application/problem+json", `{"code":"` + code + `"}`}
}

func returned(body string) answer { return answer{200, "application/json", body} }

var (
	unauthorized = gateway(401, "Unauthorized")
	notPermitted = returned(`{"errorType":"NotPermitted","errorMessage":"no"}`)
	link         = returned(`{"url":"https://atrip.example.com/?token=5ecret","status":0,"msg":null}`)
)

func serve(t *testing.T, reply func(*http.Request, string) answer) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a := reply(r, string(body))
		w.Header().Set("Content-Type", a.contentType)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newProbe returns a probe of an API that always answers api, and of an alias that answers an HTTP event with event and a
// plain request with plain.
func newProbe(t *testing.T, api, event, plain answer) *probe.Probe {
	t.Helper()
	lambda := serve(t, func(r *http.Request, body string) answer {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
			t.Errorf("the invocation is not signed for Lambda: %s", r.Header.Get("Authorization"))
		}
		if want := "/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:broker:service/invocations"; r.URL.Path != want {
			t.Errorf("invoked %s, want %s", r.URL.Path, want)
		}
		if strings.Contains(body, "requestContext") {
			return event
		}
		return plain
	})
	return &probe.Probe{
		URL:        serve(t, func(*http.Request, string) answer { return api }) + "/getAtripToken.do",
		ServiceARN: "arn:aws:lambda:eu-west-1:123456789012:function:broker:service",
		AWS: aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(lambda),
			Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", "")},
		Link: `{"orderNo":"XPFIW20220209163159425","userName":"probe@example.com","role":"Customer service"}`,
	}
}

func TestRun_API(t *testing.T) {
	t.Parallel()
	for rule, row := range map[string]struct {
		api  answer
		want probe.Verdict
	}{
		"401 of the authorizer is a refusal":       {unauthorized, probe.Refused},
		"403 of the gateway is a refusal":          {gateway(403, "Forbidden"), probe.Refused},
		"a link lets in":                           {link, probe.LetIn},
		"a refusal by the function lets in":        {problem(403, "NotPermitted"), probe.LetIn},
		"a bad body found by the function lets in": {problem(400, "InvalidRequest"), probe.LetIn},
		"a function without Atlas lets in":         {problem(503, "AtlasUnavailable"), probe.LetIn},
		"a missing route is unclear":               {gateway(404, "Not Found"), probe.Unclear},
		"a throttled request is unclear":           {gateway(429, "Too Many Requests"), probe.Unclear},
		"a failing gateway is unclear":             {gateway(500, "Internal Server Error"), probe.Unclear},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			report := newProbe(t, row.api, notPermitted, link).Run(t.Context())
			checks := 0
			for _, check := range report.Closed {
				if strings.HasPrefix(check.Name, "API") {
					checks++
					if check.Verdict != row.want {
						t.Errorf("%s: %s (%s), want %s", check.Name, check.Verdict, check.Answer, row.want)
					}
				}
			}
			if checks != 5 {
				t.Errorf("%d checks of the API, want 5", checks)
			}
		})
	}
}

func TestRun_Service(t *testing.T) {
	t.Parallel()
	denied := gateway(403, "not authorized to perform: lambda:InvokeFunction")
	for rule, row := range map[string]struct {
		event, plain         answer
		wantForged, wantOpen probe.Verdict
	}{
		"an error NotPermitted is a refusal": {notPermitted, link, probe.Refused, probe.LetIn},
		"a problem NotPermitted is a refusal": {returned(`{"statusCode":403,"body":"{\"code\":\"NotPermitted\"}"}`),
			link, probe.Refused, probe.LetIn},
		"a bad body for the forged event lets in": {returned(`{"errorType":"InvalidRequest"}`), link, probe.LetIn, probe.LetIn},
		"a link for the forged event lets in": {returned(`{"statusCode":200,"body":"{\"url\":\"https://x\"}"}`),
			link, probe.LetIn, probe.LetIn},
		"another error for the forged event is unclear": {returned(`{"errorType":"SecretUnavailable"}`), link, probe.Unclear, probe.LetIn},
		"an error for the plain request is a refusal":   {notPermitted, returned(`{"errorType":"AtlasRefused"}`), probe.Refused, probe.Refused},
		"a reply without a link is a refusal":           {notPermitted, returned(`{"status":0}`), probe.Refused, probe.Refused},
		"a probe that may not invoke finds out nothing": {denied, denied, probe.Unclear, probe.Unclear},
		"a reply that is no JSON is unclear":            {returned(`null]`), returned(`<html>`), probe.Unclear, probe.Unclear},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			report := newProbe(t, unauthorized, row.event, row.plain).Run(t.Context())
			forged := report.Closed[len(report.Closed)-1]
			if forged.Verdict != row.wantForged || report.Open.Verdict != row.wantOpen {
				t.Errorf("forged event: %s (%s), want %s; plain request: %s (%s), want %s",
					forged.Verdict, forged.Answer, row.wantForged, report.Open.Verdict, report.Open.Answer, row.wantOpen)
			}
		})
	}
}

func TestRun_Forgeries(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 8)
	p := newProbe(t, unauthorized, notPermitted, link)
	p.URL = serve(t, func(r *http.Request, _ string) answer { seen <- r.Header; return unauthorized })
	p.Run(t.Context())
	close(seen)
	kinds := map[string]bool{}
	for header := range seen {
		scheme, _, _ := strings.Cut(header.Get("Authorization"), " ")
		kinds[scheme+"/"+header.Get("X-Amzn-Oidc-Identity")] = true
		if header.Get("Content-Type") != "application/json" {
			t.Errorf("a forgery with %v: an open API would refuse its Content-Type", header)
		}
	}
	for _, want := range []string{"/", "Bearer/", "AWS4-HMAC-SHA256/", "/probe@example.com"} {
		if !kinds[want] {
			t.Errorf("no forgery %q among %v", want, kinds)
		}
	}
}

func TestRun_RedirectsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(r *http.Request, _ string) answer {
		t.Errorf("a redirect was followed, with Authorization %q", r.Header.Get("Authorization"))
		return unauthorized
	})
	redirect := httptest.NewServer(http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect))
	t.Cleanup(redirect.Close)
	p := newProbe(t, unauthorized, notPermitted, link)
	p.URL, p.AWS.BaseEndpoint = redirect.URL, &redirect.URL
	report := p.Run(t.Context())
	for _, check := range append(report.Closed, *report.Open) {
		if check.Verdict != probe.Unclear || !strings.Contains(check.Answer, "HTTP 307") {
			t.Errorf("%s: %s (%s), want unclear because of HTTP 307", check.Name, check.Verdict, check.Answer)
		}
	}
}

func TestWrite_Metrics(t *testing.T) {
	t.Parallel()
	throttled := gateway(429, "Too Many Requests")
	for rule, row := range map[string]struct {
		api, plain answer
		noLink     bool
		want       map[string]float64
	}{
		"nothing wrong":                      {unauthorized, link, false, map[string]float64{"ClosedDoorsOpen": 0, "OpenDoorFailed": 0}},
		"every request to the API is let in": {link, link, false, map[string]float64{"ClosedDoorsOpen": 5, "OpenDoorFailed": 0}},
		"an unknown count is left out":       {throttled, link, false, map[string]float64{"OpenDoorFailed": 0}},
		"no link":                            {unauthorized, notPermitted, false, map[string]float64{"ClosedDoorsOpen": 0, "OpenDoorFailed": 1}},
		"no link requested":                  {unauthorized, link, true, map[string]float64{"ClosedDoorsOpen": 0}},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			p := newProbe(t, row.api, notPermitted, row.plain)
			if row.noLink {
				p.Link = ""
			}
			var line bytes.Buffer
			if err := p.Run(t.Context()).Write(&line, "prober", time.Unix(1773342238, 0)); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(line.String(), "5ecret") {
				t.Errorf("the line holds the link: %s", &line)
			}
			var got map[string]any
			if err := json.Unmarshal(line.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			directive := got["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
			if directive["Namespace"] != handler.Namespace {
				t.Errorf("the namespace is %v, the broker's is %s", directive["Namespace"], handler.Namespace)
			}
			if _, ok := got["open"]; ok == row.noLink {
				t.Errorf("the line has the member open: %v, want %v", ok, !row.noLink)
			}
			described := directive["Metrics"].([]any)
			if len(described) != len(row.want) {
				t.Errorf("metrics %v, want %v", described, row.want)
			}
			for _, metric := range described {
				name := metric.(map[string]any)["Name"].(string)
				if want, ok := row.want[name]; !ok || got[name] != want {
					t.Errorf("%s is %v, want %v", name, got[name], row.want)
				}
			}
		})
	}
}
