package atlastest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	sessionTTL = 30 * time.Minute
	portalPath = "/portal"
	ordersPath = portalPath + "/orders/"
)

//go:embed portal.css
var portalCSS string

//go:embed portal.html
var portalHTML string

var (
	portalPage = template.Must(template.New("portal").Parse(portalHTML))

	// portalPolicy admits the page's own style sheet, by its hash, and
	// nothing else: no script, no frame, no form, no other origin.
	portalPolicy = func() string {
		sum := sha256.Sum256([]byte(portalCSS))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
			"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	}()
)

// page is what portal.html shows.
type page struct {
	CSS     template.CSS
	Title   string
	Text    string
	Visit   *visit // nil when nobody is signed in
	Access  string // what the role may do
	Refused bool
}

// link returns a single-use url for who.
func (s *Server) link(who visit) string {
	return s.public.String() + portalPath + "?" + url.Values{"token": {s.links.issue(who)}}.Encode()
}

// servePortal answers a request under the portal's path and reports whether
// it was one.
func (s *Server) servePortal(w http.ResponseWriter, r *http.Request) bool {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.public.EscapedPath())
	order, isOrder := strings.CutPrefix(path, ordersPath)
	if !ok || path != portalPath && !isOrder {
		return false
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", portalPolicy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	switch {
	case r.Method != http.MethodGet:
		// HEAD too: whoever only looks at a link must not use it up.
		header.Set("Allow", http.MethodGet)
		s.show(w, http.StatusMethodNotAllowed, page{Title: "Open this link in a browser", Text: "This address takes GET only.", Refused: true})
	case isOrder:
		s.serveOrder(w, r, order)
	default:
		s.enter(w, r)
	}
	return true
}

// enter uses a link up and goes on to the order's page, so that the token
// stands neither in the address bar nor in the history.
func (s *Server) enter(w http.ResponseWriter, r *http.Request) {
	who, err := s.links.spend(r.URL.Query().Get("token"))
	if err != nil {
		s.options.Logf("atlastest: portal: link refused: %v", err)
		s.refuse(w, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(who.OrderNo), Value: s.sessions.issue(who), Path: s.public.Path + portalPath,
		HttpOnly: true, Secure: s.public.Scheme == "https",
		// Strict would keep the cookie from the redirect that follows a
		// click on another site.
		SameSite: http.SameSiteLaxMode,
	})
	s.options.Logf("atlastest: portal: %q signed in as %q at order %q", who.UserName, who.Role, who.OrderNo)
	w.Header().Set("Location", s.public.EscapedPath()+ordersPath+url.PathEscape(who.OrderNo))
	w.WriteHeader(http.StatusSeeOther)
}

// refuse shows why a link does not work: 410 for one that did, 403 else.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	const again = "Go back to your own system and open the order from there once more."
	switch {
	case errors.Is(err, errUsed):
		s.show(w, http.StatusGone, page{Title: "This link has been used", Text: "A link to the portal works once. " + again, Refused: true})
	case errors.Is(err, errExpired):
		s.show(w, http.StatusGone, page{Title: "This link has expired", Text: "A link to the portal works for a few minutes. " + again, Refused: true})
	default:
		s.show(w, http.StatusForbidden, page{Title: "This link is not valid", Text: "The portal does not know it. " + again, Refused: true})
	}
}

func (s *Server) serveOrder(w http.ResponseWriter, r *http.Request, escaped string) {
	order, err := url.PathUnescape(escaped)
	var who visit
	if err == nil {
		var cookie *http.Cookie
		if cookie, err = r.Cookie(cookieName(order)); err == nil {
			who, err = s.sessions.look(cookie.Value)
		}
	}
	if err != nil || who.OrderNo != order {
		s.show(w, http.StatusForbidden, page{
			Title: "You are not signed in", Text: "Open the order from your own system to sign in.", Refused: true,
		})
		return
	}
	s.show(w, http.StatusOK, page{Title: "Order " + who.OrderNo, Visit: &who, Access: access(who.Role)})
}

// access says what a role may do, after the roles' description in Atlas's
// OpenAPI document.
func access(role string) string {
	switch role {
	case "Customer service":
		return "orders and services after ticketing"
	case "Finance":
		return "balance and statements"
	case "Developer":
		return "system configuration"
	case "Admin":
		return "everything"
	}
	return "as the account defines it"
}

// cookieName is different for every order, so that orders open in two tabs
// keep a session each.
func cookieName(order string) string {
	sum := sha256.Sum256([]byte(order))
	return "atlastest-" + hex.EncodeToString(sum[:8])
}

func (s *Server) show(w http.ResponseWriter, code int, p page) {
	p.CSS = template.CSS(portalCSS) //nolint:gosec // embedded, not input
	var out bytes.Buffer
	if err := portalPage.Execute(&out, p); err != nil {
		http.Error(w, "the portal page failed", http.StatusInternalServerError)
		s.options.Logf("atlastest: portal: %v", err)
		return
	}
	w.Header().Set("Content-Type", htmlType)
	w.WriteHeader(code)
	_, _ = out.WriteTo(w)
}
