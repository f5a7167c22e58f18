package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
)

func TestSystem_FaultsAnswerAsPromised(t *testing.T) {
	at, out := runJSON(t)
	config := at.config(t)
	if config.Fault != "none" || len(config.Faults) != len(faults) {
		t.Fatalf("at the start the fault %s of %d is on", config.Fault, len(config.Faults))
	}
	secrets := []string{atlastest.DefaultClientSecret}
	for _, fault := range append(config.Faults, config.Faults[0]) {
		t.Run(fault.ID, func(t *testing.T) {
			at.fault(t, fault.ID)
			query := "user=amelia@example.com"
			if fault.ID == "sign-in-expired" {
				query += "&lifetime=-10m"
			}
			token := at.token(t, query)
			status, answer := at.call(t, token, order)
			code, _ := answer["code"].(string)
			message, _ := answer["message"].(string)
			promised := strings.HasPrefix(fault.Answer, strconv.Itoa(status)) && strings.Contains(fault.Answer, code)
			if !promised || !strings.Contains(fault.Answer, message) {
				t.Errorf("%d %v, promised was %s", status, answer, fault.Answer)
			}
			secrets = append(secrets, token)
			if link, _ := answer["url"].(string); link != "" {
				secrets = append(secrets, link)
				_, page := send(t, "GET", link, "")
				for _, want := range []string{"XPFIW20220209163159425", "amelia@example.com", "Customer service"} {
					if !strings.HasPrefix(link, at.Atlas+"/") || !strings.Contains(page, want) {
						t.Errorf("the portal's page lacks %s", want)
					}
				}
			}
		})
	}
	for _, secret := range secrets {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
	if got, want := strings.Count(out.String(), `"outcome":"OK"`), len(secrets)-len(faults)-2; got != want || got < 3 {
		t.Errorf("%d audit lines for %d links:\n%s", got, want, out)
	}
}

func TestSystem_ReadableOutput(t *testing.T) {
	ready, out := run(t)
	issuer, _, _ := strings.Cut(ready[strings.Index(ready, "curl -s 'http")+len("curl -s '"):], "/dev-token")
	api := strings.Fields(ready[strings.Index(ready, "curl -s http"):])[2]
	at := addresses{API: api, Issuer: issuer}
	at.call(t, at.token(t, "user=amelia@example.com"), order)
	at.call(t, at.token(t, "user=amelia@example.com"), strings.Replace(order, `"role"`, `"userName":"finn@example.com","role"`, 1))
	at.call(t, "no token", order)
	for _, want := range []string{
		"OK                   amelia@example.com · Customer service · XPFIW20220209163159425 · ",
		"NotPermitted         amelia@example.com (" + issuer + ") → finn@example.com · Customer service · ",
		"401                  POST /getAtripToken.do · by the gateway: the token is not valid",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line with %q in\n%s", want, out)
		}
	}
}

func TestStart_Refused(t *testing.T) {
	var taken []string
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		taken = append(taken, port)
	}
	with := func(args ...string) []string { return append(append([]string{}, anyPort...), args...) }
	for _, row := range []struct {
		name    string
		args    []string
		environ map[string]string
		want    []string
	}{
		{"taken ports", with("-api-port="+taken[0], "-atlas-port="+taken[1]), nil,
			[]string{"port " + taken[0] + " for the broker's API", "another port with -atlas-port, or 0 for any free one"}},
		{"a port that does not exist", with("-api-port=70000"), nil, []string{"cannot listen on port 70000 for the broker's API"}},
		{"an unknown flag", []string{"-prot=1"}, nil, []string{"flag provided but not defined: -prot"}},
		{"an argument", []string{"now"}, nil, []string{`unexpected argument "now"`}},
		{"an origin with a path", []string{"-origin", "http://127.0.0.1:3000/"}, nil, []string{"is not an origin"}},
		{"an origin without a scheme", []string{"-origin", "127.0.0.1:3000"}, nil, []string{"is not an origin"}},
		{"an origin without a host", []string{"-origin", "http://"}, nil, []string{"is not an origin"}},
		{"any origin", []string{"-origin", "*"}, nil, []string{"is not an origin"}},
		{"bad variables of the function", anyPort, map[string]string{"ATLAS_ROLES": ",", "ATRIP_SECRET_TTL": "soon"},
			[]string{"ATLAS_ROLES", "ATRIP_SECRET_TTL"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := Run(t.Context(), row.args, row.environ, io.Discard)
			for _, want := range row.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
	var usage strings.Builder
	err := Run(t.Context(), []string{"-help"}, nil, &usage)
	if !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-console-port") {
		t.Errorf("-help: %v, %s", err, usage.String())
	}
}

// A page can make its own host name resolve to this machine, and then read what
// it gets without CORS (DNS rebinding).
func TestHost_OnlyOwnNames(t *testing.T) {
	at, _ := runJSON(t)
	for _, row := range []struct{ method, url string }{
		{"GET", at.Console + "/config.json"},
		{"GET", at.Issuer + "/dev-token?user=amelia@example.com"},
		{"POST", at.API},
		{"GET", at.Atlas + "/portal/orders/X1"},
		{"POST", at.Secrets + "/"},
	} {
		u, err := url.Parse(row.url)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"other.example.com:" + u.Port(), "other.example.com", "127.0.0.1.example.com:" + u.Port(), "127.0.0.1"} {
			response, body := send(t, row.method, row.url, "", "Host", host)
			if response.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "open http://"+u.Host) {
				t.Errorf("%s as %s: %d %s, want 421 and the right address", row.url, host, response.StatusCode, body)
			}
		}
		if response, _ := send(t, row.method, row.url, ""); response.StatusCode == http.StatusMisdirectedRequest {
			t.Errorf("%s by its own name: 421", row.url)
		}
	}
}

func TestEnd_WithRunningRequests(t *testing.T) {
	var begun time.Time
	t.Cleanup(func() { // after the end
		environ["ATLAS_ATTEMPT_TIMEOUT"] = "4s"
		if took := time.Since(begun); took > 4*time.Second { // half a second, on a machine that does nothing else
			t.Errorf("the end took %v: it waited for a call that Atlas does not answer", took)
		}
	})
	environ["ATLAS_ATTEMPT_TIMEOUT"] = "20s"
	at, _ := runJSON(t)
	t.Cleanup(func() { begun = time.Now() })
	events(t, at)
	at.fault(t, "atlas-hang")
	arrived := make(chan struct{})
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(arrived) },
	})
	call, err := http.NewRequestWithContext(ctx, "POST", at.API, strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	call.Header.Set("Content-Type", "application/json")
	call.Header.Set("Authorization", "Bearer "+at.token(t, "user=amelia@example.com"))
	go func() {
		if response, err := http.DefaultTransport.RoundTrip(call); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
}
