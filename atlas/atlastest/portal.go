package atlastest

import (
	"cmp"
	"crypto/rand"
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

const portalPath = "/portal/orders/"

//go:embed portal.html
var portalHTML string

var portalPage = template.Must(template.New("portal").Parse(portalHTML))

// link returns a url that shows who is signed in, once.
func (s *Server) link(who visit) string {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visits[token] = who
	base := cmp.Or(s.options.PublicURL, s.URL)
	return strings.TrimSuffix(base, "/") + portalPath + url.PathEscape(who.OrderNo) + "?token=" + token
}

func (s *Server) servePortal(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet { // a HEAD must not use the link up
		http.Error(w, "the portal takes GET", http.StatusMethodNotAllowed)
		return
	}
	token := r.URL.Query().Get("token")
	s.mu.Lock()
	who, ok := s.visits[token]
	delete(s.visits, token)
	s.mu.Unlock()

	if !ok {
		w.WriteHeader(http.StatusGone)
		_ = portalPage.Execute(w, nil)
		return
	}
	s.logf("portal: %q signed in as %q at order %q", who.UserName, who.Role, who.OrderNo)
	_ = portalPage.Execute(w, who)
}
