package diagnosis_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"atriptoken/atlas/atlastest"
	"atriptoken/cmd/doctor/diagnosis"
)

// look runs the checks without a stack and without AWS, and returns the result of one.
func look(t *testing.T, base, check string, change func(*diagnosis.Options)) diagnosis.Result {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	o := diagnosis.Options{AWS: aws.Config{Credentials: aws.AnonymousCredentials{}}, AtlasBaseURL: u}
	if change != nil {
		change(&o)
	}
	return named(t, diagnosis.Run(t.Context(), o), check)
}

func TestRun_AtlasFromHere(t *testing.T) {
	t.Parallel()
	secure := atlastest.NewServer(&atlastest.Options{TLS: true})
	t.Cleanup(secure.Close)
	plain := atlastest.NewServer(nil)
	t.Cleanup(plain.Close)

	// One transport a row, as in a run of doctor: a transport writes its TLS configuration at the first request.
	trusting := func(o *diagnosis.Options) {
		o.HTTP = &http.Client{Transport: secure.Client().Transport.(*http.Transport).Clone()}
	}
	for _, row := range []struct {
		check, rule, base string
		change            func(*diagnosis.Options)
		want              diagnosis.Status
		cause             string
	}{
		{"atlas", "a name that does not exist", "https://atlas.invalid", nil, diagnosis.Fail, "atlas.invalid cannot be resolved"},
		{"atlas", "a certificate that is trusted", secure.URL, trusting, diagnosis.Pass, "answers over HTTP/2.0, TLS 1.3, certificate until"},
		{"atlas", "a certificate that is not", secure.URL, nil, diagnosis.Fail, "certificate"},
		{"atlas", "a certificate that expires soon", secure.URL, func(o *diagnosis.Options) {
			trusting(o)
			o.Now = func() time.Time { return secure.Certificate().NotAfter.Add(-time.Hour) }
		}, diagnosis.Fail, "certificate expires on"},
		{"atlas", "a certificate that has expired", secure.URL, func(o *diagnosis.Options) {
			trusting(o)
			transport := o.HTTP.Transport.(*http.Transport)
			transport.TLSClientConfig.Time = func() time.Time { return secure.Certificate().NotAfter.Add(time.Hour) }
		}, diagnosis.Fail, "not valid now, only from"},
		{"atlas", "no TLS at all", "https" + strings.TrimPrefix(plain.URL, "http"), nil, diagnosis.Fail, "no HTTP answer"},
		{"atlas", "without a server", unreachable, nil, diagnosis.Fail, "connection refused"},
		{"atlas-credentials", "no secret named", plain.URL, nil, diagnosis.Skipped, "no credentials to try"},
		{"secret", "no secret named", plain.URL, nil, diagnosis.Skipped, "-secret"},
	} {
		t.Run(row.check+"/"+row.rule, func(t *testing.T) {
			t.Parallel()
			got := look(t, row.base, row.check, row.change)
			if got.Status != row.want || !strings.Contains(got.Cause, row.cause) {
				t.Errorf("got %s: %q, want %s with %q", got.Status, got.Cause, row.want, row.cause)
			}
		})
	}
}

func TestRun_RedirectNotFollowed(t *testing.T) {
	t.Parallel()
	followed := false
	server := atlastest.NewServer(nil)
	t.Cleanup(server.Close)
	got := look(t, server.URL, "atlas", func(o *diagnosis.Options) {
		o.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			followed = followed || r.URL.Path == "/elsewhere"
			header := http.Header{"Location": {"/elsewhere"}}
			return &http.Response{StatusCode: 302, Proto: "HTTP/1.1", Header: header, Body: http.NoBody, Request: r}, nil
		})}
	})
	if got.Status != diagnosis.Pass || followed {
		t.Errorf("got %s: %q, followed: %v; want pass and not followed", got.Status, got.Cause, followed)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
