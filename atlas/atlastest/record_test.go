package atlastest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"atriptoken/atlas/atlastest"
	"atriptoken/internal/redact"
)

func TestRequestsTellsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.Status(7))
	request := newRequest(t, server, validBody, header("Accept-Encoding", "gzip"), header("User-Agent", "test"))
	request.URL.Path, request.URL.RawQuery = "/base/getAtripToken.do", "a=b"
	do(t, server, request)
	want := []atlastest.Recorded{{
		Method: "POST", Path: "/base/getAtripToken.do", RawQuery: "a=b", Proto: "HTTP/1.1", Host: strings.TrimPrefix(server.URL, "http://"),
		Header: http.Header{
			"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, "Content-Type": {"application/json"}, "Content-Length": {"85"},
			"User-Agent": {"test"}, "X-Atlas-Client-Id": {"example-client"},
			"X-Atlas-Client-Secret": {redact.New(atlastest.DefaultClientSecret).SHA256()},
		},
		Body: validBody, Connection: 1, Step: "Status(7)",
	}}
	if diff := cmp.Diff(want, server.Requests()); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestRecordedCallsAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	call(t, server, validBody)
	server.Requests()[0].Header.Set("Accept", "changed")
	if got := server.Requests()[0].Header.Get("Accept"); got != "application/json" {
		t.Errorf("a change of the result changed the record to %q", got)
	}
}

func TestCallsThatGet404Or405AreRecordedAndVisitsAreNot(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	visit(t, server.Client(), server.URL+"/portal?token=x")
	visit(t, server.Client(), server.URL+"/elsewhere")
	visit(t, server.Client(), server.URL+"/getAtripToken.do")
	calls := server.Requests()
	if len(calls) != 2 || calls[0].Path != "/elsewhere" || calls[1].Method != "GET" || calls[0].Step+calls[1].Step != "" {
		t.Errorf("recorded %+v", calls)
	}
}

func TestConnectionsAreNumberedAndReuseIsSeen(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*atlastest.Options{"HTTP/1.1": nil, "HTTP/2.0": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, o)
			call(t, server, validBody)
			call(t, server, validBody)
			server.Client().CloseIdleConnections()
			call(t, server, validBody)
			type seen struct {
				Connection int
				Reused     bool
			}
			var got []seen
			for _, c := range server.Requests() {
				got = append(got, seen{c.Connection, c.Reused})
			}
			if diff := cmp.Diff([]seen{{1, false}, {1, true}, {2, false}}, got); diff != "" {
				t.Errorf("connections (-want +got):\n%s", diff)
			}
			if server.Connections() != 2 {
				t.Errorf("Connections() = %d, want 2", server.Connections())
			}
		})
	}
}

func TestAConnectionCutAfterUseIsReplacedByTheTransport(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.OK(), atlastest.CutConnection())
	call(t, server, validBody)
	// Marked replayable, so that net/http sends it again by itself.
	call(t, server, validBody, func(r *http.Request) { r.Header["Idempotency-Key"] = nil })
	calls := server.Requests()
	if len(calls) != 3 || !calls[1].Reused || calls[2].Reused || calls[1].Step != "CutConnection()" {
		t.Errorf("recorded %+v", calls)
	}
}

func TestCloseClientConnectionsMakesTheNextCallOpenOne(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	call(t, server, validBody)
	server.CloseClientConnections()
	call(t, server, validBody, func(r *http.Request) { r.Header["Idempotency-Key"] = nil })
	if server.Connections() != 2 {
		t.Errorf("%d connections, want 2", server.Connections())
	}
}

func TestTheNewestCallsAreKept(t *testing.T) {
	t.Parallel()
	server, err := atlastest.New(&atlastest.Options{PublicURL: "http://127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	handler := server.Handler()
	const calls = 20_001
	request := newRequest(t, server, "")
	request.URL.Path = "/other"
	for i := range calls {
		request.URL.RawQuery = sprintf("n=%d", i)
		handler.ServeHTTP(discard{}, request)
	}
	got := server.Requests()
	if len(got) < 10_000 || len(got) > 20_000 || got[len(got)-1].RawQuery != sprintf("n=%d", calls-1) || got[len(got)-10_000].RawQuery != sprintf("n=%d", calls-10_000) {
		t.Errorf("%d calls kept, the last %q", len(got), got[len(got)-1].RawQuery)
	}
	if err := server.WaitRequests(context.Background(), calls); err != nil {
		t.Error(err)
	}
}

// discard is a ResponseWriter that forgets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
