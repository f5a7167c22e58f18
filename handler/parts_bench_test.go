package handler

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"atriptoken/atlas"
	"atriptoken/internal/lambdatest"
	"atriptoken/internal/redact"
)

// The parts of BenchmarkInvoke, each by itself; policy.BenchmarkDecide is the
// one that is not here. They are no door of the package, which is why this file
// stands inside it.

// BenchmarkDecode goes from the event's bytes to the request and who sent it.
func BenchmarkDecode(b *testing.B) {
	names, roles := claimNames{name: "email", groups: "groups"}, []string{"Customer service"}
	for _, name := range []string{"http-api-jwt", "http-api-iam", "plain"} {
		b.Run(name, func(b *testing.B) {
			payload := lambdatest.Event(name)
			b.ReportAllocs()
			for b.Loop() {
				e, c, detail := parseEvent(payload, "")
				if c == nil {
					b.Fatal(detail)
				}
				in := c.read(e, names)
				body := in.body
				if in.http != nil {
					var f *fault
					if body, f = in.http.content(); f != nil {
						b.Fatal(f)
					}
				}
				if _, faults := decode(body).validate(roles, in.identity.Name()); faults != nil || in.identity.IsAnonymous() {
					b.Fatal(faults, in.identity.why)
				}
			}
		})
	}
}

// BenchmarkEncode puts an outcome into the form that an HTTP API takes.
func BenchmarkEncode(b *testing.B) {
	reply := atlas.Reply{URL: redact.New("https://atriptech.com/login?token=example")}
	refused := fault{code: InvalidRequest, detail: "The body has faults; errors names each.", fields: []fieldError{{"/role", "is required"}}}
	for name, encode := range map[string]func() ([]byte, error){
		"success": func() ([]byte, error) { return proxySuccess(nil, reply) },
		"problem": func() ([]byte, error) { return proxyFailure(nil, refused, "request") },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if out, err := encode(); err != nil || !bytes.Contains(out, []byte("statusCode")) {
					b.Fatal(string(out), err)
				}
			}
		})
	}
}

// BenchmarkAuditLine writes the line of a success.
func BenchmarkAuditLine(b *testing.B) {
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil))
	b.ReportAllocs()
	for b.Loop() {
		r := record{
			began: time.Now(), requestID: "request", caller: "http-api", door: doorAPI, principal: `Operator::"00u1"`,
			userName: "amelia@example.com", role: "Finance", orderNo: "XPFIW20220209163159425", account: DefaultAccount,
			policies: []string{"operator-in-a-role-of-their-groups"}, attempts: 1, secretVersion: "version-1", secretStage: "AWSCURRENT",
			secret: time.Microsecond, atlas: time.Millisecond,
		}
		r.success(atlas.Reply{URL: redact.New("https://atriptech.com/login?token=example")})
		r.write(context.Background(), logger, "atriptoken")
	}
}
