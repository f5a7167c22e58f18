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

// inMemory replies as Atlas without a network, so that a benchmark measures the
// broker without net/http.
type inMemory struct{}

func (inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"url":"https://atriptech.com/login?token=example","status":0,"msg":null}`)),
	}, nil
}

// withoutNetwork configures Atlas in memory and discards the log.
func withoutNetwork(t testing.TB) func(*handler.Config) {
	return func(c *handler.Config) {
		transport := new(http.Transport)
		transport.RegisterProtocol("http", inMemory{})
		c.Account.Atlas = atlasClient(t, "http://127.0.0.1:1")
		c.Account.Atlas.Transport = transport
		c.Logger = slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: lambdacontext.ReplaceAttr}))
	}
}

// BenchmarkInvoke measures a whole invocation except for the network.
func BenchmarkInvoke(b *testing.B) {
	for _, name := range []string{"http-api-jwt", "http-api-iam", "plain"} {
		b.Run(name, func(b *testing.B) {
			h := newBroker(b, withoutNetwork(b))
			event := sample(b, name)
			door := map[bool]string{true: "service", false: "api"}[name == "plain"]
			ctx, cancel := context.WithTimeout(throughDoor(b.Context(), door), time.Hour)
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

// mostAllocations is a tenth more than the race detector counts; without it a call
// makes 298.
const mostAllocations = 445

// Garbage collection is what makes a warm call's time vary.
func TestInvoke_Allocations(t *testing.T) {
	h := newBroker(t, withoutNetwork(t))
	event := sample(t, "http-api-jwt")
	ctx := throughDoor(t.Context(), "api")
	got := testing.AllocsPerRun(200, func() {
		if out, err := h.Invoke(ctx, event); err != nil || !bytes.Contains(out, []byte("token=example")) {
			t.Fatalf("%s, %v", out, err)
		}
	})
	if got > mostAllocations {
		t.Errorf("%.0f allocations for one call; at most %d are expected", got, mostAllocations)
	}
}
