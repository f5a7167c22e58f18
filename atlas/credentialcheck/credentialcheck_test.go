package credentialcheck_test

import (
	"net/url"
	"strings"
	"testing"

	"atriptoken/atlas"
	"atriptoken/atlas/atlastest"
	"atriptoken/atlas/credentialcheck"
	"atriptoken/internal/redact"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		rule   string
		secret string
		script []atlastest.Step // empty: Atlas judges
		want   credentialcheck.Verdict
		calls  int
		err    string // a part of the error's text
	}{
		{rule: "right credentials are accepted", want: credentialcheck.Accepted, calls: 2},
		{rule: "a wrong secret is refused", secret: "wrong", want: credentialcheck.Refused, calls: 1, err: "status 3"},
		{rule: "HTTP 403 is a refusal", script: []atlastest.Step{atlastest.HTTPStatus(403)}, want: credentialcheck.Refused, calls: 1, err: "HTTP 403"},
		{rule: "a link for an empty order is no refusal", script: []atlastest.Step{atlastest.Status(0), atlastest.Unauthorized()}, want: credentialcheck.Accepted, calls: 2},
		{rule: "a failure beside a refusal of made-up credentials is acceptance", script: []atlastest.Step{atlastest.SystemError(), atlastest.Unauthorized()},
			want: credentialcheck.Accepted, calls: 2},
		{rule: "the same answer to both tells nothing", script: []atlastest.Step{atlastest.SystemError(), atlastest.SystemError()},
			want: credentialcheck.Unknown, calls: 2, err: "made-up credentials alike"},
		{rule: "the limiter tells nothing", script: []atlastest.Step{atlastest.RateLimited(1, 200)}, want: credentialcheck.Unknown, calls: 1, err: "limits the rate"},
		{rule: "the limiter on the control tells nothing", script: []atlastest.Step{atlastest.Status(100), atlastest.RateLimited(1, 200)},
			want: credentialcheck.Unknown, calls: 2, err: "limits the rate"},
		{rule: "a page in between tells nothing", script: []atlastest.Step{atlastest.HTML()}, want: credentialcheck.Unknown, calls: 1, err: "cannot be used"},
		{rule: "HTTP 500 tells nothing", script: []atlastest.Step{atlastest.HTTPStatus(500)}, want: credentialcheck.Unknown, calls: 1, err: "HTTP 500"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			t.Parallel()
			server := atlastest.NewServer(nil)
			defer server.Close()
			server.Script(row.script...)
			base, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			secret := atlastest.DefaultClientSecret
			if row.secret != "" {
				secret = row.secret
			}
			got, err := credentialcheck.Ask(t.Context(), &atlas.Client{BaseURL: base},
				atlas.Credentials{ClientID: atlastest.DefaultClientID, ClientSecret: redact.New(secret)})
			if got != row.want {
				t.Errorf("verdict: got %v, want %v (error: %v)", got, row.want, err)
			}
			if (err == nil) != (row.want == credentialcheck.Accepted) || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("error: got %v, want one with %q", err, row.err)
			}
			requests := server.Requests()
			if len(requests) != row.calls {
				t.Fatalf("Atlas was called %d times, want %d", len(requests), row.calls)
			}
			for _, r := range requests {
				if want := `{"orderNo":"","userName":"","role":""}`; r.Body != want {
					t.Errorf("Atlas was asked for %s, want %s", r.Body, want)
				}
			}
			if row.calls == 2 && requests[1].Header.Get("x-atlas-client-id") == atlastest.DefaultClientID {
				t.Error("the control used the real client id")
			}
		})
	}
}

func TestAskOfAnUnreachableAtlas(t *testing.T) {
	t.Parallel()
	server := atlastest.NewServer(nil)
	base, _ := url.Parse(server.URL)
	server.Close()
	got, err := credentialcheck.Ask(t.Context(), &atlas.Client{BaseURL: base}, atlas.Credentials{ClientID: "a", ClientSecret: redact.New("b")})
	if got != credentialcheck.Unknown || err == nil {
		t.Errorf("got %v, %v; want Unknown and an error", got, err)
	}
}
