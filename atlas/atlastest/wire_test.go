package atlastest_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
)

func TestBrokenRepliesBreakWhereTheySay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step atlastest.Step
		http error // of Do, over HTTP/1.1
		body error // of reading the body, when Do went well; both nil: any error will do
	}{
		"cut before the headers": {step: atlastest.CutConnection(), http: syscall.ECONNRESET},
		"cut in the headers":     {step: atlastest.CutInHeaders()},
		"cut in the body":        {step: atlastest.CutInBody()},
		"truncated":              {step: atlastest.Truncated(), body: io.ErrUnexpectedEOF},
		"gzip truncated":         {step: atlastest.GzipTruncated(), body: io.ErrUnexpectedEOF},
		"gzip that is none":      {step: atlastest.NotGzip(), body: gzip.ErrHeader},
	} {
		for protocol, o := range map[string]*atlastest.Options{"HTTP/1.1": nil, "HTTP/2.0": {TLS: true}} {
			t.Run(name+" over "+protocol, func(t *testing.T) {
				t.Parallel()
				server := start(t, o)
				server.Script(test.step)
				answer, err := server.Client().Do(newRequest(t, server, validBody))
				if err == nil {
					defer answer.Body.Close()
					_, err = io.ReadAll(answer.Body)
					if err != nil && o == nil && test.http != nil {
						t.Errorf("the headers arrived, want %v", test.http)
					}
				}
				want := test.http
				if want == nil {
					want = test.body
				}
				if err == nil || o == nil && want != nil && !errors.Is(err, want) {
					t.Errorf("error %v, want %v", err, want)
				}
				if got := *call(t, server, validBody).Status; got != 0 {
					t.Errorf("the next call: status %d, want 0", got)
				}
			})
		}
	}
}

func TestTruncatedIsShortOfItsContentLength(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.Truncated())
	answer, err := server.Client().Do(newRequest(t, server, validBody))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	if answer.Uncompressed || answer.ContentLength != 2*int64(len(body)) || !strings.HasPrefix(string(body), `{"url":`) {
		t.Errorf("Content-Length %d, body %q, gzip %v; want a plain body of half the length", answer.ContentLength, body, answer.Uncompressed)
	}
}

func TestBigRepliesHaveTheirSize(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step atlastest.Step
		gzip bool
		size int
	}{
		"oversized":       {atlastest.Oversized(100_000), false, 100_000},
		"oversized small": {atlastest.Oversized(1), false, 64},
		"gzip bomb":       {atlastest.GzipBomb(10_000_000), true, 10_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, nil)
			server.Script(test.step)
			answer, body := do(t, server, newRequest(t, server, validBody))
			if len(body) != test.size || answer.Uncompressed != test.gzip || !json.Valid([]byte(body)) {
				t.Errorf("%d bytes, gzip %v, JSON %v; want %d, %v and JSON", len(body), answer.Uncompressed, json.Valid([]byte(body)), test.size, test.gzip)
			}
		})
	}
}

func TestAGzipBombStopsWhenItsReaderDoes(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.GzipBomb(1 << 50))
	answer, err := server.Client().Do(newRequest(t, server, validBody))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, answer.Body, 1<<20); err != nil {
		t.Error(err)
	}
	answer.Body.Close()
	server.Close() // returns only when the call has ended
}

func TestHoldAnswersWhenReleased(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	release := make(chan struct{})
	server.Script(atlastest.Hold(release, atlastest.SystemError()))
	got := make(chan string, 1)
	request := newRequest(t, server, validBody)
	go func() {
		answer, err := server.Client().Do(request)
		if err != nil {
			got <- err.Error()
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		got <- string(body)
	}()
	if err := server.WaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	select {
	case body := <-got:
		t.Fatalf("answered before the release: %s", body)
	default:
	}
	close(release)
	if body := <-got; !strings.Contains(body, `"status":2`) {
		t.Errorf("answer %s", body)
	}
}

func TestHoldBodySendsTheHeadersAtOnce(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	release := make(chan struct{})
	server.Script(atlastest.HoldBody(release, atlastest.OK()))
	answer, err := server.Client().Do(newRequest(t, server, validBody))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d", answer.StatusCode)
	}
	close(release)
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(body), "/portal?token=") {
		t.Errorf("body %q, error %v", body, err)
	}
}

func TestDelaysPassAndAnswer(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	server.Script(atlastest.Delay(time.Nanosecond, atlastest.OK()), atlastest.SlowBody(time.Nanosecond, atlastest.OK()))
	for range 2 {
		if got := call(t, server, validBody); *got.Status != 0 {
			t.Errorf("status %d", *got.Status)
		}
	}
}

// waits are steps that end only when the client or the server does.
var waits = map[string]atlastest.Step{
	"Hang":     atlastest.Hang(),
	"HangBody": atlastest.HangBody(),
	"Delay":    atlastest.Delay(time.Hour, atlastest.OK()),
	"SlowBody": atlastest.SlowBody(time.Hour, atlastest.OK()),
}

func TestWaitsEndWhenTheClientGoesAway(t *testing.T) {
	t.Parallel()
	for name, step := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			simulator, err := atlastest.New(&atlastest.Options{PublicURL: "http://127.0.0.1"})
			if err != nil {
				t.Fatal(err)
			}
			defer simulator.Close()
			simulator.Script(step)
			ended := make(chan any, 1)
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					ended <- recover()
					panic(http.ErrAbortHandler)
				}()
				simulator.Handler().ServeHTTP(w, r)
			}))
			defer host.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			request := newRequest(t, simulator, validBody)
			request.URL, err = url.Parse(host.URL + "/getAtripToken.do")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if err := simulator.WaitRequests(ctx, 1); err != nil {
					t.Error(err)
				}
				cancel()
			}()
			answer, err := host.Client().Do(request.WithContext(ctx))
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				answer.Body.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the client's error is %v, want the cancellation", err)
			}
			if got := <-ended; got != http.ErrAbortHandler {
				t.Errorf("the handler ended with %v, want http.ErrAbortHandler", got)
			}
		})
	}
}

func TestWaitsEndWhenTheServerCloses(t *testing.T) {
	t.Parallel()
	for name, step := range waits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t, nil)
			server.Script(step)
			failed := make(chan error, 1)
			request := newRequest(t, server, validBody)
			go func() {
				answer, err := server.Client().Do(request)
				if err == nil {
					_, err = io.ReadAll(answer.Body)
					answer.Body.Close()
				}
				failed <- err
			}()
			if err := server.WaitRequests(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			server.Close()
			if err := <-failed; err == nil {
				t.Error("the call got an answer")
			}
		})
	}
}

func TestWaitRequestsEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.WaitRequests(ctx, 1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 1") {
		t.Errorf("error %v", err)
	}
	if err := server.WaitRequests(ctx, 0); err != nil {
		t.Errorf("with nothing to wait for: %v", err)
	}
}
