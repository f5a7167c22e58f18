package main

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"atriptoken/atlas/atlastest"
)

func TestSystem_FaultsAnswerAsPromised(t *testing.T) {
	at := start(t)
	secrets := []string{atlastest.DefaultClientSecret}
	for _, fault := range slices.Concat(faults, faults[:1]) {
		t.Run(fault.ID, func(t *testing.T) {
			at.fault(t, fault.ID)
			user := "amelia@example.com"
			if fault.ID == "sign-in-expired" {
				user += "&lifetime=-10m"
			}
			token := at.token(t, user)
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
	out := at.out.String()
	for _, secret := range secrets {
		if strings.Contains(out, secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
	if got, want := strings.Count(out, `"outcome":"OK"`), len(secrets)-len(faults)-2; got != want || got < 3 {
		t.Errorf("%d audit lines for %d links:\n%s", got, want, out)
	}
}

func TestSystem_ReadableOutput(t *testing.T) {
	ready, out := run(t.Context(), t)
	issuer, _, _ := strings.Cut(ready[strings.Index(ready, "curl -s 'http")+len("curl -s '"):], "/dev-token")
	api := strings.Fields(ready[strings.Index(ready, "curl -s http"):])[2]
	at := addresses{API: api, Issuer: issuer}
	at.call(t, at.token(t, "amelia@example.com"), order)
	at.call(t, at.token(t, "amelia@example.com"), strings.Replace(order, `"role"`, `"userName":"finn@example.com","role"`, 1))
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

// A page can make its own host name resolve to this machine, and then read what
// it gets without CORS (DNS rebinding).
func TestHost_OnlyOwnNames(t *testing.T) {
	at := start(t)
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
		for host, refused := range map[string]bool{
			"other.example.com:" + u.Port(): true, "127.0.0.1.example.com:" + u.Port(): true, "127.0.0.1": true, u.Host: false,
		} {
			response, body := send(t, row.method, row.url, "", "Host", host)
			said := response.StatusCode == http.StatusMisdirectedRequest && strings.Contains(body, "open http://"+u.Host)
			if said != refused {
				t.Errorf("%s as %s: %d %s, want 421 and the right address: %t", row.url, host, response.StatusCode, body, refused)
			}
		}
	}
}

func TestEnd_WithRunningRequests(t *testing.T) {
	environ["ATLAS_ATTEMPT_TIMEOUT"] = "20s"
	t.Cleanup(func() { environ["ATLAS_ATTEMPT_TIMEOUT"] = "4s" })
	var begun time.Time
	t.Cleanup(func() { // after the end
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("the end took %v: it waited for a call that Atlas does not answer", took)
		}
	})
	at := start(t)
	at.events(t)
	at.fault(t, "atlas-hang")
	token, arrived := at.token(t, "amelia@example.com"), make(chan struct{})
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(arrived) },
	})
	call, err := http.NewRequestWithContext(ctx, "POST", at.API, strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	call.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {token}}
	go func() {
		if response, err := http.DefaultTransport.RoundTrip(call); err == nil {
			response.Body.Close()
		}
	}()
	<-arrived
	begun = time.Now()
}
