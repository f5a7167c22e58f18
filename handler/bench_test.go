package handler_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"atriptoken/handler"
)

// inMemory answers Atlas's calls without a network, so that a benchmark counts
// what the broker does and not what net/http does.
type inMemory struct{}

func (inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"url":"https://atriptech.com/login?token=example","status":0,"msg":null}`)),
	}, nil
}

// withoutNetwork has Atlas answer in memory and the log go nowhere.
func withoutNetwork(t testing.TB) func(*handler.Config) {
	return func(c *handler.Config) {
		transport := new(http.Transport)
		transport.RegisterProtocol("http", inMemory{})
		c.Account.Atlas = atlasClient(t, "http://127.0.0.1:1")
		c.Account.Atlas.Transport = transport
		c.Logger = slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr}))
	}
}

// BenchmarkInvoke is a whole invocation, but for the network.
func BenchmarkInvoke(b *testing.B) {
	for _, name := range []string{"http-api-jwt", "http-api-iam", "plain"} {
		b.Run(name, func(b *testing.B) {
			h := newBroker(b, withoutNetwork(b))
			event := sample(b, name)
			ctx, cancel := context.WithDeadline(b.Context(), time.Now().Add(time.Hour))
			defer cancel()
			want := []byte("token=example")
			b.ReportAllocs()
			for b.Loop() {
				out, err := h.Invoke(ctx, event)
				if err != nil || !bytes.Contains(out, want) {
					b.Fatalf("%s, %v", out, err)
				}
			}
		})
	}
}

// mostAllocations has a tenth of room over what the race detector counts; without
// it a call makes 282.
const mostAllocations = 400

// TestInvokeAllocatesLittle bounds the broker's own allocations for a call: the
// collector's work is what makes a warm call's time vary.
func TestInvokeAllocatesLittle(t *testing.T) {
	h := newBroker(t, withoutNetwork(t))
	event := sample(t, "http-api-jwt")
	got := testing.AllocsPerRun(200, func() {
		if out, err := h.Invoke(t.Context(), event); err != nil || len(out) == 0 {
			t.Fatalf("%s, %v", out, err)
		}
	})
	if got > mostAllocations {
		t.Errorf("%.0f allocations for one call; at most %d are expected", got, mostAllocations)
	}
}
