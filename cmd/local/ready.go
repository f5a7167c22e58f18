package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// addresses are where the parts listen.
type addresses struct {
	Console string `json:"console"`
	API     string `json:"api"`
	Issuer  string `json:"issuer"`
	Atlas   string `json:"atlas"`
	Secrets string `json:"secrets"`
}

// ready tells where the system is, once it is up: what to open, and a line for
// a shell that works as it stands.
func (l *log) ready(a addresses) {
	if l.json {
		line, err := json.Marshal(struct {
			Time    time.Time `json:"timestamp"`
			Level   string    `json:"level"`
			Message string    `json:"message"`
			addresses
		}{time.Now().UTC(), "INFO", "ready", a})
		if err == nil {
			l.print(string(line))
		}
		return
	}
	l.print(fmt.Sprintf(`
The ATRIP token broker runs on this machine. Open

  %s

and sign in as an example operator. Or ask for a link in a shell:

  %s

%s
%s
%s
%s
%s

Ctrl-C ends it.
`, l.paint(bold, a.Console), a.curl(),
		l.paint(dim, "  API                "+a.API),
		l.paint(dim, "  API reference      "+a.Console+"/api/"),
		l.paint(dim, "  Identity provider  "+a.Issuer),
		l.paint(dim, "  Atlas, simulated   "+a.Atlas),
		l.paint(dim, "  Secrets Manager    "+a.Secrets)))
}

// curl is a command that asks for a link as an example operator.
func (a addresses) curl() string {
	return `curl -s ` + a.API + ` -H 'Content-Type: application/json' \
    -H "Authorization: Bearer $(curl -s '` + a.Issuer + `/dev-token?user=amelia@example.com')" \
    -d '{"orderNo":"XPFIW20220209163159425","role":"Customer service"}'`
}
