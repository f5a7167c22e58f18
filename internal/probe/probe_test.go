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

// answer is what a stand-in for API Gateway or Lambda sends back.
type answer struct {
	status      int
	contentType string
	body        string
}

var (
	unauthorized = answer{401, "application/json", `{"message":"Unauthorized"}`}
	forbidden    = answer{403, "application/json", `{"message":"Forbidden"}`}
	notPermitted = answer{200, "application/json", `{"errorType":"NotPermitted","errorMessage":"no"}`}
	link         = answer{200, "application/json", `{"url":"https://atrip.example.com/?token=5ecret","status":0,"msg":null}`}
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
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// newProbe returns a probe of an API that always answers api and a service door that answers an HTTP event with event
// and a plain request with plain.
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
		URL: serve(t, func(*http.Request, string) answer { return api }) + "/getAtripToken.do",
		Service: probe.Invoker{
			ARN: "arn:aws:lambda:eu-west-1:123456789012:function:broker:service",
			Config: aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(lambda),
				Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", "")},
		},
		Link: &probe.Link{OrderNo: "XPFIW20220209163159425", UserName: "probe@example.com", Role: "Customer service"},
	}
}

func TestAPIDoorIs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		api  answer
		want probe.Verdict
	}{
		"refused when the authorizer says 401":                  {unauthorized, probe.Refused},
		"refused when the gateway says 403":                     {forbidden, probe.Refused},
		"let in when a link comes back":                         {link, probe.LetIn},
		"let in when the function itself refuses":               {answer{403, "application/problem+json", `{"code":"NotPermitted"}`}, probe.LetIn},
		"let in when the function finds the body bad":           {answer{400, "application/problem+json", `{"code":"InvalidRequest"}`}, probe.LetIn},
		"let in when the function cannot reach Atlas":           {answer{503, "application/problem+json", `{"code":"AtlasUnavailable"}`}, probe.LetIn},
		"unclear when there is no such route":                   {answer{404, "application/json", `{"message":"Not Found"}`}, probe.Unclear},
		"unclear when throttled":                                {answer{429, "application/json", `{"message":"Too Many Requests"}`}, probe.Unclear},
		"unclear when the gateway fails":                        {answer{500, "application/json", `{"message":"Internal Server Error"}`}, probe.Unclear},
		"unclear when it leads elsewhere, where nobody follows": {answer{302, "text/html", ""}, probe.Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := newProbe(t, row.api, notPermitted, link).Run(t.Context())
			knocks := 0
			for _, knock := range report.Closed {
				if strings.HasPrefix(knock.Door, "API") {
					knocks++
					if knock.Verdict != row.want {
						t.Errorf("%s: %s (%s), want %s", knock.Door, knock.Verdict, knock.Answer, row.want)
					}
				}
			}
			if knocks != 4 {
				t.Errorf("%d knocks at the API, want 4", knocks)
			}
		})
	}
}

func TestServiceDoorIs(t *testing.T) {
	t.Parallel()
	denied := answer{403, "application/json", `{"message":"not authorized to perform: lambda:InvokeFunction"}`}
	for name, row := range map[string]struct {
		event, plain         answer
		wantForged, wantOpen probe.Verdict
	}{
		"closed to HTTP events and open to plain requests": {notPermitted, link, probe.Refused, probe.LetIn},
		"closed by a problem document":                     {answer{200, "", `{"statusCode":403,"body":"{\"code\":\"NotPermitted\"}"}`}, link, probe.Refused, probe.LetIn},
		"open to a forged event that gets a link":          {answer{200, "", `{"statusCode":200,"body":"{\"url\":\"https://x\"}"}`}, link, probe.LetIn, probe.LetIn},
		"unclear when the forged event fails otherwise":    {answer{200, "", `{"errorType":"SecretUnavailable"}`}, link, probe.Unclear, probe.LetIn},
		"shut when the plain request is refused":           {notPermitted, answer{200, "", `{"errorType":"AtlasRefused"}`}, probe.Refused, probe.Refused},
		"shut when there is no link in the reply":          {notPermitted, answer{200, "", `{"status":0}`}, probe.Refused, probe.Refused},
		"unclear when the probe itself may not invoke":     {denied, denied, probe.Unclear, probe.Unclear},
		"unclear when the reply is no JSON":                {answer{200, "", `null]`}, answer{200, "", `<html>`}, probe.Unclear, probe.Unclear},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := newProbe(t, unauthorized, row.event, row.plain).Run(t.Context())
			forged := report.Closed[len(report.Closed)-1]
			if forged.Verdict != row.wantForged {
				t.Errorf("%s: %s (%s), want %s", forged.Door, forged.Verdict, forged.Answer, row.wantForged)
			}
			if report.Open.Verdict != row.wantOpen {
				t.Errorf("%s: %s (%s), want %s", report.Open.Door, report.Open.Verdict, report.Open.Answer, row.wantOpen)
			}
		})
	}
}

func TestEveryKnockAtTheAPIForgesAnotherIdentity(t *testing.T) {
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
	}
	for _, want := range []string{"/", "Bearer/", "AWS4-HMAC-SHA256/", "/probe@example.com"} {
		if !kinds[want] {
			t.Errorf("no knock %q among %v", want, kinds)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	throttled := answer{429, "application/json", `{}`}
	for name, row := range map[string]struct {
		api, plain answer
		noLink     bool
		want       map[string]float64
	}{
		"all is well":                              {unauthorized, link, false, map[string]float64{"ClosedDoorsOpen": 0, "OpenDoorFailed": 0}},
		"every API door is open":                   {link, link, false, map[string]float64{"ClosedDoorsOpen": 4, "OpenDoorFailed": 0}},
		"a door that cannot be tried has no count": {throttled, link, false, map[string]float64{"OpenDoorFailed": 0}},
		"no link when asked":                       {unauthorized, notPermitted, false, map[string]float64{"ClosedDoorsOpen": 0, "OpenDoorFailed": 1}},
		"not asked for a link":                     {unauthorized, link, true, map[string]float64{"ClosedDoorsOpen": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProbe(t, row.api, notPermitted, row.plain)
			if row.noLink {
				p.Link = nil
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
