package diagnosis

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"

	"atriptoken/internal/probe"
)

const checkDomain = "check the domain's DNS record and certificate, and the route from here"

// refused sends requests that API Gateway must refuse.
func (s *subject) refused(ctx context.Context, forgeries ...probe.Forgery) Result {
	p := probe.Probe{URL: s.stack.outputs[outputURL], HTTP: *s.http}
	var answers []string
	for _, forgery := range forgeries {
		switch check := p.Send(ctx, forgery); check.Verdict {
		case probe.LetIn:
			return fail("%s: passes the gateway (%s)", check.Name, check.Answer).
				fix("the checks routes and authorizer name what was changed; if they pass: %s", s.stack.revert())
		case probe.Unclear:
			return fail("%s: no clear refusal (%s)", check.Name, check.Answer).fix("%s; see what is in front of the API", checkDomain)
		default:
			answers = append(answers, check.Name+": "+check.Answer)
		}
	}
	return pass("refused: %s", strings.Join(answers, "; "))
}

func noIdentity(ctx context.Context, s *subject) Result {
	return s.refused(ctx, probe.WithoutIdentity()...)
}

// forgedToken sends tokens with everything right except the signature.
func forgedToken(ctx context.Context, s *subject) Result {
	audience := strings.Join(s.authorizer.Audience[:min(1, len(s.authorizer.Audience))], "")
	return s.refused(ctx, probe.ForgedTokens(aws.ToString(s.authorizer.Issuer), audience)...)
}

// wrongAudience sends a genuine token for another application.
func wrongAudience(ctx context.Context, s *subject) Result {
	if s.options.WrongToken.Empty() {
		return skip("needs a token of the same issuer for another audience: -wrong-token-file")
	}
	return s.refused(ctx, probe.BearerToken("API, with a token for another audience", s.options.WrongToken.Reveal()))
}

// noOrigin is the list of template.yaml when no origin is allowed.
var noOrigin = []string{"https://none.invalid"}

// foreignOrigin is on no list: the name is reserved (RFC 2606).
const foreignOrigin = "https://doctor.invalid"

// cors checks that browsers may call from the intended pages and from no other.
func cors(ctx context.Context, s *subject) Result {
	id := s.stack.apiID()
	out, err := s.gateway.GetApi(ctx, &apigatewayv2.GetApiInput{ApiId: &id})
	if err != nil {
		return unread(err)
	}
	origin := s.options.Origin
	var allowed []string
	if out.CorsConfiguration != nil {
		allowed = out.CorsConfiguration.AllowOrigins
	}
	if slices.Equal(allowed, noOrigin) {
		allowed = nil
	}
	if i := slices.IndexFunc(allowed, func(o string) bool { return strings.Contains(o, "*") }); i >= 0 {
		return fail("CORS allows %s", allowed[i]).fix("list the pages' origins one by one in CorsOrigins")
	}
	if d := s.stack.differs("the list of origins", strings.Join(allowed, ","), "CorsOrigins"); d != "" {
		return fail("CORS was changed by hand: %s", d).fix("%s", s.stack.revert())
	}
	switch {
	case len(allowed) > 0:
	case origin != "":
		return fail("no page may call, and %s should", origin).fix("set CorsOrigins and deploy again")
	default:
		return skip("no page of another origin may call; set CorsOrigins if one should")
	}
	if origin == "" {
		origin = allowed[0]
	}
	for _, row := range []struct{ origin, want, fix string }{
		{origin, origin, "add the origin to CorsOrigins, as the browser writes it: scheme, host, port, no slash"},
		{foreignOrigin, "", s.stack.revert()},
	} {
		got, err := s.preflight(ctx, row.origin)
		if err != nil {
			return fail("no answer to a preflight: %s", connectionFault(err)).fix(checkDomain)
		}
		if got != row.want {
			return fail("a preflight from %s is answered with allowed origin %q, not %q", row.origin, oneLine(got), row.want).fix("%s", row.fix)
		}
	}
	return pass("%s may call, another origin may not", origin)
}

// preflight returns the origin that the API allows in answer to a preflight request from a page.
func (s *subject) preflight(ctx context.Context, origin string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, s.stack.outputs[outputURL], nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Origin", origin)
	request.Header.Set("Access-Control-Request-Method", http.MethodPost)
	request.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	response, err := s.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return response.Header.Get("Access-Control-Allow-Origin"), nil
}
