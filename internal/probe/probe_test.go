package probe_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.contentType)
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
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
		reply(r, string(body)).write(w)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newProbe returns a probe of an API that always answers api, and of a function that answers an HTTP event with event and a
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
		URL:         serve(t, func(*http.Request, string) answer { return api }) + "/getAtripToken.do",
		FunctionARN: "arn:aws:lambda:eu-west-1:123456789012:function:broker:service",
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

func TestRun_Function(t *testing.T) {
	t.Parallel()
	denied := gateway(403, "not authorized to perform: lambda:InvokeFunction")
	badBody := returned(`{"errorType":"InvalidRequest"}`)
	for rule, row := range map[string]struct {
		event, plain         answer
		noLink               bool // a version, of which no link is requested
		wantForged, wantOpen probe.Verdict
	}{
		"an error NotPermitted is a refusal": {notPermitted, link, false, probe.Refused, probe.LetIn},
		"a problem NotPermitted is a refusal": {returned(`{"statusCode":403,"body":"{\"code\":\"NotPermitted\"}"}`),
			link, false, probe.Refused, probe.LetIn},
		"a bad body for the forged event lets in": {badBody, link, false, probe.LetIn, probe.LetIn},
		"a link for the forged event lets in": {returned(`{"statusCode":200,"body":"{\"url\":\"https://x\"}"}`),
			link, false, probe.LetIn, probe.LetIn},
		"another error for the forged event is unclear": {returned(`{"errorType":"SecretUnavailable"}`), link, false, probe.Unclear, probe.LetIn},
		"an error for the plain request is a refusal":   {notPermitted, badBody, false, probe.Refused, probe.Refused},
		"a reply without a link is a refusal":           {notPermitted, returned(`{"status":0}`), false, probe.Refused, probe.Refused},
		"a probe that may not invoke finds out nothing": {denied, denied, false, probe.Unclear, probe.Unclear},
		"a reply that is no JSON is unclear":            {returned(`null]`), returned(`<html>`), false, probe.Unclear, probe.Unclear},
		"a version that looks at the body lets in":      {notPermitted, badBody, true, probe.Refused, probe.LetIn},
		"a version that does not start is refused": {notPermitted, returned(`{"errorType":"Runtime.ExitError"}`), true,
			probe.Refused, probe.Refused},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			p := newProbe(t, unauthorized, row.event, row.plain)
			if row.noLink {
				p.URL, p.Link = "", ""
			}
			report := p.Run(t.Context())
			forged, open := report.Closed[len(report.Closed)-1], report.Open[0]
			if forged.Verdict != row.wantForged || open.Verdict != row.wantOpen {
				t.Errorf("forged event: %s (%s), want %s; plain request: %s (%s), want %s",
					forged.Verdict, forged.Answer, row.wantForged, open.Verdict, open.Answer, row.wantOpen)
			}
			if want := row.wantForged == probe.Refused && row.wantOpen == probe.LetIn; report.Passed() != want {
				t.Errorf("the report passed: %v, want %v", !want, want)
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
	for _, check := range append(report.Closed, report.Open...) {
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
		want       string
	}{
		"nothing wrong":                      {unauthorized, link, false, "ClosedDoorsOpen:0 OpenDoorFailed:0"},
		"every request to the API is let in": {link, link, false, "ClosedDoorsOpen:5 OpenDoorFailed:0"},
		"an unknown count is left out":       {throttled, link, false, "OpenDoorFailed:0"},
		"no link":                            {unauthorized, notPermitted, false, "ClosedDoorsOpen:0 OpenDoorFailed:1"},
		"no link requested":                  {unauthorized, link, true, "ClosedDoorsOpen:0"},
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
			members := map[string]any{}
			var emf struct {
				AWS struct {
					CloudWatchMetrics []struct {
						Namespace string
						Metrics   []struct{ Name string }
					}
				} `json:"_aws"`
			}
			if err := errors.Join(json.Unmarshal(line.Bytes(), &members), json.Unmarshal(line.Bytes(), &emf)); err != nil {
				t.Fatal(err)
			}
			directive, got := emf.AWS.CloudWatchMetrics[0], map[string]any{}
			for _, metric := range directive.Metrics {
				got[metric.Name] = members[metric.Name]
			}
			if directive.Namespace != handler.Namespace || fmt.Sprint(got) != "map["+row.want+" ProbeRefused:5 ProbeRun:1]" {
				t.Errorf("got %v in the namespace %s, want %v in %s", got, directive.Namespace, row.want, handler.Namespace)
			}
			if _, ok := members["open"]; ok == row.noLink {
				t.Errorf("the line has the member open: %v, want %v", ok, !row.noLink)
			}
		})
	}
}

// TestRun_Operator goes through the API as a permitted caller: signed, or with a token of the identity provider.
func TestRun_Operator(t *testing.T) {
	t.Parallel()
	badBody, token := problem(400, "InvalidRequest"), returned(`{"access_token":"t0ken","token_type":"Bearer"}`)
	const aSecret = "arn:aws:secretsmanager:example"
	const client = `","clientId":"prober","clientSecret":"5ecret","scope":"open","audience":"broker"}`
	for rule, row := range map[string]struct {
		operator, tokenURL string
		idp, api           answer
		want               probe.Verdict
	}{
		"a signed request that reaches the function": {probe.OperatorIAM, "", answer{}, badBody, probe.LetIn},
		"a signature that may not call":              {probe.OperatorIAM, "", answer{}, gateway(403, "Forbidden"), probe.Refused},
		"a function that may not be invoked":         {probe.OperatorIAM, "", answer{}, gateway(500, "Internal Server Error"), probe.Unclear},
		"a throttled API":                            {probe.OperatorIAM, "", answer{}, gateway(429, "Too Many Requests"), probe.Unclear},
		"another server":                             {probe.OperatorIAM, "", answer{}, answer{200, "text/html", "<p>"}, probe.Unclear},
		"a token that reaches the function":          {aSecret, "", token, badBody, probe.LetIn},
		"a token that the gateway refuses":           {aSecret, "", token, unauthorized, probe.Refused},
		"an identity provider that refuses": {aSecret, "", answer{401, "application/json", `{"error":"5ecret"}`}, badBody,
			probe.Unclear},
		"a token URL without TLS": {aSecret, "http://idp.example.com", answer{}, badBody, probe.Unclear},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			idp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				id, key, _ := r.BasicAuth()
				asked := fmt.Sprint(id, key, r.FormValue("grant_type"), r.FormValue("scope"), r.FormValue("audience"))
				if row.idp.status == 200 && asked != "prober5ecretclient_credentialsopenbroker" {
					t.Errorf("the identity provider was asked for %s", asked)
				}
				row.idp.write(w)
			}))
			t.Cleanup(idp.Close)
			p := newProbe(t, unauthorized, notPermitted, link)
			aws := serve(t, func(r *http.Request, _ string) answer {
				if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
					return notPermitted
				}
				return returned(fmt.Sprintf(`{"SecretString":%q}`, `{"tokenUrl":"`+cmp.Or(row.tokenURL, idp.URL)+client))
			})
			p.AWS.BaseEndpoint, p.Link, p.Operator, p.HTTP = &aws, "", row.operator, *idp.Client()
			p.URL = serve(t, func(r *http.Request, _ string) answer {
				authorization := r.Header.Get("Authorization")
				if strings.Contains(authorization, "/eu-west-1/execute-api/aws4_request") || authorization == "Bearer t0ken" {
					return row.api
				}
				return unauthorized
			})
			report := p.Run(t.Context())
			rejected := strings.Contains(report.Open[0].Answer, "is not {")
			if got := report.Open[0]; got.Verdict != row.want || rejected != (row.tokenURL != "") || strings.Contains(got.Answer, "5ecret") {
				t.Errorf("%s (%s), want %s", got.Verdict, got.Answer, row.want)
			}
		})
	}
}
