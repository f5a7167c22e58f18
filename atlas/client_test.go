package atlas_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/internal/redact"
)

var (
	credentials = atlas.Credentials{ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(atlastest.DefaultClientSecret)}
	request     = atlas.Request{OrderNo: "XPFIW20220209163159425", UserName: "amelia@example.com", Role: "Finance"}
)

func newClient(t *testing.T, base string) *atlas.Client {
	t.Helper()
	u, err := atlas.ParseBaseURL(base, false)
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := atlas.ParseHosts("atriptech.com,*.atriptech.com")
	if err != nil {
		t.Fatal(err)
	}
	return &atlas.Client{BaseURL: u, PortalHosts: hosts}
}

func newServer(t *testing.T, o *atlastest.Options) *atlastest.Server {
	t.Helper()
	server := atlastest.NewServer(o)
	t.Cleanup(server.Close)
	return server
}

// overTLS makes the client trust the simulator's certificate and no other.
func overTLS(t *testing.T, server *atlastest.Server) *atlas.Client {
	t.Helper()
	client := newClient(t, server.URL)
	client.Transport = atlas.NewTransport()
	client.Transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	// Options.PublicURL is the server's own; a TLS base URL allows only the
	// portal hosts, so the simulator's own is named as one.
	hosts, err := atlas.ParseHosts("portal.example.com")
	if err != nil {
		t.Fatal(err)
	}
	client.PortalHosts = hosts
	return client
}

func TestARequestIsSentAsAtlasDocumentsIt(t *testing.T) {
	t.Parallel()
	for name, base := range map[string]string{
		"base URL without a path":                "",
		"base URL with a trailing slash":         "/",
		"base URL with a path":                   "/agency",
		"base URL with a path and a final slash": "/agency/",
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, nil)
			reply, err := newClient(t, server.URL+base).GetToken(t.Context(), credentials, request)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(reply.URL.Reveal(), server.URL) || reply.Status != 0 {
				t.Errorf("the reply is not what the simulator minted")
			}
			got := server.Requests()[0]
			wantPath := strings.TrimSuffix(base, "/") + "/getAtripToken.do"
			if got.Method != "POST" || got.Path != wantPath || got.RawQuery != "" {
				t.Errorf("sent %s %s?%s, want POST %s", got.Method, got.Path, got.RawQuery, wantPath)
			}
			if want := `{"orderNo":"XPFIW20220209163159425","userName":"amelia@example.com","role":"Finance"}`; got.Body != want {
				t.Errorf("sent the body %s, want %s", got.Body, want)
			}
			for name, want := range map[string]string{
				"Accept": "application/json", "Content-Type": "application/json", "Accept-Encoding": "gzip",
				"X-Atlas-Client-Id": atlastest.DefaultClientID, "X-Atlas-Client-Secret": atlastest.DefaultClientSecret,
			} {
				if diff := cmp.Diff([]string{want}, got.Header.Values(name)); diff != "" {
					t.Errorf("header %s: (-want +got)\n%s", name, diff)
				}
			}
		})
	}
}

func TestARequestsTextReachesAtlasUnchanged(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	odd := atlas.Request{OrderNo: `A"<&>\ü`, UserName: "Ana-María 张伟", Role: "Customer service"}
	if _, err := newClient(t, server.URL).GetToken(t.Context(), credentials, odd); err != nil {
		t.Fatal(err)
	}
	if want := `{"orderNo":"A\"<&>\\ü","userName":"Ana-María 张伟","role":"Customer service"}`; server.Requests()[0].Body != want {
		t.Errorf("sent %s, want %s", server.Requests()[0].Body, want)
	}
}

func TestMsgIsPassedOnAndDecidesNothing(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	for name, row := range map[string]struct {
		body string
		want *string
	}{
		"null":        {`null`, nil},
		"absent":      {``, nil},
		"text":        {`"unauthorized access"`, ptr("unauthorized access")},
		"not a text":  {`{"status":3}`, nil},
		"empty":       {`""`, ptr("")},
		"other lines": {`"a\r\n{\"outcome\":\"OK\"}"`, ptr("a\r\n{\"outcome\":\"OK\"}")},
	} {
		msg := ""
		if row.body != "" {
			msg = `,"msg":` + row.body
		}
		server.Script(atlastest.HTTPReply(200, "application/json", `{"url":"https://www.atriptech.com/x","status":0`+msg+`}`))
		reply, err := newClient(t, server.URL).GetToken(t.Context(), credentials, request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(row.want, reply.Msg); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// Each reply, and the one kind of error that it is.
func TestEveryReplyIsClassified(t *testing.T) {
	t.Parallel()
	type want struct {
		kind       error
		status     *int
		http       int
		retryAfter time.Duration
		retryable  bool
	}
	type row struct {
		name string
		step atlastest.Step
		want
	}
	rows := []row{
		{"status 2 is a system error worth a retry", atlastest.SystemError(), want{atlas.ErrSystem, ptr(2), 200, 0, true}},
		{"status 9999 is a system error worth a retry", atlastest.Status(9999), want{atlas.ErrSystem, ptr(9999), 200, 0, true}},
		{"status -1 is a system error worth a retry", atlastest.Status(-1), want{atlas.ErrSystem, ptr(-1), 200, 0, true}},
		{"status 100, missing data, is a failure", atlastest.Status(100), want{atlas.ErrSystem, ptr(100), 200, 0, false}},
		{"status 901, illegal request, is a failure", atlastest.Status(901), want{atlas.ErrSystem, ptr(901), 200, 0, false}},
		{"a status nobody knows is a failure", atlastest.Status(4711), want{atlas.ErrSystem, ptr(4711), 200, 0, false}},
		{"status 3 is a refusal", atlastest.Unauthorized(), want{atlas.ErrRefused, ptr(3), 200, 0, false}},
		{"status 900 is a refusal", atlastest.Status(900), want{atlas.ErrRefused, ptr(900), 200, 0, false}},
		{"status 902 is a refusal", atlastest.Status(902), want{atlas.ErrRefused, ptr(902), 200, 0, false}},
		{"HTTP 401 is a refusal", atlastest.HTTPStatus(401), want{atlas.ErrRefused, nil, 401, 0, false}},
		{"HTTP 403 is a refusal", atlastest.HTTPStatus(403), want{atlas.ErrRefused, nil, 403, 0, false}},
		{"the limiter's body counts under HTTP 200", atlastest.RateLimited(7, 200), want{atlas.ErrRateLimited, ptr(429), 200, 7 * time.Second, true}},
		{"the limiter's body counts under HTTP 429", atlastest.RateLimited(1, 429), want{atlas.ErrRateLimited, ptr(429), 429, time.Second, true}},
		{"the limiter's body counts under HTTP 503", atlastest.RateLimited(2, 503), want{atlas.ErrRateLimited, ptr(429), 503, 2 * time.Second, true}},
		{"the limiter's wait is bounded", atlastest.RateLimited(1<<30, 200), want{atlas.ErrRateLimited, ptr(429), 200, 5 * time.Minute, true}},
		{"a negative wait is none", atlastest.RateLimited(-3, 200), want{atlas.ErrRateLimited, ptr(429), 200, 0, true}},
		{"HTTP 429 without a body has Retry-After", atlastest.WithHeader("Retry-After", "9", atlastest.HTTPStatus(429)), want{atlas.ErrRateLimited, nil, 429, 9 * time.Second, true}},
		{"a Retry-After that is a date is none", atlastest.WithHeader("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT", atlastest.HTTPStatus(429)), want{atlas.ErrRateLimited, nil, 429, 0, true}},
		{"status 429 is the limiter too", atlastest.Status(429), want{atlas.ErrRateLimited, ptr(429), 200, 0, true}},
		{"HTTP 500 is a failure worth a retry", atlastest.HTTPStatus(500), want{atlas.ErrSystem, nil, 500, 0, true}},
		{"HTTP 503 is a failure worth a retry", atlastest.HTTPStatus(503), want{atlas.ErrSystem, nil, 503, 0, true}},
		{"HTTP 404 is a failure", atlastest.HTTPStatus(404), want{atlas.ErrSystem, nil, 404, 0, false}},
		{"HTTP 204 is a failure", atlastest.HTTPReply(204, "", ""), want{atlas.ErrSystem, nil, 204, 0, false}},
		{"a redirect is not followed", atlastest.Redirect("https://elsewhere.example.com/"), want{atlas.ErrMalformed, nil, 307, 0, false}},
		{"a 301 is not followed", atlastest.RedirectAs(301, "https://elsewhere.example.com/"), want{atlas.ErrMalformed, nil, 301, 0, false}},
		{"an HTML page is not a reply", atlastest.HTML(), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"bytes that are no JSON are not a reply", atlastest.Garbage(), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"an empty body is not a reply", atlastest.HTTPReply(200, "application/json", ""), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"null is not a reply", atlastest.HTTPReply(200, "application/json", "null"), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"an array is not a reply", atlastest.HTTPReply(200, "application/json", "[]"), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"two documents are not a reply", atlastest.HTTPReply(200, "application/json", `{"status":2}{}`), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a status twice is not a reply", atlastest.HTTPReply(200, "application/json", `{"url":"https://atriptech.com/","status":3,"status":0}`), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a status in another case is none", atlastest.HTTPReply(200, "application/json", `{"url":"https://atriptech.com/","Status":0}`), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a status that is a string is none", atlastest.StatusString("0"), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a status that is not whole is none", atlastest.HTTPReply(200, "application/json", `{"url":"https://atriptech.com/","status":0.5}`), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a status out of range is none", atlastest.HTTPReply(200, "application/json", `{"url":"https://atriptech.com/","status":1e300}`), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"success without a url is none", atlastest.MissingURL(), want{atlas.ErrMalformed, ptr(0), 200, 0, false}},
		{"success with a null url is none", atlastest.HTTPReply(200, "application/json", `{"url":null,"status":0,"msg":null}`), want{atlas.ErrMalformed, ptr(0), 200, 0, false}},
		{"a reply over 64 KiB is too large", atlastest.Oversized(64<<10 + 1), want{atlas.ErrMalformed, nil, 200, 0, false}},
		{"a reply that unpacks to 1 GiB is too large", atlastest.GzipBomb(1 << 30), want{atlas.ErrMalformed, nil, 200, 0, false}},
		{"gzip that ends early is cut", atlastest.GzipTruncated(), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"what says gzip and is not cannot be read", atlastest.NotGzip(), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"an encoding nobody asked for is not read", atlastest.WithHeader("Content-Encoding", "br", atlastest.HTTPReply(200, "application/json", `{"status":2}`)), want{atlas.ErrMalformed, nil, 200, 0, false}},
		{"a body shorter than announced is cut", atlastest.Truncated(), want{atlas.ErrMalformed, nil, 200, 0, true}},
		{"a connection reset in the body is a cut reply", atlastest.CutInBody(), want{atlas.ErrMalformed, nil, 200, 0, true}},
	}
	for _, url := range []string{
		"", "/portal?token=x", "http://www.example.com/", "https://atriptech.com.example.com/", "https://evilatriptech.com/",
		"https://user@atriptech.com/", "https://atriptech.com:8443/", "https://atriptech.com./", "javascript:alert(1)",
		"https:\\\\atriptech.com/", "https://atriptech.com\\@example.com/", "https://example.com\\.atriptech.com/", "//atriptech.com/", " https://atriptech.com/",
		"https://atriptech.com/\n", "https://atriptech。com/", "https://[::1]/", "https://%61triptech.com.example.com/", "https:atriptech.com",
		"https://atriptech.com/" + strings.Repeat("a", 9000), "ftp://atriptech.com/", "https://", "https://*.atriptech.com/",
	} {
		rows = append(rows, row{"the url " + short(url) + " is not passed on", atlastest.BadURL(url), want{atlas.ErrMalformed, ptr(0), 200, 0, false}})
	}
	server := newServer(t, nil)
	client := newClient(t, server.URL)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			server.Script(row.step)
			_, err := client.GetToken(t.Context(), credentials, request)
			var e *atlas.Error
			if !errors.As(err, &e) {
				t.Fatalf("error is %v, want an *atlas.Error", err)
			}
			got := want{e.Kind, e.Status, e.HTTPStatus, e.RetryAfter, e.Retryable}
			if !errors.Is(err, row.kind) || diff(got.status, row.status) || got.http != row.http ||
				got.retryAfter != row.retryAfter || got.retryable != row.retryable {
				t.Errorf("got %v (status %v, HTTP %d, wait %v, retryable %v), want %v", err, got.status, got.http, got.retryAfter, got.retryable, row.kind)
			}
		})
	}
}

func diff(a, b *int) bool { return (a == nil) != (b == nil) || a != nil && *a != *b }

func short(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return "\"" + strings.NewReplacer("/", "∕", "\n", "␊").Replace(s) + "\""
}

func TestAURLOnAPortalHostIsPassedOnUnchanged(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	client := newClient(t, server.URL)
	for _, url := range []string{
		"https://atriptech.com/", "https://www.atriptech.com/portal?token=a%20b#/order", "https://a.b.atriptech.com:443/x",
		"HTTPS://ATRIPTECH.COM/x", server.URL + "/portal",
	} {
		server.Script(atlastest.BadURL(url))
		reply, err := client.GetToken(t.Context(), credentials, request)
		if err != nil || reply.URL.Reveal() != url {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestAnHTTPURLNeedsAnHTTPBaseURL(t *testing.T) {
	t.Parallel()
	const url = "http://www.atriptech.com/portal"
	for _, secure := range []bool{false, true} {
		server := newServer(t, &atlastest.Options{TLS: secure, PublicURL: "https://portal.example.com"})
		client := newClient(t, server.URL)
		if secure {
			client.Transport = atlas.NewTransport()
			client.Transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		}
		server.Script(atlastest.BadURL(url))
		if _, err := client.GetToken(t.Context(), credentials, request); errors.Is(err, atlas.ErrMalformed) != secure {
			t.Errorf("base URL https: %v, error: %v", secure, err)
		}
	}
}

func TestAFailedConnectionTellsWhere(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	plainServer := newServer(t, nil)
	tlsServer := newServer(t, &atlastest.Options{TLS: true})
	for name, row := range map[string]struct {
		base   string
		kind   error
		detail string
		retry  bool
	}{
		"nobody listens":            {closed, atlas.ErrUnreachable, "refused", true},
		"no such host":              {"https://atlas.invalid", atlas.ErrUnreachable, "DNS", true},
		"a certificate of nobody's": {tlsServer.URL, atlas.ErrUnreachable, "certificate", false},
		"no TLS on the other side":  {strings.Replace(plainServer.URL, "http:", "https:", 1), atlas.ErrUnreachable, "TLS", true},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, row.base)
			for _, act := range []func() error{
				func() error { return client.Connect(t.Context()) },
				func() error { _, err := client.GetToken(t.Context(), credentials, request); return err },
			} {
				err := act()
				var e *atlas.Error
				if row.base == closed && err == nil {
					t.Fatal("no error")
				}
				if strings.Contains(row.base, plainServer.URL[5:]) && err == nil {
					t.Fatal("no error")
				}
				if !errors.As(err, &e) || !errors.Is(err, row.kind) || !strings.Contains(e.Detail, row.detail) || e.Retryable != row.retry {
					t.Errorf("got %v (retryable %v), want %v with %q", err, e != nil && e.Retryable, row.kind, row.detail)
				}
			}
		})
	}
}

func TestACutConnectionIsAReplyThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]atlastest.Step{"before the reply": atlastest.CutConnection(), "in the headers": atlastest.CutInHeaders()} {
		server := newServer(t, nil)
		server.Script(step)
		_, err := newClient(t, server.URL).GetToken(t.Context(), credentials, request)
		var e *atlas.Error
		if !errors.As(err, &e) || !errors.Is(err, atlas.ErrMalformed) || !e.Retryable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADeadlineTellsWhetherThereWasAConnection(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	for name, step := range map[string]atlastest.Step{"no headers": atlastest.Hang(), "no body": atlastest.HangBody()} {
		server.Script(step)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := newClient(t, server.URL).GetToken(ctx, credentials, request)
		cancel()
		if !errors.Is(err, atlas.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want ErrTimeout", name, err)
		}
	}
	// A listener whose queue is never served: TCP connects, TLS never answers.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := newClient(t, "https://"+listener.Addr().String()).GetToken(ctx, credentials, request); !errors.Is(err, atlas.ErrUnreachable) {
		t.Errorf("no TLS handshake: %v, want ErrUnreachable", err)
	}
}

func TestNoErrorRepeatsTheSecretOrWhatAtlasSent(t *testing.T) {
	t.Parallel()
	const marked = "MARKED-41c7"
	server := newServer(t, nil)
	client := newClient(t, server.URL)
	mine := atlas.Credentials{ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(marked)}
	for _, step := range []atlastest.Step{
		atlastest.StatusMessage(2, marked), atlastest.StatusMessage(3, marked), atlastest.HTTPReply(500, "text/html", marked),
		atlastest.BadURL("https://evil.example.com/?token=" + marked), atlastest.BadURL("https://atriptech.com:1/" + marked), atlastest.Redirect("https://" + marked + ".example.com/"),
		atlastest.HTTPReply(200, "application/json", `{"status":"`+marked+`"}`), atlastest.HTTPReply(200, "application/json", `{"`+marked+`":1,"`+marked+`":2}`),
		atlastest.WithHeader("Content-Encoding", marked, atlastest.HTTPReply(200, "application/json", `{}`)),
	} {
		server.Script(step)
		_, err := client.GetToken(t.Context(), mine, request)
		if err == nil || strings.Contains(err.Error(), marked) {
			t.Errorf("the error is %v", err)
		}
	}
}

func TestAConnectionIsUsedAgain(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	client := newClient(t, server.URL)
	for range 5 {
		if _, err := client.GetToken(t.Context(), credentials, request); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.Connections(); n != 1 {
		t.Errorf("5 calls in a row took %d connections, want 1", n)
	}
}

func TestTheFirstCallUsesTheConnectionOpenedAhead(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]*atlastest.Server{
		"http":  newServer(t, nil),
		"https": newServer(t, &atlastest.Options{TLS: true, PublicURL: "https://portal.example.com"}),
	} {
		client := newClient(t, server.URL)
		if name == "https" {
			client = overTLS(t, server)
		}
		if err := client.Connect(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		if n := len(server.Requests()); n != 0 {
			t.Errorf("%s: connecting ahead sent %d requests, want none", name, n)
		}
		for range 3 {
			if _, err := client.GetToken(t.Context(), credentials, request); err != nil {
				t.Fatal(name, err)
			}
		}
		if n := server.Connections(); n != 1 {
			t.Errorf("%s: %d connections, want the one opened ahead", name, n)
		}
		if want := map[string]string{"http": "HTTP/1.1", "https": "HTTP/2.0"}[name]; server.Requests()[0].Proto != want {
			t.Errorf("%s: spoke %s, want %s", name, server.Requests()[0].Proto, want)
		}
	}
}

func TestADeadConnectionCostsAReplayNotAnError(t *testing.T) {
	t.Parallel()
	for _, ahead := range []bool{true, false} {
		for _, secure := range []bool{false, true} {
			server := newServer(t, &atlastest.Options{TLS: secure, PublicURL: map[bool]string{true: "https://portal.example.com"}[secure]})
			client := newClient(t, server.URL)
			if secure {
				client = overTLS(t, server)
			}
			if ahead {
				if err := client.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for range 20 {
				server.CloseClientConnections()
				if _, err := client.GetToken(t.Context(), credentials, request); err != nil {
					t.Errorf("ahead %v, TLS %v: %v", ahead, secure, err)
				}
			}
		}
	}
}

func TestCallsAtOnceShareAClient(t *testing.T) {
	t.Parallel()
	server := newServer(t, nil)
	client := newClient(t, server.URL)
	if err := client.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 64)
	for range cap(failed) {
		go func() {
			_, err := client.GetToken(context.Background(), credentials, request)
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	client.CloseIdleConnections()
	if _, err := client.GetToken(t.Context(), credentials, request); err != nil {
		t.Errorf("after the connections were closed: %v", err)
	}
}

func TestTheTransportNeedsTLS12AndResumesSessions(t *testing.T) {
	t.Parallel()
	transport := atlas.NewTransport()
	if c := transport.TLSClientConfig; c.MinVersion != tls.VersionTLS12 || c.ClientSessionCache == nil || c.InsecureSkipVerify {
		t.Error("the transport's TLS configuration is too weak")
	}
	var _ http.RoundTripper = transport
}
