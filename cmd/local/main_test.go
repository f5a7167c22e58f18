package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"atriptoken/atlas/atlastest"
)

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
	ready chan string
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.Contains(string(p), `"message":"ready"`) || strings.Contains(string(p), "Ctrl-C") {
		b.ready <- string(p)
	}
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}

var anyPort = []string{"-console-port=0", "-api-port=0", "-issuer-port=0", "-atlas-port=0", "-secrets-port=0"}

// environ shortens the wait for an Atlas that does not answer.
var environ = map[string]string{"ATLAS_ATTEMPT_TIMEOUT": "4s"}

// TestMain runs the tests in the checkout's root, where make run starts.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// run starts the system on free ports and ends it with the test. It returns what
// it said when it was ready, and all its output.
func run(t *testing.T, args ...string) (ready string, out *buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &buffer{ready: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, append(args, anyPort...), environ, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the end: %v", err)
		}
	})
	select {
	case ready = <-out.ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the start: %v", err)
	}
	return ready, out
}

// runJSON is run with -json and flags, and the addresses of the ready line.
func runJSON(t *testing.T, flags ...string) (addresses, *buffer) {
	t.Helper()
	ready, out := run(t, append([]string{"-json"}, flags...)...)
	var at addresses
	if err := json.Unmarshal([]byte(ready), &at); err != nil {
		t.Fatal(err)
	}
	return at, out
}

func send(t *testing.T, method, url, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}

// token is what a shell gets from the identity provider.
func (a addresses) token(t *testing.T, query string) string {
	t.Helper()
	status, _, token := send(t, "GET", a.Issuer+"/dev-token?"+query, "")
	if status != http.StatusOK {
		t.Fatalf("dev-token: %d %s", status, token)
	}
	return token
}

const order = `{"orderNo":"XPFIW20220209163159425","role":"Customer service"}`

// ask calls the API as a shell does.
func (a addresses) ask(t *testing.T, token, body string) (int, map[string]any) {
	t.Helper()
	status, _, text := send(t, "POST", a.API, body, "Content-Type", "application/json", "Authorization", "Bearer "+token)
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	return status, answer
}

// fault switches one of the console's faults on.
func (a addresses) fault(t *testing.T, id string) {
	t.Helper()
	status, _, text := send(t, "PUT", a.Console+"/fault", `{"id":"`+id+`"}`, "Origin", a.Console)
	if status != http.StatusNoContent {
		t.Fatalf("fault %s: %d %s", id, status, text)
	}
}

func TestAnOperatorStandsInThePortal(t *testing.T) {
	at, out := runJSON(t)
	status, answer := at.ask(t, at.token(t, "user=amelia@example.com"), order)
	link, _ := answer["url"].(string)
	if status != http.StatusOK || !strings.HasPrefix(link, at.Atlas+"/") {
		t.Fatalf("%d %v, want a url of the portal", status, answer)
	}
	_, _, page := send(t, "GET", link, "")
	for _, want := range []string{"XPFIW20220209163159425", "amelia@example.com", "Customer service"} {
		if !strings.Contains(page, want) {
			t.Errorf("the portal page does not say %s", want)
		}
	}
	// The line of a success has the url as its hash only.
	if printed := out.String(); !strings.Contains(printed, `"outcome":"OK"`) || strings.Contains(printed, link) {
		t.Errorf("the output lacks the audit line, or has the url:\n%s", printed)
	}
}

func TestEveryFaultHasTheAnswerThatItPromises(t *testing.T) {
	at, _ := runJSON(t)
	_, _, text := send(t, "GET", at.Console+"/config.json", "")
	var config struct {
		Fault  string
		Faults []struct{ ID, Answer string }
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	if config.Fault != "none" {
		t.Errorf("at the start the fault %s is on", config.Fault)
	}
	for _, fault := range config.Faults {
		t.Run(fault.ID, func(t *testing.T) {
			at.fault(t, fault.ID)
			query := "user=amelia@example.com"
			if fault.ID == "sign-in-expired" {
				query += "&lifetime=-10m"
			}
			status, answer := at.ask(t, at.token(t, query), order)
			code, _ := answer["code"].(string)
			message, _ := answer["message"].(string)
			if !strings.HasPrefix(fault.Answer, strconv.Itoa(status)) || !strings.Contains(fault.Answer, code) || !strings.Contains(fault.Answer, message) {
				t.Errorf("%d %v, promised was %s", status, answer, fault.Answer)
			}
		})
	}
	at.fault(t, "none")
	if status, answer := at.ask(t, at.token(t, "user=amelia@example.com"), order); status != http.StatusOK {
		t.Errorf("after the faults: %d %v, want 200", status, answer)
	}
}

func TestPolicyDecidesByTheTokensGroups(t *testing.T) {
	at, _ := runJSON(t)
	for _, row := range []struct {
		user, role string
		status     int
	}{
		{"amelia@example.com", "Customer service", 200},
		{"amelia@example.com", "Admin", 403},
		{"finn@example.com", "Finance", 200},
		{"finn@example.com", "Customer service", 403},
		{"ada@example.com", "Admin", 200},
		{"ada@example.com", "Developer", 200},
		{"nobody@example.com", "Finance", 403},
	} {
		status, answer := at.ask(t, at.token(t, "user="+row.user), `{"orderNo":"X1","role":"`+row.role+`"}`)
		if status != row.status {
			t.Errorf("%s as %s: %d %v, want %d", row.user, row.role, status, answer, row.status)
		}
	}
	// The name in the body counts for nothing.
	if status, answer := at.ask(t, at.token(t, "user=finn@example.com"),
		`{"orderNo":"X1","userName":"ada@example.com","role":"Finance"}`); status != 403 {
		t.Errorf("finn as ada: %d %v, want 403", status, answer)
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	at, out := runJSON(t)
	token := at.token(t, "user=amelia@example.com")
	var links []string
	for _, id := range []string{"none", "secret-rotated", "secret-denied", "atlas-unauthorized", "function-failed", "none"} {
		at.fault(t, id)
		if _, answer := at.ask(t, token, order); answer["url"] != nil {
			links = append(links, answer["url"].(string))
		}
	}
	if len(links) < 3 {
		t.Fatalf("%d links, want 3", len(links))
	}
	for _, secret := range append(links, token, atlastest.DefaultClientSecret) {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is in the output", secret)
		}
	}
}

func TestReadableLines(t *testing.T) {
	ready, out := run(t)
	issuer, _, _ := strings.Cut(ready[strings.Index(ready, "curl -s 'http")+len("curl -s '"):], "/dev-token")
	api := strings.Fields(ready[strings.Index(ready, "curl -s http"):])[2]
	at := addresses{API: api, Issuer: issuer}
	at.ask(t, at.token(t, "user=amelia@example.com"), order)
	at.ask(t, "no token", order)
	for _, want := range []string{
		"OK                   amelia@example.com · Customer service · XPFIW20220209163159425 · ",
		"401                  POST /getAtripToken.do, by the gateway: the token is not valid",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line with %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("colours on what is no terminal")
	}
}

func TestBadStarts(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for _, row := range []struct {
		name string
		args []string
		says string
	}{
		{"a taken port", append(anyPort, "-atlas-port="+port), "choose another port by -atlas-port, or 0 for any free one"},
		{"a port that is none", append(anyPort, "-api-port=70000"), "cannot listen on port 70000 for the broker's API"},
		{"an unknown flag", []string{"-prot=1"}, "flag provided but not defined: -prot"},
		{"an argument", []string{"now"}, `unexpected argument "now"`},
	} {
		err := Run(t.Context(), row.args, environ, io.Discard)
		if err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", row.name, err, row.says)
		}
	}
	if err := Run(t.Context(), anyPort, map[string]string{"ATLAS_ROLES": ",", "ATRIP_SECRET_TTL": "soon"}, io.Discard); err == nil ||
		!strings.Contains(err.Error(), "ATLAS_ROLES") || !strings.Contains(err.Error(), "ATRIP_SECRET_TTL") {
		t.Errorf("bad variables of the shell: %v, want both named", err)
	}
	var usage strings.Builder
	if err := Run(t.Context(), []string{"-help"}, nil, &usage); !errors.Is(err, flag.ErrHelp) || !strings.Contains(usage.String(), "-console-port") {
		t.Errorf("-help: %v, %s", err, usage.String())
	}
}

func TestAPageOfOnesOwnMayCallWhereItsOriginIsNamed(t *testing.T) {
	const mine = "http://127.0.0.1:3000"
	allowed := func(at addresses, origin string) (api, issuer string) {
		_, h, _ := send(t, "OPTIONS", at.API, "", "Origin", origin, "Access-Control-Request-Method", "POST")
		_, i, _ := send(t, "GET", at.Issuer+"/dev-token?user=amelia@example.com", "", "Origin", origin)
		return h.Get("Access-Control-Allow-Origin"), i.Get("Access-Control-Allow-Origin")
	}
	named, _ := runJSON(t, "-origin", mine)
	for origin, want := range map[string]string{mine: mine, named.Console: named.Console, "http://127.0.0.1:3001": ""} {
		if api, issuer := allowed(named, origin); api != want || issuer != want {
			t.Errorf("for %s the API allows %q and the issuer %q, want %q", origin, api, issuer, want)
		}
	}
	unnamed, _ := runJSON(t)
	if api, issuer := allowed(unnamed, mine); api != "" || issuer != "" {
		t.Errorf("without -origin the API allows %q and the issuer %q, want none", api, issuer)
	}
}

func TestAnOriginHasNothingAfterItsPort(t *testing.T) {
	for _, origin := range []string{"http://127.0.0.1:3000/", "127.0.0.1:3000", "http://", "*", "null"} {
		if err := Run(t.Context(), []string{"-origin", origin}, nil, io.Discard); err == nil || !strings.Contains(err.Error(), "is no origin") {
			t.Errorf("-origin %s gives %v", origin, err)
		}
	}
}
