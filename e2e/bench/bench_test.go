// Package bench measures built functions the way Lambda runs them: a process
// with Lambda's environment variables in front of a Runtime API, Secrets Manager
// and Atlas behind TLS. `make bench` builds the subjects, runs them in turns and
// compares them with benchstat.
package bench

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
	"atriptoken/e2e/rig"
	"atriptoken/internal/lambdatest"
	"atriptoken/secret/secrettest"
)

// BenchmarkStart measures a cold click with Atlas 80 ms away, Secrets Manager
// 2 ms away and taking 15 ms for an answer.
func BenchmarkStart(b *testing.B) {
	for _, megabytes := range []int{128, 256} {
		for name, bootstrap := range subjects(b) {
			b.Run(fmt.Sprintf("subject=%s/memory=%d", name, megabytes), func(b *testing.B) {
				f := newBroker(b, bootstrap, 80*time.Millisecond, 2*time.Millisecond, 15*time.Millisecond)
				f.Program = limitCPU(b, bootstrap, megabytes)
				var initTime, firstCall time.Duration
				var memory float64
				for range b.N {
					f.Start(b)
					firstCall += invoke(b, f)
					initTime += f.InitDuration()
					memory += residentMB(b, f)
					f.Stop()
				}
				n := float64(b.N)
				b.ReportMetric(0, "ns/op") // includes the end of the process
				b.ReportMetric(1e3*initTime.Seconds()/n, "init-ms")
				b.ReportMetric(1e3*firstCall.Seconds()/n, "first-call-ms")
				b.ReportMetric(1e3*(initTime+firstCall).Seconds()/n, "cold-click-ms")
				b.ReportMetric(memory/n, "resident-MB")
			})
		}
	}
}

// BenchmarkCall measures warm calls with the upstreams on loopback, one at a
// time and with a whole processor.
func BenchmarkCall(b *testing.B) {
	for name, bootstrap := range subjects(b) {
		b.Run("subject="+name, func(b *testing.B) {
			f := newBroker(b, bootstrap, 0, 0, 0)
			f.Start(b)
			for range 20 {
				invoke(b, f)
			}
			used := cpuTime(b, f)
			for b.Loop() {
				invoke(b, f)
			}
			b.ReportMetric(1e6*(cpuTime(b, f)-used).Seconds()/float64(b.N), "cpu-µs/op")
			b.ReportMetric(residentMB(b, f), "resident-MB")
		})
	}
}

// subjects returns the bootstraps that `make bench` has put into build/bench,
// by the name of their folder.
func subjects(b *testing.B) map[string]string {
	b.Helper()
	files, err := filepath.Glob(filepath.Join(rig.Root(), "build/bench/*/bootstrap"))
	if err != nil || len(files) == 0 {
		b.Fatalf("no bootstraps in build/bench; run make bench: %v", err)
	}
	all := map[string]string{}
	for _, file := range files {
		all[filepath.Base(filepath.Dir(file))] = file
	}
	return all
}

// newBroker returns a subject with its upstreams behind TLS.
func newBroker(b *testing.B, bootstrap string, atlasRTT, secretsRTT, secretsTime time.Duration) *lambdatest.Broker {
	b.Helper()
	broker := lambdatest.NewBroker(b, bootstrap, &atlastest.Options{PublicURL: "https://atrip.atriptech.com"}, nil)
	broker.Secrets.Always(secrettest.Delay(secretsTime, secrettest.OK()))
	serve := func(h http.Handler, http2 bool, rtt time.Duration) (url string, certificate *x509.Certificate) {
		server := httptest.NewUnstartedServer(h)
		server.EnableHTTP2 = http2
		server.StartTLS()
		b.Cleanup(server.Close)
		return "https://" + relay(b, server.Listener.Addr().String(), rtt), server.Certificate()
	}
	atlas, _ := serve(broker.Atlas.Config.Handler, true, atlasRTT)
	secrets, certificate := serve(broker.Secrets.Config.Handler, false, secretsRTT)
	// With as many roots as on Lambda, which every start has to read.
	roots, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		b.Fatal(err)
	}
	roots = append(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	file := filepath.Join(b.TempDir(), "roots.pem")
	if err := os.WriteFile(file, roots, 0o600); err != nil {
		b.Fatal(err)
	}
	maps.Copy(broker.Env, map[string]string{ // the template's and Lambda's
		"ATLAS_BASE_URL": atlas, "AWS_ENDPOINT_URL_SECRETS_MANAGER": secrets, "SSL_CERT_FILE": file, "GOMAXPROCS": "1",
		"AWS_SESSION_TOKEN": "example", "AWS_LAMBDA_FUNCTION_NAME": "atriptoken",
	})
	return broker
}

var event = lambdatest.Event("http-api-jwt")

// invoke makes one call, which must succeed, and returns its duration.
func invoke(b *testing.B, f *lambdatest.Broker) time.Duration {
	b.Helper()
	reply := f.Call(b, "api", event)
	if !strings.Contains(string(reply.Payload), `"statusCode":200`) {
		b.Fatalf("the call failed: %s\n%s%s", reply.Payload, f.Stdout(), f.Stderr())
	}
	return reply.Duration
}
