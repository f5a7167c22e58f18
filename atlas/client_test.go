package atlas_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/internal/faultscript"
	"atriptoken/internal/redact"
)

var (
	credentials = atlas.Credentials{ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(atlastest.DefaultClientSecret)}
	request     = atlas.Request{OrderNo: "XPFIW20220209163159425", UserName: "amelia@example.com", Role: "Finance"}
)

// newClient returns a client that trusts the server's certificate, uses no proxy
// of the environment, and has the time that a busy machine needs.
func newClient(t testing.TB, base string, server *atlastest.Server) *atlas.Client {
	t.Helper()
	u, err := atlas.ParseBaseURL(base, false)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := atlas.ParseHosts(" atriptech.com , *.Atriptech.com,portal.example.com,*.below.example.com")
	if err != nil {
		t.Fatal(err)
	}
	client := &atlas.Client{BaseURL: u, PortalHosts: hosts, Transport: atlas.NewTransport()}
	client.Transport.Proxy, client.Transport.HTTP2, client.Transport.TLSHandshakeTimeout = nil, nil, time.Minute
	if server != nil && server.Certificate() != nil {
		client.Transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func start(t testing.TB, secure bool) (*atlastest.Server, *atlas.Client) {
	t.Helper()
	server := atlastest.NewServer(&atlastest.Options{TLS: secure, PublicURL: "https://www.atriptech.com"})
	t.Cleanup(server.Close)
	return server, newClient(t, server.URL, server)
}

func call(t testing.TB, client *atlas.Client) error {
	t.Helper()
	_, err := client.GetToken(t.Context(), credentials, request)
	return err
}

func TestClient_Request(t *testing.T) {
	t.Parallel()
	const body = `{"orderNo":"A\"<&>\\ü","userName":"Ana-María 张伟","role":"Customer service"}`
	for _, path := range []string{"", "/", "/agency", "/agency/"} {
		server, _ := start(t, false)
		client := newClient(t, server.URL+path, nil)
		reply, err := client.GetToken(t.Context(), credentials, atlas.Request{
			OrderNo: `A"<&>\ü`, UserName: "Ana-María 张伟", Role: "Customer service",
		})
		if err != nil || !strings.HasPrefix(reply.URL.Reveal(), "https://www.atriptech.com/") || reply.Status != 0 || reply.Msg != nil {
			t.Fatalf("base path %q: %+v, %v", path, reply, err)
		}
		got := server.Requests()[0]
		got.Header.Del("User-Agent")
		if diff := cmp.Diff(atlastest.Recorded{
			Method: "POST", Path: strings.TrimSuffix(path, "/") + "/getAtripToken.do", Proto: "HTTP/1.1", Body: body, Header: http.Header{
				"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Accept-Encoding": {"gzip"},
				"Content-Length": {fmt.Sprint(len(body))}, "X-Atlas-Client-Id": {atlastest.DefaultClientID},
				"X-Atlas-Client-Secret": {atlastest.DefaultClientSecret},
			},
		}, got); diff != "" {
			t.Errorf("base path %q: %s", path, diff)
		}
	}
	server, client := start(t, false)
	if _, err := client.GetToken(t.Context(), credentials, atlas.Request{UserName: "\xff"}); err == nil || len(server.Requests()) != 0 {
		t.Errorf("a name that is not UTF-8: %v", err)
	}
}

func TestClient_Msg(t *testing.T) {
	t.Parallel()
	server, client := start(t, false)
	text := func(s string) *string { return &s }
	for msg, want := range map[string]*string{
		`"status":0`:                         nil,
		`"status":0,"msg":null`:              nil,
		`"status":0,"msg":{"status":3}`:      nil,
		`"status":0,"msg":""`:                text(""),
		`"status":0,"msg":"unauthorized"`:    text("unauthorized"),
		`"status":0,"msg":"a\r\n{\"b\":1}"`:  text("a\r\n{\"b\":1}"),
		`"status":0.0,"msg":"a","unknown":1`: text("a"),
	} {
		server.Script(atlastest.JSON(`{"url":"https://www.atriptech.com/x",` + msg + `}`))
		reply, err := client.GetToken(t.Context(), credentials, request)
		if diff := cmp.Diff(want, reply.Msg); err != nil || diff != "" {
			t.Errorf("%s: %v %s", msg, err, diff)
		}
	}
}

type failure struct {
	kind       error
	status     int // -100: none
	http       int
	retryAfter time.Duration
	retryable  bool
}

const none = -100

// check compares an error with what it must be.
func (want failure) check(t *testing.T, err error) {
	t.Helper()
	var e *atlas.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want an *atlas.Error", err)
	}
	got := failure{e.Kind, none, e.HTTPStatus, e.RetryAfter, e.Retryable}
	if e.Status != nil {
		got.status = *e.Status
	}
	if got != want || !errors.Is(err, want.kind) {
		t.Errorf("got %v: %+v, want %+v", err, got, want)
	}
}

func TestClient_Classification(t *testing.T) {
	t.Parallel()
	malformed := failure{atlas.ErrMalformed, none, 200, 0, false}
	malformedOnce := failure{atlas.ErrMalformed, none, 200, 0, true}
	limited := func(status, http int, wait time.Duration) failure {
		return failure{atlas.ErrRateLimited, status, http, wait, true}
	}
	retryAfter := func(value string) atlastest.Step {
		return atlastest.WithHeader("Retry-After", value, atlastest.HTTPStatus(429))
	}
	limiterWithHeader := atlastest.WithHeader("Retry-After", "9", atlastest.RateLimited(7, 200))
	cut := failure{atlas.ErrMalformed, none, 0, 0, true}
	longHeader := atlastest.WithHeader("X-Long", strings.Repeat("a", 96<<10), atlastest.OK())
	oversizedLimiter := atlastest.JSON(`{"code":429,"message":"` + strings.Repeat("a", 64<<10) + `"}`)
	server, client := start(t, false)
	for name, row := range map[string]struct {
		step atlastest.Step
		want failure
	}{
		"a limiter's body can be too large":        {oversizedLimiter, malformed},
		"status 2 is worth a retry":                {atlastest.SystemError(), failure{atlas.ErrSystem, 2, 200, 0, true}},
		"status 9999 is worth a retry":             {atlastest.Status(9999), failure{atlas.ErrSystem, 9999, 200, 0, true}},
		"status -1 is worth a retry":               {atlastest.Status(-1), failure{atlas.ErrSystem, -1, 200, 0, true}},
		"status 100 is a failure":                  {atlastest.Status(100), failure{atlas.ErrSystem, 100, 200, 0, false}},
		"an unknown status is a failure":           {atlastest.Status(4711), failure{atlas.ErrSystem, 4711, 200, 0, false}},
		"the largest status is a failure":          {atlastest.Status(1<<31 - 1), failure{atlas.ErrSystem, 1<<31 - 1, 200, 0, false}},
		"status 3 is a refusal":                    {atlastest.Unauthorized(), failure{atlas.ErrRefused, 3, 200, 0, false}},
		"status 900 is a refusal":                  {atlastest.Status(900), failure{atlas.ErrRefused, 900, 200, 0, false}},
		"status 902 is a refusal":                  {atlastest.Status(902), failure{atlas.ErrRefused, 902, 200, 0, false}},
		"HTTP 401 is a refusal":                    {atlastest.HTTPStatus(401), failure{atlas.ErrRefused, none, 401, 0, false}},
		"HTTP 403 is a refusal":                    {atlastest.HTTPStatus(403), failure{atlas.ErrRefused, none, 403, 0, false}},
		"the limiter's body counts under HTTP 200": {atlastest.RateLimited(7, 200), limited(429, 200, 7*time.Second)},
		"the limiter's body counts under HTTP 429": {atlastest.RateLimited(1, 429), limited(429, 429, time.Second)},
		"the limiter's body counts under HTTP 503": {atlastest.RateLimited(2, 503), limited(429, 503, 2*time.Second)},
		"the limiter's body beats its header":      {limiterWithHeader, limited(429, 200, 7*time.Second)},
		"another code is no limiter's":             {atlastest.JSON(`{"code":430,"status":2}`), failure{atlas.ErrSystem, 2, 200, 0, true}},
		"the limiter's wait is at most 5 minutes":  {atlastest.RateLimited(301, 200), limited(429, 200, 5*time.Minute)},
		"a negative wait is unknown":               {atlastest.RateLimited(-3, 200), limited(429, 200, 0)},
		"half a second is a wait":                  {atlastest.JSON(`{"code":429,"retryAfter":0.5}`), limited(429, 200, time.Second/2)},
		"HTTP 429 has its wait in the header":      {retryAfter("9"), limited(none, 429, 9*time.Second)},
		"a Retry-After that is a date is unknown":  {retryAfter("Wed, 21 Oct 2026 07:28:00 GMT"), limited(none, 429, 0)},
		"a Retry-After that is NaN is unknown":     {retryAfter("NaN"), limited(none, 429, 0)},
		"an infinite Retry-After is 5 minutes":     {retryAfter("Inf"), limited(none, 429, 5*time.Minute)},
		"status 429 is the limiter's":              {atlastest.Status(429), limited(429, 200, 0)},
		"HTTP 500 is worth a retry":                {atlastest.HTTPStatus(500), failure{atlas.ErrSystem, none, 500, 0, true}},
		"HTTP 400 is a failure":                    {atlastest.HTTPStatus(400), failure{atlas.ErrSystem, none, 400, 0, false}},
		"HTTP 499 is a failure":                    {atlastest.HTTPStatus(499), failure{atlas.ErrSystem, none, 499, 0, false}},
		"HTTP 201 is a failure":                    {atlastest.HTTPStatus(201), failure{atlas.ErrSystem, none, 201, 0, false}},
		"a 307 is not followed":                    {atlastest.Redirect(server.URL), failure{atlas.ErrMalformed, none, 307, 0, false}},
		"a 300 is not followed":                    {atlastest.RedirectAs(300, server.URL), failure{atlas.ErrMalformed, none, 300, 0, false}},
		"an HTML page is malformed":                {atlastest.HTML(), malformedOnce},
		"null is malformed":                        {atlastest.JSON("null"), malformedOnce},
		"two documents are malformed":              {atlastest.JSON(`{"status":2}{}`), malformedOnce},
		"a status twice is malformed":              {atlastest.JSON(`{"url":"https://a.example","status":3,"status":0}`), malformedOnce},
		"a status in another case is malformed":    {atlastest.JSON(`{"url":"https://atriptech.com/","Status":0}`), malformedOnce},
		"a status that is text is malformed":       {atlastest.JSON(`{"url":"","status":"0"}`), malformedOnce},
		"a status that is not whole is malformed":  {atlastest.JSON(`{"url":"https://atriptech.com/","status":0.5}`), malformedOnce},
		"a status out of range is malformed":       {atlastest.JSON(`{"url":"https://atriptech.com/","status":2147483648}`), malformedOnce},
		"a status beyond numbers is malformed":     {atlastest.JSON(`{"status":1e999}`), malformedOnce},
		"success without a url is malformed":       {atlastest.JSON(`{"status":0,"msg":null}`), failure{atlas.ErrMalformed, 0, 200, 0, false}},
		"success with a null url is malformed":     {atlastest.JSON(`{"url":null,"status":0}`), failure{atlas.ErrMalformed, 0, 200, 0, false}},
		"64 KiB are read":                          {atlastest.Oversized(64 << 10), failure{atlas.ErrSystem, 2, 200, 0, true}},
		"a byte more is too large":                 {atlastest.Oversized(64<<10 + 1), malformed},
		"an endless reply is too large":            {atlastest.GzipBomb(1 << 50), malformed},
		"text sent as gzip is malformed":           {atlastest.NotGzip(), malformedOnce},
		"another encoding is malformed":            {atlastest.WithHeader("Content-Encoding", "br", atlastest.JSON(`{"status":2}`)), malformed},
		"a short body is cut":                      {atlastest.Truncated(), malformedOnce},
		"a reset in the body is a cut":             {atlastest.CutInBody(), malformedOnce},
		"a reset before the reply is a cut":        {atlastest.CutConnection(), cut},
		"a header that is too long is malformed":   {longHeader, cut},
	} {
		t.Run(name, func(t *testing.T) {
			// Two cuts: a cut on a connection that was open before is sent again.
			server.Script(row.step, row.step)
			err := call(t, client)
			server.Clear()
			row.want.check(t, err)
			detail := map[string]string{
				"success without a url is malformed": "without a url", "a reset in the body is a cut": "cut short",
				"a byte more is too large": "larger than 64 KiB", "a status that is text is malformed": "not a whole number",
			}[name]
			if !strings.Contains(err.Error(), detail) {
				t.Errorf("the error is %v, want one with %q", err, detail)
			}
		})
	}
}

func TestClient_CannotConnect(t *testing.T) {
	t.Parallel()
	plain, _ := start(t, false)
	secure, _ := start(t, true)
	closed, _ := start(t, false)
	closed.Close()
	for name, row := range map[string]struct {
		base, detail string
		retryable    bool
	}{
		"connection refused":      {closed.URL, "refused", true},
		"untrusted certificate":   {secure.URL, "certificate", false},
		"no TLS on the other end": {strings.Replace(plain.URL, "http:", "https:", 1), "TLS", true},
	} {
		client := newClient(t, row.base, nil)
		for act, err := range map[string]error{"Connect": client.Connect(t.Context()), "GetToken": call(t, client)} {
			var e *atlas.Error
			if !errors.As(err, &e) || e.Kind != atlas.ErrUnreachable || !strings.Contains(e.Detail, row.detail) || e.Retryable != row.retryable {
				t.Errorf("%s, %s: %v, want ErrUnreachable with %q and retryable %v", name, act, err, row.detail, row.retryable)
			}
		}
	}
	for detail, failed := range map[string]error{
		"does not exist in DNS": &net.DNSError{IsNotFound: true}, "cannot be resolved": &net.DNSError{}, "handshake failed": errors.New("other"),
	} {
		client := newClient(t, "https://atlas.example.com", nil)
		client.Transport.DialContext = failing(failed)
		if err := call(t, client); !errors.Is(err, atlas.ErrUnreachable) || !strings.Contains(err.Error(), detail) {
			t.Errorf("%q: the error is %v", detail, err)
		}
	}
}

func TestClient_Deadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := faultscript.NewPipes()
		server := atlastest.NewServer(&atlastest.Options{Listener: network})
		defer server.Close()
		for name, row := range map[string]struct {
			base  string
			dial  dial
			ahead bool
			step  atlastest.Step
			want  failure
		}{
			"no headers":            {"http://localhost", network.Dial, false, atlastest.Hang(), failure{atlas.ErrTimeout, none, 0, 0, true}},
			"no headers, connected": {"http://localhost", network.Dial, true, atlastest.Hang(), failure{atlas.ErrTimeout, none, 0, 0, true}},
			"no body":               {"http://localhost", network.Dial, false, atlastest.HangBody(), failure{atlas.ErrTimeout, none, 200, 0, true}},
			"no TLS handshake":      {"https://localhost", silent, false, nil, failure{atlas.ErrUnreachable, none, 0, 0, true}},
		} {
			client := newClient(t, row.base, nil)
			client.Transport.DialContext = row.dial
			if row.ahead {
				if err := client.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			server.Always(row.step)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			_, err := client.GetToken(ctx, credentials, request)
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v does not match DeadlineExceeded", name, err)
			}
			row.want.check(t, err)
		}
		// The clock was set back: the time is up, and the deadline is in the future.
		client := newClient(t, "http://localhost", nil)
		client.Transport.DialContext = network.Dial
		server.Always(atlastest.Hang())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(3*time.Second, cancel)
		_, err := client.GetToken(ctx, credentials, request)
		failure{atlas.ErrTimeout, none, 0, 0, true}.check(t, err)
	})
}

func TestError_NoUpstreamText(t *testing.T) {
	t.Parallel()
	const marked = "MARKED-41c7"
	server, client := start(t, false)
	mine := atlas.Credentials{ClientID: marked, ClientSecret: redact.New(marked)}
	for _, step := range []atlastest.Step{
		atlastest.StatusMessage(2, marked), atlastest.StatusMessage(3, marked), atlastest.HTTPReply(500, "text/html", marked),
		atlastest.BadURL("https://evil.example.com/?token=" + marked), atlastest.BadURL("https://atriptech.com:1/" + marked),
		atlastest.Redirect("https://" + marked + ".example.com/"), atlastest.JSON(`{"status":"` + marked + `"}`), atlastest.CutConnection(),
		atlastest.JSON(`{"` + marked + `":1,"` + marked + `":2}`), atlastest.WithHeader("Content-Encoding", marked, atlastest.JSON(`{}`)),
	} {
		server.Script(step)
		if _, err := client.GetToken(t.Context(), mine, request); err == nil || strings.Contains(err.Error(), marked) {
			t.Errorf("the error is %v", err)
		}
		server.Clear()
	}
}

func TestClient_CheckCredentials(t *testing.T) {
	t.Parallel()
	const accepted = "" // no error
	type script = []atlastest.Step
	link, failure := atlastest.BadURL("https://atriptech.com/"), atlastest.SystemError()
	refusal, limit := atlastest.Unauthorized(), atlastest.RateLimited(1, 200)
	for rule, row := range map[string]struct {
		secret string
		script script // nil: Atlas checks
		want   string // in the error
		calls  int
	}{
		"right credentials are accepted":                {"", nil, accepted, 2},
		"a wrong secret is refused":                     {"wrong", nil, "refuses access (status 3)", 1},
		"HTTP 403 is a refusal":                         {"", script{atlastest.HTTPStatus(403)}, "refuses access (HTTP 403)", 1},
		"a link for an empty order is no refusal":       {"", script{link, refusal}, accepted, 2},
		"a failure is acceptance if others are refused": {"", script{failure, refusal}, accepted, 2},
		"two failures show nothing":                     {"", script{failure, failure}, "same way: Atlas reports a failure", 2},
		"two links show nothing":                        {"", script{link, link}, "same way: Atlas reports success", 2},
		"the limiter shows nothing":                     {"", script{limit}, "limits the rate", 1},
		"the limiter at the second shows nothing":       {"", script{failure, limit}, "limits the rate", 2},
		"a proxy's page shows nothing":                  {"", script{atlastest.HTML()}, "cannot be used", 1},
		"HTTP 500 shows nothing":                        {"", script{atlastest.HTTPStatus(500)}, "HTTP 500", 1},
		"HTTP 500 at the second shows nothing":          {"", script{failure, atlastest.HTTPStatus(500)}, "HTTP 500", 2},
	} {
		server, client := start(t, false)
		server.Script(row.script...)
		pair := credentials
		if row.secret != "" {
			pair.ClientSecret = redact.New(row.secret)
		}
		err := client.CheckCredentials(t.Context(), pair)
		if (err == nil) != (row.want == accepted) || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", rule, err, row.want)
		}
		requests := server.Requests()
		if len(requests) != row.calls || requests[0].Body != `{"orderNo":"","userName":"","role":""}` {
			t.Errorf("%s: %d calls, want %d: %v", rule, len(requests), row.calls, requests)
		}
		if len(requests) == 2 && requests[1].Header.Get("X-Atlas-Client-Id") == atlastest.DefaultClientID {
			t.Errorf("%s: the second call used the real client id", rule)
		}
	}
}
