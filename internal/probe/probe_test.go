package probe_test

import (
	"bytes"
	"cmp"
	"encoding/json"
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
	"atriptoken/internal/lambdatest"
	"atriptoken/internal/probe"
)

// answer returns what the simulated API Gateway or Lambda sends back.
func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func gateway(status int, message string) http.HandlerFunc {
	return answer(status, "application/json", `{"message":"`+message+`"}`)
}

func problem(status int, code string) http.HandlerFunc {
	return answer(status, "application/problem+json", `{"code":"`+code+`"}`)
}

func returned(body string) http.HandlerFunc { return answer(200, "application/json", body) }

var (
	unauthorized = gateway(401, "Unauthorized")
	notPermitted = returned(`{"errorType":"NotPermitted","errorMessage":"no"}`)
	badBody      = returned(`{"errorType":"InvalidRequest"}`)
	link         = returned(`{"url":"https://atrip.example.com/?token=5ecret","status":0,"msg":null}`)
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// newProbe returns a probe of an API that always answers api, and of a function that answers an HTTP event with event and a
// plain request with plain.
func newProbe(t *testing.T, api, event, plain http.HandlerFunc) *probe.Probe {
	t.Helper()
	const function = "arn:aws:lambda:eu-west-1:123456789012:function:broker:service"
	lambda := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
			t.Errorf("the invocation is not signed for Lambda: %s", r.Header.Get("Authorization"))
		}
		if want := "/2015-03-31/functions/" + function + "/invocations"; r.URL.Path != want {
			t.Errorf("invoked %s, want %s", r.URL.Path, want)
		}
		if body, _ := io.ReadAll(r.Body); bytes.Contains(body, []byte("requestContext")) {
			event(w, r)
			return
		}
		plain(w, r)
	})
	return &probe.Probe{
		URL: serve(t, api) + "/getAtripToken.do", FunctionARN: function,
		AWS: aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(lambda),
			Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", "")},
		Link: `{"orderNo":"XPFIW20220209163159425","userName":"probe@example.com","role":"Customer service"}`,
	}
}

func TestRun_API(t *testing.T) {
	t.Parallel()
	for rule, row := range map[string]struct {
		api  http.HandlerFunc
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
		checks := 0
		for _, check := range newProbe(t, row.api, notPermitted, link).Run(t.Context()).Closed {
			if strings.HasPrefix(check.Name, "API") {
				checks++
				if check.Verdict != row.want {
					t.Errorf("%s: %s: %s (%s), want %s", rule, check.Name, check.Verdict, check.Answer, row.want)
				}
			}
		}
		if checks != 5 {
			t.Errorf("%s: %d checks of the API, want 5", rule, checks)
		}
	}
}

func TestRun_Function(t *testing.T) {
	t.Parallel()
	denied := gateway(403, "not authorized to perform: lambda:InvokeFunction")
	for rule, row := range map[string]struct {
		event, plain         http.HandlerFunc
		version              bool // without an API, and no link is requested
		wantForged, wantOpen probe.Verdict
	}{
		"an error NotPermitted is a refusal": {notPermitted, link, false, probe.Refused, probe.LetIn},
		"a problem NotPermitted is a refusal": {returned(`{"statusCode":403,"body":"{\"code\":\"NotPermitted\"}"}`),
			link, false, probe.Refused, probe.LetIn},
		"a bad body for the forged event lets in": {badBody, link, false, probe.LetIn, probe.LetIn},
		"a link for the forged event lets in": {returned(`{"statusCode":200,"body":"{\"url\":\"https://x\"}"}`),
			link, false, probe.LetIn, probe.LetIn},
		"another error for the forged event is unclear": {returned(`{"errorType":"SecretUnavailable"}`), link, false, probe.Unclear, probe.LetIn},
		"a refusal of the plain request":                {notPermitted, notPermitted, false, probe.Refused, probe.Refused},
		"a bad body is no link":                         {notPermitted, badBody, false, probe.Refused, probe.Unclear},
		"a reply without a link is unclear":             {notPermitted, returned(`{"status":0}`), false, probe.Refused, probe.Unclear},
		"a probe that may not invoke finds out nothing": {denied, denied, false, probe.Unclear, probe.Unclear},
		"a reply that is no JSON is unclear":            {returned(`null]`), returned(`<html>`), false, probe.Unclear, probe.Unclear},
		"a version that looks at the body lets in":      {notPermitted, badBody, true, probe.Refused, probe.LetIn},
		"a version that makes a link from nothing":      {notPermitted, link, true, probe.Refused, probe.Unclear},
		"a version that does not start": {notPermitted, returned(`{"errorType":"Runtime.ExitError"}`), true,
			probe.Refused, probe.Unclear},
	} {
		p := newProbe(t, unauthorized, row.event, row.plain)
		if row.version {
			p.URL, p.Link = "", ""
		}
		report := p.Run(t.Context())
		forged, open := report.Closed[len(report.Closed)-1], report.Open[0]
		if forged.Verdict != row.wantForged || open.Verdict != row.wantOpen {
			t.Errorf("%s: forged event: %s (%s), want %s; plain request: %s (%s), want %s",
				rule, forged.Verdict, forged.Answer, row.wantForged, open.Verdict, open.Answer, row.wantOpen)
		}
		if want := row.wantForged == probe.Refused && row.wantOpen == probe.LetIn; report.Passed() != want {
			t.Errorf("%s: the report passed: %v, want %v", rule, !want, want)
		}
	}
}

// TestRun_RealFunction sends the forged events to the built function, whose alias for services is closed to them, and
// through the alias api, which is open: a probe that cannot tell the two is of no use.
func TestRun_RealFunction(t *testing.T) {
	t.Parallel()
	function := lambdatest.NewBroker(t, lambdatest.Bootstrap(t), nil, nil)
	function.Start(t)
	for alias, want := range map[string]probe.Verdict{"service": probe.Refused, "": probe.Refused, "api": probe.LetIn} {
		p := newProbe(t, unauthorized, notPermitted, link)
		p.Link = ""
		lambda := serve(t, func(w http.ResponseWriter, r *http.Request) {
			event, _ := io.ReadAll(r.Body)
			_, _ = w.Write(function.Call(t, alias, event).Payload)
		})
		p.AWS.BaseEndpoint = &lambda
		for _, check := range p.Run(t.Context()).Closed {
			if strings.HasPrefix(check.Name, "service") && check.Verdict != want {
				t.Errorf("through the alias %q: %s: %s (%s), want %s", alias, check.Name, check.Verdict, check.Answer, want)
			}
		}
	}
	if n := len(function.Atlas.Requests()); n != 0 {
		t.Errorf("Atlas was called %d times, want 0: a forged event must not make a link", n)
	}
}

func TestRun_Forgeries(t *testing.T) {
	t.Parallel()
	seen := make(chan string, 5)
	api := func(w http.ResponseWriter, r *http.Request) {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		seen <- r.Header.Get("Content-Type") + " " + scheme + r.Header.Get("X-Amzn-Oidc-Identity")
		unauthorized(w, r)
	}
	newProbe(t, api, notPermitted, link).Run(t.Context())
	close(seen)
	count := map[string]int{}
	for kind := range seen {
		count[kind]++
	}
	// An open API would refuse another Content-Type.
	want := map[string]int{"application/json ": 1, "application/json Bearer": 2, "application/json AWS4-HMAC-SHA256": 1,
		"application/json probe@example.com": 1}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("the API received %v, want %v", count, want)
	}
}

func TestRun_RedirectsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed, with Authorization %q", r.Header.Get("Authorization"))
	})
	redirect := http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect).ServeHTTP
	report := newProbe(t, redirect, redirect, redirect).Run(t.Context())
	for _, check := range append(report.Closed, report.Open...) {
		if check.Verdict != probe.Unclear || !strings.Contains(check.Answer, "HTTP 307") {
			t.Errorf("%s: %s (%s), want unclear because of HTTP 307", check.Name, check.Verdict, check.Answer)
		}
	}
}

// TestRun_Operator goes through the API as a permitted caller: signed, or with a token of the identity provider.
func TestRun_Operator(t *testing.T) {
	t.Parallel()
	reached, token := problem(400, "InvalidRequest"), returned(`{"access_token":"t0ken","token_type":"Bearer"}`)
	const aSecret = "arn:aws:secretsmanager:example"
	for rule, row := range map[string]struct {
		operator, tokenURL string
		idp, api           http.HandlerFunc
		want               probe.Verdict
		answer             string
	}{
		"a signed request that reaches the function": {probe.OperatorIAM, "", nil, reached, probe.LetIn, "HTTP 400"},
		"a signature that may not call":              {probe.OperatorIAM, "", nil, gateway(403, "Forbidden"), probe.Refused, "HTTP 403"},
		"a function that may not be invoked":         {probe.OperatorIAM, "", nil, gateway(500, "Error"), probe.Unclear, "HTTP 500"},
		"another server":                             {probe.OperatorIAM, "", nil, answer(200, "text/html", "<p>"), probe.Unclear, "HTTP 200"},
		"a token that reaches the function":          {aSecret, "", token, reached, probe.LetIn, "HTTP 400"},
		"a token that the gateway refuses":           {aSecret, "", token, unauthorized, probe.Refused, "HTTP 401"},
		"an identity provider that refuses": {aSecret, "", answer(401, "application/json", `{"error":"5ecret"}`), reached,
			probe.Unclear, "gives the probe no token"},
		"a token URL without TLS": {aSecret, "http://idp.example.com", nil, reached, probe.Unclear, "is not {"},
	} {
		idp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, key, _ := r.BasicAuth()
			asked := fmt.Sprint(id, key, r.FormValue("grant_type"), r.FormValue("scope"), r.FormValue("audience"))
			if row.want != probe.Unclear && asked != "prober5ecretclient_credentialsopenbroker" {
				t.Errorf("%s: the identity provider was asked for %s", rule, asked)
			}
			row.idp(w, r)
		}))
		t.Cleanup(idp.Close)
		secret := fmt.Sprintf(`{"tokenUrl":%q,"clientId":"prober","clientSecret":"5ecret","scope":"open","audience":"broker"}`,
			cmp.Or(row.tokenURL, idp.URL))
		api := func(w http.ResponseWriter, r *http.Request) {
			authorization := r.Header.Get("Authorization")
			if strings.Contains(authorization, "/eu-west-1/execute-api/aws4_request") || authorization == "Bearer t0ken" {
				row.api(w, r)
				return
			}
			unauthorized(w, r)
		}
		p := newProbe(t, api, notPermitted, link)
		aws := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue" {
				_, _ = fmt.Fprintf(w, `{"SecretString":%q}`, secret)
				return
			}
			notPermitted(w, r)
		})
		p.AWS.BaseEndpoint, p.Link, p.Operator, p.HTTP = &aws, "", row.operator, *idp.Client()
		got := p.Run(t.Context()).Open[0]
		if got.Verdict != row.want || !strings.Contains(got.Answer, row.answer) || strings.Contains(got.Answer, "5ecret") {
			t.Errorf("%s: %s (%s), want %s (%s)", rule, got.Verdict, got.Answer, row.want, row.answer)
		}
	}
}

func TestWrite_Metrics(t *testing.T) {
	t.Parallel()
	throttled := gateway(429, "Too Many Requests")
	halfOpen := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			link(w, r)
			return
		}
		throttled(w, r)
	}
	for rule, row := range map[string]struct {
		api, plain http.HandlerFunc
		noLink     bool
		want       string
	}{
		"nothing wrong":                      {unauthorized, link, false, `"ClosedDoorsOpen":0,"OpenDoorFailed":0`},
		"every request to the API is let in": {link, link, false, `"ClosedDoorsOpen":5,"OpenDoorFailed":0`},
		"an unknown count is left out":       {throttled, link, false, `"OpenDoorFailed":0`},
		"some are let in, others unclear":    {halfOpen, link, false, `"ClosedDoorsOpen":2,"OpenDoorFailed":0`},
		"no link":                            {unauthorized, notPermitted, false, `"ClosedDoorsOpen":0,"OpenDoorFailed":1`},
		"no link requested":                  {unauthorized, link, true, `"ClosedDoorsOpen":0`},
	} {
		p := newProbe(t, row.api, notPermitted, row.plain)
		if row.noLink {
			p.Link = ""
		}
		var line bytes.Buffer
		if err := p.Run(t.Context()).Write(&line, "prober", time.Unix(1773342238, 0)); err != nil {
			t.Fatal(err)
		}
		row.want += `,"ProbeRefused":5,"ProbeRun":1`
		metrics, members := map[string]any{}, map[string]any{}
		_ = json.Unmarshal(line.Bytes(), &members)
		for name := range strings.FieldsSeq("ClosedDoorsOpen OpenDoorFailed ProbeRefused ProbeRun") {
			if strings.Contains(line.String(), `{"Name":"`+name+`","Unit":"Count"}`) {
				metrics[name] = members[name]
			}
		}
		if got, _ := json.Marshal(metrics); string(got) != "{"+row.want+"}" {
			t.Errorf("%s: the metrics are %s, want {%s}", rule, got, row.want)
		}
		if _, ok := members["open"]; ok == row.noLink || strings.Contains(line.String(), "5ecret") {
			t.Errorf("%s: without the member open: %v, or with the link: %s", rule, row.noLink, &line)
		}
	}
	if probe.Namespace != handler.Namespace {
		t.Errorf("the namespace is %s, want the broker's", probe.Namespace)
	}
}
